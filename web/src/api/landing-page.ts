import { queryOptions } from "@tanstack/react-query";
import { bodyOf, client } from "./client";
import type { LandingPage } from "./model";

/** Most bytes of a landing page, as UTF-8. */
export const LANDING_PAGE_MAX_BYTES = 1_048_576;

export const landingPageQuery = queryOptions({
  queryKey: ["landing-page"],
  queryFn: ({ signal }) => bodyOf(client.GET("/api/v1/settings/landing-page", { signal })),
});

/** Stores a page; refused with 412 when another one was stored since `basedOn`, a page's hash. */
export function saveLandingPage(html: string, basedOn: string): Promise<LandingPage> {
  const header = { "If-Match": `"${basedOn}"` };
  return bodyOf(client.PUT("/api/v1/settings/landing-page", { body: { html }, params: { header } }));
}

/** Back to the product's own page; refused like a page to store. */
export function resetLandingPage(seen: string): Promise<LandingPage> {
  const header = { "If-Match": `"${seen}"` };
  return bodyOf(client.DELETE("/api/v1/settings/landing-page", { params: { header } }));
}
