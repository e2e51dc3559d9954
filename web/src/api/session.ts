import { basePath } from "./base";
import { alone } from "./lease";
import { ServerAway } from "./problem";

/**
 * The session lives in two HttpOnly cookies that this page cannot read. An access cookie that ran out shows as a 401;
 * then the session is renewed once, however many requests (and tabs) noticed at the same time, and each is sent again.
 */

type Renewal = "renewed" | "ended";

let underway: Promise<Renewal> | undefined;
const listeners = new Set<() => void>();

/** Calls back when the session cannot be renewed: somebody has to log in. */
export function onSessionEnd(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const at = (route: string) => new URL(`${basePath}/api/v1/auth/${route}`, window.location.origin);

async function send(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    if (request.signal.aborted) throw error;
    throw new ServerAway({ cause: error });
  }
}

async function renew(): Promise<Renewal> {
  // Another tab may have renewed it while this one waited for its turn.
  const me = await send(new Request(at("me"), { credentials: "same-origin" }));
  if (me.ok) return "renewed";
  const headers = { "content-type": "application/json" };
  const body = { method: "POST", credentials: "same-origin", headers, body: "{}" } as const;
  const response = await send(new Request(at("refresh"), body));
  if (response.ok) return "renewed";
  // Only a clear refusal ends the session; a proxy's 502 or a store that is away does not.
  if (response.status < 500) return "ended";
  throw new ServerAway();
}

/** Renews the session; callers at the same time share one attempt. */
export function renewSession(): Promise<Renewal> {
  underway ??= alone(renew).finally(() => {
    underway = undefined;
  });
  return underway;
}

const OPEN_ROUTES = ["/api/v1/auth/login", "/api/v1/auth/refresh", "/api/v1/auth/logout"];

/** `fetch` for the API: renews the session when it ran out, and sends the request again. */
export async function sessionFetch(request: Request): Promise<Response> {
  const again = request.clone();
  const response = await send(request);
  if (response.status !== 401) return response;
  const path = new URL(request.url).pathname;
  if (OPEN_ROUTES.some((route) => path.endsWith(route))) return response;
  if ((await renewSession()) === "renewed") {
    const second = await send(again);
    if (second.status !== 401) return second;
  }
  for (const listener of listeners) listener();
  return response;
}
