import type {
  CaddyConfig,
  ConsoleEvent,
  GatewayUpdate,
  LandingPage,
  LiveStats,
  Mapping,
  MappingInput,
  ProblemBody,
  RequestLogEntry,
  Status,
  TargetCheck,
} from "../api/model";
import { queued, sampleCaddy } from "./gateway";
import {
  DEFAULT_PAGE,
  emptyStats,
  iso,
  sampleFailures,
  sampleMapping,
  sampleMappings,
  sampleRequest,
  sampleStats,
  sampleStatus,
} from "./samples";

/** How the mock console stands. */
export type Scenario = "busy" | "empty" | "offline" | "syncing" | "quiet" | "outdated";

export const MOCK_PASSWORD = "octopus";
const LOCK_AFTER = 5;
const LOCK_SECONDS = 60;

/** A console in memory that answers as the real one does; for development, pictures and tests. */
export class MockConsole {
  mappings: Mapping[];
  status: Status;
  stats: LiveStats;
  requests: RequestLogEntry[];
  landingPage: LandingPage = { html: DEFAULT_PAGE, hash: hashOf(DEFAULT_PAGE), isDefault: true };
  caddy: CaddyConfig = sampleCaddy();
  /** What the gateway says on a wish for an update; queued unless set. */
  updateAnswer: GatewayUpdate | undefined;
  /** Whether the cookies hold a session. */
  loggedIn = true;
  /** Whether the access cookie ran out while the refresh cookie still holds. */
  expired = false;
  /** Whether nothing answers at all. */
  away = false;
  username: string | undefined;
  refreshes = 0;
  failedLogins = 0;
  /** What was asked for, for tests. */
  readonly log: string[] = [];
  /** Answers to give instead of the usual ones, by "METHOD /path", once each. */
  readonly overrides = new Map<string, () => Response | Promise<Response>>();
  readonly #streams = new Set<(event: ConsoleEvent) => void>();

  constructor(scenario: Scenario = "busy", now: number = Date.now()) {
    const empty = scenario === "empty";
    this.mappings = empty ? [] : sampleMappings(now);
    this.status = sampleStatus(this.mappings, now);
    this.stats =
      empty || scenario === "quiet" ? emptyStats(now) : sampleStats(sampleFailures(this.mappings, now), now);
    this.requests = empty ? [] : this.#history(now);
    if (scenario === "offline") this.#goOffline(now);
    if (scenario === "outdated") {
      this.status = { ...this.status, gatewayVersion: "0.0.9", gatewayUpdateAvailable: true };
    }
    if (scenario === "syncing")
      this.status = { ...this.status, connectionStatus: "Syncing", uptimeSeconds: null };
  }

