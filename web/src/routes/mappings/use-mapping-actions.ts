import { useMutation, useQueryClient } from "@tanstack/react-query";
import { dropMapping, putMapping } from "../../api/live";
import { deleteMapping, mappingsQuery, toggleMapping } from "../../api/mappings";
import type { Mapping } from "../../api/model";
import { messageOf, Problem } from "../../api/problem";
import { toast } from "../../ui/toast";

/** Switches a mapping on or off: shown at once, and taken back when the server refuses. */
export function useToggleMapping() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (mapping: Mapping) => toggleMapping(mapping.id, !mapping.enabled),
    onMutate: async (mapping) => {
      await cache.cancelQueries({ queryKey: mappingsQuery.queryKey });
      putMapping(cache, { ...mapping, enabled: !mapping.enabled });
    },
    onSuccess: (mapping) => {
      putMapping(cache, mapping);
      toast(`${mapping.name} ${mapping.enabled ? "enabled" : "disabled"}`);
    },
    onError: (error, mapping) => {
      putMapping(cache, mapping);
      toast(`${mapping.name} was not changed: ${messageOf(error)}`, "bad");
      void cache.invalidateQueries({ queryKey: mappingsQuery.queryKey });
    },
  });
}

/** Deletes a mapping; one that is gone already counts as deleted. */
export function useDeleteMapping(onDeleted: (mapping: Mapping) => void) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: async (mapping: Mapping) => {
      try {
        await deleteMapping(mapping.id);
      } catch (error) {
        if (!(error instanceof Problem && error.status === 404)) throw error;
      }
    },
    onSuccess: (_, mapping) => {
      onDeleted(mapping);
      dropMapping(cache, mapping.id);
      toast(`${mapping.name} deleted`);
    },
  });
}
