import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { putMapping } from "../api/live";
import { createMapping } from "../api/mappings";
import { statusQuery } from "../api/status";
import { NEW_DRAFT } from "../forms/mapping-draft";
import { MappingForm } from "../forms/mapping-form";
import { PageHead } from "../layout/page";
import { toast } from "../ui/toast";
import { BackToMappings } from "./mapping/back";

export function MappingNew(): ReactNode {
  const navigate = useNavigate();
  const cache = useQueryClient();
  const { data: status } = useQuery(statusQuery);
  return (
    <>
      <PageHead
        title="New mapping"
        about="A public name, and the service that it leads to."
        back={<BackToMappings />}
      />
      <MappingForm
        initial={NEW_DRAFT}
        gatewayUrl={status?.gatewayUrl}
        save={createMapping}
        onSaved={(mapping) => {
          putMapping(cache, mapping);
          toast(`Mapping created: ${mapping.name}`);
          void navigate({ to: "/mappings", ignoreBlocker: true });
        }}
        onCancel={() => void navigate({ to: "/mappings", ignoreBlocker: true })}
      />
    </>
  );
}
