//! Troubles of a tunnel, each done for real and timed: shared by the test (few rounds) and the soak (many).

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::console::ConsoleClient;
use crate::process::Process;
use crate::relay::{Ending, Mode, Relay};
use crate::target::{Target, mirror};
use crate::world::World;
use crate::{PATIENCE, within};
use tokio::process::Command;

/// What happens to the tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Its connections are closed.
    Cut,
    /// Its connections are reset.
    Reset,
    /// The agent's end is reset, the gateway hears nothing.
    HalfOpen,
    /// No byte moves, nothing closes.
    Freeze,
    /// No byte reaches the agent.
    FreezeDown,
    /// No byte reaches the gateway.
    FreezeUp,
    /// Cut and refused for so long that the back-off has grown.
    Away,
    /// The gateway is killed and restarted.
    GatewayKilled,
    /// The agent is killed and restarted.
    AgentKilled,
    /// The agent's process is stopped, another of its name starts.
    AgentFrozen,
    /// The target closes and listens again.
    TargetRestarted,
    /// The agent starts, the gateway later.
    AgentFirst,
}

/// Most that may pass between the recovery and the next served request.
pub const BOUND: Duration = Duration::from_secs(5);
/// Heartbeat of both sides here, seconds: a frozen link is noticed within two thirds of it.
const HEARTBEAT: &str = "3";
/// Two probe intervals of [`HEARTBEAT`], and what a loaded machine may add.
const NOTICED: Duration = Duration::from_millis(2000 + 1500);

/// What was seen.
#[derive(Debug, Clone)]
pub struct Report {
    /// Which trouble.
    pub trouble: Trouble,
    /// Seed of the pauses between rounds.
    pub seed: u64,
    /// Time from recovery to the first served request, one a round.
    pub recoveries: Vec<Duration>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sorted = self.recoveries.clone();
        sorted.sort_unstable();
        let (middle, most) = (sorted[sorted.len() / 2], sorted[sorted.len() - 1]);
        write!(
            f,
            "{:?}: {} rounds, seed {}, recovered in {} ms (median), {} ms (most)",
            self.trouble,
            sorted.len(),
            self.seed,
            middle.as_millis(),
            most.as_millis()
        )
    }
}

struct Stage {
    world: World,
    relay: Relay,
    target: Option<Target>,
    target_address: SocketAddr,
    gateway: Option<Process>,
    agent: Process,
    replaced: Vec<Process>,
    console: ConsoleClient,
    database: PathBuf,
}

impl Stage {
    async fn set() -> Self {
        let world = World::new();
        let target = mirror(world.ip()).await;
        let gateway = world.gateway(&[("Gateway__HeartbeatIntervalSeconds", HEARTBEAT)]).await;
        let relay = Relay::start(SocketAddr::new(world.ip(), 0), world.gateway_address()).await;
        let (agent, console) =
            world.agent_via(relay.address(), &[("Agent__HeartbeatIntervalSeconds", HEARTBEAT)]).await;
        let id = console.map("app.test", target.address()).await;
        console.applied(&id).await;
        let (target_address, database) = (target.address(), world.path("agent.db"));
        Self {
            world,
            relay,
            target: Some(target),
            target_address,
            gateway: Some(gateway),
            agent,
            replaced: Vec::new(),
            console,
            database,
        }
    }

    async fn serves(&self) -> bool {
        let request = self.world.try_get("app.test", "/");
        matches!(tokio::time::timeout(Duration::from_secs(1), request).await, Ok(Some(reply)) if reply.status == 200)
    }

    async fn until_served(&self, bound: Duration, what: &str) -> Duration {
        let start = Instant::now();
        within(bound, what, || async { self.serves().await.then_some(()) }).await;
        start.elapsed()
    }

    async fn until_noticed(&self, bound: Duration) {
        within(bound, "the agent notices", || async {
            (self.console.status().await["connectionStatus"] != "Connected").then_some(())
        })
        .await;
    }

    fn start_agent(&mut self) {
        let agent = self.world.agent_named(
            "agent",
            self.world.console_address(),
            self.relay.address(),
            &[("Agent__HeartbeatIntervalSeconds", HEARTBEAT)],
        );
        self.replaced.push(std::mem::replace(&mut self.agent, agent));
    }

