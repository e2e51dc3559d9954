import { type UseMutationResult, useMutation, useQueryClient } from "@tanstack/react-query";
import { messageOf } from "../api/problem";
import { forceReconnect, statusQuery } from "../api/status";
import { toast } from "../ui/toast";

/** Drops the session and dials at once; the state follows by the events stream. */
export function useReconnect(): UseMutationResult<void, Error, void> {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: forceReconnect,
    onSuccess: () => {
      toast("Reconnecting to the gateway", "moving");
      return cache.invalidateQueries({ queryKey: statusQuery.queryKey });
    },
    onError: (error) => toast(`Not reconnected: ${messageOf(error)}`, "bad"),
  });
}
