import { Monitor, Moon, Sun } from "lucide-react";
import type { ReactNode } from "react";
import { IconButton } from "../ui/button";
import { setTheme, type Theme, useTheme } from "../ui/theme";

const NEXT: Record<Theme, Theme> = { system: "dark", dark: "light", light: "system" };
const ICON = { system: Monitor, dark: Moon, light: Sun } as const;

/** One button that goes through system, dark and light; Settings has the choice in words. */
export function ThemeChoice(): ReactNode {
  const theme = useTheme();
  return (
    <IconButton
      icon={ICON[theme]}
      label={`Theme: ${theme}. Change to ${NEXT[theme]}`}
      onClick={() => setTheme(NEXT[theme])}
    />
  );
}
