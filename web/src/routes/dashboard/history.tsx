import { useQuery } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense, useMemo } from "react";
import { type HistoryPoint, historyQuery, RANGES, type Range, wholeRange } from "../../api/history";
import type { StatsHistory } from "../../api/model";
import { LoadError } from "../../layout/load-error";
import type { Line, Scale } from "../../ui/chart";
import { bytesPerSecond, milliseconds, percent, short } from "../../ui/format";
import { Empty } from "../../ui/notice";
import { Skeleton } from "../../ui/skeleton";

const Chart = lazy(() => import("../../ui/chart"));

interface Drawing {
  title: string;
  show: (value: number) => string;
  scale?: Scale;
  lines: readonly {
    name: string;
    colour: Line["colour"];
    of: (point: HistoryPoint, seconds: number) => number | null;
  }[];
}

const DRAWINGS: readonly Drawing[] = [
  {
    title: "Requests/s",
    show: short,
    lines: [
      { name: "all", colour: "accent", of: (point, seconds) => point.requests / seconds },
      { name: "failed", colour: "bad", of: (point, seconds) => point.errors / seconds },
    ],
  },
  {
    title: "Success rate",
    show: percent,
    scale: "share",
    lines: [
      {
        name: "success",
        colour: "accent",
        of: ({ requests, errors }) => (requests === 0 ? null : 1 - errors / requests),
      },
    ],
  },
  {
    title: "Time of requests",
    show: milliseconds,
    lines: [
      { name: "p95", colour: "accent", of: (point) => point.p95Ms },
      { name: "p50", colour: "muted", of: (point) => point.p50Ms },
    ],
  },
  {
    title: "Bytes/s",
    show: bytesPerSecond,
    scale: "bytes",
    lines: [
      { name: "to visitors", colour: "accent", of: (point, seconds) => point.bytesToVisitors / seconds },
      { name: "to targets", colour: "muted", of: (point, seconds) => point.bytesToTargets / seconds },
    ],
  },
  {
    title: "Tunnel connected",
    show: percent,
    scale: "share",
    lines: [
      {
        name: "connected",
        colour: "accent",
        of: ({ observedSeconds, connectedSeconds }) =>
          observedSeconds === 0 ? null : connectedSeconds / observedSeconds,
      },
    ],
  },
];

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const MOMENT = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });

/** Figures of a day, a week or a month, each as a chart. */
export function HistoryCharts({ range }: { range: Range }): ReactNode {
  const history = useQuery(historyQuery(range));
  const { words } = RANGES[range];
  if (history.isError && !history.data) return <LoadError what="The history" query={history} />;
  if (!history.data) return <Loading />;
  if (history.data.points.length === 0) {
    return (
      <Empty title="Nothing recorded yet" className="border-t">
        The agent keeps figures from the moment that it runs; those of the last {words} appear here.
      </Empty>
    );
  }
  return <Charts history={history.data} range={range} />;
}

function Charts({ history, range }: { history: StatsHistory; range: Range }): ReactNode {
  const slices = useMemo(() => wholeRange(history), [history]);
  const at = useMemo(() => slices.map((slice) => slice.at), [slices]);
  const drawn = useMemo(
    () =>
      DRAWINGS.map((drawing) => ({
        ...drawing,
        lines: drawing.lines.map(({ name, colour, of }) => ({
          name,
          colour,
          values: slices.map(({ point, seconds }) => (point ? of(point, seconds) : null)),
        })),
      })),
    [slices],
  );
  const tick = range === "24h" ? CLOCK : DATE;
  return (
    <div className="grid grid-cols-1 gap-x-10 gap-y-6 lg:grid-cols-2">
      {drawn.map(({ title, show, scale, lines }) => (
        <div key={title} className="min-w-0 lg:last:col-span-2">
          <h3 className="mb-1 text-sm font-medium">{title}</h3>
          <Suspense fallback={<Skeleton className="!h-37 w-full" />}>
            <Chart
              label={`${title}, the last ${RANGES[range].words}`}
              at={at}
              lines={lines}
              show={show}
              {...(scale ? { scale } : {})}
              tick={(moment) => tick.format(moment)}
              moment={(moment) => MOMENT.format(moment)}
            />
          </Suspense>
        </div>
      ))}
    </div>
  );
}

function Loading(): ReactNode {
  return (
    <div
      role="status"
      aria-label="Loading the history"
      className="grid grid-cols-1 gap-x-10 gap-y-6 lg:grid-cols-2"
    >
      {DRAWINGS.map(({ title }) => (
        <div key={title}>
          <Skeleton className="mb-3 w-24" />
          <Skeleton className="!h-37 w-full" />
        </div>
      ))}
    </div>
  );
}
