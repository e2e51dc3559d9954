//! A desired state that is too large for one sync: what the gateway serves goes on, and each mapping that it does not
//! learn of is told so.

use std::collections::HashMap;
use std::sync::Arc;

use octoporty_proto::control::{Control, ControlError, encode};
use octoporty_proto::model::{DesiredState, Mapping, MappingId, MappingVerdict, Refusal, RefusalCode, SyncReport};

use super::Connector;

/// What the gateway has been told, and what it could not be told.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The newest state that the gateway has acknowledged, in whatever session.
    acknowledged: Option<Arc<DesiredState>>,
    /// Its newest verdicts on that.
    report: SyncReport,
    /// The state that is wanted instead, as long as it is too large.
    too_large: Option<Arc<DesiredState>>,
}

impl Told {
    /// What to send for a wanted state: the state itself; if it is too large, what the gateway had before, or, where
    /// there is nothing before, as many of its mappings as fit.
    pub(super) fn fit(&mut self, wanted: &Arc<DesiredState>) -> Arc<DesiredState> {
        let Err(error) = encoded(DesiredState::clone(wanted)) else {
            self.too_large = None;
            return Arc::clone(wanted);
        };
        tracing::error!(
            revision = wanted.revision.0, mappings = wanted.mappings.len(), %error,
            "the mappings and the landing page are too large for one sync, have fewer; what the gateway serves goes on"
        );
        self.too_large = Some(Arc::clone(wanted));
        self.acknowledged.clone().unwrap_or_else(|| Arc::new(front_of(wanted)))
    }

    /// Whether the wanted state is too large.
    pub(super) const fn is_too_large(&self) -> bool {
        self.too_large.is_some()
    }

    /// The gateway has acknowledged a state.
    pub(super) fn acknowledge(&mut self, state: Arc<DesiredState>) {
        self.acknowledged = Some(state);
    }

    /// Notes the gateway's newest verdicts.
    pub(super) fn note(&mut self, report: SyncReport) {
        self.report = report;
    }

    /// The verdicts on what is wanted.
    pub(super) fn report(&self) -> SyncReport {
        let Some(wanted) = &self.too_large else { return self.report.clone() };
        let served = self.acknowledged.iter().flat_map(|state| &state.mappings);
        let served: HashMap<MappingId, &Mapping> = served.map(|mapping| (mapping.id, mapping)).collect();
        let known: HashMap<MappingId, &MappingVerdict> = self.report.verdicts.iter().map(|(id, v)| (*id, v)).collect();
        let verdict = |mapping: &Mapping| match (served.get(&mapping.id), known.get(&mapping.id)) {
            (Some(same), Some(verdict)) if *same == mapping => (*verdict).clone(),
            (Some(_), _) => left_out("it is served as it was before its change"),
            (None, _) => left_out("it is not served"),
        };
        let verdicts = wanted.mappings.iter().map(|mapping| (mapping.id, verdict(mapping))).collect();
        SyncReport { revision: wanted.revision, verdicts }
    }
}

impl Connector {
    /// Publishes the verdicts on a state of which the gateway learns nothing new.
    pub(super) fn publish_unsent(&self) {
        self.outlets.sync.send_replace(Arc::new(self.told.report()));
    }
}

fn encoded(state: DesiredState) -> Result<(), ControlError> {
    encode(&Control::Sync { request: u64::MAX, state }).map(drop)
}

/// The state with as many of its mappings, from the first on, as fit.
fn front_of(wanted: &DesiredState) -> DesiredState {
    let front = |mappings: usize| DesiredState {
        revision: wanted.revision,
        mappings: wanted.mappings[..mappings].to_vec(),
        landing_page: wanted.landing_page.clone(),
    };
    let (mut fits, mut most) = (0, wanted.mappings.len());
    while fits < most {
        let middle = (fits + most).div_ceil(2);
        if encoded(front(middle)).is_ok() {
            fits = middle;
        } else {
            most = middle - 1;
        }
    }
    front(fits)
}

fn left_out(what: &str) -> MappingVerdict {
    let reason = format!("all mappings and the landing page together are too large for one sync, have fewer; {what}");
    MappingVerdict::Refused(Refusal { code: RefusalCode::Limit, reason })
}
