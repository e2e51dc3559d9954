import type { LiveEvent } from "../api/live";
import type {
  CaddyConfig,
  ConnectionLogEntry,
  DiagnoseInput,
  GatewayUpdate,
  LandingPage,
  LiveStats,
  LogEntry,
  LogSource,
  Mapping,
  MappingInput,
  RequestLogEntry,
  Status,
  TargetCheck,
} from "../api/model";
import { json, problem } from "./answers";
import { diagnosis } from "./diagnosis";
import { queued, sampleCaddy } from "./gateway";
import { mockHistory, mockSummary, type Past } from "./history";
import { transfers } from "./import-export";
import {
  connectionPage,
  logPage,
  requestCsv,
  requestPage,
  sampleAgentLog,
  sampleConnections,
  sampleGatewayLog,
} from "./logs";
import {
  defaultPage,
  emptyStats,
  iso,
  sampleFailures,
  sampleMapping,
  sampleMappings,
  samplePage,
  sampleRequest,
  sampleStats,
  sampleStatus,
  tagOf,
} from "./samples";

export { problem };

/** How the mock console stands. */
export type Scenario = "busy" | "empty" | "offline" | "syncing" | "quiet" | "outdated";

export const MOCK_PASSWORD = "octopus";
const HISTORY = 1_500;
const LOCK_AFTER = 5;
const LOCK_SECONDS = 60;

/** A console in memory that answers as the real one does; for development, pictures and tests. */
export class MockConsole {
  mappings: Mapping[];
  status: Status;
  stats: LiveStats;
  /** Newest first, as the rest of the logs. */
  requests: RequestLogEntry[];
  connections: ConnectionLogEntry[];
  logs: Record<LogSource, LogEntry[]>;
  landingPage: LandingPage = defaultPage();
  /** What was recorded in the past. */
  past: Past = "busy";
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
  /** What logs were asked for. */
  readonly queries: URLSearchParams[] = [];
  /** Answers to give instead of the usual ones, by "METHOD /path": those to a GET until they are deleted, others once. */
  readonly overrides = new Map<string, () => Response | Promise<Response>>();
  readonly #streams = new Set<(event: LiveEvent) => void>();

  constructor(scenario: Scenario = "busy", now: number = Date.now()) {
    const empty = scenario === "empty";
    this.mappings = empty ? [] : sampleMappings(now);
    this.status = sampleStatus(this.mappings, now);
    const history = empty ? [] : this.#history(now);
    this.stats =
      empty || scenario === "quiet" ? emptyStats(now) : sampleStats(sampleFailures(this.mappings, now), now);
    this.requests = [...this.stats.newestFailures, ...history].toSorted((a, b) => b.id - a.id);
    this.connections = empty ? [] : sampleConnections(now);
    this.logs = empty
      ? { agent: [], gateway: [] }
      : { agent: sampleAgentLog(now), gateway: sampleGatewayLog(now) };
    if (empty) this.past = "none";
    if (scenario === "offline") this.#goOffline(now);
    if (scenario === "outdated") {
      this.status = { ...this.status, gatewayVersion: "0.0.9", gatewayUpdateAvailable: true };
    }
    if (scenario === "syncing")
      this.status = { ...this.status, connectionStatus: "Syncing", uptimeSeconds: null };
  }

  #history(now: number): RequestLogEntry[] {
    const served = this.mappings.filter((mapping) => mapping.live.state === "ok");
    const rows = Array.from({ length: HISTORY }, (_, index) => {
      const mapping = served[index % served.length];
      return mapping ? [sampleRequest(mapping, now - (HISTORY - index) * 4_300)] : [];
    });
    return rows.flat();
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
  listen(listener: (event: LiveEvent) => void): () => void {
    this.#streams.add(listener);
    listener({ event: "status", data: this.status });
    return () => this.#streams.delete(listener);
  }

