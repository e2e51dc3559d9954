//! The socket of a visitor's connection, as hyper uses it.
//!
//! ```text
//!            bytes                request             answer given        flushed
//!   Quiet ──────────▶ Head ──────────────────▶ Busy ──────────────▶ Ended ───────┐
//!     ▲  (first, or    │                         ▲        │                      │
//!     │   kept alive)  │ hyper's own answer      │        │ 101                  │
//!     │                ▼                         │        ▼                      │
//!     │             Refused                      │       Raw                     │
//!     └──────────────────────────────────────────┴───────────────────────────────┘
//! ```
//! Hyper answers by itself when a head is malformed or too large; such an answer (bytes written while no request is
//! under way) is replaced by one of ours, with a code and an id. The phase also tells for how long a connection may
//! stay as it is. While a request is under way its own bounds hold, as long as hyper asks for more of the answer;
//! hyper does not while the visitor takes nothing, so that is watched here.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use octoporty_proto::model::FailureCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::early::EarlyQueue;
use crate::config::Limits;
use crate::pages;
use crate::shards::sources::Permit;
use crate::state::unix_ms;
use crate::visitor::RequestId;

/// See the module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
enum Phase {
    /// No byte yet.
    New = 0,
    /// Kept alive, nothing under way.
    Quiet = 1,
    /// A head has begun to arrive.
    Head = 2,
    /// A request is under way.
    Busy = 3,
    /// Its answer is all with hyper, not yet all written.
    Ended = 4,
    /// Upgraded: bytes go through as they are.
    Raw = 5,
    /// Refused by hyper; what it writes is replaced.
    Refused = 6,
}

impl Phase {
    const ALL: [Self; 7] = [Self::New, Self::Quiet, Self::Head, Self::Busy, Self::Ended, Self::Raw, Self::Refused];
}

/// Why a connection must end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Expiry {
    /// Nothing came, or nothing for longer than a connection is kept: it is closed without a word.
    Quiet,
    /// A head began and did not end in time: it gets an answer.
    Head,
    /// The visitor does not read.
    Stalled,
}

/// [`ConnectionState::blocked_since`] of a socket that takes bytes.
const NOT_BLOCKED: u64 = u64::MAX;

/// What the parts of one connection share.
#[derive(Debug)]
pub(crate) struct ConnectionState {
    started: Instant,
    phase: AtomicU8,
    /// Milliseconds from `started` to the beginning of the phase.
    since: AtomicU64,
    /// Milliseconds from `started` to when the socket took no more bytes, or [`NOT_BLOCKED`].
    blocked_since: AtomicU64,
    /// Interim answers.
    pub early: Arc<EarlyQueue>,
    /// The visitor speaks HTTP/1.0: for an answer without a length, the end of the connection is the end.
    close_is_an_end: AtomicBool,
}

impl ConnectionState {
    /// A connection that was accepted now.
    pub(crate) fn new() -> Self {
        let phase = AtomicU8::new(Phase::New as u8);
        Self {
            started: Instant::now(),
            phase,
            since: AtomicU64::new(0),
            blocked_since: AtomicU64::new(NOT_BLOCKED),
            early: Arc::default(),
            close_is_an_end: AtomicBool::new(false),
        }
    }

    fn phase(&self) -> Phase {
        Phase::ALL[usize::from(self.phase.load(Ordering::Relaxed))]
    }

