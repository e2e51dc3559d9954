//! Finished requests on their way to the agent's log: batched, bounded, never on a request's path.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use octoporty_proto::control::Control;
use octoporty_proto::model::AccessRecord;
use tokio::sync::Notify;

/// Most records that wait: about two seconds of a busy session; at some 400 bytes each, 1.6 MB.
const MAX_QUEUED: usize = 4096;
/// Most records of one message; at their text limits they are 1.5 MB, well within a control message.
const MAX_BATCH: usize = 256;
/// Longest that a record waits for company.
const MAX_WAIT: Duration = Duration::from_millis(100);

/// What waits to be sent for one session.
#[derive(Debug, Default)]
pub(crate) struct AccessQueue {
    state: Mutex<Queued>,
    /// Told when the queue stops being empty, and when a batch is full.
    news: Notify,
}

#[derive(Debug, Default)]
struct Queued {
    records: Vec<AccessRecord>,
    dropped: u64,
    /// The session has ended: nothing goes out any more.
    closed: bool,
}

impl AccessQueue {
    fn lock(&self) -> MutexGuard<'_, Queued> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues one, or counts it as dropped.
    pub(super) fn push(&self, record: AccessRecord) {
        let length = {
            let mut queued = self.lock();
            if queued.closed || queued.records.len() >= MAX_QUEUED {
                queued.dropped += 1;
                return;
            }
            queued.records.push(record);
            queued.records.len()
        };
        if length == 1 || length == MAX_BATCH {
            self.news.notify_one();
        }
    }

    /// Waits for a batch: until it is full, or its oldest record has waited long enough. `None` once the queue is
    /// closed.
    pub(crate) async fn next_batch(&self) -> Option<Control> {
        self.wait_for(1).await;
        // Running into the bound is the usual way for a batch to be complete.
        if tokio::time::timeout(MAX_WAIT, self.wait_for(MAX_BATCH)).await.is_err() {
            tracing::trace!("batch of access records closed by time");
        }
        let closed = self.lock().closed;
        (!closed).then(|| self.take())
    }

    async fn wait_for(&self, records: usize) {
        loop {
            {
                let queued = self.lock();
                if queued.closed || queued.records.len() >= records {
                    return;
                }
            }
            self.news.notified().await;
        }
    }

    /// The session has ended: what waits is dropped, and so is what comes late.
    pub(crate) fn close(&self) {
        {
            let mut queued = self.lock();
            queued.closed = true;
            queued.records = Vec::new();
        }
        self.news.notify_one();
    }

    fn take(&self) -> Control {
        let mut queued = self.lock();
        let rest = queued.records.len().saturating_sub(MAX_BATCH);
        let records =
            if rest == 0 { std::mem::take(&mut queued.records) } else { queued.records.drain(..MAX_BATCH).collect() };
        let dropped = std::mem::take(&mut queued.dropped);
        Control::Access { records, dropped }
    }

    /// A batch could not be sent: its records count as dropped.
    pub(crate) fn give_up(&self, batch: &Control) {
        if let Control::Access { records, dropped } = batch {
            let lost = u64::try_from(records.len()).unwrap_or(u64::MAX).saturating_add(*dropped);
            let mut queued = self.lock();
            queued.dropped = queued.dropped.saturating_add(lost);
        }
    }
}
