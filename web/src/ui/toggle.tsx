import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { cx } from "./classes";

/** A button that stays pressed: a way of showing that is on or off. */
export function Toggle({
  icon: Icon,
  label,
  pressed,
  onPressed,
}: {
  icon: LucideIcon;
  label: string;
  pressed: boolean;
  onPressed: (pressed: boolean) => void;
}): ReactNode {
  return (
    <button
      type="button"
      aria-pressed={pressed}
      onClick={() => onPressed(!pressed)}
      className={cx(
        "inline-flex h-[34px] shrink-0 items-center gap-1.5 rounded-md border px-2.5 text-sm transition-colors duration-100 pointer-coarse:h-11",
        pressed
          ? "border-accent bg-accent-wash font-medium text-ink"
          : "border-line-strong/70 text-muted hover:border-line-strong hover:text-ink",
      )}
    >
      <Icon size={16} strokeWidth={1.75} aria-hidden="true" />
      {label}
    </button>
  );
}
