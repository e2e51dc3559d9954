import type { Mapping, MappingInput } from "../api/model";

/** A mapping as it stands in the form: texts as typed. */
export interface MappingDraft {
  name: string;
  externalDomain: string;
  pathPrefix: string;
  stripPrefix: boolean;
  internalProtocol: "Http" | "Https";
  internalHost: string;
  internalPort: string;
  allowInvalidCertificates: boolean;
  hostHeader: "keep" | "target" | "custom";
  customHost: string;
  compression: "auto" | "on" | "off";
  enabled: boolean;
}

/** Messages by field of the form. */
export type DraftErrors = Partial<Record<keyof MappingDraft, string>>;

export const NEW_DRAFT: MappingDraft = {
  name: "",
  externalDomain: "",
  pathPrefix: "/",
  stripPrefix: false,
  internalProtocol: "Http",
  internalHost: "localhost",
  internalPort: "80",
  allowInvalidCertificates: false,
  hostHeader: "keep",
  customHost: "",
  compression: "auto",
  enabled: true,
};

export function draftOf(mapping: Mapping): MappingDraft {
  const { hostHeader } = mapping;
  const rule = hostHeader === "keep" || hostHeader === "target" ? hostHeader : "custom";
  return {
    name: mapping.name,
    externalDomain: mapping.externalDomain,
    pathPrefix: mapping.pathPrefix,
    stripPrefix: mapping.stripPrefix,
    internalProtocol: mapping.internalProtocol,
    internalHost: mapping.internalHost,
    internalPort: String(mapping.internalPort),
    allowInvalidCertificates: mapping.allowInvalidCertificates,
    hostHeader: rule,
    customHost: rule === "custom" ? hostHeader : "",
    compression: mapping.compression,
    enabled: mapping.enabled,
  };
}

export function inputOf(draft: MappingDraft): MappingInput {
  const https = draft.internalProtocol === "Https";
  const prefix = draft.pathPrefix.trim() || "/";
  return {
    name: draft.name.trim(),
    kind: "http",
    externalDomain: draft.externalDomain.trim(),
    pathPrefix: prefix,
    stripPrefix: prefix !== "/" && draft.stripPrefix,
    internalProtocol: draft.internalProtocol,
    internalHost: draft.internalHost.trim(),
    internalPort: Number(draft.internalPort),
    allowInvalidCertificates: https && draft.allowInvalidCertificates,
    hostHeader: draft.hostHeader === "custom" ? draft.customHost.trim() : draft.hostHeader,
    compression: draft.compression,
    enabled: draft.enabled,
  };
}

/** What can be said without asking: the rest is the server's word. */
export function missing(draft: MappingDraft): DraftErrors {
  const errors: DraftErrors = {};
  if (!draft.name.trim()) errors.name = "Give it a name, such as Photos.";
  if (!draft.externalDomain.trim()) errors.externalDomain = "A domain is needed, such as app.example.com.";
  return { ...errors, ...targetErrors(draft), ...hostErrors(draft) };
}

/** What is wrong with the target alone, which can be tested before the rest is filled in. */
export function targetErrors(draft: MappingDraft): DraftErrors {
  const errors: DraftErrors = {};
  const port = draft.internalPort.trim();
  if (!draft.internalHost.trim())
    errors.internalHost = "A host is needed, such as localhost or 192.168.1.10.";
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) {
    errors.internalPort = "A port is a number from 1 to 65535.";
  }
  return errors;
}

function hostErrors(draft: MappingDraft): DraftErrors {
  if (draft.hostHeader !== "custom" || draft.customHost.trim()) return {};
  return { customHost: "Write the name that the target shall see, or choose another rule." };
}

/** Puts the server's messages at the form's fields; those of unknown fields are returned apart. */
export function placed(fields: Readonly<Record<string, readonly string[]>>): {
  errors: DraftErrors;
  rest: string[];
} {
  const errors: DraftErrors = {};
  const rest: string[] = [];
  for (const [field, messages] of Object.entries(fields)) {
    const text = messages.join(" ");
    if (field === "hostHeader") errors.customHost = text;
    else if (isField(field)) errors[field] = text;
    else rest.push(text);
  }
  return { errors, rest };
}

function isField(field: string): field is keyof MappingDraft {
  return Object.hasOwn(NEW_DRAFT, field);
}
