/** A JSON value as the lines of a tree. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** One line that is to be seen. */
export interface Row {
  /** A JSON pointer; empty for the whole. */
  pointer: string;
  level: number;
  /** Place among its siblings, from 1, and how many they are. */
  place: number;
  siblings: number;
  name: string;
  /** The value, or what is inside in a word. */
  text: string;
  kind: "text" | "figure" | "word" | "branch";
  /** Whether what is inside is shown; undefined when there is nothing inside. */
  open: boolean | undefined;
}

function childrenOf(value: Json): readonly (readonly [string, Json])[] {
  if (Array.isArray(value)) return value.map((item: Json, index) => [String(index), item] as const);
  return typeof value === "object" && value !== null ? Object.entries(value) : [];
}

/** The pointer of what is directly inside (RFC 6901). */
export function below(pointer: string, name: string): string {
  return `${pointer}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** Every pointer on the way to one, from the whole; not itself. */
export function ancestors(pointer: string): string[] {
  const parts = pointer.split("/").slice(1);
  return parts.map((_, count) => parts.slice(0, count).reduce((way, part) => `${way}/${part}`, ""));
}

/** What stands on a closed branch: who is looking for a route finds it by its names. */
function summary(value: Json, count: number): string {
  if (Array.isArray(value)) return count === 1 ? "[1 item]" : `[${count} items]`;
  const { handler, match } = value as { handler?: Json; match?: Json };
  if (typeof handler === "string") return `{${handler}}`;
  const hosts = Array.isArray(match) ? match.flatMap(hostsOf) : [];
  if (hosts.length > 0) return `{${hosts.join(", ")}}`;
  return count === 1 ? "{1 field}" : `{${count} fields}`;
}

function hostsOf(matcher: Json): string[] {
  if (typeof matcher !== "object" || matcher === null || Array.isArray(matcher)) return [];
  const { host } = matcher as { host?: Json };
  return Array.isArray(host) ? host.filter((name): name is string => typeof name === "string") : [];
}

function leaf(value: Json): Pick<Row, "text" | "kind"> {
  if (typeof value === "string") return { text: JSON.stringify(value), kind: "text" };
  return { text: JSON.stringify(value), kind: typeof value === "number" ? "figure" : "word" };
}

/** The lines that are to be seen when these branches are open. */
export function rowsOf(value: Json, open: ReadonlySet<string>): Row[] {
  const rows: Row[] = [];
  const add = (at: Json, row: Pick<Row, "pointer" | "level" | "place" | "siblings" | "name">) => {
    const inside = childrenOf(at);
    if (inside.length === 0) {
      rows.push({ ...row, ...leaf(at), open: undefined });
      return;
    }
    const shown = open.has(row.pointer);
    rows.push({ ...row, text: summary(at, inside.length), kind: "branch", open: shown });
    if (!shown) return;
    for (const [index, [name, child]] of inside.entries()) {
      const pointer = below(row.pointer, name);
      add(child, { pointer, level: row.level + 1, place: index + 1, siblings: inside.length, name });
    }
  };
  add(value, { pointer: "", level: 1, place: 1, siblings: 1, name: "config" });
  return rows;
}

/** Branches that are open at first: the way to each of these, or the first two levels when there are none. */
export function firstOpen(value: Json, pointers: readonly string[]): Set<string> {
  const ways = pointers.flatMap(ancestors);
  return new Set(ways.length > 0 ? ways : ["", ...childrenOf(value).map(([name]) => below("", name))]);
}

/** The line that a key leads to, if it is one that moves. */
export function moved(rows: readonly Row[], at: number, key: string): number | undefined {
  const row = rows[at];
  switch (key) {
    case "ArrowDown":
      return Math.min(at + 1, rows.length - 1);
    case "ArrowUp":
      return Math.max(at - 1, 0);
    case "Home":
      return 0;
    case "End":
      return rows.length - 1;
    case "ArrowRight":
      return row?.open ? at + 1 : undefined;
    case "ArrowLeft": {
      if (!row || row.open) return undefined;
      const parent = ancestors(row.pointer).at(-1);
      const found = rows.findIndex((other) => other.pointer === parent);
      return found < 0 ? undefined : found;
    }
    default:
      return undefined;
  }
}
