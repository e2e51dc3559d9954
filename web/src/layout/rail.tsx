import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { LogOut, Search } from "lucide-react";
import type { ReactNode } from "react";
import { statusQuery } from "../api/status";
import { version } from "../ui/format";
import { Mark } from "../ui/mark";
import { Connection } from "./connection";
import { NAV } from "./nav";
import { ThemeChoice } from "./theme-choice";
import { useLogOut } from "./use-log-out";

const ENTRY =
  "flex h-8 w-full items-center gap-2.5 rounded-md px-2.5 text-sm text-muted transition-colors duration-100 hover:bg-hover hover:text-ink pointer-coarse:h-11";

export function Rail({ onSearch, onChosen }: { onSearch: () => void; onChosen?: () => void }): ReactNode {
  const { data: status } = useQuery(statusQuery);
  const logOut = useLogOut();
  return (
    <div className="flex h-full flex-col px-3 py-4">
      <div className="flex items-center gap-2.5 px-2.5">
        <span className="text-accent">
          <Mark size={24} />
        </span>
        <span className="text-lg font-semibold tracking-tight">Octoporty</span>
        {status && <span className="figures ml-auto text-xs text-muted">{version(status.version)}</span>}
      </div>
      <div className="mt-4 px-2.5">
        <Connection />
      </div>
      <button
        type="button"
        onClick={onSearch}
        aria-keyshortcuts="Control+K Meta+K"
        className="mt-4 flex h-8 items-center gap-2 rounded-md border border-line-strong/70 px-2.5 text-sm text-muted hover:border-line-strong hover:text-ink pointer-coarse:h-11"
      >
        <Search size={16} strokeWidth={1.75} aria-hidden="true" />
        Go to…
        <kbd className="ml-auto text-2xs text-muted">{isApple() ? "⌘K" : "Ctrl K"}</kbd>
      </button>
      <nav aria-label="Main" className="mt-4 flex-1 overflow-y-auto">
        {NAV.map((group) => (
          <section key={group.label} aria-label={group.label} className="mb-4">
            <p aria-hidden="true" className="mb-1 px-2.5 text-xs text-muted">
              {group.label}
            </p>
            {group.entries.map(({ label, fullLabel, to, icon: Icon }) => (
              <Link
                key={to}
                to={to}
                aria-label={fullLabel}
                activeOptions={{ exact: to === "/", includeSearch: false }}
                className={ENTRY}
                activeProps={{ className: "bg-hover !text-ink font-medium", "aria-current": "page" }}
                {...(onChosen ? { onClick: onChosen } : {})}
              >
                <Icon size={16} strokeWidth={1.75} aria-hidden="true" />
                {label}
              </Link>
            ))}
          </section>
        ))}
      </nav>
      <div className="flex items-center justify-between border-t pt-3">
        <button type="button" onClick={logOut} className={`${ENTRY} w-auto`}>
          <LogOut size={16} strokeWidth={1.75} aria-hidden="true" />
          Log out
        </button>
        <ThemeChoice />
      </div>
    </div>
  );
}

function isApple(): boolean {
  return /Mac|iPhone|iPad/.test(navigator.userAgent);
}
