import { useSyncExternalStore } from "react";

export type Theme = "system" | "dark" | "light";

/** Read before the first paint by public/theme.js. */
const KEY = "octoporty.theme";
const listeners = new Set<() => void>();

export function theme(): Theme {
  const set = document.documentElement.dataset["theme"];
  return set === "dark" || set === "light" ? set : "system";
}

/** Chooses a theme and remembers it in this browser. */
export function setTheme(next: Theme): void {
  if (next === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = next;
  try {
    if (next === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
  } catch {
    // Storage may be forbidden; the choice then lasts as long as the page.
  }
  for (const listener of listeners) listener();
}

/** Whether the page is dark now, whoever chose it. */
export function isDark(): boolean {
  const chosen = theme();
  return chosen === "system" ? window.matchMedia("(prefers-color-scheme: dark)").matches : chosen === "dark";
}

export function useTheme(): Theme {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, theme);
}