    /// Does the trouble, undoes it, and returns when the recovery was.
    async fn trouble(&mut self, trouble: Trouble, random: &mut fastrand::Rng) -> Instant {
        match trouble {
            Trouble::Cut => self.relay.cut(Ending::Close),
            Trouble::Reset => self.relay.cut(Ending::Reset),
            Trouble::HalfOpen => self.relay.cut(Ending::HalfOpen),
            Trouble::Freeze | Trouble::FreezeDown | Trouble::FreezeUp => self.freeze(trouble).await,
            Trouble::Away => {
                self.relay.refuse();
                self.relay.cut(Ending::Reset);
                self.until_noticed(PATIENCE).await;
                tokio::time::sleep(Duration::from_millis(random.u64(8_000..15_000))).await;
                self.relay.restore();
            }
            Trouble::GatewayKilled => {
                self.gateway.as_mut().expect("runs").kill().await;
                self.gateway = Some(self.world.gateway(&[("Gateway__HeartbeatIntervalSeconds", HEARTBEAT)]).await);
            }
            Trouble::AgentKilled => {
                self.agent.kill().await;
                self.start_agent();
            }
            Trouble::AgentFrozen => self.replace_frozen_agent().await,
            Trouble::TargetRestarted => self.restart_target().await,
            Trouble::AgentFirst => {
                self.agent.kill().await;
                self.gateway.take().expect("runs").kill().await;
                self.start_agent();
                crate::target::listening(self.world.console_address()).await;
                self.until_noticed(PATIENCE).await;
                tokio::time::sleep(Duration::from_millis(random.u64(500..6_000))).await;
                self.gateway = Some(self.world.gateway(&[("Gateway__HeartbeatIntervalSeconds", HEARTBEAT)]).await);
            }
        }
        Instant::now()
    }

    async fn freeze(&self, trouble: Trouble) {
        self.relay.set(match trouble {
            Trouble::FreezeDown => Mode::FreezeDown,
            Trouble::FreezeUp => Mode::FreezeUp,
            _ => Mode::Freeze,
        });
        self.until_noticed(NOTICED).await;
        self.relay.restore();
    }

    /// The new agent has a copy of the database: the frozen one may have stopped in the middle of a write, and holds its
    /// lock for as long as it is frozen.
    async fn replace_frozen_agent(&mut self) {
        self.agent.signal("STOP").await;
        let number = self.replaced.len();
        let (from, to) = (self.database.clone(), self.world.path(&format!("agent-{number}.db")));
        let backup = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).backup(sqlite3.connect(sys.argv[2]))";
        let copied =
            Command::new("python3").args(["-c", backup]).arg(&from).arg(&to).status().await.expect("python3 runs");
        assert!(copied.success());
        let connection = format!("Data Source={}", to.display());
        self.database = to;
        // The frozen process keeps its console's port as well.
        let spare = SocketAddr::new(self.world.ip(), 17300 + u16::try_from(number).expect("few"));
        let agent = self.world.agent_named(
            "agent",
            spare,
            self.relay.address(),
            &[("Agent__HeartbeatIntervalSeconds", HEARTBEAT), ("ConnectionStrings__DefaultConnection", &connection)],
        );
        self.replaced.push(std::mem::replace(&mut self.agent, agent));
    }

    async fn restart_target(&mut self) {
        self.target.take().expect("runs").stop().await;
        let reply = self.world.get("app.test", "/").await;
        assert_eq!(reply.status, 502, "{}", reply.text());
        assert_eq!(reply.json()["code"], "target_refused");
        self.target = Some(
            Target::start_at(self.target_address, |mut peer| async move {
                while peer.request().await.is_some() {
                    peer.ok("again").await;
                }
            })
            .await,
        );
    }
}

/// Does one trouble for `rounds` rounds and checks each recovery.
///
/// # Panics
/// If a recovery takes longer than [`BOUND`].
pub async fn run(trouble: Trouble, rounds: u32, seed: u64) -> Report {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut stage = Stage::set().await;
    stage.until_served(PATIENCE, "the tunnel serves before any trouble").await;
    let mut recoveries = Vec::new();
    for round in 0..rounds {
        let recovery = stage.trouble(trouble, &mut random).await;
        let what = format!("{trouble:?}, round {round}, seed {seed}: the tunnel serves again");
        stage.until_served(BOUND, &what).await;
        recoveries.push(recovery.elapsed());
        tokio::time::sleep(Duration::from_millis(random.u64(0..300))).await;
    }
    Report { trouble, seed, recoveries }
}
