import { queryOptions } from "@tanstack/react-query";
import { bodyOf, client, done } from "./client";
import type { Mapping, MappingInput, TargetCheck, TestTargetInput } from "./model";

export const mappingsQuery = queryOptions({
  queryKey: ["mappings"],
  queryFn: ({ signal }) => bodyOf(client.GET("/api/v1/mappings", { signal })),
});

export function mappingQuery(id: string) {
  return queryOptions({
    queryKey: ["mappings", id],
    queryFn: ({ signal }) =>
      bodyOf(client.GET("/api/v1/mappings/{id}", { signal, params: { path: { id } } })),
  });
}

export function createMapping(body: MappingInput): Promise<Mapping> {
  return bodyOf(client.POST("/api/v1/mappings", { body }));
}

export function updateMapping(id: string, body: MappingInput): Promise<Mapping> {
  return bodyOf(client.PUT("/api/v1/mappings/{id}", { body, params: { path: { id } } }));
}

export function toggleMapping(id: string, enabled: boolean): Promise<Mapping> {
  return bodyOf(
    client.PATCH("/api/v1/mappings/{id}/toggle", { body: { enabled }, params: { path: { id } } }),
  );
}

export async function deleteMapping(id: string): Promise<void> {
  await done(client.DELETE("/api/v1/mappings/{id}", { params: { path: { id } } }));
}

/** Lets the agent dial a target and tells what it saw. */
export function checkTarget(body: TestTargetInput): Promise<TargetCheck> {
  return bodyOf(client.POST("/api/v1/mappings/test-target", { body }));
}