    fn enter(&self, phase: Phase) {
        self.since.store(self.elapsed_ms(), Ordering::Relaxed);
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX - 1)
    }

    /// Notes what became of a write. The clock is read only when the socket begins to take nothing.
    fn wrote<T>(&self, written: &Poll<io::Result<T>>) {
        let blocked = self.blocked_since.load(Ordering::Relaxed) != NOT_BLOCKED;
        match written {
            Poll::Pending if !blocked => self.blocked_since.store(self.elapsed_ms(), Ordering::Relaxed),
            Poll::Ready(_) if blocked => self.blocked_since.store(NOT_BLOCKED, Ordering::Relaxed),
            _ => {}
        }
    }

    /// A request's head is whole.
    pub(crate) fn request_begins(&self) {
        self.enter(Phase::Busy);
    }

    /// The visitor of this request speaks this version.
    pub(crate) fn note_version(&self, version: http::Version) {
        self.close_is_an_end.store(version == http::Version::HTTP_10, Ordering::Relaxed);
    }

    /// Hyper has all of the answer.
    pub(crate) fn answer_ended(&self) {
        if self.phase() == Phase::Busy {
            self.enter(Phase::Ended);
        }
    }

    /// The answer is a 101.
    pub(crate) fn upgraded(&self) {
        self.enter(Phase::Raw);
    }

    fn bytes_came(&self) {
        if matches!(self.phase(), Phase::New | Phase::Quiet) {
            self.enter(Phase::Head);
        }
    }

    fn flushed(&self) {
        self.early.mark_clean();
        if self.phase() == Phase::Ended {
            self.enter(Phase::Quiet);
        }
    }

    /// Whether the time is up; else when to ask again.
    pub(crate) fn expiry(&self, now: Instant, limits: &Limits) -> Result<Instant, Expiry> {
        // A head may begin at any moment, and so may a standstill: look again within the shortest of their bounds.
        let again = now + limits.header_timeout.min(limits.idle_timeout);
        let since = self.started + Duration::from_millis(self.since.load(Ordering::Relaxed));
        let (deadline, expiry) = match (self.phase(), self.blocked()) {
            (Phase::New, _) => (since + limits.header_timeout, Expiry::Quiet),
            (Phase::Head, _) => (since + limits.header_timeout, Expiry::Head),
            (Phase::Quiet, _) => (since + limits.keep_alive, Expiry::Quiet),
            (Phase::Refused, _) | (Phase::Ended, None) => (since + limits.keep_alive, Expiry::Stalled),
            (Phase::Busy | Phase::Ended | Phase::Raw, Some(blocked)) => {
                (blocked + limits.idle_timeout, Expiry::Stalled)
            }
            (Phase::Busy | Phase::Raw, None) => return Ok(again),
        };
        if deadline <= now { Err(expiry) } else { Ok(deadline.min(again)) }
    }

    /// Since when the socket takes nothing.
    fn blocked(&self) -> Option<Instant> {
        let since = self.blocked_since.load(Ordering::Relaxed);
        (since != NOT_BLOCKED).then(|| self.started + Duration::from_millis(since))
    }
}

/// The socket.
#[derive(Debug)]
pub(crate) struct VisitorIo {
    socket: TcpStream,
    state: Arc<ConnectionState>,
    /// Ours to write before anything of hyper's.
    ahead: Vec<u8>,
    /// Counts the connection, as long as it lasts.
    permit: Option<Permit>,
}

impl VisitorIo {
    pub(crate) fn new(socket: TcpStream, state: Arc<ConnectionState>, permit: Option<Permit>) -> Self {
        Self { socket, state, ahead: Vec::new(), permit }
    }

    /// Whether an orderly close could pass for the end of an answer that was cut.
    pub(crate) fn is_close_an_end(&self) -> bool {
        self.state.close_is_an_end.load(Ordering::Relaxed)
    }

    /// From now on a close resets the connection: the visitor is not to take a cut for an end in order.
    pub(crate) fn reset_when_closed(&self) -> io::Result<()> {
        self.socket.set_zero_linger()
    }

    /// The bare socket, with what counts it: for a connection that is not HTTP any more.
    pub(crate) fn into_socket(self) -> (TcpStream, Option<Permit>) {
        (self.socket, self.permit)
    }

    fn poll_ahead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            match self.state.early.take() {
                Some(bytes) => self.ahead = bytes,
                None => return Poll::Ready(Ok(())),
            }
        }
        while !self.ahead.is_empty() {
            let written = Pin::new(&mut self.socket).poll_write(cx, &self.ahead);
            self.state.wrote(&written);
            let written = ready!(written)?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.ahead.drain(..written);
        }
        Poll::Ready(Ok(()))
    }

    /// What hyper writes while no request is under way is its own answer to a bad head: ours goes out instead.
    fn replaces(&mut self, hypers: &[u8]) -> bool {
        match self.state.phase() {
            Phase::Refused => true,
            Phase::New | Phase::Quiet | Phase::Head => {
                self.state.enter(Phase::Refused);
                let code = match hypers.get(9..12) {
                    Some(b"431" | b"414") => FailureCode::HeadTooLarge,
                    _ => FailureCode::BadRequest,
                };
                self.ahead = pages::raw_failure(code, &RequestId::new(unix_ms()));
                true
            }
            Phase::Busy | Phase::Ended | Phase::Raw => false,
        }
    }
}

