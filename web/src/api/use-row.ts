import { type UseQueryResult, useQuery } from "@tanstack/react-query";

interface RowSource<T> {
  id: number;
  /** The row, if the list has it. */
  known: T | undefined;
  fetchOne: (id: number, signal: AbortSignal) => Promise<T | null>;
}

/** A row of a log by its id: the list's own, else the API's. */
export function useRowOf<T>(
  kind: string,
  { id, known, fetchOne }: RowSource<T>,
): { row: T | undefined; query: UseQueryResult<T | null> } {
  const query = useQuery({
    queryKey: ["row", kind, id],
    queryFn: ({ signal }) => fetchOne(id, signal),
    enabled: known === undefined,
    staleTime: Number.POSITIVE_INFINITY,
  });
  return { row: known ?? query.data ?? undefined, query };
}
