import type { ReactNode } from "react";
import type { LiveStats } from "../../api/model";
import { bytesPerSecond, milliseconds, percent, short } from "../../ui/format";
import { Skeleton } from "../../ui/skeleton";
import { Sparkline } from "../../ui/sparkline";

type Bucket = LiveStats["buckets"][number];

interface Figure {
  label: string;
  /** Over which time the large figure is. */
  over: string;
  value: (stats: LiveStats) => number | null;
  at: (bucket: Bucket, seconds: number) => number | null;
  show: (value: number) => string;
  floor?: number;
  ceiling?: number;
}

const FIGURES: readonly Figure[] = [
  {
    label: "Requests/s",
    over: "last minute",
    value: (stats) => stats.requestsPerSecond,
    at: (bucket, seconds) => bucket.requests / seconds,
    show: short,
  },
  {
    label: "Success rate",
    over: "15 minutes",
    value: (stats) => stats.successRate,
    at: (bucket) => (bucket.requests === 0 ? null : 1 - bucket.errors / bucket.requests),
    show: percent,
    floor: 0,
    ceiling: 1,
  },
  {
    label: "p95",
    over: "15 minutes",
    value: (stats) => stats.p95Ms,
    at: (bucket) => bucket.p95Ms,
    show: milliseconds,
  },
  {
    label: "Bytes/s",
    over: "last minute",
    value: (stats) => stats.bytesPerSecond,
    at: (bucket, seconds) => (bucket.bytesToTargets + bucket.bytesToVisitors) / seconds,
    show: bytesPerSecond,
  },
];

const CLOCK = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

/** Four figures, each with its last 15 minutes. */
export function Figures({ stats }: { stats: LiveStats | undefined }): ReactNode {
  return (
    <div className="grid grid-cols-2 gap-y-6 md:grid-cols-4">
      {FIGURES.map((figure, index) => (
        <div
          key={figure.label}
          className={`min-w-0 ${index % 2 === 0 ? "pr-4" : "border-l pl-4"} md:border-l md:px-5 md:first:border-l-0 md:first:pl-0 md:last:pr-0`}
        >
          <FigurePart figure={figure} stats={stats} />
        </div>
      ))}
    </div>
  );
}

function FigurePart({ figure, stats }: { figure: Figure; stats: LiveStats | undefined }): ReactNode {
  const value = stats ? figure.value(stats) : null;
  // The newest bucket is still filling and would always look like a fall.
  const whole = stats?.buckets.slice(0, -1) ?? [];
  return (
    <>
      <p className="flex items-baseline justify-between gap-2 text-sm">
        <span className="font-medium">{figure.label}</span>
        <span className="truncate text-xs text-muted">{figure.over}</span>
      </p>
      {stats ? (
        <p className="figures mt-1 truncate text-2xl leading-8 font-medium">
          {value === null ? <span className="text-muted">–</span> : figure.show(value)}
        </p>
      ) : (
        <Skeleton className="mt-2.5 mb-2 !h-5 w-20" />
      )}
      <div className="mt-2">
        <Sparkline
          label={`${figure.label}, the last 15 minutes${value === null ? "" : `; now ${figure.show(value)}`}`}
          start="15 min ago"
          values={whole.map((bucket) => figure.at(bucket, stats?.bucketSeconds ?? 1))}
          {...(figure.floor === undefined ? {} : { floor: figure.floor })}
          {...(figure.ceiling === undefined ? {} : { ceiling: figure.ceiling })}
          describe={(point, index) =>
            `${figure.show(point)} at ${CLOCK.format(Date.parse(whole[index]?.at ?? ""))}`
          }
        />
      </div>
    </>
  );
}
