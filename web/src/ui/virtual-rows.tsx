import { defaultRangeExtractor, type Range, useVirtualizer, type Virtualizer } from "@tanstack/react-virtual";
import {
  type KeyboardEvent,
  type ReactNode,
  type Ref,
  type RefObject,
  useEffect,
  useId,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import { cx } from "./classes";

/** Rows drawn before and after what is seen, so that a quick scroll meets no gap. */
const OVERSCAN = 12;
/** More is asked for when this many rows are left before an end. */
const NEAR = 30;
/** Closer than this to an end counts as at it; pixels. */
const AT_EDGE_PX = 24;
/** Height of the head, pixels: the same as its class. */
const HEAD_PX = 32;

/** Where the reader is. */
export interface Edges {
  start: boolean;
  end: boolean;
  /** Whether the last move went towards the start. */
  backwards: boolean;
}

export interface VirtualRowsHandle {
  focus: () => void;
  toStart: () => void;
}

interface VirtualRowsProps<T> {
  label: string;
  /** In the order in which they are shown. */
  rows: readonly T[];
  keyOf: (row: T) => number;
  /** A row's height in pixels; with `measured` only a first guess. */
  rowHeight: number;
  measured?: boolean;
  /** Whether all rows there are have been loaded: a list that goes on has no known length. */
  complete: boolean;
  /** The column heads. */
  head?: ReactNode;
  /** Classes of each row: its columns. */
  rowClass: string;
  /** The cells of a row. */
  children: (row: T) => ReactNode;
  /** The row was clicked, or Enter pressed on it. */
  onOpen: (row: T) => void;
  onNearStart?: () => void;
  onNearEnd?: () => void;
  onMove?: (edges: Edges) => void;
  /** `end`: rows are added and removed before what is read, which stays where it is. */
  anchor?: "start" | "end";
  /** Whether the last row is kept in sight when rows are added. */
  follow?: boolean;
  className?: string;
  ref?: Ref<VirtualRowsHandle>;
}

type Scroller = Virtualizer<HTMLDivElement, HTMLDivElement>;

/**
 * A table of any length of which only what is seen is in the document. One stop of the Tab key: the arrow keys, Home,
 * End and the page keys move over the rows, Enter opens one.
 */
export function VirtualRows<T>(props: VirtualRowsProps<T>): ReactNode {
  const { label, rows, keyOf, rowHeight, head, complete, anchor = "start", onOpen } = props;
  const id = useId();
  const scroller = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState<number | null>(null);
  const activeIndex = active === null ? -1 : rows.findIndex((row) => keyOf(row) === active);
  const margin = head ? HEAD_PX : 0;
  const virtual = useVirtualizer<HTMLDivElement, HTMLDivElement>({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    getItemKey: (index) => keyAt(rows, keyOf, index),
    overscan: OVERSCAN,
    scrollMargin: margin,
    scrollPaddingStart: margin,
    anchorTo: anchor,
    scrollEndThreshold: AT_EDGE_PX,
    rangeExtractor: (range) => withActive(range, activeIndex),
  });
  useFollow(virtual, props);
  useNearEdges(virtual, props);
  const onScroll = useMoves(scroller, props.onMove);
  useImperativeHandle(props.ref, () => ({
    focus: () => scroller.current?.focus({ preventScroll: true }),
    toStart: () => virtual.scrollToOffset(0),
  }));
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target !== scroller.current) return;
    const row = rows[activeIndex];
    if (row && (event.key === "Enter" || event.key === " ")) onOpen(row);
    else {
      const next = target(event.key, activeIndex, virtual);
      if (next === undefined) return;
      setActive(keyAt(rows, keyOf, next));
      // Told at once, and not when the scroll is noticed: what comes meanwhile must not take the reader along.
      if (next < rows.length - 1) props.onMove?.({ start: next === 0, end: false, backwards: true });
      virtual.scrollToIndex(next, { align: "auto" });
    }
    event.preventDefault();
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a <table> cannot leave out the rows that are not seen.
    <div
      ref={scroller}
      role="grid"
      aria-label={label}
      aria-rowcount={complete ? rows.length + (head ? 1 : 0) : -1}
      aria-activedescendant={activeIndex < 0 ? undefined : `${id}-${active}`}
      tabIndex={0}
      onKeyDown={onKeyDown}
      onScroll={onScroll}
      className={cx(
        "group/rows relative overflow-auto overscroll-contain focus-visible:-outline-offset-2",
        props.className,
      )}
    >
      {head && <Head rowClass={props.rowClass}>{head}</Head>}
      <Body
        {...props}
        virtual={virtual}
        margin={margin}
        id={id}
        activeIndex={activeIndex}
        onChoose={setActive}
      />
    </div>
  );
}

function Head({ rowClass, children }: { rowClass: string; children: ReactNode }): ReactNode {
  return (
    // biome-ignore lint/a11y/useSemanticElements: as above.
    <div role="rowgroup" className="sticky top-0 z-10 max-md:sr-only">
      {/* biome-ignore lint/a11y/useSemanticElements: as above. */}
      {/* biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus. */}
      <div
        role="row"
        aria-rowindex={1}
        className={cx(
          "h-8 items-center border-b bg-ground text-left text-xs font-medium text-muted",
          rowClass,
        )}
      >
        {children}
      </div>
    </div>
  );
}

