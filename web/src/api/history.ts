import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { bodyOf, client } from "./client";
import type { StatsHistory } from "./model";

/** Ranges of time that the console keeps figures of. */
export const RANGES = {
  "24h": { words: "24 hours", ms: 24 * 3_600_000, step: "minute", group: 10 },
  "7d": { words: "7 days", ms: 7 * 86_400_000, step: "hour", group: 1 },
  "30d": { words: "30 days", ms: 30 * 86_400_000, step: "hour", group: 6 },
} as const;

export type Range = keyof typeof RANGES;

/** The newest slice fills up; milliseconds. */
const EVERY_MS = 30_000;
/** Who comes back to the page wants to see what happened meanwhile; milliseconds. */
const STALE_MS = 1_000;

/** Figures of a range, some 150 points. */
export function historyQuery(range: Range) {
  const { ms, step, group } = RANGES[range];
  return queryOptions({
    queryKey: ["stats-history", range],
    queryFn: ({ signal }) => {
      const query = { from: new Date(Date.now() - ms).toISOString(), step, group };
      return bodyOf(client.GET("/api/v1/stats/history", { params: { query }, signal }));
    },
    refetchInterval: EVERY_MS,
    staleTime: STALE_MS,
  });
}

/** Success rate and uptime against their targets. */
export const summaryQuery = queryOptions({
  queryKey: ["stats-summary"],
  queryFn: ({ signal }) => bodyOf(client.GET("/api/v1/stats/summary", { signal })),
  refetchInterval: EVERY_MS,
  staleTime: STALE_MS,
  placeholderData: keepPreviousData,
});

export type HistoryPoint = StatsHistory["points"][number];

/** A slice of the range. */
export interface Slice {
  at: number;
  /** Over which time its rates are: that in which the agent ran, since the rest is not known. */
  seconds: number;
  point: HistoryPoint | null;
}

/** Every slice of the range, with null where there is no point: a chart shows these as gaps. */
export function wholeRange(history: StatsHistory): Slice[] {
  const step = history.pointSeconds * 1_000;
  const known = new Map(history.points.map((point) => [Date.parse(point.at), point]));
  const slices: Slice[] = [];
  for (let at = Date.parse(history.from); at < Date.parse(history.to); at += step) {
    const point = known.get(at) ?? null;
    slices.push({ at, seconds: point?.observedSeconds || history.pointSeconds, point });
  }
  return slices;
}
