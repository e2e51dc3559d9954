import { useBlocker } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { ConfirmDialog } from "../ui/dialog";

/** Asks before a page with unsaved changes is left, by a link as well as by closing the tab. */
export function LeaveGuard({ when, what }: { when: boolean; what: string }): ReactNode {
  const blocker = useBlocker({
    shouldBlockFn: () => when,
    enableBeforeUnload: () => when,
    withResolver: true,
  });
  if (blocker.status !== "blocked") return null;
  return (
    <ConfirmDialog
      title="Leave without saving?"
      action="Leave"
      onConfirm={blocker.proceed}
      onCancel={blocker.reset}
    >
      {what} has unsaved changes. They are lost when you leave.
    </ConfirmDialog>
  );
}
