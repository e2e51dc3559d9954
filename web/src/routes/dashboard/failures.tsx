import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { LiveStats, RequestLogEntry } from "../../api/model";
import { STATUS_CLASSES } from "../../api/request-log";
import { useMappingName } from "../../api/use-mapping-name";
import { Skeleton } from "../../ui/skeleton";
import { Ago } from "../../ui/time";

/** How many failures the dashboard names. */
const MOST = 6;

/** A failure's stable code as words: `target_refused` is "target refused". */
export function codeWords(code: string): string {
  return code.replaceAll("_", " ");
}

export function Failures({ stats }: { stats: LiveStats | undefined }): ReactNode {
  if (!stats) {
    return (
      <div role="status" aria-label="Loading failures" className="border-t">
        {[1, 2, 3].map((row) => (
          <div key={row} className="flex h-12 items-center border-b px-1">
            <Skeleton className="w-52" />
          </div>
        ))}
      </div>
    );
  }
  const failures = stats.newestFailures.slice(0, MOST);
  if (failures.length === 0) {
    return (
      <p className="border-y px-1 py-3 text-sm text-muted">No request has failed in the last 15 minutes.</p>
    );
  }
  return (
    <ul className="border-t">
      {failures.map((failure) => (
        <FailureLine key={failure.requestId} failure={failure} />
      ))}
    </ul>
  );
}

const classOf = (status: number) =>
  STATUS_CLASSES.find((known) => Number(known[0]) === Math.floor(status / 100));

function FailureLine({ failure }: { failure: RequestLogEntry }): ReactNode {
  const mapping = useMappingName()(failure);
  const cause = failure.error ? codeWords(failure.error) : "answered by the target";
  return (
    <li className="arrive grid grid-cols-[2rem_minmax(0,1fr)_auto] items-baseline gap-x-2 border-b px-1 py-1.5 text-sm">
      <span className="figures text-bad">{failure.status}</span>
      <Link
        to="/logs/requests"
        search={{
          mapping: failure.mappingId,
          status: classOf(failure.status),
          request: failure.id,
        }}
        className="truncate font-mono text-xs hover:underline"
        title={`${failure.method} ${failure.host}${failure.path}`}
      >
        {failure.method} {failure.host}
        {failure.path}
      </Link>
      <Ago at={failure.at} className="text-xs text-muted" />
      <span
        className="col-span-2 col-start-2 truncate text-xs text-muted"
        title={failure.errorDetail ?? undefined}
      >
        {mapping ? (
          <Link
            to="/mappings/$id"
            params={{ id: failure.mappingId }}
            className="hover:text-ink hover:underline"
          >
            {mapping}
          </Link>
        ) : (
          "A deleted mapping"
        )}
        : {cause}
        {failure.errorDetail && `, ${failure.errorDetail}`}
      </span>
    </li>
  );
}
