//! Finished requests on their way to the agent's log: batched, bounded, never on a request's path.
//!
//! The queue belongs to the agent and not to one session: what a session could not send, its successor does. A request
//! leaves its row in the bytes of the batch that is being filled; nothing is allocated for a single one.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use octoporty_proto::control::Control;
use octoporty_proto::model::{AccessRow, AccessRows, RowsWriter};
use tokio::sync::Notify;

/// Most bytes of rows that wait: at some 150 bytes each, the last quarter of a second of a gateway at its limit, and
/// hours of a quiet site whose agent is away.
const MAX_QUEUED: usize = 2 * 1024 * 1024;
/// Bytes at which a batch is full; at a row's limits it has one row more, of at most 6 KiB.
const FULL_BATCH: usize = 64 * 1024;
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
    /// Full batches, and those that were put back; oldest first.
    batches: VecDeque<AccessRows>,
    /// The batch that is being filled; newer than all others.
    open: RowsWriter,
    bytes: usize,
    dropped: u64,
}

/// Records that leave together.
#[derive(Debug)]
pub(crate) struct Batch {
    rows: AccessRows,
    dropped: u64,
}

impl Batch {
    /// The message that carries it.
    pub(crate) fn message(&self) -> Control {
        Control::Access { rows: self.rows.clone(), dropped: self.dropped }
    }
}

impl Queued {
    fn has_rows(&self) -> bool {
        !self.batches.is_empty() || !self.open.is_empty()
    }

    fn has_whole_batch(&self) -> bool {
        !self.batches.is_empty()
    }

    fn pop_oldest(&mut self) -> AccessRows {
        let rows = self.batches.pop_front().unwrap_or_else(|| self.open.finish());
        self.bytes -= rows.bytes().len();
        rows
    }

    /// Gives how many went.
    fn drop_newest(&mut self) -> u64 {
        let rows = if self.open.is_empty() { self.batches.pop_back().unwrap_or_default() } else { self.open.finish() };
        self.bytes -= rows.bytes().len();
        self.dropped = self.dropped.saturating_add(rows.len() as u64);
        rows.len() as u64
    }
}

impl AccessQueue {
    fn lock(&self) -> MutexGuard<'_, Queued> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues one, or counts it as dropped. Gives whether there was room.
    pub(crate) fn push(&self, row: &AccessRow<'_>) -> bool {
        let news = {
            let mut queued = self.lock();
            if queued.bytes >= MAX_QUEUED {
                queued.dropped += 1;
                return false;
            }
            let was_empty = !queued.has_rows();
            let before = queued.open.byte_len();
            queued.open.push(row);
            let length = queued.open.byte_len();
            queued.bytes += length - before;
            let is_full = length >= FULL_BATCH;
            if is_full {
                let rows = queued.open.finish();
                queued.batches.push_back(rows);
            }
            was_empty || (is_full && queued.batches.len() == 1)
        };
        if news {
            self.news.notify_one();
        }
        true
    }

    /// Waits for a batch: until it is full, or its oldest record has waited long enough. Nothing is lost when the
    /// wait is given up.
    pub(crate) async fn next_batch(&self) -> Batch {
        loop {
            self.wait_for(Queued::has_rows).await;
            // Running into the bound is the usual way for a batch to be complete.
            if tokio::time::timeout(MAX_WAIT, self.wait_for(Queued::has_whole_batch)).await.is_err() {
                tracing::trace!("batch of access records closed by time");
            }
            if let Some(batch) = self.take() {
                return batch;
            }
        }
    }

    async fn wait_for(&self, is_there: impl Fn(&Queued) -> bool) {
        while !is_there(&self.lock()) {
            self.news.notified().await;
        }
    }

    /// What waits now, at most a batch of it.
    pub(crate) fn take(&self) -> Option<Batch> {
        let mut queued = self.lock();
        if !queued.has_rows() && queued.dropped == 0 {
            return None;
        }
        let rows = queued.pop_oldest();
        Some(Batch { rows, dropped: std::mem::take(&mut queued.dropped) })
    }

