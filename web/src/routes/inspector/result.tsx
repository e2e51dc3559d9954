import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Diagnosis, Difference } from "../../api/model";
import { Section } from "../../layout/page";
import { CopyButton } from "../../ui/copy-button";
import { State } from "../../ui/state";
import { LogRows } from "./log-rows";
import { Side } from "./side";
import { verdict } from "./verdict";

/** What both sides gave. */
export function Result({ found }: { found: Diagnosis }): ReactNode {
  const { tone, text } = verdict(found);
  return (
    <div className="rise space-y-8">
      <div>
        <p role="status" className="text-base font-medium">
          <State tone={tone} className="[&>span]:whitespace-normal">
            {text}
          </State>
        </p>
        <p className="mt-1 text-sm break-words text-muted">
          <Taken found={found} />
        </p>
        <p className="mt-1 flex items-center gap-x-1 text-sm text-muted">
          <span className="min-w-0">
            Request id <span className="font-mono text-xs break-all text-ink">{found.requestId}</span>
          </span>
          <CopyButton text={found.requestId} label="Copy request id" />
        </p>
      </div>
      {found.differences.length > 0 && <Differences differences={found.differences} />}
      <div className="grid grid-cols-1 gap-x-8 gap-y-8 lg:grid-cols-2">
        <Side title="Gateway Response" side="gateway" found={found} />
        <Side title="Agent Direct Response" side="agent" found={found} />
      </div>
      <LogRows found={found} />
    </div>
  );
}

function Taken({ found }: { found: Diagnosis }): ReactNode {
  const { mapping, realRequests } = found;
  const made = realRequests === 1 ? "One real request was made." : `${realRequests} real requests were made.`;
  if (!mapping) return made;
  return (
    <>
      Mapping{" "}
      <Link to="/mappings/$id" params={{ id: mapping.id }} className="text-ink underline">
        {mapping.name}
      </Link>{" "}
      leads to{" "}
      <span className="font-mono text-xs text-ink">
        {mapping.internalProtocol.toLowerCase()}://{mapping.internalTarget}
      </span>
      . {made}
    </>
  );
}

const KINDS: Record<Difference["kind"], string> = {
  outcome: "Outcome",
  status: "Status",
  header: "Header",
  body: "Body",
};

function Differences({ differences }: { differences: readonly Difference[] }): ReactNode {
  return (
    <Section title="Differences">
      <table className="w-full table-fixed border-separate border-spacing-0 border-t text-sm max-sm:block">
        <thead className="text-left text-xs text-muted max-sm:sr-only">
          <tr className="[&>th]:h-8 [&>th]:border-b [&>th]:font-normal">
            <th className="w-52">What</th>
            <th>Gateway</th>
            <th>Agent</th>
          </tr>
        </thead>
        <tbody className="max-sm:block">
          {differences.map((one) => (
            <tr
              key={`${one.kind} ${one.name}`}
              className="max-sm:block max-sm:border-b max-sm:py-1.5 sm:[&>*]:border-b [&>*]:py-1.5 [&>*]:align-top max-sm:[&>*]:block max-sm:[&>*]:py-0.5"
            >
              <th scope="row" className="pr-3 text-left font-normal break-words">
                <span className="text-warn">{KINDS[one.kind]}</span>{" "}
                {one.name && <span className="font-mono text-xs">{one.name}</span>}
              </th>
              <Value label="Gateway" text={one.gateway} />
              <Value label="Agent" text={one.agent} />
            </tr>
          ))}
        </tbody>
      </table>
    </Section>
  );
}

function Value({ label, text }: { label: string; text: string | null }): ReactNode {
  return (
    <td className="pr-3">
      <span className="mr-2 text-xs text-muted sm:hidden">{label}</span>
      {text === null ? (
        <span className="text-muted">not there</span>
      ) : (
        <span className="font-mono text-xs break-words whitespace-pre-wrap">{text}</span>
      )}
    </td>
  );
}
