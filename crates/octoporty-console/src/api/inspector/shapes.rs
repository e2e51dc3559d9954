//! The answer of an inspection.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::api::logs::shapes::RequestEntry;
use crate::api::mappings::resource::Protocol;

/// The mapping that takes a URL.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InspectedMapping)]
pub(crate) struct MappingPart {
    /// Which mapping.
    #[schema(format = "uuid")]
    pub(crate) id: String,
    /// What a person calls it.
    pub(crate) name: String,
    /// The public name, or `*.example.com`.
    pub(crate) external_domain: String,
    /// `/` for every path.
    pub(crate) path_prefix: String,
    /// `host:port` that the agent dials.
    pub(crate) internal_target: String,
    /// How it is spoken to.
    pub(crate) internal_protocol: Protocol,
    /// Whether it is served; the target of one that is not is asked all the same.
    pub(crate) enabled: bool,
}

/// How a public name was reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = InspectedVia)]
pub(crate) enum ViaName {
    /// By the address that the name resolves to, as visitors go.
    Dns,
    /// By the host and port that the agent dials its gateway at.
    Gateway,
}

/// Milliseconds of the steps; null for a step that there was not.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InspectedTiming)]
pub(crate) struct Timing {
    /// Looking the name up.
    #[schema(required)]
    pub(crate) dns_ms: Option<f64>,
    /// From there until TCP stood.
    #[schema(required)]
    pub(crate) connect_ms: Option<f64>,
    /// The TLS handshake.
    #[schema(required)]
    pub(crate) tls_ms: Option<f64>,
    /// From the request until the head of the answer.
    #[schema(required)]
    pub(crate) first_byte_ms: Option<f64>,
    /// All of it.
    pub(crate) total_ms: f64,
}

/// The request that was made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InspectedRequest)]
pub(crate) struct RequestPart {
    /// Method.
    pub(crate) method: String,
    /// `Host`.
    pub(crate) host: String,
    /// Path and query.
    pub(crate) path: String,
    /// The other fields.
    pub(crate) headers: BTreeMap<String, String>,
}

/// What one side got.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InspectedProbe)]
#[expect(clippy::struct_excessive_bools, reason = "the contract has three independent facts")]
pub(crate) struct ProbeResource {
    /// Whether an answer came, of whatever status.
    pub(crate) success: bool,
    /// What went wrong, in a sentence: there is no answer, or the gateway made it because it had none.
    #[schema(required)]
    pub(crate) error: Option<String>,
    /// Stable code of that: `target_refused` …, `not_mapped`, or `public_dns`, `public_unreachable`, `public_tls`,
    /// `public_proxy`, `public_timeout`, `public_closed`, `public_malformed`, `public_internal`,
    /// `public_denied`.
    #[schema(required)]
    pub(crate) code: Option<String>,
    /// What to change.
    #[schema(required)]
    pub(crate) hint: Option<String>,
    /// Whether the gateway made the answer, in place of the target's.
    pub(crate) made_by_gateway: bool,
    /// What was sent; null when nothing was.
    #[schema(required)]
    pub(crate) request: Option<RequestPart>,
    /// Whom it dialled: `scheme://host:port`.
    #[schema(required)]
    pub(crate) dialled: Option<String>,
    /// The address that took the connection.
    #[schema(required)]
    pub(crate) address: Option<String>,
    /// How the public name was reached.
    #[schema(required)]
    pub(crate) via: Option<ViaName>,
    /// Why it was not the way that visitors go.
    #[schema(required)]
    pub(crate) detour: Option<String>,
    /// Status.
    #[schema(required)]
    pub(crate) status_code: Option<u16>,
    /// `HTTP/1.1` or `HTTP/1.0`.
    #[schema(required)]
    pub(crate) http_version: Option<String>,
    /// Fields of the answer, names in lower case; repeated ones in their order.
    pub(crate) headers: BTreeMap<String, Vec<String>>,
    /// `Content-Type`.
    #[schema(required)]
    pub(crate) content_type: Option<String>,
    /// Bytes of the body that were read.
    pub(crate) body_size: u64,
    /// Whether there is more of it than `maxBodyBytes`.
    pub(crate) body_truncated: bool,
    /// The body, where it is text.
    #[schema(required)]
    pub(crate) body_text: Option<String>,
    /// The body, where it is not.
    #[schema(required)]
    pub(crate) body_base64: Option<String>,
    /// SHA-256 of what was read, in hex.
    #[schema(required)]
    pub(crate) body_sha256: Option<String>,
    /// Why the body ended before its end, if it did.
    #[schema(required)]
    pub(crate) body_error: Option<String>,
    /// Milliseconds until the head of the answer, or the failure.
    pub(crate) duration_ms: f64,
    /// The steps.
    pub(crate) timing: Timing,
}

/// What is not the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = DifferenceKind)]
pub(crate) enum Kind {
    /// One side has an answer and the other has none, or they failed for different reasons.
    Outcome,
    /// The status.
    Status,
    /// A field of the answer.
    Header,
    /// The body.
    Body,
}

/// One thing that is not the same on both sides.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Difference)]
pub(crate) struct Difference {
    /// What.
    pub(crate) kind: Kind,
    /// Of a header, its name.
    #[schema(required)]
    pub(crate) name: Option<String>,
    /// Through the gateway; null when it is not there.
    #[schema(required)]
    pub(crate) gateway: Option<String>,
    /// Straight from the target; null when it is not there.
    #[schema(required)]
    pub(crate) agent: Option<String>,
}

/// Both sides of one URL.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Diagnosis)]
pub(crate) struct Diagnosis {
    /// Whether both sides gave an answer of the target's.
    pub(crate) success: bool,
    /// The first failure, in a sentence.
    #[schema(required)]
    pub(crate) error: Option<String>,
    /// `X-Octoporty-Request-Id` of the request through the gateway, by which its log row is found; the straight one's
    /// where the gateway gave none.
    pub(crate) request_id: String,
    /// What was asked for.
    pub(crate) url: String,
    /// Most bytes of each body, as it was taken.
    pub(crate) max_body_bytes: u64,
    /// How many real requests reached the gateway or the target: an inspection is no simulation.
    pub(crate) real_requests: u8,
    /// The mapping that takes the URL.
    #[schema(required)]
    pub(crate) mapping: Option<MappingPart>,
    /// Through the public name.
    pub(crate) gateway: ProbeResource,
    /// Straight from the agent to the target.
    pub(crate) agent: ProbeResource,
    /// What is not the same; hop-by-hop fields, `Date` and the request id aside.
    pub(crate) differences: Vec<Difference>,
    /// Rows of the request log that belong to it.
    pub(crate) logs: Vec<RequestEntry>,
}
