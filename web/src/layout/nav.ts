import { FileJson2, Gauge, type LucideIcon, Route, SlidersHorizontal } from "lucide-react";

export type NavPath = "/" | "/mappings" | "/settings" | "/gateway/caddy-config";

interface NavEntry {
  label: string;
  to: NavPath;
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
      { label: "Caddy Configuration", to: "/gateway/caddy-config", icon: FileJson2 },
      { label: "Settings", to: "/settings", icon: SlidersHorizontal },
    ],
  },
];
