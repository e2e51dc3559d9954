import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import {
  CircleArrowUp,
  CornerDownLeft,
  LogOut,
  type LucideIcon,
  Moon,
  Plus,
  RefreshCw,
  Route,
} from "lucide-react";
import { type KeyboardEvent, type ReactNode, useEffect, useId, useMemo, useState } from "react";
import { mappingsQuery } from "../api/mappings";
import { statusQuery } from "../api/status";
import { cx } from "../ui/classes";
import { version } from "../ui/format";
import { Modal } from "../ui/modal";
import { isDark, setTheme } from "../ui/theme";
import { NAV, type NavTo } from "./nav";
import { useLogOut } from "./use-log-out";
import { useReconnect } from "./use-reconnect";

interface Command {
  id: string;
  group: "Pages" | "Actions" | "Mappings";
  label: string;
  hint?: string;
  icon: LucideIcon;
  run: () => void;
}

function useCommands(onUpdate: () => void): Command[] {
  const navigate = useNavigate();
  const { data: mappings } = useQuery(mappingsQuery);
  const { data: status } = useQuery(statusQuery);
  const reconnect = useReconnect();
  const logOut = useLogOut();
  const go = (to: NavTo | "/mappings/new") => () => void navigate({ to });
  const other = isDark() ? "light" : "dark";
  return [
    ...NAV.flatMap((group) => group.entries).map(
      ({ label, fullLabel = label, to, icon }): Command => ({
        id: to,
        group: "Pages",
        label: fullLabel,
        icon,
        run: go(to),
      }),
    ),
    { id: "new", group: "Actions", label: "Create Mapping", icon: Plus, run: go("/mappings/new") },
    {
      id: "reconnect",
      group: "Actions",
      label: "Force Reconnect",
      icon: RefreshCw,
      run: () => reconnect.mutate(),
    },
    ...(status?.gatewayUpdateAvailable
      ? [
          {
            id: "update",
            group: "Actions" as const,
            label: "Update Gateway",
            hint: `${version(status.gatewayVersion ?? "")} → ${version(status.version)}`,
            icon: CircleArrowUp,
            run: onUpdate,
          },
        ]
      : []),
    {
      id: "theme",
      group: "Actions",
      label: `Use the ${other} theme`,
      icon: Moon,
      run: () => setTheme(other),
    },
    { id: "logout", group: "Actions", label: "Log out", icon: LogOut, run: logOut },
    ...(mappings ?? []).map(
      (mapping): Command => ({
        id: mapping.id,
        group: "Mappings",
        label: mapping.name,
        hint: mapping.externalDomain + (mapping.pathPrefix === "/" ? "" : mapping.pathPrefix),
        icon: Route,
        run: () => void navigate({ to: "/mappings/$id", params: { id: mapping.id } }),
      }),
    ),
  ];
}

/** Every word has to be found; a label that begins with the search comes first. */
export function matching<T extends { label: string; hint?: string }>(
  commands: readonly T[],
  search: string,
): T[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = commands.filter((command) => {
    const text = `${command.label} ${command.hint ?? ""}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const first = words[0];
  if (!first) return found;
  const rank = (command: T) => (command.label.toLowerCase().startsWith(first) ? 0 : 1);
  return found.toSorted((a, b) => rank(a) - rank(b));
}

/** Most rows that are drawn: more are found by typing on. */
const MOST = 50;

/** Ctrl/Cmd-K: every page, mapping and action by name. */
export function Palette({ onClose, onUpdate }: { onClose: () => void; onUpdate: () => void }): ReactNode {
  const id = useId();
  const [search, setSearch] = useState("");
  const [at, setAt] = useState(0);
  const commands = useCommands(onUpdate);
  const found = useMemo(() => matching(commands, search).slice(0, MOST), [commands, search]);
  const chosen = found[Math.min(at, found.length - 1)];

  useEffect(() => {
    if (chosen) document.getElementById(`${id}-${chosen.id}`)?.scrollIntoView?.({ block: "nearest" });
  }, [chosen, id]);

  const run = (command: Command | undefined) => {
    if (!command) return;
    onClose();
    command.run();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const moved = { ArrowDown: at + 1, ArrowUp: at - 1 + found.length }[event.key];
    if (moved !== undefined && found.length > 0) setAt(moved % found.length);
    else if (event.key === "Enter") run(chosen);
    else return;
    event.preventDefault();
  };

  return (
    <Modal
      onClose={onClose}
      aria-label="Go to"
      className="rise mx-auto mt-[12vh] mb-auto w-[min(34rem,calc(100vw-2rem))] overflow-hidden rounded-md border bg-raised p-0 text-ink shadow-raised"
    >
      <input
        data-autofocus
        role="combobox"
        aria-label="Search pages, mappings and actions"
        aria-expanded="true"
        aria-controls={`${id}-list`}
        aria-activedescendant={chosen ? `${id}-${chosen.id}` : undefined}
        autoComplete="off"
        spellCheck={false}
        placeholder="Search pages, mappings and actions"
        value={search}
        onChange={(event) => {
          setSearch(event.target.value);
          setAt(0);
        }}
        onKeyDown={onKeyDown}
        className="h-12 w-full border-b bg-transparent px-4 text-base outline-none placeholder:text-muted pointer-coarse:text-lg"
      />
      <div
        id={`${id}-list`}
        role="listbox"
        aria-label="Results"
        className="max-h-[50vh] overflow-y-auto p-1.5"
      >
        {found.map((command, index) => (
          <PaletteRow
            key={command.id}
            id={`${id}-${command.id}`}
            command={command}
            chosen={command === chosen}
            headed={search === "" && command.group !== found[index - 1]?.group}
            onRun={() => run(command)}
            onPoint={() => setAt(index)}
          />
        ))}
        {found.length === 0 && (
          <p className="px-2.5 py-6 text-center text-sm text-muted">Nothing has this name.</p>
        )}
      </div>
    </Modal>
  );
}

interface RowProps {
  id: string;
  command: Command;
  chosen: boolean;
  /** Whether the group's name stands above. */
  headed: boolean;
  onRun: () => void;
  onPoint: () => void;
}

function PaletteRow({ id, command, chosen, headed, onRun, onPoint }: RowProps): ReactNode {
  const Icon = command.icon;
  return (
    <>
      {headed && (
        <p aria-hidden="true" className="px-2.5 pt-2 pb-1 text-xs text-muted">
          {command.group}
        </p>
      )}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the combobox, which keeps the focus. */}
      <div
        id={id}
        role="option"
        tabIndex={-1}
        aria-selected={chosen}
        onClick={onRun}
        onPointerMove={onPoint}
        className={cx(
          "flex h-9 cursor-pointer items-center gap-2.5 rounded-sm px-2.5 text-sm pointer-coarse:h-11",
          chosen && "bg-accent-wash",
        )}
      >
        <Icon size={16} strokeWidth={1.75} aria-hidden="true" className="shrink-0 text-muted" />
        <span className="truncate">{command.label}</span>
        {command.hint && (
          <span className="min-w-0 flex-1 truncate font-mono text-xs text-muted">{command.hint}</span>
        )}
        {chosen && (
          <CornerDownLeft
            size={14}
            strokeWidth={1.75}
            aria-hidden="true"
            className="ml-auto shrink-0 text-muted"
          />
        )}
      </div>
    </>
  );
}
