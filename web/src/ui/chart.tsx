import { type KeyboardEvent, type ReactNode, useEffect, useRef, useState, useSyncExternalStore } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { isDark, useTheme } from "./theme";

const HEIGHT = 148;
const FONT = '11px "Geist Mono Variable", ui-monospace, monospace';

export type Scale = "number" | "share" | "bytes";

/** Steps of an axis for bytes: 1, 2, 5 and so on of each unit would be 97.7 KiB. */
const BYTE_STEPS = Array.from({ length: 50 }, (_, index) => 2 ** index);

/** A line of a chart. */
export interface Line {
  name: string;
  colour: "accent" | "bad" | "muted";
  /** One a moment; null is a gap. */
  values: readonly (number | null)[];
}

interface ChartProps {
  /** What it is, for those who do not see it. */
  label: string;
  /** Moments, Unix milliseconds, oldest first. */
  at: readonly number[];
  lines: readonly Line[];
  /** How a value is written, at the axis and at the cursor. */
  show: (value: number) => string;
  /** What the axis measures: a share ends at 1, bytes are told in powers of 1024. */
  scale?: Scale;
  /** How a moment is written at the axis. */
  tick: (at: number) => string;
  /** How a moment is written at the cursor. */
  moment: (at: number) => string;
}

/** A canvas knows no variables: what the style sheet makes of one. */
function colourOf(element: HTMLElement, variable: string): string {
  // A new element, since one that is there may be on its way from one colour to the other.
  const probe = document.createElement("span");
  probe.style.color = `var(--${variable})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

function options(host: HTMLElement, props: ChartProps, onCursor: (index: number | null) => void) {
  const { lines, show, scale = "number", tick } = props;
  const axis = { font: FONT, stroke: () => colourOf(host, "muted"), ticks: { show: false } };
  const grid = { stroke: () => colourOf(host, "line"), width: 1 };
  return {
    width: host.clientWidth || 320,
    height: HEIGHT,
    legend: { show: false },
    ms: 1 as const,
    cursor: { y: false, drag: { setScale: false, x: false, y: false }, points: { size: 5 } },
    scales: {
      x: { time: true },
      y: { range: (_: uPlot, low: number | null, high: number | null) => rangeOf(scale, low, high) },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 24,
        space: 64,
        values: (_: uPlot, at: number[]) => at.map(tick),
      },
      {
        ...axis,
        grid,
        size: 78,
        space: 36,
        ...(scale === "bytes" ? { incrs: BYTE_STEPS } : {}),
        values: (_: uPlot, values: number[]) => values.map((value) => (value === 0 ? "0" : show(value))),
      },
    ],
    series: [
      {},
      ...lines.map(({ name, colour }) => ({
        label: name,
        stroke: () => colourOf(host, colour),
        width: 1.5,
        spanGaps: false,
        points: {
          show: true,
          size: 4,
          fill: () => colourOf(host, colour),
          filter: (plot: uPlot, index: number) => alone(plot.data[index] ?? []),
        },
      })),
    ],
    hooks: { setCursor: [(plot: uPlot) => onCursor(plot.cursor.idx ?? null)] },
  } satisfies uPlot.Options;
}

/** Where the values stand that no line leads to: they are drawn as dots. */
export function alone(values: ArrayLike<number | null | undefined>): number[] {
  const known = (index: number) => values[index] !== null && values[index] !== undefined;
  return Array.from(values, (_, index) => index).filter(
    (index) => known(index) && !known(index - 1) && !known(index + 1),
  );
}

/** From 0 on; but a share is near 1, and what it lacks is to be seen. */
export function rangeOf(scale: Scale, low: number | null, high: number | null): [number, number] {
  if (scale === "share") return [Math.min(0.9, Math.floor((low ?? 1) * 20) / 20), 1];
  return [0, high ? high * 1.08 : 1];
}

function dataOf({ at, lines }: ChartProps): uPlot.AlignedData {
  return [[...at], ...lines.map((line) => [...line.values])];
}

/** Whether the page is dark, however that came about. */
function useDark(): boolean {
  useTheme();
  return useSyncExternalStore((listener) => {
    const query = window.matchMedia("(prefers-color-scheme: dark)");
    query.addEventListener("change", listener);
    return () => query.removeEventListener("change", listener);
  }, isDark);
}

/** Thin lines over time, with axes and a cursor that tells the values; gaps are gaps. */
export default function Chart(props: ChartProps): ReactNode {
  const { at, lines, label, show, moment } = props;
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const newest = useRef(props);
  newest.current = props;
  const [cursor, setCursor] = useState<number | null>(null);
  const dark = useDark();
  const shape = lines.map((line) => `${line.name} ${line.colour}`).join();

  // biome-ignore lint/correctness/useExhaustiveDependencies: colours are read when it is drawn, lines when it is made.
  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const made = new uPlot(options(element, newest.current, setCursor), dataOf(newest.current), element);
    plot.current = made;
    const observer = new ResizeObserver(() => {
      made.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [dark, shape]);

  useEffect(() => {
    plot.current?.setData(dataOf({ at, lines } as ChartProps));
  }, [at, lines]);

  /** The keyboard's cursor. */
  const move = (event: KeyboardEvent) => {
    const last = at.length - 1;
    const from = cursor ?? last;
    const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: last, Escape: null }[event.key];
    if (to === undefined || last < 0) return;
    event.preventDefault();
    const index = to === null ? null : Math.min(last, Math.max(0, to));
    setCursor(index);
    const left = index === null ? -10 : (plot.current?.valToPos(at[index] ?? 0, "x") ?? -10);
    plot.current?.setCursor({ left, top: 0 }, false);
  };

  const time = cursor === null ? undefined : at[cursor];
  const told = lines.map(({ name, values }) => {
    const value = cursor === null ? null : values[cursor];
    return `${name} ${value === null || value === undefined ? "no data" : show(value)}`;
  });
  const text = time === undefined ? label : `${moment(time)}: ${told.join(", ")}`;
  return (
    <div>
      <div
        ref={host}
        role="slider"
        tabIndex={0}
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={Math.max(0, at.length - 1)}
        aria-valuenow={cursor ?? Math.max(0, at.length - 1)}
        aria-valuetext={text}
        className="chart min-w-0 overflow-hidden rounded-sm"
        onKeyDown={move}
        onBlur={() => setCursor(null)}
        style={{ height: HEIGHT }}
      />
      <p aria-hidden="true" className="figures mt-1 flex h-4 gap-x-3 text-2xs leading-4 text-muted">
        {time === undefined ? (
          lines.length > 1 && lines.map((line) => <Key key={line.name} line={line} />)
        ) : (
          <>
            <span className="truncate">{moment(time)}</span>
            <span className="ml-auto truncate text-ink">{told.join(" · ")}</span>
          </>
        )}
      </p>
    </div>
  );
}

const KEY: Record<Line["colour"], string> = { accent: "bg-accent", bad: "bg-bad", muted: "bg-muted" };

function Key({ line }: { line: Line }): ReactNode {
  return (
    <span className="flex items-center gap-1.5">
      <span className={`h-0.5 w-3 ${KEY[line.colour]}`} />
      {line.name}
    </span>
  );
}
