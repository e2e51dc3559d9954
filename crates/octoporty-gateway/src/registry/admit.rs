//! An agent's link says hello: a new session, one more link of a session, or a refusal.

use std::sync::Arc;
use std::time::Instant;

use octoporty_proto::control::{Common, Hello, Refused, RefusedCode, negotiate};
use octoporty_proto::model::{Epoch, Hostname, Revision, SessionId, TunnelId};
use uuid::Uuid;

use super::agents::{AgentEntry, AgentId};
use super::contest::{self, Verdict};
use super::{Inner, Notice, Registry};
use crate::routing::AgentSlot;
use crate::session::{Session, SessionIdentity, SessionLink};

/// Most names of the gateway that one agent may tell.
const MAX_FQDN: usize = 16;
/// Most links of one session: twice as many as an agent makes, since one that its agent has lost and made anew stands
/// here until its silence is noticed.
pub(super) const MAX_LINKS: usize = 16;
/// When an agent that has too many links should try again, seconds.
const RETRY_LINK_S: u32 = 30;
/// When an agent that found no place should try again, seconds: sessions come free by people's doing.
const RETRY_FULL_S: u32 = 30;

/// A link that said hello.
#[derive(Debug)]
pub(crate) struct Arrival {
    /// What its credential is for.
    pub tunnel: TunnelId,
    /// Its first message.
    pub hello: Hello,
    /// The link.
    pub link: SessionLink,
    /// When.
    pub now: Instant,
}

/// An accepted link.
#[derive(Debug)]
pub(crate) struct Welcomed {
    /// The session that the link belongs to.
    pub session: Arc<Session>,
    /// Whether it is the first link of the session.
    pub first: bool,
    /// The version and features of the link.
    pub common: Common,
    /// The state that is held for this run of the agent already.
    pub revision: Option<Revision>,
    /// The session that was taken over: it must be told and closed.
    pub replaced: Option<Arc<Session>>,
    /// News for others.
    pub notices: Vec<Notice>,
}

/// What becomes of a link.
#[derive(Debug)]
pub(crate) enum Admission {
    /// It is in.
    Welcome(Box<Welcomed>),
    /// It is not; the link must be told and closed.
    Refused(Refused),
}

impl Registry {
    /// Judges a link's hello and takes it in.
    pub(crate) fn admit(&self, arrival: Arrival) -> Admission {
        let common = match negotiate(&arrival.hello) {
            Ok(common) => common,
            Err(refused) => return Admission::Refused(refused),
        };
        let mut inner = self.lock();
        if let Some(session) = arrival.hello.session {
            return inner.join(session, arrival, common);
        }
        let agent = inner.agent_of(&arrival);
        if let Some(refused) = inner.judge(agent, &arrival) {
            let forgotten = inner.forget_idle();
            // Only what held nothing can have gone here, as nobody has left.
            debug_assert!(forgotten.hosts.is_empty());
            return Admission::Refused(refused);
        }
        let replaced = inner.agents.get(&agent).and_then(|entry| entry.session.clone());
        inner.end_session(agent);
        let (session, revision) = inner.enter(agent, &arrival);
        let touched = inner.settle(agent);
        let mut notices = self.publish(&mut inner, touched);
        notices.retain(|(of, _)| of.id() != session.id());
        Admission::Welcome(Box::new(Welcomed { session, first: true, common, revision, replaced, notices }))
    }
}

impl Inner {
    /// One more link of a session that stands.
    fn join(&mut self, id: SessionId, arrival: Arrival, common: Common) -> Admission {
        let agent = self.sessions.get(&id).copied();
        let session = agent.and_then(|agent| self.agents.get(&agent)?.session.clone());
        let Some(session) = session.filter(|session| is_of(session, &arrival)) else {
            let text = "the session has ended; begin a new one".to_owned();
            return refuse(RefusedCode::UnknownSession, text, Some(0));
        };
        if session.links().len() >= MAX_LINKS {
            let text = format!("the session has {MAX_LINKS} links, and may not have more");
            return refuse(RefusedCode::Other, text, Some(RETRY_LINK_S));
        }
        session.add_link(arrival.link);
        let revision = agent.and_then(|agent| self.held(agent, &session));
        let notices = Vec::new();
        Admission::Welcome(Box::new(Welcomed { session, first: false, common, revision, replaced: None, notices }))
    }

