import { ChevronDown, Search, X } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { Button } from "./button";
import { cx } from "./classes";
import { boxClass } from "./field";

/** A pause in typing that counts as having said what is searched for, in milliseconds. */
const PAUSE_MS = 300;

const SLIM = "!h-[34px] text-sm pointer-coarse:!h-11";
/** A filter that narrows is seen without reading it. */
const SET = "!border-accent";

/** What narrows a list, above it. */
export function FilterBar({ children }: { children: ReactNode }): ReactNode {
  return (
    <search aria-label="Filters" className="mb-3 flex flex-wrap items-center gap-2">
      {children}
    </search>
  );
}

/** Takes every filter away; there only while one narrows. */
export function ClearFilters({ onClear, className }: { onClear: () => void; className?: string }): ReactNode {
  return (
    <Button
      variant="ghost"
      icon={X}
      onClick={onClear}
      className={cx("!h-[34px] !px-2 pointer-coarse:!h-11", className)}
      aria-label="Clear filters"
    >
      Clear
    </Button>
  );
}

interface SearchBoxProps {
  /** The accessible name. */
  label: string;
  value: string;
  onValue: (value: string) => void;
  placeholder?: string;
  className?: string;
}

export function SearchBox({ label, value, onValue, placeholder, className }: SearchBoxProps): ReactNode {
  return (
    <div className={cx("relative", className ?? "w-full sm:w-72")}>
      <Search
        size={16}
        strokeWidth={1.75}
        aria-hidden="true"
        className="pointer-events-none absolute top-1/2 left-2.5 -translate-y-1/2 text-muted"
      />
      <input
        type="search"
        aria-label={label}
        placeholder={placeholder ?? `${label}…`}
        autoComplete="off"
        spellCheck={false}
        value={value}
        onChange={(event) => onValue(event.target.value)}
        className={boxClass(undefined, cx(SLIM, "pl-8", value && SET))}
      />
    </div>
  );
}

/** What is typed, told after a pause; a value from outside wins while nothing is being typed. */
export function useTyped(value: string, onTyped: (value: string) => void): [string, (value: string) => void] {
  const [typed, setTyped] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    if (timer.current === undefined) setTyped(value);
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const type = (next: string) => {
    setTyped(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      timer.current = undefined;
      onTyped(next.trim());
    }, PAUSE_MS);
  };
  return [typed, type];
}

/** A search box whose text is told after a pause. */
export function TypedSearch({ value, onValue, ...rest }: SearchBoxProps): ReactNode {
  const [typed, type] = useTyped(value, onValue);
  return <SearchBox {...rest} value={typed} onValue={type} />;
}

/** A slim text field that narrows a list. */
export function FilterText({ label, value, onValue, placeholder, className }: SearchBoxProps): ReactNode {
  const [typed, type] = useTyped(value, onValue);
  return (
    <input
      type="text"
      aria-label={label}
      title={label}
      placeholder={placeholder ?? label}
      autoComplete="off"
      spellCheck={false}
      value={typed}
      onChange={(event) => type(event.target.value)}
      className={boxClass(undefined, cx(SLIM, "font-mono", value && SET, className))}
    />
  );
}

/** A slim choice that narrows a list; the first option narrows nothing. */
export function FilterSelect<T extends string>({
  label,
  value,
  onValue,
  all,
  options,
  className,
}: {
  label: string;
  value: T | undefined;
  onValue: (value: T | undefined) => void;
  /** The word for not narrowing. */
  all: string;
  options: readonly { value: T; label: string }[];
  className?: string;
}): ReactNode {
  return (
    <span className={cx("relative block", className)}>
      <select
        aria-label={label}
        title={label}
        value={value ?? ""}
        onChange={(event) => onValue(options.find((option) => option.value === event.target.value)?.value)}
        className={boxClass(
          undefined,
          cx(SLIM, "appearance-none truncate pr-7", value && cx(SET, "font-medium")),
        )}
      >
        <option value="">{all}</option>
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
      <ChevronDown
        size={14}
        strokeWidth={1.75}
        aria-hidden="true"
        className="pointer-events-none absolute top-1/2 right-2 -translate-y-1/2 text-muted"
      />
    </span>
  );
}

/** A moment, in the reader's own time; told as RFC 3339. */
export function FilterMoment({
  label,
  value,
  onValue,
}: {
  label: string;
  value: string | undefined;
  onValue: (value: string | undefined) => void;
}): ReactNode {
  return (
    <label className="flex items-center gap-2 text-sm text-muted">
      {label}
      <input
        type="datetime-local"
        step={1}
        value={localOf(value)}
        onChange={(event) => {
          const at = new Date(event.target.value);
          onValue(Number.isNaN(at.getTime()) ? undefined : at.toISOString());
        }}
        className={boxClass(undefined, cx(SLIM, "!w-auto", value && SET))}
      />
    </label>
  );
}

/** `2026-11-20T19:30:00` in the reader's time zone, as the field wants it. */
export function localOf(value: string | undefined): string {
  const at = value ? new Date(value) : undefined;
  if (!at || Number.isNaN(at.getTime())) return "";
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