interface BodyProps<T> extends VirtualRowsProps<T> {
  virtual: Scroller;
  margin: number;
  id: string;
  activeIndex: number;
  onChoose: (key: number) => void;
}

function Body<T>(props: BodyProps<T>): ReactNode {
  const { virtual, rows, keyOf, head, measured, rowHeight, margin, id, activeIndex } = props;
  return (
    // biome-ignore lint/a11y/useSemanticElements: as above.
    <div role="rowgroup" className="relative" style={{ height: virtual.getTotalSize() }}>
      {virtual.getVirtualItems().map((item) => {
        const row = rows[item.index];
        if (row === undefined) return null;
        return (
          // biome-ignore lint/a11y/useSemanticElements: as above.
          // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus and tells which row is active.
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the grid's.
          <div
            key={item.key}
            ref={measured ? virtual.measureElement : null}
            data-index={item.index}
            role="row"
            id={`${id}-${keyOf(row)}`}
            aria-rowindex={item.index + (head ? 2 : 1)}
            onClick={() => {
              // Whoever marks a text wants to copy it.
              if (window.getSelection()?.toString()) return;
              props.onChoose(keyOf(row));
              props.onOpen(row);
            }}
            className={cx(
              "absolute inset-x-0 top-0 cursor-pointer border-b hover:bg-hover",
              item.index === activeIndex && "group-focus-visible/rows:bg-accent-wash",
              props.rowClass,
            )}
            style={{
              transform: `translateY(${item.start - margin}px)`,
              ...(measured ? {} : { height: rowHeight }),
            }}
          >
            {props.children(row)}
          </div>
        );
      })}
    </div>
  );
}

function keyAt<T>(rows: readonly T[], keyOf: (row: T) => number, index: number): number {
  const row = rows[index];
  return row === undefined ? -1 - index : keyOf(row);
}

/** The active row stays in the document when it is scrolled out of sight: the grid refers to it. */
function withActive(range: Range, active: number): number[] {
  const shown = defaultRangeExtractor(range);
  if (active < 0 || active >= range.count || shown.includes(active)) return shown;
  return [...shown, active].sort((a, b) => a - b);
}

/** The row that a key leads to; from what is seen when no row in sight is active. */
function target(key: string, active: number, virtual: Scroller): number | undefined {
  const { range } = virtual;
  const { count } = virtual.options;
  if (!range || count === 0) return undefined;
  const page = Math.max(1, range.endIndex - range.startIndex - 1);
  const seen = active >= range.startIndex && active <= range.endIndex;
  const down = seen ? active : range.startIndex - 1;
  const up = seen ? active : range.endIndex + 1;
  const to = {
    ArrowDown: down + 1,
    ArrowUp: up - 1,
    PageDown: down + page,
    PageUp: up - page,
    Home: 0,
    End: count - 1,
  }[key];
  return to === undefined ? undefined : Math.min(count - 1, Math.max(0, to));
}

function useFollow<T>(virtual: Scroller, { follow, rows, keyOf }: VirtualRowsProps<T>): void {
  const newest = keyAt(rows, keyOf, rows.length - 1);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each new last row is followed.
  useLayoutEffect(() => {
    if (follow) virtual.scrollToEnd();
  }, [follow, newest, virtual]);
}

function useNearEdges<T>(virtual: Scroller, props: VirtualRowsProps<T>): void {
  const { rows, follow, onNearStart, onNearEnd } = props;
  /** For how many rows each end has asked: who is still near when more have come asks again, a failure does not. */
  const asked = useRef({ start: -1, end: -1 });
  // After each drawing, since only that says what is in sight.
  useEffect(() => {
    const { range } = virtual;
    if (!range) return;
    const fills = virtual.getTotalSize() > (virtual.scrollRect?.height ?? 0);
    // The way to the end begins at the start: only who has left the end, or sees all there is, is near the start.
    const near = {
      start: range.startIndex < NEAR && (!follow || !fills),
      end: range.endIndex >= rows.length - NEAR,
    };
    for (const edge of ["start", "end"] as const) {
      const before = asked.current[edge];
      asked.current[edge] = near[edge] ? rows.length : -1;
      if (near[edge] && before !== rows.length) (edge === "start" ? onNearStart : onNearEnd)?.();
    }
  });
}

function useMoves(scroller: RefObject<HTMLDivElement | null>, onMove?: (edges: Edges) => void): () => void {
  const before = useRef(0);
  return () => {
    const element = scroller.current;
    if (!element) return;
    const { scrollTop, scrollHeight, clientHeight } = element;
    const backwards = scrollTop < before.current;
    before.current = scrollTop;
    onMove?.({
      start: scrollTop <= AT_EDGE_PX,
      end: scrollHeight - clientHeight - scrollTop <= AT_EDGE_PX,
      backwards,
    });
  };
}

export function HeadCell({ children, className }: { children: ReactNode; className?: string }): ReactNode {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a cell of a grid that is no <table>.
    // biome-ignore lint/a11y/useFocusableInteractive: it does nothing.
    <span role="columnheader" className={cx("truncate", className)}>
      {children}
    </span>
  );
}

export function Cell({
  children,
  className,
  title,
}: {
  children: ReactNode;
  className?: string;
  title?: string | undefined;
}): ReactNode {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a cell of a grid that is no <table>.
    // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus.
    <span role="gridcell" className={className} title={title}>
      {children}
    </span>
  );
}
