import type { ReactNode } from "react";
import { LEVEL_CHIPS, levelOf } from "../api/logs";
import type { LogLevel } from "../api/model";
import { cx } from "./classes";

const TONES: Record<LogLevel, string> = {
  trace: "text-muted",
  debug: "text-muted",
  info: "text-accent",
  warn: "text-warn",
  error: "font-semibold text-bad",
};

/** A level in three letters. */
export function LevelChip({ level }: { level: string }): ReactNode {
  const known = levelOf(level);
  return (
    <span title={level} className={cx("font-mono text-xs", TONES[known])}>
      {LEVEL_CHIPS[known]}
    </span>
  );
}
