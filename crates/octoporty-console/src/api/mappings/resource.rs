//! A mapping as the API shows it.

use octoporty_proto::model::{Compression, HostHeader};
use serde::Serialize;
use utoipa::ToSchema;

/// What kind of public endpoint a mapping has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MappingKind {
    /// HTTP requests to a host, under a path prefix.
    Http,
}

/// How a target is spoken to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub(crate) enum Protocol {
    /// Plain HTTP/1.1.
    Http,
    /// HTTP/1.1 in TLS.
    Https,
}

/// Whether stream data of a mapping is compressed between gateway and agent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CompressionMode {
    /// Compressed when the first block shows that it helps.
    Auto,
    /// Always tried.
    On,
    /// Never.
    Off,
}

/// Whether the gateway has taken the newest change of a mapping.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SyncStateName {
    /// Stored here, not acknowledged yet.
    Pending,
    /// The gateway serves it (or, when it is disabled, no longer does).
    Applied,
    /// The gateway does not serve it; see the reason.
    Refused,
}

/// What became of a mapping's newest change at the gateway.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SyncState {
    /// Whether the gateway has taken it.
    pub(crate) state: SyncStateName,
    /// For machines, when refused: `taken`, `duplicate`, `unsupported`, `limit`, `other`.
    #[schema(required)]
    pub(crate) code: Option<String>,
    /// For people, when refused: names the holder, says what to change.
    #[schema(required)]
    pub(crate) reason: Option<String>,
}

/// Whether a visitor would be served now.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LiveStateName {
    /// The newest dial to the target worked.
    Ok,
    /// The newest dial to the target failed; see the reason.
    TargetDown,
    /// The gateway refused the mapping; see the reason.
    Refused,
    /// The agent is not connected to its gateway.
    AgentAway,
    /// Nothing was sent to the target yet, or the change is being synced.
    Unknown,
    /// Switched off.
    Disabled,
}

/// The live state of a mapping.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LiveState {
    /// Whether a visitor would be served.
    pub(crate) state: LiveStateName,
    /// For machines: the failure's code (`target_refused` …) or the refusal's (`taken` …).
    #[schema(required)]
    pub(crate) code: Option<String>,
    /// A sentence.
    #[schema(required)]
    pub(crate) reason: Option<String>,
}

/// A public endpoint and the target that it leads to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Mapping)]
#[expect(clippy::struct_excessive_bools, reason = "the contract has three independent switches")]
pub(crate) struct MappingResource {
    /// UUID, stable for the mapping's life.
    #[schema(format = "uuid")]
    pub(crate) id: String,
    /// What a person calls it.
    pub(crate) name: String,
    /// Kind of endpoint.
    pub(crate) kind: MappingKind,
    /// The public name, or `*.example.com`.
    pub(crate) external_domain: String,
    /// `/` for every path.
    pub(crate) path_prefix: String,
    /// Whether the target sees the path without the prefix.
    pub(crate) strip_prefix: bool,
    /// Public port of mappings that have one of their own; null for http.
    #[schema(required)]
    pub(crate) external_port: Option<u16>,
    /// Host or address that the agent dials.
    pub(crate) internal_host: String,
    /// Port that the agent dials.
    pub(crate) internal_port: u16,
    /// How the target is spoken to.
    pub(crate) internal_protocol: Protocol,
    /// For https targets: any certificate does.
    pub(crate) allow_invalid_certificates: bool,
    /// `keep` (what the visitor sent), `target` (the target's own host and port) or a fixed name.
    pub(crate) host_header: String,
    /// Compression between gateway and agent.
    pub(crate) compression: CompressionMode,
    /// Whether it is served at all.
    pub(crate) enabled: bool,
    /// Where a visitor finds it; null for wildcards and while the gateway's address is not known.
    #[schema(required)]
    pub(crate) public_url: Option<String>,
    /// Whether the gateway has taken the newest change.
    pub(crate) sync: SyncState,
    /// Whether a visitor would be served now.
    pub(crate) live: LiveState,
    /// RFC 3339, UTC.
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
    /// RFC 3339, UTC.
    #[schema(format = DateTime)]
    pub(crate) updated_at: String,
}

/// The live part of a mapping, as events carry it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MappingState {
    /// Which mapping.
    #[schema(format = "uuid")]
    pub(crate) id: String,
    /// Whether the gateway has taken the newest change.
    pub(crate) sync: SyncState,
    /// Whether a visitor would be served now.
    pub(crate) live: LiveState,
}

impl From<Compression> for CompressionMode {
    fn from(compression: Compression) -> Self {
        match compression {
            Compression::Auto => Self::Auto,
            Compression::On => Self::On,
            Compression::Off => Self::Off,
        }
    }
}

/// The one text form of a host header rule, the same in the API and in the database.
pub(crate) fn host_header_text(rule: &HostHeader) -> &str {
    match rule {
        HostHeader::Keep => "keep",
        HostHeader::Target => "target",
        HostHeader::Custom(name) => name.as_str(),
    }
}

/// What the agent saw of a target.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CheckState {
    /// It answered.
    Up,
    /// It did not.
    Down,
    /// The agent could not tell.
    Unknown,
}

/// The answer of "Test target".
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TargetCheck)]
pub(crate) struct TargetCheckResource {
    /// Whether the target answered.
    pub(crate) success: bool,
    /// What the agent saw.
    pub(crate) state: CheckState,
    /// The failure's code (`target_refused` …).
    #[schema(required)]
    pub(crate) code: Option<String>,
    /// A sentence: what the agent saw and, when it failed, why.
    pub(crate) message: String,
    /// What to change; when it failed with a known code.
    #[schema(required)]
    pub(crate) hint: Option<String>,
    /// What was tried: `scheme://host:port`.
    pub(crate) target: String,
    /// The address that answered.
    #[schema(required)]
    pub(crate) address: Option<String>,
    /// Status of the answer to `HEAD /`.
    #[schema(required)]
    pub(crate) http_status: Option<u16>,
    /// Milliseconds until the connection (with TLS) stood or failed.
    pub(crate) duration_ms: f64,
}
