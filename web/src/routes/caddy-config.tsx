import { useMutation, useQuery } from "@tanstack/react-query";
import { RefreshCw } from "lucide-react";
import { type ReactNode, useMemo, useState } from "react";
import { caddyConfigQuery } from "../api/gateway";
import type { CaddyConfig } from "../api/model";
import { LoadError } from "../layout/load-error";
import { PageHead, Section } from "../layout/page";
import { Button } from "../ui/button";
import { CopyButton } from "../ui/copy-button";
import { Empty, Notice } from "../ui/notice";
import { useRemembered } from "../ui/remembered";
import { Segmented } from "../ui/segmented";
import { Skeleton } from "../ui/skeleton";
import { Ago } from "../ui/time";
import { CaddyRoutes } from "./caddy/routes";
import { JsonTree } from "./caddy/tree";
import type { Json } from "./caddy/tree-model";

/** What the Caddy before the gateway is configured to do: read there anew while the page is open. */
export function CaddyConfigPage(): ReactNode {
  const query = useQuery(caddyConfigQuery);
  const refresh = useMutation({ mutationFn: () => query.refetch() });
  const { data } = query;
  return (
    <>
      <PageHead
        title="Caddy Configuration"
        about="What the Caddy before the gateway is configured to do. Secrets are masked."
        actions={
          <Button icon={RefreshCw} busy={refresh.isPending} onClick={() => refresh.mutate()}>
            Refresh
          </Button>
        }
      />
      {query.isPending && <Loading />}
      {/* What was read before is not shown as if it were so now. */}
      {query.isError && <LoadError what="The configuration" query={query} />}
      {!query.isError && data && <Answer data={data} at={query.dataUpdatedAt} onRetry={refresh.mutate} />}
    </>
  );
}

function Loading(): ReactNode {
  return (
    <div role="status" aria-label="Loading the configuration">
      {[1, 2, 3].map((row) => (
        <div key={row} className="flex h-9 items-center border-b px-1">
          <Skeleton className="w-64" />
        </div>
      ))}
      <Skeleton className="mt-8 !h-96 !rounded-md" />
    </div>
  );
}

function Answer({ data, at, onRetry }: { data: CaddyConfig; at: number; onRetry: () => void }): ReactNode {
  const text = data.configJson;
  const value = useMemo(() => (text ? (JSON.parse(text) as Json) : null), [text]);
  if (!data.success) {
    return (
      <Notice tone="bad" title="Caddy does not answer" action={<Button onClick={onRetry}>Try again</Button>}>
        {data.error}
      </Notice>
    );
  }
  if (value === null) {
    return (
      <Empty title="Caddy has no configuration yet">
        It runs, but serves nothing. Load a Caddyfile with a site that has a <code>reverse_proxy</code> to the
        gateway's port; deploy/Caddyfile is one.
      </Empty>
    );
  }
  return <Configuration data={data} value={value} at={at} />;
}

type View = "tree" | "text";
const VIEWS: readonly { value: View; label: string }[] = [
  { value: "tree", label: "Tree" },
  { value: "text", label: "Text" },
];

function Configuration({ data, value, at }: { data: CaddyConfig; value: Json; at: number }): ReactNode {
  const [view, setView] = useRemembered<View>("octoporty.caddy-view", ["tree", "text"]);
  const [goTo, setGoTo] = useState<{ pointer: string } | null>(null);
  const pretty = useMemo(() => JSON.stringify(value, null, 2), [value]);
  const marks = useMemo(
    () =>
      new Map(
        data.routes
          .filter((route) => route.leadsHere)
          .map((route) => [route.pointer, "this gateway"] as const),
      ),
    [data.routes],
  );
  const show = (pointer: string) => {
    setView("tree");
    setGoTo({ pointer });
  };
  return (
    <>
      <Section title="Routes to a proxy">
        <CaddyRoutes routes={data.routes} onShow={show} />
      </Section>
      <Section
        title="Configuration"
        className="mt-8"
        actions={
          <span className="flex items-center gap-2">
            <span className="hidden text-xs text-muted sm:inline">
              read <Ago at={new Date(at).toISOString()} />
            </span>
            <CopyButton text={pretty} label="Copy configuration" />
            <Segmented label="View" value={view} options={VIEWS} onValue={setView} />
          </span>
        }
      >
        {view === "tree" ? (
          <JsonTree label="Configuration" value={value} marks={marks} goTo={goTo} />
        ) : (
          <section aria-label="Configuration as text" className="rounded-md border bg-surface p-3">
            <pre className="text-sm leading-5 break-words whitespace-pre-wrap">{pretty}</pre>
          </section>
        )}
      </Section>
    </>
  );
}
