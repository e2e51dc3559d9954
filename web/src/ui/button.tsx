import { createLink, type LinkComponent } from "@tanstack/react-router";
import type { LucideIcon } from "lucide-react";
import type { AnchorHTMLAttributes, ButtonHTMLAttributes, ReactNode, Ref } from "react";
import { cx } from "./classes";

export type Variant = "primary" | "secondary" | "ghost" | "danger";

const SHAPE =
  "inline-flex h-8 shrink-0 items-center justify-center gap-1.5 whitespace-nowrap rounded-md px-3 text-sm font-medium select-none transition-colors duration-100 pointer-coarse:h-10";

const VARIANTS: Record<Variant, string> = {
  primary: "bg-accent text-on-accent not-disabled:hover:bg-accent-strong",
  secondary: "border border-line-strong bg-surface text-ink not-disabled:hover:bg-hover",
  ghost: "text-muted not-disabled:hover:bg-hover not-disabled:hover:text-ink",
  danger: "bg-bad-fill text-[oklch(1_0_0)] not-disabled:hover:brightness-110",
};

const OFF = "disabled:opacity-50 aria-disabled:opacity-50 aria-disabled:cursor-not-allowed";

export function buttonClass(variant: Variant, extra?: string): string {
  return cx(SHAPE, VARIANTS[variant], OFF, extra);
}

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  variant?: Variant;
  icon?: LucideIcon;
  /** While true the button keeps its place and its focus but does nothing. */
  busy?: boolean;
  ref?: Ref<HTMLButtonElement>;
}

export function Button({
  variant = "secondary",
  icon: Icon,
  busy = false,
  className,
  children,
  onClick,
  ...rest
}: ButtonProps): ReactNode {
  return (
    <button
      type="button"
      {...rest}
      aria-busy={busy || undefined}
      aria-disabled={busy || undefined}
      onClick={busy ? (event) => event.preventDefault() : onClick}
      className={buttonClass(variant, className)}
    >
      {Icon && (
        <Icon size={16} strokeWidth={1.75} aria-hidden="true" className={busy ? "breathe" : undefined} />
      )}
      {children}
    </button>
  );
}

interface IconButtonProps extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, "children"> {
  icon: LucideIcon;
  /** The accessible name, shown as a tooltip as well. */
  label: string;
  ref?: Ref<HTMLButtonElement>;
}

const ICON_SHAPE =
  "inline-flex size-8 shrink-0 items-center justify-center rounded-md text-muted transition-colors duration-100 not-disabled:hover:bg-hover not-disabled:hover:text-ink disabled:opacity-40 pointer-coarse:size-10";

export function IconButton({ icon: Icon, label, className, ...rest }: IconButtonProps): ReactNode {
  return (
    <button type="button" aria-label={label} title={label} {...rest} className={cx(ICON_SHAPE, className)}>
      <Icon size={16} strokeWidth={1.75} aria-hidden="true" />
    </button>
  );
}

interface AnchorProps extends AnchorHTMLAttributes<HTMLAnchorElement> {
  variant?: Variant;
  icon?: LucideIcon;
  ref?: Ref<HTMLAnchorElement>;
}

function ButtonAnchor({
  variant = "secondary",
  icon: Icon,
  className,
  children,
  ...rest
}: AnchorProps): ReactNode {
  return (
    <a {...rest} className={buttonClass(variant, className)}>
      {Icon && <Icon size={16} strokeWidth={1.75} aria-hidden="true" />}
      {children}
    </a>
  );
}

interface IconAnchorProps extends AnchorHTMLAttributes<HTMLAnchorElement> {
  icon: LucideIcon;
  label: string;
  ref?: Ref<HTMLAnchorElement>;
}

export function IconAnchor({ icon: Icon, label, className, ...rest }: IconAnchorProps): ReactNode {
  return (
    // biome-ignore lint/a11y/useAriaPropsSupportedByRole: a link with an address supports a name; it comes by `rest`.
    <a aria-label={label} title={label} {...rest} className={cx(ICON_SHAPE, className)}>
      <Icon size={16} strokeWidth={1.75} aria-hidden="true" />
    </a>
  );
}

/** A link that looks like a button. */
export const ButtonLink: LinkComponent<typeof ButtonAnchor> = createLink(ButtonAnchor);
/** A link that looks like an icon button. */
export const IconLink: LinkComponent<typeof IconAnchor> = createLink(IconAnchor);