    /// Puts a batch that could not be sent back in front; what there is no room for is counted as dropped. Gives how many
    /// records that were.
    pub(crate) fn put_back(&self, batch: Batch) -> u64 {
        let mut queued = self.lock();
        queued.dropped = queued.dropped.saturating_add(batch.dropped);
        if !batch.rows.is_empty() {
            queued.bytes += batch.rows.bytes().len();
            queued.batches.push_front(batch.rows);
        }
        let mut dropped = 0;
        while queued.bytes > MAX_QUEUED {
            dropped += queued.drop_newest();
        }
        drop(queued);
        // Whoever waits for a queue that was empty learns that it is not.
        self.news.notify_one();
        dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use octoporty_proto::model::MappingId;
    use uuid::Uuid;

    fn push(queue: &AccessQueue, number: usize) {
        queue.push(&AccessRow {
            mapping: MappingId::from_uuid(Uuid::nil()),
            request_id: &number.to_string(),
            at_ms: 0,
            method: "GET",
            host: "a.example.com",
            path: "/",
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
            tunnel_us: None,
        });
    }

    /// Fills the queue to its bound; gives how many it took.
    fn fill(queue: &AccessQueue) -> usize {
        let mut pushed = 0;
        while queue.lock().bytes < MAX_QUEUED {
            push(queue, pushed);
            pushed += 1;
        }
        pushed
    }

    fn ids(batch: &Batch) -> Vec<usize> {
        batch.rows.iter().map(|row| row.request_id.parse().unwrap()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn records_wait_for_company_but_not_for_long() {
        let queue = AccessQueue::default();
        push(&queue, 0);
        push(&queue, 1);
        let since = tokio::time::Instant::now();
        assert_eq!(ids(&queue.next_batch().await), [0, 1]);
        assert_eq!(since.elapsed(), MAX_WAIT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_batch_leaves_at_once_and_the_rest_keeps_its_order() {
        let queue = AccessQueue::default();
        let mut pushed = 0;
        while !queue.lock().has_whole_batch() {
            push(&queue, pushed);
            pushed += 1;
        }
        (pushed..pushed + 3).for_each(|number| push(&queue, number));
        let since = tokio::time::Instant::now();
        assert_eq!(ids(&queue.next_batch().await), (0..pushed).collect::<Vec<_>>());
        assert_eq!(since.elapsed(), Duration::ZERO);
        assert_eq!(ids(&queue.next_batch().await), [pushed, pushed + 1, pushed + 2]);
    }

    #[test]
    fn under_pressure_the_newest_are_dropped_and_counted() {
        let queue = AccessQueue::default();
        let taken = fill(&queue);
        (taken..taken + 7).for_each(|number| push(&queue, number));
        let batch = queue.take().unwrap();
        assert_eq!(batch.dropped, 7);
        assert!(batch.rows.bytes().len() < FULL_BATCH + 200 && batch.rows.len() > 100);
        assert_eq!(queue.take().unwrap().dropped, 0, "the count is told once");
    }

    #[test]
    fn what_could_not_be_sent_comes_first_again() {
        let queue = AccessQueue::default();
        let taken = fill(&queue);
        let batch = queue.take().unwrap();
        let again = fill(&queue);
        queue.put_back(batch);
        let batch = queue.take().unwrap();
        assert_eq!(ids(&batch)[..2], [0, 1]);
        assert!(batch.dropped > 0, "some had no room any more");
        let mut left = batch.rows.len();
        while let Some(batch) = queue.take() {
            left += batch.rows.len();
        }
        assert_eq!(left as u64 + batch.dropped, (taken + again) as u64, "each is sent or counted");
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_records_learns_of_those_that_are_put_back() {
        let queue = AccessQueue::default();
        push(&queue, 0);
        let batch = queue.take().unwrap();
        let put_back = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            queue.put_back(batch);
        };
        let (waited, ()) = tokio::join!(queue.next_batch(), put_back);
        assert_eq!(ids(&waited), [0]);
    }
}
