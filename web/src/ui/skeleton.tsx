import type { ReactNode } from "react";
import { cx } from "./classes";

/** A grey bar where a text will be. */
export function Skeleton({ className }: { className?: string }): ReactNode {
  return <span aria-hidden="true" className={cx("breathe block h-3.5 rounded-sm bg-line", className)} />;
}
