//! One gateway and two hundred agents, each a process of the shipped binary.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use octoporty_e2e::process::Process;
use octoporty_e2e::visitor::Visitor;
use octoporty_e2e::world::World;

use crate::systems::octoporty::{AGENT_DEFAULTS, GATEWAY_DEFAULTS};

/// Agents of a fleet.
pub(crate) const AGENTS: usize = 200;
/// Longest that all of them may take to be connected.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often the gateway is asked how many are there.
const LOOK: Duration = Duration::from_millis(5);
/// Agents that are started before the first of them is waited for: two cores cannot start all at once in good time.
const BATCH: usize = 20;

/// Gateway and agents.
#[derive(Debug)]
pub(crate) struct Fleet {
    agents: Vec<Process>,
    gateway: Process,
    world: World,
    _agents_world: World,
}

/// How long a restart took, from two points on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Restart {
    /// From SIGTERM to the old gateway until the last agent is back.
    pub(crate) from_stop: Duration,
    /// From the start of the new gateway.
    pub(crate) from_start: Duration,
}

/// Waits until the gateway has exactly so many sessions.
///
/// # Errors
/// If it does not within [`PATIENCE`].
pub(crate) async fn sessions(gateway: SocketAddr, count: usize) -> Result<()> {
    let start = Instant::now();
    loop {
        let health = Visitor::try_get(gateway, &gateway.ip().to_string(), "/health").await;
        if health.is_some_and(|health| health.json()["sessions"] == count) {
            return Ok(());
        }
        ensure!(start.elapsed() < PATIENCE, "{count} agents are not connected within {PATIENCE:?}");
        tokio::time::sleep(LOOK).await;
    }
}

impl Fleet {
    /// Starts all, and waits until they are connected.
    ///
    /// # Errors
    /// If one of them is not in time.
    pub(crate) async fn start() -> Result<Self> {
        // Copies of the binary: the gateway's memory shall not look smaller for sharing pages with its agents.
        let (world, agents_world) = (World::new().with_own_binary(), World::new().with_own_binary());
        let gateway = world.gateway(&GATEWAY_DEFAULTS).await;
        let [heartbeat] = AGENT_DEFAULTS;
        let settings = [heartbeat, ("Agent__Console__Enabled", "false")];
        let mut agents = Vec::with_capacity(AGENTS);
        for number in 1..=AGENTS {
            let name = format!("agent-{number}");
            agents.push(agents_world.agent_named(
                &name,
                agents_world.console_address(),
                world.gateway_address(),
                &settings,
            ));
            if number % BATCH == 0 {
                sessions(world.gateway_address(), number).await?;
            }
        }
        sessions(world.gateway_address(), AGENTS).await?;
        Ok(Self { agents, gateway, world, _agents_world: agents_world })
    }

    /// The gateway's process.
    #[must_use]
    pub(crate) fn gateway(&self) -> &Process {
        &self.gateway
    }

    /// Ends the gateway in order, starts it again, and waits until the last agent is back.
    ///
    /// # Errors
    /// If an agent has ended or does not come back.
    pub(crate) async fn restart_gateway(&mut self) -> Result<Restart> {
        let stopped = Instant::now();
        self.gateway.signal("TERM").await;
        self.gateway.wait(PATIENCE).await;
        let started = Instant::now();
        self.gateway = self.world.gateway(&GATEWAY_DEFAULTS).await;
        sessions(self.world.gateway_address(), AGENTS).await?;
        let restart = Restart { from_stop: stopped.elapsed(), from_start: started.elapsed() };
        ensure!(self.agents.iter_mut().all(Process::is_running), "an agent has ended");
        Ok(restart)
    }
}

/// Starts agents of one name again and again: how long from the start of the process to the first answer.
#[derive(Debug)]
pub(crate) struct Starter {
    agent: Option<Process>,
    _gateway: Process,
    world: World,
}

impl Starter {
    /// Starts a gateway, and an agent whose console maps `host` to `target`; then ends the agent.
    ///
    /// # Errors
    /// If the agent does not end.
    pub(crate) async fn prepare(host: &str, target: SocketAddr) -> Result<Self> {
        let world = World::new();
        let gateway = world.gateway(&GATEWAY_DEFAULTS).await;
        let (agent, console) = world.agent(&AGENT_DEFAULTS).await;
        let id = console.map(host, target).await;
        console.applied(&id).await;
        let mut starter = Self { agent: Some(agent), _gateway: gateway, world };
        starter.end().await?;
        Ok(starter)
    }

    async fn end(&mut self) -> Result<()> {
        if let Some(mut agent) = self.agent.take() {
            agent.signal("TERM").await;
            agent.wait(PATIENCE).await;
        }
        sessions(self.world.gateway_address(), 0).await
    }

    /// Starts the agent, waits for the first answer of its target, and ends it.
    ///
    /// # Errors
    /// If no answer comes.
    pub(crate) async fn first_answer(&mut self, host: &str, path: &str) -> Result<Duration> {
        let start = Instant::now();
        let (console, gateway) = (self.world.console_address(), self.world.gateway_address());
        self.agent = Some(self.world.agent_named("agent", console, gateway, &AGENT_DEFAULTS));
        let took = loop {
            let reply = Visitor::try_get(gateway, host, path).await;
            if reply.is_some_and(|reply| reply.status == 200) {
                break start.elapsed();
            }
            ensure!(start.elapsed() < PATIENCE, "no answer within {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        };
        self.end().await?;
        Ok(took)
    }
}
