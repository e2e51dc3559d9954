import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { ScanSearch, Trash2 } from "lucide-react";
import { type ReactNode, useState } from "react";
import { putMapping } from "../api/live";
import { type Editable, editableQuery, mappingQuery, updateMapping } from "../api/mappings";
import { Problem } from "../api/problem";
import { statusQuery } from "../api/status";
import { draftOf } from "../forms/mapping-draft";
import { MappingForm } from "../forms/mapping-form";
import { LoadError } from "../layout/load-error";
import { PageHead } from "../layout/page";
import { Button, ButtonLink } from "../ui/button";
import { Notice } from "../ui/notice";
import { Skeleton } from "../ui/skeleton";
import { toast } from "../ui/toast";
import { BackToMappings } from "./mapping/back";
import { MappingFacts } from "./mapping/facts";
import { RecentRequests } from "./mapping/recent-requests";
import { DeleteDialog } from "./mappings/delete-dialog";
import { NotFound } from "./not-found";

export function MappingPage(): ReactNode {
  const { id } = useParams({ from: "/shell/mappings/$id" });
  const query = useQuery(editableQuery(id));
  const [round, setRound] = useState(0);
  const loadAgain = () => void query.refetch().then(() => setRound(round + 1));
  if (query.data) return <Loaded key={`${id} ${round}`} editable={query.data} onLoadAgain={loadAgain} />;
  if (query.error instanceof Problem && [400, 404].includes(query.error.status)) return <NotFound />;
  if (query.isError) return <LoadError what="The mapping" query={query} />;
  return (
    <div role="status" aria-label="Loading the mapping" className="max-w-2xl">
      <Skeleton className="!h-6 w-48" />
      {["a", "b", "c", "d"].map((row) => (
        <Skeleton key={row} className="mt-6 !h-9" />
      ))}
    </div>
  );
}

function Loaded({ editable, onLoadAgain }: { editable: Editable; onLoadAgain: () => void }): ReactNode {
  const navigate = useNavigate();
  const cache = useQueryClient();
  const { data: status } = useQuery(statusQuery);
  // The form keeps what it began with: news must not overwrite what somebody is typing.
  const [base] = useState(editable);
  const [initial] = useState(() => draftOf(base.mapping));
  const { data: mapping = base.mapping, error } = useQuery(mappingQuery(base.mapping.id));
  const isGone = error instanceof Problem && error.status === 404;
  const [deleting, setDeleting] = useState(false);
  const toList = () => void navigate({ to: "/mappings", ignoreBlocker: true });
  return (
    <>
      <PageHead
        title={mapping.name}
        about="A public name and the target that it leads to."
        back={<BackToMappings />}
        actions={
          mapping.publicUrl && (
            <ButtonLink to="/gateway/inspector" search={{ url: mapping.publicUrl }} icon={ScanSearch}>
              Inspect
            </ButtonLink>
          )
        }
      />
      <div className="grid grid-cols-1 gap-x-12 gap-y-8 xl:grid-cols-[minmax(0,1fr)_minmax(0,27rem)]">
        <MappingForm
          initial={initial}
          gatewayUrl={status?.gatewayUrl}
          save={(input) => updateMapping(base, input)}
          onLoadAgain={onLoadAgain}
          onSaved={(saved) => {
            putMapping(cache, saved);
            toast(`Mapping updated: ${saved.name}`);
            toList();
          }}
          onCancel={toList}
          foot={
            <Button variant="ghost" icon={Trash2} className="!text-bad" onClick={() => setDeleting(true)}>
              Delete
            </Button>
          }
        />
        <div className="flex min-w-0 flex-col gap-7">
          {isGone ? <Deleted /> : <MappingFacts mapping={mapping} />}
          <RecentRequests mapping={mapping} />
        </div>
      </div>
      {deleting && <DeleteDialog mapping={mapping} onClose={() => setDeleting(false)} onDeleted={toList} />}
    </>
  );
}

/** Stands where the live state stood: that of a mapping that is gone is none. */
function Deleted(): ReactNode {
  return (
    <Notice tone="bad" title="This mapping is deleted">
      Somebody else deleted it since it was opened here: its visitors get 404. To have it back, make a new one
      of what stands in the form.
    </Notice>
  );
}
