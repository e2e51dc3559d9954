//! Finished requests on their way to the agent's log: batched, bounded, never on a request's path.
//!
//! The queue belongs to the agent and not to one session: what a session could not send, its successor does.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use octoporty_proto::control::Control;
use octoporty_proto::model::AccessRecord;
use tokio::sync::Notify;

/// Most records that wait: about two seconds of a busy agent; at some 400 bytes each, 1.6 MB.
const MAX_QUEUED: usize = 4096;
/// Most records of one message; at their text limits they are 1.5 MB, well within a control message.
const MAX_BATCH: usize = 256;
/// Longest that a record waits for company.
const MAX_WAIT: Duration = Duration::from_millis(100);

/// What waits to be sent to one agent.
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
}

/// Records that leave together.
#[derive(Debug)]
pub(crate) struct Batch {
    records: Vec<AccessRecord>,
    dropped: u64,
}

impl Batch {
    /// The message that carries it.
    pub(crate) fn message(&self) -> Control {
        Control::Access { records: self.records.clone(), dropped: self.dropped }
    }
}

impl AccessQueue {
    fn lock(&self) -> MutexGuard<'_, Queued> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues one, or counts it as dropped.
    pub(crate) fn push(&self, record: AccessRecord) {
        let length = {
            let mut queued = self.lock();
            if queued.records.len() >= MAX_QUEUED {
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

    /// Waits for a batch: until it is full, or its oldest record has waited long enough. Nothing is lost when the
    /// wait is given up.
    pub(crate) async fn next_batch(&self) -> Batch {
        loop {
            self.wait_for(1).await;
            // Running into the bound is the usual way for a batch to be complete.
            if tokio::time::timeout(MAX_WAIT, self.wait_for(MAX_BATCH)).await.is_err() {
                tracing::trace!("batch of access records closed by time");
            }
            if let Some(batch) = self.take() {
                return batch;
            }
        }
    }

    async fn wait_for(&self, records: usize) {
        while self.lock().records.len() < records {
            self.news.notified().await;
        }
    }

    /// What waits now, at most a batch of it.
    pub(crate) fn take(&self) -> Option<Batch> {
        let mut queued = self.lock();
        if queued.records.is_empty() && queued.dropped == 0 {
            return None;
        }
        let records = if queued.records.len() > MAX_BATCH {
            queued.records.drain(..MAX_BATCH).collect()
        } else {
            std::mem::take(&mut queued.records)
        };
        Some(Batch { records, dropped: std::mem::take(&mut queued.dropped) })
    }

    /// Puts a batch that could not be sent back in front; counts as dropped what there is no room for.
    pub(crate) fn put_back(&self, batch: Batch) {
        let mut queued = self.lock();
        let mut records = batch.records;
        records.append(&mut queued.records);
        let lost = records.len().saturating_sub(MAX_QUEUED);
        records.truncate(MAX_QUEUED);
        queued.records = records;
        queued.dropped = queued.dropped.saturating_add(batch.dropped).saturating_add(lost as u64);
        drop(queued);
        // The next session may wait already.
        self.news.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use octoporty_proto::model::MappingId;
    use uuid::Uuid;

    fn record(number: usize) -> AccessRecord {
        AccessRecord {
            mapping: MappingId::from_uuid(Uuid::nil()),
            request_id: number.to_string(),
            at_ms: 0,
            method: "GET".to_owned(),
            host: "a.example.com".to_owned(),
            path: "/".to_owned(),
            query: None,
            status: 200,
            error: None,
            error_detail: None,
            gateway_us: 1,
            first_byte_us: None,
            total_us: 2,
            request_bytes: 0,
            response_bytes: 0,
            client: std::net::IpAddr::from([192, 0, 2, 1]),
            user_agent: None,
        }
    }

    fn ids(batch: &Batch) -> Vec<usize> {
        batch.records.iter().map(|record| record.request_id.parse().unwrap()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn records_wait_for_company_but_not_for_long() {
        let queue = AccessQueue::default();
        queue.push(record(0));
        queue.push(record(1));
        let since = tokio::time::Instant::now();
        assert_eq!(ids(&queue.next_batch().await), [0, 1]);
        assert_eq!(since.elapsed(), MAX_WAIT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_batch_leaves_at_once_and_the_rest_keeps_its_order() {
        let queue = AccessQueue::default();
        (0..MAX_BATCH + 3).for_each(|number| queue.push(record(number)));
        let since = tokio::time::Instant::now();
        assert_eq!(ids(&queue.next_batch().await), (0..MAX_BATCH).collect::<Vec<_>>());
        assert_eq!(since.elapsed(), Duration::ZERO);
        assert_eq!(ids(&queue.next_batch().await), [MAX_BATCH, MAX_BATCH + 1, MAX_BATCH + 2]);
    }

    #[test]
    fn under_pressure_the_newest_are_dropped_and_counted() {
        let queue = AccessQueue::default();
        (0..MAX_QUEUED + 7).for_each(|number| queue.push(record(number)));
        let batch = queue.take().unwrap();
        assert_eq!((batch.records.len(), batch.dropped), (MAX_BATCH, 7));
        assert_eq!(queue.take().unwrap().dropped, 0, "the count is told once");
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_that_comes_back_wakes_the_session_that_waits() {
        let queue = AccessQueue::default();
        queue.push(record(0));
        let batch = queue.take().unwrap();
        // The permit of the push: the next wait is a real one.
        queue.news.notified().await;
        let waiting = async { tokio::time::timeout(Duration::from_secs(60), queue.next_batch()).await };
        let put_back = async {
            tokio::task::yield_now().await;
            queue.put_back(batch);
        };
        let (batch, ()) = tokio::join!(waiting, put_back);
        assert_eq!(ids(&batch.expect("the batch, without a further request")), [0]);
    }

    #[test]
    fn what_could_not_be_sent_comes_first_again() {
        let queue = AccessQueue::default();
        (0..MAX_QUEUED).for_each(|number| queue.push(record(number)));
        let batch = queue.take().unwrap();
        queue.push(record(MAX_QUEUED));
        queue.put_back(batch);
        let again = queue.take().unwrap();
        assert_eq!(ids(&again)[..2], [0, 1]);
        assert_eq!(again.dropped, 1, "one had no room any more");
    }
}
