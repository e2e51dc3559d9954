//! Live counters of what moved. One set a shard, so that threads do not share a cache line; summed when read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use octoporty_proto::model::TrafficTotals;
use octoporty_tunnel::duplex::Counters;

/// One shard's counters.
#[derive(Debug, Default)]
pub(crate) struct ShardTraffic {
    moved: Arc<Counters>,
    opened: AtomicU64,
    active: AtomicU32,
}

impl ShardTraffic {
    /// For the copy loops of this shard: the socket is the target, the stream the visitor.
    pub(crate) fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.moved)
    }

    /// A stream began; it is counted as active until the answer is dropped.
    pub(crate) fn stream(self: &Arc<Self>) -> ActiveStream {
        self.opened.fetch_add(1, Ordering::Relaxed);
        self.active.fetch_add(1, Ordering::Relaxed);
        ActiveStream(Arc::clone(self))
    }
}

/// Counts a stream as active while it lives.
#[derive(Debug)]
pub(crate) struct ActiveStream(Arc<ShardTraffic>);

impl Drop for ActiveStream {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The counters of all shards.
#[derive(Debug, Clone)]
pub(crate) struct Traffic(Arc<[Arc<ShardTraffic>]>);

impl Traffic {
    /// For so many shards.
    pub(crate) fn new(shards: usize) -> Self {
        Self((0..shards).map(|_| Arc::default()).collect())
    }

    /// One shard's own.
    pub(crate) fn of_shard(&self, shard: usize) -> Arc<ShardTraffic> {
        Arc::clone(&self.0[shard % self.0.len()])
    }

    /// The sums.
    pub(crate) fn totals(&self) -> TrafficTotals {
        self.0.iter().fold(TrafficTotals::default(), |sum, shard| TrafficTotals {
            bytes_to_targets: sum.bytes_to_targets + shard.moved.to_socket.load(Ordering::Relaxed),
            bytes_to_visitors: sum.bytes_to_visitors + shard.moved.to_stream.load(Ordering::Relaxed),
            streams_opened: sum.streams_opened + shard.opened.load(Ordering::Relaxed),
            streams_active: sum.streams_active + shard.active.load(Ordering::Relaxed),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_the_sums_of_all_shards() {
        let traffic = Traffic::new(2);
        let (one, two) = (traffic.of_shard(0), traffic.of_shard(1));
        one.counters().to_socket.fetch_add(3, Ordering::Relaxed);
        two.counters().to_socket.fetch_add(4, Ordering::Relaxed);
        two.counters().to_stream.fetch_add(10, Ordering::Relaxed);
        let held = one.stream();
        drop(two.stream());
        let expected =
            TrafficTotals { bytes_to_targets: 7, bytes_to_visitors: 10, streams_opened: 2, streams_active: 1 };
        assert_eq!(traffic.totals(), expected);
        drop(held);
        assert_eq!(traffic.totals().streams_active, 0);
    }
}
