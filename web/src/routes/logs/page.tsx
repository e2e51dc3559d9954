import { useQuery } from "@tanstack/react-query";
import { ArrowDownToLine, WrapText } from "lucide-react";
import { type ReactNode, useState } from "react";
import { LEVELS, type LogFilter } from "../../api/logs";
import type { LogLevel, LogSource } from "../../api/model";
import { statusQuery } from "../../api/status";
import { FillPage, PageHead } from "../../layout/page";
import { Button } from "../../ui/button";
import { ClearFilters, FilterBar, FilterSelect, TypedSearch } from "../../ui/filter";
import { duration, version } from "../../ui/format";
import { useNarrow } from "../../ui/media";
import { Empty } from "../../ui/notice";
import { useRemembered } from "../../ui/remembered";
import { Toggle } from "../../ui/toggle";
import { LogList } from "./list";

const WORDS: Record<LogLevel, string> = {
  trace: "Everything",
  debug: "Debug and up",
  info: "Information and up",
  warn: "Warnings and errors",
  error: "Errors only",
};

interface LogPageProps {
  source: LogSource;
  filter: LogFilter;
  onFilter: (change: LogFilter) => void;
  open: number | undefined;
  onOpen: (id: number | undefined) => void;
}

/** The log of one of the two processes. */
export function LogPage({ source, filter, onFilter, open, onOpen }: LogPageProps): ReactNode {
  const narrow = useNarrow();
  // On a phone a line that is not wrapped shows nothing of what matters.
  const [wrap, setWrap] = useRemembered(
    narrow ? "octoporty.logs.wrap.narrow" : "octoporty.logs.wrap",
    narrow ? ["on", "off"] : ["off", "on"],
  );
  const [follow, setFollow] = useState(true);
  const narrowed = Boolean(filter.level || filter.q);
  const clear = () => onFilter({ level: undefined, q: undefined });
  return (
    <FillPage>
      <PageHead
        title={source === "agent" ? "Agent Logs" : "Gateway Logs"}
        about={<About source={source} />}
      />
      <FilterBar>
        <TypedSearch
          label="Search the log"
          placeholder="Text of the line…"
          value={filter.q ?? ""}
          onValue={(q) => onFilter({ q })}
          className="w-full md:w-72"
        />
        <FilterSelect
          label="Level"
          all="Any level"
          value={filter.level}
          onValue={(level) => onFilter({ level })}
          options={LEVELS.toReversed().map((value) => ({ value, label: WORDS[value] }))}
          className="w-44 max-md:min-w-0 max-md:flex-1"
        />
        {narrowed && <ClearFilters onClear={clear} className="max-md:hidden" />}
        <span className="hidden flex-1 md:block" />
        <Toggle
          icon={WrapText}
          label="Wrap"
          pressed={wrap === "on"}
          onPressed={(on) => setWrap(on ? "on" : "off")}
        />
        <Toggle icon={ArrowDownToLine} label="Follow" pressed={follow} onPressed={setFollow} />
      </FilterBar>
      <LogList
        key={JSON.stringify([source, filter])}
        source={source}
        filter={filter}
        wrap={wrap === "on"}
        follow={follow}
        onFollow={setFollow}
        open={open}
        onOpen={onOpen}
        nothing={<Nothing narrowed={narrowed} onClear={clear} />}
      />
    </FillPage>
  );
}

function About({ source }: { source: LogSource }): ReactNode {
  const { data: status } = useQuery(statusQuery);
  if (source === "agent") {
    return `What the agent of this console writes${status ? `, ${version(status.version)}` : ""}.`;
  }
  // What it was before it went away says nothing of what it is now.
  if (status?.connectionStatus !== "Connected") return "What the gateway writes.";
  const facts = [
    status.gatewayVersion && version(status.gatewayVersion),
    status.gatewayUptime && `up ${duration(status.gatewayUptime)}`,
  ].filter(Boolean);
  return `What the gateway writes${facts.length > 0 ? `, ${facts.join(", ")}` : ""}.`;
}

function Nothing({ narrowed, onClear }: { narrowed: boolean; onClear: () => void }): ReactNode {
  if (!narrowed) {
    return (
      <Empty title="No line yet" className="border-y">
        Nothing has been written so far; a new line appears here by itself.
      </Empty>
    );
  }
  return (
    <Empty
      title="No line matches"
      action={<Button onClick={onClear}>Clear filters</Button>}
      className="border-y"
    >
      None that is kept has this text and level. A new one appears here by itself.
    </Empty>
  );
}
