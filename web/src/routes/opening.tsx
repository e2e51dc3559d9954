import type { ReactNode } from "react";
import { Mark } from "../ui/mark";

/** Stands while a slow console is asked whether this browser is logged in: an empty page would look broken. */
export function Opening(): ReactNode {
  return (
    <div role="status" className="flex flex-col items-center gap-4 pt-32 text-sm text-muted">
      <span className="text-accent">
        <Mark size={36} />
      </span>
      Asking the console…
    </div>
  );
}
