import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { cx } from "./classes";

interface Option<T extends string> {
  value: T;
  label: string;
  /** With an icon only the icon is shown; the label is its name and tooltip. */
  icon?: LucideIcon;
  count?: number | undefined;
}

/** A few ways to see the same thing; one is pressed. */
export function Segmented<T extends string>({
  label,
  value,
  options,
  onValue,
}: {
  label: string;
  value: T;
  options: readonly Option<T>[];
  onValue: (value: T) => void;
}): ReactNode {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset brings borders and a legend; this is a toolbar's group.
    <div
      role="group"
      aria-label={label}
      className="inline-flex rounded-md border border-line-strong/70 bg-surface p-0.5"
    >
      {options.map(({ value: own, label: name, icon: Icon, count }) => (
        <button
          key={own}
          type="button"
          aria-pressed={own === value}
          aria-label={Icon ? name : undefined}
          title={Icon ? name : undefined}
          onClick={() => onValue(own)}
          className={cx(
            "inline-flex h-7 items-center gap-1.5 rounded-sm px-2.5 text-sm transition-colors duration-100 pointer-coarse:h-9",
            own === value ? "bg-accent-wash font-medium text-ink" : "text-muted hover:text-ink",
          )}
        >
          {Icon ? <Icon size={16} strokeWidth={1.75} aria-hidden="true" /> : name}
          {count !== undefined && <span className="figures text-xs text-muted">{count}</span>}
        </button>
      ))}
    </div>
  );
}
