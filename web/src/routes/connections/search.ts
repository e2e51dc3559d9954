import { type ConnectionFilter, isEnd } from "../../api/connection-log";
import { isRange } from "../../api/request-log";
import { moment, rowId } from "../requests/search";

/** What the address says: the filter, and the session whose particulars are shown. */
export interface ConnectionSearch extends ConnectionFilter {
  session?: number | undefined;
}

export function connectionSearch(raw: Record<string, unknown>): ConnectionSearch {
  return {
    range: isRange(raw["range"]) ? raw["range"] : undefined,
    since: moment(raw["since"]),
    until: moment(raw["until"]),
    end: isEnd(raw["end"]) ? raw["end"] : undefined,
    session: rowId(raw["session"]),
  };
}
