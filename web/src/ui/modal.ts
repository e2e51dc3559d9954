import { type RefObject, useEffect, useRef } from "react";

/**
 * A <dialog> that is modal for as long as it is rendered. The browser puts the focus on its first control, unless one
 * is marked with `data-autofocus`, and gives it back at the end.
 */
export function useModal(): RefObject<HTMLDialogElement | null> {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    dialog?.querySelector<HTMLElement>("[data-autofocus]")?.focus();
    return () => dialog?.close();
  }, []);
  return ref;
}
