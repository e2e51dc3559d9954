import { bodyOf, client } from "./client";
import type { ConnectionLogEntry } from "./model";
import { type Range, span } from "./request-log";
import type { TailPage } from "./tail";

/** Which sessions. What is left out does not narrow. */
export interface ConnectionFilter {
  range?: Range | undefined;
  /** With `range` "custom": when the session began. RFC 3339. */
  since?: string | undefined;
  until?: string | undefined;
  /** Why it ended; `standing` for those that have not. */
  end?: EndReason | "standing" | undefined;
}

/** Why sessions end, in words. */
export const END_REASONS = {
  local_stop: "Agent stopped",
  peer_stop: "Gateway stopped",
  taken_over: "Taken over",
  silent: "Went silent",
  transport_lost: "Connection lost",
  protocol_error: "Protocol error",
  process_ended: "Agent process ended",
} as const;
export type EndReason = keyof typeof END_REASONS;

export const isEnd = (value: unknown): value is EndReason | "standing" =>
  typeof value === "string" && (value === "standing" || value in END_REASONS);

/** The reason in words; a newer agent's code without its underscores. */
export function endWords(reason: string): string {
  return reason in END_REASONS ? END_REASONS[reason as EndReason] : reason.replaceAll("_", " ");
}

const PAGE = 200;

export function loadConnections(filter: ConnectionFilter) {
  return async (beforeId: number | undefined, signal: AbortSignal): Promise<TailPage<ConnectionLogEntry>> => {
    const query = { ...span(filter), count: PAGE, ...(beforeId ? { beforeId } : {}) };
    return bodyOf(client.GET("/api/v1/logs/connections", { signal, params: { query } }));
  };
}

/** Whether the API would give this row for the span of time; the reason is sorted out of what has been loaded. */
export function matchesSpan(filter: ConnectionFilter, row: ConnectionLogEntry): boolean {
  const { since, until } = span(filter);
  const at = Date.parse(row.startedAt);
  return (!since || at >= Date.parse(since)) && (!until || at < Date.parse(until));
}

export function matchesEnd({ end }: ConnectionFilter, row: ConnectionLogEntry): boolean {
  if (!end) return true;
  return end === "standing" ? row.endReason === null : row.endReason === end;
}

/** One session, when it is still kept. */
export async function connectionById(id: number, signal: AbortSignal): Promise<ConnectionLogEntry | null> {
  const query = { beforeId: id + 1, count: 1 };
  const page = await bodyOf(client.GET("/api/v1/logs/connections", { signal, params: { query } }));
  return page.items.find((row) => row.id === id) ?? null;
}
