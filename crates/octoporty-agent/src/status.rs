//! The agent's account of its tunnel: facts that the connector sets, figures that are read when it is published, at
//! every change and each second.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use octoporty_proto::model::{AgentStatus, AskError, ConnectionState, LinkStatus, SessionId};
use octoporty_tunnel::link::Link;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::traffic::Traffic;

/// How often figures that move by themselves are published.
const REFRESH: Duration = Duration::from_secs(1);

/// What is known about the gateway since its newest Welcome.
#[derive(Debug, Clone)]
pub(crate) struct GatewayFacts {
    /// Its release.
    pub(crate) version: String,
    /// How long it had run then.
    pub(crate) uptime: Duration,
    /// When it said so.
    pub(crate) said_at: Instant,
    /// Whether it takes questions.
    pub(crate) asking: Asking,
    /// Whether visitors come in elsewhere.
    pub(crate) agents_only: bool,
}

/// Whether a gateway takes questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asking {
    /// It named the feature.
    Welcome,
    /// Its release does not know of any.
    Unknown,
}

/// A link and since when it stands.
#[derive(Debug, Clone)]
pub(crate) struct StandingLink {
    pub(crate) link: Link,
    pub(crate) since: Instant,
}

/// What the connector knows.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) state: ConnectionState,
    pub(crate) session: Option<SessionId>,
    pub(crate) gateway: Option<GatewayFacts>,
    pub(crate) connected_at: Option<Instant>,
    pub(crate) last_connected_ms: Option<u64>,
    pub(crate) last_disconnected_ms: Option<u64>,
    pub(crate) attempts: u32,
    /// Attempts since the start.
    pub(crate) dials: u64,
    pub(crate) last_error: Option<String>,
    pub(crate) links: Vec<StandingLink>,
}

/// Where facts are set and the status is published from.
#[derive(Debug)]
pub(crate) struct StatusBoard {
    gateway_url: String,
    facts: Mutex<Facts>,
    traffic: Traffic,
    out: watch::Sender<Arc<AgentStatus>>,
}

impl StatusBoard {
    /// Nothing has happened yet.
    pub(crate) fn new(gateway_url: String, traffic: Traffic) -> (Arc<Self>, watch::Receiver<Arc<AgentStatus>>) {
        let first = AgentStatus { gateway_url: gateway_url.clone(), ..AgentStatus::default() };
        let (out, reader) = watch::channel(Arc::new(first));
        (Arc::new(Self { gateway_url, facts: Mutex::default(), traffic, out }), reader)
    }

    /// Changes facts and publishes.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Facts)) {
        let mut facts = self.facts();
        change(&mut facts);
        self.publish(&facts);
    }

    /// Publishes each second until `end`.
    pub(crate) async fn run(self: Arc<Self>, end: CancellationToken) {
        let mut ticks = tokio::time::interval(REFRESH);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while end.run_until_cancelled(ticks.tick()).await.is_some() {
            self.publish(&self.facts());
        }
    }

    /// The link that a question to the gateway goes over.
    pub(crate) fn way_to_ask(&self) -> Result<Link, AskError> {
        let facts = self.facts();
        let gateway = facts.gateway.as_ref().filter(|_| facts.state == ConnectionState::Connected);
        let gateway = gateway.ok_or(AskError::NotConnected)?;
        if gateway.asking == Asking::Unknown {
            return Err(AskError::Unsupported { gateway_version: gateway.version.clone() });
        }
        let usable = facts.links.iter().find(|standing| standing.link.is_usable());
        usable.map(|standing| standing.link.clone()).ok_or(AskError::NotConnected)
    }

    /// Attempts since the start.
    pub(crate) fn dials(&self) -> u64 {
        self.facts().dials
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, facts: &Facts) {
        let gateway = facts.gateway.as_ref();
        self.out.send_replace(Arc::new(AgentStatus {
            state: facts.state,
            gateway_url: self.gateway_url.clone(),
            agents_only: gateway.is_some_and(|gateway| gateway.agents_only),
            session: facts.session,
            gateway_version: gateway.map(|gateway| gateway.version.clone()),
            gateway_uptime: gateway.map(|gateway| gateway.uptime + gateway.said_at.elapsed()),
            connected_for: facts.connected_at.map(|since| since.elapsed()),
            last_connected_ms: facts.last_connected_ms,
            last_disconnected_ms: facts.last_disconnected_ms,
            reconnect_attempts: facts.attempts,
            last_error: facts.last_error.clone(),
            links: facts.links.iter().map(StandingLink::status).collect(),
            traffic: self.traffic.totals(),
        }));
    }
}

impl StandingLink {
    fn status(&self) -> LinkStatus {
        let stats = self.link.stats();
        LinkStatus {
            transport: self.link.transport().to_owned(),
            peer: self.link.peer(),
            round_trip: stats.round_trip,
            streams: stats.streams_active,
            up_for: self.since.elapsed(),
        }
    }
}

/// Milliseconds of Unix time.
pub(crate) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
