import { queryOptions } from "@tanstack/react-query";
import { bodyOf, client } from "./client";
import type { GatewayUpdate } from "./model";

/** Caddy tells nobody that its configuration was changed: it is asked this often while the page is open, in milliseconds. */
const CADDY_MS = 10_000;

export const caddyConfigQuery = queryOptions({
  queryKey: ["caddy-config"],
  queryFn: ({ signal }) => bodyOf(client.GET("/api/v1/gateway/caddy-config", { signal })),
  staleTime: 0,
  refetchInterval: CADDY_MS,
});

/** Asks the gateway to have itself updated to this agent's release. */
export function updateGateway(): Promise<GatewayUpdate> {
  return bodyOf(client.POST("/api/v1/gateway/update", { body: { force: false } }));
}
