//! The tunnel's state and its figures, as the API shows them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::api::logs::shapes::RequestEntry;

/// Where the agent's connector stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub(crate) enum ConnectionStatus {
    /// No link and no attempt under way.
    Disconnected,
    /// The first attempt: resolving, dialling, TLS, upgrade.
    Connecting,
    /// A carrier stands; hello was sent.
    Authenticating,
    /// Welcome came; the desired state was sent.
    Syncing,
    /// The gateway acknowledged and answers probes.
    Connected,
    /// A connection was lost or refused; waiting or dialling again.
    Reconnecting,
}

/// One link of the session.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Link {
    /// `websocket`.
    pub(crate) transport: String,
    /// The other end's address.
    #[schema(required)]
    pub(crate) peer: Option<String>,
    /// Newest round trip through the data path, milliseconds; null before the first.
    #[schema(required)]
    pub(crate) round_trip_ms: Option<f64>,
    /// Streams open now.
    pub(crate) streams: u32,
    /// How long it has stood, seconds.
    pub(crate) uptime_seconds: u64,
}

/// Bytes and streams since the agent's process started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Traffic {
    /// Bytes from visitors to targets.
    pub(crate) bytes_to_targets: u64,
    /// Bytes from targets to visitors.
    pub(crate) bytes_to_visitors: u64,
    /// Streams opened.
    pub(crate) streams_opened: u64,
    /// Streams open now.
    pub(crate) streams_active: u32,
}

/// The tunnel's state.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Status {
    /// Where the connector stands.
    pub(crate) connection_status: ConnectionStatus,
    /// What the agent dials; no credential in it.
    pub(crate) gateway_url: String,
    /// Of the session that stands, or of the last one.
    #[schema(required, format = "uuid")]
    pub(crate) session_id: Option<String>,
    /// RFC 3339, UTC.
    #[schema(required, format = DateTime)]
    pub(crate) last_connected: Option<String>,
    /// RFC 3339, UTC.
    #[schema(required, format = DateTime)]
    pub(crate) last_disconnected: Option<String>,
    /// Attempts since the last loss; 0 while connected.
    pub(crate) reconnect_attempts: u32,
    /// How long the session has stood; null when there is none.
    #[schema(required)]
    pub(crate) uptime_seconds: Option<u64>,
    /// The agent's version.
    pub(crate) version: String,
    /// Enabled mappings.
    pub(crate) active_mappings: u64,
    /// All mappings.
    pub(crate) total_mappings: u64,
    /// The gateway's version; null before the first session.
    #[schema(required)]
    pub(crate) gateway_version: Option<String>,
    /// Why the newest attempt or session ended, and what to change.
    #[schema(required)]
    pub(crate) last_error: Option<String>,
    /// Whether the agent's version is newer than the gateway's.
    pub(crate) gateway_update_available: bool,
    /// How long the gateway's process has run, seconds.
    #[schema(required)]
    pub(crate) gateway_uptime: Option<u64>,
    /// Links that stand.
    pub(crate) links: Vec<Link>,
    /// Of the links; null when there is none.
    #[schema(required)]
    pub(crate) transport: Option<String>,
    /// Best of the links' newest round trips, milliseconds.
    #[schema(required)]
    pub(crate) round_trip_ms: Option<f64>,
    /// Bytes and streams.
    pub(crate) traffic: Traffic,
    /// Of the stored settings; rises with each change.
    pub(crate) revision: u64,
    /// Newest revision that the gateway has acknowledged; 0 before the first.
    pub(crate) synced_revision: u64,
}

/// A command was taken.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Accepted {
    /// What happens now.
    pub(crate) message: String,
}

/// One slice of time.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatsBucket {
    /// When it began. RFC 3339, UTC.
    #[schema(format = DateTime)]
    pub(crate) at: String,
    /// Requests that ended in it.
    pub(crate) requests: u64,
    /// Of these, failed: status 500 and above, or cut.
    pub(crate) errors: u64,
    /// Bytes from visitors to targets.
    pub(crate) bytes_to_targets: u64,
    /// Bytes from targets to visitors.
    pub(crate) bytes_to_visitors: u64,
    /// 95 of 100 requests took no longer, milliseconds; null without requests.
    #[schema(required)]
    pub(crate) p95_ms: Option<f64>,
}

/// Figures of the last 15 minutes.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LiveStats {
    /// RFC 3339, UTC.
    #[schema(format = DateTime)]
    pub(crate) now: String,
    /// Length of a bucket, seconds.
    pub(crate) bucket_seconds: u64,
    /// Requests a second, over the last minute.
    pub(crate) requests_per_second: f64,
    /// Failed requests a second, over the last minute.
    pub(crate) errors_per_second: f64,
    /// Bytes a second both ways, over the last minute.
    pub(crate) bytes_per_second: f64,
    /// 95 of 100 requests of the window took no longer, milliseconds; null without requests.
    #[schema(required)]
    pub(crate) p95_ms: Option<f64>,
    /// Share of the window's requests that did not fail, 0 to 1; null without requests.
    #[schema(required)]
    pub(crate) success_rate: Option<f64>,
    /// Requests of the window.
    pub(crate) requests: u64,
    /// Failed requests of the window.
    pub(crate) errors: u64,
    /// Oldest first; always the whole window, the newest one still filling.
    pub(crate) buckets: Vec<StatsBucket>,
    /// Newest first; at most 10.
    pub(crate) newest_failures: Vec<RequestEntry>,
}
