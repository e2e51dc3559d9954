import type { ReactNode } from "react";

/** The colour of an HTTP status; the figure itself is the word beside it. */
export function statusTone(status: number): string {
  if (status >= 500) return "text-bad";
  if (status >= 400) return "text-warn";
  return "text-good";
}

export function StatusCode({ status }: { status: number }): ReactNode {
  return <span className={`figures ${statusTone(status)}`}>{status}</span>;
}
