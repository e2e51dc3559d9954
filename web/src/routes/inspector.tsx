import { useMutation, useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { diagnose } from "../api/inspector";
import { mappingsQuery } from "../api/mappings";
import type { DiagnoseInput } from "../api/model";
import { messageOf, Problem } from "../api/problem";
import { LoadError } from "../layout/load-error";
import { PageHead } from "../layout/page";
import { Empty, Notice } from "../ui/notice";
import { Skeleton } from "../ui/skeleton";
import { InspectorForm } from "./inspector/form";
import { Result } from "./inspector/result";

/** One URL asked through the gateway and straight from the agent, side by side. */
export function Inspector(): ReactNode {
  const { url } = useSearch({ from: "/shell/gateway/inspector" });
  const mappings = useQuery(mappingsQuery);
  const inspection = useMutation({ mutationFn: diagnose });
  const [asked, setAsked] = useState<DiagnoseInput>();
  const run = (input: DiagnoseInput) => {
    setAsked(input);
    inspection.mutate(input);
  };
  const fields = inspection.error instanceof Problem ? inspection.error.fields : {};
  return (
    <>
      <PageHead
        title="Request Inspector"
        about="One URL, asked through the gateway and straight from this agent, side by side."
      />
      {mappings.isError && !mappings.data && <LoadError what="The mappings" query={mappings} />}
      {mappings.isPending && (
        <div role="status" aria-label="Loading the mappings" className="grid gap-4 sm:grid-cols-2">
          <Skeleton className="!h-9" />
          <Skeleton className="!h-9" />
        </div>
      )}
      {!mappings.isPending && (
        <InspectorForm
          mappings={mappings.data ?? []}
          {...(url ? { url } : {})}
          errors={fields}
          busy={inspection.isPending}
          onInspect={run}
        />
      )}
      <div className="mt-8">
        {inspection.isPending && <Asking />}
        {inspection.isError && Object.keys(fields).length === 0 && (
          <Notice tone="bad" title="Nothing was inspected">
            {messageOf(inspection.error)}
          </Notice>
        )}
        {inspection.data && !inspection.isPending && <Result found={inspection.data} />}
        {!asked && (
          <Empty title="Nothing inspected yet">
            Choose a mapping or write a URL. Where the two answers differ, what stands between visitors and
            the target has changed them; where both fail, it is the target.
          </Empty>
        )}
      </div>
    </>
  );
}

function Asking(): ReactNode {
  return (
    <div role="status" aria-label="Asking both sides" className="grid grid-cols-1 gap-6 lg:grid-cols-2">
      {["gateway", "agent"].map((side) => (
        <div key={side} className="space-y-3">
          <Skeleton className="w-40" />
          <Skeleton className="!h-40 w-full" />
        </div>
      ))}
    </div>
  );
}
