//! An agent and its console as one thing that starts and stops.
//!
//! The console starts first: a port in use or an unwritable database must end this process before its agent has
//! taken over the session of the one that runs already. The channels are therefore made here, and [`relay`] joins
//! the agent to them once it is there.

mod relay;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use octoporty_agent::{Agent, AgentConfig, AgentNews};
use octoporty_console::{AgentControl, AgentPorts, Console, ConsoleConfig};
use octoporty_proto::model::{
    Answer, AskError, DesiredState, LogSource, Probe, ProbeReport, Question, Target, TargetCheck, TlsVerification,
};
use tokio::sync::watch;

use self::relay::Relay;
use super::StartError;
use crate::metrics::Source;
use crate::metrics::agent::AgentMetrics;
use crate::metrics::tally::Tally;
use crate::settings::agent::AgentSettings;

/// How long the console's own requests may take to finish at the end. The grace is for visitors, and the agent has used
/// it up by then: only [`super::STOP_MARGIN`] is left, in which the last records have to be stored as well.
const CONSOLE_GRACE: Duration = Duration::from_secs(2);

/// A running agent and what belongs to it.
#[derive(Debug)]
pub(crate) struct AgentParts {
    agent: Agent,
    metrics: Arc<AgentMetrics>,
    rest: Rest,
}

/// Who keeps the agent's channels.
#[derive(Debug)]
enum Rest {
    /// The console has them.
    Console { console: Console, relay: Relay },
    /// What comes is counted and kept by nobody; the desired state is what the agent has cached.
    Alone { _desired: watch::Sender<Arc<DesiredState>>, relay: Relay },
}

/// The console's commands, handed on to the agent as soon as there is one.
struct Control(watch::Receiver<Option<Agent>>);

impl Control {
    /// The agent, as soon as there is one; `None` when the process is ending.
    async fn agent(mut place: watch::Receiver<Option<Agent>>) -> Option<Agent> {
        place.wait_for(Option::is_some).await.ok().and_then(|agent| agent.clone())
    }
}

impl AgentControl for Control {
    /// An agent that is not there yet dials anyway.
    fn reconnect(&self) {
        if let Some(agent) = &*self.0.borrow() {
            agent.reconnect();
        }
    }

    fn check_target(
        &self,
        target: Target,
        verification: TlsVerification,
    ) -> Pin<Box<dyn Future<Output = TargetCheck> + Send + '_>> {
        let place = self.0.clone();
        Box::pin(async move {
            match Self::agent(place).await {
                Some(agent) => agent.check_target(target, verification).await,
                // The process is ending; whoever asked does not get to see an answer.
                None => std::future::pending().await,
            }
        })
    }

    fn probe(&self, probe: Probe) -> Pin<Box<dyn Future<Output = ProbeReport> + Send + '_>> {
        let place = self.0.clone();
        Box::pin(async move {
            match Self::agent(place).await {
                Some(agent) => agent.probe(probe).await,
                None => std::future::pending().await,
            }
        })
    }

    fn ask(&self, question: Question) -> Pin<Box<dyn Future<Output = Result<Answer, AskError>> + Send + '_>> {
        let place = self.0.clone();
        Box::pin(async move {
            let agent = Self::agent(place).await.ok_or(AskError::NotConnected)?;
            agent.ask(question).await
        })
    }
}

/// Figures of the agent that tells these news.
fn metrics(news: &AgentNews, agent: watch::Receiver<Option<Agent>>) -> AgentMetrics {
    AgentMetrics {
        started: Instant::now(),
        status: news.status.clone(),
        sync: news.sync.clone(),
        targets: news.targets.clone(),
        tally: Arc::new(Tally::new(agent.clone())),
        agent,
    }
}

impl AgentParts {
    /// Starts all of it, or nothing. The console shows `log`.
    pub(crate) async fn start(settings: AgentSettings, log: Arc<dyn LogSource>) -> Result<Self, StartError> {
        let (desired, receiver) = watch::channel(Arc::new(DesiredState::default()));
        match settings.console {
            Some(console) => Self::with_console(settings.agent, console, log, (desired, receiver)).await,
            None => {
                let (agent, news) = Agent::start(settings.agent, receiver)?;
                let (place, agent_place) = watch::channel(Some(agent.clone()));
                let metrics = Arc::new(metrics(&news, agent_place));
                let relay = Relay::alone(news, Arc::clone(&metrics.tally), place);
                Ok(Self { agent, metrics, rest: Rest::Alone { _desired: desired, relay } })
            }
        }
    }

    async fn with_console(
        agent: AgentConfig,
        console: ConsoleConfig,
        log: Arc<dyn LogSource>,
        (desired, receiver): (watch::Sender<Arc<DesiredState>>, watch::Receiver<Arc<DesiredState>>),
    ) -> Result<Self, StartError> {
        let (place, agent_place) = watch::channel(None);
        let (outlets, news) = relay::channels();
        let metrics = Arc::new(metrics(&news, agent_place.clone()));
        let ports = AgentPorts {
            desired,
            status: news.status,
            sync: news.sync,
            targets: news.targets,
            access: news.access,
            sessions: news.sessions,
            control: Arc::new(Control(agent_place)),
            log,
            metrics: Arc::<AgentMetrics>::clone(&metrics),
        };
        let console = Console::start(console, ports).await?;
        match Agent::start(agent, receiver) {
            Ok((agent, news)) => {
                place.send_replace(Some(agent.clone()));
                let relay = Relay::start(news, outlets, Arc::clone(&metrics.tally), place);
                Ok(Self { agent, metrics, rest: Rest::Console { console, relay } })
            }
            Err(error) => {
                console.stop(Duration::ZERO).await;
                Err(error.into())
            }
        }
    }

    /// Where the console listens, if there is one.
    pub(crate) fn console_addr(&self) -> Option<SocketAddr> {
        match &self.rest {
            Rest::Console { console, .. } => Some(console.local_addr()),
            Rest::Alone { .. } => None,
        }
    }

    /// For a port of its own.
    pub(crate) fn figures(&self) -> Source {
        match &self.rest {
            Rest::Console { console, .. } => self.metrics.source(Some(console.gauge())),
            Rest::Alone { .. } => self.metrics.source(None),
        }
    }

    /// Ends the agent first, so that the console can still write down what became of its last requests.
    pub(crate) async fn stop(self, grace: Duration) {
        self.agent.stop(grace).await;
        match self.rest {
            Rest::Console { console, relay } => {
                relay.stop().await;
                console.stop(grace.min(CONSOLE_GRACE)).await;
            }
            Rest::Alone { relay, .. } => relay.stop().await,
        }
    }
}
