import { ChevronDown, ChevronUp, X } from "lucide-react";
import { type ReactNode, useId } from "react";
import { IconButton } from "./button";
import { Modal } from "./modal";

interface DrawerProps {
  title: ReactNode;
  onClose: () => void;
  /** To the row above and below; nothing where the list ends. */
  onUp?: (() => void) | undefined;
  onDown?: (() => void) | undefined;
  children: ReactNode;
}

/** The particulars of a row, at the side of its list; over all of it on a phone. */
export function Drawer({ title, onClose, onUp, onDown, children }: DrawerProps): ReactNode {
  const id = useId();
  return (
    <Modal
      onClose={onClose}
      aria-labelledby={id}
      className="slide-in-right fixed inset-y-0 right-0 left-auto m-0 h-dvh max-h-none w-[min(36rem,100vw)] max-w-none flex-col border-l bg-raised p-0 text-ink shadow-raised open:flex"
    >
      <div className="flex items-center gap-1 border-b py-2.5 pr-2.5 pl-4">
        <h2 id={id} className="min-w-0 flex-1 truncate text-base font-semibold">
          {title}
        </h2>
        <IconButton icon={ChevronUp} label="Row above" disabled={!onUp} onClick={onUp} />
        <IconButton icon={ChevronDown} label="Row below" disabled={!onDown} onClick={onDown} />
        <IconButton icon={X} label="Close" onClick={onClose} data-autofocus />
      </div>
      <div className="min-h-0 flex-1 overflow-y-auto px-4 py-4">{children}</div>
    </Modal>
  );
}

/** Names and values under each other. */
export function Facts({
  label,
  facts,
}: {
  label: string;
  facts: readonly (readonly [name: string, value: ReactNode])[];
}): ReactNode {
  return (
    <dl
      aria-label={label}
      className="grid grid-cols-[7.5rem_minmax(0,1fr)] text-sm [&>*]:border-b [&>*]:py-1.5"
    >
      {facts.map(([name, value]) => (
        <FactLine key={name} name={name} value={value} />
      ))}
    </dl>
  );
}

function FactLine({ name, value }: { name: string; value: ReactNode }): ReactNode {
  return (
    <>
      <dt className="pr-3 break-words text-muted">{name}</dt>
      <dd className="min-w-0 break-words">{value}</dd>
    </>
  );
}
