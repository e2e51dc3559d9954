import { ChevronRight } from "lucide-react";
import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";
import { cx } from "../../ui/classes";
import { ancestors, firstOpen, type Json, moved, type Row, rowsOf } from "./tree-model";

interface TreeProps {
  label: string;
  value: Json;
  /** What is marked with a word, by pointer. */
  marks: ReadonlyMap<string, string>;
  /** The line to go to; a new object goes there again. */
  goTo: { pointer: string } | null;
}

const KIND: Record<Row["kind"], string> = {
  text: "text-ink",
  figure: "text-accent",
  word: "text-accent",
  branch: "text-muted",
};

/** A value to unfold: arrows, Home, End, Enter and a click. */
export function JsonTree({ label, value, marks, goTo }: TreeProps): ReactNode {
  const id = useId();
  const [open, setOpen] = useState(() => firstOpen(value, [...marks.keys()]));
  const [at, setAt] = useState("");
  /** The line that gets the focus once it is drawn. */
  const next = useRef<string | null>(null);
  const rows = rowsOf(value, open);
  // What had the focus may be gone with the change of the value.
  const current = Math.max(
    0,
    rows.findIndex((row) => row.pointer === at),
  );
  useEffect(() => {
    if (!goTo) return;
    next.current = goTo.pointer;
    setOpen((now) => new Set([...now, ...ancestors(goTo.pointer), goTo.pointer]));
    setAt(goTo.pointer);
  }, [goTo]);
  useEffect(() => {
    if (next.current === null) return;
    document.getElementById(id + next.current)?.focus();
    next.current = null;
  });

  const toggle = (row: Row | undefined) => {
    if (row?.open === undefined) return;
    setOpen((now) => {
      const opened = new Set(now);
      if (!opened.delete(row.pointer)) opened.add(row.pointer);
      return opened;
    });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const row = rows[current];
    const to = moved(rows, current, event.key);
    const turns =
      ["Enter", " "].includes(event.key) ||
      (event.key === "ArrowRight" && row?.open === false) ||
      (event.key === "ArrowLeft" && row?.open === true);
    if (to !== undefined) {
      const pointer = rows[to]?.pointer ?? "";
      next.current = pointer;
      setAt(pointer);
    } else if (turns) toggle(row);
    else return;
    event.preventDefault();
  };

  return (
    <div
      role="tree"
      tabIndex={-1}
      aria-label={label}
      onKeyDown={onKeyDown}
      className="overflow-x-auto rounded-md border bg-surface py-1.5 font-mono text-sm"
    >
      {rows.map((row, index) => (
        <TreeRow
          key={row.pointer}
          id={id + row.pointer}
          row={row}
          current={index === current}
          mark={marks.get(row.pointer)}
          onChosen={() => {
            setAt(row.pointer);
            toggle(row);
          }}
        />
      ))}
    </div>
  );
}

interface RowProps {
  id: string;
  row: Row;
  current: boolean;
  mark: string | undefined;
  onChosen: () => void;
}

function TreeRow({ id, row, current, mark, onChosen }: RowProps): ReactNode {
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the tree.
    <div
      id={id}
      role="treeitem"
      tabIndex={current ? 0 : -1}
      aria-level={row.level}
      aria-posinset={row.place}
      aria-setsize={row.siblings}
      aria-expanded={row.open}
      aria-selected={current}
      onClick={onChosen}
      style={{ paddingLeft: `${(row.level - 1) * 16 + 8}px` }}
      className={cx(
        "flex w-max min-w-full items-center gap-1.5 pr-3 leading-6 [content-visibility:auto] [contain-intrinsic-height:24px] focus-visible:-outline-offset-2 pointer-coarse:leading-9",
        row.open !== undefined && "cursor-pointer hover:bg-hover",
        mark && "bg-accent-wash",
      )}
    >
      <ChevronRight
        size={14}
        strokeWidth={1.75}
        aria-hidden="true"
        className={cx(
          "shrink-0 text-muted transition-transform duration-100",
          row.open && "rotate-90",
          row.open === undefined && "invisible",
        )}
      />
      <span className="text-muted">{row.name}:</span>
      <span className={cx("whitespace-pre", KIND[row.kind])}>{row.text}</span>
      {mark && <span className="ml-2 font-sans text-xs font-medium text-ink">{mark}</span>}
    </div>
  );
}
