//! Figures of one shard. Each is written by its own shard alone and read by whoever asks for the sum.

use std::array;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::StatusCode;
use octoporty_proto::model::FailureCode;

use crate::figures::{DurationFigures, RequestFigures};

/// Upper ends of the bins of every histogram of times, microseconds; longer times are in a last bin without an end.
/// From a hit in a local cache to a report that takes a minute.
pub(crate) const BOUNDS_US: [u64; 14] = [
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000, 60_000_000,
];
const BINS: usize = BOUNDS_US.len() + 1;
/// One a code, by its place in [`FailureCode::ALL`].
const FAILURES: usize = FailureCode::ALL.len();

/// Times by length.
#[derive(Debug, Default)]
struct Times {
    bins: [AtomicU64; BINS],
    sum_us: AtomicU64,
}

/// See the fields.
#[derive(Debug)]
pub(crate) struct ShardCounters {
    /// Visitors' connections accepted. Compare with `connections_ended`.
    pub connections: AtomicU64,
    /// Visitors' connections that ended.
    pub connections_ended: AtomicU64,
    /// Connections refused because their source had too many.
    pub refused: AtomicU64,
    /// Access records for which there was no room. Compare with the requests.
    pub records_dropped: AtomicU64,
    /// Requests whose visitor left before the answer was whole.
    visitors_left: AtomicU64,
    /// Answers by the first digit of their status, 1 to 5.
    by_class: [AtomicU64; 5],
    /// Requests to mappings that ended, by the first digit of their status, 1 to 5.
    requests: [AtomicU64; 5],
    /// Failures that the gateway told of, whether a mapping was involved or not.
    failures: [AtomicU64; FAILURES],
    /// From a request's arrival until its head was on its way.
    gateway: Times,
    /// From there to the first byte of the answer: tunnel, agent, target.
    first_byte: Times,
    /// From arrival to end.
    total: Times,
}

/// The time of one request, hop by hop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestTimes {
    /// Until its head was on its way.
    pub gateway: Duration,
    /// From there to the first byte of the answer, if one came.
    pub first_byte: Option<Duration>,
    /// Until its end.
    pub total: Duration,
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

impl Default for ShardCounters {
    fn default() -> Self {
        Self {
            connections: AtomicU64::default(),
            connections_ended: AtomicU64::default(),
            refused: AtomicU64::default(),
            records_dropped: AtomicU64::default(),
            visitors_left: AtomicU64::default(),
            by_class: Default::default(),
            requests: Default::default(),
            failures: array::from_fn(|_| AtomicU64::default()),
            gateway: Times::default(),
            first_byte: Times::default(),
            total: Times::default(),
        }
    }
}

impl ShardCounters {
    /// Adds one.
    pub(crate) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an answer.
    pub(crate) fn answered(&self, status: StatusCode) {
        count_class(&self.by_class, status.as_u16());
    }

    /// Counts a request to a mapping that has ended.
    pub(crate) fn ended(&self, status: u16, times: RequestTimes) {
        count_class(&self.requests, status);
        self.gateway.count(times.gateway);
        self.total.count(times.total);
        if let Some(first_byte) = times.first_byte {
            self.first_byte.count(first_byte);
        }
    }

    /// Counts a failure that a visitor was told of, or one that cut an answer.
    pub(crate) fn failed(&self, code: FailureCode) {
        if let Some(counter) = FailureCode::ALL.iter().position(|known| *known == code).map(|at| &self.failures[at]) {
            Self::count(counter);
        }
    }

    /// Counts a visitor that did not wait for the end.
    pub(crate) fn visitor_left(&self) {
        Self::count(&self.visitors_left);
    }

    /// The sum of these.
    pub(crate) fn sum(shards: &[Self]) -> Totals {
        let mut totals = Totals::default();
        for shard in shards {
            let connections = shard.connections.load(Ordering::Relaxed);
            totals.connections += connections;
            totals.connections_open += connections.saturating_sub(shard.connections_ended.load(Ordering::Relaxed));
            totals.refused += shard.refused.load(Ordering::Relaxed);
            add(&mut totals.by_class, &shard.by_class);
        }
        totals
    }

    /// The sum of what these say of requests.
    pub(crate) fn requests(shards: &[Self]) -> RequestFigures {
        let mut sum = RequestFigures::default();
        let mut failures = [0; FAILURES];
        for shard in shards {
            add(&mut sum.by_class, &shard.requests);
            add(&mut failures, &shard.failures);
            sum.visitors_left += shard.visitors_left.load(Ordering::Relaxed);
            sum.records_dropped += shard.records_dropped.load(Ordering::Relaxed);
            shard.gateway.add_to(&mut sum.gateway);
            shard.first_byte.add_to(&mut sum.first_byte);
            shard.total.add_to(&mut sum.total);
        }
        sum.failures = FailureCode::ALL.iter().copied().zip(failures).collect();
        sum
    }
}

impl Times {
    fn count(&self, time: Duration) {
        let microseconds = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        ShardCounters::count(&self.bins[BOUNDS_US.partition_point(|bound| *bound < microseconds)]);
        self.sum_us.fetch_add(microseconds, Ordering::Relaxed);
    }

    fn add_to(&self, sum: &mut DurationFigures) {
        sum.bins.resize(BINS, 0);
        add(&mut sum.bins, &self.bins);
        sum.sum += Duration::from_micros(self.sum_us.load(Ordering::Relaxed));
    }
}

fn count_class(classes: &[AtomicU64; 5], status: u16) {
    if let Some(counter) = usize::from(status / 100).checked_sub(1).and_then(|index| classes.get(index)) {
        ShardCounters::count(counter);
    }
}

fn add(sums: &mut [u64], counters: &[AtomicU64]) {
    for (sum, counter) in sums.iter_mut().zip(counters) {
        *sum += counter.load(Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_the_first_bin_that_reaches_to_it_and_in_no_other() {
        let shards = [ShardCounters::default(), ShardCounters::default()];
        for (shard, ms) in [(0, 1), (1, 1), (0, 2), (1, 60_000), (0, 61_000)] {
            let total = Duration::from_millis(ms);
            shards[shard].ended(200, RequestTimes { gateway: Duration::ZERO, first_byte: None, total });
        }
        let figures = ShardCounters::requests(&shards);
        let mut bins = vec![0; BINS];
        (bins[0], bins[1], bins[13], bins[14]) = (2, 1, 1, 1);
        assert_eq!(figures.total.bins, bins);
        assert_eq!(figures.total.sum, Duration::from_millis(121_004));
        assert_eq!(figures.gateway.bins[0], 5);
        assert_eq!(figures.first_byte.bins.iter().sum::<u64>(), 0);
        assert_eq!(figures.by_class, [0, 5, 0, 0, 0]);
    }

    #[test]
    fn each_failure_has_a_counter_of_its_own() {
        let shard = ShardCounters::default();
        FailureCode::ALL.iter().for_each(|code| shard.failed(*code));
        shard.failed(FailureCode::AgentAway);
        for (code, count) in ShardCounters::requests(&[shard]).failures {
            assert_eq!(count, if code == FailureCode::AgentAway { 2 } else { 1 }, "{code}");
        }
    }
}
