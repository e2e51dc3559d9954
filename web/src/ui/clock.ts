import { useSyncExternalStore } from "react";

/**
 * One clock for the whole page: every relative time, countdown and rate moves on the same beat, and no component keeps
 * a timer of its own.
 */
const BEAT_MS = 1_000;
const listeners = new Set<() => void>();
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  if (listeners.size === 0) {
    now = Date.now();
    timer = setInterval(() => {
      now = Date.now();
      for (const each of listeners) each();
    }, BEAT_MS);
  }
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) clearInterval(timer);
  };
}

/** The time in Unix milliseconds, renewed each second while the component is shown. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}
