import type { ReactNode } from "react";
import { Skeleton } from "../../ui/skeleton";

const WIDTHS = ["w-28", "w-20", "w-36", "w-24", "w-32", "w-16"];

export function ListSkeleton(): ReactNode {
  return (
    <div role="status" aria-label="Loading mappings" className="border-t">
      {WIDTHS.map((width) => (
        <div key={width} className="flex h-9 items-center gap-8 border-b">
          <Skeleton className={width} />
          <Skeleton className="w-16" />
          <Skeleton className="hidden w-56 md:block" />
        </div>
      ))}
    </div>
  );
}
