import { isRange, type RequestFilter, STATUS_CLASSES } from "../../api/request-log";

/** What the address says: the filter, and the request whose particulars are shown. */
export interface RequestSearch extends RequestFilter {
  request?: number | undefined;
}

/** A text of the address; the router reads figures as numbers. */
export function text(value: unknown): string | undefined {
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value !== "" ? value : undefined;
}

export function moment(value: unknown): string | undefined {
  return typeof value === "string" && !Number.isNaN(Date.parse(value)) ? value : undefined;
}

export function rowId(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : undefined;
}

export function requestSearch(raw: Record<string, unknown>): RequestSearch {
  return {
    q: text(raw["q"]),
    mapping: text(raw["mapping"]),
    method: text(raw["method"])?.toUpperCase(),
    status: STATUS_CLASSES.find((known) => known === raw["status"]),
    path: text(raw["path"]),
    client: text(raw["client"]),
    range: isRange(raw["range"]) ? raw["range"] : undefined,
    since: moment(raw["since"]),
    until: moment(raw["until"]),
    request: rowId(raw["request"]),
  };
}
