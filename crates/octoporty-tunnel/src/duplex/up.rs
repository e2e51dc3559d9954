//! From the socket into the stream: room is reserved first, then that many bytes are read and handed on uncopied.

use std::io;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use bytes::{BufMut, Bytes, BytesMut};
use octoporty_proto::wire::Reset;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::stream::Stream;

/// Bytes of the first read of a pair, and of every read of one that moves little: an idle pair holds no more.
const SMALL: usize = 4 * 1024;

/// Reads of one turn before others on the runtime get theirs.
const TURNS: usize = 32;

/// The direction's state.
pub(super) struct Up {
    buffer: BytesMut,
    /// Read and not yet taken by the stream: room that was there when it was reserved and went since.
    held: Bytes,
    /// Size of the next allocation: doubles while reads fill it, up to `most`.
    size: usize,
    most: usize,
    phase: Phase,
    pub(super) moved: u64,
}

#[derive(PartialEq, Eq)]
enum Phase {
    Copying,
    Done,
}

pub(super) enum UpStep {
    /// For the socket.
    Waiting,
    /// For the stream, or for its next turn: the socket may have more to say.
    NoRoom,
    /// The socket ended in order, and so did this direction of the stream.
    Done,
    Reset(Reset),
    Broke(io::Error),
}

impl Up {
    pub(super) fn new(most: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            held: Bytes::new(),
            size: SMALL.min(most),
            most: most.max(1),
            phase: Phase::Copying,
            moved: 0,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.phase == Phase::Done
    }

    pub(super) fn poll<S: AsyncRead + Unpin>(
        &mut self,
        socket: &mut S,
        stream: &mut Stream,
        cx: &mut Context<'_>,
    ) -> UpStep {
        for _ in 0..TURNS {
            if self.is_done() {
                return UpStep::Done;
            }
            match self.pass_on(stream, cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(reset)) => return UpStep::Reset(reset),
                Poll::Pending => return UpStep::NoRoom,
            }
            let room = match stream.poll_capacity(cx) {
                Poll::Ready(Ok(room)) => room,
                Poll::Ready(Err(reset)) => return UpStep::Reset(reset),
                Poll::Pending => return UpStep::NoRoom,
            };
            match self.read(socket, room, cx) {
                Poll::Ready(Ok(0)) => match stream.finish() {
                    Ok(()) => self.phase = Phase::Done,
                    Err(reset) => return UpStep::Reset(reset),
                },
                Poll::Ready(Ok(_)) => self.held = self.buffer.split().freeze(),
                Poll::Ready(Err(error)) => return UpStep::Broke(error),
                Poll::Pending => {
                    // Nothing is held while nothing comes, but for what little pairs need.
                    if self.buffer.capacity() > SMALL {
                        self.buffer = BytesMut::new();
                    }
                    return UpStep::Waiting;
                }
            }
        }
        cx.waker().wake_by_ref();
        UpStep::NoRoom
    }

    fn read<S: AsyncRead + Unpin>(
        &mut self,
        socket: &mut S,
        room: usize,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if self.buffer.capacity() < (self.size / 4).max(1) {
            self.buffer.reserve(self.size);
        }
        let whole = self.buffer.capacity().min(room);
        let mut limited = (&mut self.buffer).limit(room);
        // The future holds nothing between polls: dropping it while pending loses no byte.
        let read = pin!(socket.read_buf(&mut limited)).poll(cx);
        if let Poll::Ready(Ok(length)) = read {
            if length == whole {
                self.size = (self.size * 2).min(self.most);
            } else if length < self.size / 4 {
                self.size = (self.size / 2).max(SMALL.min(self.most));
            }
        }
        read
    }

    fn pass_on(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<Result<(), Reset>> {
        while !self.held.is_empty() {
            let before = self.held.len();
            ready!(stream.poll_send(cx, &mut self.held))?;
            self.moved += (before - self.held.len()) as u64;
        }
        Poll::Ready(Ok(()))
    }
}
