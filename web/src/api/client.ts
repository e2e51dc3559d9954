import createClient from "openapi-fetch";
import { basePath } from "./base";
import { Problem } from "./problem";
import type { paths } from "./schema";
import { sessionFetch } from "./session";

/** The typed client; its types come from the API's own document. */
export const client = createClient<paths>({
  baseUrl: `${window.location.origin}${basePath}`,
  credentials: "same-origin",
  fetch: sessionFetch,
});

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The answer's body, or a `Problem`. */
export async function bodyOf<T>(answer: Promise<Answer<T>>): Promise<NonNullable<T>> {
  const { data, error, response } = await answer;
  if (!response.ok || data === undefined || data === null) throw Problem.from(response, error);
  return data;
}

/** Waits for an answer that has no body. */
export async function done(answer: Promise<Answer<unknown>>): Promise<void> {
  const { error, response } = await answer;
  if (!response.ok) throw Problem.from(response, error);
}
