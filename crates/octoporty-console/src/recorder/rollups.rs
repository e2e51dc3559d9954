//! Figures on their way to the tables that outlive the request log. They wait here by the minute until the recorder
//! writes them, so that a request costs no statement of its own.

use std::collections::{BTreeMap, HashSet};

use octoporty_proto::model::{MappingId, RowFigures, TrafficTotals};

use super::sketch::Sketch;

const SECOND_MS: u64 = 1_000;
const DAY_S: u64 = 24 * 60 * 60;
/// Mappings of one day that have rows of their own, and again as many after a restart; those beyond count in the sum of
/// all alone. With these, a minute has 257 rows at most.
pub(crate) const MOST_MAPPINGS: usize = 256;
/// Minutes and mappings that wait for a database that cannot be written: some 5 MB. Beyond it, mappings count in the sum
/// of all alone.
const MOST_CELLS: usize = 20_000;
/// Minutes that wait likewise; the oldest go first.
const MOST_MINUTES: usize = 48 * 60;
/// Between two looks at the tunnel there are seconds. After a longer pause the machine slept or the clock was set, and
/// what was in between is not known.
const LONGEST_PAUSE_MS: u64 = 90 * SECOND_MS;

/// Length of a slice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Step {
    /// Kept for 48 hours.
    Minute,
    /// Kept for 35 days.
    Hour,
    /// Kept for 2 years. Days are those of UTC.
    Day,
}

impl Step {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    /// Length, seconds.
    pub(crate) const fn seconds(self) -> u64 {
        match self {
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => DAY_S,
        }
    }

    /// Length, milliseconds.
    pub(crate) const fn ms(self) -> u64 {
        self.seconds() * SECOND_MS
    }

    /// How long slices are kept, milliseconds.
    pub(crate) const fn kept_ms(self) -> u64 {
        let days = match self {
            Self::Minute => 2,
            Self::Hour => 35,
            Self::Day => 731,
        };
        days * DAY_S * SECOND_MS
    }

    /// Begin of the slice that a moment lies in.
    pub(crate) const fn begin(self, moment_ms: u64) -> u64 {
        moment_ms - moment_ms % self.ms()
    }
}

/// Requests of one slice.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Requests {
    /// That ended in it.
    pub(crate) requests: u64,
    /// Failed ones.
    pub(crate) errors: u64,
    /// By the first digit of the status, 1 to 5.
    pub(crate) by_class: [u64; 5],
    /// Bodies of requests.
    pub(crate) bytes_to_targets: u64,
    /// Bodies of answers.
    pub(crate) bytes_to_visitors: u64,
    /// All their times together.
    pub(crate) total_us: u64,
    /// Their times.
    pub(crate) times: Sketch,
}

impl Requests {
    fn count(&mut self, row: &RowFigures<'_>) {
        self.requests += 1;
        self.errors += u64::from(row.is_failure());
        self.by_class[usize::from(row.status / 100).clamp(1, 5) - 1] += 1;
        self.bytes_to_targets = self.bytes_to_targets.saturating_add(row.request_bytes);
        self.bytes_to_visitors = self.bytes_to_visitors.saturating_add(row.response_bytes);
        self.total_us = self.total_us.saturating_add(row.total_us);
        self.times.count(row.total_us);
    }

    /// Adds those of another slice.
    pub(crate) fn add(&mut self, other: &Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.errors = self.errors.saturating_add(other.errors);
        self.by_class.iter_mut().zip(other.by_class).for_each(|(sum, count)| *sum = sum.saturating_add(count));
        self.bytes_to_targets = self.bytes_to_targets.saturating_add(other.bytes_to_targets);
        self.bytes_to_visitors = self.bytes_to_visitors.saturating_add(other.bytes_to_visitors);
        self.total_us = self.total_us.saturating_add(other.total_us);
        self.times.add(&other.times);
    }
}

/// The tunnel in one slice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Tunnel {
    /// How long the agent ran.
    pub(crate) observed_ms: u64,
    /// How long of that it was connected.
    pub(crate) connected_ms: u64,
    /// Bytes of streams.
    pub(crate) bytes_to_targets: u64,
    /// Bytes of streams.
    pub(crate) bytes_to_visitors: u64,
}

impl Tunnel {
    /// Adds that of another slice.
    pub(crate) fn add(&mut self, other: &Self) {
        self.observed_ms = self.observed_ms.saturating_add(other.observed_ms);
        self.connected_ms = self.connected_ms.saturating_add(other.connected_ms);
        self.bytes_to_targets = self.bytes_to_targets.saturating_add(other.bytes_to_targets);
        self.bytes_to_visitors = self.bytes_to_visitors.saturating_add(other.bytes_to_visitors);
    }
}

/// Whether the agent was connected when it was looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Seen {
    Connected,
    Away,
}

