//! What a role tells about itself while it runs. Every figure is measured; an absence says why it is absent.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{MappingId, Revision, SessionId, Target, TlsVerification};

/// Where an agent's connector stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub enum ConnectionState {
    /// No link and no attempt under way (stopped, or not started yet).
    #[default]
    Disconnected,
    /// The first attempt: resolving, dialling, TLS, upgrade.
    Connecting,
    /// A carrier stands; hello was sent.
    Authenticating,
    /// Welcome came; the desired state was sent.
    Syncing,
    /// The gateway acknowledged the desired state and the first pong came.
    Connected,
    /// A connection was lost or refused; waiting or dialling again.
    Reconnecting,
}

/// One link of a session.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LinkStatus {
    /// `websocket`.
    pub transport: String,
    /// The other end's address.
    pub peer: Option<SocketAddr>,
    /// Newest measured round trip through the data path; `None` before the first pong.
    pub round_trip: Option<Duration>,
    /// Streams that are open now.
    pub streams: u32,
    /// How long the link has stood.
    pub up_for: Duration,
}

/// Bytes and streams since the process started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct TrafficTotals {
    /// Bytes from visitors to targets.
    pub bytes_to_targets: u64,
    /// Bytes from targets to visitors.
    pub bytes_to_visitors: u64,
    /// Streams opened.
    pub streams_opened: u64,
    /// Streams open now.
    pub streams_active: u32,
}

/// An agent's own account of its tunnel.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct AgentStatus {
    /// Where the connector stands.
    pub state: ConnectionState,
    /// What it dials, without credentials.
    pub gateway_url: String,
    /// Whether that is a port for agents alone, as the gateway said in Welcome: visitors come in elsewhere.
    #[serde(default)]
    pub agents_only: bool,
    /// Of the session that stands, or of the last one.
    pub session: Option<SessionId>,
    /// Gateway's version as it said in Welcome; `None` before the first.
    pub gateway_version: Option<String>,
    /// How long the gateway's process has run, as of now, by what it said in Welcome.
    pub gateway_uptime: Option<Duration>,
    /// How long the session has stood; `None` when there is none.
    pub connected_for: Option<Duration>,
    /// Unix time in milliseconds of the newest Connected.
    pub last_connected_ms: Option<u64>,
    /// Unix time in milliseconds of the newest loss.
    pub last_disconnected_ms: Option<u64>,
    /// Attempts since the last loss; 0 while connected.
    pub reconnect_attempts: u32,
    /// Why the newest attempt or session ended, as a sentence that says what to change.
    pub last_error: Option<String>,
    /// Links that stand.
    pub links: Vec<LinkStatus>,
    /// Bytes and streams.
    pub traffic: TrafficTotals,
}

/// Why the gateway does not serve a mapping.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RefusalCode {
    /// Another agent has the same endpoint.
    Taken,
    /// Two mappings of one desired state have the same endpoint.
    Duplicate,
    /// The gateway is older and does not know this kind of mapping.
    Unsupported,
    /// Over a limit of the gateway.
    Limit,
    /// A code of a newer gateway.
    #[serde(other)]
    Other,
}

/// A refusal with its reason.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Refusal {
    /// For machines.
    pub code: RefusalCode,
    /// For people: names the holder, says what to change.
    pub reason: String,
}

/// What became of one mapping in a sync.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MappingVerdict {
    /// Served from now on.
    Applied,
    /// Not served.
    Refused(Refusal),
}

/// The gateway's answer to a sync.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SyncReport {
    /// Which desired state this is about.
    pub revision: Revision,
    /// One verdict a mapping.
    pub verdicts: Vec<(MappingId, MappingVerdict)>,
}

/// What the agent last saw of a target.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum TargetHealth {
    /// Nothing was sent to it yet.
    #[default]
    Unknown,
    /// The newest dial worked.
    Up,
    /// The newest dial failed.
    Down {
        /// Stable code of the failure (`target_refused` …).
        code: String,
        /// A sentence.
        reason: String,
    },
}

/// The answer to "Test target".
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TargetCheck {
    /// What was tried.
    pub target: Target,
    /// How its certificate was treated.
    pub verification: TlsVerification,
    /// What the agent saw.
    pub health: TargetHealth,
    /// The address that answered, if one did.
    pub address: Option<SocketAddr>,
    /// Time until the connection (with TLS) stood or failed.
    pub took: Duration,
    /// The status line of the answer to `HEAD /`, if one came.
    pub status: Option<u16>,
}
