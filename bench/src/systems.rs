//! Controls, peers and the product: what visitors reach, and the processes that carry it.

mod bore;
mod caddy;
mod chisel;
mod frp;
mod haproxy;
pub(crate) mod nginx;
pub(crate) mod octoporty;
mod rathole;
mod wstunnel;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use octoporty_e2e::visitor::Visitor;

use crate::daemon::Daemon;
use crate::load::{Entry, bulk};
use crate::programs;
use crate::site::{Ground, Page};
use crate::systems::octoporty::Pair;
use crate::usage;

/// Longest that a system may take to serve its first request.
const START: Duration = Duration::from_secs(15);
/// Blocks (256 KiB) of the upload that is compared.
const VERIFIED_BLOCKS: usize = 32;

/// Every system that a run may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Name {
    /// nginx that serves the site; no tunnel.
    Direct,
    /// nginx before nginx.
    Nginx2,
    /// HAProxy before HAProxy, both only pass TCP on.
    HaproxyTcp2,
    /// The product, clear link.
    Octoporty,
    /// The product, its link over TLS, which the gateway ends.
    OctoportyTls,
    /// rathole, clear.
    Rathole,
    /// rathole over TLS.
    RatholeTls,
    /// bore.
    Bore,
    /// wstunnel over a clear WebSocket.
    Wstunnel,
    /// chisel.
    Chisel,
    /// frp.
    Frp,
    /// Caddy before Caddy.
    Caddy2,
}

impl Name {
    /// All of them, in the report's order.
    pub(crate) const ALL: [Self; 12] = [
        Self::Direct,
        Self::Nginx2,
        Self::HaproxyTcp2,
        Self::Octoporty,
        Self::OctoportyTls,
        Self::Rathole,
        Self::RatholeTls,
        Self::Bore,
        Self::Wstunnel,
        Self::Chisel,
        Self::Frp,
        Self::Caddy2,
    ];

    /// As reports and the command line write it.
    #[must_use]
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Nginx2 => "nginx2",
            Self::HaproxyTcp2 => "haproxy-tcp2",
            Self::Octoporty => "octoporty",
            Self::OctoportyTls => "octoporty-tls",
            Self::Rathole => "rathole",
            Self::RatholeTls => "rathole-tls",
            Self::Bore => "bore",
            Self::Wstunnel => "wstunnel",
            Self::Chisel => "chisel",
            Self::Frp => "frp",
            Self::Caddy2 => "caddy2",
        }
    }

    /// Programs that it needs, beside the binary that is measured.
    #[must_use]
    pub(crate) fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Direct | Self::Nginx2 => &["nginx"],
            Self::HaproxyTcp2 => &["haproxy"],
            Self::Octoporty | Self::OctoportyTls => &[],
            Self::Rathole | Self::RatholeTls => &["rathole"],
            Self::Bore => &["bore"],
            Self::Wstunnel => &["wstunnel"],
            Self::Chisel => &["chisel"],
            Self::Frp => &["frps", "frpc"],
            Self::Caddy2 => &["caddy"],
        }
    }

    /// What it is, for the report.
    #[must_use]
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Direct => "the target itself: nginx, no tunnel",
            Self::Nginx2 => {
                "control: nginx before nginx, kept-alive upstreams, HTTP/1.1, default buffers, access log off"
            }
            Self::HaproxyTcp2 => "control: HAProxy before HAProxy, TCP only",
            Self::Octoporty => "gateway and agent with console, WebSocket link, default settings",
            Self::OctoportyTls => {
                "the same; the agent dials `wss://`, the gateway ends TLS itself (`Gateway__TunnelPort`)"
            }
            Self::Rathole => "peer: TCP tunnel, clear",
            Self::RatholeTls => "peer: TCP tunnel, TLS",
            Self::Bore => "peer: TCP tunnel, clear",
            Self::Wstunnel => "peer: TCP tunnel in a clear WebSocket",
            Self::Chisel => "peer: TCP tunnel in SSH in a WebSocket",
            Self::Frp => "peer: TCP tunnel, TLS (its default)",
            Self::Caddy2 => "peer: Caddy before Caddy, HTTP",
        }
    }
}

/// Public addresses of one system: one for the site, one for uploads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports {
    /// Leads to the site.
    pub(crate) site: SocketAddr,
    /// Leads to the sink.
    pub(crate) sink: SocketAddr,
}

/// A running system.
#[derive(Debug)]
pub(crate) struct System {
    name: Name,
    site: Entry,
    sink: Entry,
    pids: Vec<u32>,
    daemons: Vec<Daemon>,
    pair: Option<Pair>,
}

