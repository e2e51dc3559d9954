//! A stream of a link as bytes: zero-copy by [`Stream::poll_recv`] and [`Stream::poll_send`], or as
//! [`AsyncRead`] and [`AsyncWrite`]. Dropped unfinished, it is reset as cancelled.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use octoporty_proto::mux::Recv;
use octoporty_proto::wire::{Reset, ResetCode, StreamId};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::link::{Shared, Wait};

/// One end of a stream.
#[derive(Debug)]
pub struct Stream {
    shared: Arc<Shared>,
    id: StreamId,
    /// Received and not yet taken by [`AsyncRead`].
    rest: Bytes,
}

/// Where [`Stream::poll_take`] puts what it takes.
pub(crate) trait Taker {
    /// Whether another piece is taken.
    fn has_room(&self) -> bool;

    /// A piece that counts as received until it is told by [`Self::consumed`].
    fn take(&mut self, bytes: Bytes);

    /// A piece that counts no longer.
    fn take_over(&mut self, bytes: Bytes);

    /// How many bytes of those that counted are done with since it was asked last.
    fn consumed(&mut self) -> u64;

    /// How many bytes the stream may send, when there was nothing to take; asked in the same turn of the lock.
    fn note_room(&mut self, room: usize);
}

/// A stream's state as it is this moment, without waiting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Peek {
    /// Open, nothing to read: fit to be used again.
    Quiet,
    /// Something to read, finished by the peer, or reset: not fit.
    Stirred,
}

impl Stream {
    pub(crate) const fn new(shared: Arc<Shared>, id: StreamId) -> Self {
        Self { shared, id, rest: Bytes::new() }
    }

    /// Number on its link.
    #[must_use]
    pub fn id(&self) -> StreamId {
        self.id
    }

    /// Next received bytes; `None` when the peer finished.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Reset>> {
        if !self.rest.is_empty() {
            return Poll::Ready(Ok(Some(std::mem::take(&mut self.rest))));
        }
        self.shared.with(|state| match state.mux.recv_at(self.id, Instant::now) {
            Ok(Recv::Data(bytes)) => Poll::Ready(Ok(Some(bytes))),
            Ok(Recv::Finished) => Poll::Ready(Ok(None)),
            Ok(Recv::Blocked) => {
                state.wait(self.id, Wait::Read, cx);
                Poll::Pending
            }
            Err(reset) => Poll::Ready(Err(reset)),
        })
    }

    /// Fills `taken` as far as it goes, in one turn of the lock, and says how much of what was taken before is done
    /// with: until then it counts as received, so that what waits for a slow socket is bounded by the window and by the
    /// link's cap. Ready when nothing more will come; pending else. The task is woken when there is more if nothing was
    /// taken: who took something comes again when it is done with that.
    pub(crate) fn poll_take(&mut self, cx: &Context<'_>, taken: &mut impl Taker) -> Poll<Result<(), Reset>> {
        if !self.rest.is_empty() {
            // Credit for these went back when they were received.
            taken.take_over(std::mem::take(&mut self.rest));
        }
        self.shared.with(|state| {
            let consumed = taken.consumed();
            if consumed > 0 {
                state.mux.consumed(Instant::now(), self.id, consumed);
            }
            let mut is_quiet = true;
            while taken.has_room() {
                match state.mux.take(self.id) {
                    Ok(Recv::Data(bytes)) => {
                        is_quiet &= bytes.is_empty();
                        taken.take(bytes);
                    }
                    Ok(Recv::Finished) => return Poll::Ready(Ok(())),
                    Ok(Recv::Blocked) => {
                        if is_quiet {
                            state.wait(self.id, Wait::Read, cx);
                            taken.note_room(state.capacity(self.id).unwrap_or(0));
                        }
                        return Poll::Pending;
                    }
                    Err(reset) => return Poll::Ready(Err(reset)),
                }
            }
            Poll::Pending
        })
    }

    /// As [`Self::poll_recv`].
    ///
    /// # Errors
    /// The stream was reset.
    pub async fn recv(&mut self) -> Result<Option<Bytes>, Reset> {
        std::future::poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Takes as many bytes off the front of `data` as there is room for; ready when at least one was taken
    /// (or `data` was empty).
    pub fn poll_send(&mut self, cx: &mut Context<'_>, data: &mut Bytes) -> Poll<Result<(), Reset>> {
        if data.is_empty() {
            return Poll::Ready(Ok(()));
        }
        self.shared.with(|state| match state.send(self.id, data) {
            Ok(0) => {
                state.wait(self.id, Wait::Write, cx);
                Poll::Pending
            }
            Ok(_) => Poll::Ready(Ok(())),
            Err(reset) => Poll::Ready(Err(reset)),
        })
    }

    /// As [`Self::poll_send`]; says how many bytes more may be sent behind `data` when all of it was taken. 0: that is
    /// to be asked by [`Self::poll_capacity`].
    pub(crate) fn poll_send_on(&mut self, cx: &Context<'_>, data: &mut Bytes) -> Poll<Result<usize, Reset>> {
        self.shared.with(|state| match state.send(self.id, data) {
            Ok(0) => {
                state.wait(self.id, Wait::Write, cx);
                Poll::Pending
            }
            Ok(_) if data.is_empty() => Poll::Ready(state.capacity(self.id)),
            Ok(_) => Poll::Ready(Ok(0)),
            Err(reset) => Poll::Ready(Err(reset)),
        })
    }

    /// Ready with how many bytes may be sent, once that is not zero: reserve before reading.
    pub fn poll_capacity(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Reset>> {
        self.shared.with(|state| match state.capacity(self.id) {
            Ok(0) => {
                state.wait(self.id, Wait::Write, cx);
                Poll::Pending
            }
            other => Poll::Ready(other),
        })
    }

    /// Sends all of `data`.
    ///
    /// # Errors
    /// The stream was reset.
    pub async fn send(&mut self, mut data: Bytes) -> Result<(), Reset> {
        while !data.is_empty() {
            std::future::poll_fn(|cx| self.poll_send(cx, &mut data)).await?;
        }
        Ok(())
    }

    /// Bytes that were given to the stream and are not known to be taken at its other end. Known is that in steps: of some
    /// hundred KiB, or a part of the window.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.shared.with(|state| state.in_flight(self.id))
    }

    /// Waits until all that the stream was given has left for the link, or the stream was reset. What is done to the
    /// stream next, even a reset, arrives behind it.
    pub async fn sent(&self) {
        loop {
            let mut changed = std::pin::pin!(self.shared.changed.notified());
            changed.as_mut().enable();
            let is_sent = self.shared.with(|state| {
                let is_sent = state.unsent(self.id) == 0;
                if !is_sent {
                    state.watch();
                }
                is_sent
            });
            if is_sent {
                return;
            }
            changed.await;
        }
    }

    /// Ends this direction after what was sent.
    ///
    /// # Errors
    /// The stream was reset.
    pub fn finish(&mut self) -> Result<(), Reset> {
        self.shared.with(|state| state.finish(self.id))
    }

    /// Ends both directions at once.
    pub fn reset(self, reset: Reset) {
        self.shared.with(|state| state.mux.reset(self.id, reset));
    }

    /// Waits until the stream is reset by the peer or its link dies, without reading.
    pub async fn was_reset(&self) -> Reset {
        std::future::poll_fn(|cx| self.poll_reset(cx)).await
    }

    /// As [`Self::was_reset`].
    pub fn poll_reset(&self, cx: &mut Context<'_>) -> Poll<Reset> {
        self.shared.with(|state| match state.mux.reset_of(self.id) {
            Some(reset) => Poll::Ready(reset.clone()),
            None => {
                state.wait(self.id, Wait::Reset, cx);
                Poll::Pending
            }
        })
    }

    /// Looks without waiting.
    #[must_use]
    pub fn peek(&self) -> Peek {
        let stirred = !self.rest.is_empty() || self.shared.lock().mux.is_readable(self.id);
        if stirred { Peek::Stirred } else { Peek::Quiet }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.shared.with(|state| state.release(self.id));
    }
}

