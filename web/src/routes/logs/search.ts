import { LEVELS, type LogFilter } from "../../api/logs";
import { text } from "../requests/search";

/** What the address says of the filter. */
export function logSearch(raw: Record<string, unknown>): LogFilter {
  return { level: LEVELS.find((known) => known === raw["level"]), q: text(raw["q"]) };
}
