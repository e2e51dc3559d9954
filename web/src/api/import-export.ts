import { bodyOf, client } from "./client";
import type { ImportResult } from "./model";
import { Problem } from "./problem";

/** Most bytes of a file of definitions. */
export const DEFINITIONS_MAX_BYTES = 32 * 1_024 * 1_024;
/** Most bytes of a backup that is uploaded. */
export const BACKUP_MAX_BYTES = 1_024 * 1_024 * 1_024;

/** What every SQLite database begins with. */
const SQLITE_MAGIC = "SQLite format 3\0";

/** What a chosen file is: definitions are merged, a backup replaces. */
export type FileKind = "definitions" | "backup";

export async function kindOf(file: File): Promise<FileKind> {
  const head = await file.slice(0, SQLITE_MAGIC.length).text();
  return head === SQLITE_MAGIC || /\.(db|sqlite3?)$/i.test(file.name) ? "backup" : "definitions";
}

/** What an import does or would do, with the tag of the settings that it was compared with. */
export interface Outcome {
  result: ImportResult;
  tag: string | null;
}

interface Options {
  dryRun: boolean;
  /** Of the preview: refused with 412 when the settings changed since. */
  tag?: string | null;
}

export async function sendFile(
  file: File,
  kind: FileKind,
  { dryRun, tag }: Options,
  signal?: AbortSignal,
): Promise<Outcome> {
  const header = tag ? { "If-Match": tag } : {};
  const init = { params: { query: { dryRun }, header }, ...(signal ? { signal } : {}) };
  // The file goes as it is; its type in the contract is that of its content.
  const raw = { body: file as never, bodySerializer: () => file };
  const answer =
    kind === "backup"
      ? await client.POST("/api/v1/import-export/restore", {
          ...init,
          ...raw,
          headers: { "Content-Type": "application/x-sqlite3" },
        })
      : await client.POST("/api/v1/import-export/import", {
          ...init,
          ...raw,
          headers: { "Content-Type": "application/json" },
        });
  const result = await bodyOf(Promise.resolve(answer));
  return { result, tag: answer.response.headers.get("etag") };
}

/** A file that the console made, under the name that it gave it. */
export interface Download {
  name: string;
  content: Blob;
}

export async function exportDefinitions(): Promise<Download> {
  const answer = await client.GET("/api/v1/import-export/export", { parseAs: "blob" });
  return fileOf(answer.response, answer.data, answer.error, "octoporty-definitions.json");
}

export async function downloadBackup(): Promise<Download> {
  const answer = await client.GET("/api/v1/import-export/sqlite", { parseAs: "blob" });
  return fileOf(answer.response, answer.data, answer.error, "octoporty-backup.db");
}

function fileOf(response: Response, content: Blob | undefined, error: unknown, name: string): Download {
  if (!response.ok || !content) throw Problem.from(response, error);
  const given = /filename="([^"]+)"/.exec(response.headers.get("content-disposition") ?? "")?.[1];
  return { name: given ?? name, content };
}
