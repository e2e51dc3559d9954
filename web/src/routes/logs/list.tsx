import { ArrowDownToLine } from "lucide-react";
import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { type LogFilter, loadLogs, logById, matchesLog } from "../../api/logs";
import type { LogEntry, LogSource } from "../../api/model";
import { useRowOf } from "../../api/use-row";
import { useTail } from "../../api/use-tail";
import { RowDrawer } from "../../layout/row-drawer";
import { RowsSkeleton, TailFoot } from "../../layout/tail-parts";
import { Button } from "../../ui/button";
import { cx } from "../../ui/classes";
import { short } from "../../ui/format";
import { LevelChip } from "../../ui/level-chip";
import { cut, LogText } from "../../ui/log-text";
import { useNarrow } from "../../ui/media";
import { Cell, VirtualRows, type VirtualRowsHandle } from "../../ui/virtual-rows";
import { LogDetail } from "./detail";
import { LogProblem } from "./problem";

const WHAT = ["line", "lines"] as const;
/** Of a longer line only the beginning stands in the list; all of it is in the line's own view. */
const MOST_IN_ROW = 1_000;

interface ListProps {
  source: LogSource;
  filter: LogFilter;
  wrap: boolean;
  follow: boolean;
  onFollow: (follow: boolean) => void;
  /** The line whose particulars are shown. */
  open: number | undefined;
  onOpen: (id: number | undefined) => void;
  /** What is said when nothing is found. */
  nothing: ReactNode;
}

/** A process's own log, newest line last. */
export function LogList(props: ListProps): ReactNode {
  const { source, filter, follow, onFollow, open, onOpen } = props;
  const [tail, state] = useTail<LogEntry>({
    load: loadLogs(source, filter),
    matches: (entry) => matchesLog(filter, entry),
    rowsOf: (event) => (event.event === "log" && event.data.source === source ? event.data.items : undefined),
  });
  const list = useRef<VirtualRowsHandle>(null);
  const rows = useMemo(() => state.rows.toReversed(), [state.rows]);
  const unseen = useUnseen(rows, follow);
  const older = () => void tail.loadOlder();
  return (
    <>
      <LogProblem source={source} state={state} onRetry={() => tail.reload()} />
      {state.pending && <RowsSkeleton label="Loading lines" />}
      {!state.pending && !state.error && rows.length === 0 && (
        <>
          {props.nothing}
          {state.hasMore && <TailFoot state={state} what={WHAT} onMore={older} className="justify-center" />}
        </>
      )}
      {rows.length > 0 && (
        <div className="relative flex min-h-0 flex-1 flex-col">
          <Lines {...props} rows={rows} complete={!state.hasMore} onNearStart={older} list={list} />
          {!follow && (
            <Button
              variant="primary"
              icon={ArrowDownToLine}
              onClick={() => onFollow(true)}
              className="rise absolute right-4 bottom-11 z-10 shadow-raised"
            >
              {unseen > 0 ? `${unseen.toLocaleString("en-US")} new, jump to newest` : "Jump to newest"}
            </Button>
          )}
          <TailFoot state={state} what={WHAT} onMore={older} />
        </div>
      )}
      {open !== undefined && (
        <LineDrawer
          id={open}
          source={source}
          rows={rows}
          onOpen={onOpen}
          onClose={() => onOpen(undefined)}
          onClosed={() => list.current?.focus()}
        />
      )}
    </>
  );
}

/** How many lines came since the end was left. */
function useUnseen(rows: readonly LogEntry[], follow: boolean): number {
  const newest = rows.at(-1)?.id;
  const [seen, setSeen] = useState(newest);
  useEffect(() => {
    if (follow) setSeen(newest);
  }, [follow, newest]);
  if (follow || seen === undefined) return 0;
  let count = 0;
  while (count < rows.length && (rows[rows.length - 1 - count]?.id ?? 0) > seen) count += 1;
  return count;
}

