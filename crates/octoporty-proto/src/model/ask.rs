//! What an agent asks its gateway, and what it is told. A gateway that does not know a question says so
//! ([`Answer::Declined`]); one that knows of no questions at all did not name the feature.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::log::{LogPage, LogQuery};

/// A question. Each has its kind of answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Question {
    /// Have yourself updated; answered by [`Answer::Update`].
    Update(UpdateRequest),
    /// Lines of your log; answered by [`Answer::Log`].
    Log(LogQuery),
    /// The configuration of the Caddy before you; answered by [`Answer::CaddyConfig`].
    CaddyConfig,
    /// A question of a newer agent.
    #[serde(other)]
    Unknown,
}

/// An answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Answer {
    /// To [`Question::Update`].
    Update(UpdateAnswer),
    /// To [`Question::Log`].
    Log(LogPage),
    /// To [`Question::CaddyConfig`].
    CaddyConfig(CaddyAnswer),
    /// To any question: there is no answer.
    Declined(Declined),
    /// An answer of a newer gateway.
    #[serde(other)]
    Unknown,
}

/// Why a gateway does not answer a question.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Declined {
    /// For machines.
    pub code: DeclinedCode,
    /// For people: what to change.
    pub text: String,
}

/// See [`Declined`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeclinedCode {
    /// The gateway does not know the question.
    Unsupported,
    /// Too many questions of this session are being answered.
    Busy,
    /// It was tried and did not work.
    Failed,
    /// A code of a newer gateway.
    #[serde(other)]
    Other,
}

/// A wish to have the gateway updated.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UpdateRequest {
    /// The agent's release: what the gateway shall be afterwards.
    pub target_version: String,
    /// Whether a release that is not newer is taken as well.
    #[serde(default)]
    pub insistence: Insistence,
}

/// Whether an update is wanted at all events.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Insistence {
    /// Only to a newer release.
    #[default]
    IfNewer,
    /// In any case.
    Always,
}

/// What became of the wish.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpdateState {
    /// The host's updater finds the signal.
    Queued,
    /// No; the message says why.
    Rejected,
    /// The updater has not taken the last signal yet.
    AlreadyQueued,
}

/// The gateway's word on the wish.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UpdateAnswer {
    /// What became of it.
    pub state: UpdateState,
    /// The gateway's release now.
    pub current_version: String,
    /// A sentence.
    pub message: String,
}

/// What Caddy's admin API told the gateway; either the configuration or the error is there.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct CaddyAnswer {
    /// The configuration as JSON, secrets masked.
    pub json: Option<String>,
    /// Why there is none: what to change.
    pub error: Option<String>,
    /// Its routes that end in a proxy.
    #[serde(default)]
    pub routes: Vec<CaddyRoute>,
}

/// A route of Caddy's that ends in a proxy.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CaddyRoute {
    /// Where it stands in the configuration: a JSON pointer.
    pub pointer: String,
    /// Names that it is for; empty for all.
    pub hosts: Vec<String>,
    /// Whom Caddy dials.
    pub dials: Vec<String>,
    /// Whether that is this gateway.
    pub destination: CaddyDestination,
}

/// Where a route leads.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CaddyDestination {
    /// To the gateway that tells of it.
    Gateway,
    /// To something else.
    #[serde(other)]
    Elsewhere,
}

/// Why a question got no answer.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum AskError {
    /// No session stands.
    #[error("Not connected to the gateway; the answer is the gateway's to give.")]
    NotConnected,
    /// The gateway's release is too old.
    #[error("The gateway (release {gateway_version}) is too old to be asked this; update it.")]
    Unsupported {
        /// Its release.
        gateway_version: String,
    },
    /// The gateway declined.
    #[error("The gateway gave no answer: {0}")]
    Declined(String),
    /// Too many questions wait for their answers.
    #[error("Too many questions to the gateway wait for their answers; repeat this in a moment.")]
    Busy,
    /// The link was lost meanwhile.
    #[error("The connection to the gateway was lost before it answered.")]
    Lost,
    /// No answer in time.
    #[error("The gateway did not answer within {seconds} s.")]
    TimedOut {
        /// How long was waited.
        seconds: u64,
    },
}
