//! Records of what happened: one a request, one a session.

mod rows;

use std::net::IpAddr;

pub use rows::{AccessRow, AccessRows, RowError, RowFigures, RowsWriter};
use serde::{Deserialize, Serialize};

use super::{MappingId, SessionId};

/// [`AccessRecord::error`] of a request whose visitor left before the end of the answer: nobody's failure.
pub const VISITOR_LEFT: &str = "visitor_left";

/// One finished request of a mapping. Made by the gateway, kept by the mapping's owner. Texts are cut at the limits
/// given and never hold a body, cookie or credential.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccessRecord {
    /// Which mapping served it.
    pub mapping: MappingId,
    /// `X-Octoporty-Request-Id`; unique.
    pub request_id: String,
    /// Unix time in milliseconds of the request's arrival.
    pub at_ms: u64,
    /// Method; at most 16 bytes.
    pub method: String,
    /// Host as the visitor asked for it; at most 253 bytes.
    pub host: String,
    /// Path without query; at most 2048 bytes.
    pub path: String,
    /// Query without `?`; at most 2048 bytes.
    pub query: Option<String>,
    /// The status that the visitor got; 101 for an upgrade; 499 when the visitor left before the head of the answer.
    pub status: u16,
    /// Code of [`super::FailureCode`] when the gateway made the answer or cut it, or [`VISITOR_LEFT`].
    pub error: Option<String>,
    /// Private particulars of the error.
    pub error_detail: Option<String>,
    /// Microseconds from arrival until the stream to the agent was there and the head sent.
    pub gateway_us: u64,
    /// Microseconds from then until the first byte of the answer (tunnel and target); `None` if none came.
    pub first_byte_us: Option<u64>,
    /// Microseconds from arrival to the end of the answer.
    pub total_us: u64,
    /// Bytes of the request's body.
    pub request_bytes: u64,
    /// Bytes of the answer's body.
    pub response_bytes: u64,
    /// The visitor.
    pub client: IpAddr,
    /// User agent; at most 512 bytes.
    pub user_agent: Option<String>,
    /// Microseconds of [`Self::first_byte_us`] that belong to the tunnel: its round trip as last measured, at most that
    /// time. `None` if it was not measured, nothing came, or the gateway is older.
    pub tunnel_us: Option<u64>,
}

/// Why a session ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EndReason {
    /// This side stopped or was told to reconnect.
    LocalStop,
    /// The other side said goodbye.
    PeerStop,
    /// A newer session of the same agent took over.
    TakenOver,
    /// Probes stayed unanswered.
    Silent,
    /// The transport broke.
    TransportLost,
    /// A protocol error.
    ProtocolError,
}

/// One session of this agent, for the connection log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SessionRecord {
    /// Which session.
    pub session: SessionId,
    /// Unix time in milliseconds of Connected.
    pub started_ms: u64,
    /// Unix time in milliseconds of its end; `None` while it stands.
    pub ended_ms: Option<u64>,
    /// Why it ended.
    pub end: Option<EndReason>,
    /// A sentence about the end.
    pub end_detail: Option<String>,
    /// Whom it was with.
    pub gateway_url: String,
    /// Version of the gateway.
    pub gateway_version: String,
    /// Version of the agent.
    pub agent_version: String,
    /// `websocket`.
    pub transport: String,
    /// Most links that stood at once.
    pub links: u32,
}
