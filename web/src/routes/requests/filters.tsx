import { useQuery } from "@tanstack/react-query";
import { ListFilter } from "lucide-react";
import { type ReactNode, useState } from "react";
import { mappingsQuery } from "../../api/mappings";
import { type Range, type RequestFilter, STATUS_CLASSES } from "../../api/request-log";
import { Button } from "../../ui/button";
import { cx } from "../../ui/classes";
import {
  ClearFilters,
  FilterBar,
  FilterMoment,
  FilterSelect,
  FilterText,
  TypedSearch,
} from "../../ui/filter";

export const RANGE_OPTIONS: readonly { value: Range; label: string }[] = [
  { value: "15m", label: "Last 15 minutes" },
  { value: "1h", label: "Last hour" },
  { value: "24h", label: "Last 24 hours" },
  { value: "7d", label: "Last 7 days" },
  { value: "custom", label: "Between…" },
];

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const STATUS_WORDS = {
  "2xx": "2xx success",
  "3xx": "3xx redirect",
  "4xx": "4xx client error",
  "5xx": "5xx server error",
};

interface FiltersProps {
  filter: RequestFilter;
  onFilter: (change: Partial<RequestFilter>) => void;
  onClear: () => void;
}

/** How many of the filters narrow. */
export function narrowing(filter: RequestFilter): number {
  const { q, mapping, method, status, path, client, range } = filter;
  return [q, mapping, method, status, path, client, range].filter(Boolean).length;
}

export function RequestFilters({ filter, onFilter, onClear }: FiltersProps): ReactNode {
  const [open, setOpen] = useState(false);
  const count = narrowing(filter);
  return (
    <FilterBar>
      <TypedSearch
        label="Search requests"
        placeholder="Host, path or request id…"
        value={filter.q ?? ""}
        onValue={(q) => onFilter({ q })}
        className="min-w-0 flex-1 md:w-54 md:flex-none"
      />
      <Button
        icon={ListFilter}
        aria-expanded={open}
        onClick={() => setOpen(!open)}
        className="!h-[34px] md:hidden pointer-coarse:!h-11"
      >
        Filters{count > 0 && ` (${count})`}
      </Button>
      <div className={cx(open ? "grid w-full grid-cols-2 gap-2" : "hidden", "md:contents")}>
        <Choices filter={filter} onFilter={onFilter} />
      </div>
      {count > 0 && <ClearFilters onClear={onClear} className={open ? "" : "max-md:hidden"} />}
      {filter.range === "custom" && (
        <span className={cx("flex w-full flex-wrap gap-x-4 gap-y-2", !open && "max-md:hidden")}>
          <FilterMoment label="From" value={filter.since} onValue={(since) => onFilter({ since })} />
          <FilterMoment label="Until" value={filter.until} onValue={(until) => onFilter({ until })} />
        </span>
      )}
    </FilterBar>
  );
}

function Choices({ filter, onFilter }: Omit<FiltersProps, "onClear">): ReactNode {
  const { data: mappings } = useQuery(mappingsQuery);
  return (
    <>
      <FilterSelect
        label="Mapping"
        all="Any mapping"
        value={filter.mapping}
        onValue={(mapping) => onFilter({ mapping })}
        options={(mappings ?? []).map(({ id, name }) => ({ value: id, label: name }))}
        className="md:w-36"
      />
      <FilterSelect
        label="Status"
        all="Any status"
        value={filter.status}
        onValue={(status) => onFilter({ status })}
        options={STATUS_CLASSES.map((value) => ({ value, label: STATUS_WORDS[value] }))}
        className="md:w-36"
      />
      <FilterSelect
        label="Method"
        all="Any method"
        value={filter.method}
        onValue={(method) => onFilter({ method })}
        options={METHODS.map((value) => ({ value, label: value }))}
        className="md:w-30"
      />
      <FilterSelect
        label="Time"
        all="Any time"
        value={filter.range}
        onValue={(range) => onFilter({ range, since: undefined, until: undefined })}
        options={RANGE_OPTIONS}
        className="md:w-36"
      />
      <FilterText
        label="Path begins with"
        placeholder="/path…"
        value={filter.path ?? ""}
        onValue={(path) => onFilter({ path })}
        className="md:!w-24"
      />
      <FilterText
        label="Client address"
        placeholder="Client"
        value={filter.client ?? ""}
        onValue={(client) => onFilter({ client })}
        className="md:!w-30"
      />
    </>
  );
}
