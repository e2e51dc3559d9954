import { type ReactNode, useMemo, useRef } from "react";
import {
  type ConnectionFilter,
  connectionById,
  loadConnections,
  matchesEnd,
  matchesSpan,
} from "../../api/connection-log";
import type { ConnectionLogEntry } from "../../api/model";
import { useRowOf } from "../../api/use-row";
import { useTail } from "../../api/use-tail";
import { LoadError } from "../../layout/load-error";
import { RowDrawer } from "../../layout/row-drawer";
import { RowsSkeleton, TailFoot } from "../../layout/tail-parts";
import { Button } from "../../ui/button";
import { version } from "../../ui/format";
import { useNarrow } from "../../ui/media";
import { Ago } from "../../ui/time";
import { Cell, HeadCell, VirtualRows, type VirtualRowsHandle } from "../../ui/virtual-rows";
import { EndState, Lasted, linksWord, SessionDetail } from "./session";

const WHAT = ["session", "sessions"] as const;

interface ListProps {
  filter: ConnectionFilter;
  /** The session whose particulars are shown. */
  open: number | undefined;
  onOpen: (id: number | undefined) => void;
  /** What is said when nothing is found. */
  nothing: ReactNode;
}

/** The agent's sessions, newest first. */
export function ConnectionList({ filter, open, onOpen, nothing }: ListProps): ReactNode {
  const [tail, state] = useTail<ConnectionLogEntry>({
    load: loadConnections(filter),
    matches: (row) => matchesSpan(filter, row),
    rowsOf: (event) => (event.event === "connection" ? [event.data] : undefined),
  });
  const list = useRef<VirtualRowsHandle>(null);
  const narrow = useNarrow();
  const { error, pending, hasMore, loadingOlder } = state;
  const { end } = filter;
  const rows = useMemo(() => state.rows.filter((row) => matchesEnd({ end }, row)), [state.rows, end]);
  const older = () => void tail.loadOlder();
  const none = !pending && !error && rows.length === 0;
  return (
    <>
      {error && (
        <div className="mb-3">
          <LoadError what="The sessions" query={{ error, refetch: () => tail.reload() }} />
        </div>
      )}
      {pending && <RowsSkeleton label="Loading sessions" />}
      {none && nothing}
      {rows.length > 0 && (
        <VirtualRows
          key={narrow ? "narrow" : "wide"}
          ref={list}
          label="Connections"
          rows={rows}
          keyOf={(row) => row.id}
          rowHeight={narrow ? 52 : 36}
          complete={!hasMore}
          head={<Head />}
          rowClass={ROW}
          onOpen={(row) => onOpen(row.id)}
          onNearEnd={older}
          className="min-h-0 flex-1 border-t"
        >
          {(row) => <Line session={row} />}
        </VirtualRows>
      )}
      {state.rows.length > 0 && <TailFoot state={state} what={WHAT} shown={rows.length} onMore={older} />}
      {none && hasMore && !loadingOlder && <SearchOlder onMore={older} />}
      {open !== undefined && (
        <SessionDrawer
          id={open}
          rows={rows}
          onOpen={onOpen}
          onClose={() => onOpen(undefined)}
          onClosed={() => list.current?.focus()}
        />
      )}
    </>
  );
}

function SessionDrawer(props: {
  id: number;
  rows: readonly ConnectionLogEntry[];
  onOpen: (id: number) => void;
  onClose: () => void;
  onClosed: () => void;
}): ReactNode {
  const { id, rows, ...close } = props;
  const at = rows.findIndex((row) => row.id === id);
  const { row, query } = useRowOf("session", { id, known: rows[at], fetchOne: connectionById });
  return (
    <RowDrawer
      title="Session"
      what="The session"
      gone="It may have been older than the log is kept."
      row={row}
      query={query}
      above={at > 0 ? rows[at - 1] : undefined}
      below={at >= 0 ? rows[at + 1] : undefined}
      {...close}
    >
      {(known) => <SessionDetail session={known} />}
    </RowDrawer>
  );
}

const ROW =
  "grid items-center gap-x-3 text-sm grid-cols-[minmax(0,1fr)_auto] px-1 max-md:py-1.5 md:grid-cols-[7rem_minmax(0,1fr)_6rem_9rem] lg:grid-cols-[7rem_minmax(0,12rem)_minmax(0,1fr)_6rem_9rem] xl:grid-cols-[7rem_minmax(0,12rem)_minmax(0,1fr)_6rem_12rem_10rem]";

function Head(): ReactNode {
  return (
    <>
      <HeadCell>Began</HeadCell>
      <HeadCell>State</HeadCell>
      <HeadCell className="max-lg:hidden">Why it ended</HeadCell>
      <HeadCell className="text-right">Lasted</HeadCell>
      <HeadCell className="pl-4">Versions</HeadCell>
      <HeadCell className="max-xl:hidden">Transport</HeadCell>
    </>
  );
}

function Line({ session }: { session: ConnectionLogEntry }): ReactNode {
  const versions = `${version(session.gatewayVersion)} ↔ ${version(session.agentVersion)}`;
  return (
    <>
      <Cell className="text-muted max-md:order-3 max-md:text-xs">
        <Ago at={session.startedAt} />
      </Cell>
      <Cell className="flex min-w-0 max-md:order-1">
        <EndState session={session} />
      </Cell>
      <Cell className="truncate text-muted max-lg:hidden" title={session.endDetail ?? undefined}>
        {session.endDetail ?? (session.endReason === null ? "" : "No reason given")}
      </Cell>
      <Cell className="figures text-right max-md:order-2 max-md:text-xs">
        <Lasted session={session} />
      </Cell>
      <Cell
        className="figures truncate text-muted md:pl-4 max-md:order-4 max-md:text-right max-md:text-xs"
        title={`Gateway ${version(session.gatewayVersion)}, agent ${version(session.agentVersion)}`}
      >
        {versions}
      </Cell>
      <Cell className="truncate text-muted max-xl:hidden">
        {session.transport} · {linksWord(session)}
      </Cell>
    </>
  );
}

/** The reason is looked for in what has been loaded: further back nobody has looked yet. */
function SearchOlder({ onMore }: { onMore: () => void }): ReactNode {
  return (
    <Button onClick={onMore} className="mt-3 self-center">
      Look in older sessions
    </Button>
  );
}
