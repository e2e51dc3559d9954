import { type ReactNode, useEffect, useRef } from "react";
import { basePath } from "../api/base";

/**
 * Shows a landing page as visitors see it. What is written into a frame directly is under this page's policy, which lets
 * no picture of another server in; `preview.html` has one of its own, and runs none of the page's scripts.
 */
export function LandingPagePreview({ html }: { html: string }): ReactNode {
  const frame = useRef<HTMLIFrameElement>(null);
  const latest = useRef(html);
  useEffect(() => {
    latest.current = html;
    show(frame.current, html);
  }, [html]);
  return (
    <iframe
      ref={frame}
      title="Live Preview"
      // Its own script puts the page into a second frame, in which none runs.
      sandbox="allow-scripts"
      src={`${basePath}/preview.html`}
      onLoad={() => show(frame.current, latest.current)}
      className="h-[22rem] w-full rounded-md border bg-[white] lg:h-[28rem]"
    />
  );
}

/** A sandboxed frame has no origin that could be named. */
function show(frame: HTMLIFrameElement | null, html: string): void {
  frame?.contentWindow?.postMessage(html, "*");
}
