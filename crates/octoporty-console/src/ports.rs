//! Where the console meets the role it belongs to: channels of model types, joined by the binary.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use octoporty_proto::model::{
    AccessRows, AgentStatus, Answer, AskError, DesiredState, LogSource, MappingId, Probe, ProbeReport, Question,
    SessionRecord, SyncReport, Target, TargetCheck, TargetHealth, TlsVerification,
};
use tokio::sync::{mpsc, watch};

/// What a console may ask of its agent.
pub trait AgentControl: Send + Sync + 'static {
    /// Drop the session and dial at once.
    fn reconnect(&self);

    /// Dial a target and tell what was seen.
    fn check_target(
        &self,
        target: Target,
        verification: TlsVerification,
    ) -> Pin<Box<dyn Future<Output = TargetCheck> + Send + '_>>;

    /// Ask the gateway, over the tunnel.
    fn ask(&self, question: Question) -> Pin<Box<dyn Future<Output = Result<Answer, AskError>> + Send + '_>>;

    /// Make one request, and tell what came. It ends when the future is dropped.
    fn probe(&self, probe: Probe) -> Pin<Box<dyn Future<Output = ProbeReport> + Send + '_>>;
}

/// The content type of what [`MetricsText`] writes.
pub const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Writes the figures of the whole process for `GET /metrics`.
pub trait MetricsText: Send + Sync + 'static {
    /// OpenMetrics, with the console's own figures among the others.
    fn text(&self, console: &ConsoleFigures) -> String;
}

/// What a console counts by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsoleFigures {
    /// Rows of the logs that could not be kept, since the start. Compare with the requests.
    pub rows_dropped: u64,
    /// Whether the database cannot be written at the moment.
    pub database_trouble: bool,
    /// Pages and programs that listen to events now.
    pub event_listeners: usize,
}

/// The agent's side of its console.
pub struct AgentPorts {
    /// The console publishes here what the agent shall serve.
    pub desired: watch::Sender<Arc<DesiredState>>,
    /// The tunnel's state.
    pub status: watch::Receiver<Arc<AgentStatus>>,
    /// The gateway's verdicts.
    pub sync: watch::Receiver<Arc<SyncReport>>,
    /// What the agent last saw of each target.
    pub targets: watch::Receiver<Arc<HashMap<MappingId, TargetHealth>>>,
    /// Finished requests.
    pub access: mpsc::Receiver<AccessRows>,
    /// Sessions.
    pub sessions: mpsc::Receiver<SessionRecord>,
    /// Commands.
    pub control: Arc<dyn AgentControl>,
    /// The agent's own log.
    pub log: Arc<dyn LogSource>,
    /// The figures of the process.
    pub metrics: Arc<dyn MetricsText>,
}
