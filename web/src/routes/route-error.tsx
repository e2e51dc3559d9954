import type { ErrorComponentProps } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { messageOf } from "../api/problem";
import { Button } from "../ui/button";
import { Notice } from "../ui/notice";

/** A page failed to load or to draw; the rest of the console goes on. */
export function RouteError({ error }: ErrorComponentProps): ReactNode {
  return (
    <div className="mx-auto max-w-2xl p-4 pt-16">
      <Notice
        tone="bad"
        title="This page failed"
        action={<Button onClick={() => window.location.reload()}>Reload</Button>}
      >
        {messageOf(error)} After an update of the agent, a reload fetches the new page.
      </Notice>
    </div>
  );
}
