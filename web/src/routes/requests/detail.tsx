import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { FAILURE_HINTS } from "../../api/failure-hints";
import type { RequestLogEntry } from "../../api/model";
import { useMappingName } from "../../api/use-mapping-name";
import { CopyButton } from "../../ui/copy-button";
import { Facts } from "../../ui/drawer";
import { absolute, bytes } from "../../ui/format";
import { LogText } from "../../ui/log-text";
import { Notice } from "../../ui/notice";
import { StatusCode } from "../../ui/status-code";
import { Ago } from "../../ui/time";
import { codeWords } from "../dashboard/failures";
import { Timing } from "./timing";

/** Everything that is known of a request. */
export function RequestDetail({ request }: { request: RequestLogEntry }): ReactNode {
  const mapping = useMappingName()(request);
  const query = request.query === null ? "" : `?${request.query}`;
  return (
    <>
      <p className="font-mono text-sm break-all">
        <span className="font-medium">{request.method}</span>{" "}
        <span className="text-muted">{request.host}</span>
        <LogText text={request.path} />
        <span className="text-muted">
          <LogText text={query} />
        </span>
      </p>
      <Failure request={request} />
      <Timing request={request} />
      <h3 className="mt-6 mb-1 text-sm font-semibold">Particulars</h3>
      <Facts label="Particulars" facts={facts(request, mapping)} />
    </>
  );
}

const NARROW = "text-accent hover:underline";

function facts(request: RequestLogEntry, mapping: string | null): (readonly [string, ReactNode])[] {
  return [
    [
      "Request id",
      <span key="id" className="flex items-center gap-1">
        <code className="min-w-0 break-all">{request.requestId}</code>
        <CopyButton text={request.requestId} label="Copy the request id" className="-my-1.5" />
      </span>,
    ],
    ["Status", <StatusCode key="status" status={request.status} />],
    [
      "Arrived",
      <span key="at">
        {absolute(Date.parse(request.at))} <Ago at={request.at} className="text-muted" />
      </span>,
    ],
    [
      "Mapping",
      mapping === null ? (
        "A deleted mapping"
      ) : (
        <span key="mapping" className="flex flex-wrap gap-x-3">
          <Link to="/mappings/$id" params={{ id: request.mappingId }} className={NARROW}>
            {mapping}
          </Link>
          <Link to="/logs/requests" search={{ mapping: request.mappingId }} className={NARROW}>
            Only its requests
          </Link>
        </span>
      ),
    ],
    [
      "Client",
      <span key="client" className="flex flex-wrap gap-x-3">
        <span className="font-mono break-all">{request.client}</span>
        <Link to="/logs/requests" search={{ client: request.client }} className={NARROW}>
          Only its requests
        </Link>
      </span>,
    ],
    ["User agent", request.userAgent ? <LogText key="agent" text={request.userAgent} /> : "None sent"],
    [
      "Request body",
      <span key="up" className="figures">
        {bytes(request.requestBytes)}
      </span>,
    ],
    [
      "Answer's body",
      <span key="down" className="figures">
        {bytes(request.responseBytes)}
      </span>,
    ],
  ];
}

const sentence = (words: string) => words.charAt(0).toUpperCase() + words.slice(1);

/** Why it failed, and what its owner can do. */
function Failure({ request }: { request: RequestLogEntry }): ReactNode {
  const { error, errorDetail } = request;
  if (!error) {
    if (request.status < 500) return null;
    return (
      <Notice tone="warn" className="mt-4" title="The target answered so itself">
        Look at the service's own log.
      </Notice>
    );
  }
  return (
    <Notice tone="bad" className="mt-4" title={sentence(codeWords(error))}>
      {FAILURE_HINTS[error]?.hint}
      <span className="mt-1 block font-mono text-xs break-words">
        {error}
        {errorDetail && (
          <>
            : <LogText text={errorDetail} />
          </>
        )}
      </span>
    </Notice>
  );
}