interface LinesProps extends ListProps {
  rows: readonly LogEntry[];
  complete: boolean;
  onNearStart: () => void;
  list: React.RefObject<VirtualRowsHandle | null>;
}

const ROW =
  "grid items-baseline gap-x-2 px-1 grid-cols-[4rem_1.75rem_minmax(0,1fr)] md:gap-x-3 md:grid-cols-[9.5rem_1.75rem_minmax(0,1fr)] !border-b-line/50 font-mono text-xs";

function Lines({ source, rows, complete, wrap, follow, onFollow, onOpen, onNearStart, list }: LinesProps) {
  const narrow = useNarrow();
  return (
    <VirtualRows
      key={`${wrap} ${narrow}`}
      ref={list}
      label={source === "agent" ? "Agent log" : "Gateway log"}
      rows={rows}
      keyOf={(entry) => entry.id}
      rowHeight={24}
      measured={wrap}
      complete={complete}
      rowClass={cx(ROW, wrap ? "py-[3px]" : "leading-6")}
      anchor="end"
      follow={follow}
      onOpen={(entry) => onOpen(entry.id)}
      onNearStart={onNearStart}
      onMove={({ end, backwards }) => {
        if (end !== follow && (end || backwards)) onFollow(end);
      }}
      className="min-h-0 flex-1 border-y bg-surface"
    >
      {(entry) => <Line entry={entry} wrap={wrap} narrow={narrow} />}
    </VirtualRows>
  );
}

function Line({ entry, wrap, narrow }: { entry: LogEntry; wrap: boolean; narrow: boolean }): ReactNode {
  const { message } = entry;
  const shown = cut(message, MOST_IN_ROW);
  return (
    <>
      <Cell className="text-muted tabular-nums" title={entry.timestamp}>
        {stamp(entry.timestamp, narrow)}
      </Cell>
      <Cell>
        <LevelChip level={entry.level} />
      </Cell>
      <Cell className={wrap ? "min-w-0 [overflow-wrap:anywhere] whitespace-pre-wrap" : "truncate"}>
        <LogText text={shown} />
        {shown.length < message.length && (
          <span className="text-muted"> … {short(message.length - shown.length)} more characters</span>
        )}
        <Fields fields={entry.fields} />
      </Cell>
    </>
  );
}

function Fields({ fields }: { fields: LogEntry["fields"] }): ReactNode {
  const text = Object.entries(fields)
    // Where in the program a line comes from is of use in the line's own view.
    .filter(([name, value]) => name !== "target" || !value.startsWith("octoporty"))
    .map(([name, value]) => ` ${name}=${value}`)
    .join("");
  if (text === "") return null;
  return (
    <span className="text-muted">
      <LogText text={cut(text, MOST_IN_ROW)} />
    </span>
  );
}

const two = (figure: number, digits = 2) => String(figure).padStart(digits, "0");

/** The reader's own time to the millisecond, or to the second where there is little room. */
export function stamp(timestamp: string, narrow: boolean): string {
  const at = new Date(timestamp);
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  if (narrow) return time;
  return `${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}.${two(at.getMilliseconds(), 3)}`;
}

interface LineDrawerProps {
  id: number;
  source: LogSource;
  rows: readonly LogEntry[];
  onOpen: (id: number) => void;
  onClose: () => void;
  onClosed: () => void;
}

function LineDrawer({ id, source, rows, ...close }: LineDrawerProps): ReactNode {
  const at = rows.findIndex((entry) => entry.id === id);
  const fetchOne = (wanted: number, signal: AbortSignal) => logById(source, wanted, signal);
  const { row, query } = useRowOf(`${source} log`, { id, known: rows[at], fetchOne });
  return (
    <RowDrawer
      title="Log detail"
      what="The line"
      gone="The log keeps a limited number of lines; this one may have been older."
      row={row}
      query={query}
      above={at > 0 ? rows[at - 1] : undefined}
      below={at >= 0 ? rows[at + 1] : undefined}
      {...close}
    >
      {(entry) => <LogDetail key={entry.id} entry={entry} />}
    </RowDrawer>
  );
}
