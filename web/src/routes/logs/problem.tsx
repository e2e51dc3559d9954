import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useRef } from "react";
import type { LogSource } from "../../api/model";
import { Problem } from "../../api/problem";
import { statusQuery } from "../../api/status";
import type { TailState } from "../../api/tail";
import { LoadError } from "../../layout/load-error";
import { Button } from "../../ui/button";
import { Notice } from "../../ui/notice";

interface LogProblemProps {
  source: LogSource;
  state: TailState<unknown>;
  onRetry: () => unknown;
}

/**
 * What keeps new lines from coming. The gateway's come through the tunnel: while that is down, what is here stays, and
 * when it is back the newest are fetched by themselves.
 */
export function LogProblem({ source, state, onRetry }: LogProblemProps): ReactNode {
  const { data: status } = useQuery(statusQuery);
  const connected = status?.connectionStatus === "Connected";
  const refused = state.error instanceof Problem && state.error.status === 503;
  const away = source === "gateway" && (refused || (status !== undefined && !connected));
  const retry = useRef(onRetry);
  retry.current = onRetry;
  const before = useRef(connected);
  useEffect(() => {
    if (source === "gateway" && connected && !before.current) void retry.current();
    before.current = connected;
  }, [source, connected]);
  if (away) {
    return (
      <Notice
        tone="warn"
        className="mb-3"
        title="The gateway is away"
        action={refused && <Button onClick={() => void onRetry()}>Try again</Button>}
      >
        {state.rows.length > 0
          ? "These are the lines that came before; newer ones follow as soon as the agent is connected again."
          : "Its log comes through the tunnel, as soon as the agent is connected again."}
      </Notice>
    );
  }
  if (!state.error) return null;
  return <LoadError what="The log" query={{ error: state.error, refetch: onRetry }} className="mb-3" />;
}
