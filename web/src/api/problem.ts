import type { ProblemBody } from "./model";

/** The API said no, and why. */
export class Problem extends Error {
  override readonly name = "Problem";

  constructor(
    readonly status: number,
    /** Stable, for machines. */
    readonly code: string,
    message: string,
    /** Messages by field, for a form. */
    readonly fields: Readonly<Record<string, readonly string[]>>,
    readonly requestId: string | undefined,
    /** Seconds to wait, when the API said so. */
    readonly retryAfter: number | undefined,
  ) {
    super(message);
  }

  static from(response: Response, body: unknown): Problem {
    const problem = isProblem(body) ? body : undefined;
    const wait = problem?.retryAfterSeconds ?? Number.parseInt(response.headers.get("retry-after") ?? "", 10);
    return new Problem(
      response.status,
      problem?.code ?? `http_${response.status}`,
      problem?.detail ?? problem?.title ?? `The console answered ${response.status}.`,
      problem?.errors ?? {},
      problem?.requestId,
      Number.isNaN(wait) ? undefined : wait,
    );
  }
}

/** No answer at all: the console is not running, or the network between is down. */
export class ServerAway extends Error {
  override readonly name = "ServerAway";

  constructor(options?: ErrorOptions) {
    super("The console does not answer. See that it runs and that this device reaches it.", options);
  }
}

function isProblem(body: unknown): body is Partial<ProblemBody> {
  return typeof body === "object" && body !== null && ("code" in body || "title" in body || "detail" in body);
}

/** What to show for any error. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "Something failed that has no description.";
}
