import { ArrowDownUp, Gauge, type LucideIcon, Route, ScanSearch, SlidersHorizontal } from "lucide-react";

/** Pages that have an entry. */
export type NavTo = "/" | "/gateway/inspector" | "/import-export" | "/mappings" | "/settings";

interface NavEntry {
  label: string;
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
  { label: "Traffic", entries: [{ label: "Inspector", to: "/gateway/inspector", icon: ScanSearch }] },
  {
    label: "Setup",
    entries: [
      { label: "Mappings", to: "/mappings", icon: Route },
      { label: "Settings", to: "/settings", icon: SlidersHorizontal },
      { label: "Import/Export", to: "/import-export", icon: ArrowDownUp },
    ],
  },
];
