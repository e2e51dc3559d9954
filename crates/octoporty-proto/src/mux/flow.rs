//! The books of flow control. All counts are raw bytes, before compression.
//!
//! Both ends of a stream's direction keep the same account: the sender what it sent and did not get back, the
//! receiver what it got and did not give back. The sender's figure is never below the receiver's, for every stream,
//! at any time; so a limit that the sender keeps is never seen broken by the receiver.

use std::time::{Duration, Instant};

/// Bytes that wait to be given back while their stream flows are a quarter of the window, but of a window that has
/// grown they are this or a sixteenth of it: what waits is missing from the window of a stream that the window limits,
/// and a quarter would cost a quarter of its throughput.
const RETURN_AT: u64 = 128 * 1024;

/// A shortest round trip below this counts as this: on a fast line the wake-ups of both ends take longer than the
/// line does. Not by much: a busy reader takes what has come in gulps, each of which looks like a fast line. With 1 ms
/// windows grew to megabytes between two ends of one machine, 3 to 11 MB waited to be read from a link, and small answers
/// beside downloads behind them.
const LEAST_ROUND_TRIP: Duration = Duration::from_micros(100);

/// A limit on what all streams of a link hold together, of which each may hold `floor` bytes outside of the limit.
///
/// The limit is on the sum of what each holds above the floor. That depends on nothing but the present holdings, not
/// on the order in which they came to be, so both ends of a link can enforce it.
#[derive(Debug, Clone)]
pub(super) struct SharedCap {
    /// Beyond this the limit is broken.
    limit: u64,
    /// What whoever fills it keeps to: the limit, or less when the other end said so.
    agreed: u64,
    floor: u64,
    excess: u64,
}

impl SharedCap {
    pub(super) const fn new(limit: u64, floor: u64) -> Self {
        Self { limit, agreed: limit, floor, excess: 0 }
    }

    /// The other end keeps to so much; never above the limit.
    pub(super) fn agree(&mut self, limit: u64) {
        self.agreed = limit.min(self.limit);
    }

    /// How many more bytes one that holds `held` may take.
    pub(super) const fn room(&self, held: u64) -> u64 {
        self.floor.saturating_sub(held) + self.shared_room()
    }

    /// What is left for all above their floors.
    pub(super) const fn shared_room(&self) -> u64 {
        self.agreed.saturating_sub(self.excess)
    }

    /// One that held `before` holds `after` now.
    pub(super) const fn change(&mut self, before: u64, after: u64) {
        self.excess = self.excess - before.saturating_sub(self.floor) + after.saturating_sub(self.floor);
    }

    /// More than half used.
    pub(super) const fn is_tight(&self) -> bool {
        self.excess > self.agreed / 2
    }

    /// Less than a quarter used.
    pub(super) const fn is_loose(&self) -> bool {
        self.excess < self.agreed / 4
    }

    pub(super) const fn is_exceeded(&self) -> bool {
        self.excess > self.limit
    }

    pub(super) const fn floor(&self) -> u64 {
        self.floor
    }

    #[cfg(test)]
    pub(super) const fn excess(&self) -> u64 {
        self.excess
    }
}

/// Whether the link's shared cap is nearly used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pressure {
    /// Bytes are given back a quarter of a window at a time.
    Low,
    /// Bytes are given back as soon as a stream's reader has caught up.
    High,
}

/// The receiver's account of one stream.
#[derive(Debug)]
pub(super) struct ReceiveAccount {
    window: u64,
    /// Received and not given back; never above the window.
    outstanding: u64,
    /// With the reader, who is not done with them; part of `outstanding`.
    held: u64,
    /// The reader is done with them, and they were not given back yet; part of `outstanding`.
    taken: u64,
    /// Taken since the present round began; a round is one window.
    round_taken: u64,
    round_began: Option<Instant>,
}

impl ReceiveAccount {
    pub(super) const fn new(window: u64) -> Self {
        Self { window, outstanding: 0, held: 0, taken: 0, round_taken: 0, round_began: None }
    }

    #[cfg(test)]
    pub(super) const fn window(&self) -> u64 {
        self.window
    }

