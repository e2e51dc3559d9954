import { X } from "lucide-react";
import { type ReactNode, useSyncExternalStore } from "react";
import { IconButton } from "./button";
import { StateDot, type Tone } from "./state";

/** How long a toast stays, in milliseconds; long enough to read two lines. */
const STAY_MS = 6_000;
/** Most toasts at once; older ones leave first, so that a storm of news does not cover the page. */
const MOST = 3;

interface Toast {
  id: number;
  tone: Tone;
  text: string;
}

let toasts: readonly Toast[] = [];
let nextId = 1;
const listeners = new Set<() => void>();

function publish(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

/** Says something that happened elsewhere or later. What a form did is answered in the form. */
export function toast(text: string, tone: Tone = "good"): void {
  const id = nextId++;
  publish([...toasts, { id, tone, text }].slice(-MOST));
  setTimeout(() => dismiss(id), STAY_MS);
}

function dismiss(id: number): void {
  publish(toasts.filter((one) => one.id !== id));
}

/** Takes every toast away (for tests and on logging out). */
export function clearToasts(): void {
  publish([]);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function Toasts(): ReactNode {
  const shown = useSyncExternalStore(subscribe, () => toasts);
  return (
    <section
      aria-label="Notifications"
      aria-live="polite"
      className="pointer-events-none fixed inset-x-4 bottom-4 z-50 flex flex-col items-end gap-2"
    >
      {shown.map((one) => (
        <div
          key={one.id}
          className="rise pointer-events-auto flex max-w-full items-center gap-2.5 rounded-md border bg-raised py-1.5 pr-1.5 pl-3 text-sm shadow-raised"
        >
          <StateDot tone={one.tone} />
          <span className="min-w-0 break-words">{one.text}</span>
          <IconButton
            icon={X}
            label="Close notification"
            onClick={() => dismiss(one.id)}
            className="size-7"
          />
        </div>
      ))}
    </section>
  );
}
