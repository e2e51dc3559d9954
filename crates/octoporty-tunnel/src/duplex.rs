//! The one copy loop of every byte path: a socket on one side, a stream on the other, half-close right.
//!
//! Each direction ends by itself; the end of one never ends the other. A reset or a broken socket ends both at once
//! and is carried over to the other side with its blame.

mod down;
mod up;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use octoporty_proto::wire::{Blame, Reset, ResetCode};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep};

use self::down::{Down, DownStep};
use self::up::{Up, UpStep};
use crate::stream::{Stream, reset_of};

/// How a pair ended and what it moved.
#[derive(Debug)]
pub struct DuplexEnd {
    /// Bytes from the socket into the stream.
    pub to_stream: u64,
    /// Bytes from the stream into the socket.
    pub to_socket: u64,
    /// Why.
    pub cause: DuplexCause,
}

/// Why a pair ended.
#[derive(Debug)]
pub enum DuplexCause {
    /// Both directions finished in order.
    Finished,
    /// The stream was reset by the other side of the tunnel, or its link died.
    StreamReset(Reset),
    /// The socket broke.
    SocketBroke(std::io::Error),
    /// No byte moved either way for the idle bound.
    Idle,
}

/// Bytes moved, counted while they move; may be shared by many pairs.
#[derive(Debug, Default)]
pub struct Counters {
    /// From sockets into streams. Compare with [`DuplexEnd::to_stream`].
    pub to_stream: AtomicU64,
    /// From streams into sockets. Compare with [`DuplexEnd::to_socket`].
    pub to_socket: AtomicU64,
}

/// How a pair is watched.
#[derive(Clone, Debug)]
pub struct DuplexConfig {
    /// End the pair when no byte moved either way for this long; `None`: never.
    pub idle: Option<Duration>,
    /// Most bytes of one read from the socket.
    pub buffer: usize,
    /// How a broken socket is told to the other side of the tunnel; the particulars are added. A socket whose error
    /// holds a reset (see [`crate::stream::io_error`]) is told by that one instead: at once, or behind what it had said
    /// before. If that does not get through in time, this code it is, since the reset knows nothing of what was said.
    pub broken: ResetCode,
    /// Whose end the socket is.
    pub blame: Blame,
    /// Counted into while bytes move.
    pub counters: Option<Arc<Counters>>,
}

impl DuplexConfig {
    /// Most bytes of one read; reads grow to it only while they are filled. More than 64 KiB, so that a body of that size
    /// comes in one read with its head.
    pub const BUFFER: usize = 256 * 1024;

    /// The pair of an agent: its socket is the target's.
    #[must_use]
    pub const fn target() -> Self {
        Self { idle: None, buffer: Self::BUFFER, broken: ResetCode::TargetReset, blame: Blame::Target, counters: None }
    }

    /// The pair of a gateway: its socket is the visitor's.
    #[must_use]
    pub const fn visitor() -> Self {
        Self { idle: None, buffer: Self::BUFFER, broken: ResetCode::Cancelled, blame: Blame::Visitor, counters: None }
    }
}

/// After the socket took no more bytes, what it had sent before still goes through; then the other side has this
/// long to end by itself before the stream is reset.
const LINGER: Duration = Duration::from_secs(5);

/// How long bytes that came before a socket broke may take to leave, ahead of the reset. A target is told within a
/// second that its visitor is gone.
const fn last_bytes(blame: Blame) -> Duration {
    match blame {
        Blame::Visitor => Duration::from_millis(500),
        _ => LINGER,
    }
}

/// Copies both ways until both are done. `first` is written to the socket before anything else (bytes already taken
/// off the stream).
pub fn duplex<S>(
    socket: S,
    stream: Stream,
    first: Bytes,
    config: DuplexConfig,
) -> impl Future<Output = DuplexEnd> + Send + use<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let DuplexConfig { idle, buffer, broken, blame, counters } = config;
    let (up, down, watch) = (Up::new(buffer), Down::new(first), Watch::new(idle));
    let mut pair = Pair { socket, stream, up, down, watch, counters };
    // A pair may stand for days: what it is made of is kept once, and what its end takes only then.
    async move {
        let cause = std::future::poll_fn(|cx| pair.poll(cx)).await;
        let end = DuplexEnd { to_stream: pair.up.moved, to_socket: pair.down.moved, cause };
        let is_told_already = match &end.cause {
            DuplexCause::Finished | DuplexCause::StreamReset(_) => true,
            // Both directions of the stream ended in order: a reset would only drop what is still queued of them.
            DuplexCause::SocketBroke(error) => pair.up.is_done() && pair.down.is_done() && !is_told(error),
            DuplexCause::Idle => false,
        };
        if !is_told_already {
            Box::pin(tell_stream(pair.stream, &end.cause, (broken, blame))).await;
        }
        end
    }
}

