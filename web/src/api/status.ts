import { queryOptions } from "@tanstack/react-query";
import { bodyOf, client, done } from "./client";

export const statusQuery = queryOptions({
  queryKey: ["status"],
  queryFn: ({ signal }) => bodyOf(client.GET("/api/v1/status", { signal })),
});

/** Drops the session and dials at once, from any state. */
export async function forceReconnect(): Promise<void> {
  await done(client.POST("/api/v1/reconnect"));
}
