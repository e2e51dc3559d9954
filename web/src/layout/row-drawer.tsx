import type { UseQueryResult } from "@tanstack/react-query";
import { type ReactNode, useEffect, useRef } from "react";
import { Drawer } from "../ui/drawer";
import { Empty } from "../ui/notice";
import { Skeleton } from "../ui/skeleton";
import { LoadError } from "./load-error";

interface RowDrawerProps<T extends { id: number }> {
  title: ReactNode;
  /** As a sentence begins: "The request". */
  what: string;
  /** Why it may not be there any more. */
  gone: string;
  row: T | undefined;
  query: UseQueryResult<T | null>;
  above: T | undefined;
  below: T | undefined;
  onOpen: (id: number) => void;
  onClose: () => void;
  /** The list may have the focus again; it cannot while the drawer is there. */
  onClosed: () => void;
  children: (row: T) => ReactNode;
}

/** A row's particulars, its neighbours a press away. */
export function RowDrawer<T extends { id: number }>(props: RowDrawerProps<T>): ReactNode {
  const { row, query, above, below, onOpen, what } = props;
  const closed = useRef(props.onClosed);
  closed.current = props.onClosed;
  useEffect(() => () => closed.current(), []);
  return (
    <Drawer
      title={props.title}
      onClose={props.onClose}
      onUp={above && (() => onOpen(above.id))}
      onDown={below && (() => onOpen(below.id))}
    >
      {row && props.children(row)}
      {!row && query.isError && <LoadError what={what} query={query} />}
      {!row && query.isSuccess && <Empty title={`${what} is not there`}>{props.gone}</Empty>}
      {!row && query.isPending && (
        <div role="status" aria-label="Loading">
          <Skeleton className="w-3/4" />
          <Skeleton className="mt-4 !h-24" />
        </div>
      )}
    </Drawer>
  );
}