/// Tells the stream why its pair ended.
async fn tell_stream(stream: Stream, cause: &DuplexCause, (broken, blame): (ResetCode, Blame)) {
    let reset = match cause {
        DuplexCause::Finished | DuplexCause::StreamReset(_) => return,
        DuplexCause::SocketBroke(error) => {
            // A reset drops what is still queued, and a target that answers and closes hard has said all of it.
            let sent = tokio::time::timeout(last_bytes(blame), stream.sent()).await;
            match (reset_of(error), sent) {
                (Some(reset), Ok(())) => reset.clone(),
                (Some(reset), Err(_)) => Reset { code: broken, blame, detail: reset.detail.clone() },
                (None, _) => Reset { code: broken, blame, detail: error.to_string() },
            }
        }
        DuplexCause::Idle => Reset::new(ResetCode::IdleTimeout, blame),
    };
    stream.reset(reset);
}

/// Whether a socket's error says how the stream is to be reset.
fn is_told(error: &std::io::Error) -> bool {
    reset_of(error).is_some()
}

struct Pair<S> {
    socket: S,
    stream: Stream,
    up: Up,
    down: Down,
    watch: Watch,
    counters: Option<Arc<Counters>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Pair<S> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<DuplexCause> {
        let before = (self.up.moved, self.down.moved);
        let ended = self.poll_both(cx);
        self.count(before);
        if before != (self.up.moved, self.down.moved) {
            self.watch.moved();
        }
        match ended {
            Some(cause) => Poll::Ready(cause),
            None => self.poll_watch(cx),
        }
    }

    /// Down first: it gives what came before a reset, and a broken socket shows there.
    fn poll_both(&mut self, cx: &mut Context<'_>) -> Option<DuplexCause> {
        match self.down.poll(&mut self.socket, &mut self.stream, cx) {
            DownStep::Waiting => {}
            DownStep::SocketIsFull => {
                if let Poll::Ready(reset) = self.stream.poll_reset(cx) {
                    return Some(DuplexCause::StreamReset(reset));
                }
            }
            DownStep::Done => {
                if !self.up.is_done()
                    && let Poll::Ready(reset) = self.stream.poll_reset(cx)
                {
                    return Some(DuplexCause::StreamReset(reset));
                }
            }
            DownStep::Reset(reset) => {
                return Some(
                    self.down.broken.take().map_or_else(|| DuplexCause::StreamReset(reset), DuplexCause::SocketBroke),
                );
            }
        }
        let room = self.down.take_room();
        match self.up.poll(&mut self.socket, &mut self.stream, room, cx) {
            // The socket itself says how the stream is to be reset, and has nothing more to say.
            UpStep::Waiting | UpStep::Done if self.down.broken.as_ref().is_some_and(is_told) => {
                self.down.broken.take().map(DuplexCause::SocketBroke)
            }
            UpStep::Waiting | UpStep::NoRoom => None,
            UpStep::Done if self.down.is_done() => {
                Some(self.down.broken.take().map_or(DuplexCause::Finished, DuplexCause::SocketBroke))
            }
            UpStep::Done => None,
            UpStep::Reset(reset) => Some(DuplexCause::StreamReset(reset)),
            UpStep::Broke(error) => Some(DuplexCause::SocketBroke(self.down.broken.take().unwrap_or(error))),
        }
    }

    fn poll_watch(&mut self, cx: &mut Context<'_>) -> Poll<DuplexCause> {
        if self.down.broken.is_some() && self.up.is_done() {
            self.watch.linger();
        }
        if self.watch.poll(cx).is_pending() {
            return Poll::Pending;
        }
        Poll::Ready(self.down.broken.take().map_or(DuplexCause::Idle, DuplexCause::SocketBroke))
    }

    fn count(&self, (up, down): (u64, u64)) {
        if let Some(counters) = &self.counters {
            if self.up.moved != up {
                counters.to_stream.fetch_add(self.up.moved - up, Ordering::Relaxed);
            }
            if self.down.moved != down {
                counters.to_socket.fetch_add(self.down.moved - down, Ordering::Relaxed);
            }
        }
    }
}

/// Notices that nothing moves. The timer is not touched by bytes: it looks when it rings.
enum Watch {
    Never,
    Idle { bound: Duration, last: Instant, timer: Pin<Box<Sleep>> },
    Linger(Pin<Box<Sleep>>),
}

impl Watch {
    fn new(idle: Option<Duration>) -> Self {
        idle.map_or(Self::Never, |bound| Self::Idle {
            bound,
            last: Instant::now(),
            timer: Box::pin(tokio::time::sleep(bound)),
        })
    }

    fn moved(&mut self) {
        if let Self::Idle { last, .. } = self {
            *last = Instant::now();
        }
    }

    fn linger(&mut self) {
        if !matches!(self, Self::Linger(_)) {
            *self = Self::Linger(Box::pin(tokio::time::sleep(LINGER)));
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Never => Poll::Pending,
            Self::Linger(timer) => timer.as_mut().poll(cx),
            Self::Idle { bound, last, timer } => loop {
                std::task::ready!(timer.as_mut().poll(cx));
                let ends = *last + *bound;
                if ends <= Instant::now() {
                    return Poll::Ready(());
                }
                timer.as_mut().reset(ends);
            },
        }
    }
}
