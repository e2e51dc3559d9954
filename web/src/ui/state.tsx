import type { ReactNode } from "react";
import { cx } from "./classes";

/** What a state means to its reader. `moving` is a state that will pass by itself. */
export type Tone = "good" | "warn" | "bad" | "unknown" | "moving";

const DOT: Record<Tone, string> = {
  good: "bg-good",
  warn: "bg-warn",
  bad: "bg-bad",
  unknown: "border-[1.5px] border-unknown",
  moving: "bg-warn breathe",
};

export const TONE_TEXT: Record<Tone, string> = {
  good: "text-good",
  warn: "text-warn",
  bad: "text-bad",
  unknown: "text-muted",
  moving: "text-warn",
};

/** The dot alone, for places where the word stands beside it already. */
export function StateDot({ tone, className }: { tone: Tone; className?: string }): ReactNode {
  return (
    <span
      aria-hidden="true"
      className={cx("inline-block size-2 shrink-0 rounded-full", DOT[tone], className)}
    />
  );
}

/** Dot and word: never a colour alone. */
export function State({
  tone,
  children,
  title,
  className,
}: {
  tone: Tone;
  children: ReactNode;
  title?: string | undefined;
  className?: string;
}): ReactNode {
  return (
    <span title={title} className={cx("inline-flex min-w-0 items-center gap-2 text-sm", className)}>
      <StateDot tone={tone} />
      <span className={cx("truncate", tone === "unknown" ? "text-muted" : "text-ink")}>{children}</span>
    </span>
  );
}
