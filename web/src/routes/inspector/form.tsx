import { ScanSearch } from "lucide-react";
import { type FormEvent, type ReactNode, useState } from "react";
import type { DiagnoseInput, Mapping } from "../../api/model";
import { publicName } from "../../api/public-url";
import { Button } from "../../ui/button";
import { SelectField, TextField } from "../../ui/field";

/** The choice of who writes a URL of their own. */
const OTHER = "";

const METHODS = [
  { value: "GET", label: "GET" },
  { value: "HEAD", label: "HEAD" },
] as const;

const WAYS = [
  { value: "auto", label: "Automatic" },
  { value: "dns", label: "Its address in DNS" },
  { value: "gateway", label: "The gateway's address" },
] as const;

type Fields = Readonly<Record<string, readonly string[]>>;

/** What to ask. */
export function InspectorForm({
  mappings,
  url: given,
  errors,
  busy,
  onInspect,
}: {
  mappings: readonly Mapping[];
  url?: string;
  errors: Fields;
  busy: boolean;
  onInspect: (input: DiagnoseInput) => void;
}): ReactNode {
  const known = mappings.filter((mapping) => mapping.publicUrl);
  const first = known.find((mapping) => mapping.enabled) ?? known[0];
  // Until something is written it follows the mappings: the list may be an old one at first.
  const [written, setUrl] = useState(given);
  const url = written ?? first?.publicUrl ?? "";
  const [method, setMethod] = useState<(typeof METHODS)[number]["value"]>("GET");
  const [via, setVia] = useState<(typeof WAYS)[number]["value"]>("auto");
  const chosen = known.find((mapping) => mapping.publicUrl && url.startsWith(mapping.publicUrl));
  const options = [
    ...known.map((mapping) => ({ value: mapping.id, label: `${mapping.name} · ${publicName(mapping)}` })),
    { value: OTHER, label: "Another URL" },
  ];
  const choose = (id: string) => setUrl(known.find((mapping) => mapping.id === id)?.publicUrl ?? "");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!busy) onInspect({ url, method, via });
  };
  return (
    <form onSubmit={submit} noValidate>
      <div className="grid grid-cols-[7rem_minmax(0,1fr)] items-start gap-4 sm:grid-cols-2 lg:grid-cols-[16rem_minmax(0,1fr)_7rem_13rem]">
        <SelectField
          label="Mapping"
          className="max-sm:col-span-2"
          value={chosen?.id ?? OTHER}
          options={options}
          onValue={choose}
        />
        <TextField
          label="URL"
          className="max-sm:col-span-2"
          type="url"
          inputMode="url"
          fixed
          placeholder="https://app.example.com/"
          value={url}
          onValue={setUrl}
          error={errors["url"]?.[0]}
        />
        <SelectField
          label="Method"
          value={method}
          options={METHODS}
          onValue={setMethod}
          error={errors["method"]?.[0]}
        />
        <SelectField
          label="Reach the name by"
          value={via}
          options={WAYS}
          onValue={setVia}
          error={errors["via"]?.[0]}
        />
      </div>
      <div className="mt-4 flex flex-wrap items-center gap-x-4 gap-y-2">
        <Button type="submit" variant="primary" icon={ScanSearch} busy={busy}>
          {busy ? "Inspecting…" : "Inspect"}
        </Button>
        <p className="min-w-0 flex-1 basis-72 text-sm text-muted">
          Two real requests are made: one to the gateway, one to the target. Redirects are shown and not
          followed.
        </p>
      </div>
    </form>
  );
}
