import { useMutation } from "@tanstack/react-query";
import { ChevronRight } from "lucide-react";
import { type FormEvent, type ReactNode, useEffect, useRef, useState } from "react";
import type { Mapping, MappingInput } from "../api/model";
import { messageOf, Problem } from "../api/problem";
import { previewUrl } from "../api/public-url";
import { Button } from "../ui/button";
import { SelectField, TextField } from "../ui/field";
import { Notice } from "../ui/notice";
import { SwitchField } from "../ui/switch";
import { LeaveGuard } from "./leave-guard";
import { type DraftErrors, inputOf, type MappingDraft, missing, placed } from "./mapping-draft";
import { TestTarget } from "./test-target";

interface MappingFormProps {
  initial: MappingDraft;
  /** What the agent dials, for the preview of the public URL. */
  gatewayUrl: string | undefined;
  save: (input: MappingInput) => Promise<Mapping>;
  onSaved: (mapping: Mapping) => void;
  onCancel: () => void;
  /** Throws what was typed away for what is stored, after somebody else changed it. */
  onLoadAgain?: () => void;
  /** Stands at the foot, apart from Save and Cancel. */
  foot?: ReactNode;
}

type Change = (change: Partial<MappingDraft>) => void;

interface PartProps {
  draft: MappingDraft;
  errors: DraftErrors;
  change: Change;
}

export function MappingForm({
  initial,
  gatewayUrl,
  save,
  onSaved,
  onCancel,
  onLoadAgain,
  foot,
}: MappingFormProps): ReactNode {
  const [draft, setDraft] = useState(initial);
  const [errors, setErrors] = useState<DraftErrors>({});
  const [general, setGeneral] = useState<string | null>(null);
  const form = useRef<HTMLFormElement>(null);

  const saving = useMutation({
    mutationFn: () => save(inputOf(draft)),
    onSuccess: onSaved,
    onError: (error) => {
      const { errors: atFields, rest } = placed(error instanceof Problem ? error.fields : {});
      setErrors(atFields);
      const placedAll = Object.keys(atFields).length > 0 && rest.length === 0;
      setGeneral(placedAll ? null : [messageOf(error), ...rest].join(" "));
    },
  });
  useEffect(() => {
    if (Object.keys(errors).length > 0) focusFirstInvalid(form.current);
  }, [errors]);

  const change: Change = (part) => {
    setDraft((known) => ({ ...known, ...part }));
    setErrors((known) => without(known, Object.keys(part)));
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (saving.isPending) return;
    setGeneral(null);
    const wrong = missing(draft);
    setErrors(wrong);
    if (Object.keys(wrong).length === 0) saving.mutate();
  };
  const stale = saving.error instanceof Problem && saving.error.status === 412;
  const dirty = !saving.isSuccess && JSON.stringify(draft) !== JSON.stringify(initial);

  return (
    <form
      ref={form}
      onSubmit={submit}
      noValidate
      aria-label="Mapping"
      className="flex max-w-2xl flex-col gap-6"
    >
      <LeaveGuard when={dirty} what="This mapping" />
      <PublicSide draft={draft} errors={errors} change={change} gatewayUrl={gatewayUrl} />
      <TargetSide draft={draft} errors={errors} change={change} setErrors={setErrors} />
      <Advanced draft={draft} errors={errors} change={change} />
      <SwitchField
        label="Enabled"
        checked={draft.enabled}
        onChecked={(enabled) => change({ enabled })}
        help="A disabled mapping is kept; visitors get 404."
      />
      {general && (
        <Notice
          tone="bad"
          title="Not saved"
          action={stale && onLoadAgain && <Button onClick={onLoadAgain}>Load what is stored</Button>}
        >
          {stale ? "Somebody else changed this mapping since it was opened here." : general}
        </Notice>
      )}
      <div className="flex flex-wrap items-center gap-2 border-t pt-4">
        <Button type="submit" variant="primary" busy={saving.isPending}>
          {saving.isPending ? "Saving…" : "Save"}
        </Button>
        <Button onClick={onCancel}>Cancel</Button>
        <span className="flex-1" />
        {foot}
      </div>
    </form>
  );
}

function without(errors: DraftErrors, fields: string[]): DraftErrors {
  return Object.fromEntries(Object.entries(errors).filter(([field]) => !fields.includes(field)));
}

function focusFirstInvalid(form: HTMLFormElement | null): void {
  const first = form?.querySelector<HTMLElement>('[aria-invalid="true"]');
  first?.closest("details")?.setAttribute("open", "");
  first?.focus();
}

function Part({ title, children }: { title: string; children: ReactNode }): ReactNode {
  return (
    <fieldset className="m-0 flex min-w-0 flex-col gap-4">
      <legend className="mb-2 flex min-h-8 items-center text-base font-semibold">{title}</legend>
      {children}
    </fieldset>
  );
}

