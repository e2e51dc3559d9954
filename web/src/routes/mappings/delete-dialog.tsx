import type { ReactNode } from "react";
import type { Mapping } from "../../api/model";
import { messageOf } from "../../api/problem";
import { publicName } from "../../api/public-url";
import { ConfirmDialog } from "../../ui/dialog";
import { useDeleteMapping } from "./use-mapping-actions";

/** Asks before a mapping is deleted, and says what that cuts. */
export function DeleteDialog({
  mapping,
  onClose,
  onDeleted,
}: {
  mapping: Mapping;
  onClose: () => void;
  onDeleted?: () => void;
}): ReactNode {
  const deletion = useDeleteMapping(() => {
    onClose();
    onDeleted?.();
  });
  return (
    <ConfirmDialog
      title={`Delete ${mapping.name}?`}
      action="Delete"
      busy={deletion.isPending}
      error={deletion.isError ? messageOf(deletion.error) : undefined}
      onConfirm={() => deletion.mutate(mapping)}
      onCancel={onClose}
    >
      {mapping.enabled ? (
        <p>
          Visitors of <span className="font-mono text-sm text-ink">{publicName(mapping)}</span> get 404 at
          once, and requests that are under way are cut.
        </p>
      ) : (
        <p>
          <span className="font-mono text-sm text-ink">{publicName(mapping)}</span> is disabled: no visitor
          will notice.
        </p>
      )}
      <p className="mt-2">Its settings are lost. Are you sure?</p>
    </ConfirmDialog>
  );
}
