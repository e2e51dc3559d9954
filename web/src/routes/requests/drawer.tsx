import type { ReactNode } from "react";
import type { RequestLogEntry } from "../../api/model";
import { useRowOf } from "../../api/use-row";
import { RowDrawer } from "../../layout/row-drawer";
import { RequestDetail } from "./detail";

interface RequestDrawerProps {
  id: number;
  rows: readonly RequestLogEntry[];
  fetchOne: (id: number, signal: AbortSignal) => Promise<RequestLogEntry | null>;
  onOpen: (id: number) => void;
  onClose: () => void;
  onClosed: () => void;
}

/** A request's particulars beside the list; of one that is not in the list too, as a link may lead to. */
export function RequestDrawer({ id, rows, fetchOne, ...close }: RequestDrawerProps): ReactNode {
  const at = rows.findIndex((row) => row.id === id);
  const { row, query } = useRowOf("request", { id, known: rows[at], fetchOne });
  return (
    <RowDrawer
      title={row ? `${row.method} ${row.path}` : "Request"}
      what="The request"
      gone="It may have been older than the log is kept."
      row={row}
      query={query}
      above={at > 0 ? rows[at - 1] : undefined}
      below={at >= 0 ? rows[at + 1] : undefined}
      {...close}
    >
      {(known) => <RequestDetail request={known} />}
    </RowDrawer>
  );
}
