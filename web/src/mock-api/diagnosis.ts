import type { DiagnoseInput, Diagnosis, InspectedProbe, Mapping } from "../api/model";
import { nextId, sampleRequest } from "./samples";

/** What the mock console's two probes find: mappings whose target is down fail on both sides, others answer. */

const PAGE = `<!doctype html>
<html lang="en">
  <head><title>Photos</title><script>document.title = "taken over"</script></head>
  <body><h1>Albums</h1><img src="x" onerror="document.title = 'taken over'"></body>
</html>
`;

function probe(change: Partial<InspectedProbe>): InspectedProbe {
  return {
    success: true,
    error: null,
    code: null,
    hint: null,
    madeByGateway: false,
    request: null,
    dialled: null,
    address: null,
    via: null,
    detour: null,
    statusCode: null,
    httpVersion: null,
    headers: {},
    contentType: null,
    bodySize: 0,
    bodyTruncated: false,
    bodyText: null,
    bodyBase64: null,
    bodySha256: null,
    bodyError: null,
    durationMs: 0,
    timing: { dnsMs: null, connectMs: null, tlsMs: null, firstByteMs: null, totalMs: 0 },
    ...change,
  };
}

function answered(change: Partial<InspectedProbe>): InspectedProbe {
  return probe({
    statusCode: 200,
    httpVersion: "HTTP/1.1",
    contentType: "text/html; charset=utf-8",
    bodySize: PAGE.length,
    bodyText: PAGE,
    bodySha256: "5f2b".repeat(16),
    ...change,
  });
}

const TARGET_HEADERS = {
  "cache-control": ["private, no-cache"],
  "content-type": ["text/html; charset=utf-8"],
  etag: ['"64f2-19c"'],
  "set-cookie": ["session=4e1f; Path=/; HttpOnly", "theme=dark; Path=/"],
  "x-powered-by": ["Express"],
};

function ownAnswer(code: string, status: number, error: string, hint: string, id: string): InspectedProbe {
  const body = JSON.stringify({ type: `urn:octoporty:problem:${code}`, code, title: error, status });
  return answered({
    error,
    code,
    hint,
    madeByGateway: true,
    statusCode: status,
    contentType: "application/problem+json",
    headers: { "content-type": ["application/problem+json"], "x-octoporty-request-id": [id] },
    bodyText: body,
    bodySize: body.length,
    via: "dns",
    dialled: "https://203.0.113.7:443",
    address: "203.0.113.7:443",
    durationMs: 34.2,
    timing: { dnsMs: 3.1, connectMs: 9.4, tlsMs: 18.3, firstByteMs: 6.5, totalMs: 37.4 },
  });
}

function throughGateway(url: string, id: string): InspectedProbe {
  const { host, pathname, search } = new URL(url);
  return answered({
    via: "dns",
    dialled: `https://${host}:443`,
    address: "203.0.113.7:443",
    headers: {
      ...TARGET_HEADERS,
      server: ["nginx"],
      "x-powered-by": ["Express", "PHP/8.3"],
      "x-octoporty-request-id": [id],
    },
    durationMs: 86.4,
    timing: { dnsMs: 3.1, connectMs: 9.4, tlsMs: 18.3, firstByteMs: 55.6, totalMs: 91.9 },
    request: { method: "GET", host, path: pathname + search, headers: { accept: "*/*" } },
  });
}

const FAST = { dnsMs: null, connectMs: null, tlsMs: null, firstByteMs: null, totalMs: 1.2 };

export function diagnosis(input: DiagnoseInput, mappings: readonly Mapping[], now: number): Diagnosis {
  const { hostname, pathname, search } = new URL(input.url);
  const mapping = mappings.find(
    (one) => one.externalDomain === hostname && pathname.startsWith(one.pathPrefix),
  );
  const requestId = nextId();
  const base = {
    requestId,
    url: input.url,
    maxBodyBytes: input.maxBodyBytes ?? 131_072,
    realRequests: 2,
    mapping: null,
    differences: [],
    logs: [],
  };
  if (!mapping) {
    const error = "Nothing is published at this address.";
    const hint = "Create a mapping for this domain (and path), or enable the one that is there.";
    const nobody = "No mapping takes this name and path, so there is no target to ask.";
    const agent = probe({ success: false, error: nobody, code: "not_mapped", hint });
    const gateway = ownAnswer("not_mapped", 404, error, hint, requestId);
    return { ...base, success: false, error, realRequests: 1, gateway, agent };
  }
  const part = {
    id: mapping.id,
    name: mapping.name,
    externalDomain: mapping.externalDomain,
    pathPrefix: mapping.pathPrefix,
    internalTarget: `${mapping.internalHost}:${mapping.internalPort}`,
    internalProtocol: mapping.internalProtocol,
    enabled: mapping.enabled,
  };
  const dialled = `${mapping.internalProtocol.toLowerCase()}://${part.internalTarget}`;
  const row = sampleRequest(mapping, now, {
    method: input.method ?? "GET",
    requestId,
    path: pathname,
    query: search.slice(1) || null,
  });
  if (mapping.live.state === "target_down") {
    const reason = `${part.internalTarget} refused the connection`;
    const hint =
      "The target refused the connection: start the service, or correct host and port of the mapping.";
    const error = "The service behind this address is not running.";
    const gateway = ownAnswer("target_refused", 502, error, hint, requestId);
    const agent = probe({
      success: false,
      error: reason,
      code: "target_refused",
      hint,
      dialled,
      timing: FAST,
    });
    const failed = { ...row, status: 502, error: "target_refused", errorDetail: reason };
    return { ...base, success: false, error, realRequests: 1, mapping: part, gateway, agent, logs: [failed] };
  }
  const agent = answered({
    dialled,
    address: `192.168.1.5:${mapping.internalPort}`,
    headers: TARGET_HEADERS,
    durationMs: 41.3,
    timing: { dnsMs: 0.4, connectMs: 0.7, tlsMs: null, firstByteMs: 40.2, totalMs: 43.1 },
    request: { method: "GET", host: hostname, path: pathname + search, headers: { accept: "*/*" } },
  });
  const differences: Diagnosis["differences"] = [
    { kind: "header", name: "server", gateway: "nginx", agent: null },
    { kind: "header", name: "x-powered-by", gateway: "Express\nPHP/8.3", agent: "Express" },
  ];
  const gateway = throughGateway(input.url, requestId);
  return { ...base, success: true, error: null, mapping: part, gateway, agent, differences, logs: [row] };
}
