import { ArrowDownUp, Gauge, type LucideIcon, Route, SlidersHorizontal } from "lucide-react";

interface NavEntry {
  label: string;
  to: "/" | "/mappings" | "/settings" | "/import-export";
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
    label: "Setup",
    entries: [
      { label: "Mappings", to: "/mappings", icon: Route },
      { label: "Settings", to: "/settings", icon: SlidersHorizontal },
      { label: "Import/Export", to: "/import-export", icon: ArrowDownUp },
    ],
  },
];
