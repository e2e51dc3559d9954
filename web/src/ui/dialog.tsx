import { X } from "lucide-react";
import { type ReactNode, useId } from "react";
import { Button, IconButton } from "./button";
import { cx } from "./classes";
import { Modal } from "./modal";

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
  footer?: ReactNode;
  className?: string;
  /** `alertdialog` for a question that must be answered. */
  role?: "dialog" | "alertdialog";
}

/** A modal with a title, a text and its buttons. */
export function Dialog({
  title,
  onClose,
  children,
  footer,
  className,
  role = "dialog",
}: DialogProps): ReactNode {
  const id = useId();
  return (
    <Modal
      onClose={onClose}
      role={role}
      aria-labelledby={`${id}-title`}
      aria-describedby={`${id}-body`}
      className={cx(
        "rise m-auto w-[min(28rem,calc(100vw-2rem))] rounded-md border bg-raised p-0 text-ink shadow-raised",
        className,
      )}
    >
      <div className="flex items-center justify-between gap-4 px-4 pt-3">
        <h2 id={`${id}-title`} className="min-w-0 text-lg font-semibold break-words">
          {title}
        </h2>
        <IconButton icon={X} label="Close" onClick={onClose} className="-mr-2" />
      </div>
      <div id={`${id}-body`} className="px-4 pt-1 pb-4 text-base text-muted">
        {children}
      </div>
      {footer && <div className="flex flex-wrap justify-end gap-2 border-t px-4 py-3">{footer}</div>}
    </Modal>
  );
}

interface ConfirmProps {
  title: string;
  /** What it will cost. */
  children: ReactNode;
  /** The word on the button that does it. */
  action: string;
  busy?: boolean;
  error?: string | undefined;
  onConfirm: () => void;
  onCancel: () => void;
}

/** A destructive act, confirmed: says what it costs, `Cancel` has the focus. */
export function ConfirmDialog({
  title,
  children,
  action,
  busy,
  error,
  onConfirm,
  onCancel,
}: ConfirmProps): ReactNode {
  return (
    <Dialog
      title={title}
      role="alertdialog"
      onClose={onCancel}
      footer={
        <>
          <Button data-autofocus onClick={onCancel}>
            Cancel
          </Button>
          <Button variant="danger" busy={busy ?? false} onClick={onConfirm}>
            {action}
          </Button>
        </>
      }
    >
      {children}
      {error && (
        <p role="alert" className="mt-3 text-bad">
          {error}
        </p>
      )}
    </Dialog>
  );
}
