import type { Definition, ImportEntry, ImportResult, LandingPage, Mapping } from "../api/model";
import { json, problem } from "./answers";
import { defaultPage, sampleMapping, tagOf } from "./samples";

const MAGIC = "SQLite format 3\0";

interface State {
  mappings: Mapping[];
  landingPage: LandingPage;
}

type Input = Partial<Definition> & { enabled?: boolean };

interface Definitions {
  schemaVersion?: unknown;
  mappings?: Input[];
  landingPageHtml?: string | null;
  landingPageIsDefault?: boolean;
}

/** Answers what is below `/import-export/`, from this state and into it. */
export async function transfers(
  state: State,
  route: string,
  request: Request,
): Promise<Response | undefined> {
  switch (route) {
    case "GET /api/v1/import-export/export":
      return json(definitionsOf(state), 200, {
        "content-disposition": 'attachment; filename="octoporty-agent-definitions-20260301T100000Z.json"',
      });
    case "GET /api/v1/import-export/sqlite":
      return new Response(backupOf(state), {
        headers: {
          "content-type": "application/x-sqlite3",
          "content-disposition": 'attachment; filename="octoporty-agent-backup-20260301T100000Z.db"',
        },
      });
    case "POST /api/v1/import-export/import":
      return bring(state, request, "merge");
    case "POST /api/v1/import-export/restore":
      return bring(state, request, "replace");
    default:
      return undefined;
  }
}

async function bring(state: State, request: Request, mode: "merge" | "replace"): Promise<Response> {
  const file = definitionsIn(await request.text());
  if (typeof file === "string") return problem(400, "malformed", file);
  const plan = planOf(state, file, mode);
  const etag = `"${state.mappings.map(tagOf).join("")}"`;
  if (new URL(request.url).searchParams.get("dryRun") === "true") return json(plan.result, 200, { etag });
  if (![null, etag].includes(request.headers.get("if-match")))
    return problem(412, "stale", "The settings were changed since the preview.");
  if (!plan.result.success) return problem(400, "validation_failed", plan.result.error ?? "");
  state.mappings = plan.next;
  if (plan.page) state.landingPage = plan.page === "default" ? defaultPage() : plan.page;
  return json({ ...plan.result, dryRun: false });
}

export function definitionsOf({ mappings, landingPage }: State): Definitions {
  return {
    schemaVersion: "1",
    mappings: mappings.map((mapping) => ({
      id: mapping.id,
      kind: "http",
      externalDomain: mapping.externalDomain,
      pathPrefix: mapping.pathPrefix,
      stripPrefix: mapping.stripPrefix,
      internalHost: mapping.internalHost,
      internalPort: mapping.internalPort,
      internalUseTls: mapping.internalProtocol === "Https",
      allowSelfSignedCerts: mapping.allowInvalidCertificates,
      hostHeader: mapping.hostHeader,
      compression: mapping.compression,
      isEnabled: mapping.enabled,
      description: mapping.name,
    })),
    landingPageHtml: landingPage.isDefault ? null : landingPage.html,
    landingPageIsDefault: landingPage.isDefault,
  };
}

/** A mock backup is the magic with definitions behind it. */
export function backupOf(state: State): string {
  return MAGIC + JSON.stringify(definitionsOf(state));
}

/** What a file holds; a text instead says why it is refused. */
function definitionsIn(body: string): Definitions | string {
  const text = body.startsWith(MAGIC) ? body.slice(MAGIC.length) : body;
  try {
    const file = JSON.parse(text) as Definitions;
    if (String(file.schemaVersion) === "1") return file;
    return `This file has schemaVersion "${file.schemaVersion}". Octoporty reads "1".`;
  } catch {
    return body.startsWith(MAGIC)
      ? "The file was cut off: it has 8192 of 61440 bytes. Download or copy it again. Nothing was changed."
      : "The file is not JSON: expected value at line 1 column 1.";
  }
}

