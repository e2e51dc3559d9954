//! From the stream into the socket: chunks are gathered and leave in one vectored write where the socket can.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use octoporty_proto::wire::Reset;
use tokio::io::AsyncWrite;

use crate::stream::Stream;

/// Most chunks of one vectored write.
const MOST_CHUNKS: usize = 16;

/// Bytes taken off the stream ahead of the socket; the rest waits in the stream's window, where it holds the peer.
const MOST_BYTES: usize = 256 * 1024;

/// Writes of one turn before others on the runtime get theirs.
const TURNS: usize = 32;

/// The direction's state.
pub(super) struct Down {
    queue: VecDeque<Bytes>,
    queued: usize,
    phase: Phase,
    pub(super) moved: u64,
    /// [`Self::moved`] when the socket was flushed last.
    flushed: u64,
    /// The error of a socket that takes no more bytes, while what it had sent before still goes up.
    pub(super) broken: Option<io::Error>,
}

/// ```text
/// Copying -> Flushing -> Copying            (all that came is written; tell the socket's own buffer)
/// Copying -> Closing -> Done                (the stream finished)
/// any -> Discarding -> Done                 (the socket broke)
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Copying,
    Flushing,
    Closing,
    Discarding,
    Done,
}

pub(super) enum DownStep {
    /// For the stream, or for a socket that flushes or closes.
    Waiting,
    /// The socket takes nothing now: the stream is not looked at.
    SocketIsFull,
    Done,
    Reset(Reset),
}

impl Down {
    pub(super) fn new(first: Bytes) -> Self {
        let queued = first.len();
        let queue = if first.is_empty() { VecDeque::new() } else { VecDeque::from([first]) };
        Self { queue, queued, phase: Phase::Copying, moved: 0, flushed: 0, broken: None }
    }

    pub(super) fn is_done(&self) -> bool {
        self.phase == Phase::Done
    }

    pub(super) fn poll<S: AsyncWrite + Unpin>(
        &mut self,
        socket: &mut S,
        stream: &mut Stream,
        cx: &mut Context<'_>,
    ) -> DownStep {
        for _ in 0..TURNS {
            let step = match self.phase {
                Phase::Copying => self.copy(socket, stream, cx),
                Phase::Flushing => self.flush(socket, cx),
                Phase::Closing => self.close(socket, cx),
                Phase::Discarding => self.discard(stream, cx),
                Phase::Done => Some(DownStep::Done),
            };
            if let Some(step) = step {
                return step;
            }
        }
        cx.waker().wake_by_ref();
        DownStep::Waiting
    }

    /// One write of all that is there. `None`: go on.
    fn copy<S: AsyncWrite + Unpin>(
        &mut self,
        socket: &mut S,
        stream: &mut Stream,
        cx: &mut Context<'_>,
    ) -> Option<DownStep> {
        let gathered = self.gather(stream, cx);
        if self.queue.is_empty() {
            match gathered {
                Poll::Ready(Ok(())) => self.phase = Phase::Closing,
                Poll::Ready(Err(reset)) => return Some(DownStep::Reset(reset)),
                Poll::Pending if self.moved != self.flushed => self.phase = Phase::Flushing,
                Poll::Pending => return Some(DownStep::Waiting),
            }
            return None;
        }
        match self.write(socket, cx) {
            Poll::Ready(Ok(())) => None,
            Poll::Ready(Err(error)) => self.broke(error),
            Poll::Pending => Some(DownStep::SocketIsFull),
        }
    }

    /// Takes what the stream has, within bounds. Ready when nothing more will come of it.
    fn gather(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<Result<(), Reset>> {
        while self.queue.len() < MOST_CHUNKS && self.queued < MOST_BYTES {
            match ready!(stream.poll_recv(cx)) {
                Ok(Some(bytes)) if bytes.is_empty() => {}
                Ok(Some(bytes)) => {
                    self.queued += bytes.len();
                    self.queue.push_back(bytes);
                }
                Ok(None) => return Poll::Ready(Ok(())),
                Err(reset) => return Poll::Ready(Err(reset)),
            }
        }
        Poll::Pending
    }

    fn write<S: AsyncWrite + Unpin>(&mut self, socket: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let socket = Pin::new(socket);
        let mut written = if self.queue.len() > 1 && socket.is_write_vectored() {
            let mut slices = [IoSlice::new(&[]); MOST_CHUNKS];
            for (slice, chunk) in slices.iter_mut().zip(&self.queue) {
                *slice = IoSlice::new(chunk);
            }
            ready!(socket.poll_write_vectored(cx, &slices[..self.queue.len().min(MOST_CHUNKS)]))?
        } else {
            ready!(socket.poll_write(cx, self.queue.front().map_or(&[][..], |chunk| chunk)))?
        };
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.moved += written as u64;
        self.queued -= written;
        while let Some(chunk) = self.queue.front_mut()
            && written > 0
        {
            let part = chunk.len().min(written);
            chunk.advance(part);
            written -= part;
            if chunk.is_empty() {
                self.queue.pop_front();
            }
        }
        Poll::Ready(Ok(()))
    }

    fn flush<S: AsyncWrite + Unpin>(&mut self, socket: &mut S, cx: &mut Context<'_>) -> Option<DownStep> {
        match Pin::new(socket).poll_flush(cx) {
            Poll::Ready(Ok(())) => {
                self.flushed = self.moved;
                self.phase = Phase::Copying;
                None
            }
            Poll::Ready(Err(error)) => self.broke(error),
            Poll::Pending => Some(DownStep::SocketIsFull),
        }
    }

    fn close<S: AsyncWrite + Unpin>(&mut self, socket: &mut S, cx: &mut Context<'_>) -> Option<DownStep> {
        match Pin::new(socket).poll_shutdown(cx) {
            Poll::Ready(Ok(())) => self.phase = Phase::Done,
            // The other end is gone already, after everything was written: what it sent still counts.
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::NotConnected => self.phase = Phase::Done,
            Poll::Ready(Err(error)) => return self.broke(error),
            Poll::Pending => return Some(DownStep::SocketIsFull),
        }
        None
    }

    fn broke(&mut self, error: io::Error) -> Option<DownStep> {
        self.broken = Some(error);
        self.queue.clear();
        self.queued = 0;
        self.phase = Phase::Discarding;
        None
    }

    /// Nobody takes these bytes any more; the sender is not left stuck while the other direction drains.
    fn discard(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Option<DownStep> {
        match stream.poll_recv(cx) {
            Poll::Ready(Ok(Some(_))) => None,
            Poll::Ready(Ok(None)) => {
                self.phase = Phase::Done;
                None
            }
            Poll::Ready(Err(reset)) => Some(DownStep::Reset(reset)),
            Poll::Pending => Some(DownStep::Waiting),
        }
    }
}
