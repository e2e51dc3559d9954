import type { LandingPage, LiveStats, Mapping, RequestLogEntry, Status } from "../api/model";

/** A household's server: what the mock console knows when it starts. */

export function iso(at: number): string {
  return new Date(at).toISOString();
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

let counter = 0;

/** Ids that look like UUIDs and are the same in every run. */
export function nextId(): string {
  counter += 1;
  return `018f6b1e-7c2a-7d31-9a44-${counter.toString(16).padStart(12, "0")}`;
}

export function sampleMapping(change: Partial<Mapping>, now: number): Mapping {
  const domain = change.externalDomain ?? "app.example.com";
  return {
    id: nextId(),
    name: "App",
    kind: "http",
    externalDomain: domain,
    pathPrefix: "/",
    stripPrefix: false,
    externalPort: null,
    internalHost: "localhost",
    internalPort: 8080,
    internalProtocol: "Http",
    allowInvalidCertificates: false,
    hostHeader: "keep",
    compression: "auto",
    enabled: true,
    publicUrl: domain.startsWith("*.") ? null : `https://${domain}${change.pathPrefix ?? "/"}`,
    sync: { state: "applied", code: null, reason: null },
    live: { state: "ok", code: null, reason: null },
    createdAt: iso(now - 40 * DAY),
    updatedAt: iso(now - 3 * DAY),
    ...change,
  };
}

export function sampleMappings(now: number): Mapping[] {
  const make = (change: Partial<Mapping>) => sampleMapping(change, now);
  return [
    make({
      name: "Photos",
      externalDomain: "photos.example.com",
      internalHost: "nas.home.arpa",
      internalPort: 2283,
    }),
    make({
      name: "Git",
      externalDomain: "git.example.com",
      internalHost: "192.168.1.20",
      internalPort: 3000,
    }),
    make({
      name: "Grafana",
      externalDomain: "grafana.example.com",
      internalHost: "192.168.1.31",
      internalPort: 3000,
      live: {
        state: "target_down",
        code: "target_refused",
        reason:
          "192.168.1.31:3000 refused the connection: start the service, or correct host and port of the mapping.",
      },
    }),
    make({
      name: "Home Assistant",
      externalDomain: "home.example.com",
      internalHost: "192.168.1.12",
      internalPort: 8123,
      internalProtocol: "Https",
      allowInvalidCertificates: true,
    }),
    make({
      name: "Paperless",
      externalDomain: "paper.example.com",
      internalPort: 8000,
      internalHost: "nas.home.arpa",
    }),
    make({
      name: "Wiki",
      externalDomain: "example.com",
      pathPrefix: "/wiki",
      stripPrefix: true,
      internalHost: "localhost",
      internalPort: 6875,
      live: {
        state: "refused",
        code: "taken",
        reason:
          "example.com/wiki is served by the agent “office”. Choose another domain or path, or delete it there.",
      },
      sync: { state: "refused", code: "taken", reason: "example.com/wiki is served by the agent “office”." },
    }),
    make({
      name: "Preview builds of the documentation site",
      externalDomain: "*.preview.example.com",
      internalHost: "build-runner-with-a-long-name.home.arpa",
      internalPort: 4173,
      live: { state: "unknown", code: null, reason: null },
    }),
    make({
      name: "Old blog",
      externalDomain: "blog.example.com",
      internalPort: 2368,
      enabled: false,
      live: { state: "disabled", code: null, reason: null },
    }),
  ];
}

export function sampleStatus(mappings: readonly Mapping[], now: number): Status {
  return {
    connectionStatus: "Connected",
    gatewayUrl: "wss://gw.example.com/tunnel",
    sessionId: nextId(),
    lastConnected: iso(now - 2 * DAY - 5 * HOUR),
    lastDisconnected: iso(now - 2 * DAY - 5 * HOUR - 4_000),
    reconnectAttempts: 0,
    uptimeSeconds: (2 * DAY + 5 * HOUR) / 1_000,
    version: "0.1.0",
    activeMappings: mappings.filter((mapping) => mapping.enabled).length,
    totalMappings: mappings.length,
    gatewayVersion: "0.1.0",
    lastError: null,
    gatewayUpdateAvailable: false,
    gatewayUptime: (12 * DAY + 3 * HOUR) / 1_000,
    links: [4.1, 4.4, 5.2, 4.3].map((roundTripMs, index) => ({
      transport: "websocket",
      peer: "203.0.113.7:443",
      roundTripMs,
      streams: [12, 4, 0, 7][index] ?? 0,
      uptimeSeconds: 190_000,
    })),
    transport: "websocket",
    roundTripMs: 4.1,
    traffic: {
      bytesToTargets: 18_400_221,
      bytesToVisitors: 5_120_448_112,
      streamsOpened: 48_211,
      streamsActive: 23,
    },
    revision: 42,
    syncedRevision: 42,
  };
}

const PATHS = [
  "/",
  "/api/assets?size=thumb",
  "/login",
  "/api/albums/41",
  "/static/app.js",
  "/robots.txt",
  "/api/search",
];
const CLIENTS = ["198.51.100.23", "2001:db8:4::17", "203.0.113.88", "192.0.2.14"];

export function sampleRequest(
  mapping: Mapping,
  at: number,
  change: Partial<RequestLogEntry> = {},
): RequestLogEntry {
  counter += 1;
  const seed = counter;
  const [path = "/", query] = (PATHS[seed % PATHS.length] ?? "/").split("?");
  const totalMs = 6 + ((seed * 37) % 140) + ((seed * 7) % 13 === 0 ? 620 : 0);
  return {
    id: seed,
    mappingId: mapping.id,
    mappingName: mapping.name,
    requestId: `req-${seed.toString(36).padStart(8, "0")}`,
    at: iso(at),
    method: seed % 9 === 0 ? "POST" : "GET",
    host: mapping.externalDomain.replace("*", "main"),
    path,
    query: query ?? null,
    status: seed % 11 === 0 ? 304 : seed % 17 === 0 ? 404 : 200,
    error: null,
    errorDetail: null,
    gatewayMs: 0.4,
    firstByteMs: totalMs * 0.7,
    tunnelMs: 4.1,
    targetMs: totalMs * 0.7 - 4.1,
    totalMs,
    requestBytes: seed % 9 === 0 ? 2_048 : 0,
    responseBytes: 900 + ((seed * 7_919) % 480_000),
    client: CLIENTS[seed % CLIENTS.length] ?? "192.0.2.1",
    userAgent: "Mozilla/5.0",
    ...change,
  };
}

/** A quarter of an hour with a quiet stretch, a burst and a gap without requests. */
export function sampleStats(failures: readonly RequestLogEntry[], now: number): LiveStats {
  const seconds = 10;
  const buckets = Array.from({ length: 90 }, (_, index) => {
    const wave = 1 + Math.sin(index / 9) * 0.5 + Math.sin(index / 2.7) * 0.25;
    const quiet = index > 30 && index < 37;
    const requests = quiet ? 0 : Math.round(26 * wave + (index > 66 && index < 74 ? 60 : 0));
    return {
      at: iso(now - (90 - index) * seconds * 1_000),
      requests,
      errors: index % 23 === 5 && !quiet ? 2 : 0,
      bytesToTargets: requests * 700,
      bytesToVisitors: Math.round(requests * 52_000 * wave),
      p95Ms: quiet ? null : 80 + 60 * wave + (index % 19 === 3 ? 160 : 0),
    };
  });
  const total = buckets.reduce((sum, bucket) => sum + bucket.requests, 0);
  const errors = buckets.reduce((sum, bucket) => sum + bucket.errors, 0);
  const minute = buckets.slice(-7, -1);
  const over = (of: (bucket: (typeof buckets)[number]) => number) =>
    minute.reduce((sum, bucket) => sum + of(bucket), 0) / 60;
  return {
    now: iso(now),
    bucketSeconds: seconds,
    requestsPerSecond: over((bucket) => bucket.requests),
    errorsPerSecond: over((bucket) => bucket.errors),
    bytesPerSecond: over((bucket) => bucket.bytesToTargets + bucket.bytesToVisitors),
    p95Ms: 184,
    successRate: 1 - errors / total,
    requests: total,
    errors,
    buckets,
    newestFailures: [...failures],
  };
}

export function emptyStats(now: number): LiveStats {
  const { buckets, ...rest } = sampleStats([], now);
  const none = { requests: 0, errors: 0, bytesToTargets: 0, bytesToVisitors: 0, p95Ms: null };
  return {
    ...rest,
    requestsPerSecond: 0,
    errorsPerSecond: 0,
    bytesPerSecond: 0,
    p95Ms: null,
    successRate: null,
    requests: 0,
    errors: 0,
    buckets: buckets.map(({ at }) => ({ at, ...none })),
  };
}

export function sampleFailures(mappings: readonly Mapping[], now: number): RequestLogEntry[] {
  const [photos, git, grafana] = mappings;
  if (!photos || !git || !grafana) return [];
  const down = {
    status: 502,
    error: "target_refused",
    errorDetail: "connect 192.168.1.31:3000: connection refused",
    responseBytes: 0,
  };
  return [
    sampleRequest(grafana, now - 8_000, { ...down, path: "/api/health" }),
    sampleRequest(grafana, now - 68_000, { ...down, path: "/d/rYdddlPWk/node-exporter-full" }),
    sampleRequest(photos, now - 4 * MINUTE, {
      status: 504,
      error: "first_byte_timeout",
      path: "/api/search/smart",
    }),
    sampleRequest(git, now - 9 * MINUTE, { status: 500, path: "/org/repo/compare/main...feature" }),
  ];
}

const DEFAULT_PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>Octoporty Gateway</title>
    <style>
      body { font: 16px/1.6 system-ui, sans-serif; margin: 0; display: grid; place-items: center; min-height: 100vh; }
      main { max-width: 32rem; padding: 2rem; }
      h1 { font-size: 1.4rem; margin: 0 0 .5rem; }
    </style>
  </head>
  <body>
    <main>
      <!-- Shown at the gateway's own name -->
      <h1>Octoporty Gateway</h1>
      <p>Nothing is published at this address.</p>
    </main>
  </body>
</html>
`;

export function defaultPage(): LandingPage {
  return { ...samplePage(DEFAULT_PAGE), isDefault: true };
}

export function samplePage(html: string): LandingPage {
  return { html, hash: hashOf(html), isDefault: false };
}

/** Not MD5, but as long and different for different pages. */
function hashOf(html: string): string {
  let hash = 2_166_136_261;
  for (const letter of html) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 16_777_619);
  return (hash >>> 0).toString(16).padStart(8, "0").repeat(4);
}

/** The ETag of a mapping. */
export function tagOf(mapping: Mapping): string {
  return `"${Date.parse(mapping.updatedAt)}"`;
}
