import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Mapping } from "../../api/model";
import { targetUrl } from "../../api/public-url";
import { MappingActions, MappingReason, MappingState, MappingSwitch, PublicUrl } from "./parts";

/** One panel a mapping. */
export function MappingGrid({
  mappings,
  onDelete,
}: {
  mappings: readonly Mapping[];
  onDelete: (mapping: Mapping) => void;
}): ReactNode {
  return (
    <ul
      aria-label="Mappings"
      className="grid grid-cols-[repeat(auto-fill,minmax(min(100%,20rem),1fr))] gap-3"
    >
      {mappings.map((mapping) => (
        <li
          key={mapping.id}
          className="flex min-w-0 flex-col rounded-md border bg-surface px-4 pt-3 pb-2 transition-colors duration-100 hover:border-line-strong"
        >
          <div className="flex items-center justify-between gap-3">
            <Link
              to="/mappings/$id"
              params={{ id: mapping.id }}
              className="min-w-0 truncate text-base font-medium hover:underline"
            >
              {mapping.name}
            </Link>
            <MappingSwitch mapping={mapping} />
          </div>
          <div className="mt-2 min-w-0">
            <PublicUrl mapping={mapping} />
            <p className="truncate font-mono text-sm text-muted" title={targetUrl(mapping)}>
              <span aria-hidden="true">→ </span>
              {targetUrl(mapping)}
            </p>
          </div>
          <div className="mt-2">
            <MappingReason mapping={mapping} />
          </div>
          <div className="mt-auto flex items-center justify-between gap-3 pt-1">
            <MappingState mapping={mapping} />
            <span className="-mr-2">
              <MappingActions mapping={mapping} onDelete={onDelete} />
            </span>
          </div>
        </li>
      ))}
    </ul>
  );
}
