//! From the socket into the stream: room is reserved first, then that many bytes are read and handed on, uncopied where
//! they are many.

use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{BufMut, Bytes, BytesMut};
use octoporty_proto::wire::Reset;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use crate::stream::Stream;

/// Bytes of the first read of a pair, and of every read of one that moves little. They are read on the stack and copied:
/// so an idle pair holds no buffer.
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
        let most = most.max(1);
        Self {
            buffer: BytesMut::new(),
            held: Bytes::new(),
            size: SMALL.min(most),
            most,
            phase: Phase::Copying,
            moved: 0,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.phase == Phase::Done
    }

    /// `room` is what the stream may send, as far as that is known; 0: it is asked.
    pub(super) fn poll<S: AsyncRead + Unpin>(
        &mut self,
        socket: &mut S,
        stream: &mut Stream,
        mut room: usize,
        cx: &mut Context<'_>,
    ) -> UpStep {
        for _ in 0..TURNS {
            if self.is_done() {
                return UpStep::Done;
            }
            room = match self.pass_on(stream, room, cx) {
                Poll::Ready(Ok(room)) => room,
                Poll::Ready(Err(reset)) => return UpStep::Reset(reset),
                Poll::Pending => return UpStep::NoRoom,
            };
            match self.read(socket, room, cx) {
                Poll::Ready(Ok(bytes)) if bytes.is_empty() => match stream.finish() {
                    Ok(()) => self.phase = Phase::Done,
                    Err(reset) => return UpStep::Reset(reset),
                },
                Poll::Ready(Ok(bytes)) => self.held = bytes,
                Poll::Ready(Err(error)) => return UpStep::Broke(error),
                Poll::Pending => return UpStep::Waiting,
            }
        }
        cx.waker().wake_by_ref();
        UpStep::NoRoom
    }

    /// No bytes: the socket's end. Nothing is held while nothing comes.
    fn read<S: AsyncRead + Unpin>(
        &mut self,
        socket: &mut S,
        room: usize,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Bytes>> {
        if self.size <= SMALL && self.buffer.capacity() == 0 {
            return self.read_little(socket, room, cx);
        }
        let read = self.read_much(socket, room, cx);
        if !matches!(&read, Poll::Ready(Ok(bytes)) if !bytes.is_empty()) {
            self.buffer = BytesMut::new();
        }
        read
    }

    fn read_much<S: AsyncRead + Unpin>(
        &mut self,
        socket: &mut S,
        room: usize,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Bytes>> {
        if self.buffer.capacity() < (self.size / 4).max(1) {
            self.buffer.reserve(self.size);
        }
        let whole = self.buffer.capacity().min(room);
        let mut limited = (&mut self.buffer).limit(room);
        // The future holds nothing between polls: dropping it while pending loses no byte.
        let length = ready!(pin!(socket.read_buf(&mut limited)).poll(cx))?;
        self.learn_size(length, whole);
        Poll::Ready(Ok(self.buffer.split().freeze()))
    }

    fn read_little<S: AsyncRead + Unpin>(
        &mut self,
        socket: &mut S,
        room: usize,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Bytes>> {
        let mut space = [MaybeUninit::uninit(); SMALL];
        let whole = self.size.min(room);
        let mut little = ReadBuf::uninit(&mut space[..whole]);
        ready!(Pin::new(socket).poll_read(cx, &mut little))?;
        self.learn_size(little.filled().len(), whole);
        Poll::Ready(Ok(Bytes::copy_from_slice(little.filled())))
    }

    /// A read that could have given `whole` bytes gave so many.
    fn learn_size(&mut self, length: usize, whole: usize) {
        if length == whole {
            self.size = (self.size * 2).min(self.most);
        } else if length < self.size / 4 {
            self.size = (self.size / 2).max(SMALL.min(self.most));
        }
    }

    /// Sends what is held. Ready with how much more the stream takes, once that is not zero.
    fn pass_on(&mut self, stream: &mut Stream, mut room: usize, cx: &mut Context<'_>) -> Poll<Result<usize, Reset>> {
        while !self.held.is_empty() {
            let before = self.held.len();
            room = ready!(stream.poll_send_on(cx, &mut self.held))?;
            self.moved += (before - self.held.len()) as u64;
        }
        if room > 0 { Poll::Ready(Ok(room)) } else { stream.poll_capacity(cx) }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncWriteExt;

    use super::*;
    use crate::prefixed::Prefixed;

    const MOST: usize = 64 * 1024;

    #[tokio::test]
    async fn a_pair_that_moves_little_holds_no_buffer() {
        let (mut near, mut far) = tokio::io::duplex(1 << 20);
        let mut up = Up::new(MOST);
        for length in [1, 100, SMALL - 1, SMALL / 8] {
            far.write_all(&vec![1; length]).await.expect("it fits");
            assert_eq!(poll_fn(|cx| up.read(&mut near, MOST, cx)).await.expect("bytes").len(), length);
            assert_eq!(up.buffer.capacity(), 0);
        }
    }

    #[tokio::test]
    async fn no_more_is_read_than_there_is_room_for() {
        let (mut near, mut far) = tokio::io::duplex(1 << 20);
        let mut up = Up::new(MOST);
        far.write_all(&[1; 1000]).await.expect("it fits");
        assert_eq!(poll_fn(|cx| up.read(&mut near, 10, cx)).await.expect("bytes").len(), 10);
        assert_eq!(poll_fn(|cx| up.read(&mut near, MOST, cx)).await.expect("bytes").len(), 990);
    }

    #[tokio::test]
    async fn reads_grow_while_they_are_filled_and_shrink_again() {
        let (mut near, mut far) = tokio::io::duplex(1 << 20);
        let mut up = Up::new(MOST);
        far.write_all(&vec![1; 1 << 20]).await.expect("it fits");
        let mut left = 1 << 20;
        while left > 0 {
            left -= poll_fn(|cx| up.read(&mut near, MOST, cx)).await.expect("bytes").len();
        }
        assert_eq!(up.size, MOST);
        while up.size > SMALL {
            far.write_all(&[1]).await.expect("it fits");
            assert_eq!(poll_fn(|cx| up.read(&mut near, MOST, cx)).await.expect("bytes").len(), 1);
        }
        drop(far);
        assert_eq!(poll_fn(|cx| up.read(&mut near, MOST, cx)).await.expect("the end").len(), 0);
    }

    #[tokio::test]
    async fn a_direction_that_has_ended_holds_no_buffer() {
        let (mut near, mut far) = tokio::io::duplex(1 << 20);
        let mut up = Up::new(MOST);
        far.write_all(&[1; SMALL + 1]).await.expect("it fits");
        drop(far);
        for length in [SMALL, 1, 0] {
            assert_eq!(poll_fn(|cx| up.read(&mut near, MOST, cx)).await.expect("bytes").len(), length);
        }
        assert_eq!(up.buffer.capacity(), 0);
    }

    #[tokio::test]
    async fn bytes_that_were_read_ahead_come_first_and_whole() {
        let (near, mut far) = tokio::io::duplex(1 << 20);
        let all: Vec<u8> = (0..30_000_u32).map(|at| (at % 251) as u8).collect();
        let (ahead, later) = all.split_at(10_000);
        let mut near = Prefixed::new(near, Bytes::copy_from_slice(ahead));
        far.write_all(later).await.expect("it fits");
        drop(far);
        let (mut up, mut read) = (Up::new(MOST), Vec::new());
        loop {
            let bytes = poll_fn(|cx| up.read(&mut near, 7_000, cx)).await.expect("bytes");
            if bytes.is_empty() {
                break;
            }
            read.extend_from_slice(&bytes);
        }
        assert_eq!(read, all);
    }

    #[tokio::test]
    async fn the_smallest_buffer_does_not_pass_for_the_end() {
        let (mut near, mut far) = tokio::io::duplex(64);
        far.write_all(b"ab").await.expect("it fits");
        let mut up = Up::new(0);
        for byte in [b"a", b"b"] {
            assert_eq!(poll_fn(|cx| up.read(&mut near, MOST, cx)).await.expect("a byte"), &byte[..]);
        }
    }
}
