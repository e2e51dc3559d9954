import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Mapping, RequestLogEntry } from "../../api/model";
import { recentRequestsQuery } from "../../api/requests";
import { LoadError } from "../../layout/load-error";
import { Section } from "../../layout/page";
import { bytes, milliseconds } from "../../ui/format";
import { Skeleton } from "../../ui/skeleton";
import { statusTone } from "../../ui/status-code";
import { Ago } from "../../ui/time";
import { codeWords } from "../dashboard/failures";

/** The newest requests of a mapping; new ones arrive on top. */
export function RecentRequests({ mapping }: { mapping: Mapping }): ReactNode {
  const query = useQuery(recentRequestsQuery(mapping.id));
  return (
    <Section
      title="Last requests"
      actions={
        <Link
          to="/logs/requests"
          search={{ mapping: mapping.id }}
          className="text-sm text-accent hover:underline"
        >
          All requests
        </Link>
      }
    >
      {query.isError && !query.data && <LoadError what="The requests" query={query} />}
      {query.isPending && (
        <div role="status" aria-label="Loading requests" className="border-t">
          {["a", "b", "c"].map((row) => (
            <div key={row} className="flex h-9 items-center border-b">
              <Skeleton className="w-full" />
            </div>
          ))}
        </div>
      )}
      {query.data && query.data.length === 0 && (
        <p className="border-y py-3 text-sm text-muted">
          No request yet.{" "}
          {mapping.enabled ? "Open the public URL to send one." : "A disabled mapping gets none."}
        </p>
      )}
      {query.data && query.data.length > 0 && <RequestTable requests={query.data} />}
    </Section>
  );
}

function RequestTable({ requests }: { requests: readonly RequestLogEntry[] }): ReactNode {
  return (
    <table
      aria-label="Last requests"
      className="w-full table-fixed border-separate border-spacing-0 border-t text-xs"
    >
      <colgroup>
        <col className="w-9" />
        <col />
        <col className="w-16" />
        <col className="w-18 max-sm:hidden" />
        <col className="w-18" />
      </colgroup>
      <thead className="sr-only">
        <tr>
          <th>Status</th>
          <th>Request</th>
          <th>Time taken</th>
          <th>Size</th>
          <th>When</th>
        </tr>
      </thead>
      <tbody>
        {requests.map((request) => (
          <tr key={request.requestId} className="arrive [&>td]:h-8 [&>td]:border-b">
            <td className={`figures ${statusTone(request.status)}`}>{request.status}</td>
            <td className="py-1 pr-3 font-mono" title={titleOf(request)}>
              <Link
                to="/logs/requests"
                search={{ mapping: request.mappingId, request: request.id }}
                className="block truncate hover:underline"
              >
                {request.method} {request.path}
              </Link>{" "}
              {request.error && (
                <span className="block truncate font-sans text-bad">{codeWords(request.error)}</span>
              )}
            </td>
            <td className="figures text-right">{milliseconds(request.totalMs)}</td>
            <td className="figures text-right text-muted max-sm:hidden">{bytes(request.responseBytes)}</td>
            <td className="text-right text-muted">
              <Ago at={request.at} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function titleOf(request: RequestLogEntry): string {
  const query = request.query ? `?${request.query}` : "";
  const lines = [
    `${request.method} ${request.host}${request.path}${query}`,
    `from ${request.client}`,
    request.errorDetail,
    `request id ${request.requestId}`,
  ];
  return lines.filter(Boolean).join("\n");
}
