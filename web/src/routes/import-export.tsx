import type { ReactNode } from "react";
import { PageHead } from "../layout/page";
import { Export } from "./import-export/export";
import { Import } from "./import-export/import";

export function ImportExport(): ReactNode {
  return (
    <>
      <PageHead
        title="Import/Export"
        about="Take mappings and the landing page along, and keep a copy of everything."
      />
      <Export />
      <Import />
    </>
  );
}