  emit(event: LiveEvent): void {
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

  /** A line that one of the processes has just written. */
  write(source: LogSource, change: Partial<LogEntry> = {}): LogEntry {
    const entry: LogEntry = {
      id: (this.logs[source][0]?.id ?? 0) + 1,
      timestamp: iso(Date.now()),
      level: "info",
      message: "something happened",
      fields: {},
      ...change,
    };
    this.logs[source] = [entry, ...this.logs[source]];
    this.emit({ event: "log", data: { source, items: [entry] } });
    return entry;
  }

  /** A session that began or ended. */
  connect(session: ConnectionLogEntry): void {
    const others = this.connections.filter((one) => one.id !== session.id);
    this.connections = [session, ...others].toSorted((a, b) => b.id - a.id);
    this.emit({ event: "connection", data: session });
  }

  async handle(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const route = `${request.method} ${pathname.slice(pathname.indexOf("/api/v1"))}`;
    this.log.push(route);
    if (this.away) throw new TypeError("Failed to fetch");
    const override = this.overrides.get(route);
    if (override) {
      // A page asks again by itself; a change is made once.
      if (request.method !== "GET") this.overrides.delete(route);
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
          features: ["mappings", "request-log", "connection-log", "landing-page", "import-export"],
          gatewayNames: ["gw.example.com"],
          mappingKinds: ["http"],
        });
      case "GET /api/v1/status":
        return json(this.status);
      case "GET /api/v1/stats/live":
        return json(this.stats);
      case "GET /api/v1/stats/history":
        return json(mockHistory(new URL(request.url).searchParams, this.past, Date.now()));
      case "GET /api/v1/stats/summary":
        return json(mockSummary(this.past, Date.now()));
      case "POST /api/v1/reconnect":
        this.setStatus({ connectionStatus: "Reconnecting", reconnectAttempts: 1 });
        return json({ message: "Reconnecting." }, 202);
      case "GET /api/v1/gateway/caddy-config":
        return json(this.caddy);
      case "POST /api/v1/gateway/update":
        return json(this.updateAnswer ?? queued(this.status));
      case "POST /api/v1/mappings/test-target":
        return json(check((await request.json()) as MappingInput));
      case "POST /api/v1/test/diagnose":
        return this.#diagnose((await request.json()) as DiagnoseInput);
      default:
        if (route.includes("/import-export/")) return transfers(this, route, request);
        if (route.includes("/logs")) return this.#logs(route, request);
        return route.includes("/settings/")
          ? this.#settings(route, request)
          : this.#mappingRoutes(route, request);
    }
  }

  #diagnose(input: DiagnoseInput): Response {
    if (!/^https?:\/\//i.test(input.url)) {
      const text = "A URL begins with http:// or https://.";
      return problem(400, "validation_failed", text, { errors: { url: [text] } });
    }
    return json(diagnosis(input, this.mappings, Date.now()));
  }

  #logs(route: string, request: Request): Response | undefined {
    const query = new URL(request.url).searchParams;
    switch (route) {
      case "GET /api/v1/logs/requests": {
        this.queries.push(query);
        const page = requestPage(this.requests, query);
        return request.headers.get("accept") === "text/csv" ? requestCsv(page.items) : json(page);
      }
      case "GET /api/v1/logs/connections":
        this.queries.push(query);
        return json(connectionPage(this.connections, query));
      case "GET /api/v1/agent/logs":
        this.queries.push(query);
        return json(logPage(this.logs.agent, query));
      case "GET /api/v1/gateway/logs":
        this.queries.push(query);
        if (this.status.connectionStatus !== "Connected") {
          return problem(503, "agent_away", "The gateway is not connected.");
        }
        return json(logPage(this.logs.gateway, query));
      default:
        return undefined;
    }
  }

  async #settings(route: string, request: Request): Promise<Response | undefined> {
    const isSeen = [null, `"${this.landingPage.hash}"`].includes(request.headers.get("if-match"));
    const stale = isSeen ? undefined : problem(412, "stale", "The page was changed meanwhile.");
    switch (route) {
      case "GET /api/v1/settings/landing-page":
        return json(this.landingPage, 200, { etag: `"${this.landingPage.hash}"` });
      case "PUT /api/v1/settings/landing-page": {
        if (stale) return stale;
        const { html } = (await request.json()) as { html: string };
        this.landingPage = samplePage(html);
        return json(this.landingPage);
      }
      case "DELETE /api/v1/settings/landing-page":
        if (stale) return stale;
        this.landingPage = defaultPage();
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
