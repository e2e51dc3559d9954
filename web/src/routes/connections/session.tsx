import type { ReactNode } from "react";
import { endWords } from "../../api/connection-log";
import type { ConnectionLogEntry } from "../../api/model";
import { useNow } from "../../ui/clock";
import { CopyButton } from "../../ui/copy-button";
import { Facts } from "../../ui/drawer";
import { absolute, duration, version } from "../../ui/format";
import { LogText } from "../../ui/log-text";
import { State, type Tone } from "../../ui/state";
import { Ago } from "../../ui/time";

/** Ends that somebody wanted. */
const WANTED = ["local_stop", "peer_stop", "taken_over"];

export function endTone({ endReason }: ConnectionLogEntry): Tone {
  if (endReason === null) return "good";
  return WANTED.includes(endReason) ? "unknown" : "bad";
}

export function EndState({ session }: { session: ConnectionLogEntry }): ReactNode {
  const { endReason, endDetail } = session;
  return (
    <State tone={endTone(session)} title={endDetail ?? undefined}>
      {endReason === null ? "Stands" : endWords(endReason)}
    </State>
  );
}

/** How long it stood, or has stood so far. */
export function Lasted({ session }: { session: ConnectionLogEntry }): ReactNode {
  return session.durationSeconds === null ? <SoFar session={session} /> : duration(session.durationSeconds);
}

function SoFar({ session }: { session: ConnectionLogEntry }): ReactNode {
  const now = useNow();
  if (session.endReason !== null)
    return <span title="The agent's process ended without saying so">unknown</span>;
  return duration((now - Date.parse(session.startedAt)) / 1_000);
}

export function linksWord({ links }: ConnectionLogEntry): string {
  return `${links} ${links === 1 ? "link" : "links"}`;
}

/** Everything that is known of a session. */
export function SessionDetail({ session }: { session: ConnectionLogEntry }): ReactNode {
  return (
    <>
      <EndState session={session} />
      {session.endDetail && (
        <p className="mt-1 mb-4 text-sm break-words text-muted">
          <LogText text={session.endDetail} lines="kept" />
        </p>
      )}
      <div className="mt-4" />
      <Facts
        label="Particulars"
        facts={
          [
            [
              "Began",
              <span key="from">
                {absolute(Date.parse(session.startedAt))}{" "}
                <Ago at={session.startedAt} className="text-muted" />
              </span>,
            ],
            ["Ended", session.endedAt ? absolute(Date.parse(session.endedAt)) : "Unknown"],
            ["Lasted", <Lasted key="lasted" session={session} />],
            [
              "Gateway",
              <span key="gateway" className="font-mono break-all">
                {session.gatewayUrl}
              </span>,
            ],
            [
              "Versions",
              `gateway ${version(session.gatewayVersion)}, agent ${version(session.agentVersion)}`,
            ],
            ["Transport", `${session.transport}, at most ${linksWord(session)} at once`],
            [
              "Session",
              <span key="id" className="flex items-center gap-1">
                <code className="min-w-0 break-all">{session.sessionId}</code>
                <CopyButton text={session.sessionId} label="Copy the session's id" className="-my-1.5" />
              </span>,
            ],
          ].filter(([name]) => name !== "Ended" || session.endReason !== null) as [string, ReactNode][]
        }
      />
    </>
  );
}
