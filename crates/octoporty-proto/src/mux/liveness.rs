//! Is the peer there, and how far away?
//!
//! A probe goes out every interval through the data path. Whatever comes from the peer shows that it lives; two
//! intervals with nothing end the link. Only a pong measures the round trip.

use std::time::{Duration, Instant};

use super::LinkError;

/// Probes whose answers are still awaited; older ones are forgotten. A line slower than this many intervals is
/// found silent long before.
const AWAITED: usize = 4;

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
    shortest: Option<Duration>,
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
            shortest: None,
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
        self.shortest = Some(self.shortest.map_or(round_trip, |shortest| shortest.min(round_trip)));
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

    pub(super) const fn shortest(&self) -> Option<Duration> {
        self.shortest
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
