import type { ReactNode } from "react";
import type { FileKind } from "../../api/import-export";
import type { ImportEntry, ImportResult } from "../../api/model";
import { bytes } from "../../ui/format";
import { Notice } from "../../ui/notice";

/** Most rows that are drawn of one kind; the counts tell of all. */
const MOST = 200;

const LANDING_PAGE = {
  kept: undefined,
  replaced: "landing page replaced",
  reset: "landing page reset to the default",
} as const;

/** The whole in a line: `2 created, 1 updated, landing page replaced`. */
export function summaryOf(result: ImportResult): string {
  const counts = [
    [result.created, "created"],
    [result.updated, "updated"],
    [result.deleted, "deleted"],
    [result.skipped, "skipped"],
  ] as const;
  const words = counts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  const page = LANDING_PAGE[result.landingPage];
  return [...words, ...(page ? [page] : [])].join(", ") || "nothing to do";
}

const KINDS = [
  { action: "created", title: "Created", note: "new here" },
  { action: "updated", title: "Updated", note: "what differs is changed" },
  { action: "deleted", title: "Deleted", note: "not in the backup" },
  { action: "skipped", title: "Skipped", note: "stored like this already" },
] as const;

/** What a file would do, kind by kind, and what is wrong with it. */
export function Preview({
  file,
  kind,
  result,
  children,
}: {
  file: File;
  kind: FileKind;
  result: ImportResult;
  children: ReactNode;
}): ReactNode {
  return (
    <section aria-label="Preview" className="rounded-md border bg-surface p-4">
      <h3 className="text-base font-medium break-words">
        {file.name}
        <span className="ml-2 text-sm font-normal text-muted">
          {kind === "backup" ? "backup" : "definitions"}, {bytes(file.size)}
        </span>
      </h3>
      <p className="mt-0.5 text-sm text-muted">
        Nothing is stored yet.{" "}
        {result.success
          ? `What would happen: ${summaryOf(result)}.`
          : "Correct the file and choose it again."}
      </p>
      {!result.success && <Mistakes result={result} />}
      {result.success && result.landingPage !== "kept" && (
        <p className="mt-3 text-sm">
          <span className="font-medium">Landing page</span>{" "}
          <span className="text-muted">
            {result.landingPage === "reset" ? "the product's own again" : "replaced by the file's"}
          </span>
        </p>
      )}
      {KINDS.map(({ action, title, note }) => (
        <Entries
          key={action}
          title={title}
          note={note}
          entries={result.entries.filter((entry) => entry.action === action)}
          open={action !== "skipped"}
        />
      ))}
      {children}
    </section>
  );
}

function Mistakes({ result }: { result: ImportResult }): ReactNode {
  return (
    <Notice tone="bad" title="Errors" className="mt-3">
      {result.error}
      <ul aria-label="Errors" className="mt-2 max-h-80 overflow-y-auto">
        {result.mistakes.map(({ field, message }) => (
          <li key={`${field} ${message}`} className="mb-1.5 break-words">
            <span className="font-mono text-xs text-ink">{field}</span>
            <span className="block">{message}</span>
          </li>
        ))}
      </ul>
    </Notice>
  );
}

interface EntriesProps {
  title: string;
  note: string;
  entries: readonly ImportEntry[];
  open: boolean;
}

function Entries({ title, note, entries, open }: EntriesProps): ReactNode {
  if (entries.length === 0) return null;
  return (
    <details open={open} className="mt-3">
      <summary className="text-sm font-medium">
        {title} <span className="figures">{entries.length}</span>
        <span className="ml-2 font-normal text-muted">{note}</span>
      </summary>
      <ul aria-label={title} className="mt-1 border-t text-sm">
        {entries.slice(0, MOST).map((entry) => (
          <li key={entry.id} className="border-b py-1.5">
            <p className="truncate font-medium" title={entry.name}>
              {entry.name}
            </p>
            <p className="font-mono text-xs break-words text-muted">
              {entry.address} → {entry.target}
            </p>
            {entry.changes.map(({ field, from, to }) => (
              <p key={field} className="mt-0.5 font-mono text-xs break-words">
                <span className="text-muted">{field}</span> <del className="text-muted">{from}</del>{" "}
                <span aria-hidden="true">→</span> <ins className="no-underline">{to}</ins>
              </p>
            ))}
          </li>
        ))}
      </ul>
      {entries.length > MOST && (
        <p className="mt-1 text-sm text-muted">and {(entries.length - MOST).toLocaleString("en-US")} more</p>
      )}
    </details>
  );
}
