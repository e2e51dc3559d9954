//! What the console's handlers and tasks share.

use std::collections::HashMap;
use std::sync::Arc;

use octoporty_proto::model::{AgentStatus, LogSource, MappingId, SyncReport, TargetHealth};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::Capabilities;
use crate::api::import_export::Transfers;
use crate::api::mappings::live::Verdicts;
use crate::api::turns::Turns;
use crate::auth::Auth;
use crate::clock::Clock;
use crate::config::{MetricsToken, TrustedProxies};
use crate::desired::Desired;
use crate::events::Hub;
use crate::ports::{AgentControl, ConsoleFigures, MetricsText};
use crate::recorder::Recorded;
use crate::store::Store;

/// What the agent says of itself.
pub(crate) struct News {
    /// The tunnel's state.
    pub(crate) status: watch::Receiver<Arc<AgentStatus>>,
    /// The gateway's verdicts.
    pub(crate) sync: watch::Receiver<Arc<SyncReport>>,
    /// What was last seen of each target.
    pub(crate) targets: watch::Receiver<Arc<HashMap<MappingId, TargetHealth>>>,
}

/// The console's insides.
pub(crate) struct App {
    /// The database.
    pub(crate) store: Arc<Store>,
    /// Login and sessions.
    pub(crate) auth: Auth,
    /// What the gateway shall serve.
    pub(crate) desired: Desired,
    /// The events stream.
    pub(crate) hub: Hub,
    /// Figures, and what became of log rows.
    pub(crate) recorded: Arc<Recorded>,
    /// What the agent says.
    pub(crate) news: News,
    /// Commands to the agent.
    pub(crate) control: Arc<dyn AgentControl>,
    /// The agent's own log.
    pub(crate) log: Arc<dyn LogSource>,
    /// The figures of the process.
    pub(crate) metrics: Arc<dyn MetricsText>,
    /// What lets a scraper read them.
    pub(crate) metrics_token: Option<MetricsToken>,
    /// The time.
    pub(crate) clock: Clock,
    /// Whose headers are believed.
    pub(crate) trusted: TrustedProxies,
    /// What this side offers.
    pub(crate) capabilities: Capabilities,
    /// This release.
    pub(crate) version: String,
    /// The gateway's public names.
    pub(crate) gateway_names: Vec<String>,
    /// Where the newest verdicts are.
    pub(crate) verdicts: Verdicts,
    /// Probes of the inspector that may run.
    pub(crate) probes: Semaphore,
    /// Who is asking how much at once.
    pub(crate) turns: Turns,
    /// How many transfers there are.
    pub(crate) transfers: Transfers,
    /// Cancelled when the console stops.
    pub(crate) stopping: CancellationToken,
}

impl App {
    /// What the console counts by itself.
    pub(crate) fn figures(&self) -> ConsoleFigures {
        ConsoleFigures {
            rows_dropped: self.recorded.dropped_rows(),
            database_trouble: self.store.trouble().borrow().is_some(),
            event_listeners: self.hub.listeners(),
        }
    }
}
