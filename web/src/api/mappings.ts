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

/** A mapping to change, with the tag of the state that the change is based on. */
export interface Editable {
  mapping: Mapping;
  tag: string | null;
}

/** Fetched anew for each form, and apart from what news keep up to date: the tag has to be of what the form shows. */
export function editableQuery(id: string) {
  return queryOptions({
    queryKey: ["editable", id],
    queryFn: async ({ signal }): Promise<Editable> => {
      const answer = await client.GET("/api/v1/mappings/{id}", { signal, params: { path: { id } } });
      return { mapping: await bodyOf(Promise.resolve(answer)), tag: answer.response.headers.get("etag") };
    },
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** Replaces a mapping; refused with 412 when somebody else changed it since `tag`. */
export function updateMapping({ mapping, tag }: Editable, body: MappingInput): Promise<Mapping> {
  const header = tag ? { "If-Match": tag } : {};
  return bodyOf(client.PUT("/api/v1/mappings/{id}", { body, params: { path: { id: mapping.id }, header } }));
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
