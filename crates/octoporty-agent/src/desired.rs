//! The desired state: what the console says, or, until it has spoken, what the last run knew.

use std::sync::Arc;

use octoporty_proto::model::{DesiredState, Revision};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::cache::Cache;
use crate::forwarder::Forwarder;

/// Takes the console's word over to the forwarder, the connector and the cache.
#[derive(Debug)]
pub(crate) struct Desired {
    console: watch::Receiver<Arc<DesiredState>>,
    effective: watch::Sender<Arc<DesiredState>>,
    forwarder: Arc<Forwarder>,
}

impl Desired {
    /// Serves the console's first word, or what is cached if it has none yet (revision 0).
    pub(crate) fn new(
        mut console: watch::Receiver<Arc<DesiredState>>,
        cache: Option<&Cache>,
        forwarder: Arc<Forwarder>,
    ) -> (Self, watch::Receiver<Arc<DesiredState>>) {
        let said = Arc::clone(&console.borrow_and_update());
        let cached = || {
            let state = cache?.load()?;
            tracing::info!(
                revision = state.revision.0,
                mappings = state.mappings.len(),
                "serving what the last run knew until the console has spoken"
            );
            Some(Arc::new(state))
        };
        let first = if has_spoken(&said) { said } else { cached().unwrap_or(said) };
        forwarder.serve(&DesiredState::default(), &first);
        let (effective, reader) = watch::channel(first);
        (Self { console, effective, forwarder }, reader)
    }

    /// Until `end`.
    pub(crate) async fn run(mut self, end: CancellationToken) {
        while let Some(Ok(())) = end.run_until_cancelled(self.console.changed()).await {
            let said = Arc::clone(&self.console.borrow_and_update());
            let before = Arc::clone(&self.effective.borrow());
            if has_spoken(&said) && *said != *before {
                tracing::debug!(revision = said.revision.0, mappings = said.mappings.len(), "the mappings changed");
                self.forwarder.serve(&before, &said);
                self.effective.send_replace(said);
            }
        }
    }
}

/// Keeps the cache as new as the desired state, until `end`; the newest is saved before it returns.
pub(crate) async fn run_saver(cache: Cache, mut desired: watch::Receiver<Arc<DesiredState>>, end: CancellationToken) {
    desired.mark_unchanged();
    if has_spoken(&desired.borrow()) {
        desired.mark_changed();
    }
    loop {
        let wanted = end.run_until_cancelled(desired.changed()).await;
        let last = wanted.is_none();
        if (last && !desired.has_changed().unwrap_or(false)) || matches!(wanted, Some(Err(_))) {
            return;
        }
        let state = Arc::clone(&desired.borrow_and_update());
        let file = cache.clone();
        let saved = tokio::task::spawn_blocking(move || file.save(&state)).await;
        if let Err(error) = saved.unwrap_or_else(|panicked| Err(std::io::Error::other(panicked))) {
            tracing::warn!(
                %error, "the desired state could not be cached; the agent serves on, but a start without its console \
                 has nothing newer to serve"
            );
        }
        if last {
            return;
        }
    }
}

fn has_spoken(state: &DesiredState) -> bool {
    state.revision > Revision(0)
}
