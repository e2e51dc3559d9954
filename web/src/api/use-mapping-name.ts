import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { mappingsQuery } from "./mappings";
import type { RequestLogEntry } from "./model";

/**
 * The name that a request's mapping has now, or null when it was deleted. A row has the name of when it was read, and
 * stays on the page for longer.
 */
export function useMappingName(): (row: Pick<RequestLogEntry, "mappingId" | "mappingName">) => string | null {
  // Read, not asked for: the pages with rows have the list, and each row that asked would repeat what failed.
  const { data, isFetching } = useQuery({ ...mappingsQuery, enabled: false });
  const names = useMemo(() => data && new Map(data.map(({ id, name }) => [id, name])), [data]);
  return ({ mappingId, mappingName }) =>
    // One that is not in a list that is being fetched anew may have been made since.
    names?.get(mappingId) ?? (names && !isFetching ? null : mappingName);
}
