//! What the registry knows of one agent, and how an agent's coming and going changes what is served.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use octoporty_proto::model::{
    Endpoint, HostPattern, Hostname, InstanceId, Mapping, MappingId, MappingVerdict, Refusal, RefusalCode, Revision,
    SyncReport,
};

use super::claims::EndpointKey;
use super::contest::Contest;
use super::{Inner, Notice, Touched};
use crate::routing::{AgentSlot, HostChange, Route, Serving};
use crate::session::Session;
use crate::site::Site;

/// An agent within this process.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub(super) struct AgentId(pub u64);

/// What became of one mapping, as far as the agent's own state decides it.
#[derive(Clone, Debug)]
pub(super) enum Judged {
    /// It claims this endpoint.
    Claims(EndpointKey),
    /// It cannot be served whoever else is there.
    Refused(Refusal),
}

/// One agent, connected or away.
#[derive(Debug)]
pub(super) struct AgentEntry {
    /// Its place in the routing.
    pub slot: Arc<AgentSlot>,
    /// The session that stands.
    pub session: Option<Arc<Session>>,
    /// Which run of the agent sent the state below, and its number; `None` before the first sync.
    pub synced: Option<(InstanceId, Revision)>,
    /// Every mapping of the state, in its order.
    pub judged: Vec<(MappingId, Judged)>,
    /// The endpoints that are claimed.
    pub claims: HashMap<EndpointKey, Arc<Mapping>>,
    /// Its landing page, and when it was synced.
    pub landing: Option<(u64, Bytes)>,
    /// The gateway's names as the agent has them.
    pub fqdn: Vec<Hostname>,
    /// Newest takeovers.
    pub contest: Contest,
    /// Since when it has no session.
    pub away_since: Instant,
}

impl AgentEntry {
    pub(super) fn new(slot: Arc<AgentSlot>, now: Instant) -> Self {
        Self {
            slot,
            session: None,
            synced: None,
            judged: Vec::new(),
            claims: HashMap::new(),
            landing: None,
            fqdn: Vec::new(),
            contest: Contest::default(),
            away_since: now,
        }
    }

    fn is_live(&self) -> bool {
        self.session.as_ref().is_some_and(|session| !session.is_draining())
    }
}

/// A refusal as a label.
const fn word(code: RefusalCode) -> &'static str {
    match code {
        RefusalCode::Taken => "taken",
        RefusalCode::Duplicate => "duplicate",
        RefusalCode::Unsupported => "unsupported",
        RefusalCode::Limit => "limit",
        _ => "other",
    }
}

/// The endpoint of a mapping, if this release knows its kind.
pub(super) fn endpoint_key(mapping: &Mapping) -> Option<EndpointKey> {
    match &mapping.endpoint {
        Endpoint::Http { host, path, .. } => Some(EndpointKey { host: host.clone(), path: path.clone() }),
        _ => None,
    }
}

impl Inner {
    /// The agent whose current session this is; `None` when a newer one took over or it ended.
    pub(super) fn current_of(&self, session: &Session) -> Option<AgentId> {
        let agent = *self.sessions.get(&session.id())?;
        let current = self.agents.get(&agent)?.session.as_ref()?;
        (current.identity().epoch == session.identity().epoch).then_some(agent)
    }

    /// Takes the session out of an agent.
    pub(super) fn leave(&mut self, agent: AgentId) {
        self.end_session(agent);
        if let Some(entry) = self.agents.get(&agent) {
            entry.slot.set(None);
        }
    }

    /// Ends the session of an agent. Its place in the routing is left to whoever comes next.
    pub(super) fn end_session(&mut self, agent: AgentId) {
        let Some(entry) = self.agents.get_mut(&agent) else { return };
        if let Some(session) = entry.session.take() {
            self.sessions.remove(&session.id());
            let tunnel = &session.identity().tunnel;
            if let Some(sessions) = self.tunnels.get_mut(tunnel) {
                *sessions -= 1;
                if *sessions == 0 {
                    self.tunnels.remove(tunnel);
                }
            }
            session.over().cancel();
        }
        entry.away_since = Instant::now();
    }

    /// Gives each endpoint that the agent claims to a live claimant.
    pub(super) fn settle(&mut self, agent: AgentId) -> Touched {
        let keys: Vec<EndpointKey> =
            self.agents.get(&agent).map_or_else(Vec::new, |e| e.claims.keys().cloned().collect());
        let mut touched = Touched::default();
        for key in keys {
            self.settle_one(&key, &mut touched);
        }
        touched
    }

    /// Gives one endpoint to a live claimant, if there is one.
    pub(super) fn settle_one(&mut self, key: &EndpointKey, touched: &mut Touched) {
        let agents = &self.agents;
        let is_live = |agent| agents.get(&agent).is_some_and(AgentEntry::is_live);
        if self.claims.settle(key, is_live) {
            self.touch(key, touched);
        }
    }

    /// The holder of an endpoint changed: the verdict of everybody who claims it did.
    pub(super) fn touch(&self, key: &EndpointKey, touched: &mut Touched) {
        touched.hosts.insert(key.host.clone());
        touched.agents.extend(self.claims.of(key).iter().map(|claimant| claimant.agent));
    }

