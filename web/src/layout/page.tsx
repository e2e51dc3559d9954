import { type ReactNode, useEffect } from "react";

/** A page's head: title, one line of what it is, actions on the right. */
export function PageHead({
  title,
  about,
  actions,
  back,
}: {
  title: string;
  about?: ReactNode;
  actions?: ReactNode;
  back?: ReactNode;
}): ReactNode {
  useEffect(() => {
    document.title = `${title} · Octoporty`;
  }, [title]);
  return (
    <div className="mb-5 flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
      <div className="min-w-0">
        {back}
        <h1 className="text-xl leading-7 font-semibold tracking-tight break-words">{title}</h1>
        {about && <p className="mt-0.5 text-base text-muted">{about}</p>}
      </div>
      {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
    </div>
  );
}

/** A page whose list scrolls in itself: as high as the window, whatever stands above the list. */
export function FillPage({ children }: { children: ReactNode }): ReactNode {
  return (
    <div className="flex h-[calc(100dvh-5.5rem)] min-h-[26rem] flex-col md:h-[calc(100dvh-3.5rem)]">
      {children}
    </div>
  );
}

/** A part of a page with its own heading; no box of its own. */
export function Section({
  title,
  actions,
  children,
  className,
}: {
  title: string;
  actions?: ReactNode;
  children: ReactNode;
  className?: string;
}): ReactNode {
  return (
    <section aria-label={title} className={className}>
      <div className="mb-2 flex min-h-8 items-center justify-between gap-3">
        <h2 className="text-base font-semibold">{title}</h2>
        {actions}
      </div>
      {children}
    </section>
  );
}
