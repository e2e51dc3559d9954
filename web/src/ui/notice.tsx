import { CircleAlert, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { cx } from "./classes";

/** A message that stays where it concerns: an error in its form, a failed load in its place. */
export function Notice({
  tone,
  title,
  children,
  action,
  className,
}: {
  tone: "bad" | "warn";
  title?: string;
  children: ReactNode;
  action?: ReactNode;
  className?: string;
}): ReactNode {
  const Icon = tone === "bad" ? CircleAlert : TriangleAlert;
  return (
    <div
      role="alert"
      className={cx(
        "flex items-start gap-2.5 rounded-md border px-3 py-2.5 text-sm",
        tone === "bad" ? "border-bad/40 bg-bad-wash" : "border-warn/40 bg-warn-wash",
        className,
      )}
    >
      <Icon
        size={16}
        strokeWidth={1.75}
        aria-hidden="true"
        className={cx("mt-0.5 shrink-0", tone === "bad" ? "text-bad" : "text-warn")}
      />
      <div className="min-w-0 flex-1 break-words">
        {title && <p className="font-medium">{title}</p>}
        <div className={title ? "text-muted" : undefined}>{children}</div>
      </div>
      {action}
    </div>
  );
}

/** What a list says when it has nothing: why, and the next step. */
export function Empty({
  title,
  children,
  action,
  className,
}: {
  title: string;
  children?: ReactNode;
  action?: ReactNode;
  className?: string;
}): ReactNode {
  return (
    <div className={cx("flex flex-col items-center px-4 py-10 text-center", className)}>
      <p className="text-base font-medium">{title}</p>
      {children && <p className="mt-1 max-w-md text-sm text-muted">{children}</p>}
      {action && <div className="mt-4">{action}</div>}
    </div>
  );
}
