import { useMutation, useQuery } from "@tanstack/react-query";
import { DatabaseBackup, FileJson, type LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { type Download, downloadBackup, exportDefinitions } from "../../api/import-export";
import { landingPageQuery } from "../../api/landing-page";
import { mappingsQuery } from "../../api/mappings";
import { messageOf } from "../../api/problem";
import { LoadError } from "../../layout/load-error";
import { Section } from "../../layout/page";
import { Button } from "../../ui/button";
import { bytes } from "../../ui/format";
import { Notice } from "../../ui/notice";
import { Skeleton } from "../../ui/skeleton";
import { State } from "../../ui/state";

/** How long the browser may need to begin a download before its file is given up, in milliseconds. */
const HELD_MS = 60_000;

function save({ name, content }: Download): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), HELD_MS);
}

export function Export(): ReactNode {
  return (
    <Section title="Export">
      <div className="grid grid-cols-1 gap-4 lg:grid-cols-2">
        <Card
          icon={FileJson}
          title="Definitions"
          action="Export JSON"
          fetchFile={exportDefinitions}
          contents={<DefinitionsContents />}
        >
          A file that people can read and change. An import merges it, here or into another agent.
        </Card>
        <Card
          icon={DatabaseBackup}
          title="Backup"
          action="Download SQLite backup"
          fetchFile={downloadBackup}
          contents="Mappings, landing page, request log and connection log."
        >
          The whole database of one moment; nothing has to be stopped. Passwords and sessions are not in it,
          but the log of requests is: keep it where only you read it.
        </Card>
      </div>
    </Section>
  );
}

interface CardProps {
  icon: LucideIcon;
  title: string;
  action: string;
  fetchFile: () => Promise<Download>;
  contents: ReactNode;
  children: ReactNode;
}

function Card({ icon: Icon, title, action, fetchFile, contents, children }: CardProps): ReactNode {
  const download = useMutation({ mutationFn: fetchFile, onSuccess: save });
  return (
    <div className="flex min-w-0 flex-col rounded-md border bg-surface p-4">
      <h3 className="flex items-center gap-2 text-base font-medium">
        <Icon size={16} strokeWidth={1.75} aria-hidden="true" className="text-muted" />
        {title}
      </h3>
      <p className="mt-1 text-sm text-muted">{children}</p>
      <div className="mt-2 mb-3 text-sm">{contents}</div>
      <div className="mt-auto flex flex-wrap items-center gap-x-4 gap-y-2">
        <Button busy={download.isPending} onClick={() => download.mutate()}>
          {download.isPending ? "Preparing…" : action}
        </Button>
        <span role="status" className="min-w-0">
          {download.isSuccess && (
            <State tone="good" title={download.data.name} className="max-w-full">
              {download.data.name}, {bytes(download.data.content.size)}
            </State>
          )}
        </span>
      </div>
      {download.isError && (
        <Notice tone="bad" title="No file was made" className="mt-3">
          {messageOf(download.error)}
        </Notice>
      )}
    </div>
  );
}

/** What the file will have in it. */
function DefinitionsContents(): ReactNode {
  const mappings = useQuery(mappingsQuery);
  const page = useQuery(landingPageQuery);
  const failed = [mappings, page].find((query) => query.isError && !query.data);
  if (failed) return <LoadError what="What there is to export" query={failed} />;
  if (!mappings.data || !page.data) {
    return (
      <span role="status" aria-label="Loading what there is to export">
        <Skeleton className="my-[3px] w-52" />
      </span>
    );
  }
  const count = mappings.data.length;
  if (count === 0 && page.data.isDefault)
    return "There is nothing to export yet: no mapping, no page of your own.";
  const pages = page.data.isDefault ? "the default landing page" : "your landing page";
  return `${count} ${count === 1 ? "mapping" : "mappings"} and ${pages}.`;
}
