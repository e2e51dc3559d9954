import { ChevronDown } from "lucide-react";
import { type InputHTMLAttributes, type ReactNode, type Ref, type SelectHTMLAttributes, useId } from "react";
import { cx } from "./classes";

interface FieldProps {
  label: string;
  help?: ReactNode;
  /** What is wrong and what to change; the field is announced as invalid while it is there. */
  error?: string | undefined;
  className?: string | undefined;
}

const BOX =
  "h-9 w-full min-w-0 rounded-md border bg-surface px-2.5 text-base text-ink placeholder:text-faint transition-colors duration-100 hover:border-line-strong focus-visible:outline-2 focus-visible:-outline-offset-1 focus-visible:outline-accent aria-invalid:focus-visible:outline-bad disabled:opacity-50 pointer-coarse:h-11 pointer-coarse:text-lg";

export function boxClass(error: string | undefined, extra?: string | false): string {
  return cx(BOX, error ? "border-bad" : "border-line-strong/70", extra);
}

interface Ids {
  id: string;
  describedBy: string | undefined;
}

function FieldFrame({
  label,
  help,
  error,
  className,
  children,
}: FieldProps & { children: (ids: Ids) => ReactNode }): ReactNode {
  const id = useId();
  const described = [error && `${id}-error`, help && `${id}-help`].filter(Boolean).join(" ");
  return (
    <div className={cx("min-w-0", className)}>
      <label htmlFor={id} className="mb-1.5 block text-sm font-medium">
        {label}
      </label>
      {children({ id, describedBy: described || undefined })}
      {error && (
        <p id={`${id}-error`} className="mt-1.5 text-sm text-bad">
          {error}
        </p>
      )}
      {help && (
        <p id={`${id}-help`} className="mt-1.5 text-sm text-muted">
          {help}
        </p>
      )}
    </div>
  );
}

interface TextFieldProps
  extends FieldProps,
    Omit<InputHTMLAttributes<HTMLInputElement>, "className" | "onChange" | "value"> {
  value: string;
  onValue: (value: string) => void;
  /** Names, ports and paths are set in the fixed-width face. */
  fixed?: boolean;
  ref?: Ref<HTMLInputElement>;
}

export function TextField({
  label,
  help,
  error,
  className,
  value,
  onValue,
  fixed = false,
  ...rest
}: TextFieldProps): ReactNode {
  return (
    <FieldFrame label={label} help={help} error={error} className={className}>
      {({ id, describedBy }) => (
        <input
          type="text"
          autoComplete="off"
          spellCheck={false}
          {...rest}
          id={id}
          value={value}
          onChange={(event) => onValue(event.target.value)}
          aria-invalid={error ? true : undefined}
          aria-describedby={describedBy}
          className={boxClass(error, fixed && "font-mono text-sm")}
        />
      )}
    </FieldFrame>
  );
}

interface SelectFieldProps<T extends string>
  extends FieldProps,
    Omit<SelectHTMLAttributes<HTMLSelectElement>, "className" | "onChange" | "value"> {
  value: T;
  onValue: (value: T) => void;
  options: readonly { value: T; label: string }[];
}

export function SelectField<T extends string>({
  label,
  help,
  error,
  className,
  value,
  onValue,
  options,
  ...rest
}: SelectFieldProps<T>): ReactNode {
  return (
    <FieldFrame label={label} help={help} error={error} className={className}>
      {({ id, describedBy }) => (
        <span className="relative block">
          <select
            {...rest}
            id={id}
            value={value}
            onChange={(event) => {
              const chosen = options.find((option) => option.value === event.target.value);
              if (chosen) onValue(chosen.value);
            }}
            aria-invalid={error ? true : undefined}
            aria-describedby={describedBy}
            className={boxClass(error, "appearance-none pr-8")}
          >
            {options.map((option) => (
              <option key={option.value} value={option.value}>
                {option.label}
              </option>
            ))}
          </select>
          <ChevronDown
            size={16}
            strokeWidth={1.75}
            aria-hidden="true"
            className="pointer-events-none absolute top-1/2 right-2.5 -translate-y-1/2 text-muted"
          />
        </span>
      )}
    </FieldFrame>
  );
}