function PublicSide({
  draft,
  errors,
  change,
  gatewayUrl,
}: PartProps & { gatewayUrl: string | undefined }): ReactNode {
  const domain = draft.externalDomain.trim().toLowerCase();
  const hasPrefix = draft.pathPrefix.trim() !== "" && draft.pathPrefix.trim() !== "/";
  return (
    <Part title="Public side">
      <TextField
        label="Name"
        placeholder="e.g., My Web App"
        value={draft.name}
        onValue={(name) => change({ name })}
        error={errors.name}
        maxLength={100}
        required
      />
      <div className="grid gap-4 sm:grid-cols-[minmax(0,1fr)_12rem]">
        <TextField
          fixed
          label="Domain"
          placeholder="app.example.com"
          inputMode="url"
          autoCapitalize="none"
          value={draft.externalDomain}
          onValue={(externalDomain) => change({ externalDomain })}
          error={errors.externalDomain}
          required
        />
        <TextField
          fixed
          label="Path prefix"
          placeholder="/"
          autoCapitalize="none"
          value={draft.pathPrefix}
          onValue={(pathPrefix) => change({ pathPrefix })}
          error={errors.pathPrefix}
        />
      </div>
      <p className="-mt-1 text-sm break-words text-muted" aria-live="polite">
        {domain ? (
          <>
            Visitors reach it at{" "}
            <output className="font-mono break-all text-accent">
              {previewUrl(domain, draft.pathPrefix.trim(), gatewayUrl)}
            </output>
            {domain.startsWith("*.") && ", with any one label for the *"}
          </>
        ) : (
          <>The name must lead to the gateway in DNS. *.example.com takes every name of one label.</>
        )}
      </p>
      {hasPrefix && (
        <SwitchField
          label="Strip prefix"
          checked={draft.stripPrefix}
          onChecked={(stripPrefix) => change({ stripPrefix })}
          help={
            draft.stripPrefix
              ? `A request to ${draft.pathPrefix.trim()}/x reaches the target as /x.`
              : `A request to ${draft.pathPrefix.trim()}/x reaches the target as it is.`
          }
        />
      )}
    </Part>
  );
}

const PROTOCOLS = [
  { value: "Http", label: "http" },
  { value: "Https", label: "https" },
] as const;

function TargetSide({
  draft,
  errors,
  change,
  setErrors,
}: PartProps & { setErrors: (errors: DraftErrors) => void }): ReactNode {
  return (
    <Part title="Target">
      <div className="grid grid-cols-[minmax(0,1fr)_6.5rem] gap-4 sm:grid-cols-[7rem_minmax(0,1fr)_7rem]">
        <SelectField
          label="Protocol"
          value={draft.internalProtocol}
          options={PROTOCOLS}
          onValue={(internalProtocol) =>
            change({ internalProtocol, ...defaultPort(draft, internalProtocol) })
          }
          error={errors.internalProtocol}
          className="col-span-2 sm:col-span-1"
        />
        <TextField
          fixed
          label="Host"
          placeholder="localhost"
          autoCapitalize="none"
          value={draft.internalHost}
          onValue={(internalHost) => change({ internalHost })}
          error={errors.internalHost}
          required
        />
        <TextField
          fixed
          label="Port"
          inputMode="numeric"
          value={draft.internalPort}
          onValue={(internalPort) => change({ internalPort })}
          error={errors.internalPort}
          required
        />
      </div>
      <p className="-mt-1 text-sm text-muted">
        As the agent sees it: localhost is the machine that the agent runs on.
      </p>
      {draft.internalProtocol === "Https" && (
        <SwitchField
          label="Allow Invalid Certificates"
          checked={draft.allowInvalidCertificates}
          onChecked={(allowInvalidCertificates) => change({ allowInvalidCertificates })}
          help="Expired, self-signed, or for another name. Whoever stands between agent and target can then read along."
        />
      )}
      <TestTarget draft={draft} onInvalid={setErrors} />
    </Part>
  );
}

/** Follows the protocol from one usual port to the other; a port of one's own stays. */
function defaultPort(draft: MappingDraft, protocol: MappingDraft["internalProtocol"]): Partial<MappingDraft> {
  if (protocol === "Https" && draft.internalPort === "80") return { internalPort: "443" };
  if (protocol === "Http" && draft.internalPort === "443") return { internalPort: "80" };
  return {};
}

const HOST_RULES = [
  { value: "keep", label: "What the visitor asked for" },
  { value: "target", label: "The target's own host and port" },
  { value: "custom", label: "Another name" },
] as const;

const COMPRESSION = [
  { value: "auto", label: "When it helps" },
  { value: "on", label: "Always" },
  { value: "off", label: "Never" },
] as const;

function Advanced({ draft, errors, change }: PartProps): ReactNode {
  const changed = draft.hostHeader !== "keep" || draft.compression !== "auto";
  return (
    <details className="group" open={changed || undefined}>
      <summary className="-ml-1 inline-flex list-none items-center gap-1 rounded-md px-1 text-base font-semibold [&::-webkit-details-marker]:hidden">
        <ChevronRight
          size={16}
          strokeWidth={1.75}
          aria-hidden="true"
          className="transition-transform duration-150 group-open:rotate-90"
        />
        Advanced
      </summary>
      <div className="mt-4 grid gap-4 sm:grid-cols-2">
        <SelectField
          label="Host header"
          value={draft.hostHeader}
          options={HOST_RULES}
          onValue={(hostHeader) => change({ hostHeader })}
          help="What the target sees as Host."
        />
        {draft.hostHeader === "custom" && (
          <TextField
            fixed
            label="Host name"
            placeholder="app.internal"
            value={draft.customHost}
            onValue={(customHost) => change({ customHost })}
            error={errors.customHost}
          />
        )}
        <SelectField
          label="Compression"
          value={draft.compression}
          options={COMPRESSION}
          onValue={(compression) => change({ compression })}
          error={errors.compression}
          help="Between gateway and agent. What the target and the visitor agree on is not touched."
        />
      </div>
    </details>
  );
}
