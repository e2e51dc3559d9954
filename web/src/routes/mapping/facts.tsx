import type { ReactNode } from "react";
import type { Mapping } from "../../api/model";
import { targetUrl } from "../../api/public-url";
import { Section } from "../../layout/page";
import { CopyButton } from "../../ui/copy-button";
import { Ago } from "../../ui/time";
import { MappingReason, MappingState, PublicUrl } from "../mappings/parts";

/** The mapping as it is stored and served now, beside the form. */
export function MappingFacts({ mapping }: { mapping: Mapping }): ReactNode {
  return (
    <Section title="Now">
      <dl className="border-t text-sm">
        <Fact name="State">
          <MappingState mapping={mapping} />
          <MappingReason mapping={mapping} />
        </Fact>
        <Fact name="Public URL">
          <PublicUrl mapping={mapping} />
        </Fact>
        <Fact name="Target">
          <span className="font-mono break-all">{targetUrl(mapping)}</span>
        </Fact>
        <Fact name="Changed">
          <Ago at={mapping.updatedAt} />
          <span className="text-muted">
            , made <Ago at={mapping.createdAt} />
          </span>
        </Fact>
        <Fact name="Id">
          <span className="flex items-center">
            <span className="min-w-0 truncate font-mono text-xs text-muted">{mapping.id}</span>
            <CopyButton text={mapping.id} label="Copy the id" className="size-7" />
          </span>
        </Fact>
      </dl>
    </Section>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }): ReactNode {
  return (
    <div className="grid min-h-9 grid-cols-[6rem_minmax(0,1fr)] items-center gap-3 border-b py-1">
      <dt className="text-muted">{name}</dt>
      <dd className="min-w-0">{children}</dd>
    </div>
  );
}
