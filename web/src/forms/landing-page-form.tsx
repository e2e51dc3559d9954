import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useDeferredValue, useState } from "react";
import {
  LANDING_PAGE_MAX_BYTES,
  landingPageQuery,
  resetLandingPage,
  saveLandingPage,
} from "../api/landing-page";
import type { LandingPage } from "../api/model";
import { messageOf, Problem } from "../api/problem";
import { Button } from "../ui/button";
import { CopyButton } from "../ui/copy-button";
import { ConfirmDialog } from "../ui/dialog";
import { bytes } from "../ui/format";
import { HtmlEditor } from "../ui/html-editor";
import { Notice } from "../ui/notice";
import { State } from "../ui/state";
import { LandingPagePreview } from "./landing-page-preview";
import { LeaveGuard } from "./leave-guard";

const ENCODER = new TextEncoder();

/** What cannot be stored, said before it is sent. */
function problemWith(html: string): string | undefined {
  if (html.trim() === "") return "The page is empty. Write something, or reset it to the default.";
  const size = ENCODER.encode(html).length;
  if (size > LANDING_PAGE_MAX_BYTES) {
    return `The page has ${bytes(size)}, the most is ${bytes(LANDING_PAGE_MAX_BYTES)}. Link to large pictures instead.`;
  }
  return undefined;
}

function isStale(error: unknown): boolean {
  return error instanceof Problem && error.status === 412;
}

/** What is typed, and the hash of the page that it is a change of. */
interface Draft {
  html: string;
  basedOn: string;
}

export function LandingPageForm({ page }: { page: LandingPage }): ReactNode {
  const cache = useQueryClient();
  /** What is typed; null while it is what is stored, so that a page stored elsewhere is shown at once. */
  const [typed, setTyped] = useState<Draft | null>(null);
  /** The hash of the page that is to go, as it was when the question was asked. */
  const [resetting, setResetting] = useState<string | null>(null);
  const html = typed?.html ?? page.html;
  const dirty = html !== page.html;
  const preview = useDeferredValue(html);

  const reloadIfStale = (error: Error) => {
    if (isStale(error)) void cache.invalidateQueries(landingPageQuery);
  };
  const save = useMutation({
    mutationFn: (draft: Draft) => saveLandingPage(draft.html, draft.basedOn),
    onSuccess: (next, sent) => {
      cache.setQueryData(landingPageQuery.queryKey, next);
      // What was typed while this was on its way is a change of what is stored now.
      setTyped((now) => (now === null || now.html === sent.html ? null : { ...now, basedOn: next.hash }));
    },
    onError: reloadIfStale,
  });
  const reset = useMutation({
    mutationFn: resetLandingPage,
    onSuccess: (next) => {
      cache.setQueryData(landingPageQuery.queryKey, next);
      setTyped(null);
      setResetting(null);
    },
    onError: reloadIfStale,
  });
  const change = (next: string) => {
    setTyped((now) => (next === page.html ? null : { html: next, basedOn: now?.basedOn ?? page.hash }));
    if (!save.isPending) save.reset();
  };
  const loadStored = () => {
    setTyped(null);
    save.reset();
  };
  const wrong = dirty ? problemWith(html) : undefined;
  const refused = save.error instanceof Problem ? save.error.fields["html"]?.join(" ") : undefined;

  return (
    <>
      <LeaveGuard when={dirty} what="The landing page" />
      <div className="grid grid-cols-1 gap-4 lg:grid-cols-2">
        <HtmlEditor label="HTML Editor" value={html} onValue={change} error={wrong ?? refused} />
        <div className="flex min-w-0 flex-col">
          <h3 className="mb-1.5 text-sm font-medium">Live Preview</h3>
          <LandingPagePreview html={preview} />
        </div>
      </div>
      <div className="mt-4 flex flex-wrap items-center gap-x-5 gap-y-3">
        <Button
          variant="primary"
          disabled={!dirty || wrong !== undefined}
          busy={save.isPending}
          onClick={() => typed && save.mutate(typed)}
        >
          {save.isPending ? "Saving…" : "Save Changes"}
        </Button>
        <Button disabled={page.isDefault && !dirty} onClick={() => setResetting(page.hash)}>
          Reset to Default
        </Button>
        <p className="text-sm">
          <span className="text-muted">Status:</span> {page.isDefault ? "Default" : "Custom"}
        </p>
        <p className="flex items-center text-sm">
          <span className="mr-1 text-muted">Hash:</span>
          <span className="font-mono text-xs" title={page.hash}>
            {page.hash.slice(0, 8)}
          </span>
          <CopyButton text={page.hash} label="Copy the whole hash" className="size-7" />
        </p>
        <span role="status">
          {dirty && <State tone="warn">Unsaved changes</State>}
          {save.isSuccess && !dirty && <State tone="good">Saved</State>}
        </span>
      </div>
      {save.isError && !refused && <NotSaved error={save.error} onLoadStored={loadStored} />}
      {resetting !== null && (
        <ConfirmDialog
          title="Reset to Default?"
          action="Reset"
          busy={reset.isPending}
          error={reset.isError ? whyNotReset(reset.error) : undefined}
          onConfirm={() => reset.mutate(resetting)}
          onCancel={() => {
            setResetting(null);
            reset.reset();
          }}
        >
          Your page is deleted, here and at the gateway, and visitors see Octoporty's own page. Copy the HTML
          first if you may want it back.
        </ConfirmDialog>
      )}
    </>
  );
}

function whyNotReset(error: Error): string {
  return isStale(error)
    ? "Somebody else stored another page meanwhile, and nothing was deleted. Cancel, look at that page, then reset it if it is to go."
    : messageOf(error);
}

function NotSaved({ error, onLoadStored }: { error: Error; onLoadStored: () => void }): ReactNode {
  const stale = isStale(error);
  return (
    <Notice
      tone="bad"
      title="Not saved"
      className="mt-4 max-w-2xl"
      action={stale && <Button onClick={onLoadStored}>Load what is stored</Button>}
    >
      {stale
        ? "Somebody else stored another page since you began. Copy yours first if you want to keep it."
        : messageOf(error)}
    </Notice>
  );
}