    fn agent_of(&mut self, arrival: &Arrival) -> AgentId {
        let key = (arrival.tunnel.clone(), arrival.hello.name.clone());
        if let Some(agent) = self.by_name.get(&key) {
            return *agent;
        }
        let agent = AgentId(self.next_agent);
        self.next_agent += 1;
        let slot = Arc::new(AgentSlot::new(key.1.clone()));
        self.agents.insert(agent, AgentEntry::new(slot, arrival.now));
        self.by_name.insert(key, agent);
        agent
    }

    fn judge(&mut self, agent: AgentId, arrival: &Arrival) -> Option<Refused> {
        let full = self.sessions.len() >= self.config.max_sessions as usize;
        let entry = self.agents.get_mut(&agent)?;
        let Some(holder) = &entry.session else {
            return full.then(|| Refused {
                code: RefusedCode::TooManySessions,
                text: "the gateway has as many sessions as it may have; raise Gateway__Limits__MaxSessions".to_owned(),
                retry_after_s: Some(RETRY_FULL_S),
            });
        };
        let (loser, newcomer) = (holder.identity().instance, arrival.hello.instance);
        if loser == newcomer || !holder.is_alive() {
            return None;
        }
        let verdict = entry.contest.judge(loser, newcomer, arrival.now);
        (verdict == Verdict::Refuse).then(|| Refused {
            code: RefusedCode::NameContested,
            text: format!(
                "two agents that run at the same time are both named {:?} and keep taking over each other; \
                 give one of them another name with Agent__Name",
                arrival.hello.name.as_str()
            ),
            retry_after_s: u32::try_from(contest::WINDOW.as_secs()).ok(),
        })
    }

    /// Makes the agent's new session.
    fn enter(&mut self, agent: AgentId, arrival: &Arrival) -> (Arc<Session>, Option<Revision>) {
        let hello = &arrival.hello;
        let identity = SessionIdentity {
            id: SessionId::from_uuid(Uuid::new_v4()),
            tunnel: arrival.tunnel.clone(),
            agent: hello.name.clone(),
            epoch: Epoch(self.next_epoch),
            instance: hello.instance,
            agent_version: hello.agent_version.clone(),
        };
        self.next_epoch += 1;
        let access = self.agents.get(&agent).map(|entry| entry.slot.access.clone()).unwrap_or_default();
        let session = Arc::new(Session::new(identity, self.config.max_streams, access));
        session.add_link(arrival.link.clone());
        self.sessions.insert(session.id(), agent);
        *self.tunnels.entry(arrival.tunnel.clone()).or_default() += 1;
        let held = self.held(agent, &session);
        let entry = self.agents.get_mut(&agent).expect("made by agent_of under the same lock");
        entry.session = Some(session.clone());
        entry.fqdn =
            hello.gateway_fqdn.iter().filter_map(|name| Hostname::from_authority(name)).take(MAX_FQDN).collect();
        // Another run of the agent has its own idea of its mappings: they serve from its first sync on. The same run
        // takes its place over in one step: no request finds nobody in between.
        entry.slot.set(held.is_some().then(|| session.clone()));
        (session, held)
    }

    /// The state that this run of the agent has synced already.
    fn held(&self, agent: AgentId, session: &Session) -> Option<Revision> {
        let (instance, revision) = self.agents.get(&agent)?.synced?;
        (instance == session.identity().instance).then_some(revision)
    }
}

fn is_of(session: &Session, arrival: &Arrival) -> bool {
    let identity = session.identity();
    identity.tunnel == arrival.tunnel
        && identity.agent == arrival.hello.name
        && identity.instance == arrival.hello.instance
}

fn refuse(code: RefusedCode, text: String, retry_after_s: Option<u32>) -> Admission {
    Admission::Refused(Refused { code, text, retry_after_s })
}
