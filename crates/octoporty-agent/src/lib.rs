//! The private side.
//!
//! The cast:
//! * `connector`: dials, authenticates, syncs, keeps the session's links up; one loop function a state.
//! * `forwarder`: takes the streams that the gateway opens, dials targets, copies.
//! * `targets`: dialling (happy eyeballs, TLS), rules, health.
//! * `cache`: the newest desired state on disk, for a start without a network.

pub mod config;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use octoporty_proto::model::{
    AccessRecord, AgentStatus, DesiredState, MappingId, SessionRecord, SyncReport, Target, TargetCheck, TargetHealth,
    TlsVerification,
};
use thiserror::Error;
use tokio::sync::{mpsc, watch};

pub use config::AgentConfig;

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
    pub access: mpsc::Receiver<Vec<AccessRecord>>,
    /// Sessions: one record when it connects, one with the same id when it ends.
    pub sessions: mpsc::Receiver<SessionRecord>,
}

/// A running agent.
#[derive(Debug, Clone)]
pub struct Agent {
    _private: (),
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
        let _ = (config, desired);
        todo!()
    }

    /// Drops the session and dials at once, from any state.
    pub fn reconnect(&self) {
        todo!()
    }

    /// Dials a target as a stream would, and tells what was seen.
    pub async fn check_target(&self, target: Target, verification: TlsVerification) -> TargetCheck {
        let _ = (target, verification);
        todo!()
    }

    /// Says goodbye, lets streams finish within `grace`, ends every task.
    pub async fn stop(&self, grace: Duration) {
        let _ = grace;
        todo!()
    }
}
