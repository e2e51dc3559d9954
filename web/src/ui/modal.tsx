import { type DialogHTMLAttributes, type ReactNode, useLayoutEffect, useRef } from "react";

interface ModalProps
  extends Omit<DialogHTMLAttributes<HTMLDialogElement>, "onClose" | "onCancel" | "onClick"> {
  /** Escape was pressed, or the backdrop. */
  onClose: () => void;
}

/**
 * A <dialog> that is modal for as long as it is rendered: the focus stays inside, the page behind is inert. The browser
 * puts the focus on its first control, unless one is marked with `data-autofocus`, and gives it back at the end.
 */
export function Modal({ onClose, children, ...rest }: ModalProps): ReactNode {
  const ref = useRef<HTMLDialogElement>(null);
  // A layout effect: the browser gives the focus back only while the dialog is still in the document.
  useLayoutEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    dialog?.querySelector<HTMLElement>("[data-autofocus]")?.focus();
    return () => dialog?.close();
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape is the platform's; a click on the backdrop is its twin.
    <dialog
      {...rest}
      ref={ref}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === ref.current) onClose();
      }}
    >
      {children}
    </dialog>
  );
}
