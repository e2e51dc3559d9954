import { useQuery } from "@tanstack/react-query";
import { Plus, RefreshCw } from "lucide-react";
import type { ReactNode } from "react";
import { CONNECTION } from "../api/live-state";
import { mappingsQuery } from "../api/mappings";
import type { Status } from "../api/model";
import { statsQuery } from "../api/stats";
import { statusQuery } from "../api/status";
import { gatewayName } from "../layout/connection";
import { LoadError } from "../layout/load-error";
import { PageHead, Section } from "../layout/page";
import { useReconnect } from "../layout/use-reconnect";
import { Button, ButtonLink } from "../ui/button";
import { duration } from "../ui/format";
import { StateDot, TONE_TEXT } from "../ui/state";
import { Ago } from "../ui/time";
import { Failures } from "./dashboard/failures";
import { FiguresPart } from "./dashboard/figures-part";
import { MappingList } from "./dashboard/mapping-list";
import { PathPicture, PathReasons } from "./dashboard/path";
import { pathOf } from "./dashboard/path-model";

export function Dashboard(): ReactNode {
  const status = useQuery(statusQuery);
  const stats = useQuery(statsQuery);
  const mappings = useQuery(mappingsQuery);
  const reconnect = useReconnect();
  const path = status.data && pathOf(status.data, stats.data, mappings.data ?? []);
  const failed = [status, stats, mappings].find((query) => query.isError && !query.data);
  return (
    <>
      <PageHead
        title="Dashboard"
        about={status.data ? <Headline status={status.data} /> : "Asking the agent…"}
        actions={
          <>
            <Button icon={RefreshCw} busy={reconnect.isPending} onClick={() => reconnect.mutate()}>
              Force Reconnect
            </Button>
            <ButtonLink to="/mappings/new" variant="primary" icon={Plus}>
              Create Mapping
            </ButtonLink>
          </>
        }
      />
      {failed && <LoadError what="The dashboard" query={failed} className="mb-5" />}
      <section aria-label="Path" className="rounded-md border bg-surface px-4 py-5 md:px-6">
        <PathPicture path={path} />
        <PathReasons path={path} />
        {status.data && <History status={status.data} />}
      </section>
      <div className="mt-7">
        <FiguresPart stats={stats.data} />
      </div>
      <div className="mt-8 grid grid-cols-1 gap-x-10 gap-y-8 xl:grid-cols-[minmax(0,3.4fr)_minmax(0,2.2fr)]">
        <Section
          title="Active mappings"
          actions={
            <ButtonLink to="/mappings" variant="ghost" className="-mr-3">
              View All Mappings
            </ButtonLink>
          }
        >
          <MappingList mappings={mappings.data} />
        </Section>
        <Section
          title="Newest failures"
          actions={
            <ButtonLink
              to="/logs/requests"
              search={{ status: "5xx" as const }}
              variant="ghost"
              className="-mr-3"
            >
              View Server Errors
            </ButtonLink>
          }
        >
          <Failures stats={stats.data} />
        </Section>
      </div>
    </>
  );
}

function Headline({ status }: { status: Status }): ReactNode {
  const { word, tone } = CONNECTION[status.connectionStatus];
  return (
    <span className="flex flex-wrap items-center gap-x-2">
      <StateDot tone={tone} />
      <strong className={`font-semibold ${TONE_TEXT[tone]}`} data-testid="connection">
        {word}
      </strong>
      <span>
        at <span className="font-mono text-sm text-ink">{gatewayName(status.gatewayUrl)}</span>
        {status.uptimeSeconds !== null && ` for ${duration(status.uptimeSeconds)}`}
      </span>
    </span>
  );
}

/** What the connection has been through. */
function History({ status }: { status: Status }): ReactNode {
  return (
    <dl className="mt-4 flex flex-wrap gap-x-8 gap-y-1 border-t pt-3 text-sm">
      <Fact name="Reconnect attempts">
        <span className="figures">{status.reconnectAttempts}</span>
      </Fact>
      <Fact name="Last disconnected">
        {status.lastDisconnected ? <Ago at={status.lastDisconnected} /> : "never since the start"}
      </Fact>
      <Fact name="Streams">
        <span className="figures">{status.traffic.streamsActive.toLocaleString("en-US")}</span> open
      </Fact>
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }): ReactNode {
  return (
    <div className="flex min-w-0 gap-2">
      <dt className="shrink-0 text-muted">{name}</dt>
      <dd className="min-w-0 break-words">{children}</dd>
    </div>
  );
}
