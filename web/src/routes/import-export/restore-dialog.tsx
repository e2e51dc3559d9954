import type { ReactNode } from "react";
import type { ImportResult } from "../../api/model";
import { ConfirmDialog } from "../../ui/dialog";

/** Names that are told one by one; more would not be read. */
const MOST = 5;

function counted(count: number, one: string, many: string): string {
  return count === 1 ? `1 mapping ${one}` : `${count} mappings ${many}`;
}

/** Asks before a backup takes the place of the settings, and says what that costs. */
export function RestoreDialog({
  name,
  result,
  busy,
  onConfirm,
  onCancel,
}: {
  name: string;
  result: ImportResult;
  busy: boolean;
  onConfirm: () => void;
  onCancel: () => void;
}): ReactNode {
  const gone = result.entries.filter((entry) => entry.action === "deleted");
  const more = gone.length - MOST;
  return (
    <ConfirmDialog
      title="Restore this backup?"
      action="Restore"
      busy={busy}
      onConfirm={onConfirm}
      onCancel={onCancel}
    >
      <p>
        The mappings and the landing page of this agent are replaced by those of{" "}
        <span className="break-all text-ink">{name}</span>:
      </p>
      <ul className="mt-2 list-disc pl-5">
        {result.created > 0 && <li>{counted(result.created, "comes back", "come back")}</li>}
        {result.updated > 0 && <li>{counted(result.updated, "changes", "change")}</li>}
        {gone.length > 0 && (
          <li>
            {counted(gone.length, "goes, and its visitors get 404", "go, and their visitors get 404")}:{" "}
            {gone
              .slice(0, MOST)
              .map((entry) => entry.name)
              .join(", ")}
            {more > 0 && ` and ${more} more`}
          </li>
        )}
        {result.landingPage !== "kept" && <li>the landing page is another one</li>}
      </ul>
      <p className="mt-2">Logs and sessions stay. Download a backup first if you may want this state back.</p>
    </ConfirmDialog>
  );
}
