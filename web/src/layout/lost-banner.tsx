import { Unplug } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { useFeedState } from "../api/live";
import { useLive } from "../api/live-context";

/** A stream that is back within this is no news, in milliseconds. */
const PATIENCE_MS = 1_500;

/** Says that what is on the screen is no longer live. */
export function LostBanner(): ReactNode {
  const lost = useFeedState(useLive()) === "lost";
  const [shown, setShown] = useState(false);
  useEffect(() => {
    if (!lost) {
      setShown(false);
      return;
    }
    const timer = setTimeout(() => setShown(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [lost]);
  if (!shown) return null;
  return (
    <div
      role="alert"
      className="flex items-center gap-2.5 border-b border-warn/40 bg-warn-wash px-4 py-2 text-sm md:px-8"
    >
      <Unplug size={16} strokeWidth={1.75} aria-hidden="true" className="shrink-0 text-warn" />
      <p>
        <span className="font-medium">Lost the connection to this console.</span>{" "}
        <span className="text-muted">What you see may be old. Trying again by itself.</span>
      </p>
    </div>
  );
}
