import { type ReactNode, useId } from "react";
import { cx } from "./classes";

interface SwitchProps {
  checked: boolean;
  onChecked: (checked: boolean) => void;
  /** The accessible name. */
  label: string;
  disabled?: boolean;
  describedBy?: string | undefined;
  id?: string;
}

export function Switch({ checked, onChecked, label, disabled, describedBy, id }: SwitchProps): ReactNode {
  return (
    <button
      type="button"
      role="switch"
      id={id}
      aria-checked={checked}
      aria-label={label}
      aria-describedby={describedBy}
      disabled={disabled}
      onClick={() => onChecked(!checked)}
      className={cx(
        "relative inline-flex h-5 w-9 shrink-0 items-center rounded-full border transition-colors duration-150 disabled:opacity-50",
        // A larger place to touch than is drawn.
        "after:absolute after:-inset-x-1.5 after:-inset-y-2.5",
        checked ? "border-accent bg-accent" : "border-line-strong bg-hover",
      )}
    >
      <span
        className={cx(
          "size-3.5 rounded-full transition-transform duration-150",
          checked ? "translate-x-[18px] bg-on-accent" : "translate-x-0.5 bg-muted",
        )}
      />
    </button>
  );
}

/** A switch with its label beside it and help under it, as it stands in a form. */
export function SwitchField({
  help,
  ...rest
}: Omit<SwitchProps, "describedBy" | "id"> & { help?: ReactNode }): ReactNode {
  const id = useId();
  return (
    <div className="flex items-start gap-3">
      <Switch {...rest} id={id} describedBy={help ? `${id}-help` : undefined} />
      <div className="min-w-0">
        <label htmlFor={id} className="block text-sm font-medium">
          {rest.label}
        </label>
        {help && (
          <p id={`${id}-help`} className="mt-0.5 text-sm text-muted">
            {help}
          </p>
        )}
      </div>
    </div>
  );
}