/** What would be stored, and the account of it. */
interface Plan {
  next: Mapping[];
  page: LandingPage | "default" | undefined;
  result: ImportResult;
}

function planOf(state: State, file: Definitions, mode: "merge" | "replace"): Plan {
  const entries: ImportEntry[] = [];
  const mistakes: { field: string; message: string }[] = [];
  const next = new Map(mode === "merge" ? state.mappings.map((one) => [one.id, one]) : []);
  for (const [index, input] of (file.mappings ?? []).entries()) {
    if (!input.internalPort || input.internalPort > 65_535) {
      const message = `A port is a number from 1 to 65535, this one is ${input.internalPort}.`;
      mistakes.push({ field: `mappings[${index}].internalPort`, message });
      continue;
    }
    const known =
      state.mappings.find((one) => one.id === input.id) ?? state.mappings.find((one) => isSame(one, input));
    const mapping = merged(known, input);
    next.set(mapping.id, mapping);
    entries.push(entryOf(known, mapping, index));
  }
  if (mode === "replace") {
    const gone = state.mappings.filter((one) => !next.has(one.id));
    entries.push(...gone.map((one) => ({ ...entryOf(undefined, one, null), action: "deleted" as const })));
  }
  const page = pageOf(state, file);
  const count = (action: ImportEntry["action"]) => entries.filter((entry) => entry.action === action).length;
  const wrong = mistakes.length;
  return {
    next: [...next.values()],
    page,
    result: {
      success: wrong === 0,
      error: wrong === 0 ? null : `${wrong} things are wrong with this file, and nothing was stored.`,
      dryRun: true,
      revision: 42,
      created: count("created"),
      updated: count("updated"),
      skipped: count("skipped"),
      deleted: count("deleted"),
      errors: mistakes.map(({ field, message }) => `${field}: ${message}`),
      mistakes,
      entries,
      landingPage: page === undefined ? "kept" : page === "default" ? "reset" : "replaced",
    },
  };
}

function isSame(one: Mapping, input: Input): boolean {
  return one.externalDomain === input.externalDomain && one.pathPrefix === (input.pathPrefix ?? "/");
}

function merged(known: Mapping | undefined, input: Input): Mapping {
  const base = known ?? sampleMapping({ ...(input.id ? { id: input.id } : {}) }, Date.now());
  return {
    ...base,
    name: input.description ?? base.name,
    externalDomain: input.externalDomain ?? base.externalDomain,
    pathPrefix: input.pathPrefix ?? base.pathPrefix,
    internalHost: input.internalHost ?? base.internalHost,
    internalPort: input.internalPort ?? base.internalPort,
    enabled: input.isEnabled ?? base.enabled,
  };
}

function entryOf(known: Mapping | undefined, mapping: Mapping, index: number | null): ImportEntry {
  const fields = ["name", "externalDomain", "pathPrefix", "internalHost", "internalPort", "enabled"] as const;
  const changes = known
    ? fields
        .filter((field) => known[field] !== mapping[field])
        .map((field) => ({ field, from: String(known[field]), to: String(mapping[field]) }))
    : [];
  const scheme = mapping.internalProtocol === "Https" ? "https" : "http";
  return {
    action: !known ? "created" : changes.length > 0 ? "updated" : "skipped",
    index,
    id: mapping.id,
    name: mapping.name,
    address: mapping.externalDomain + (mapping.pathPrefix === "/" ? "" : mapping.pathPrefix),
    target: `${scheme}://${mapping.internalHost}:${mapping.internalPort}`,
    changes,
    reason: known && changes.length === 0 ? "It is stored like this already." : null,
  };
}

function pageOf(state: State, file: Definitions): Plan["page"] {
  if (file.landingPageIsDefault) return state.landingPage.isDefault ? undefined : "default";
  const html = file.landingPageHtml;
  if (!html || html === state.landingPage.html) return undefined;
  return { html, hash: "5".repeat(32), isDefault: false };
}
