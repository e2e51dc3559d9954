import { queryOptions } from "@tanstack/react-query";
import { bodyOf, client } from "./client";

/** Figures move on with time even when nothing happens; milliseconds. */
const EVERY_MS = 5_000;

export const statsQuery = queryOptions({
  queryKey: ["stats"],
  queryFn: ({ signal }) => bodyOf(client.GET("/api/v1/stats/live", { signal })),
  refetchInterval: EVERY_MS,
  staleTime: 1_000,
});
