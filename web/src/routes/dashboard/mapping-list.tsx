import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { mappingWord } from "../../api/live-state";
import type { Mapping } from "../../api/model";
import { publicName, targetUrl } from "../../api/public-url";
import { ButtonLink } from "../../ui/button";
import { Empty } from "../../ui/notice";
import { Skeleton } from "../../ui/skeleton";
import { State, type Tone } from "../../ui/state";

/** How many mappings the dashboard names; the rest is on their own page. */
const MOST = 8;

const URGENCY: Record<Tone, number> = { bad: 0, warn: 1, moving: 2, good: 3, unknown: 4 };

/** What is broken comes first, then by name. */
export function byUrgency(mappings: readonly Mapping[]): Mapping[] {
  return mappings.toSorted((a, b) => {
    const order = URGENCY[mappingWord(a).tone] - URGENCY[mappingWord(b).tone];
    return order || a.name.localeCompare(b.name);
  });
}

/** The active mappings with their live state. */
export function MappingList({ mappings }: { mappings: readonly Mapping[] | undefined }): ReactNode {
  if (!mappings) return <Rows />;
  const active = byUrgency(mappings.filter((mapping) => mapping.enabled));
  if (active.length === 0) {
    return (
      <Empty
        title={mappings.length === 0 ? "No mapping yet" : "No mapping is enabled"}
        action={
          mappings.length === 0 ? (
            <ButtonLink to="/mappings/new">Create the first one</ButtonLink>
          ) : (
            <ButtonLink to="/mappings">Enable one</ButtonLink>
          )
        }
        className="border-y"
      >
        A mapping publishes a service of this network at a public name.
      </Empty>
    );
  }
  return (
    <>
      <ul className="border-t">
        {active.slice(0, MOST).map((mapping) => (
          <MappingLine key={mapping.id} mapping={mapping} />
        ))}
      </ul>
      {active.length > MOST && (
        <p className="pt-2 text-sm text-muted">
          And {active.length - MOST} more.{" "}
          <Link to="/mappings" className="text-accent hover:underline">
            Show all
          </Link>
        </p>
      )}
    </>
  );
}

function MappingLine({ mapping }: { mapping: Mapping }): ReactNode {
  const { tone, word, reason } = mappingWord(mapping);
  return (
    <li className="border-b">
      <Link
        to="/mappings/$id"
        params={{ id: mapping.id }}
        className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 px-1 py-2 transition-colors duration-100 hover:bg-hover sm:grid-cols-[minmax(0,1fr)_minmax(0,1.75fr)_6.5rem]"
      >
        <span className="truncate text-sm font-medium">{mapping.name}</span>
        <State tone={tone} title={reason ?? undefined} className="sm:order-last">
          {word}
        </State>
        <span className="col-span-2 truncate font-mono text-xs text-muted sm:col-span-1">
          {publicName(mapping)} <span aria-hidden="true">→</span>
          <span className="sr-only">leads to</span> {targetUrl(mapping)}
        </span>
        {tone === "bad" && reason && (
          <span className="order-last col-span-full truncate text-xs text-bad" title={reason}>
            {reason}
          </span>
        )}
      </Link>
    </li>
  );
}

function Rows(): ReactNode {
  return (
    <div role="status" aria-label="Loading mappings" className="border-t">
      {[40, 28, 34].map((width) => (
        <div key={width} className="flex h-9 items-center gap-6 border-b px-1">
          <Skeleton className="w-32" />
          <Skeleton className="w-56" />
        </div>
      ))}
    </div>
  );
}
