//! Turns what is stored into what the agent syncs. One view of one moment is read from the store after each change and
//! published to the agent (enabled mappings and the landing page) and within the console (all mappings).

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
}

impl Desired {
    /// Publishes what is stored.
    pub(crate) async fn start(store: Arc<Store>, agent: watch::Sender<Arc<DesiredState>>) -> Result<Self, StoreError> {
        let view = watch::Sender::new(Arc::new(View::default()));
        let desired = Self { store, agent, view, reading: Mutex::new(()), again: Notify::new() };
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

    /// To be called after each change. What cannot be read now is tried again by [`Self::run`]: the change itself is
    /// stored, so this is no error of whoever made it.
    pub(crate) async fn changed(&self) {
        if let Err(error) = self.publish().await {
            error!(%error, "a stored change could not be published yet");
            self.again.notify_one();
        }
    }

    async fn publish(&self) -> Result<(), StoreError> {
        let _turn = self.reading.lock().await;
        let view = Arc::new(self.store.view().await?);
        // The agent's caller may have stopped listening; the console serves on.
        self.agent.send_replace(Arc::new(view.desired()));
        self.view.send_replace(view);
        Ok(())
    }

    /// Repeats what failed, until the console stops.
    pub(crate) async fn run(&self, stopping: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = stopping.cancelled() => return,
                () = self.again.notified() => {}
            }
            tokio::select! {
                biased;
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(RETRY) => self.changed().await,
            }
        }
    }
}