  #history(now: number): RequestLogEntry[] {
    return this.mappings
      .filter((mapping) => mapping.live.state === "ok")
      .flatMap((mapping) =>
        Array.from({ length: 30 }, (_, index) => sampleRequest(mapping, now - index * 17_000)),
      );
  }

  #goOffline(now: number): void {
    this.status = {
      ...this.status,
      connectionStatus: "Reconnecting",
      uptimeSeconds: null,
      lastDisconnected: iso(now - 95_000),
      reconnectAttempts: 6,
      lastError:
        "gw.example.com refused the connection: see that the gateway runs and that port 443 leads to it. Next try in 20 s.",
      links: [],
      transport: null,
      roundTripMs: null,
    };
    const live = {
      state: "agent_away",
      code: null,
      reason: "The agent is not connected to its gateway.",
    } as const;
    this.mappings = this.mappings.map((mapping) => (mapping.enabled ? { ...mapping, live } : mapping));
    this.stats = { ...this.stats, requestsPerSecond: 0, bytesPerSecond: 0 };
  }

  /** Listens to the events stream. */
  listen(listener: (event: ConsoleEvent) => void): () => void {
    this.#streams.add(listener);
    listener({ event: "status", data: this.status });
    return () => this.#streams.delete(listener);
  }

  emit(event: ConsoleEvent): void {
    for (const listener of this.#streams) listener(event);
  }

  setStatus(change: Partial<Status>): void {
    this.status = { ...this.status, ...change };
    this.emit({ event: "status", data: this.status });
  }

  /** A visitor's request that has just ended. */
  visit(mapping: Mapping, change: Partial<RequestLogEntry> = {}): RequestLogEntry {
    const request = sampleRequest(mapping, Date.now(), change);
    this.requests = [request, ...this.requests];
    this.emit({ event: "requests", data: { items: [request] } });
    return request;
  }

  async handle(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const route = `${request.method} ${pathname.slice(pathname.indexOf("/api/v1"))}`;
    this.log.push(route);
    if (this.away) throw new TypeError("Failed to fetch");
    const override = this.overrides.get(route);
    if (override) {
      this.overrides.delete(route);
      return override();
    }
    const open = await this.#withoutSession(route, request);
    if (open) return open;
    if (!this.loggedIn || this.expired) return problem(401, "unauthorized", "Log in first.");
    return (await this.#withSession(route, request)) ?? problem(404, "not_found", "There is no such path.");
  }

  async #withoutSession(route: string, request: Request): Promise<Response | undefined> {
    switch (route) {
      case "POST /api/v1/auth/login":
        return this.#logIn((await request.json()) as { password?: string; username?: string });
      case "POST /api/v1/auth/refresh":
        this.refreshes += 1;
        if (!this.loggedIn) return problem(401, "unauthorized", "Log in first.");
        this.expired = false;
        return json(session());
      case "POST /api/v1/auth/logout":
        this.loggedIn = false;
        return new Response(null, { status: 204 });
      default:
        return undefined;
    }
  }

  #logIn(body: { password?: string; username?: string }): Response {
    if (this.failedLogins >= LOCK_AFTER) {
      const answer = problem(429, "locked", "Too many failed attempts.", { retryAfterSeconds: LOCK_SECONDS });
      answer.headers.set("retry-after", String(LOCK_SECONDS));
      return answer;
    }
    if (this.username && !body.username) {
      return problem(400, "validation_failed", "A user name is needed.", {
        errors: { username: ["A user name is needed."] },
      });
    }
    if (body.password !== MOCK_PASSWORD || (this.username && body.username !== this.username)) {
      this.failedLogins += 1;
      return problem(401, "wrong_credentials", "Wrong password.");
    }
    this.failedLogins = 0;
    this.loggedIn = true;
    this.expired = false;
    return json(session());
  }

  async #withSession(route: string, request: Request): Promise<Response | undefined> {
    switch (route) {
      case "GET /api/v1/auth/me":
        return json({ username: "admin", credential: "cookie", expiresAt: session().expiresAt });
      case "GET /api/v1/capabilities":
        return json({
          side: "agent",
          version: this.status.version,
          features: ["mappings", "request-log", "connection-log", "landing-page"],
          gatewayNames: ["gw.example.com"],
          mappingKinds: ["http"],
        });
      case "GET /api/v1/status":
        return json(this.status);
      case "GET /api/v1/stats/live":
        return json(this.stats);
      case "POST /api/v1/reconnect":
        this.setStatus({ connectionStatus: "Reconnecting", reconnectAttempts: 1 });
        return json({ message: "Reconnecting." }, 202);
      case "GET /api/v1/logs/requests":
        return this.#requestPage(new URL(request.url).searchParams);
      case "GET /api/v1/gateway/caddy-config":
        return json(this.caddy);
      case "POST /api/v1/gateway/update":
        return json(this.updateAnswer ?? queued(this.status));
      case "POST /api/v1/mappings/test-target":
        return json(check((await request.json()) as MappingInput));
      default:
        return route.includes("/settings/")
          ? this.#settings(route, request)
          : this.#mappingRoutes(route, request);
    }
  }

  #requestPage(query: URLSearchParams): Response {
    const mappingId = query.get("mappingId");
    const found = this.requests.filter((one) => !mappingId || one.mappingId === mappingId);
    const count = Number(query.get("count") ?? 1_000);
    return json({ items: found.slice(0, count), hasMore: found.length > count, nextBeforeId: null });
  }

  async #settings(route: string, request: Request): Promise<Response | undefined> {
    switch (route) {
      case "GET /api/v1/settings/landing-page":
        return json(this.landingPage, 200, { etag: `"${this.landingPage.hash}"` });
      case "PUT /api/v1/settings/landing-page": {
        if (![null, `"${this.landingPage.hash}"`].includes(request.headers.get("if-match"))) {
          return problem(412, "stale", "The page was changed meanwhile.");
        }
        const { html } = (await request.json()) as { html: string };
        this.landingPage = { html, hash: hashOf(html), isDefault: false };
        return json(this.landingPage);
      }
      case "DELETE /api/v1/settings/landing-page":
        this.landingPage = { html: DEFAULT_PAGE, hash: hashOf(DEFAULT_PAGE), isDefault: true };
        return json(this.landingPage);
      default:
        return undefined;
    }
  }

  async #mappingRoutes(route: string, request: Request): Promise<Response | undefined> {
    const [, method, id, toggle] = /^(\w+) \/api\/v1\/mappings(?:\/([^/]+))?(\/toggle)?$/.exec(route) ?? [];
    if (!method) return undefined;
    if (!id)
      return method === "GET" ? json(this.mappings) : this.#create((await request.json()) as MappingInput);
    const known = this.mappings.find((mapping) => mapping.id === id);
    if (!known) return problem(404, "not_found", "There is no such mapping.");
    switch (method) {
      case "GET":
        return json(known, 200, { etag: tagOf(known) });
      case "PUT":
        if (![null, tagOf(known)].includes(request.headers.get("if-match"))) {
          return problem(412, "stale", "The mapping was changed meanwhile.");
        }
        return this.#replace(known, (await request.json()) as MappingInput);
      case "DELETE":
        this.mappings = this.mappings.filter((mapping) => mapping.id !== id);
        return new Response(null, { status: 204 });
      default:
        return toggle ? this.#toggle(known, (await request.json()) as { enabled: boolean }) : undefined;
    }
  }

  #create(input: MappingInput): Response {
    const wrong = this.#refusal(input);
    if (wrong) return wrong;
    const mapping = sampleMapping(resourceOf(input), Date.now());
    this.mappings = [...this.mappings, mapping];
    return json(mapping, 201);
  }

  #replace(known: Mapping, input: MappingInput): Response {
    const wrong = this.#refusal(input, known.id);
    if (wrong) return wrong;
    const next = { ...known, ...resourceOf(input), updatedAt: iso(Date.now()) };
    this.mappings = this.mappings.map((mapping) => (mapping.id === known.id ? next : mapping));
    return json(next);
  }

  #toggle(known: Mapping, { enabled }: { enabled: boolean }): Response {
    const live = { state: enabled ? ("ok" as const) : ("disabled" as const), code: null, reason: null };
    const next: Mapping = { ...known, enabled, live };
    this.mappings = this.mappings.map((mapping) => (mapping.id === known.id ? next : mapping));
    return json(next);
  }

  #refusal(input: MappingInput, self?: string): Response | undefined {
    const errors: Record<string, string[]> = {};
    if (!/^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*$/i.test(input.externalDomain)) {
      errors["externalDomain"] = [`"${input.externalDomain}" is not a legal part of a domain.`];
    }
    if (!input.pathPrefix?.startsWith("/"))
      errors["pathPrefix"] = ["a path prefix begins with '/', as in /api"];
    if (Object.keys(errors).length > 0) {
      return problem(400, "validation_failed", "Some fields are not valid.", { errors });
    }
    const holder = this.mappings.find(
      (one) =>
        one.id !== self && one.externalDomain === input.externalDomain && one.pathPrefix === input.pathPrefix,
    );
    if (!holder) return undefined;
    const text = `${input.externalDomain} is taken by the mapping “${holder.name}”.`;
    return problem(409, "duplicate_endpoint", text, {
      errors: { externalDomain: [text] },
      holder: { id: holder.id, name: holder.name },
    });
  }
}

