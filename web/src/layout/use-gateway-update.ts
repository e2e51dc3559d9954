import { useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { updateGateway } from "../api/gateway";
import type { GatewayUpdate, Status } from "../api/model";
import { messageOf } from "../api/problem";
import { statusQuery } from "../api/status";
import { version } from "../ui/format";
import { toast } from "../ui/toast";

/** Status news come by themselves; while an update is waited for, the console is asked as well, in milliseconds. */
const POLL_MS = 5_000;

/** An update that was asked for and is on its way. */
export interface Pending {
  answer: GatewayUpdate;
  /** When it was asked for, in Unix milliseconds. */
  since: number;
  /** Whether its modal is open. */
  shown: boolean;
}

/** An update of the gateway, from the banner to its end. */
export interface Update {
  status: Status | undefined;
  /** When the status was last heard, in Unix milliseconds. */
  checkedAt: number;
  /** Whether the question is open. */
  asking: boolean;
  busy: boolean;
  error: string | undefined;
  pending: Pending | null;
  ask: () => void;
  cancel: () => void;
  confirm: () => void;
  hide: () => void;
}

function isDone(status: Status | undefined): boolean {
  return (
    status?.connectionStatus === "Connected" &&
    Boolean(status.gatewayVersion) &&
    !status.gatewayUpdateAvailable
  );
}

export function useGatewayUpdate(): Update {
  const [asking, setAsking] = useState(false);
  const [pending, setPending] = useState<Pending | null>(null);
  const { data: status, dataUpdatedAt } = useQuery({
    ...statusQuery,
    refetchInterval: pending ? POLL_MS : false,
  });
  const send = useMutation({
    mutationFn: updateGateway,
    onSuccess: (answer) => {
      if (!answer.success) return;
      setAsking(false);
      setPending({ answer, since: Date.now(), shown: true });
    },
  });
  const done = pending !== null && isDone(status);
  const runs = status?.gatewayVersion;
  useEffect(() => {
    if (!done || !runs) return;
    setPending(null);
    toast(`The gateway runs ${version(runs)} now`);
  }, [done, runs]);

  return {
    status,
    checkedAt: dataUpdatedAt,
    asking,
    busy: send.isPending,
    error: send.isError ? messageOf(send.error) : refusal(send.data),
    pending,
    ask: () => {
      send.reset();
      setAsking(true);
    },
    cancel: () => setAsking(false),
    confirm: () => send.mutate(),
    hide: () => setPending((now) => now && { ...now, shown: false }),
  };
}

/** Why there is no update, in the gateway's own words. */
function refusal(answer: GatewayUpdate | undefined): string | undefined {
  if (!answer || answer.success) return undefined;
  return answer.status === "Rejected" ? `Rejected: ${answer.message}` : answer.message;
}
