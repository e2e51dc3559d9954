import { bodyOf, client } from "./client";
import { lastId } from "./csv";
import type { RequestLogEntry } from "./model";
import type { TailPage } from "./tail";

/** Which requests. What is left out does not narrow. */
export interface RequestFilter {
  mapping?: string | undefined;
  method?: string | undefined;
  status?: StatusClass | undefined;
  /** Path begins with this. */
  path?: string | undefined;
  client?: string | undefined;
  /** Host, path or request id contains this. */
  q?: string | undefined;
  range?: Range | undefined;
  /** With `range` "custom". RFC 3339. */
  since?: string | undefined;
  until?: string | undefined;
}

export const STATUS_CLASSES = ["2xx", "3xx", "4xx", "5xx"] as const;
export type StatusClass = (typeof STATUS_CLASSES)[number];

/** Stretches of time that end now, in milliseconds; `custom` has its own ends. */
export const RANGES = { "15m": 900_000, "1h": 3_600_000, "24h": 86_400_000, "7d": 604_800_000, custom: 0 };
export type Range = keyof typeof RANGES;

export const isRange = (value: unknown): value is Range => typeof value === "string" && value in RANGES;

/** Rows of a page: some screens full, so that scrolling rarely waits. */
const PAGE = 500;
/** Most rows that the API gives in one answer. */
const MOST_A_PAGE = 5_000;
/** Most rows of a CSV file, for the browser's memory. */
export const MOST_IN_CSV = 200_000;

/** The moments of a range, for the API. */
export function span(filter: Pick<RequestFilter, "range" | "since" | "until">): {
  since?: string;
  until?: string;
} {
  const { range, since, until } = filter;
  if (!range) return {};
  if (range === "custom") return { ...(since ? { since } : {}), ...(until ? { until } : {}) };
  return { since: new Date(Date.now() - RANGES[range]).toISOString() };
}

function queryOf(filter: RequestFilter) {
  const { mapping, method, status, path, client: address, q } = filter;
  return {
    ...(mapping ? { mappingId: mapping } : {}),
    ...(method ? { method } : {}),
    ...(status ? { statusClass: status } : {}),
    ...(path ? { path } : {}),
    ...(address ? { client: address } : {}),
    ...(q ? { search: q } : {}),
    ...span(filter),
  };
}

export function loadRequests(filter: RequestFilter) {
  return async (beforeId: number | undefined, signal: AbortSignal): Promise<TailPage<RequestLogEntry>> => {
    const query = { ...queryOf(filter), count: PAGE, ...(beforeId ? { beforeId } : {}) };
    return bodyOf(client.GET("/api/v1/logs/requests", { signal, params: { query } }));
  };
}

/** Whether the API would give this row for the filter: news are sorted out here by the same rules. */
export function matchesRequest(filter: RequestFilter, row: RequestLogEntry): boolean {
  const { mapping, method, status, path, client: address, q } = filter;
  const at = Date.parse(row.at);
  const { since, until } = span(filter);
  return (
    (!mapping || row.mappingId === mapping) &&
    (!method || row.method.toUpperCase() === method.toUpperCase()) &&
    (!status || Math.floor(row.status / 100) === Number(status[0])) &&
    (!path || row.path.startsWith(path)) &&
    (!address || row.client === address) &&
    (!q || [row.host, row.path, row.requestId].some((field) => field.includes(q))) &&
    (!since || at >= Date.parse(since)) &&
    (!until || at < Date.parse(until))
  );
}

/** One row, when it is still kept. */
export async function requestById(id: number, signal: AbortSignal): Promise<RequestLogEntry | null> {
  const query = { beforeId: id + 1, count: 1 };
  const page = await bodyOf(client.GET("/api/v1/logs/requests", { signal, params: { query } }));
  return page.items.find((row) => row.id === id) ?? null;
}

/** The rows of a filter as a CSV file; `onCount` hears how many there are so far. */
export async function requestsAsCsv(filter: RequestFilter, onCount: (count: number) => void): Promise<Blob> {
  const query = queryOf(filter);
  const parts: string[] = [];
  let beforeId: number | undefined;
  let count = 0;
  for (;;) {
    const text = await csvPage({ ...query, ...(beforeId ? { beforeId } : {}) });
    const end = text.indexOf("\n") + 1;
    parts.push(parts.length === 0 ? text : text.slice(end));
    const { id, rows } = lastId(text.slice(end));
    count += rows;
    onCount(count);
    if (rows < MOST_A_PAGE || id === undefined || count >= MOST_IN_CSV) break;
    beforeId = id;
  }
  return new Blob(parts, { type: "text/csv" });
}

function csvPage(query: ReturnType<typeof queryOf> & { beforeId?: number }): Promise<string> {
  const answer = client.GET("/api/v1/logs/requests", {
    headers: { accept: "text/csv" },
    params: { query: { ...query, count: MOST_A_PAGE } },
    parseAs: "text",
  });
  return bodyOf(answer);
}