impl System {
    /// Starts it, and checks that what comes through it is right.
    ///
    /// # Errors
    /// If a program is not installed, does not start, or the bytes are wrong.
    pub(crate) async fn start(name: Name, ground: &mut Ground) -> Result<Self> {
        let ports = Ports { site: ground.free(), sink: ground.free() };
        let mut system = match name {
            Name::Direct => Self::direct(ground)?,
            Name::Octoporty => Self::product(name, Pair::start(ground, octoporty::Link::Clear).await?),
            Name::OctoportyTls => Self::product(name, Pair::start(ground, octoporty::Link::Tls).await?),
            Name::Nginx2 => Self::of(name, ports, nginx::chain(ground, ports)?),
            Name::HaproxyTcp2 => Self::of(name, ports, haproxy::chain(ground, ports)?),
            Name::Rathole => Self::of(name, ports, rathole::tunnel(ground, ports, rathole::Transport::Clear).await?),
            Name::RatholeTls => Self::of(name, ports, rathole::tunnel(ground, ports, rathole::Transport::Tls).await?),
            Name::Bore => Self::of(name, ports, bore::tunnel(ground, ports).await?),
            Name::Wstunnel => Self::of(name, ports, wstunnel::tunnel(ground, ports).await?),
            Name::Chisel => Self::of(name, ports, chisel::tunnel(ground, ports).await?),
            Name::Frp => Self::of(name, ports, frp::tunnel(ground, ports).await?),
            Name::Caddy2 => Self::of(name, ports, caddy::chain(ground, ports)?),
        };
        system.wait().await?;
        for daemon in &mut system.daemons {
            system.pids.extend(daemon.pids()?);
        }
        system.verify(ground).await.with_context(|| format!("{} serves wrong bytes", name.text()))?;
        Ok(system)
    }

    fn of(name: Name, ports: Ports, daemons: Vec<Daemon>) -> Self {
        let entry = |address: SocketAddr| Entry { address, host: address.to_string() };
        Self { name, site: entry(ports.site), sink: entry(ports.sink), pids: Vec::new(), daemons, pair: None }
    }

    fn direct(ground: &Ground) -> Result<Self> {
        ensure!(ground.site().port() > 0, "the site listens");
        Ok(Self::of(Name::Direct, Ports { site: ground.site(), sink: ground.sink().address() }, Vec::new()))
    }

    fn product(name: Name, pair: Pair) -> Self {
        let (site, sink, pids) = (pair.entry(octoporty::SITE), pair.entry(octoporty::SINK), pair.pids());
        Self { name, site, sink, pids, daemons: Vec::new(), pair: Some(pair) }
    }

    /// Which one it is.
    #[must_use]
    pub(crate) fn name(&self) -> Name {
        self.name
    }

    /// Where the site is reached.
    #[must_use]
    pub(crate) fn site(&self) -> &Entry {
        &self.site
    }

    /// Where uploads go.
    #[must_use]
    pub(crate) fn sink(&self) -> &Entry {
        &self.sink
    }

    /// Its processes.
    #[must_use]
    pub(crate) fn pids(&self) -> &[u32] {
        &self.pids
    }

    /// CPU seconds of its processes so far; none when it has none.
    ///
    /// # Errors
    /// If one of them has ended.
    pub(crate) fn cpu_seconds(&self) -> Result<Option<f64>> {
        if self.pids.is_empty() { Ok(None) } else { usage::cpu_seconds(&self.pids).map(Some) }
    }

    /// Memory of its processes in KiB; none when it has none.
    ///
    /// # Errors
    /// If one of them has ended.
    pub(crate) fn pss_kib(&self) -> Result<Option<f64>> {
        if self.pids.is_empty() { Ok(None) } else { usage::pss_kib(&self.pids).map(Some) }
    }

    /// Waits until it serves the small page.
    async fn wait(&mut self) -> Result<()> {
        let start = Instant::now();
        loop {
            let reply = Visitor::try_get(self.site.address, &self.site.host, Page::Small.path());
            let reply = tokio::time::timeout(Duration::from_secs(2), reply).await.ok().flatten();
            if reply.is_some_and(|reply| reply.status == 200) {
                return Ok(());
            }
            for daemon in &mut self.daemons {
                daemon.pids()?;
            }
            if start.elapsed() > START {
                bail!("{} served nothing within {} s", self.name.text(), START.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Compares every page and an upload with what they must be.
    async fn verify(&self, ground: &Ground) -> Result<()> {
        for page in Page::ALL {
            let (entry, file) = (self.site.clone(), ground.file(page));
            let compare = move || -> Result<bool> { Ok(bulk::fetch(&entry, page)? == std::fs::read(file)?) };
            let same = tokio::task::spawn_blocking(compare).await.context("the client's thread ran")??;
            ensure!(same, "{} differs from its file", page.path());
        }
        let sink = self.sink.clone();
        let upload = move || bulk::verify_upload(&sink, VERIFIED_BLOCKS);
        tokio::task::spawn_blocking(upload).await.context("the client's thread ran")?
    }
}

impl Drop for System {
    fn drop(&mut self) {
        if let Some(pair) = &mut self.pair {
            pair.end();
        }
    }
}

/// The program, or an error that names it.
fn program(name: &str) -> Result<PathBuf> {
    programs::find(name).with_context(|| format!("{name} is not installed"))
}