impl AsyncRead for VisitorIo {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(cx, buf))?;
        if buf.filled().len() > before {
            self.state.bytes_came();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for VisitorIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.replaces(buf) {
            return Poll::Ready(Ok(buf.len()));
        }
        ready!(self.poll_ahead(cx))?;
        self.state.early.mark_dirty();
        let written = Pin::new(&mut self.socket).poll_write(cx, buf);
        self.state.wrote(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = bufs.iter().find(|buf| !buf.is_empty());
        if self.replaces(first.map_or(&[], |buf| buf)) {
            return Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()));
        }
        ready!(self.poll_ahead(cx))?;
        self.state.early.mark_dirty();
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, bufs);
        self.state.wrote(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Hyper flushes when all of its own bytes are written.
        self.state.flushed();
        ready!(self.poll_ahead(cx))?;
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_ahead(cx))?;
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits::default()
    }

    fn after(state: &ConnectionState, seconds: u64) -> Result<Instant, Expiry> {
        state.expiry(state.started + Duration::from_secs(seconds), &limits())
    }

    #[test]
    fn a_connection_without_a_byte_ends_after_the_header_timeout_without_a_word() {
        let state = ConnectionState::new();
        assert!(after(&state, 9).is_ok());
        assert_eq!(after(&state, 10), Err(Expiry::Quiet));
    }

    #[test]
    fn half_a_head_gets_an_answer_and_an_idle_connection_is_kept_longer() {
        let state = ConnectionState::new();
        state.bytes_came();
        assert_eq!(after(&state, 11), Err(Expiry::Head));
        state.request_begins();
        assert!(after(&state, 100_000).is_ok(), "a request has bounds of its own");
        state.answer_ended();
        assert_eq!(after(&state, 76), Err(Expiry::Stalled), "hyper has nothing to write and does not end it");
        state.flushed();
        assert!(after(&state, 70).is_ok());
        assert_eq!(after(&state, 76), Err(Expiry::Quiet));
    }

    const BLOCKED: Poll<io::Result<usize>> = Poll::Pending;
    const TAKEN: Poll<io::Result<usize>> = Poll::Ready(Ok(1));

    #[test]
    fn a_visitor_that_stops_reading_is_ended_after_the_idle_time_out_wherever_the_answer_is() {
        let state = ConnectionState::new();
        state.request_begins();
        state.wrote(&BLOCKED);
        assert!(after(&state, 3599).is_ok());
        assert_eq!(after(&state, 3601), Err(Expiry::Stalled), "in the middle of an answer");
        state.answer_ended();
        assert!(after(&state, 3599).is_ok(), "a slow visitor has time to take what hyper still holds");
        assert_eq!(after(&state, 3601), Err(Expiry::Stalled), "at the end of it");
        state.upgraded();
        assert_eq!(after(&state, 3601), Err(Expiry::Stalled), "at the head of an upgrade");
    }

    #[test]
    fn a_visitor_that_reads_slowly_is_not_ended() {
        let state = ConnectionState::new();
        state.request_begins();
        state.wrote(&BLOCKED);
        state.wrote(&TAKEN);
        assert!(after(&state, 100_000).is_ok(), "it takes bytes");
        std::thread::sleep(Duration::from_millis(20));
        state.wrote(&BLOCKED);
        state.answer_ended();
        let limits = Limits { idle_timeout: Duration::from_millis(20), ..limits() };
        let at = |ms| state.expiry(state.started + Duration::from_millis(ms), &limits);
        assert!(at(39).is_ok(), "from the last byte on, and not from the first");
        assert_eq!(at(1_000_000), Err(Expiry::Stalled));
    }

    #[test]
    fn a_flush_in_the_middle_of_an_answer_does_not_end_it() {
        let state = ConnectionState::new();
        state.request_begins();
        state.flushed();
        assert_eq!(state.phase(), Phase::Busy);
    }

    #[test]
    fn the_next_look_is_never_later_than_a_head_may_take() {
        let state = ConnectionState::new();
        state.request_begins();
        state.answer_ended();
        state.flushed();
        let now = state.started + Duration::from_secs(1);
        assert!(state.expiry(now, &limits()).unwrap() <= now + limits().header_timeout);
    }
}