/// What waits, by the begin of its minute.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Waiting {
    /// Of a mapping, or of all together.
    pub(crate) requests: BTreeMap<(u64, Option<MappingId>), Requests>,
    /// The tunnel.
    pub(crate) tunnel: BTreeMap<u64, Tunnel>,
}

impl Waiting {
    pub(crate) fn is_empty(&self) -> bool {
        self.requests.is_empty() && self.tunnel.is_empty()
    }

    /// The same numbers in longer slices.
    pub(crate) fn in_steps_of(&self, step: Step) -> Self {
        let mut longer = Self::default();
        for ((minute, mapping), requests) in &self.requests {
            longer.requests.entry((step.begin(*minute), *mapping)).or_default().add(requests);
        }
        for (minute, tunnel) in &self.tunnel {
            longer.tunnel.entry(step.begin(*minute)).or_default().add(tunnel);
        }
        longer
    }
}

/// Counts, and keeps what is not written yet.
#[derive(Debug, Default)]
pub(crate) struct Rollups {
    waiting: Waiting,
    /// Mappings that have rows of their own today.
    known: HashSet<MappingId>,
    /// Which day that is.
    day: u64,
    /// The newest look at the tunnel.
    seen: Option<(u64, Seen, TrafficTotals)>,
}

impl Rollups {
    /// Counts requests where they ended: not in the future by a wrong clock, and not before what is kept. Those of one
    /// mapping mostly come one behind the other, and are put in their places together.
    pub(crate) fn count_requests<'r>(&mut self, now_ms: u64, rows: impl IntoIterator<Item = RowFigures<'r>>) {
        let oldest = now_ms.saturating_sub(Step::Minute.kept_ms() - Step::Minute.ms());
        let mut place = None;
        let mut run = Requests::default();
        for row in rows {
            let end = row.at_ms.saturating_add(row.total_us / 1_000).clamp(oldest, now_ms);
            let here = (Step::Minute.begin(end), row.mapping);
            if place != Some(here)
                && let Some(before) = place.replace(here)
            {
                self.add(now_ms, before, &std::mem::take(&mut run));
            }
            run.count(&row);
        }
        if let Some(last) = place {
            self.add(now_ms, last, &run);
        }
    }

    fn add(&mut self, now_ms: u64, (minute, mapping): (u64, MappingId), requests: &Requests) {
        self.waiting.requests.entry((minute, None)).or_default().add(requests);
        if self.has_room_for(now_ms, mapping) {
            self.waiting.requests.entry((minute, Some(mapping))).or_default().add(requests);
        }
    }

    fn has_room_for(&mut self, now_ms: u64, mapping: MappingId) -> bool {
        let day = Step::Day.begin(now_ms);
        if self.day != day {
            self.day = day;
            self.known.clear();
        }
        if self.waiting.requests.len() >= MOST_CELLS {
            return false;
        }
        self.known.contains(&mapping) || (self.known.len() < MOST_MAPPINGS && self.known.insert(mapping))
    }

    /// Looks at the tunnel: what was seen last time held until now.
    pub(crate) fn look(&mut self, now_ms: u64, seen: Seen, totals: TrafficTotals) {
        let before = self.seen.replace((now_ms, seen, totals));
        // The first totals say what was before this console looked.
        let Some((then_ms, was, moved)) = before else { return };
        let minute = self.waiting.tunnel.entry(Step::Minute.begin(now_ms)).or_default();
        minute.bytes_to_targets += totals.bytes_to_targets.saturating_sub(moved.bytes_to_targets);
        minute.bytes_to_visitors += totals.bytes_to_visitors.saturating_sub(moved.bytes_to_visitors);
        if now_ms.saturating_sub(then_ms) > LONGEST_PAUSE_MS {
            return;
        }
        let mut from = then_ms;
        while from < now_ms {
            let begin = Step::Minute.begin(from);
            let to = now_ms.min(begin + Step::Minute.ms());
            let minute = self.waiting.tunnel.entry(begin).or_default();
            minute.observed_ms += to - from;
            minute.connected_ms += if was == Seen::Connected { to - from } else { 0 };
            from = to;
        }
    }

    /// Takes what waits, to be written.
    pub(crate) fn take(&mut self) -> Waiting {
        std::mem::take(&mut self.waiting)
    }

    /// Takes back what could not be written.
    pub(crate) fn put_back(&mut self, unwritten: Waiting) {
        for (key, requests) in unwritten.requests {
            self.waiting.requests.entry(key).or_default().add(&requests);
        }
        for (minute, tunnel) in unwritten.tunnel {
            self.waiting.tunnel.entry(minute).or_default().add(&tunnel);
        }
        while self.waiting.tunnel.len() > MOST_MINUTES {
            self.waiting.tunnel.pop_first();
        }
        while self.waiting.requests.len() > MOST_CELLS + MOST_MINUTES {
            self.waiting.requests.pop_first();
        }
    }
}

#[cfg(test)]
mod tests;