    /// Forgets agents that are away and hold nothing, and the oldest of too many. A name of the gateway that nobody
    /// else tells is something: its agent would not find its way back if a mapping took it.
    pub(super) fn forget_idle(&mut self) -> Touched {
        let idle = |entry: &AgentEntry| entry.session.is_none() && entry.claims.is_empty() && entry.landing.is_none();
        let busy = self.agents.values().filter(|entry| !idle(entry));
        let mut told: HashSet<Hostname> = busy.flat_map(|entry| entry.fqdn.iter().cloned()).collect();
        let names_count = self.config.own_names.is_empty();
        self.agents.retain(|_, entry| {
            let adds = entry.fqdn.iter().filter(|name| told.insert((*name).clone())).count() > 0;
            !idle(entry) || (names_count && adds)
        });
        let away = self.agents.iter().filter(|(_, entry)| entry.session.is_none());
        let mut away: Vec<(Instant, AgentId)> = away.map(|(id, entry)| (entry.away_since, *id)).collect();
        let mut touched = Touched::default();
        if away.len() > self.config.max_away {
            away.sort_unstable();
            for (_, agent) in &away[..away.len() - self.config.max_away] {
                self.evict(*agent, &mut touched);
            }
        }
        let agents = &self.agents;
        self.by_name.retain(|_, agent| agents.contains_key(agent));
        touched
    }

    fn evict(&mut self, agent: AgentId, touched: &mut Touched) {
        let Some(entry) = self.agents.remove(&agent) else { return };
        for key in entry.claims.keys() {
            if self.claims.release(key, agent) {
                self.touch(key, touched);
            }
        }
    }

    /// The routes of a host as its holders have them.
    pub(super) fn host_change(&self, host: HostPattern) -> HostChange {
        let routes = self.claims.holders(&host).filter_map(|(path, holder)| {
            let slot = self.agents.get(&holder.agent)?.slot.clone();
            Some((path.clone(), Route { mapping: holder.mapping.clone(), serving: Serving::new(slot) }))
        });
        let routes = routes.collect();
        (host, routes)
    }

    /// How many mappings of an agent are served.
    pub(super) fn applied(&self, agent: AgentId) -> usize {
        let Some(entry) = self.agents.get(&agent) else { return 0 };
        entry
            .claims
            .keys()
            .filter(|key| !self.is_own(&key.host))
            .filter(|key| self.claims.of(key).first().is_some_and(|holder| holder.agent == agent))
            .count()
    }

    /// Every mapping of every agent, by kind and verdict.
    pub(super) fn mappings(&self) -> BTreeMap<(&'static str, &'static str), u64> {
        let mut mappings = BTreeMap::new();
        for (agent, entry) in &self.agents {
            for (_, judged) in &entry.judged {
                let (kind, verdict) = match judged {
                    // What this release does not know, or has too many of, was not looked at.
                    Judged::Refused(refusal) => ("unknown", word(refusal.code)),
                    Judged::Claims(key) if self.is_own(&key.host) => ("http", word(RefusalCode::Taken)),
                    Judged::Claims(key) => match self.claims.of(key).first() {
                        Some(holder) if holder.agent != *agent => ("http", word(RefusalCode::Taken)),
                        _ => ("http", "applied"),
                    },
                };
                *mappings.entry((kind, verdict)).or_default() += 1;
            }
        }
        mappings
    }

    /// The verdicts of an agent as they are now.
    pub(super) fn report(&self, agent: AgentId) -> SyncReport {
        let Some(entry) = self.agents.get(&agent) else { return SyncReport::default() };
        let verdicts = entry.judged.iter().map(|(mapping, judged)| {
            let verdict = match judged {
                Judged::Refused(refusal) => MappingVerdict::Refused(refusal.clone()),
                Judged::Claims(key) => self.verdict(agent, key),
            };
            (*mapping, verdict)
        });
        let revision = entry.synced.map(|(_, revision)| revision).unwrap_or_default();
        SyncReport { revision, verdicts: verdicts.collect() }
    }

    fn verdict(&self, agent: AgentId, key: &EndpointKey) -> MappingVerdict {
        if self.is_own(&key.host) {
            let reason = format!(
                "{} is the gateway's own name, where agents connect; choose another domain for the mapping",
                key.host
            );
            return MappingVerdict::Refused(Refusal { code: RefusalCode::Taken, reason });
        }
        let holder = self.claims.of(key).first().map_or(agent, |holder| holder.agent);
        if holder == agent {
            return MappingVerdict::Applied;
        }
        let name = self.agents.get(&holder).map_or("another agent", |entry| entry.slot.agent.as_str());
        let place = if key.path.is_root() { key.host.to_string() } else { format!("{}{}", key.host, key.path) };
        let reason = format!(
            "{place} is served by the agent {name:?}; choose another domain or path, or disable the mapping there"
        );
        MappingVerdict::Refused(Refusal { code: RefusalCode::Taken, reason })
    }

    /// The verdicts of an agent, if it is there to be told and has synced in this session.
    pub(super) fn notice(&self, agent: AgentId) -> Option<Notice> {
        let entry = self.agents.get(&agent)?;
        let session = entry.session.clone()?;
        let (instance, _) = entry.synced?;
        (instance == session.identity().instance).then(|| (session, self.report(agent)))
    }

    /// Whether the name is the gateway's own. A wildcard is not: its other names are served.
    fn is_own(&self, host: &HostPattern) -> bool {
        matches!(host, HostPattern::Exact(name) if self.site.names.contains(name))
    }

    /// The gateway's own names and page: the configured names, else all that agents tell.
    pub(super) fn newest_site(&self) -> Site {
        let names = if self.config.own_names.is_empty() {
            self.agents.values().flat_map(|entry| entry.fqdn.iter().cloned()).collect()
        } else {
            self.config.own_names.iter().cloned().collect()
        };
        let newest = self.agents.values().filter_map(|entry| entry.landing.as_ref()).max_by_key(|(at, _)| *at);
        Site { names, landing: newest.map(|(_, html)| html.clone()) }
    }
}
