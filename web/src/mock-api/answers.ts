import type { ProblemBody } from "../api/model";

export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json", ...headers },
  });
}

export function problem(
  status: number,
  code: string,
  detail: string,
  more: Partial<ProblemBody> = {},
): Response {
  const body = {
    type: "about:blank",
    title: code,
    status,
    detail,
    message: detail,
    code,
    requestId: "mock-0001",
    ...more,
  };
  return new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/problem+json" },
  });
}
