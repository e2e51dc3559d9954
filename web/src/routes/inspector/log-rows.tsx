import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Diagnosis } from "../../api/model";
import { Section } from "../../layout/page";
import { milliseconds } from "../../ui/format";
import { StatusCode } from "../../ui/status-code";
import { codeWords } from "../dashboard/failures";

/** The rows of the request log that belong to an inspection. */
export function LogRows({ found }: { found: Diagnosis }): ReactNode {
  return (
    <Section title="Request log">
      {found.logs.length === 0 ? (
        <p className="border-y py-3 text-sm text-muted">{whyNone(found)}</p>
      ) : (
        <ul aria-label="Matching log rows" className="border-t">
          {found.logs.map((row) => (
            <li key={row.id} className="border-b py-2 text-sm">
              <p className="font-mono text-xs break-words">
                <StatusCode status={row.status} />{" "}
                <Link
                  to="/logs/requests"
                  search={{ mapping: row.mappingId, request: row.id }}
                  className="hover:underline"
                >
                  {row.method} {row.host}
                  {row.path}
                  {row.query && `?${row.query}`}
                </Link>
              </p>
              <p className="figures mt-0.5 text-xs break-words text-muted">
                {times(row)}
                {row.error && (
                  <span className="text-bad">
                    {" "}
                    · {codeWords(row.error)}
                    {row.errorDetail && `, ${row.errorDetail}`}
                  </span>
                )}
              </p>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

function times(row: Diagnosis["logs"][number]): string {
  const hops: [string, number | null][] = [
    ["gateway", row.gatewayMs],
    ["tunnel", row.tunnelMs],
    ["target", row.targetMs],
    ["total", row.totalMs],
  ];
  const known = hops.filter(([, ms]) => ms !== null).map(([name, ms]) => `${name} ${milliseconds(ms ?? 0)}`);
  return `${known.join(" · ")} · from ${row.client}`;
}

function whyNone({ mapping, gateway }: Diagnosis): string {
  if (!mapping) return "Only requests to mapped names are logged.";
  if (!mapping.enabled) return "The gateway does not serve the mapping, so nothing was logged.";
  if (!gateway.success) return "The request did not reach the gateway.";
  return "No row has arrived yet: what reached the gateway was not this agent's, or its log is late.";
}
