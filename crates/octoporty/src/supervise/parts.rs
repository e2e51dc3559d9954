//! An agent and its console, joined by channels.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use octoporty_agent::{Agent, AgentNews};
use octoporty_console::{AgentControl, AgentPorts, Console};
use octoporty_proto::model::{DesiredState, Target, TargetCheck, TlsVerification};
use tokio::sync::watch;

use super::StartError;
use crate::settings::agent::AgentSettings;

/// A running agent and what belongs to it.
#[derive(Debug)]
pub(crate) struct AgentParts {
    agent: Agent,
    rest: Rest,
}

/// Who keeps the agent's channels.
#[derive(Debug)]
enum Rest {
    /// The console has them.
    Console(Console),
    /// Nobody reads the news; the desired state is what the agent has cached.
    Alone { _desired: watch::Sender<Arc<DesiredState>>, _news: AgentNews },
}

/// The console's commands, handed on to the agent.
struct Control(Agent);

impl AgentControl for Control {
    fn reconnect(&self) {
        self.0.reconnect();
    }

    fn check_target(
        &self,
        target: Target,
        verification: TlsVerification,
    ) -> Pin<Box<dyn Future<Output = TargetCheck> + Send + '_>> {
        Box::pin(self.0.check_target(target, verification))
    }
}

impl AgentParts {
    /// Starts the agent and then its console, which hands it the desired state. If the console cannot start, the
    /// agent is ended again.
    pub(crate) async fn start(settings: AgentSettings) -> Result<Self, StartError> {
        let (desired, receiver) = watch::channel(Arc::new(DesiredState::default()));
        let (agent, news) = Agent::start(settings.agent, receiver)?;
        let Some(config) = settings.console else {
            return Ok(Self { agent, rest: Rest::Alone { _desired: desired, _news: news } });
        };
        let ports = AgentPorts {
            desired,
            status: news.status,
            sync: news.sync,
            targets: news.targets,
            access: news.access,
            sessions: news.sessions,
            control: Arc::new(Control(agent.clone())),
        };
        match Console::start(config, ports).await {
            Ok(console) => Ok(Self { agent, rest: Rest::Console(console) }),
            Err(error) => {
                agent.stop(Duration::ZERO).await;
                Err(error.into())
            }
        }
    }

    /// Where the console listens, if there is one.
    pub(crate) fn console_addr(&self) -> Option<SocketAddr> {
        match &self.rest {
            Rest::Console(console) => Some(console.local_addr()),
            Rest::Alone { .. } => None,
        }
    }

    /// Ends the agent first, so that the console can still write down what became of its last requests.
    pub(crate) async fn stop(self, grace: Duration) {
        self.agent.stop(grace).await;
        if let Rest::Console(console) = self.rest {
            console.stop(grace).await;
        }
    }
}
