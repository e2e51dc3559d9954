import { ArrowUp } from "lucide-react";
import type { ReactNode } from "react";
import { messageOf } from "../api/problem";
import type { TailState } from "../api/tail";
import { Button } from "../ui/button";
import { cx } from "../ui/classes";
import { Skeleton } from "../ui/skeleton";

const WIDTHS = ["w-3/5", "w-2/5", "w-1/2", "w-2/3", "w-1/3", "w-1/2", "w-3/5", "w-2/5"];

/** Rows that are on their way. */
export function RowsSkeleton({ label }: { label: string }): ReactNode {
  return (
    <div role="status" aria-label={label} className="min-h-0 flex-1 overflow-hidden border-t">
      {WIDTHS.map((width, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: grey bars have no other identity.
        <div key={at} className="flex h-9 items-center gap-6 border-b">
          <Skeleton className="w-8" />
          <Skeleton className={width} />
          <Skeleton className="ml-auto w-14" />
        </div>
      ))}
    </div>
  );
}

/** Shows what came meanwhile. */
export function NewButton({
  count,
  what,
  onShow,
}: {
  count: number;
  /** One and many of them. */
  what: readonly [one: string, many: string];
  onShow: () => void;
}): ReactNode {
  if (count === 0) return null;
  return (
    <Button
      variant="primary"
      icon={ArrowUp}
      onClick={onShow}
      className="rise absolute top-11 left-1/2 z-20 !h-8 -translate-x-1/2 shadow-raised max-md:top-2"
    >
      {count.toLocaleString("en-US")} new {what[count === 1 ? 0 : 1]}
    </Button>
  );
}

/** Under a list: how many rows there are, and how it stands with older ones. */
export function TailFoot({
  state,
  what,
  shown = state.rows.length,
  onMore,
  className,
}: {
  state: TailState<unknown>;
  what: readonly [one: string, many: string];
  /** Rows that are shown, where not all are. */
  shown?: number;
  onMore: () => void;
  className?: string;
}): ReactNode {
  const { rows, hasMore, loadingOlder, olderError } = state;
  const count = (many: number) => `${many.toLocaleString("en-US")} ${what[many === 1 ? 0 : 1]}`;
  return (
    <div
      className={cx("flex min-h-8 flex-wrap items-center gap-x-3 gap-y-1 pt-1 text-xs text-muted", className)}
    >
      <span className="tabular-nums">
        {shown === rows.length
          ? count(rows.length)
          : `${shown.toLocaleString("en-US")} of ${count(rows.length)}`}
      </span>
      {olderError ? (
        <span role="alert" className="flex items-center gap-2 text-bad">
          Older ones could not be loaded: {messageOf(olderError)}
          <Button className="!h-7" onClick={onMore}>
            Try again
          </Button>
        </span>
      ) : (
        <span role="status">
          {rows.length === 0 && hasMore && !loadingOlder ? (
            <Button className="!h-7" onClick={onMore}>
              Look further back
            </Button>
          ) : loadingOlder ? (
            "Loading older ones…"
          ) : hasMore ? (
            "Older ones come as you scroll"
          ) : (
            "No older ones"
          )}
        </span>
      )}
    </div>
  );
}
