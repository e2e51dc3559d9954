import { type ReactNode, useEffect, useRef, useState } from "react";
import type { RequestLogEntry } from "../../api/model";
import { loadRequests, matchesRequest, type RequestFilter, requestById } from "../../api/request-log";
import { useMappingName } from "../../api/use-mapping-name";
import { useTail } from "../../api/use-tail";
import { LoadError } from "../../layout/load-error";
import { NewButton, RowsSkeleton, TailFoot } from "../../layout/tail-parts";
import { bytes, milliseconds } from "../../ui/format";
import { LogText } from "../../ui/log-text";
import { useNarrow } from "../../ui/media";
import { StatusCode } from "../../ui/status-code";
import { Ago } from "../../ui/time";
import { Cell, HeadCell, VirtualRows, type VirtualRowsHandle } from "../../ui/virtual-rows";
import { codeWords } from "../dashboard/failures";
import { RequestDrawer } from "./drawer";

const WHAT = ["request", "requests"] as const;

interface ListProps {
  filter: RequestFilter;
  paused: boolean;
  /** The request whose particulars are shown. */
  open: number | undefined;
  onOpen: (id: number | undefined) => void;
  /** What is said when nothing is found. */
  nothing: ReactNode;
}

/** Requests, newest first; new ones come on top while the reader is there and has not paused. */
export function RequestList({ filter, paused, open, onOpen, nothing }: ListProps): ReactNode {
  const [tail, state] = useTail<RequestLogEntry>({
    load: loadRequests(filter),
    matches: (row) => matchesRequest(filter, row),
    rowsOf: (event) => (event.event === "requests" ? event.data.items : undefined),
  });
  const [away, setAway] = useState(false);
  const list = useRef<VirtualRowsHandle>(null);
  const held = paused || away;
  useEffect(() => {
    if (held) tail.hold();
    else tail.release();
  }, [held, tail]);
  const narrow = useNarrow();
  const nameOf = useMappingName();
  const { rows, error, pending } = state;
  const showNew = () => {
    tail.release();
    if (paused) tail.hold();
    list.current?.toStart();
  };
  const failed = error && <LoadError what="The requests" query={{ error, refetch: () => tail.reload() }} />;
  return (
    <>
      {failed && <div className="mb-3">{failed}</div>}
      {pending && <RowsSkeleton label="Loading requests" />}
      {!pending && !error && rows.length === 0 && (
        <div className="relative">
          <NewButton count={state.waiting} what={WHAT} onShow={showNew} />
          {nothing}
        </div>
      )}
      {rows.length > 0 && (
        <div className="relative flex min-h-0 flex-1 flex-col">
          <NewButton count={state.waiting} what={WHAT} onShow={showNew} />
          <VirtualRows
            key={narrow ? "narrow" : "wide"}
            ref={list}
            label="Requests"
            rows={rows}
            keyOf={(row) => row.id}
            rowHeight={narrow ? 52 : 36}
            complete={!state.hasMore}
            head={<Head />}
            rowClass={ROW}
            onOpen={(row) => onOpen(row.id)}
            onNearEnd={() => void tail.loadOlder()}
            onMove={({ start }) => setAway(!start)}
            className="min-h-0 flex-1 border-t"
          >
            {(row) => <Line request={row} mapping={nameOf(row)} />}
          </VirtualRows>
          <TailFoot state={state} what={WHAT} onMore={() => void tail.loadOlder()} />
        </div>
      )}
      {open !== undefined && (
        <RequestDrawer
          id={open}
          rows={rows}
          fetchOne={requestById}
          onOpen={onOpen}
          onClose={() => onOpen(undefined)}
          onClosed={() => list.current?.focus()}
        />
      )}
    </>
  );
}

const ROW =
  "grid items-center gap-x-3 text-sm grid-cols-[2.25rem_2.75rem_minmax(0,1fr)_auto] px-1 max-md:py-1.5 md:grid-cols-[2.75rem_3.5rem_minmax(0,1fr)_4.5rem_5.5rem] lg:grid-cols-[2.75rem_3.5rem_minmax(0,1fr)_8.5rem_4.5rem_5rem_5.5rem] xl:grid-cols-[2.75rem_3.5rem_minmax(0,1fr)_8.5rem_8.5rem_4.5rem_5rem_5.5rem]";

function Head(): ReactNode {
  return (
    <>
      <HeadCell>Status</HeadCell>
      <HeadCell>Method</HeadCell>
      <HeadCell>Host and path</HeadCell>
      <HeadCell className="max-lg:hidden">Mapping</HeadCell>
      <HeadCell className="max-xl:hidden">Client</HeadCell>
      <HeadCell className="text-right">Time</HeadCell>
      <HeadCell className="text-right max-lg:hidden">Size</HeadCell>
      <HeadCell className="text-right">When</HeadCell>
    </>
  );
}

function Line({ request, mapping }: { request: RequestLogEntry; mapping: string | null }): ReactNode {
  const url = `${request.host}${request.path}${request.query === null ? "" : `?${request.query}`}`;
  return (
    <>
      <Cell>
        <StatusCode status={request.status} />
      </Cell>
      <Cell className="truncate font-mono text-xs">{request.method}</Cell>
      <Cell className="flex min-w-0 font-mono text-xs" title={url}>
        <span className="truncate">
          <span className="text-muted">{request.host}</span>
          <LogText text={request.path} />
        </span>
        {request.error && (
          <span className="shrink-0 whitespace-pre text-bad max-md:hidden"> {codeWords(request.error)}</span>
        )}
      </Cell>
      <Cell className="truncate max-md:[grid-area:2/2/3/4] max-md:text-xs max-md:text-muted md:max-lg:hidden">
        {mapping ?? "Deleted"}
        {request.error && <span className="text-bad md:hidden"> · {codeWords(request.error)}</span>}
      </Cell>
      <Cell className="truncate font-mono text-xs text-muted max-xl:hidden">{request.client}</Cell>
      <Cell className="figures text-right max-md:[grid-area:1/4] max-md:text-xs">
        {milliseconds(request.totalMs)}
      </Cell>
      <Cell className="figures text-right text-muted max-lg:hidden">{bytes(request.responseBytes)}</Cell>
      <Cell className="text-right text-muted max-md:[grid-area:2/4] max-md:text-xs">
        <Ago at={request.at} />
      </Cell>
    </>
  );
}
