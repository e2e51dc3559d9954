import { queryOptions } from "@tanstack/react-query";
import { bodyOf, client } from "./client";

/** How many requests a mapping's own page shows. */
export const RECENT = 20;

/** The newest requests of a mapping; the events stream puts later ones on top. */
export function recentRequestsQuery(mappingId: string) {
  return queryOptions({
    queryKey: ["requests", mappingId],
    queryFn: async ({ signal }) => {
      const query = { mappingId, count: RECENT };
      return (await bodyOf(client.GET("/api/v1/logs/requests", { signal, params: { query } }))).items;
    },
  });
}
