//! Whether a mapping works now, from what the agent, the gateway and the store know.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use octoporty_proto::model::{
    AgentStatus, ConnectionState, Endpoint, HostPattern, MappingId, MappingVerdict, PrefixHandling, Refusal,
    RefusalCode, SyncReport, TargetHealth, TlsVerification,
};

use super::resource::{
    LiveState, LiveStateName, MappingKind, MappingResource, MappingState, Protocol, SyncState, SyncStateName,
    host_header_text,
};
use crate::app::App;
use crate::clock::rfc3339;
use crate::store::StoredMapping;

/// Where in a report each mapping's verdict is.
type Places = HashMap<MappingId, usize>;

/// The places of the newest report, made once for all that look into it: a report has up to 20 000 verdicts in a list,
/// and a page that shows as many mappings would search it as often.
#[derive(Default)]
pub(crate) struct Verdicts {
    newest: Mutex<Option<(Arc<SyncReport>, Arc<Places>)>>,
}

impl Verdicts {
    fn places(&self, report: &Arc<SyncReport>) -> Arc<Places> {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, places)) = &*newest
            && Arc::ptr_eq(known, report)
        {
            return Arc::clone(places);
        }
        let places = Arc::new(report.verdicts.iter().enumerate().map(|(at, (id, _))| (*id, at)).collect());
        *newest = Some((Arc::clone(report), Arc::clone(&places)));
        places
    }
}

/// What surrounds the mappings at one moment.
pub(crate) struct Surroundings {
    status: Arc<AgentStatus>,
    sync: Arc<SyncReport>,
    verdicts: Arc<Places>,
    targets: Arc<HashMap<MappingId, TargetHealth>>,
}

impl Surroundings {
    /// As it is now.
    pub(crate) fn of(app: &App) -> Self {
        let sync = Arc::clone(&app.news.sync.borrow());
        Self {
            status: Arc::clone(&app.news.status.borrow()),
            verdicts: app.verdicts.places(&sync),
            sync,
            targets: Arc::clone(&app.news.targets.borrow()),
        }
    }

    /// The live part of a mapping.
    pub(crate) fn state_of(&self, stored: &StoredMapping) -> MappingState {
        let sync = self.sync_of(stored);
        let live = self.live_of(stored, &sync);
        MappingState { id: stored.mapping.id.to_string(), sync, live }
    }

    /// A mapping as the API shows it.
    pub(crate) fn resource_of(&self, stored: &StoredMapping) -> MappingResource {
        let MappingState { id, sync, live } = self.state_of(stored);
        let mapping = &stored.mapping;
        let (external_domain, path_prefix, strip_prefix) = match &mapping.endpoint {
            Endpoint::Http { host, path, prefix } => {
                (host.to_string(), path.to_string(), *prefix == PrefixHandling::Strip)
            }
            other => unreachable!("the store makes no {other:?}"),
        };
        MappingResource {
            id,
            name: mapping.name.to_string(),
            kind: MappingKind::Http,
            external_domain,
            path_prefix,
            strip_prefix,
            external_port: None,
            internal_host: String::from(mapping.target.host.clone()),
            internal_port: mapping.target.port.get(),
            internal_protocol: Protocol::from(mapping.target.scheme),
            allow_invalid_certificates: mapping.verification == TlsVerification::AcceptInvalid,
            host_header: host_header_text(&mapping.host_header).to_owned(),
            compression: mapping.compression.into(),
            enabled: stored.enabled,
            public_url: self.public_url(&mapping.endpoint),
            sync,
            live,
            created_at: rfc3339(stored.created_ms),
            updated_at: rfc3339(stored.updated_ms),
        }
    }

    fn sync_of(&self, stored: &StoredMapping) -> SyncState {
        let state = |state| SyncState { state, code: None, reason: None };
        if self.sync.revision < stored.revision {
            return state(SyncStateName::Pending);
        }
        if !stored.enabled {
            return state(SyncStateName::Applied);
        }
        let place = self.verdicts.get(&stored.mapping.id);
        match place.map(|at| &self.sync.verdicts[*at].1) {
            None => state(SyncStateName::Pending),
            Some(MappingVerdict::Applied) => state(SyncStateName::Applied),
            Some(MappingVerdict::Refused(Refusal { code, reason })) => SyncState {
                state: SyncStateName::Refused,
                code: Some(refusal_text(*code).to_owned()),
                reason: Some(reason.clone()),
            },
        }
    }

    /// What is wrong nearest to the visitor comes first.
    fn live_of(&self, stored: &StoredMapping, sync: &SyncState) -> LiveState {
        let state = |state| LiveState { state, code: None, reason: None };
        if !stored.enabled {
            return state(LiveStateName::Disabled);
        }
        if self.status.state != ConnectionState::Connected {
            let reason = self.status.last_error.clone();
            let reason = reason.unwrap_or_else(|| "The agent is not connected to its gateway.".to_owned());
            return LiveState { state: LiveStateName::AgentAway, code: None, reason: Some(reason) };
        }
        match sync.state {
            SyncStateName::Refused => {
                return LiveState {
                    state: LiveStateName::Refused,
                    code: sync.code.clone(),
                    reason: sync.reason.clone(),
                };
            }
            SyncStateName::Pending => {
                let reason = "The gateway has not acknowledged the newest change yet.".to_owned();
                return LiveState { state: LiveStateName::Unknown, code: None, reason: Some(reason) };
            }
            SyncStateName::Applied => {}
        }
        match self.targets.get(&stored.mapping.id) {
            Some(TargetHealth::Up) => state(LiveStateName::Ok),
            Some(TargetHealth::Down { code, reason }) => {
                LiveState { state: LiveStateName::TargetDown, code: Some(code.clone()), reason: Some(reason.clone()) }
            }
            Some(TargetHealth::Unknown) | None => {
                let reason = "Nothing was sent to the target yet.".to_owned();
                LiveState { state: LiveStateName::Unknown, code: None, reason: Some(reason) }
            }
        }
    }

    /// Visitors reach the gateway where the agent does, in TLS if the agent does. Where that is a port for agents alone
    /// they come by a name's usual port.
    fn public_url(&self, endpoint: &Endpoint) -> Option<String> {
        let Endpoint::Http { host: HostPattern::Exact(host), path, .. } = endpoint else { return None };
        if self.status.agents_only {
            return Some(format!("https://{host}{path}"));
        }
        let gateway: http::Uri = self.status.gateway_url.parse().ok()?;
        let (scheme, default_port) = match gateway.scheme_str()? {
            "wss" | "https" => ("https", 443),
            _ => ("http", 80),
        };
        let port = gateway.port_u16().filter(|port| *port != default_port);
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        Some(format!("{scheme}://{host}{port}{path}"))
    }
}

/// The word of the wire.
fn refusal_text(code: RefusalCode) -> &'static str {
    match code {
        RefusalCode::Taken => "taken",
        RefusalCode::Duplicate => "duplicate",
        RefusalCode::Unsupported => "unsupported",
        RefusalCode::Limit => "limit",
        _ => "other",
    }
}

impl From<octoporty_proto::model::Scheme> for Protocol {
    fn from(scheme: octoporty_proto::model::Scheme) -> Self {
        match scheme {
            octoporty_proto::model::Scheme::Http => Self::Http,
            octoporty_proto::model::Scheme::Https => Self::Https,
        }
    }
}

#[cfg(test)]
mod tests;
