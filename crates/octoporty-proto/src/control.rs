//! The messages of stream 0: named MessagePack maps, append-only, unknown fields ignored, size-limited before decoding.
//!
//! Each is framed by a 4-byte head (1 byte flags, 3 bytes length); see `docs/PROTOCOL.md`.
//!
//! * `codec`: messages to bytes and back, compressed when large.
//! * `scan`: a look over a message before anything is allocated for it.
//! * `negotiate`: which version and features two peers speak.

mod codec;
mod negotiate;
mod scan;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use codec::{ControlError, Decoder, Envelope, encode};
pub use negotiate::{Common, WelcomeError, negotiate};

use crate::model::{
    AccessRows, AgentName, Answer, DesiredState, Epoch, InstanceId, Question, Revision, SessionId, SyncReport,
};

/// Most bytes of one control message, before and after decompression: what the three bytes of its length can say.
/// A landing page of 1 MiB and 5000 mappings with the longest names that there can be fit.
pub const MAX_MESSAGE: usize = 0x00ff_ffff;

/// Most bytes of one control message of a peer that has not said who it is, before and after decompression: many times a
/// [`Hello`], and decoded within about a millisecond.
pub const FIRST_MESSAGE: usize = 64 * 1024;

/// The newest version of the protocol that this release speaks, and the oldest that it still does.
pub const VERSION: u16 = 1;
/// See [`VERSION`].
pub const OLDEST_VERSION: u16 = 1;

/// What a peer that does not say it is ready to hold for a link, bytes: [`Hello::bytes_in_flight`].
pub const DEFAULT_BYTES_IN_FLIGHT: u64 = 64 * 1024 * 1024;
/// What an agent that does not say it takes, streams of one link: [`Hello::max_streams`].
pub const DEFAULT_MAX_STREAMS: u32 = 16_384;

/// Names of features that may be negotiated.
pub mod feature {
    /// The features of this release.
    pub const ALL: &[&str] = &[LZ4, MULTI_LINK, ASK];

    /// Stream data may be LZ4-compressed.
    pub const LZ4: &str = "lz4";
    /// A session may have more than one link.
    pub const MULTI_LINK: &str = "multi_link";
    /// The agent may ask questions.
    pub const ASK: &str = "ask";
}

/// First message of an agent on every link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Versions that the agent speaks, newest first.
    pub versions: Vec<u16>,
    /// Features that it has.
    pub features: Vec<String>,
    /// Who it is.
    pub name: AgentName,
    /// This run of its process.
    pub instance: InstanceId,
    /// Its release.
    pub agent_version: String,
    /// Set on every further link of a session that stands.
    #[serde(default)]
    pub session: Option<SessionId>,
    /// The gateway's own name as the agent's configuration has it, for the landing page.
    #[serde(default)]
    pub gateway_fqdn: Vec<String>,
    /// What the agent is ready to hold for the whole link, bytes above the floors of its streams; see
    /// [`Hello::in_flight`].
    #[serde(default)]
    pub bytes_in_flight: Option<u64>,
    /// Most streams that it takes on one link; see [`Hello::streams`].
    #[serde(default)]
    pub max_streams: Option<u32>,
}

/// The gateway's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The chosen version.
    pub version: u16,
    /// Features that both have.
    pub features: Vec<String>,
    /// The session that this link belongs to.
    pub session: SessionId,
    /// Orders the sessions of one agent.
    pub epoch: Epoch,
    /// The gateway's release.
    pub gateway_version: String,
    /// Seconds since the gateway's process started.
    pub gateway_uptime_s: u64,
    /// How many links the gateway would like the session to have (its shards).
    pub links: u8,
    /// Most streams that the gateway has open on one link: never more than [`Hello::streams`].
    pub max_streams: u32,
    /// The desired state that the gateway holds for this agent already, if any: nothing need be sent again.
    #[serde(default)]
    pub revision: Option<Revision>,
    /// What the gateway is ready to hold for the whole link, bytes above the floors of its streams; see
    /// [`Welcome::in_flight`].
    #[serde(default)]
    pub bytes_in_flight: Option<u64>,
    /// Whether the link came by a port for agents alone, so that visitors come in elsewhere than the agent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub agents_only: bool,
}

/// Why a link was refused after its credential was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RefusedCode {
    /// No common version.
    Version,
    /// Two live agents of one name keep taking over each other.
    NameContested,
    /// The gateway has as many sessions as it may have.
    TooManySessions,
    /// The session named in Hello is gone; begin a new one.
    UnknownSession,
    /// The gateway is stopping.
    Draining,
    /// Hello was not legal.
    Malformed,
    /// A code of a newer gateway.
    #[serde(other)]
    Other,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// For machines.
    pub code: RefusedCode,
    /// For people: what to change.
    pub text: String,
    /// Seconds to wait before the next attempt, if the gateway knows.
    #[serde(default)]
    pub retry_after_s: Option<u32>,
}

/// Every control message. A message of an unknown type decodes to [`Control::Unknown`] and is ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Control {
    /// Agent -> gateway, first on a link.
    Hello(Hello),
    /// Gateway -> agent.
    Welcome(Welcome),
    /// Gateway -> agent, then the link ends.
    Refused(Refused),
    /// Agent -> gateway: the whole desired state.
    Sync {
        /// Matches the answer.
        request: u64,
        /// What to serve.
        state: DesiredState,
    },
    /// Gateway -> agent: the answer to [`Control::Sync`], and again whenever a verdict changes.
    SyncResult {
        /// Of the request; `None` when a verdict changed by itself (a holder left).
        #[serde(default)]
        request: Option<u64>,
        /// The verdicts.
        report: SyncReport,
    },
    /// Gateway -> agent: finished requests, batched.
    Access {
        /// The records, as [`AccessRows`] packs them.
        rows: AccessRows,
        /// Records dropped under pressure since the last batch.
        #[serde(default)]
        dropped: u64,
    },
    /// Either side: it is stopping; open no more streams, finish those that stand.
    Drain {
        /// A sentence.
        reason: String,
        /// Seconds after which the side is back, if it knows (a restart).
        #[serde(default)]
        back_in_s: Option<u32>,
    },
    /// Gateway -> agent: a newer session of this agent took over.
    TakenOver {
        /// The instance that did.
        by: InstanceId,
    },
    /// Agent -> gateway, where the feature `ask` was negotiated.
    Ask {
        /// Matches the answer.
        request: u64,
        /// What it wants to know or have.
        question: Question,
    },
    /// Gateway -> agent: the answer to [`Control::Ask`], on the same link.
    Answer {
        /// Of the question.
        request: u64,
        /// The answer.
        answer: Answer,
    },
    /// A message of a newer release.
    #[serde(other)]
    Unknown,
}
