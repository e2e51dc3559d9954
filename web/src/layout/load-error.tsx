import type { ReactNode } from "react";
import { messageOf, Problem } from "../api/problem";
import { Button } from "../ui/button";
import { Notice } from "../ui/notice";

interface FailedQuery {
  error: Error | null;
  refetch: () => unknown;
}

/** A part of a page could not be loaded: why, and a button to try again. */
export function LoadError({
  what,
  query,
  className,
}: {
  what: string;
  query: FailedQuery;
  className?: string;
}): ReactNode {
  const { error } = query;
  return (
    <Notice
      tone="bad"
      title={`${what} could not be loaded`}
      action={<Button onClick={() => void query.refetch()}>Try again</Button>}
      {...(className ? { className } : {})}
    >
      {messageOf(error)}
      {error instanceof Problem && error.requestId && (
        <span className="block font-mono text-xs">Request id {error.requestId}</span>
      )}
    </Notice>
  );
}
