//! The newest lines, in memory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use octoporty_proto::model::LogEntry;

use super::packed::Packed;

/// Lines that are kept: a busy day of a gateway at `info`.
pub(super) const RING_LINES: usize = 10_000;
/// Bytes of memory that they take, whatever their number.
pub(super) const RING_BYTES: usize = 4 << 20;
/// Lines that a reader takes out of the ring at once: so long is the lock held.
const STEP: usize = 256;

/// Lines in the order of their ids.
#[derive(Debug)]
pub(super) struct Ring(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    lines: VecDeque<Arc<Packed>>,
    bytes: usize,
    newest: u64,
}

impl Ring {
    /// An empty one; ids go on after the given one.
    pub(super) fn after(newest: u64) -> Self {
        Self(Mutex::new(Inner { lines: VecDeque::new(), bytes: 0, newest }))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a line of this time (Unix microseconds) under the next id. `told` is called with the id while no other
    /// line can come between, so that a file has its lines in the order of their ids; it must not wait.
    pub(super) fn push(&self, us: u64, entry: &LogEntry, told: impl FnOnce(u64)) {
        let mut line = Packed::of(entry);
        line.at_ms = us / 1_000;
        let size = line.size();
        let mut inner = self.inner();
        line.id = us.max(inner.newest + 1);
        inner.newest = line.id;
        told(line.id);
        inner.bytes += size;
        inner.lines.push_back(Arc::new(line));
        while inner.lines.len() > RING_LINES || (inner.bytes > RING_BYTES && inner.lines.len() > 1) {
            let Some(oldest) = inner.lines.pop_front() else { break };
            inner.bytes -= oldest.size();
        }
    }

    /// Id of the newest line that was given one, here or in an earlier run.
    pub(super) fn newest(&self) -> u64 {
        self.inner().newest
    }

    /// Id of the oldest line that is kept.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.inner().lines.front().map(|line| line.id)
    }

    /// Some lines below an id, newest first; none: there are no more.
    pub(super) fn below(&self, id: u64) -> Vec<Arc<Packed>> {
        let inner = self.inner();
        let end = inner.lines.partition_point(|line| line.id < id);
        inner.lines.range(end.saturating_sub(STEP)..end).rev().cloned().collect()
    }

    /// Some lines above an id, oldest first; none: there are no more.
    pub(super) fn above(&self, id: u64) -> Vec<Arc<Packed>> {
        let inner = self.inner();
        let begin = inner.lines.partition_point(|line| line.id <= id);
        inner.lines.range(begin..).take(STEP).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use octoporty_proto::model::LogLevel;

    use super::*;

    fn entry(message: &str) -> LogEntry {
        let (message, fields) = (message.to_owned(), BTreeMap::new());
        LogEntry { id: 0, at_ms: 0, level: LogLevel::Info, message, fields }
    }

    fn ids(lines: &[Arc<Packed>]) -> Vec<u64> {
        lines.iter().map(|line| line.id).collect()
    }

    #[test]
    fn ids_are_times_and_rise_though_the_clock_stands_or_goes_back() {
        let ring = Ring::after(0);
        let mut told = Vec::new();
        for us in [5_000, 5_000, 2_000, 9_000] {
            ring.push(us, &entry("x"), |id| told.push(id));
        }
        assert_eq!(told, [5_000, 5_001, 5_002, 9_000]);
        assert_eq!(ids(&ring.below(u64::MAX)), [9_000, 5_002, 5_001, 5_000]);
        assert_eq!(ring.below(u64::MAX)[1].at_ms, 2, "the time stays what the clock said");
        assert_eq!((ring.newest(), ring.oldest()), (9_000, Some(5_000)));
    }

    #[test]
    fn ids_go_on_after_those_of_an_earlier_run() {
        let ring = Ring::after(70_000);
        ring.push(5_000, &entry("the clock was set back"), |_| {});
        assert_eq!(ids(&ring.below(u64::MAX)), [70_001]);
    }

    #[test]
    fn the_number_of_lines_is_bounded() {
        let ring = Ring::after(0);
        for number in 1..=RING_LINES as u64 + 10 {
            ring.push(number, &entry("x"), |_| {});
        }
        assert_eq!(ring.oldest(), Some(11));
        assert_eq!(ring.inner().lines.len(), RING_LINES);
    }

    #[test]
    fn the_bytes_of_lines_are_bounded_and_counted_right() {
        let ring = Ring::after(0);
        for number in 1..=50 {
            ring.push(number, &entry(&"x".repeat(RING_BYTES / 10)), |_| {});
        }
        let inner = ring.inner();
        assert!(inner.bytes <= RING_BYTES);
        assert_eq!(inner.bytes, inner.lines.iter().map(|line| line.size()).sum::<usize>());
        assert_eq!(inner.lines.len(), 9);
    }

    #[test]
    fn readers_go_up_and_down_step_by_step_and_miss_nothing() {
        let ring = Ring::after(0);
        let all: Vec<u64> = (1..=STEP as u64 * 3 + 7).collect();
        for number in &all {
            ring.push(*number, &entry("x"), |_| {});
        }
        let (mut up, mut down) = (Vec::new(), Vec::new());
        loop {
            let step = ids(&ring.above(up.last().copied().unwrap_or(0)));
            assert!(step.len() <= STEP);
            if step.is_empty() {
                break;
            }
            up.extend(step);
        }
        loop {
            let step = ids(&ring.below(down.last().copied().unwrap_or(u64::MAX)));
            if step.is_empty() {
                break;
            }
            down.extend(step);
        }
        down.reverse();
        assert_eq!(up, all);
        assert_eq!(down, all);
    }
}
