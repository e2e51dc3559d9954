//! From the stream into the socket: chunks are gathered and leave in one vectored write where the socket can.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use octoporty_proto::wire::Reset;
use tokio::io::AsyncWrite;

use crate::stream::{Stream, Taker};

/// Most chunks of one vectored write.
const MOST_CHUNKS: usize = 16;

/// Bytes of one vectored write. They count as received until the socket took them, as do those that wait behind them.
const MOST_BYTES: usize = 256 * 1024;

/// Writes of one turn before others on the runtime get theirs.
const TURNS: usize = 32;

/// The direction's state.
pub(super) struct Down {
    queue: Queue,
    phase: Phase,
    pub(super) moved: u64,
    /// [`Self::moved`] when the socket was flushed last.
    flushed: u64,
    /// The error of a socket that takes no more bytes, while what it had sent before still goes up.
    pub(super) broken: Option<io::Error>,
}

/// Chunks on their way into the socket.
struct Queue {
    chunks: VecDeque<Bytes>,
    bytes: usize,
    /// Of the bytes in front: they do not count as received any more.
    uncounted: usize,
    /// Written, and not yet told to the stream.
    consumed: usize,
    /// What the stream may send, as of its last turn; 0: not known.
    room: usize,
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
        let mut queue = Queue { chunks: VecDeque::new(), bytes: 0, uncounted: 0, consumed: 0, room: 0 };
        queue.take_over(first);
        Self { queue, phase: Phase::Copying, moved: 0, flushed: 0, broken: None }
    }

    pub(super) fn is_done(&self) -> bool {
        self.phase == Phase::Done
    }

    /// How many bytes the stream may send, if that was seen in this turn; else 0.
    pub(super) fn take_room(&mut self) -> usize {
        std::mem::take(&mut self.queue.room)
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
        // What the socket did not take is written first: a full socket costs no look at the stream.
        let gathered = if self.queue.is_quiet() { Poll::Pending } else { stream.poll_take(cx, &mut self.queue) };
        if self.queue.chunks.is_empty() {
            match gathered {
                Poll::Ready(Ok(())) => self.phase = Phase::Closing,
                Poll::Ready(Err(reset)) => return Some(DownStep::Reset(reset)),
                Poll::Pending if self.moved != self.flushed => {
                    self.phase = Phase::Flushing;
                    let step = self.flush(socket, cx);
                    // The stream was looked at just now.
                    let is_flushed = step.is_none() && self.phase == Phase::Copying;
                    return if is_flushed { Some(DownStep::Waiting) } else { step };
                }
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

    fn write<S: AsyncWrite + Unpin>(&mut self, socket: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let socket = Pin::new(socket);
        let chunks = &self.queue.chunks;
        let written = if chunks.len() > 1 && socket.is_write_vectored() {
            let mut slices = [IoSlice::new(&[]); MOST_CHUNKS];
            for (slice, chunk) in slices.iter_mut().zip(chunks) {
                *slice = IoSlice::new(chunk);
            }
            ready!(socket.poll_write_vectored(cx, &slices[..chunks.len().min(MOST_CHUNKS)]))?
        } else {
            ready!(socket.poll_write(cx, chunks.front().map_or(&[][..], |chunk| chunk)))?
        };
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.moved += written as u64;
        self.queue.written(written);
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
        self.queue.written(self.queue.bytes);
        self.phase = Phase::Discarding;
        None
    }

    /// Nobody takes these bytes any more; the sender is not left stuck while the other direction drains.
    fn discard(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Option<DownStep> {
        let taken = stream.poll_take(cx, &mut self.queue);
        let more = self.queue.bytes > 0;
        self.queue.written(self.queue.bytes);
        match taken {
            Poll::Ready(Err(reset)) => Some(DownStep::Reset(reset)),
            // The stream is still to be told that these are done with.
            _ if more => None,
            Poll::Ready(Ok(())) => {
                self.phase = Phase::Done;
                None
            }
            Poll::Pending => Some(DownStep::Waiting),
        }
    }
}

impl Queue {
    /// Whether there is something to write and nothing to tell the stream: so it is after a write that must wait.
    fn is_quiet(&self) -> bool {
        self.consumed == 0 && !self.chunks.is_empty()
    }

    fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.bytes += bytes.len();
            self.chunks.push_back(bytes);
        }
    }

    /// So many bytes in front are done with.
    fn written(&mut self, bytes: usize) {
        let uncounted = self.uncounted.min(bytes);
        self.uncounted -= uncounted;
        self.consumed += bytes - uncounted;
        self.bytes -= bytes;
        let mut left = bytes;
        while let Some(chunk) = self.chunks.front_mut()
            && left > 0
        {
            let part = chunk.len().min(left);
            chunk.advance(part);
            left -= part;
            if chunk.is_empty() {
                self.chunks.pop_front();
            }
        }
    }
}

impl Taker for Queue {
    fn has_room(&self) -> bool {
        self.chunks.len() < MOST_CHUNKS && self.bytes < MOST_BYTES
    }

    fn take(&mut self, bytes: Bytes) {
        self.push(bytes);
    }

    /// Called before anything was taken: these are the first.
    fn take_over(&mut self, bytes: Bytes) {
        self.uncounted += bytes.len();
        self.push(bytes);
    }

    fn consumed(&mut self) -> u64 {
        std::mem::take(&mut self.consumed) as u64
    }

    fn note_room(&mut self, room: usize) {
        self.room = room;
    }
}
