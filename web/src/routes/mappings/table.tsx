import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Mapping } from "../../api/model";
import { publicName, targetUrl } from "../../api/public-url";
import { cx } from "../../ui/classes";
import { useNarrow } from "../../ui/media";
import { MappingActions, MappingMenu, MappingReason, MappingState, MappingSwitch, PublicUrl } from "./parts";

interface TableProps {
  mappings: readonly Mapping[];
  onDelete: (mapping: Mapping) => void;
}

/** One line a mapping; on a phone the name with what belongs to it under it. */
export function MappingTable(props: TableProps): ReactNode {
  return useNarrow() ? <Lines {...props} /> : <Table {...props} />;
}

const HEAD = "sticky top-0 z-10 h-8 border-b bg-ground pr-4 text-left text-xs font-medium text-muted";
const CELL = "h-9 border-b pr-4";

function Table({ mappings, onDelete }: TableProps): ReactNode {
  return (
    <table aria-label="Mappings" className="w-full table-fixed border-separate border-spacing-0 text-sm">
      <thead>
        <tr>
          <th className={cx(HEAD, "w-[20%]")}>Name</th>
          <th className={cx(HEAD, "w-32")}>State</th>
          <th className={HEAD}>Public URL</th>
          <th className={cx(HEAD, "w-[25%]")}>Target</th>
          <th className={cx(HEAD, "w-18")}>Enabled</th>
          <th className={cx(HEAD, "w-16 !pr-0")}>
            <span className="sr-only">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {mappings.map((mapping) => (
          <tr key={mapping.id} className="transition-colors duration-100 hover:bg-hover">
            <td className={CELL}>
              <Name mapping={mapping} />
            </td>
            <td className={CELL}>
              <MappingState mapping={mapping} />
            </td>
            <td className={CELL}>
              <PublicUrl mapping={mapping} />
            </td>
            <td className={cx(CELL, "truncate font-mono text-muted")} title={targetUrl(mapping)}>
              {targetUrl(mapping)}
            </td>
            <td className={CELL}>
              <span className="flex">
                <MappingSwitch mapping={mapping} />
              </span>
            </td>
            <td className={cx(CELL, "!pr-0")}>
              <MappingActions mapping={mapping} onDelete={onDelete} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Name({ mapping }: { mapping: Mapping }): ReactNode {
  return (
    <Link
      to="/mappings/$id"
      params={{ id: mapping.id }}
      className={cx("block truncate font-medium hover:underline", !mapping.enabled && "text-muted")}
      title={mapping.name}
    >
      {mapping.name}
    </Link>
  );
}

function Lines({ mappings, onDelete }: TableProps): ReactNode {
  return (
    <ul aria-label="Mappings" className="border-t text-sm">
      {mappings.map((mapping) => (
        <li
          key={mapping.id}
          className="grid grid-cols-[minmax(0,1fr)_auto_auto] items-center gap-x-2 border-b py-1.5"
        >
          <Name mapping={mapping} />
          <MappingSwitch mapping={mapping} />
          <MappingMenu mapping={mapping} onDelete={onDelete} />
          <div className="col-span-full -mt-1 min-w-0 pb-1">
            <p className="truncate font-mono text-xs text-muted">
              {publicName(mapping)} → {targetUrl(mapping)}
            </p>
            <div className="mt-1">
              <MappingState mapping={mapping} />
            </div>
            <MappingReason mapping={mapping} />
          </div>
        </li>
      ))}
    </ul>
  );
}
