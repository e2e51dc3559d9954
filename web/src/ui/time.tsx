import type { ReactNode } from "react";
import { useNow } from "./clock";
import { absolute, ago } from "./format";

/** A relative time that moves on by itself; the absolute one is its title. */
export function Ago({ at, className }: { at: string; className?: string }): ReactNode {
  const now = useNow();
  const time = Date.parse(at);
  return (
    <time dateTime={at} title={absolute(time)} className={className}>
      {ago(time, now)}
    </time>
  );
}
