//! Requests and sessions of an agent, counted on their way to its console. Each batch is counted under a short lock,
//! far from any request's path; memory is bounded by the mappings that there are.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use octoporty_agent::Agent;
use octoporty_proto::model::{
    AccessRows, EndReason, FailureCode, MappingId, RowFigures, SessionId, SessionRecord, VISITOR_LEFT,
};
use tokio::sync::watch;

/// Upper ends of the bins of times, seconds; the gateway has the same.
pub(super) const BOUNDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];
/// With the last one, which has no end.
pub(super) const BINS: usize = BOUNDS.len() + 1;
/// Mappings that an agent may have. When twice as many are remembered, those that are gone are forgotten.
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
    /// How many mappings stayed when those that are gone were last forgotten.
    stayed: usize,
    /// Sessions that began.
    pub(super) sessions_begun: u64,
    /// The one that began last: it is told of again when links join it.
    newest: Option<SessionId>,
    /// Sessions that ended, by reason.
    pub(super) sessions_ended: BTreeMap<String, u64>,
}

/// Counts.
#[derive(Debug)]
pub(crate) struct Tally {
    sums: Mutex<Sums>,
    /// Who knows which mappings there are. There is one before there is anything to count.
    agent: watch::Receiver<Option<Agent>>,
}

impl Tally {
    /// With nothing counted, for this agent as soon as it is there.
    pub(crate) fn new(agent: watch::Receiver<Option<Agent>>) -> Self {
        Self { sums: Mutex::default(), agent }
    }

    fn lock(&self) -> MutexGuard<'_, Sums> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finished requests.
    pub(crate) fn requests(&self, rows: &AccessRows) {
        let mut sums = self.lock();
        sums.count(rows.figures(), || self.present());
    }

    /// A session's begin, further link or end.
    pub(crate) fn session(&self, record: &SessionRecord) {
        let mut sums = self.lock();
        match record.end {
            None if record.ended_ms.is_none() => {
                let newest = sums.newest.replace(record.session);
                sums.sessions_begun += u64::from(newest != Some(record.session));
            }
            reason => *sums.sessions_ended.entry(word(reason)).or_default() += 1,
        }
    }

    /// Gives what was counted.
    pub(super) fn sums(&self) -> Sums {
        self.lock().clone()
    }

    /// The mappings that there are.
    fn present(&self) -> HashSet<MappingId> {
        let figures = self.agent.borrow().as_ref().map(Agent::figures).unwrap_or_default();
        figures.desired.mappings.iter().map(|mapping| mapping.id).collect()
    }
}

impl Sums {
    /// Counts rows. Those of one mapping mostly come one behind the other, and are put in their places together.
    /// `present` gives the mappings that there are.
    fn count<'r>(
        &mut self,
        rows: impl IntoIterator<Item = RowFigures<'r>>,
        mut present: impl FnMut() -> HashSet<MappingId>,
    ) {
        let mut mapping = None;
        let mut run = Counts::default();
        for row in rows {
            if mapping != Some(row.mapping)
                && let Some(before) = mapping.replace(row.mapping)
            {
                self.add(before, &std::mem::take(&mut run), &mut present);
            }
            run.count(&row);
            self.note(&row);
        }
        if let Some(last) = mapping {
            self.add(last, &run, present);
        }
    }

    fn add(&mut self, mapping: MappingId, counts: &Counts, present: impl FnOnce() -> HashSet<MappingId>) {
        self.all.add(counts);
        let full = self.mappings.len() >= 2 * self.stayed.max(MOST_MAPPINGS);
        if full && !self.mappings.contains_key(&mapping) {
            // Whoever reads totals by mapping has series of those alone that there are, and these never fall.
            let present = present();
            self.mappings.retain(|id, _| present.contains(id));
            self.stayed = self.mappings.len();
        }
        self.mappings.entry(mapping).or_default().add(counts);
    }

    /// Counts what a row says beside its mapping's counts.
    fn note(&mut self, row: &RowFigures<'_>) {
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
    fn count(&mut self, row: &RowFigures<'_>) {
        let class = usize::from(row.status / 100).clamp(1, self.by_class.len()) - 1;
        self.by_class[class] += 1;
        self.failed += u64::from(row.is_failure());
        self.bytes_to_targets += row.request_bytes;
        self.bytes_to_visitors += row.response_bytes;
        self.total_us += row.total_us;
    }

    fn add(&mut self, other: &Self) {
        self.by_class.iter_mut().zip(other.by_class).for_each(|(sum, count)| *sum += count);
        self.failed += other.failed;
        self.bytes_to_targets += other.bytes_to_targets;
        self.bytes_to_visitors += other.bytes_to_visitors;
        self.total_us += other.total_us;
    }
}

/// The word of the connection log.
fn word(reason: Option<EndReason>) -> String {
    match reason.map(serde_json::to_value) {
        Some(Ok(serde_json::Value::String(word))) => word,
        _ => "other".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_that_come_and_go_unread_take_no_count_from_those_that_stay() {
        let mut sums = Sums::default();
        let present: HashSet<_> = (0..10).map(mapping).collect();
        let (most, end) = (2 * MOST_MAPPINGS, 5 * MOST_MAPPINGS as u128);
        let mut rounds = 0;
        for first in (0..end).step_by(1_000) {
            for id in (0..10).chain(first + 10..first + 1_010) {
                sums.count([visit(id)], || present.clone());
            }
            rounds += 1;
            assert!(sums.mappings.len() <= most, "{}", sums.mappings.len());
        }
        for id in &present {
            assert_eq!(sums.mappings[id].by_class, [0, rounds, 0, 0, 0]);
        }
        let newest = sums.mappings.get(&mapping(end + 9)).expect("the newest row is counted though it found no room");
        assert_eq!(newest.by_class[1], 1);
    }

    #[test]
    fn more_mappings_than_an_agent_may_have_are_all_counted_and_looked_through_seldom() {
        let mut sums = Sums::default();
        let (many, mut looks) = (10 * MOST_MAPPINGS as u128, 0);
        let present: HashSet<_> = (0..many).map(mapping).collect();
        for id in 0..many {
            sums.count([visit(id)], || {
                looks += 1;
                present.clone()
            });
        }
        assert_eq!(sums.mappings.len() as u128, many);
        assert!(looks <= 3, "{looks}");
    }

    #[test]
    fn a_session_begins_once_however_many_links_join_it() {
        let (_place, agent) = watch::channel(None);
        let tally = Tally::new(agent);
        let told = |session: u128, links: u32, ended_ms: Option<u64>| {
            tally.session(&SessionRecord {
                session: SessionId::from_uuid(uuid::Uuid::from_u128(session)),
                started_ms: 1,
                ended_ms,
                end: ended_ms.map(|_| EndReason::LocalStop),
                end_detail: None,
                gateway_url: String::new(),
                gateway_version: String::new(),
                agent_version: String::new(),
                transport: String::new(),
                links,
            });
        };
        told(1, 1, None);
        told(1, 2, None);
        told(1, 2, Some(2));
        told(2, 1, None);
        let sums = tally.sums();
        assert_eq!((sums.sessions_begun, sums.sessions_ended.values().sum()), (2, 1_u64));
    }

    /// A request of that mapping.
    fn visit(id: u128) -> RowFigures<'static> {
        RowFigures {
            mapping: mapping(id),
            at_ms: 1,
            status: 200,
            error: None,
            total_us: 1,
            request_bytes: 0,
            response_bytes: 0,
        }
    }

    fn mapping(id: u128) -> MappingId {
        MappingId::from_uuid(uuid::Uuid::from_u128(id))
    }
}
