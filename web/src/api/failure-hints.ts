/**
 * What the owner can do about a failure, by its code: the table of `octoporty-proto` (model/failure.rs), which a test
 * compares with this one.
 */
export const FAILURE_HINTS: Readonly<Record<string, { hop: Hop; hint: string }>> = {
  bad_request: {
    hop: "visitor",
    hint: "The client sent a malformed or ambiguous request; nothing was forwarded.",
  },
  not_mapped: {
    hop: "gateway",
    hint: "Create a mapping for this domain (and path), or enable the one that is there.",
  },
  header_timeout: {
    hop: "visitor",
    hint: "The client sent its request head too slowly (Gateway__Limits__HeaderTimeoutSeconds).",
  },
  body_too_large: { hop: "gateway", hint: "A limit on body size is set for this mapping." },
  head_too_large: {
    hop: "gateway",
    hint: "The head is larger than Gateway__Limits__HeaderBytes; often a cookie that grew.",
  },
  too_many_connections: {
    hop: "gateway",
    hint: "The source has reached Gateway__Limits__ConnectionsPerSource.",
  },
  internal: {
    hop: "gateway",
    hint: "This is a defect: report it with the request id and the gateway's log.",
  },
  target_refused: {
    hop: "target",
    hint: "The target refused the connection: start the service, or correct host and port of the mapping.",
  },
  target_unreachable: {
    hop: "target",
    hint: "The agent has no route to the target: check its address, the network and firewalls between agent and target.",
  },
  target_dns: {
    hop: "target",
    hint: "The agent cannot resolve the target's host name: correct the mapping or the agent's DNS.",
  },
  target_certificate: {
    hop: "target",
    hint: "The target's certificate is not valid for its name: fix it, or allow invalid certificates in the mapping.",
  },
  target_tls: {
    hop: "target",
    hint: "The TLS handshake with the target failed: compare protocol versions and settings of the target.",
  },
  target_speaks_http: {
    hop: "target",
    hint: "The mapping is https, the target speaks http: change the mapping's protocol to http, or the port.",
  },
  target_speaks_tls: {
    hop: "target",
    hint: "The mapping is http, the target speaks TLS: change the mapping's protocol to https, or the port.",
  },
  target_malformed: {
    hop: "target",
    hint: "The target's answer is not valid HTTP/1.1: check that the port is an HTTP service.",
  },
  target_closed: {
    hop: "target",
    hint: "The target closed the connection without an answer: look at the service's own log.",
  },
  target_denied: { hop: "agent", hint: "The agent's AllowedTargets or DeniedTargets forbid this target." },
  mapping_unknown: { hop: "agent", hint: "The agent no longer has this mapping; it is being synced." },
  tunnel_lost: {
    hop: "tunnel",
    hint: "The link between gateway and agent broke during the request; the agent reconnects by itself.",
  },
  agent_away: {
    hop: "tunnel",
    hint: "The agent that serves this mapping is not connected: see that it runs and reaches the gateway.",
  },
  agent_busy: { hop: "tunnel", hint: "The session has reached Gateway__Limits__StreamsPerSession." },
  gateway_draining: {
    hop: "gateway",
    hint: "The gateway is stopping and takes no new requests; retry in a moment.",
  },
  target_timeout: {
    hop: "target",
    hint: "The target did not accept the connection in time: check its address and firewalls.",
  },
  first_byte_timeout: {
    hop: "target",
    hint: "The target sent no answer within Gateway__Limits__FirstByteTimeoutSeconds.",
  },
  idle_timeout: { hop: "target", hint: "No byte moved within Gateway__Limits__IdleTimeoutSeconds." },
};

/** Where on the path it broke. */
export type Hop = "visitor" | "gateway" | "tunnel" | "agent" | "target";
