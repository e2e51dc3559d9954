//! The product: the shipped binary as a gateway and an agent, default settings, in a world of its own.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use octoporty_e2e::console::ConsoleClient;
use octoporty_e2e::process::Process;
use octoporty_e2e::world::World;

use crate::load::Entry;
use crate::site::Ground;

/// The name that leads to the site.
pub(crate) const SITE: &str = "site.bench.test";
/// The name that leads to the sink.
pub(crate) const SINK: &str = "sink.bench.test";

/// The harness shortens the heartbeat for tests; here is the default again. Everything else that it sets is an
/// address, a key or a file.
pub(crate) const GATEWAY_DEFAULTS: [(&str, &str); 1] = [("Gateway__HeartbeatIntervalSeconds", "30")];
/// The same for agents.
pub(crate) const AGENT_DEFAULTS: [(&str, &str); 1] = [("Agent__HeartbeatIntervalSeconds", "30")];

/// How the agent reaches the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// `ws://`.
    Clear,
    /// `wss://` to the gateway's port for agents (`Gateway__TunnelPort`), with a certificate of its own.
    Tls,
}

/// What an end in order may take.
const ORDERLY: Duration = Duration::from_secs(5);

/// A gateway and an agent that serve site and sink.
#[derive(Debug)]
pub(crate) struct Pair {
    gateway: Process,
    agent: Process,
    console: ConsoleClient,
    world: World,
}

impl Pair {
    /// Starts both and maps site and sink.
    ///
    /// # Errors
    /// If there is no certificate for the link.
    pub(crate) async fn start(ground: &Ground, link: Link) -> Result<Self> {
        let world = World::new().with_own_binary();
        let (gateway, (agent, console)) = match link {
            Link::Clear => (world.gateway(&GATEWAY_DEFAULTS).await, world.agent(&AGENT_DEFAULTS).await),
            Link::Tls => {
                let (port, certificate) = (ground.free().to_string(), ground.certificate());
                let [chain, key, ca] =
                    [certificate.chain(), certificate.key(), certificate.ca()].map(|file| file.display().to_string());
                let [heartbeat] = GATEWAY_DEFAULTS;
                let own = [("Gateway__Tls__CertificateFile", chain.as_str()), ("Gateway__Tls__KeyFile", &key)];
                let gateway = world.gateway(&[heartbeat, ("Gateway__TunnelPort", &port), own[0], own[1]]).await;
                let url = format!("wss://{port}/tunnel");
                let [heartbeat] = AGENT_DEFAULTS;
                (gateway, world.agent(&[heartbeat, ("Agent__GatewayUrl", &url), ("Agent__CaFile", &ca)]).await)
            }
        };
        let pair = Self { gateway, agent, console, world };
        pair.map(SITE, ground.site()).await;
        pair.map(SINK, ground.sink().address()).await;
        Ok(pair)
    }

    /// Maps a name and waits until the gateway serves it.
    pub(crate) async fn map(&self, name: &str, target: SocketAddr) {
        let id = self.console.map(name, target).await;
        self.console.applied(&id).await;
    }

    /// The agent's console.
    #[must_use]
    pub(crate) fn console(&self) -> &ConsoleClient {
        &self.console
    }

    /// How visitors reach a name.
    #[must_use]
    pub(crate) fn entry(&self, host: &str) -> Entry {
        Entry { address: self.world.gateway_address(), host: host.to_owned() }
    }

    /// Bytes of the agent's database, with what waits to be put in its place.
    #[must_use]
    pub(crate) fn database_bytes(&self) -> u64 {
        let files = ["agent.db", "agent.db-wal"];
        files.iter().filter_map(|name| std::fs::metadata(self.world.path(name)).ok()).map(|file| file.len()).sum()
    }

    /// Ends both in order: a binary that counts what it runs (`make profile`) writes that at its end.
    pub(crate) fn end(&mut self) {
        self.agent.end(ORDERLY);
        self.gateway.end(ORDERLY);
    }

    /// Gateway and agent.
    #[must_use]
    pub(crate) fn pids(&self) -> Vec<u32> {
        vec![self.gateway.pid(), self.agent.pid()]
    }
}
