//! Who is connected, and who serves what.
//!
//! (tunnel, agent name) identifies an agent. Its newest session is the one that counts: a newer one takes over at
//! once, and what an older one does late is fenced by its epoch. The registry is the only writer of the routing
//! snapshot and of the [`Site`]; it works under one lock, off the data path (callers run it on a blocking thread).

mod admit;
mod agents;
mod claims;
mod contest;
mod sync;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use octoporty_proto::model::{AgentName, HostPattern, Hostname, SessionId, SyncReport, TunnelId};

pub(crate) use admit::{Admission, Arrival, Welcomed};

use crate::figures::RegistryFigures;
use crate::routing::RoutingSnapshot;
use crate::session::Session;
use crate::site::Site;
use agents::{AgentEntry, AgentId};
use claims::Claims;

/// Most agents that are away and keep names; the one that is away the longest is forgotten first.
pub(crate) const MAX_AWAY: usize = 10_000;

/// News for an agent that did not ask: a verdict of its changed.
pub(crate) type Notice = (Arc<Session>, SyncReport);

/// How many are connected, for whoever must not wait for the registry.
#[derive(Debug, Default)]
pub(crate) struct Present {
    sessions: AtomicUsize,
    tunnels: AtomicUsize,
}

impl Present {
    /// Sessions that stand.
    pub(crate) fn sessions(&self) -> usize {
        self.sessions.load(Ordering::Relaxed)
    }

    /// Tunnels that have a session.
    pub(crate) fn tunnels(&self) -> usize {
        self.tunnels.load(Ordering::Relaxed)
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Registry {
    inner: Mutex<Inner>,
    present: Present,
    routing: Arc<ArcSwap<RoutingSnapshot>>,
    site: Arc<ArcSwap<Site>>,
}

/// What the registry may not exceed and what it was given.
#[derive(Debug, Clone)]
pub(crate) struct RegistryConfig {
    /// Most sessions.
    pub max_sessions: u32,
    /// Most streams of one session.
    pub max_streams: u32,
    /// Most agents that are away and keep names, see [`MAX_AWAY`].
    pub max_away: usize,
    /// The gateway's own names, if configured: no mapping may have them, and agents' words do not count.
    pub own_names: Vec<Hostname>,
}

#[derive(Debug)]
struct Inner {
    config: RegistryConfig,
    agents: HashMap<AgentId, AgentEntry>,
    by_name: HashMap<(TunnelId, AgentName), AgentId>,
    sessions: HashMap<SessionId, AgentId>,
    /// Sessions of each tunnel that has any.
    tunnels: HashMap<TunnelId, usize>,
    claims: Claims,
    /// The gateway's own names and page, as they are published.
    site: Site,
    next_agent: u64,
    next_epoch: u64,
    /// Counts syncs: the newest landing page wins.
    syncs: u64,
}

impl Registry {
    /// An empty registry that publishes into these.
    pub(crate) fn new(
        config: RegistryConfig,
        routing: Arc<ArcSwap<RoutingSnapshot>>,
        site: Arc<ArcSwap<Site>>,
    ) -> Self {
        // Epochs begin at the time, so that they rise over a restart of the gateway as well.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let inner = Inner {
            config,
            agents: HashMap::new(),
            by_name: HashMap::new(),
            sessions: HashMap::new(),
            tunnels: HashMap::new(),
            claims: Claims::default(),
            site: Site::clone(&site.load()),
            next_agent: 0,
            next_epoch: u64::try_from(now.as_millis()).unwrap_or(0),
            syncs: 0,
        };
        Self { inner: Mutex::new(inner), present: Present::default(), routing, site }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic under the lock leaves at worst one agent's change half made; the next sync repairs it.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many are connected, without a lock.
    pub(crate) fn present(&self) -> &Present {
        &self.present
    }

    /// The sessions that stand, with how many mappings each serves.
    pub(crate) fn sessions(&self) -> Vec<(Arc<Session>, usize)> {
        let inner = self.lock();
        let mut sessions: Vec<_> =
            inner.agents.iter().filter_map(|(id, entry)| Some((entry.session.clone()?, inner.applied(*id)))).collect();
        sessions.sort_by_key(|(session, _)| session.identity().epoch);
        sessions
    }

    /// How many agents there are, and what became of their mappings.
    pub(crate) fn figures(&self) -> RegistryFigures {
        let inner = self.lock();
        let connected = inner.sessions.len();
        let away = inner.agents.values().filter(|entry| entry.session.is_none()).count();
        RegistryFigures { connected, away, mappings: inner.mappings() }
    }

    /// A link of a session has ended; with its last link the session ends, and its names are `away`.
    pub(crate) fn link_ended(&self, session: &Arc<Session>, serial: u64) -> Vec<Notice> {
        let mut inner = self.lock();
        if session.remove_link(serial) > 0 {
            return Vec::new();
        }
        let Some(agent) = inner.current_of(session) else { return Vec::new() };
        inner.leave(agent);
        let touched = inner.settle(agent);
        let mut notices = self.publish(&mut inner, touched);
        notices.retain(|(of, _)| of.id() != session.id());
        let forgotten = inner.forget_idle();
        notices.extend(self.publish(&mut inner, forgotten));
        notices
    }

    /// The agent of a session stops: agents that wait for its names get them.
    pub(crate) fn agent_drains(&self, session: &Arc<Session>) -> Vec<Notice> {
        let mut inner = self.lock();
        session.start_draining();
        let Some(agent) = inner.current_of(session) else { return Vec::new() };
        let touched = inner.settle(agent);
        self.publish(&mut inner, touched)
    }

    /// Puts the own names and the changed hosts into new snapshots, the names first: none of them is served to a
    /// target in between. Gives the news for the agents whose verdicts changed with it.
    fn publish(&self, inner: &mut Inner, mut touched: Touched) -> Vec<Notice> {
        self.present.sessions.store(inner.sessions.len(), Ordering::Relaxed);
        self.present.tunnels.store(inner.tunnels.len(), Ordering::Relaxed);
        self.publish_site(inner, &mut touched);
        if !touched.hosts.is_empty() {
            let changes = touched.hosts.into_iter().map(|host| inner.host_change(host)).collect();
            self.routing.store(Arc::new(self.routing.load().with(changes)));
        }
        touched.agents.into_iter().filter_map(|agent| inner.notice(agent)).collect()
    }

    fn publish_site(&self, inner: &mut Inner, touched: &mut Touched) {
        let site = inner.newest_site();
        if inner.site == site {
            return;
        }
        for name in inner.site.names.symmetric_difference(&site.names) {
            touched.agents.extend(inner.claims.claimants(&HostPattern::Exact(name.clone())));
        }
        inner.site = site.clone();
        self.site.store(Arc::new(site));
    }
}

/// What a change has touched.
#[derive(Debug, Default)]
struct Touched {
    hosts: HashSet<HostPattern>,
    /// Agents whose verdicts changed.
    agents: HashSet<AgentId>,
}

#[cfg(test)]
mod tests;
