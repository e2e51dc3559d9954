//! What the agent last saw of each mapping's target; told on only when it changes.

use std::collections::HashMap;
use std::sync::Arc;

use octoporty_proto::model::{
    DesiredState, FailureCode, Mapping, MappingId, Scheme, Target, TargetHealth, TlsVerification,
};
use tokio::sync::watch;

use super::dial::DialError;

/// The newest result a mapping.
#[derive(Debug)]
pub(crate) struct HealthBoard {
    seen: watch::Sender<Arc<HashMap<MappingId, TargetHealth>>>,
}

impl HealthBoard {
    /// Nothing seen yet.
    pub(crate) fn new() -> (Self, watch::Receiver<Arc<HashMap<MappingId, TargetHealth>>>) {
        let (seen, reader) = watch::channel(Arc::default());
        (Self { seen }, reader)
    }

    /// Notes what became of a dial, and tells whether that is news.
    pub(crate) fn note(&self, mapping: MappingId, health: TargetHealth) -> bool {
        if self.seen.borrow().get(&mapping) == Some(&health) {
            return false;
        }
        self.seen.send_if_modified(|seen| {
            let changed = seen.get(&mapping) != Some(&health);
            if changed {
                Arc::make_mut(seen).insert(mapping, health);
            }
            changed
        })
    }

    /// Notes that a connection stands. A target that answers HTTP in TLS takes connections too, so that alone does
    /// not make it well again.
    pub(crate) fn note_connected(&self, mapping: &Mapping) -> bool {
        let in_tls = mapping.target.scheme == Scheme::Http
            && self.seen.borrow().get(&mapping.id) == Some(&speaks_tls(&mapping.target));
        !in_tls && self.note(mapping.id, TargetHealth::Up)
    }

    /// Forgets what was seen of mappings that are gone or lead elsewhere now.
    pub(crate) fn forget_changed(&self, before: &DesiredState, now: &DesiredState) {
        let stays: HashMap<MappingId, _> = now.mappings.iter().map(|mapping| (mapping.id, way(mapping))).collect();
        let gone = before.mappings.iter().filter(|old| stays.get(&old.id) != Some(&way(old)));
        let gone: Vec<MappingId> = gone.map(|old| old.id).collect();
        self.seen.send_if_modified(|seen| {
            let changed = gone.iter().any(|id| seen.contains_key(id));
            if changed {
                Arc::make_mut(seen).retain(|id, _| !gone.contains(id));
            }
            changed
        });
    }
}

fn way(mapping: &Mapping) -> (&Target, TlsVerification) {
    (&mapping.target, mapping.verification)
}

/// A failed dial as health.
pub(crate) fn down(error: &DialError) -> TargetHealth {
    TargetHealth::Down { code: error.code().name().to_owned(), reason: error.to_string() }
}

/// An `http` mapping whose target answered in TLS.
pub(crate) fn speaks_tls(target: &Target) -> TargetHealth {
    TargetHealth::Down {
        code: FailureCode::TargetSpeaksTls.as_str().to_owned(),
        reason: format!("{}:{} speaks TLS; change the mapping's protocol to https", target.host, target.port),
    }
}

#[cfg(test)]
mod tests;
