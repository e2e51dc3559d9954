//! Figures of the last 15 minutes, in buckets of 5 seconds. Memory is fixed: each bucket counts times in a histogram.

use octoporty_proto::model::{RowFigures, TrafficTotals};

use super::sketch::{BINS, bin, quantile_ms};

/// Length of a bucket.
pub(crate) const BUCKET_MS: u64 = 5_000;
/// Buckets of the window: 15 minutes.
pub(crate) const BUCKETS: usize = 180;
/// Buckets of which rates are made: the last whole minute.
const RATE_BUCKETS: u64 = 12;

/// One slice of time.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    /// Which slice since 1970.
    slice: u64,
    /// Requests that ended in it.
    pub(crate) requests: u64,
    /// Failed ones.
    pub(crate) errors: u64,
    /// From visitors.
    pub(crate) bytes_to_targets: u64,
    /// To visitors.
    pub(crate) bytes_to_visitors: u64,
    times: [u32; BINS],
}

impl Bucket {
    const fn empty(slice: u64) -> Self {
        Self { slice, requests: 0, errors: 0, bytes_to_targets: 0, bytes_to_visitors: 0, times: [0; BINS] }
    }

    /// When it began, Unix milliseconds.
    pub(crate) const fn begin_ms(&self) -> u64 {
        self.slice * BUCKET_MS
    }

    /// 95 of 100 took no longer, in milliseconds.
    pub(crate) fn p95_ms(&self) -> Option<f64> {
        p95(&self.times)
    }
}

/// The window.
#[derive(Debug)]
pub(crate) struct Figures {
    /// By slice modulo length; one with another slice is over.
    buckets: Vec<Bucket>,
    totals: Option<TrafficTotals>,
}

/// What the window says as a whole.
#[derive(Clone, Debug)]
pub(crate) struct Summary {
    /// Oldest first; always the whole window.
    pub(crate) buckets: Vec<Bucket>,
    /// A second, over the last minute.
    pub(crate) requests_per_second: f64,
    /// A second, over the last minute.
    pub(crate) errors_per_second: f64,
    /// A second both ways, over the last minute.
    pub(crate) bytes_per_second: f64,
    /// Of the window, milliseconds.
    pub(crate) p95_ms: Option<f64>,
    /// Of the window.
    pub(crate) requests: u64,
    /// Of the window.
    pub(crate) errors: u64,
}

impl Default for Figures {
    fn default() -> Self {
        Self { buckets: vec![Bucket::empty(0); BUCKETS], totals: None }
    }
}

impl Figures {
    fn at(&mut self, moment_ms: u64) -> &mut Bucket {
        let slice = moment_ms / BUCKET_MS;
        let bucket = &mut self.buckets[place(slice)];
        if bucket.slice < slice {
            *bucket = Bucket::empty(slice);
        }
        bucket
    }

    /// Counts a request where it ended. One that ended before the window, or in the future by a wrong clock, counts at
    /// the window's end that is nearer.
    pub(crate) fn count_request(&mut self, now_ms: u64, row: &RowFigures<'_>) {
        let oldest = now_ms.saturating_sub((BUCKETS as u64 - 1) * BUCKET_MS);
        let end = (row.at_ms.saturating_add(row.total_us / 1_000)).clamp(oldest, now_ms);
        let bucket = self.at(end);
        bucket.requests += 1;
        bucket.errors += u64::from(row.is_failure());
        bucket.times[bin(row.total_us)] += 1;
    }

    /// Counts what the totals have grown by since they were seen last.
    pub(crate) fn count_traffic(&mut self, now_ms: u64, totals: TrafficTotals) {
        // The first totals say what was before this console looked.
        let before = self.totals.replace(totals).unwrap_or(totals);
        let bucket = self.at(now_ms);
        bucket.bytes_to_targets += totals.bytes_to_targets.saturating_sub(before.bytes_to_targets);
        bucket.bytes_to_visitors += totals.bytes_to_visitors.saturating_sub(before.bytes_to_visitors);
    }

    /// The window as of now.
    pub(crate) fn summary(&self, now_ms: u64) -> Summary {
        let newest = now_ms / BUCKET_MS;
        let oldest = newest.saturating_sub(BUCKETS as u64 - 1);
        let buckets: Vec<_> = (oldest..=newest).map(|slice| self.of_slice(slice)).collect();
        let minute = buckets.iter().filter(|bucket| bucket.slice < newest && bucket.slice + RATE_BUCKETS >= newest);
        let (mut requests, mut errors, mut bytes) = (0, 0, 0);
        for bucket in minute {
            requests += bucket.requests;
            errors += bucket.errors;
            bytes += bucket.bytes_to_targets + bucket.bytes_to_visitors;
        }
        let mut times = [0; BINS];
        for bucket in &buckets {
            times.iter_mut().zip(bucket.times).for_each(|(sum, count)| *sum += count);
        }
        Summary {
            requests_per_second: per_second(requests),
            errors_per_second: per_second(errors),
            bytes_per_second: per_second(bytes),
            p95_ms: p95(&times),
            requests: buckets.iter().map(|bucket| bucket.requests).sum(),
            errors: buckets.iter().map(|bucket| bucket.errors).sum(),
            buckets,
        }
    }

    fn of_slice(&self, slice: u64) -> Bucket {
        let bucket = &self.buckets[place(slice)];
        if bucket.slice == slice { bucket.clone() } else { Bucket::empty(slice) }
    }
}

fn place(slice: u64) -> usize {
    usize::try_from(slice % BUCKETS as u64).expect("less than the number of buckets")
}

#[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 53 bits")]
fn per_second(count: u64) -> f64 {
    count as f64 / (RATE_BUCKETS * BUCKET_MS / 1_000) as f64
}

/// 95 of 100 took no longer, in milliseconds.
fn p95(times: &[u32; BINS]) -> Option<f64> {
    quantile_ms(times.iter().map(|count| u64::from(*count)).enumerate(), 95)
}

#[cfg(test)]
mod tests;
