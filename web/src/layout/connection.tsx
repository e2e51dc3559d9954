import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { CONNECTION } from "../api/live-state";
import { statusQuery } from "../api/status";
import { cx } from "../ui/classes";
import { Skeleton } from "../ui/skeleton";
import { StateDot, TONE_TEXT } from "../ui/state";

/** The gateway's name without scheme and path. */
export function gatewayName(url: string): string {
  return url.replace(/^wss?:\/\//, "").replace(/\/.*$/, "");
}

/** The gateway's name with its live state; part of every page. */
export function Connection({ compact = false }: { compact?: boolean }): ReactNode {
  const { data: status } = useQuery(statusQuery);
  if (!status) return <Skeleton className="w-32" />;
  const { word, tone } = CONNECTION[status.connectionStatus];
  const name = gatewayName(status.gatewayUrl);
  return (
    <div className={cx("min-w-0", compact && "flex items-center gap-2")}>
      {!compact && (
        <p className="truncate font-mono text-sm" title={name}>
          {name}
        </p>
      )}
      <p role="status" className={cx("flex items-center gap-2 text-xs font-medium", !compact && "mt-0.5")}>
        <StateDot tone={tone} />
        <span className={TONE_TEXT[tone]}>{word}</span>
      </p>
      {compact && <p className="min-w-0 truncate font-mono text-xs text-muted">{name}</p>}
    </div>
  );
}
