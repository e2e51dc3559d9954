import type { Mapping } from "../../api/model";
import { publicName, targetUrl } from "../../api/public-url";

export type Filter = "all" | "active" | "disabled";

/** Those that are asked for, by name. Each word of the search has to be in the name, the public name or the target. */
export function selected(mappings: readonly Mapping[], filter: Filter, search: string): Mapping[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return mappings
    .filter((mapping) => filter === "all" || mapping.enabled === (filter === "active"))
    .filter((mapping) => {
      const text = `${mapping.name} ${publicName(mapping)} ${targetUrl(mapping)}`.toLowerCase();
      return words.every((word) => text.includes(word));
    })
    .toSorted((a, b) => a.name.localeCompare(b.name));
}
