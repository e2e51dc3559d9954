import {
  ArrowDownUp,
  ArrowLeftRight,
  Cable,
  FileJson2,
  Gauge,
  type LucideIcon,
  Route,
  ScanSearch,
  ScrollText,
  Server,
  SlidersHorizontal,
} from "lucide-react";

/** Pages that have an entry. */
export type NavTo =
  | "/"
  | "/logs/requests"
  | "/logs/connections"
  | "/gateway/inspector"
  | "/import-export"
  | "/mappings"
  | "/gateway/caddy-config"
  | "/settings"
  | "/gateway/logs"
  | "/logs/agent";

interface NavEntry {
  label: string;
  /** Where the label alone says too little, as in the palette. */
  fullLabel?: string;
  to: NavTo;
  icon: LucideIcon;
}

interface NavGroup {
  label: string;
  entries: readonly NavEntry[];
}

/** What the rail and the palette offer. */
export const NAV: readonly NavGroup[] = [
  { label: "Overview", entries: [{ label: "Dashboard", to: "/", icon: Gauge }] },
  {
    label: "Traffic",
    entries: [
      { label: "Requests", to: "/logs/requests", icon: ArrowLeftRight },
      { label: "Connections", to: "/logs/connections", icon: Cable },
      { label: "Inspector", to: "/gateway/inspector", icon: ScanSearch },
    ],
  },
  {
    label: "Setup",
    entries: [
      { label: "Mappings", to: "/mappings", icon: Route },
      { label: "Caddy Configuration", to: "/gateway/caddy-config", icon: FileJson2 },
      { label: "Settings", to: "/settings", icon: SlidersHorizontal },
      { label: "Import/Export", to: "/import-export", icon: ArrowDownUp },
    ],
  },
  {
    label: "Logs",
    entries: [
      { label: "Gateway", fullLabel: "Gateway Logs", to: "/gateway/logs", icon: Server },
      { label: "Agent", fullLabel: "Agent Logs", to: "/logs/agent", icon: ScrollText },
    ],
  },
];
