//! Requests and sessions of an agent, counted on their way to its console. Each batch is counted under a short lock,
//! far from any request's path; memory is bounded by the mappings that there are.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use octoporty_proto::model::{AccessRow, AccessRows, EndReason, FailureCode, MappingId, SessionRecord, VISITOR_LEFT};

/// Upper ends of the bins of times, seconds; the gateway has the same.
pub(super) const BOUNDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];
/// With the last one, which has no end.
pub(super) const BINS: usize = BOUNDS.len() + 1;
/// Mappings that are remembered before those that are gone are forgotten: as many as an agent may have.
const MOST_MAPPINGS: usize = 20_000;

/// See the fields.
#[derive(Debug, Default, Clone)]
pub(super) struct Counts {
    /// By the first digit of the status, 1 to 5; a visitor that left before an answer counts as 4.
    pub(super) by_class: [u64; 5],
    /// Failed for the visitor: status 500 and above, or cut. Compare with `by_class`.
    pub(super) failed: u64,
    /// Bytes of request bodies.
    pub(super) bytes_to_targets: u64,
    /// Bytes of answers' bodies.
    pub(super) bytes_to_visitors: u64,
    /// Of all of them together, microseconds.
    pub(super) total_us: u64,
}

/// What was counted.
#[derive(Debug, Default, Clone)]
pub(super) struct Sums {
    /// All requests.
    pub(super) all: Counts,
    /// By length, from arrival at the gateway to end; not cumulative.
    pub(super) bins: [u64; BINS],
    /// By the code of the failure.
    pub(super) failures: BTreeMap<&'static str, u64>,
    /// By mapping.
    pub(super) mappings: HashMap<MappingId, Counts>,
    /// Sessions that began.
    pub(super) sessions_begun: u64,
    /// Sessions that ended, by reason.
    pub(super) sessions_ended: BTreeMap<String, u64>,
}

/// Counts.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<Sums>);

impl Tally {
    fn lock(&self) -> MutexGuard<'_, Sums> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finished requests.
    pub(crate) fn requests(&self, rows: &AccessRows) {
        let mut sums = self.lock();
        for row in rows.iter() {
            sums.count(&row);
        }
    }

    /// A session's begin or end.
    pub(crate) fn session(&self, record: &SessionRecord) {
        let mut sums = self.lock();
        match record.end {
            None if record.ended_ms.is_none() => sums.sessions_begun += 1,
            reason => *sums.sessions_ended.entry(word(reason)).or_default() += 1,
        }
    }

    /// Gives what was counted.
    pub(super) fn sums(&self) -> Sums {
        self.lock().clone()
    }

    /// Forgets mappings that are gone, when there are many.
    pub(super) fn forget(&self, is_there: impl Fn(&MappingId) -> bool) {
        let mut sums = self.lock();
        if sums.mappings.len() > MOST_MAPPINGS {
            sums.mappings.retain(|id, _| is_there(id));
        }
    }
}

impl Sums {
    fn count(&mut self, row: &AccessRow<'_>) {
        self.all.count(row);
        let known = self.mappings.len();
        match self.mappings.get_mut(&row.mapping) {
            Some(counts) => counts.count(row),
            None if known <= 2 * MOST_MAPPINGS => self.mappings.entry(row.mapping).or_default().count(row),
            // Nobody asks for figures, so that nobody forgets.
            None => self.mappings.clear(),
        }
        #[expect(clippy::cast_precision_loss, reason = "a time in microseconds is far below 2^53")]
        let seconds = row.total_us as f64 / 1e6;
        self.bins[BOUNDS.partition_point(|bound| *bound < seconds)] += 1;
        if let Some(error) = row.error {
            let known = FailureCode::ALL.iter().map(|code| code.as_str()).chain([VISITOR_LEFT]);
            let code = known.into_iter().find(|code| *code == error).unwrap_or("other");
            *self.failures.entry(code).or_default() += 1;
        }
    }
}

impl Counts {
    fn count(&mut self, row: &AccessRow<'_>) {
        let class = usize::from(row.status / 100).clamp(1, self.by_class.len()) - 1;
        self.by_class[class] += 1;
        self.failed += u64::from(row.is_failure());
        self.bytes_to_targets += row.request_bytes;
        self.bytes_to_visitors += row.response_bytes;
        self.total_us += row.total_us;
    }
}

/// The word of the connection log.
fn word(reason: Option<EndReason>) -> String {
    match reason.map(serde_json::to_value) {
        Some(Ok(serde_json::Value::String(word))) => word,
        _ => "other".to_owned(),
    }
}
