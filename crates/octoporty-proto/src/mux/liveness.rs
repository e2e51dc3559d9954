//! Is the peer there, and how far away?
//!
//! A probe goes out every interval through the data path. Whatever comes from the peer shows that it lives; two
//! intervals with nothing end the link. Only a pong measures the round trip.

use std::time::{Duration, Instant};

use super::LinkError;

/// Probes whose answers are still awaited; older ones are forgotten. A line slower than this many intervals is
/// found silent long before.
const AWAITED: usize = 4;

/// Answers after which the shortest round trip is sought anew, beside the one before: a link stands for months, and its
/// way may become longer for good.
const SOUGHT_ANEW: u32 = 32;

/// The shortest of the newest [`SOUGHT_ANEW`] round trips or somewhat more.
#[derive(Debug, Default)]
struct Shortest {
    before: Option<Duration>,
    now: Option<Duration>,
    seen: u32,
}

impl Shortest {
    fn saw(&mut self, round_trip: Duration) {
        if self.seen == SOUGHT_ANEW {
            *self = Self { before: self.now, ..Self::default() };
        }
        self.seen += 1;
        self.now = Some(self.now.map_or(round_trip, |shortest| shortest.min(round_trip)));
    }

    fn get(&self) -> Option<Duration> {
        [self.before, self.now].into_iter().flatten().min()
    }
}

#[derive(Debug)]
pub(super) struct Liveness {
    interval: Duration,
    last_heard: Instant,
    /// When silence ends the link.
    silent_at: Instant,
    next_probe: Instant,
    probe: Probe,
    /// Number of the next probe.
    number: u64,
    awaited: [Option<(u64, Instant)>; AWAITED],
    newest: Option<Duration>,
    shortest: Shortest,
}

/// Whether a probe is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Probe {
    Due,
    NotDue,
}

impl Liveness {
    pub(super) fn new(interval: Duration, now: Instant) -> Self {
        Self {
            interval,
            last_heard: now,
            silent_at: now + 2 * interval,
            next_probe: now + interval,
            probe: Probe::Due,
            number: 0,
            awaited: [None; AWAITED],
            newest: None,
            shortest: Shortest::default(),
        }
    }

    pub(super) fn heard(&mut self, now: Instant) {
        self.last_heard = now;
        self.silent_at = now + 2 * self.interval;
    }

    pub(super) fn next_deadline(&self) -> Instant {
        self.next_probe.min(self.silent_at)
    }

    pub(super) const fn probe_now(&mut self) {
        self.probe = Probe::Due;
    }

    pub(super) fn is_probe_due(&self) -> bool {
        self.probe == Probe::Due
    }

    /// The bytes of the probe that is due, sent now.
    pub(super) fn take_probe(&mut self, now: Instant) -> Option<[u8; 8]> {
        if self.probe == Probe::NotDue {
            return None;
        }
        self.probe = Probe::NotDue;
        let number = self.number;
        self.number += 1;
        self.awaited.rotate_right(1);
        self.awaited[0] = Some((number, now));
        Some(number.to_be_bytes())
    }

    /// An answer came; the round trip if it is to one of the newest probes.
    pub(super) fn answered(&mut self, opaque: [u8; 8], now: Instant) -> Option<Duration> {
        let number = u64::from_be_bytes(opaque);
        let slot = self.awaited.iter_mut().find(|slot| slot.is_some_and(|(awaited, _)| awaited == number))?;
        let (_, sent) = slot.take()?;
        let round_trip = now.saturating_duration_since(sent);
        self.newest = Some(round_trip);
        self.shortest.saw(round_trip);
        Some(round_trip)
    }

    /// Does what is due. A tick that comes very late says that this process was stopped, not that the peer was: the
    /// peer then gets one more interval to be heard.
    pub(super) fn tick(&mut self, now: Instant) -> Result<Ticked, LinkError> {
        if now >= self.silent_at {
            if now.saturating_duration_since(self.silent_at) < self.interval / 2 {
                return Err(LinkError::Silent(now.saturating_duration_since(self.last_heard)));
            }
            self.silent_at = now + self.interval;
        }
        if now < self.next_probe {
            return Ok(Ticked::Early);
        }
        self.next_probe = now + self.interval;
        self.probe = Probe::Due;
        Ok(Ticked::Interval)
    }

    /// The link is no more: the next deadline is an interval away, and so on.
    pub(super) fn rest(&mut self, now: Instant) {
        self.heard(now);
        self.next_probe = now + self.interval;
    }

    pub(super) const fn newest(&self) -> Option<Duration> {
        self.newest
    }

    pub(super) fn shortest(&self) -> Option<Duration> {
        self.shortest.get()
    }
}

/// What a tick was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ticked {
    /// Nothing was due.
    Early,
    /// An interval has passed.
    Interval,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_round_trip_is_forgotten_when_the_way_has_become_longer() {
        let (short, long) = (Duration::from_millis(10), Duration::from_millis(60));
        let mut shortest = Shortest::default();
        assert_eq!(shortest.get(), None);
        shortest.saw(short);
        for _ in 1..SOUGHT_ANEW {
            shortest.saw(long);
            assert_eq!(shortest.get(), Some(short), "a burst is no longer way");
        }
        (0..SOUGHT_ANEW).for_each(|_| shortest.saw(long));
        assert_eq!(shortest.get(), Some(short), "it is one of those before");
        shortest.saw(long);
        assert_eq!(shortest.get(), Some(long));
        shortest.saw(short);
        assert_eq!(shortest.get(), Some(short), "shorter is believed at once");
    }
}
