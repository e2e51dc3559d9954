import { useEffect, useState, useSyncExternalStore } from "react";
import type { LiveEvent } from "./live";
import { useLive } from "./live-context";
import { Tail, type TailState } from "./tail";

interface TailSource<T> {
  load: Tail<T & { id: number }>["options"]["load"];
  matches: (row: T) => boolean;
  /** The rows of an event of the stream, oldest first; nothing when it is about something else. */
  rowsOf: (event: LiveEvent) => readonly T[] | undefined;
}

/** A log's tail for as long as the component is shown; another filter is another component (by its key). */
export function useTail<T extends { id: number }>(source: TailSource<T>): [Tail<T>, TailState<T>] {
  const live = useLive();
  const [{ rowsOf }] = useState(source);
  const [tail] = useState(() => new Tail<T>({ load: source.load, matches: source.matches }));
  useEffect(() => {
    const stop = live.listen({
      onEvent: (event) => {
        const rows = rowsOf(event);
        if (rows) tail.add(rows);
      },
      onGap: () => void tail.reload(),
    });
    void tail.reload();
    return () => {
      stop();
      tail.stop();
    };
  }, [live, tail, rowsOf]);
  return [tail, useSyncExternalStore(tail.subscribe, tail.state)];
}
