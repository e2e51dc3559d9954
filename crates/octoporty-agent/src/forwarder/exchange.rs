//! The target's socket as the copy loop sees it: the same bytes, and a watch over whether what the gateway sends
//! still can reach the target.
//!
//! Streams are kept warm, so a target may close its idle connection while the next request is on its way. Those bytes
//! must be reported as never delivered, so that the gateway can send them again without risk:
//!
//! ```text
//!            first bytes written            target's bytes (not 1xx)
//!   Quiet ──────────────────────▶ Asked ─────────────────────────────▶ Quiet
//!     │                             │
//!     └───────── 101 ───────────────┴──▶ Raw (an upgraded connection: a plain pipe for ever)
//! ```
//!
//! In `Quiet`, when the target has ended its direction or the first write fails, nothing of the bytes at hand reached
//! it: the write fails with [`ResetCode::NotDelivered`] inside, which the copy loop carries to the gateway. In every
//! other state half-close holds: the target's end does not end the visitor's direction.
//!
//! A target that answers before it has all of a request, and ends, looks the same here. The copy loop lets what it said
//! leave first: a gateway that has seen bytes of an answer does not ask again.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use octoporty_proto::wire::{Blame, Reset, ResetCode};
use octoporty_tunnel::stream::io_error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::targets::io::TargetIo;

/// Bytes looked for ahead of the first write of an exchange; a target that says something unasked says little.
const LOOK_AHEAD: usize = 512;

/// How a TLS alert begins: its record type and the major version of every TLS.
const TLS_ALERT: [u8; 2] = [0x15, 0x03];

/// Where the two stand; see the module's diagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exchange {
    Quiet,
    Asked(Interim),
    Raw,
}

/// How far the beginning of an answer is read, in whatever cut it comes: as far as shows whether a head is interim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Interim {
    /// So many bytes of [`INTERIM`] have come.
    Start(usize),
    /// The status, without its first digit.
    Status(Option<u8>),
    /// The rest of an interim head.
    Head(Line),
}

/// Of a head's line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// Nothing, or nothing but CR.
    Empty,
    Begun,
}

/// How interim heads begin.
const INTERIM: &[u8] = b"HTTP/1.1 1";

/// The target's own direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TargetEnd {
    /// It may still say something.
    Open,
    /// It finished in order.
    Finished,
}

/// What was read ahead of the copy loop.
#[derive(Debug)]
enum Ahead {
    Nothing,
    Bytes(Bytes),
    Failed(io::Error),
}

/// What a target said first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FirstWord {
    /// Spoken to in plain HTTP, it answered with a TLS alert.
    TlsAlert,
    /// Anything else.
    Other,
}

/// A target's connection in the copy loop.
pub(crate) struct TargetSocket<'a> {
    io: TargetIo,
    exchange: Exchange,
    end: TargetEnd,
    ahead: Ahead,
    /// Told once.
    first_word: Option<Box<dyn FnOnce(FirstWord) + Send + 'a>>,
}

impl<'a> TargetSocket<'a> {
    /// `first_word` is told what the target said first.
    pub(crate) fn new(io: TargetIo, first_word: impl FnOnce(FirstWord) + Send + 'a) -> Self {
        Self {
            io,
            exchange: Exchange::Quiet,
            end: TargetEnd::Open,
            ahead: Ahead::Nothing,
            first_word: Some(Box::new(first_word)),
        }
    }

    /// See [`TargetIo::abort_on_close`].
    pub(crate) fn abort_on_close(&self) {
        self.io.abort_on_close();
    }

    /// Notes bytes that came from the target.
    fn heard(&mut self, bytes: &[u8]) {
        if let Some(tell) = self.first_word.take() {
            let alert = self.io.is_plain() && bytes.starts_with(&TLS_ALERT);
            tell(if alert { FirstWord::TlsAlert } else { FirstWord::Other });
        }
        if let Exchange::Asked(interim) = self.exchange {
            self.exchange = after_answer(interim, bytes);
        }
    }

