import type { StatsHistory, StatsSummary } from "../api/model";
import { iso } from "./samples";

/** Figures of the past as the mock console keeps them: a household's days, with a night in which the agent did not run. */

const HOUR = 3_600_000;
const STEPS = { minute: 60_000, hour: HOUR, day: 24 * HOUR } as const;

type Point = StatsHistory["points"][number];
type Figures = Omit<Point, "at">;

/** What the mock console has recorded. */
export type Past = "busy" | "none";

function slice(at: number, seconds: number, now: number): Figures | null {
  const hours = (now - at) / HOUR;
  if ((hours > 15 && hours < 17) || (hours > 100 && hours < 120)) return null;
  // Measured from now, so that the sums are the same whenever somebody looks.
  const day = 1 + 0.7 * Math.sin((hours / 24) * 2 * Math.PI) + 0.2 * Math.sin(hours);
  const requests = Math.round(2.4 * seconds * Math.max(0.05, day));
  const trouble = hours > 5 && hours < 6;
  const errors = Math.round(requests * (trouble ? 0.15 : 0.001));
  const connectedSeconds = trouble ? seconds * 0.9 : seconds;
  return {
    requests,
    errors,
    classes: { "1xx": 0, "2xx": requests - errors, "3xx": 0, "4xx": 0, "5xx": errors },
    bytesToTargets: requests * 900,
    bytesToVisitors: Math.round(requests * 61_000 * day),
    meanMs: 70,
    p50Ms: 38 + 12 * day,
    p95Ms: 180 + 90 * day + (trouble ? 700 : 0),
    observedSeconds: seconds,
    connectedSeconds,
  };
}

function points(from: number, to: number, ms: number, now: number): Point[] {
  const found: Point[] = [];
  for (let at = from - (from % ms); at < to; at += ms) {
    const figures = slice(at, Math.min(ms, now - at) / 1_000, now);
    if (figures) found.push({ at: iso(at), ...figures });
  }
  return found;
}

export function mockHistory(query: URLSearchParams, past: Past, now: number): StatsHistory {
  const step = (query.get("step") ?? "hour") as keyof typeof STEPS;
  const group = Number(query.get("group") ?? 1);
  const ms = STEPS[step] * group;
  const from = Date.parse(query.get("from") ?? iso(now - 24 * HOUR));
  return {
    from: iso(from - (from % ms)),
    to: iso(now),
    step,
    group,
    pointSeconds: ms / 1_000,
    mapping: query.get("mapping"),
    points: past === "none" ? [] : points(from, now, ms, now),
  };
}

const NONE: Figures = {
  requests: 0,
  errors: 0,
  classes: { "1xx": 0, "2xx": 0, "3xx": 0, "4xx": 0, "5xx": 0 },
  bytesToTargets: 0,
  bytesToVisitors: 0,
  meanMs: null,
  p50Ms: null,
  p95Ms: null,
  observedSeconds: 0,
  connectedSeconds: 0,
};

export function mockSummary(past: Past, now: number): StatsSummary {
  const targets = { successRate: 0.995, uptime: 0.999 };
  const ranges = (
    [
      ["24h", 24],
      ["7d", 7 * 24],
      ["30d", 30 * 24],
    ] as const
  ).map(([range, hours]) => {
    const from = now - hours * HOUR;
    const parts = past === "none" ? [] : points(from, now, HOUR, now);
    const sum = (of: (point: Point) => number) => parts.reduce((total, point) => total + of(point), 0);
    const [requests, errors] = [sum((point) => point.requests), sum((point) => point.errors)];
    const [observed, connected] = [
      sum((point) => point.observedSeconds),
      sum((point) => point.connectedSeconds),
    ];
    const successRate = requests > 0 ? 1 - errors / requests : null;
    const uptime = observed > 0 ? connected / observed : null;
    return {
      ...NONE,
      range,
      from: iso(from),
      requests,
      errors,
      observedSeconds: observed,
      connectedSeconds: connected,
      successRate,
      successMet: successRate === null ? null : successRate >= targets.successRate,
      uptime,
      uptimeMet: uptime === null ? null : uptime >= targets.uptime,
    };
  });
  return { now: iso(now), targets, mapping: null, ranges };
}
