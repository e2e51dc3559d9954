//! An agent says what it wants served.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use octoporty_proto::model::{DesiredState, Mapping, MappingId, Refusal, RefusalCode, Revision, SyncReport};

use super::agents::{AgentId, Judged, endpoint_key};
use super::claims::{Claimant, EndpointKey};
use super::{Inner, Notice, Registry, Touched};
use crate::session::Session;

/// Most mappings of one agent. So many fit in one sync message, and are applied in well under a second.
pub(super) const MAX_MAPPINGS: usize = 20_000;

/// What a sync did.
#[derive(Debug)]
pub(crate) struct SyncOutcome {
    /// The answer.
    pub report: SyncReport,
    /// News for other agents.
    pub notices: Vec<Notice>,
}

/// A desired state, judged by itself.
struct Plan {
    judged: Vec<(MappingId, Judged)>,
    claims: HashMap<EndpointKey, Arc<Mapping>>,
}

impl Registry {
    /// Makes what is served follow the agent's state, in one step. `None` when the session is not the agent's
    /// current one any more. A state older than the one that this session sent before changes nothing.
    pub(crate) fn sync(&self, session: &Arc<Session>, state: DesiredState) -> Option<SyncOutcome> {
        let mut inner = self.lock();
        let agent = inner.current_of(session)?;
        if inner.is_stale(agent, session, state.revision) {
            return Some(SyncOutcome { report: inner.report(agent), notices: Vec::new() });
        }
        let plan = Plan::of(state.mappings);
        let touched = inner.apply(agent, plan);
        inner.syncs += 1;
        let serial = inner.syncs;
        let entry = inner.agents.get_mut(&agent)?;
        entry.synced = Some((session.identity().instance, state.revision));
        // A landing page that did not change keeps its place among those of other agents.
        let html = state.landing_page.map(|page| Bytes::from(String::from(page)));
        let known = entry.landing.as_ref().map(|(_, html)| html.clone());
        if known != html {
            entry.landing = html.map(|html| (serial, html));
        }
        entry.slot.set(Some(session.clone()));
        let mut notices = self.publish(&mut inner, touched);
        notices.retain(|(of, _)| of.id() != session.id());
        Some(SyncOutcome { report: inner.report(agent), notices })
    }
}

impl Plan {
    fn of(mappings: Vec<Mapping>) -> Self {
        let mut plan = Self { judged: Vec::with_capacity(mappings.len()), claims: HashMap::new() };
        let mut ids = HashSet::new();
        for mapping in mappings {
            let id = mapping.id;
            let judged = match plan.judge(&mapping) {
                Ok(_) if !ids.insert(id) => {
                    Judged::Refused(refusal(RefusalCode::Duplicate, "two mappings of the agent have one id".to_owned()))
                }
                Ok(key) => {
                    plan.claims.insert(key.clone(), Arc::new(mapping));
                    Judged::Claims(key)
                }
                Err(refused) => Judged::Refused(refused),
            };
            plan.judged.push((id, judged));
        }
        plan
    }

    /// What the state by itself says of a mapping, after those before it.
    fn judge(&self, mapping: &Mapping) -> Result<EndpointKey, Refusal> {
        let Some(key) = endpoint_key(mapping) else {
            let text = "this gateway is older than the agent and does not know this kind of mapping; update it";
            return Err(refusal(RefusalCode::Unsupported, text.to_owned()));
        };
        if let Some(first) = self.claims.get(&key) {
            let text = format!("{:?} has the same domain and path; change one of them", first.name.as_str());
            return Err(refusal(RefusalCode::Duplicate, text));
        }
        if self.claims.len() >= MAX_MAPPINGS {
            let text = format!("an agent may have {MAX_MAPPINGS} mappings; use a second agent for more");
            return Err(refusal(RefusalCode::Limit, text));
        }
        Ok(key)
    }
}

impl Inner {
    fn is_stale(&self, agent: AgentId, session: &Session, revision: Revision) -> bool {
        let synced = self.agents.get(&agent).and_then(|entry| entry.synced);
        synced.is_some_and(|(instance, newest)| instance == session.identity().instance && revision < newest)
    }

    fn apply(&mut self, agent: AgentId, plan: Plan) -> Touched {
        let mut touched = Touched::default();
        let Some(entry) = self.agents.get_mut(&agent) else { return touched };
        entry.judged = plan.judged;
        let old = std::mem::replace(&mut entry.claims, plan.claims.clone());
        for key in old.keys().filter(|key| !plan.claims.contains_key(key)) {
            if self.claims.release(key, agent) {
                self.touch(key, &mut touched);
                self.settle_one(key, &mut touched);
            }
        }
        for (key, mapping) in plan.claims {
            if old.get(&key) != Some(&mapping) {
                let claimant = Claimant { agent, mapping };
                if self.claims.claim(key.clone(), claimant) {
                    touched.hosts.insert(key.host.clone());
                }
            }
            self.settle_one(&key, &mut touched);
        }
        touched
    }
}

fn refusal(code: RefusalCode, reason: String) -> Refusal {
    Refusal { code, reason }
}
