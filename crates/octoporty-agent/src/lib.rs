//! The private side.
//!
//! The cast:
//! * `shard`: the data plane's threads; a link and the sockets of its targets live on one.
//! * `linker`: makes one link: dial, hello, welcome, then its streams to the forwarder and its news to the connector.
//! * `connector`: dials, authenticates, syncs, keeps the session's links up; one loop function a state.
//! * `forwarder`: takes the streams that the gateway opens, dials targets, copies.
//! * `asks`: questions to the gateway and their answers.
//! * `targets`: dialling (happy eyeballs, TLS), rules, health.
//! * `inspect`: the request inspector's probes.
//! * `desired`, `cache`: what shall be served; the newest desired state on disk, for a start without a network.

mod access;
mod asks;
mod cache;
pub mod config;
mod connector;
mod desired;
mod forwarder;
mod inspect;
mod linker;
mod running;
mod shard;
mod status;
mod targets;
mod traffic;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use octoporty_proto::model::{
    AccessRows, AgentStatus, Answer, AskError, DesiredState, MappingId, Probe, ProbeReport, Question, SessionRecord,
    SyncReport, Target, TargetCheck, TargetHealth, TlsVerification,
};
use thiserror::Error;
use tokio::sync::{mpsc, watch};

pub use config::AgentConfig;
use running::Running;

/// Why an agent did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// A file named in the configuration cannot be read or parsed.
    #[error("{path}: {reason}")]
    File {
        /// Which file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// A rule about targets is not one.
    #[error("the target rule {rule:?} cannot be read: {reason}")]
    Rule {
        /// The rule as it was written.
        rule: String,
        /// What is wrong.
        reason: config::RuleError,
    },
    /// The credential cannot stand in a header.
    #[error("the key or token has characters that cannot be sent; it may have visible ASCII characters only")]
    Credential,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// A thread or runtime could not be made.
    #[error("cannot start a worker: {0}")]
    Worker(#[source] std::io::Error),
}

/// What a running agent tells. Each receiver is taken once, by whoever keeps the console.
#[derive(Debug)]
pub struct AgentNews {
    /// The tunnel's state; refreshed at every change and every second.
    pub status: watch::Receiver<Arc<AgentStatus>>,
    /// The gateway's newest verdicts.
    pub sync: watch::Receiver<Arc<SyncReport>>,
    /// What the agent last saw of each target.
    pub targets: watch::Receiver<Arc<HashMap<MappingId, TargetHealth>>>,
    /// Finished requests, in batches; dropped (and counted) when nobody takes them.
    pub access: mpsc::Receiver<AccessRows>,
    /// Sessions: a record when one connects, and with the same id one as each further link joins and one when it ends.
    pub sessions: mpsc::Receiver<SessionRecord>,
}

/// What an agent counts besides its status, since it started.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct AgentFigures {
    /// Attempts to reach the gateway. Compare with the sessions that began.
    pub dials: u64,
    /// Access records that this agent had no room for; the requests were served.
    pub records_dropped: u64,
    /// Access records that the gateway had no room for, as far as it has told.
    pub records_dropped_by_gateway: u64,
    /// What is to be served: the console's word, or that of the cache.
    pub desired: Arc<DesiredState>,
}

/// A running agent. Clones are handles to the same one; when the last is dropped without [`Agent::stop`], it ends
/// without a goodbye.
#[derive(Debug, Clone)]
pub struct Agent {
    running: Arc<Running>,
}

impl Agent {
    /// Starts the connector. Never fails for want of a network or a gateway.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn start(
        config: AgentConfig,
        desired: watch::Receiver<Arc<DesiredState>>,
    ) -> Result<(Self, AgentNews), StartError> {
        let (running, news) = Running::start(config, desired)?;
        Ok((Self { running: Arc::new(running) }, news))
    }

    /// What was counted so far.
    #[must_use]
    pub fn figures(&self) -> AgentFigures {
        self.running.figures()
    }

    /// Drops the session and dials at once, from any state.
    pub fn reconnect(&self) {
        self.running.reconnect();
    }

    /// Dials a target as a stream would, and tells what was seen.
    pub async fn check_target(&self, target: Target, verification: TlsVerification) -> TargetCheck {
        self.running.check_target(target, verification).await
    }

    /// Asks the gateway, over the session that stands.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn ask(&self, question: Question) -> Result<Answer, AskError> {
        self.running.ask(question).await
    }

    /// Makes one request, of a target or by a public name, and tells what came.
    pub async fn probe(&self, probe: Probe) -> ProbeReport {
        self.running.probe(probe).await
    }

    /// Says goodbye, lets streams finish within `grace`, ends every task.
    pub async fn stop(&self, grace: Duration) {
        self.running.stop(grace).await;
    }
}
