//! Turns what is stored into what the agent syncs. One view of one moment is read from the store after each change and
//! published to the agent (enabled mappings and the landing page) and within the console (all mappings).
//!
//! Whoever makes a change publishes it before the answer ([`Desired::changed`]). That may never happen: the request is
//! dropped when its client leaves, and its change is stored all the same. [`Desired::run`] therefore follows the store
//! itself, and what is stored is served, whoever has left.

use std::sync::Arc;
use std::time::Duration;

use octoporty_proto::model::DesiredState;
use tokio::sync::{Mutex, Notify, watch};
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::store::{Store, StoreError, View};

/// Until a view that could not be read is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Publishes the desired state.
pub(crate) struct Desired {
    store: Arc<Store>,
    agent: watch::Sender<Arc<DesiredState>>,
    view: watch::Sender<Arc<View>>,
    /// One reader at a time, so that an older view is never published after a newer one.
    reading: Mutex<()>,
    again: Notify,
    committed: watch::Receiver<u64>,
}

impl Desired {
    /// Publishes what is stored.
    pub(crate) async fn start(store: Arc<Store>, agent: watch::Sender<Arc<DesiredState>>) -> Result<Self, StoreError> {
        let view = watch::Sender::new(Arc::new(View::default()));
        let committed = store.committed();
        let desired = Self { store, agent, view, reading: Mutex::new(()), again: Notify::new(), committed };
        desired.publish().await?;
        Ok(desired)
    }

    /// Everything as it stood after the newest change.
    pub(crate) fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.borrow())
    }

    /// Follows the views.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<View>> {
        self.view.subscribe()
    }

    /// To be called after each change, before it is answered. What cannot be read now is tried again by [`Self::run`]: the change itself is
    /// stored, so this is no error of whoever made it.
    pub(crate) async fn changed(&self) {
        if let Err(error) = self.bring_up_to_date().await {
            error!(%error, "a stored change could not be published yet");
            self.again.notify_one();
        }
    }

    /// Publishes what is stored, if it is newer than what was published.
    async fn bring_up_to_date(&self) -> Result<(), StoreError> {
        let _turn = self.reading.lock().await;
        if self.store.revision().await? == self.view().revision { Ok(()) } else { self.publish().await }
    }

    async fn publish(&self) -> Result<(), StoreError> {
        let view = Arc::new(self.store.view().await?);
        // The agent's caller may have stopped listening; the console serves on.
        self.agent.send_replace(Arc::new(view.desired()));
        self.view.send_replace(view);
        Ok(())
    }

    /// Publishes what nobody else did, and repeats what failed, until the console stops.
    pub(crate) async fn run(&self, stopping: CancellationToken) {
        let mut committed = self.committed.clone();
        loop {
            tokio::select! {
                biased;
                () = stopping.cancelled() => return,
                Ok(()) = committed.changed() => {}
                () = self.again.notified() => tokio::select! {
                    biased;
                    () = stopping.cancelled() => return,
                    () = tokio::time::sleep(RETRY) => {}
                },
            }
            self.changed().await;
        }
    }
}

#[cfg(test)]
mod tests;
