import { useNavigate, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { END_REASONS, type EndReason } from "../api/connection-log";
import { FillPage, PageHead } from "../layout/page";
import { Button, ButtonLink } from "../ui/button";
import { ClearFilters, FilterBar, FilterMoment, FilterSelect } from "../ui/filter";
import { Empty } from "../ui/notice";
import { ConnectionList } from "./connections/list";
import type { ConnectionSearch } from "./connections/search";
import { RANGE_OPTIONS } from "./requests/filters";

const REASONS = Object.entries(END_REASONS) as [EndReason, string][];

const END_OPTIONS: readonly { value: EndReason | "standing"; label: string }[] = [
  { value: "standing", label: "Stands" },
  ...REASONS.map(([value, label]) => ({ value, label })),
];

export function Connections(): ReactNode {
  const { session, ...filter } = useSearch({ from: "/shell/logs/connections" });
  const navigate = useNavigate({ from: "/logs/connections" });
  const narrowed = Boolean(filter.range || filter.end);
  const change = (part: Partial<ConnectionSearch>, replace = true) =>
    void navigate({ search: (old) => ({ ...old, ...part }), replace });
  const clear = () => void navigate({ search: {} });
  const { end, ...span } = filter;
  return (
    <FillPage>
      <PageHead
        title="Connections"
        about="The agent's sessions with its gateway: when, for how long, and why they ended."
      />
      <FilterBar>
        <FilterSelect
          label="Time"
          all="Any time"
          value={filter.range}
          onValue={(range) => change({ range, since: undefined, until: undefined })}
          options={RANGE_OPTIONS}
          className="w-40"
        />
        <FilterSelect
          label="State"
          all="Any state"
          value={end}
          onValue={(value) => change({ end: value })}
          options={END_OPTIONS}
          className="w-44"
        />
        {narrowed && <ClearFilters onClear={clear} />}
        {filter.range === "custom" && (
          <span className="flex w-full flex-wrap gap-x-4 gap-y-2">
            <FilterMoment label="From" value={filter.since} onValue={(since) => change({ since })} />
            <FilterMoment label="Until" value={filter.until} onValue={(until) => change({ until })} />
          </span>
        )}
      </FilterBar>
      <ConnectionList
        key={JSON.stringify(span)}
        filter={filter}
        open={session}
        onOpen={(id) => change({ session: id }, id === undefined || session !== undefined)}
        nothing={
          narrowed ? (
            <Empty
              title="No session matches"
              action={<Button onClick={clear}>Clear filters</Button>}
              className="border-y"
            >
              None of those that have been loaded is of this kind.
            </Empty>
          ) : (
            <Empty
              title="No session yet"
              action={<ButtonLink to="/">To the dashboard</ButtonLink>}
              className="border-y"
            >
              The agent has not reached its gateway so far. The dashboard says what keeps it.
            </Empty>
          )
        }
      />
    </FillPage>
  );
}
