import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Mapping } from "../../api/model";
import { publicName, targetUrl } from "../../api/public-url";
import { cx } from "../../ui/classes";
import { MappingActions, MappingMenu, MappingReason, MappingState, MappingSwitch, PublicUrl } from "./parts";

interface TableProps {
  mappings: readonly Mapping[];
  onDelete: (mapping: Mapping) => void;
}

const HEAD = "sticky top-0 z-10 h-8 bg-ground pr-4 text-left text-xs font-medium text-muted shadow-[inset_0_-1px_0_var(--line)]";
const CELL = "h-11 border-b py-1 pr-4 md:h-9";

/** One line a mapping; on a phone the name with its public name under it. */
export function MappingTable({ mappings, onDelete }: TableProps): ReactNode {
  return (
    <table aria-label="Mappings" className="w-full table-fixed border-separate border-spacing-0 text-sm">
      <thead className="max-md:sr-only">
        <tr>
          <th className={cx(HEAD, "w-[19%]")}>Name</th>
          <th className={cx(HEAD, "w-[13%]")}>State</th>
          <th className={HEAD}>Public URL</th>
          <th className={cx(HEAD, "w-[25%]")}>Target</th>
          <th className={cx(HEAD, "w-16")}>Enabled</th>
          <th className={cx(HEAD, "w-18 !pr-0")}>
            <span className="sr-only">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {mappings.map((mapping) => (
          <Row key={mapping.id} mapping={mapping} onDelete={onDelete} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ mapping, onDelete }: { mapping: Mapping; onDelete: (mapping: Mapping) => void }): ReactNode {
  return (
    <tr className="transition-colors duration-100 hover:bg-hover">
      <td className={cx(CELL, "min-w-0 max-md:py-2.5")}>
        <Link
          to="/mappings/$id"
          params={{ id: mapping.id }}
          className={cx("block truncate font-medium hover:underline", !mapping.enabled && "text-muted")}
          title={mapping.name}
        >
          {mapping.name}
        </Link>
        <div className="mt-0.5 md:hidden">
          <p className="truncate font-mono text-xs text-muted">{publicName(mapping)}</p>
          <p className="truncate font-mono text-xs text-muted">→ {targetUrl(mapping)}</p>
          <div className="mt-1">
            <MappingState mapping={mapping} />
          </div>
          <MappingReason mapping={mapping} />
        </div>
      </td>
      <td className={cx(CELL, "hidden md:table-cell")}>
        <MappingState mapping={mapping} />
      </td>
      <td className={cx(CELL, "hidden md:table-cell")}>
        <PublicUrl mapping={mapping} />
      </td>
      <td className={cx(CELL, "hidden truncate font-mono text-sm text-muted md:table-cell")} title={targetUrl(mapping)}>
        {targetUrl(mapping)}
      </td>
      <td className={cx(CELL, "w-12 !pr-0 max-md:pt-2.5 max-md:align-top md:w-auto md:!pr-4")}>
        <MappingSwitch mapping={mapping} />
      </td>
      <td className={cx(CELL, "w-11 !pr-0 text-right max-md:align-top md:w-auto")}>
        <span className="hidden md:block">
          <MappingActions mapping={mapping} onDelete={onDelete} />
        </span>
        <span className="flex justify-end md:hidden">
          <MappingMenu mapping={mapping} onDelete={onDelete} />
        </span>
      </td>
    </tr>
  );
}
