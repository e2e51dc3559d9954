import type { ReactNode } from "react";
import type { Status } from "../api/model";
import { Button } from "../ui/button";
import { useNow } from "../ui/clock";
import { ConfirmDialog, Dialog } from "../ui/dialog";
import { absolute, ago, duration, version } from "../ui/format";
import { Notice } from "../ui/notice";
import { State, type Tone } from "../ui/state";
import type { Pending, Update } from "./use-gateway-update";

/** An updater looks once a minute, and a pull takes one or two: whoever waits for longer should look, in seconds. */
const FORGOTTEN_S = 180;

/** The question, and what is waited for after it. */
export function UpdateDialogs({ update }: { update: Update }): ReactNode {
  const { asking, pending, status } = update;
  if (asking) return <Question update={update} />;
  if (!pending?.shown) return null;
  return (
    <PendingModal pending={pending} status={status} checkedAt={update.checkedAt} onClose={update.hide} />
  );
}

function Question({ update }: { update: Update }): ReactNode {
  const { status, busy, error } = update;
  return (
    <ConfirmDialog
      title="Update the gateway?"
      action={busy ? "Updating…" : "Update Gateway"}
      busy={busy}
      error={error}
      onConfirm={update.confirm}
      onCancel={update.cancel}
    >
      <p>
        The updater on its host brings it from{" "}
        <span className="figures text-ink">{version(status?.gatewayVersion ?? "unknown")}</span> to this
        agent's <span className="figures text-ink">{version(status?.version ?? "")}</span> and restarts it.
      </p>
      <p className="mt-2">
        This cuts every connection through it: visitors get errors for some seconds while the gateway
        restarts, downloads and WebSockets end. All agents of this gateway are concerned; they come back by
        themselves.
      </p>
    </ConfirmDialog>
  );
}

/** How the update stands, as a word. */
function stageOf(pending: Pending, status: Status | undefined): { tone: Tone; word: string } {
  if (status && status.connectionStatus !== "Connected")
    return { tone: "moving", word: "Gateway restarting" };
  return pending.answer.status === "AlreadyQueued"
    ? { tone: "moving", word: "Already queued" }
    : { tone: "moving", word: "Queued" };
}

interface PendingProps {
  pending: Pending;
  status: Status | undefined;
  checkedAt: number;
  onClose: () => void;
}

function PendingModal({ pending, status, checkedAt, onClose }: PendingProps): ReactNode {
  const now = useNow();
  const waited = (now - pending.since) / 1_000;
  const { tone, word } = stageOf(pending, status);
  return (
    <Dialog
      title="Gateway Update Pending"
      onClose={onClose}
      className="!w-[min(32rem,calc(100vw-2rem))]"
      footer={
        <Button data-autofocus onClick={onClose}>
          Close
        </Button>
      }
    >
      <p role="status">
        <State tone={tone}>{word}</State>
      </p>
      <p className="mt-1.5 break-words">{pending.answer.message}</p>
      <dl className="mt-4 grid grid-cols-[auto_1fr] gap-x-6 gap-y-1 text-sm">
        <Fact name="Agent">
          <span className="figures">{version(pending.answer.agentVersion)}</span>
        </Fact>
        <Fact name="Gateway">
          {status?.gatewayVersion ? (
            <span className="figures">{version(status.gatewayVersion)}</span>
          ) : (
            "not connected"
          )}
        </Fact>
        <Fact name="Asked">{ago(pending.since, now)}</Fact>
        <Fact name="Last checked">
          <time dateTime={new Date(checkedAt).toISOString()} title={absolute(checkedAt)}>
            {ago(checkedAt, now)}
          </time>
        </Fact>
      </dl>
      {waited >= FORGOTTEN_S && (
        <Notice tone="warn" className="mt-4" title={`Not updated after ${duration(waited)}`}>
          An updater on the gateway's host has to take the request. Install <code>octoporty-updater</code>{" "}
          there, as docs/OPERATIONS.md says under “The updater”; if it runs, look at its log (
          <code>journalctl -u octoporty-updater</code>). Or update the gateway by hand: this closes as soon as
          it answers with the new release.
        </Notice>
      )}
      <p className="mt-4">
        This closes by itself when the gateway answers with the new release. Closing it does not stop the
        update.
      </p>
    </Dialog>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }): ReactNode {
  return (
    <>
      <dt>{name}</dt>
      <dd className="min-w-0 break-words text-ink">{children}</dd>
    </>
  );
}
