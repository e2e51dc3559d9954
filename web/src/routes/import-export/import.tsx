import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import {
  BACKUP_MAX_BYTES,
  DEFINITIONS_MAX_BYTES,
  type FileKind,
  kindOf,
  type Outcome,
  sendFile,
} from "../../api/import-export";
import { landingPageQuery } from "../../api/landing-page";
import { mappingsQuery } from "../../api/mappings";
import type { ImportResult } from "../../api/model";
import { messageOf, Problem } from "../../api/problem";
import { Section } from "../../layout/page";
import { Button, ButtonLink } from "../../ui/button";
import { bytes } from "../../ui/format";
import { Notice } from "../../ui/notice";
import { Skeleton } from "../../ui/skeleton";
import { StateDot } from "../../ui/state";
import { DropZone } from "./drop-zone";
import { Preview, summaryOf } from "./preview";
import { RestoreDialog } from "./restore-dialog";

/** A file, what it is, and what would become of it. */
interface Chosen extends Outcome {
  file: File;
  kind: FileKind;
}

/** What cannot be sent, said before it is. */
function tooLarge(file: File, kind: FileKind): string | undefined {
  if (kind === "definitions" && file.size > DEFINITIONS_MAX_BYTES) {
    return `A file of definitions has at most ${bytes(DEFINITIONS_MAX_BYTES)}, this one has ${bytes(file.size)}. Split it.`;
  }
  if (kind === "backup" && file.size > BACKUP_MAX_BYTES) {
    return `A backup that is uploaded has at most ${bytes(BACKUP_MAX_BYTES)}, this one has ${bytes(file.size)}. Put it back with octoporty restore.`;
  }
  return undefined;
}

async function look(file: File): Promise<Chosen> {
  const kind = await kindOf(file);
  const refusal = tooLarge(file, kind);
  if (refusal) throw new Error(refusal);
  return { file, kind, ...(await sendFile(file, kind, { dryRun: true })) };
}

/** A file comes in, is looked at, and only then stored. */
export function Import(): ReactNode {
  const cache = useQueryClient();
  const [confirming, setConfirming] = useState(false);
  const preview = useMutation({ mutationFn: look });
  const apply = useMutation({
    mutationFn: ({ file, kind, tag }: Chosen) => sendFile(file, kind, { dryRun: false, tag }),
    onSuccess: () => {
      preview.reset();
      void cache.invalidateQueries(mappingsQuery);
      void cache.invalidateQueries(landingPageQuery);
    },
    onSettled: () => setConfirming(false),
  });
  const choose = (file: File) => {
    apply.reset();
    preview.mutate(file);
  };
  const leave = () => {
    preview.reset();
    apply.reset();
  };
  const chosen = preview.data;

  return (
    <Section title="Import and restore" className="mt-10">
      <p className="-mt-1 mb-3 max-w-2xl text-sm text-muted">
        Definitions are merged: a mapping is found again by its id, else by its domain and path, and none is
        deleted. A backup replaces all mappings and the landing page. You see what would happen first.
      </p>
      {!chosen && !preview.isPending && <DropZone onFile={choose} />}
      {preview.isPending && <Reading name={preview.variables.name} />}
      {preview.isError && <CannotRead error={preview.error} name={preview.variables.name} />}
      {apply.isSuccess && !chosen && !preview.isPending && !preview.isError && (
        <Done result={apply.data.result} />
      )}
      {chosen && (
        <>
          <Preview file={chosen.file} kind={chosen.kind} result={chosen.result}>
            {apply.isError && <NotApplied error={apply.error} onPreviewAgain={() => choose(chosen.file)} />}
            <div className="mt-4 flex flex-wrap gap-2">
              <Button
                variant={chosen.kind === "backup" ? "danger" : "primary"}
                disabled={!chosen.result.success || changesNothing(chosen.result)}
                busy={apply.isPending}
                onClick={() => (chosen.kind === "backup" ? setConfirming(true) : apply.mutate(chosen))}
              >
                {chosen.kind === "backup" ? "Restore…" : apply.isPending ? "Applying…" : "Apply import"}
              </Button>
              {/* While the question is asked, its own Cancel is the one to press. */}
              {!confirming && <Button onClick={leave}>Cancel</Button>}
            </div>
          </Preview>
          {confirming && (
            <RestoreDialog
              name={chosen.file.name}
              result={chosen.result}
              busy={apply.isPending}
              onConfirm={() => apply.mutate(chosen)}
              onCancel={() => setConfirming(false)}
            />
          )}
        </>
      )}
    </Section>
  );
}

function changesNothing({ created, updated, deleted, landingPage }: ImportResult): boolean {
  return created + updated + deleted === 0 && landingPage === "kept";
}

function Reading({ name }: { name: string }): ReactNode {
  return (
    <div role="status" aria-label={`Reading ${name}`} className="rounded-md border bg-surface p-4">
      <Skeleton className="w-56" />
      <Skeleton className="mt-4 w-full" />
      <Skeleton className="mt-2 w-2/3" />
    </div>
  );
}

function CannotRead({ error, name }: { error: Error; name: string }): ReactNode {
  return (
    <Notice tone="bad" title={`${name} cannot be imported`} className="mt-3 max-w-3xl">
      {messageOf(error)}
      {error instanceof Problem && error.requestId && (
        <span className="block font-mono text-xs">Request id {error.requestId}</span>
      )}
    </Notice>
  );
}

function NotApplied({ error, onPreviewAgain }: { error: Error; onPreviewAgain: () => void }): ReactNode {
  const stale = error instanceof Problem && error.status === 412;
  return (
    <Notice
      tone="bad"
      title="Nothing was stored"
      className="mt-4 max-w-3xl"
      action={stale && <Button onClick={onPreviewAgain}>Preview again</Button>}
    >
      {stale ? "The settings were changed since this preview." : messageOf(error)}
    </Notice>
  );
}

function Done({ result }: { result: ImportResult }): ReactNode {
  return (
    <div role="status" className="mt-3 flex flex-wrap items-center gap-x-4 gap-y-2">
      <p className="flex min-w-0 items-baseline gap-2 text-sm">
        <StateDot tone="good" />
        Stored: {summaryOf(result)}
      </p>
      <ButtonLink to="/mappings" variant="ghost">
        View mappings
      </ButtonLink>
    </div>
  );
}