/// A reset is an [`std::io::Error`] of kind `ConnectionReset` with the [`Reset`] inside (see [`reset_of`]).
impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        match ready!(self.poll_recv(cx)) {
            Ok(Some(mut bytes)) => {
                let taken = bytes.len().min(buf.remaining());
                // Split and not advanced: an empty end would hold the block that it lies in.
                buf.put_slice(&bytes.split_to(taken));
                self.rest = bytes;
                Poll::Ready(Ok(()))
            }
            Ok(None) => Poll::Ready(Ok(())),
            Err(reset) => Poll::Ready(Err(io_error(reset))),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let room = ready!(self.poll_capacity(cx)).map_err(io_error)?;
        let length = room.min(buf.len());
        let mut data = Bytes::copy_from_slice(&buf[..length]);
        ready!(self.poll_send(cx, &mut data)).map_err(io_error)?;
        Poll::Ready(Ok(length - data.len()))
    }

    /// Sent bytes need no push: the link's task writes whatever is queued.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.finish().map_err(io_error))
    }
}

/// An I/O error's inside.
#[derive(Debug)]
struct ResetError(Reset);

impl std::fmt::Display for ResetError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the stream was reset: {} (by the {:?})", self.0.code.name(), self.0.blame)?;
        if self.0.detail.is_empty() { Ok(()) } else { write!(f, ": {}", self.0.detail) }
    }
}

impl std::error::Error for ResetError {}

/// An I/O error with `reset` inside (see [`reset_of`]), also for sockets in front of a [`crate::duplex::duplex`] that
/// know better than it why their side broke.
#[must_use]
pub fn io_error(reset: Reset) -> io::Error {
    let kind = match reset.code {
        ResetCode::Internal => io::ErrorKind::BrokenPipe,
        _ => io::ErrorKind::ConnectionReset,
    };
    io::Error::new(kind, ResetError(reset))
}

/// The [`Reset`] inside an I/O error that a [`Stream`] gave.
#[must_use]
pub fn reset_of(error: &io::Error) -> Option<&Reset> {
    error.get_ref()?.downcast_ref::<ResetError>().map(|inside| &inside.0)
}
