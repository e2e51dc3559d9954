import type { ReactNode } from "react";
import type { RequestLogEntry } from "../../api/model";
import { cx } from "../../ui/classes";
import { milliseconds, percent } from "../../ui/format";

interface Hop {
  name: string;
  about: string;
  ms: number;
  color: string;
}

/** Where the time of a request went, in order. */
export function hops(request: RequestLogEntry): Hop[] {
  const { gatewayMs, firstByteMs, tunnelMs = null, targetMs = null, totalMs } = request;
  const gateway = {
    name: "Gateway",
    about: "until the head was on its way to the agent",
    ms: Math.min(gatewayMs, totalMs),
    color: "bg-warn",
  };
  const rest = Math.max(0, totalMs - gateway.ms);
  if (firstByteMs === null) {
    return [
      gateway,
      {
        name: "Waiting",
        about: "no answer came",
        ms: rest,
        color: "bg-[repeating-linear-gradient(45deg,var(--bad)_0_3px,transparent_3px_6px)]",
      },
    ];
  }
  const answer = {
    name: "Answer",
    about: "its body, to the end",
    ms: Math.max(0, rest - firstByteMs),
    color: "bg-good",
  };
  if (tunnelMs === null || targetMs === null) {
    const both = { name: "Tunnel and target", about: "until the answer's first byte", color: "bg-accent" };
    return [gateway, { ...both, ms: firstByteMs }, answer];
  }
  return [
    gateway,
    { name: "Tunnel", about: "there and back, as last measured", ms: tunnelMs, color: "bg-muted" },
    { name: "Target", about: "and agent, until the answer's first byte", ms: targetMs, color: "bg-accent" },
    answer,
  ];
}

/** The hops as one bar and as figures. */
export function Timing({ request }: { request: RequestLogEntry }): ReactNode {
  const parts = hops(request);
  const whole = parts.reduce((sum, part) => sum + part.ms, 0) || 1;
  return (
    <section aria-label="Timing" className="mt-5">
      <div className="mb-2 flex items-baseline justify-between">
        <h3 className="text-sm font-semibold">Timing</h3>
        <span className="figures text-sm">{milliseconds(request.totalMs)}</span>
      </div>
      <div aria-hidden="true" className="flex h-2.5 gap-px overflow-hidden rounded-sm bg-hover">
        {parts.map((part) => (
          <span
            key={part.name}
            className={cx("min-w-px", part.color)}
            style={{ flexGrow: part.ms / whole, flexBasis: 0 }}
          />
        ))}
      </div>
      <ul className="mt-2 text-sm">
        {parts.map((part) => (
          <li
            key={part.name}
            className="grid grid-cols-[0.75rem_minmax(0,1fr)_5rem_3.5rem] items-baseline gap-x-2 py-1"
          >
            <span aria-hidden="true" className={cx("size-2 rounded-full", part.color)} />
            <span className="min-w-0">
              {part.name} <span className="text-xs text-muted">{part.about}</span>
            </span>
            <span className="figures text-right">{milliseconds(part.ms)}</span>
            <span className="figures text-right text-muted">{percent(part.ms / whole)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
