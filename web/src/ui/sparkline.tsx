import { type PointerEvent, type ReactNode, useState } from "react";

const WIDTH = 240;
const HEIGHT = 44;
/** Room above and below, so that a line at its limit is drawn whole. */
const PAD = 3;

interface SparklineProps {
  /** Oldest first; null where nothing was measured, which is drawn as a gap. */
  values: readonly (number | null)[];
  /** What it is, for those who do not see it. */
  label: string;
  /** What stands at the left end of the axis. */
  start: string;
  /** Lowest and highest of the axis; the highest grows with the values. */
  floor?: number;
  ceiling?: number;
  /** What the cursor says about a value. */
  describe: (value: number, index: number) => string;
}

interface Point {
  x: number;
  y: number;
}

/** Cuts the values at their gaps; a lone value becomes a short dash. */
function runs(points: readonly (Point | null)[]): Point[][] {
  const found: Point[][] = [[]];
  for (const point of points) {
    if (point) found.at(-1)?.push(point);
    else if (found.at(-1)?.length) found.push([]);
  }
  return found.filter((run) => run.length > 0);
}

function pathOf(run: Point[]): string {
  const [first, ...rest] = run;
  if (!first) return "";
  const end =
    rest.length === 0 ? `h0.01` : rest.map(({ x, y }) => `L${x.toFixed(1)} ${y.toFixed(1)}`).join("");
  return `M${first.x.toFixed(1)} ${first.y.toFixed(1)}${end}`;
}

/** A thin line without a fill, with a cursor that tells the value. */
export function Sparkline({ values, label, start, floor = 0, ceiling, describe }: SparklineProps): ReactNode {
  const [at, setAt] = useState<number | null>(null);
  const known = values.filter((value) => value !== null);
  const top = Math.max(ceiling ?? 0, floor + Number.EPSILON, ...known);
  const step = WIDTH / Math.max(1, values.length - 1);
  const points = values.map((value, index) =>
    value === null
      ? null
      : { x: index * step, y: HEIGHT - PAD - ((value - floor) / (top - floor || 1)) * (HEIGHT - 2 * PAD) },
  );
  const cursor = at === null ? null : points[at];
  const value = at === null ? null : values[at];

  const follow = (event: PointerEvent<SVGSVGElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const index = Math.round(((event.clientX - box.left) / box.width) * (values.length - 1));
    setAt(Math.min(values.length - 1, Math.max(0, index)));
  };

  return (
    <div>
      <svg
        role="img"
        aria-label={label}
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        className="block h-11 w-full overflow-visible"
        onPointerMove={follow}
        onPointerLeave={() => setAt(null)}
      >
        <path
          d={`M0 ${HEIGHT - 0.5}H${WIDTH}`}
          className="stroke-line"
          strokeWidth={1}
          vectorEffect="non-scaling-stroke"
        />
        {runs(points).map((run) => (
          <path
            key={run[0]?.x}
            d={pathOf(run)}
            fill="none"
            className="stroke-accent"
            strokeWidth={1.5}
            strokeLinecap="round"
            strokeLinejoin="round"
            vectorEffect="non-scaling-stroke"
          />
        ))}
        {cursor && (
          <path
            d={`M${cursor.x} 0V${HEIGHT}`}
            className="stroke-line-strong"
            strokeWidth={1}
            vectorEffect="non-scaling-stroke"
          />
        )}
      </svg>
      <p aria-hidden="true" className="figures mt-1 flex h-4 justify-between text-2xs leading-4 text-muted">
        {at === null ? (
          <>
            <span>{start}</span>
            <span>now</span>
          </>
        ) : (
          <span className="ml-auto text-ink">
            {value === null || value === undefined ? "no data" : describe(value, at)}
          </span>
        )}
      </p>
    </div>
  );
}
