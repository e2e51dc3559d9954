import { bodyOf, client } from "./client";
import type { LogEntry, LogLevel, LogSource } from "./model";
import type { TailPage } from "./tail";

/** Least to most severe. */
export const LEVELS = ["trace", "debug", "info", "warn", "error"] as const satisfies readonly LogLevel[];

export interface LogFilter {
  /** This or more severe. */
  level?: LogLevel | undefined;
  /** Contained in the message or in a field, whatever its case. */
  q?: string | undefined;
}

/** Lines of a page: the window shows some forty. */
const PAGE = 500;

/** The level in three letters, as it stands in the list. */
export const LEVEL_CHIPS: Record<LogLevel, string> = {
  trace: "TRC",
  debug: "DBG",
  info: "INF",
  warn: "WRN",
  error: "ERR",
};

/** A level that this page does not know is shown as information. */
export function levelOf(level: string): LogLevel {
  return LEVELS.find((known) => known === level.toLowerCase()) ?? "info";
}

interface LogQuery {
  level?: LogLevel;
  search?: string;
  beforeId?: number;
  count: number;
}

function getLogs(source: LogSource, query: LogQuery, signal: AbortSignal) {
  const options = { signal, params: { query } };
  return bodyOf(
    source === "agent"
      ? client.GET("/api/v1/agent/logs", options)
      : client.GET("/api/v1/gateway/logs", options),
  );
}

export function loadLogs(source: LogSource, { level, q }: LogFilter) {
  const filter = { ...(level ? { level } : {}), ...(q ? { search: q } : {}) };
  return async (beforeId: number | undefined, signal: AbortSignal): Promise<TailPage<LogEntry>> => {
    const page = await getLogs(source, { ...filter, count: PAGE, ...(beforeId ? { beforeId } : {}) }, signal);
    return { items: page.logs, hasMore: page.hasMore, nextBeforeId: page.nextBeforeId };
  };
}

/** One line, when it is still kept. */
export async function logById(source: LogSource, id: number, signal: AbortSignal): Promise<LogEntry | null> {
  const page = await getLogs(source, { beforeId: id + 1, count: 1 }, signal);
  return page.logs.find((entry) => entry.id === id) ?? null;
}

/** Whether the API would give this line for the filter: news are sorted out here by the same rules. */
export function matchesLog({ level, q }: LogFilter, entry: LogEntry): boolean {
  if (level && LEVELS.indexOf(levelOf(entry.level)) < LEVELS.indexOf(level)) return false;
  if (!q) return true;
  const words = q.toLowerCase();
  return [entry.message, ...Object.entries(entry.fields).flat()].some((text) =>
    text.toLowerCase().includes(words),
  );
}

/** The whole line as text, to be pasted elsewhere. */
export function lineText(entry: LogEntry): string {
  const fields = Object.entries(entry.fields).map(([name, value]) => ` ${name}=${value}`);
  return `${entry.timestamp} ${LEVEL_CHIPS[levelOf(entry.level)]} ${entry.message}${fields.join("")}`;
}