    pub(super) const fn outstanding(&self) -> u64 {
        self.outstanding
    }

    pub(super) const fn taken(&self) -> u64 {
        self.taken
    }

    /// Bytes came; `false` when the window does not allow them.
    #[must_use]
    pub(super) const fn received(&mut self, bytes: u64) -> bool {
        self.outstanding += bytes;
        self.outstanding <= self.window
    }

    pub(super) const fn held(&self) -> u64 {
        self.held
    }

    /// The reader has bytes, and is not done with them.
    pub(super) const fn lend(&mut self, bytes: u64) {
        self.held += bytes;
    }

    /// The reader is done with bytes that it had. Gives by how much the window should grow: it doubles when a whole window was taken
    /// within about two round trips, since then the window is what limits the stream.
    pub(super) fn took(&mut self, bytes: u64, now: Instant, growth: &Growth) -> u64 {
        debug_assert!(bytes <= self.held, "a reader is done only with what it had");
        let bytes = bytes.min(self.held);
        self.held -= bytes;
        self.taken += bytes;
        self.round_taken += bytes;
        let began = *self.round_began.get_or_insert(now);
        if self.round_taken < self.window {
            return 0;
        }
        self.round_taken = 0;
        self.round_began = Some(now);
        let Some(round_trip) = growth.round_trip else { return 0 };
        if now.saturating_duration_since(began) > 2 * round_trip.max(LEAST_ROUND_TRIP) {
            return 0;
        }
        let wider = (self.window * 2).min(growth.max_window).max(self.window);
        let by = wider - self.window;
        self.window = wider;
        by
    }

    /// Whether what was taken is enough to be worth a Window frame.
    pub(super) fn is_due(&self) -> bool {
        self.taken > 0 && self.taken >= (self.window / 16).max(RETURN_AT).min(self.window / 4)
    }

    /// Gives back what was taken.
    pub(super) const fn give_back(&mut self) -> u64 {
        let bytes = self.taken;
        self.outstanding -= bytes;
        self.taken = 0;
        bytes
    }

    /// Gives back everything, taken or not: nobody will read it.
    pub(super) const fn give_back_all(&mut self) -> u64 {
        let bytes = self.outstanding;
        self.outstanding = 0;
        self.held = 0;
        self.taken = 0;
        bytes
    }
}

/// What growth of a window depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Growth {
    /// The shortest round trip seen; none: no growth.
    pub(super) round_trip: Option<Duration>,
    /// Where it ends.
    pub(super) max_window: u64,
}

/// The sender's account of one stream.
#[derive(Debug)]
pub(super) struct SendAccount {
    window: u64,
    /// Queued or sent, and not given back; never above the window.
    in_flight: u64,
}

/// No window grows beyond this, whoever asks: counts stay far from their type's end.
const WINDOW_LIMIT: u64 = 1 << 30;

impl SendAccount {
    pub(super) const fn new(window: u64) -> Self {
        Self { window, in_flight: 0 }
    }

    pub(super) const fn room(&self) -> u64 {
        self.window.saturating_sub(self.in_flight)
    }

    pub(super) const fn in_flight(&self) -> u64 {
        self.in_flight
    }

    #[cfg(test)]
    pub(super) const fn window(&self) -> u64 {
        self.window
    }

    pub(super) const fn queued(&mut self, bytes: u64) {
        self.in_flight += bytes;
    }

    /// The peer gave bytes back; `false` when these were never sent. `unsent` are queued still.
    #[must_use]
    pub(super) const fn returned(&mut self, bytes: u64, unsent: u64) -> bool {
        if bytes + unsent > self.in_flight {
            return false;
        }
        self.in_flight -= bytes;
        true
    }

    /// The peer widened the window; `false` when that is beyond reason.
    #[must_use]
    pub(super) const fn widened(&mut self, bytes: u64) -> bool {
        self.window += bytes;
        self.window <= WINDOW_LIMIT
    }

    /// The stream is reset: everything is back at both ends.
    pub(super) const fn clear(&mut self) -> u64 {
        let bytes = self.in_flight;
        self.in_flight = 0;
        bytes
    }
}
