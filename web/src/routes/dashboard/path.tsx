import { Cable, Globe, type LucideIcon, RadioTower, Server, X } from "lucide-react";
import type { ReactNode } from "react";
import { cx } from "../../ui/classes";
import { Skeleton } from "../../ui/skeleton";
import { TONE_TEXT, type Tone } from "../../ui/state";
import type { Hop, Path, Station, StationName } from "./path-model";
import "./path.css";

const ICON: Record<StationName, LucideIcon> = {
  Visitors: Globe,
  Gateway: RadioTower,
  Agent: Cable,
  Targets: Server,
};

const RING: Record<Tone, string> = {
  good: "border-good text-good",
  warn: "border-warn text-warn",
  bad: "border-bad text-bad",
  unknown: "border-line-strong border-dashed text-muted",
  moving: "border-warn text-warn",
};

const HOP_WORD: Record<Hop["state"], string> = {
  carries: "carries requests",
  idle: "stands, no request in the last minute",
  forming: "is being made",
  broken: "broken",
  unknown: "unknown",
};

/** The way from visitors to targets as one line of stations; it is broken where it is broken. */
export function PathPicture({ path }: { path: Path | undefined }): ReactNode {
  if (!path) return <PathSkeleton />;
  const { stations, hops } = path;
  return (
    <ol
      aria-label="Path of a request"
      className="grid md:grid-cols-[minmax(0,1.25fr)_minmax(0,2.1fr)_minmax(0,1.35fr)_minmax(8.5rem,auto)]"
    >
      {stations.map((station, index) => (
        <PathPart key={station.name} station={station} hop={hops[index]} />
      ))}
    </ol>
  );
}

function PathPart({ station, hop }: { station: Station; hop: Hop | undefined }): ReactNode {
  const Icon = ICON[station.name];
  return (
    <li className="grid grid-cols-[2.25rem_minmax(0,1fr)] gap-x-3 md:grid-cols-[2.25rem_minmax(0,1fr)] md:grid-rows-[2.25rem_auto] md:gap-x-0">
      <span
        title={`${station.name}: ${station.word}`}
        className={cx(
          "flex size-9 items-center justify-center rounded-full border-[1.5px] bg-ground",
          RING[station.tone],
        )}
      >
        <Icon size={16} strokeWidth={1.75} aria-hidden="true" />
      </span>
      <div className="min-w-0 pt-1.5 md:col-span-2 md:row-start-2 md:pt-2.5 md:pr-3">
        <p className="text-sm font-medium">
          {station.name}
          <span className="sr-only">: {station.word}</span>
        </p>
        {station.lines.map((line) => (
          <p key={line} className="truncate font-mono text-xs text-muted" title={line}>
            {line}
          </p>
        ))}
      </div>
      {hop && <HopPart hop={hop} />}
    </li>
  );
}

function HopPart({ hop }: { hop: Hop }): ReactNode {
  const broken = hop.state === "broken";
  return (
    <>
      <span
        aria-hidden="true"
        className="relative my-1 flex min-h-10 justify-center md:col-start-2 md:row-start-1 md:mx-2 md:my-0 md:min-h-0 md:flex-col"
      >
        <span className="hop-line min-h-full md:min-h-0" data-state={hop.state} />
        {broken && (
          <span className="absolute top-1/2 left-1/2 flex size-5 -translate-1/2 items-center justify-center rounded-full bg-surface text-bad">
            <X size={16} strokeWidth={2.5} />
          </span>
        )}
      </span>
      <div className="my-1 flex min-w-0 flex-col justify-center md:relative md:col-start-2 md:row-start-1 md:mx-2 md:my-0 md:block">
        <p
          className={cx(
            "figures truncate text-xs md:absolute md:inset-x-0 md:text-center",
            broken ? `${TONE_TEXT.bad} md:bottom-[calc(50%+11px)]` : "text-muted md:bottom-[calc(50%+5px)]",
          )}
        >
          <span className="sr-only">
            {hop.name} {HOP_WORD[hop.state]}.{" "}
          </span>
          {broken ? `${hop.name.toLowerCase()} broken` : hop.figures.join(" · ")}
        </p>
      </div>
    </>
  );
}

/** The reasons, beside the picture: one sentence a hop that does not carry everything. */
export function PathReasons({ path }: { path: Path | undefined }): ReactNode {
  const reasons = (path?.hops ?? []).filter((hop) => hop.reason);
  if (reasons.length === 0) return null;
  return (
    <ul className="mt-4 space-y-1.5 border-t pt-3">
      {reasons.map((hop) => (
        <li key={hop.name} className="flex items-baseline gap-2 text-sm">
          <span className={cx("shrink-0 font-medium", hop.state === "broken" ? "text-bad" : "text-warn")}>
            {hop.name}
          </span>
          <span className="min-w-0 break-words">{hop.reason}</span>
        </li>
      ))}
    </ul>
  );
}

function PathSkeleton(): ReactNode {
  return (
    <div className="flex flex-col gap-6 md:flex-row" role="status" aria-label="Loading the path">
      {["Visitors", "Gateway", "Agent", "Targets"].map((name) => (
        <div key={name} className="flex-1">
          <Skeleton className="!size-9 !rounded-full" />
          <Skeleton className="mt-3 w-20" />
          <Skeleton className="mt-2 w-28" />
        </div>
      ))}
    </div>
  );
}
