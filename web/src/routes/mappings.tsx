import { useQuery } from "@tanstack/react-query";
import { LayoutGrid, Plus, Table2 } from "lucide-react";
import { type ReactNode, useState } from "react";
import { mappingsQuery } from "../api/mappings";
import type { Mapping } from "../api/model";
import { LoadError } from "../layout/load-error";
import { PageHead } from "../layout/page";
import { Button, ButtonLink } from "../ui/button";
import { SearchBox } from "../ui/filter";
import { Empty } from "../ui/notice";
import { useRemembered } from "../ui/remembered";
import { Segmented } from "../ui/segmented";
import { DeleteDialog } from "./mappings/delete-dialog";
import { type Filter, selected } from "./mappings/filter";
import { MappingGrid } from "./mappings/grid";
import { ListSkeleton } from "./mappings/skeleton";
import { MappingTable } from "./mappings/table";

const VIEWS = ["table", "grid"] as const;

/** Rows that are drawn at first, and with each "Show more". */
const STEP = 200;

export function Mappings(): ReactNode {
  const query = useQuery(mappingsQuery);
  const [search, setSearch] = useState("");
  const [filter, setFilter] = useState<Filter>("all");
  const [view, setView] = useRemembered("octoporty.mappings.view", VIEWS);
  const [deleting, setDeleting] = useState<Mapping | null>(null);
  const all = query.data ?? [];
  const found = selected(all, filter, search);
  return (
    <>
      <PageHead
        title="Mappings"
        about="Public names and the services that they lead to."
        actions={
          <ButtonLink to="/mappings/new" variant="primary" icon={Plus}>
            New Mapping
          </ButtonLink>
        }
      />
      <div className="mb-4 flex flex-wrap items-center gap-3">
        <SearchBox label="Search mappings" value={search} onValue={setSearch} />
        <Segmented
          label="Show"
          value={filter}
          onValue={setFilter}
          options={[
            { value: "all", label: "All", count: query.data && all.length },
            { value: "active", label: "Active", count: query.data && selected(all, "active", "").length },
            {
              value: "disabled",
              label: "Disabled",
              count: query.data && selected(all, "disabled", "").length,
            },
          ]}
        />
        <span className="hidden flex-1 md:block" />
        <Segmented
          label="View"
          value={view}
          onValue={setView}
          options={[
            { value: "grid", label: "Grid view", icon: LayoutGrid },
            { value: "table", label: "Table view", icon: Table2 },
          ]}
        />
      </div>
      {query.isError && !query.data && <LoadError what="The mappings" query={query} />}
      {query.isPending && <ListSkeleton />}
      {query.data && found.length > 0 && <List mappings={found} view={view} onDelete={setDeleting} />}
      {query.data && found.length === 0 && (
        <Nothing
          none={all.length === 0}
          onShowAll={() => {
            setSearch("");
            setFilter("all");
          }}
        />
      )}
      {deleting && <DeleteDialog mapping={deleting} onClose={() => setDeleting(null)} />}
    </>
  );
}

interface ListProps {
  mappings: readonly Mapping[];
  view: "grid" | "table";
  onDelete: (mapping: Mapping) => void;
}

function List({ mappings, view, onDelete }: ListProps): ReactNode {
  const [most, setMost] = useState(STEP);
  const shown = mappings.slice(0, most);
  return (
    <>
      {view === "grid" ? (
        <MappingGrid mappings={shown} onDelete={onDelete} />
      ) : (
        <MappingTable mappings={shown} onDelete={onDelete} />
      )}
      {mappings.length > shown.length && (
        <p className="flex items-center gap-3 pt-4 text-sm text-muted">
          {shown.length} of {mappings.length}
          <Button onClick={() => setMost(most + STEP)}>Show more</Button>
        </p>
      )}
    </>
  );
}

function Nothing({ none, onShowAll }: { none: boolean; onShowAll: () => void }): ReactNode {
  if (!none) {
    return (
      <Empty
        title="No mapping matches"
        action={<Button onClick={onShowAll}>Show all</Button>}
        className="border-y"
      >
        Neither name, domain nor target has these words.
      </Empty>
    );
  }
  return (
    <Empty
      title="No mapping yet"
      action={
        <ButtonLink to="/mappings/new" icon={Plus}>
          Create the first one
        </ButtonLink>
      }
      className="border-y"
    >
      A mapping publishes a service of this network at a public name, such as photos.example.com →
      http://nas:8080.
    </Empty>
  );
}
