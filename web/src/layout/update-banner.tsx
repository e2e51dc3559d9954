import { CircleArrowUp, X } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Button, IconButton } from "../ui/button";
import { version } from "../ui/format";
import type { Update } from "./use-gateway-update";

/** On every page while the gateway's release is older than the agent's; dismissed until the page is loaded anew. */
export function UpdateBanner({ update }: { update: Update }): ReactNode {
  const [dismissed, setDismissed] = useState(false);
  const { status, busy, asking } = update;
  if (dismissed || !status?.gatewayUpdateAvailable || !status.gatewayVersion) return null;
  return (
    <section
      aria-label="Gateway update"
      className="flex flex-wrap items-center gap-x-4 gap-y-2 border-b border-accent/40 bg-accent-wash px-4 py-2 text-sm md:px-8"
    >
      <CircleArrowUp size={16} strokeWidth={1.75} aria-hidden="true" className="shrink-0 text-accent" />
      <p className="min-w-0 flex-1 basis-48">
        <span className="block font-medium sm:inline">Gateway update available</span>{" "}
        <span className="text-muted">
          It runs <span className="figures text-ink">{version(status.gatewayVersion)}</span>, this agent{" "}
          <span className="figures text-ink">{version(status.version)}</span>.
        </span>
      </p>
      <div className="ml-auto flex items-center gap-1">
        <Button busy={busy || asking} onClick={update.ask}>
          {busy ? "Updating…" : "Update Gateway"}
        </Button>
        <IconButton icon={X} label="Dismiss" onClick={() => setDismissed(true)} />
      </div>
    </section>
  );
}
