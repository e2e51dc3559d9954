import { LEVELS, matchesLog } from "../api/logs";
import type { ConnectionLogEntry, LogEntry, LogPage, RequestLogEntry } from "../api/model";
import { matchesRequest, type RequestFilter } from "../api/request-log";
import { iso } from "./samples";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

interface Sample {
  level: LogEntry["level"];
  message: string;
  fields?: Record<string, string | number>;
}

const AGENT_LINES: readonly Sample[] = [
  { level: "info", message: "session established", fields: { gateway: "gw.example.com", links: 4 } },
  { level: "info", message: "mappings synced", fields: { revision: 42, applied: 7, refused: 1 } },
  {
    level: "warn",
    message: "the target refused the connection",
    fields: { mapping: "Grafana", target: "192.168.1.31:3000", code: "target_refused" },
  },
  { level: "debug", message: "probe answered", fields: { mapping: "Photos", took_ms: 3.2 } },
  { level: "trace", message: "stream closed", fields: { stream: 4_711, sent: 18_220, received: 512 } },
  {
    level: "error",
    message: "the link broke: connection reset by peer (os error 104)",
    fields: { link: 2, peer: "203.0.113.7:443" },
  },
];

const GATEWAY_LINES: readonly Sample[] = [
  { level: "info", message: "agent connected", fields: { agent: "home", version: "0.1.0" } },
  {
    level: "info",
    message: "request",
    fields: { host: "photos.example.com", path: "/api/albums/41", status: 200, ms: 31.8 },
  },
  {
    level: "warn",
    message: "request failed: the service behind this address is not running",
    fields: { host: "grafana.example.com", code: "target_refused", status: 502 },
  },
  { level: "info", message: 'a visitor sent <b onclick="x()">markup</b> \u001b[31mand colours\u001b[0m' },
  { level: "debug", message: "link measured", fields: { agent: "home", round_trip_ms: 4.1 } },
];

/** A log as it is after a while, newest first. */
function lines(samples: readonly Sample[], count: number, now: number): LogEntry[] {
  return Array.from({ length: count }, (_, index): LogEntry => {
    const sample = samples[(index * 7 + (index % 3)) % samples.length] as Sample;
    return {
      id: count - index,
      timestamp: iso(now - index * 2_300 - (index % 5) * 111),
      level: sample.level,
      message: sample.message,
      fields: Object.fromEntries(
        Object.entries(sample.fields ?? {}).map(([name, value]) => [name, String(value)]),
      ),
    };
  });
}

export const sampleAgentLog = (now: number): LogEntry[] => [
  {
    id: 1_201,
    timestamp: iso(now),
    level: "debug",
    message: `settings as they stand: ${"name=value ".repeat(700)}`,
    fields: {},
  },
  ...lines(AGENT_LINES, 1_200, now - 1_000),
];

export const sampleGatewayLog = (now: number): LogEntry[] => lines(GATEWAY_LINES, 1_200, now);

/** Sessions, newest first; the newest stands. */
export function sampleConnections(now: number): ConnectionLogEntry[] {
  const ends = [
    ["transport_lost", "connection reset by peer (os error 104)"],
    ["silent", "No answer for 30 s: the network between may be down."],
    ["peer_stop", "The gateway said goodbye: it restarts."],
    ["local_stop", null],
    ["taken_over", "Another run of this agent took over."],
    ["process_ended", null],
    ["protocol_error", "The gateway sent a frame that is not valid here."],
  ] as const;
  let startedAt = now - 53 * HOUR;
  return Array.from({ length: 60 }, (_, index): ConnectionLogEntry => {
    const started = startedAt;
    const seconds = index % 4 === 1 ? 42 : 3_600 * (2 + (index % 9));
    startedAt -= (3_600 * (2 + ((index + 1) % 9)) + 60) * 1_000;
    const [reason, detail] = ends[index % ends.length] ?? ends[0];
    const stands = index === 0;
    const told = !stands && reason !== "process_ended";
    return {
      id: 60 - index,
      sessionId: `018f6b1e-7c2a-7d31-9a44-5e5510${String(60 - index).padStart(6, "0")}`,
      startedAt: iso(started),
      endedAt: told ? iso(started + seconds * 1_000) : null,
      durationSeconds: told ? seconds : null,
      endReason: stands ? null : reason,
      endDetail: stands ? null : detail,
      gatewayUrl: "wss://gw.example.com/tunnel",
      gatewayVersion: index > 40 ? "0.0.9" : "0.1.0",
      agentVersion: "0.1.0",
      transport: "websocket",
      links: index % 3 === 0 ? 4 : 1,
    };
  });
}

function slice<T extends { id: number }>(all: readonly T[], query: URLSearchParams) {
  const beforeId = Number(query.get("beforeId") ?? 0);
  const count = Math.min(5_000, Math.max(1, Number(query.get("count") ?? 1_000)));
  const found = beforeId > 0 ? all.filter((row) => row.id < beforeId) : all;
  const items = found.slice(0, count);
  const hasMore = found.length > count;
  return { items, hasMore, nextBeforeId: hasMore ? (items.at(-1)?.id ?? null) : null };
}

export function logPage(all: readonly LogEntry[], query: URLSearchParams): LogPage {
  const level = LEVELS.find((known) => known === query.get("level"));
  const q = query.get("search") ?? undefined;
  const { items, ...rest } = slice(
    all.filter((entry) => matchesLog({ level, q }, entry)),
    query,
  );
  return { success: true, error: null, logs: items, ...rest };
}

function between<T>(rows: readonly T[], query: URLSearchParams, at: (row: T) => string): T[] {
  const since = Date.parse(query.get("since") ?? "");
  const until = Date.parse(query.get("until") ?? "");
  return rows.filter((row) => !(Date.parse(at(row)) < since) && !(Date.parse(at(row)) >= until));
}

export function connectionPage(all: readonly ConnectionLogEntry[], query: URLSearchParams) {
  return slice(
    between(all, query, (row) => row.startedAt),
    query,
  );
}

export function requestPage(all: readonly RequestLogEntry[], query: URLSearchParams) {
  const filter: RequestFilter = {
    mapping: query.get("mappingId") ?? undefined,
    method: query.get("method") ?? undefined,
    status: (query.get("statusClass") ?? undefined) as RequestFilter["status"],
    path: query.get("path") ?? undefined,
    client: query.get("client") ?? undefined,
    q: query.get("search") ?? undefined,
  };
  return slice(
    between(
      all.filter((row) => matchesRequest(filter, row)),
      query,
      (row) => row.at,
    ),
    query,
  );
}

/** As the API writes it, with fewer columns. */
export function requestCsv(rows: readonly RequestLogEntry[]): Response {
  const lines = rows.map((row) => [row.id, row.at, row.method, row.host, row.path, row.status].join(","));
  return new Response(["id,at,method,host,path,status", ...lines, ""].join("\r\n"), {
    headers: { "content-type": "text/csv; charset=utf-8" },
  });
}
