import { useSyncExternalStore } from "react";

/** Under this a page is laid out for a phone; the same as Tailwind's `md`. */
const NARROW = "(width < 768px)";

function subscribe(listener: () => void): () => void {
  const query = window.matchMedia(NARROW);
  query.addEventListener("change", listener);
  return () => query.removeEventListener("change", listener);
}

export function useNarrow(): boolean {
  return useSyncExternalStore(subscribe, () => window.matchMedia(NARROW).matches);
}
