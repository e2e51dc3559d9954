//! Where a visitor's connection stands, and for how long it may stay there.
//!
//! ```text
//!            bytes           head is whole
//!   Quiet ──────────▶ Head ────────────────▶ Busy
//!     ▲  (New at first)                       │
//!     └───────────────────────────────────────┘
//!        answer written, request's body over
//! ```
//! While a request is under way its own bounds hold, as long as its answer is asked for more; it is not while the
//! visitor takes nothing, so that is watched here.

use std::io;
use std::task::Poll;
use std::time::Instant;

use crate::config::Limits;

/// See the module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// No byte yet.
    New,
    /// Kept alive, nothing under way.
    Quiet,
    /// A head has begun to arrive.
    Head,
    /// A request is under way.
    Busy,
}

/// Why a connection must end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Expiry {
    /// Nothing came, or nothing for longer than a connection is kept: it is closed without a word.
    Quiet,
    /// A head began and did not end in time: it gets an answer.
    Head,
    /// The visitor does not read.
    Stalled,
}

/// Phase and clock of one connection.
#[derive(Debug)]
pub(super) struct Progress {
    phase: Phase,
    since: Instant,
    /// When the socket began to take nothing.
    blocked: Option<Instant>,
}

impl Progress {
    /// Of a connection that was accepted now.
    pub(super) fn new() -> Self {
        Self { phase: Phase::New, since: Instant::now(), blocked: None }
    }

    /// The first bytes of a head came.
    pub(super) fn head_begins(&mut self) {
        if self.is_idle() {
            (self.phase, self.since) = (Phase::Head, Instant::now());
        }
    }

    /// A request's head is whole. Its bounds are its own, so the clock is not looked at.
    pub(super) fn request_begins(&mut self) {
        self.phase = Phase::Busy;
    }

    /// Nothing is under way any more, since this moment.
    pub(super) fn request_ended(&mut self, ended: Instant) {
        (self.phase, self.since) = (Phase::Quiet, ended);
    }

    /// Whether nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::New | Phase::Quiet)
    }

    /// Notes what became of a write. The clock is read only when the socket begins to take nothing.
    pub(super) fn wrote<T>(&mut self, written: &Poll<io::Result<T>>) {
        match written {
            Poll::Pending if self.blocked.is_none() => self.blocked = Some(Instant::now()),
            Poll::Pending => {}
            Poll::Ready(_) => self.blocked = None,
        }
    }

    /// Whether the time is up; else when to ask again.
    pub(super) fn expiry(&self, now: Instant, limits: &Limits) -> Result<Instant, Expiry> {
        // A head may begin at any moment, and so may a standstill: look again within the shortest of their bounds.
        let again = now + limits.header_timeout.min(limits.idle_timeout);
        let (deadline, expiry) = match (self.phase, self.blocked) {
            (Phase::New, _) => (self.since + limits.header_timeout, Expiry::Quiet),
            (Phase::Head, _) => (self.since + limits.header_timeout, Expiry::Head),
            (Phase::Quiet, _) => (self.since + limits.keep_alive, Expiry::Quiet),
            (Phase::Busy, Some(blocked)) => (blocked + limits.idle_timeout, Expiry::Stalled),
            (Phase::Busy, None) => return Ok(again),
        };
        if deadline <= now { Err(expiry) } else { Ok(deadline.min(again)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn limits() -> Limits {
        Limits::default()
    }

    fn after(progress: &Progress, seconds: u64) -> Result<Instant, Expiry> {
        progress.expiry(progress.since + Duration::from_secs(seconds), &limits())
    }

    #[test]
    fn a_connection_without_a_byte_ends_after_the_header_timeout_without_a_word() {
        let progress = Progress::new();
        assert!(after(&progress, 9).is_ok());
        assert_eq!(after(&progress, 10), Err(Expiry::Quiet));
    }

    #[test]
    fn half_a_head_gets_an_answer_and_an_idle_connection_is_kept_longer() {
        let mut progress = Progress::new();
        progress.head_begins();
        assert_eq!(after(&progress, 10), Err(Expiry::Head));
        progress.request_begins();
        assert!(after(&progress, 100_000).is_ok(), "a request has bounds of its own");
        progress.request_ended(Instant::now());
        assert!(after(&progress, 74).is_ok());
        assert_eq!(after(&progress, 75), Err(Expiry::Quiet));
    }

    const BLOCKED: Poll<io::Result<usize>> = Poll::Pending;
    const TAKEN: Poll<io::Result<usize>> = Poll::Ready(Ok(1));

    #[test]
    fn a_visitor_that_stops_reading_is_ended_after_the_idle_time_out() {
        let mut progress = Progress::new();
        progress.request_begins();
        progress.wrote(&BLOCKED);
        assert!(after(&progress, 3599).is_ok());
        assert_eq!(after(&progress, 3601), Err(Expiry::Stalled));
    }

    #[test]
    fn a_visitor_that_reads_slowly_is_not_ended() {
        let mut progress = Progress::new();
        progress.request_begins();
        progress.wrote(&BLOCKED);
        let first = progress.blocked;
        progress.wrote(&BLOCKED);
        assert_eq!(progress.blocked, first, "one standstill has one beginning");
        progress.wrote(&TAKEN);
        assert!(after(&progress, 100_000).is_ok(), "it takes bytes");
        progress.wrote(&BLOCKED);
        assert!(progress.blocked >= first, "the next standstill begins anew");
    }

    #[test]
    fn the_next_look_is_never_later_than_a_head_may_take() {
        let mut progress = Progress::new();
        progress.request_begins();
        progress.request_ended(Instant::now());
        let now = progress.since + Duration::from_secs(1);
        assert!(progress.expiry(now, &limits()).unwrap() <= now + limits().header_timeout);
    }
}
