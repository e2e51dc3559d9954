import { Link } from "@tanstack/react-router";
import { ChevronLeft } from "lucide-react";
import type { ReactNode } from "react";

export function BackToMappings(): ReactNode {
  return (
    <Link
      to="/mappings"
      className="mb-1 -ml-1 inline-flex items-center gap-1 rounded-md px-1 text-sm text-muted hover:text-ink"
    >
      <ChevronLeft size={16} strokeWidth={1.75} aria-hidden="true" />
      Mappings
    </Link>
  );
}
