import { useNavigate, useSearch } from "@tanstack/react-router";
import { Pause, Play } from "lucide-react";
import { type ReactNode, useState } from "react";
import { FillPage, PageHead } from "../layout/page";
import { Button, ButtonLink } from "../ui/button";
import { Empty } from "../ui/notice";
import { ExportButton } from "./requests/export";
import { narrowing, RequestFilters } from "./requests/filters";
import { RequestList } from "./requests/list";
import type { RequestSearch } from "./requests/search";

export function Requests(): ReactNode {
  const { request, ...filter } = useSearch({ from: "/shell/logs/requests" });
  const navigate = useNavigate({ from: "/logs/requests" });
  const [paused, setPaused] = useState(false);
  const change = (part: Partial<RequestSearch>, replace = true) =>
    void navigate({ search: (old) => without({ ...old, ...part }), replace });
  const clear = () => void navigate({ search: {} });
  return (
    <FillPage>
      <PageHead
        title="Requests"
        about="What visitors asked for and what they got, as it happens."
        actions={
          <>
            <Button icon={paused ? Play : Pause} onClick={() => setPaused(!paused)}>
              {paused ? "Follow live" : "Pause"}
            </Button>
            <ExportButton filter={filter} />
          </>
        }
      />
      <RequestFilters filter={filter} onFilter={change} onClear={clear} />
      <RequestList
        key={JSON.stringify(filter)}
        filter={filter}
        paused={paused}
        open={request}
        onOpen={(id) => change({ request: id }, id === undefined || request !== undefined)}
        nothing={<Nothing narrowed={narrowing(filter) > 0} onClear={clear} />}
      />
    </FillPage>
  );
}

/** Leaves out what is empty, so that the address stays short. */
function without(search: RequestSearch): RequestSearch {
  return Object.fromEntries(
    Object.entries(search).filter(([, value]) => value !== undefined && value !== ""),
  );
}

function Nothing({ narrowed, onClear }: { narrowed: boolean; onClear: () => void }): ReactNode {
  if (narrowed) {
    return (
      <Empty
        title="No request matches"
        action={<Button onClick={onClear}>Clear filters</Button>}
        className="border-y"
      >
        None that is kept is of this kind. A new one appears here by itself.
      </Empty>
    );
  }
  return (
    <Empty
      title="No request yet"
      action={<ButtonLink to="/mappings">To the mappings</ButtonLink>}
      className="border-y"
    >
      Open the public URL of a mapping: what visitors ask for appears here as it ends.
    </Empty>
  );
}
