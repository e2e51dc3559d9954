//! Failures that a visitor or an owner is told of: one stable code each, with the hop that failed, a cause and a hint.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where on the path visitor -> gateway -> tunnel -> agent -> target it broke.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hop {
    /// The visitor's own request.
    Visitor,
    /// The gateway.
    Gateway,
    /// Between gateway and agent.
    Tunnel,
    /// The agent.
    Agent,
    /// The internal service.
    Target,
}

macro_rules! failures {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $status:literal, $hop:ident, $cause:literal, $hint:literal;)*) => {
        /// What failed. The text code and the status are contract.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum FailureCode {
            $($(#[$doc])* $variant,)*
        }

        impl FailureCode {
            /// Every code there is, for documents and tests.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable code.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The HTTP status that a visitor gets.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// Where it broke.
            #[must_use]
            pub const fn hop(self) -> Hop {
                match self { $(Self::$variant => Hop::$hop,)* }
            }

            /// One sentence for the visitor. Names nothing internal.
            #[must_use]
            pub const fn cause(self) -> &'static str {
                match self { $(Self::$variant => $cause,)* }
            }

            /// One hint for the owner: what to change.
            #[must_use]
            pub const fn hint(self) -> &'static str {
                match self { $(Self::$variant => $hint,)* }
            }

            /// Finds a code by its text.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.as_str() == code)
            }
        }
    };
}

failures! {
    /// Malformed request.
    BadRequest = "bad_request", 400, Visitor, "The request is not valid HTTP.", "The client sent a malformed or ambiguous request; nothing was forwarded.";
    /// No mapping has the name and path.
    NotMapped = "not_mapped", 404, Gateway, "Nothing is published at this address.", "Create a mapping for this domain (and path), or enable the one that is there.";
    /// The visitor took too long to send its head.
    HeaderTimeout = "header_timeout", 408, Visitor, "The request took too long to arrive.", "The client sent its request head too slowly (Gateway__Limits__HeaderTimeoutSeconds).";
    /// Request body over a limit.
    BodyTooLarge = "body_too_large", 413, Gateway, "The request body is too large.", "A limit on body size is set for this mapping.";
    /// Request head over a limit.
    HeadTooLarge = "head_too_large", 431, Gateway, "The request head is too large.", "The head is larger than Gateway__Limits__HeaderBytes; often a cookie that grew.";
    /// Too many connections of one source.
    TooManyConnections = "too_many_connections", 429, Gateway, "Too many connections from your address.", "The source has reached Gateway__Limits__ConnectionsPerSource.";
    /// A defect of the gateway.
    Internal = "internal", 500, Gateway, "The gateway failed.", "This is a defect: report it with the request id and the gateway's log.";
    /// The agent's connection to the target was refused.
    TargetRefused = "target_refused", 502, Target, "The service behind this address is not running.", "The target refused the connection: start the service, or correct host and port of the mapping.";
    /// No route to the target, or no answer at network level.
    TargetUnreachable = "target_unreachable", 502, Target, "The service behind this address cannot be reached.", "The agent has no route to the target: check its address, the network and firewalls between agent and target.";
    /// The target's name does not resolve.
    TargetDns = "target_dns", 502, Target, "The service behind this address cannot be found.", "The agent cannot resolve the target's host name: correct the mapping or the agent's DNS.";
    /// TLS to the target failed on its certificate.
    TargetCertificate = "target_certificate", 502, Target, "The service behind this address has an invalid certificate.", "The target's certificate is not valid for its name: fix it, or allow invalid certificates in the mapping.";
    /// TLS to the target failed otherwise.
    TargetTls = "target_tls", 502, Target, "A secure connection to the service behind this address failed.", "The TLS handshake with the target failed: compare protocol versions and settings of the target.";
    /// The mapping says https, the target speaks http.
    TargetSpeaksHttp = "target_speaks_http", 502, Target, "The service behind this address speaks another protocol.", "The mapping is https, the target speaks http: change the mapping's protocol to http, or the port.";
    /// The mapping says http, the target speaks TLS.
    TargetSpeaksTls = "target_speaks_tls", 502, Target, "The service behind this address speaks another protocol.", "The mapping is http, the target speaks TLS: change the mapping's protocol to https, or the port.";
    /// The target's answer is not HTTP.
    TargetMalformed = "target_malformed", 502, Target, "The service behind this address gave an invalid answer.", "The target's answer is not valid HTTP/1.1: check that the port is an HTTP service.";
    /// The target closed before an answer.
    TargetClosed = "target_closed", 502, Target, "The service behind this address closed the connection.", "The target closed the connection without an answer: look at the service's own log.";
    /// The agent's rules forbid the target.
    TargetDenied = "target_denied", 502, Agent, "The service behind this address may not be reached.", "The agent's AllowedTargets or DeniedTargets forbid this target.";
    /// The agent does not know the mapping.
    MappingUnknown = "mapping_unknown", 502, Agent, "The service behind this address is changing.", "The agent no longer has this mapping; it is being synced.";
    /// The link broke while the request was under way.
    TunnelLost = "tunnel_lost", 502, Tunnel, "The connection to the service was lost.", "The link between gateway and agent broke during the request; the agent reconnects by itself.";
    /// The mapping's agent is not connected.
    AgentAway = "agent_away", 503, Tunnel, "The service behind this address is offline.", "The agent that serves this mapping is not connected: see that it runs and reaches the gateway.";
    /// The session has as many streams as it may have.
    AgentBusy = "agent_busy", 503, Tunnel, "The service behind this address is busy.", "The session has reached Gateway__Limits__StreamsPerSession.";
    /// The gateway is stopping.
    GatewayDraining = "gateway_draining", 503, Gateway, "The gateway is restarting.", "The gateway is stopping and takes no new requests; retry in a moment.";
    /// Dialling the target took too long.
    TargetTimeout = "target_timeout", 504, Target, "The service behind this address does not answer.", "The target did not accept the connection in time: check its address and firewalls.";
    /// The target accepted and then said nothing.
    FirstByteTimeout = "first_byte_timeout", 504, Target, "The service behind this address took too long.", "The target sent no answer within Gateway__Limits__FirstByteTimeoutSeconds.";
    /// No byte moved either way.
    IdleTimeout = "idle_timeout", 504, Target, "The service behind this address went silent.", "No byte moved within Gateway__Limits__IdleTimeoutSeconds.";
}

impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failure as it happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// What failed.
    pub code: FailureCode,
    /// Private particulars for the owner's log and never for a visitor (addresses, texts of the operating system).
    pub detail: Option<String>,
}

impl From<FailureCode> for Failure {
    fn from(code: FailureCode) -> Self {
        Self { code, detail: None }
    }
}
