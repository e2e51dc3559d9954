import type { Mapping } from "./model";

/**
 * Where visitors will reach a name that is being typed. Behind a gateway that is dialled by `wss` the public names are
 * served by https on the usual port; a gateway that is dialled by `ws` answers plainly on the port that the agent dials.
 * For a stored mapping the API says it (`publicUrl`).
 */
export function previewUrl(domain: string, pathPrefix: string, gatewayUrl: string | undefined): string {
  const { scheme, port } = door(gatewayUrl);
  return `${scheme}://${domain}${port}${pathPrefix || "/"}`;
}

function door(gatewayUrl: string | undefined): { scheme: "http" | "https"; port: string } {
  if (!gatewayUrl || !URL.canParse(gatewayUrl)) return { scheme: "https", port: "" };
  const { protocol, port } = new URL(gatewayUrl);
  return protocol === "ws:" ? { scheme: "http", port: port && `:${port}` } : { scheme: "https", port: "" };
}

/** What visitors type: the public URL, or the pattern where there is no single one. */
export function publicName(mapping: Pick<Mapping, "externalDomain" | "pathPrefix">): string {
  return mapping.externalDomain + (mapping.pathPrefix === "/" ? "" : mapping.pathPrefix);
}

export function targetUrl(
  mapping: Pick<Mapping, "internalProtocol" | "internalHost" | "internalPort">,
): string {
  const host = mapping.internalHost.includes(":") ? `[${mapping.internalHost}]` : mapping.internalHost;
  return `${mapping.internalProtocol.toLowerCase()}://${host}:${mapping.internalPort}`;
}
