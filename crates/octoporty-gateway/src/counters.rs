//! Figures of one shard. Each is written by its own shard alone and read by whoever asks for the sum.

use std::sync::atomic::{AtomicU64, Ordering};

use http::StatusCode;

/// See the fields.
#[derive(Debug, Default)]
pub(crate) struct ShardCounters {
    /// Visitors' connections accepted. Compare with `connections_ended`.
    pub connections: AtomicU64,
    /// Visitors' connections that ended.
    pub connections_ended: AtomicU64,
    /// Connections refused because their source had too many.
    pub refused: AtomicU64,
    /// Answers by the first digit of their status, 1 to 5.
    by_class: [AtomicU64; 5],
}

/// The sum over all shards.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Visitors' connections accepted.
    pub connections: u64,
    /// Visitors' connections open now.
    pub connections_open: u64,
    /// Connections refused because their source had too many.
    pub refused: u64,
    /// Answers by class of status.
    pub by_class: [u64; 5],
}

impl ShardCounters {
    /// Adds one.
    pub(crate) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an answer.
    pub(crate) fn answered(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100);
        if let Some(counter) = class.checked_sub(1).and_then(|index| self.by_class.get(index)) {
            Self::count(counter);
        }
    }

    /// The sum of these.
    pub(crate) fn sum(shards: &[Self]) -> Totals {
        let mut totals = Totals::default();
        for shard in shards {
            let connections = shard.connections.load(Ordering::Relaxed);
            totals.connections += connections;
            totals.connections_open += connections.saturating_sub(shard.connections_ended.load(Ordering::Relaxed));
            totals.refused += shard.refused.load(Ordering::Relaxed);
            for (sum, counter) in totals.by_class.iter_mut().zip(&shard.by_class) {
                *sum += counter.load(Ordering::Relaxed);
            }
        }
        totals
    }
}