function resourceOf(input: MappingInput): Partial<Mapping> {
  const enabled = input.enabled ?? true;
  return {
    name: input.name ?? input.externalDomain,
    externalDomain: input.externalDomain,
    pathPrefix: input.pathPrefix ?? "/",
    stripPrefix: input.stripPrefix ?? false,
    internalHost: input.internalHost,
    internalPort: input.internalPort,
    internalProtocol: input.internalProtocol === "Https" ? "Https" : "Http",
    allowInvalidCertificates: input.allowInvalidCertificates ?? false,
    hostHeader: input.hostHeader ?? "keep",
    compression: input.compression === "on" || input.compression === "off" ? input.compression : "auto",
    enabled,
    publicUrl: `https://${input.externalDomain}${input.pathPrefix ?? "/"}`,
    sync: { state: "pending", code: null, reason: null },
    live: { state: enabled ? "unknown" : "disabled", code: null, reason: null },
  };
}

function check(input: MappingInput): TargetCheck {
  const target = `${(input.internalProtocol ?? "http").toLowerCase()}://${input.internalHost}:${input.internalPort}`;
  const base = { target, durationMs: 3.4 };
  if (input.internalPort === 9) {
    return {
      ...base,
      success: false,
      state: "down",
      code: "target_refused",
      message: `${input.internalHost}:${input.internalPort} refused the connection.`,
      hint: "Start the service, or correct host and port of the mapping.",
      address: null,
      httpStatus: null,
    };
  }
  return {
    ...base,
    success: true,
    state: "up",
    code: null,
    message: "The target answered.",
    hint: null,
    address: `192.168.1.5:${input.internalPort}`,
    httpStatus: 200,
  };
}

function session() {
  const expiresAt = iso(Date.now() + 900_000);
  return { token: "mock", expiresAt, refreshToken: "mock", refreshExpiresAt: iso(Date.now() + 604_800_000) };
}

/** Not MD5, but as long and different for different pages. */
function hashOf(html: string): string {
  let hash = 2_166_136_261;
  for (const letter of html) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 16_777_619);
  return (hash >>> 0).toString(16).padStart(8, "0").repeat(4);
}

function tagOf(mapping: Mapping): string {
  return `"${Date.parse(mapping.updatedAt)}"`;
}

function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
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