    /// Reads from the target. TLS that ends without its goodbye counts as an end: many servers leave it out, and
    /// HTTP's own framing shows whether an answer is whole.
    fn poll_hear(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match ready!(Pin::new(&mut self.io).poll_read(cx, buf)) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && !self.io.is_plain() => Poll::Ready(Ok(())),
            read => Poll::Ready(read),
        }
    }

    /// Looks whether the target has ended already, before the first bytes of an exchange are written to it. Costs
    /// no system call unless the socket has news.
    fn look_ahead(&mut self, cx: &mut Context<'_>) {
        if self.end != TargetEnd::Open || !matches!(self.ahead, Ahead::Nothing) {
            return;
        }
        let mut space = [MaybeUninit::uninit(); LOOK_AHEAD];
        let mut buf = ReadBuf::uninit(&mut space);
        match self.poll_hear(cx, &mut buf) {
            Poll::Pending => {}
            Poll::Ready(Ok(())) if buf.filled().is_empty() => self.end = TargetEnd::Finished,
            Poll::Ready(Ok(())) => self.ahead = Ahead::Bytes(Bytes::copy_from_slice(buf.filled())),
            Poll::Ready(Err(error)) => self.ahead = Ahead::Failed(error),
        }
    }

    /// Whether bytes can still be written to the target, asked before each write.
    fn check_delivery(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.exchange != Exchange::Quiet {
            return Ok(());
        }
        self.look_ahead(cx);
        match (&self.ahead, self.end) {
            (Ahead::Failed(error), _) => Err(not_delivered(&error.to_string())),
            (_, TargetEnd::Finished) => Err(not_delivered("it had finished")),
            (_, TargetEnd::Open) => Ok(()),
        }
    }

    /// What became of a write.
    fn wrote(&mut self, written: io::Result<usize>) -> io::Result<usize> {
        match (written, self.exchange) {
            (Err(error), Exchange::Quiet) => Err(not_delivered(&error.to_string())),
            (Ok(length), Exchange::Quiet) if length > 0 => {
                self.exchange = Exchange::Asked(Interim::Start(0));
                Ok(length)
            }
            (written, _) => written,
        }
    }
}

/// The state after the target said `bytes`. Interim answers (1xx) leave a request open; 101 ends HTTP.
fn after_answer(mut interim: Interim, bytes: &[u8]) -> Exchange {
    for byte in bytes {
        interim = match (interim, byte) {
            (Interim::Start(length), byte) if *byte != INTERIM[length] => return Exchange::Quiet,
            (Interim::Start(length), _) if length + 1 < INTERIM.len() => Interim::Start(length + 1),
            (Interim::Start(_), _) => Interim::Status(None),
            (Interim::Status(None), digit) => Interim::Status(Some(*digit)),
            (Interim::Status(Some(b'0')), b'1') => return Exchange::Raw,
            (Interim::Status(Some(_)), _) => Interim::Head(Line::Begun),
            (Interim::Head(Line::Empty), b'\n') => Interim::Start(0),
            (Interim::Head(_), b'\n') => Interim::Head(Line::Empty),
            (Interim::Head(Line::Empty), b'\r') => Interim::Head(Line::Empty),
            (Interim::Head(_), _) => Interim::Head(Line::Begun),
        };
    }
    Exchange::Asked(interim)
}

/// An error that the copy loop turns into this reset.
fn not_delivered(detail: &str) -> io::Error {
    io_error(Reset {
        code: ResetCode::NotDelivered,
        blame: Blame::Target,
        detail: format!("the target had ended the connection: {detail}"),
    })
}

impl AsyncRead for TargetSocket<'_> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        match std::mem::replace(&mut this.ahead, Ahead::Nothing) {
            Ahead::Bytes(mut bytes) => {
                let part = bytes.split_to(bytes.len().min(buf.remaining()));
                buf.put_slice(&part);
                if bytes.has_remaining() {
                    this.ahead = Ahead::Bytes(bytes);
                }
            }
            Ahead::Failed(error) => return Poll::Ready(Err(error)),
            Ahead::Nothing if this.end != TargetEnd::Open => return Poll::Ready(Ok(())),
            Ahead::Nothing => match ready!(this.poll_hear(cx, buf)) {
                // The writing side gets one turn first: bytes that wait there were never delivered.
                Err(error) if this.exchange == Exchange::Quiet => {
                    this.ahead = Ahead::Failed(error);
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                read => read?,
            },
        }
        if buf.filled().len() == before {
            this.end = TargetEnd::Finished;
        } else {
            this.heard(&buf.filled()[before..]);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for TargetSocket<'_> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check_delivery(cx)?;
        let written = ready!(Pin::new(&mut self.io).poll_write(cx, buf));
        Poll::Ready(self.wrote(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check_delivery(cx)?;
        let written = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, bufs));
        Poll::Ready(self.wrote(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ended = ready!(Pin::new(&mut self.io).poll_shutdown(cx));
        // A target that has ended its side already may be wholly gone; there is nothing left to tell it.
        Poll::Ready(if self.end == TargetEnd::Open { ended } else { Ok(()) })
    }
}

#[cfg(test)]
mod tests;
