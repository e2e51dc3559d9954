//! Rows of the logs, as the API shows them.

use serde::Serialize;
use utoipa::ToSchema;

/// One finished request.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RequestLogEntry)]
pub(crate) struct RequestEntry {
    /// Rises with time; the cursor of `beforeId`.
    pub(crate) id: i64,
    /// Which mapping served it.
    #[schema(format = "uuid")]
    pub(crate) mapping_id: String,
    /// Its name; null when it was deleted.
    #[schema(required)]
    pub(crate) mapping_name: Option<String>,
    /// `X-Octoporty-Request-Id`.
    pub(crate) request_id: String,
    /// Arrival. RFC 3339, UTC.
    #[schema(format = DateTime)]
    pub(crate) at: String,
    /// Method.
    pub(crate) method: String,
    /// Host as the visitor asked for it.
    pub(crate) host: String,
    /// Path without query.
    pub(crate) path: String,
    /// Query without `?`.
    #[schema(required)]
    pub(crate) query: Option<String>,
    /// What the visitor got; 499 when it left first.
    pub(crate) status: u16,
    /// Code of the failure when the gateway made the answer or cut it.
    #[schema(required)]
    pub(crate) error: Option<String>,
    /// Particulars of the failure.
    #[schema(required)]
    pub(crate) error_detail: Option<String>,
    /// Milliseconds in the gateway until the head was on its way to the agent.
    pub(crate) gateway_ms: f64,
    /// Milliseconds from then until the first byte of the answer (tunnel and target).
    #[schema(required)]
    pub(crate) first_byte_ms: Option<f64>,
    /// The tunnel's part of `firstByteMs`: its round trip as last measured, at most `firstByteMs`. Null where nothing
    /// came or it was not measured.
    #[schema(required)]
    pub(crate) tunnel_ms: Option<f64>,
    /// The rest of `firstByteMs`: the agent and the target.
    #[schema(required)]
    pub(crate) target_ms: Option<f64>,
    /// Milliseconds from arrival to the end of the answer.
    pub(crate) total_ms: f64,
    /// Bytes of the request's body.
    pub(crate) request_bytes: u64,
    /// Bytes of the answer's body.
    pub(crate) response_bytes: u64,
    /// The visitor's address.
    pub(crate) client: String,
    /// User agent.
    #[schema(required)]
    pub(crate) user_agent: Option<String>,
}

/// A page of the request log, newest first.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RequestLogPage)]
pub(crate) struct RequestPage {
    /// Newest first.
    pub(crate) items: Vec<RequestEntry>,
    /// Whether older ones match.
    pub(crate) has_more: bool,
    /// `beforeId` of the next page; null when there is none.
    #[schema(required)]
    pub(crate) next_before_id: Option<i64>,
}

/// One session of the agent.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ConnectionLogEntry)]
pub(crate) struct ConnectionEntry {
    /// Rises with time; the cursor of `beforeId`.
    pub(crate) id: i64,
    /// Which session.
    #[schema(format = "uuid")]
    pub(crate) session_id: String,
    /// RFC 3339, UTC.
    #[schema(format = DateTime)]
    pub(crate) started_at: String,
    /// RFC 3339, UTC; null while it stands, or when the agent's process ended without saying so.
    #[schema(required, format = DateTime)]
    pub(crate) ended_at: Option<String>,
    /// How long it stood; null while it stands.
    #[schema(required)]
    pub(crate) duration_seconds: Option<f64>,
    /// `local_stop`, `peer_stop`, `taken_over`, `silent`, `transport_lost`, `protocol_error` or `process_ended`; null
    /// while it stands.
    #[schema(required)]
    pub(crate) end_reason: Option<String>,
    /// A sentence about the end.
    #[schema(required)]
    pub(crate) end_detail: Option<String>,
    /// Whom it was with.
    pub(crate) gateway_url: String,
    /// The gateway's version.
    pub(crate) gateway_version: String,
    /// The agent's version.
    pub(crate) agent_version: String,
    /// `websocket`.
    pub(crate) transport: String,
    /// Most links that stood at once.
    pub(crate) links: u32,
}

/// A page of the connection log, newest first.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ConnectionLogPage)]
pub(crate) struct ConnectionPage {
    /// Newest first.
    pub(crate) items: Vec<ConnectionEntry>,
    /// Whether older ones match.
    pub(crate) has_more: bool,
    /// `beforeId` of the next page; null when there is none.
    #[schema(required)]
    pub(crate) next_before_id: Option<i64>,
}
