//! A link's bytes as binary WebSocket messages. What the link gives at once goes as one message: the gateway's
//! uncopied in one vectored write, the agent's masked on the way into its buffers.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use octoporty_proto::model::EndReason;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use super::codec::{Kind, MAX_HEAD, Mask, Piece, Reader, Role, close_payload, put_head};
use crate::carrier::{Carrier, Farewell};
use crate::link::LinkEnd;

/// Bytes of one read when the link is busy: one read parses many frames.
const READ_MOST: usize = 256 * 1024;

/// Bytes of one read, and all that is held, when it is not.
const READ_LEAST: usize = 4 * 1024;

/// The same on a link that begins or says little: probes and their answers have some 20 bytes, a first message 300.
const READ_RESTING: usize = 512;

/// While this many bytes wait here no more is taken: what is not taken yet may still be overtaken by control and by
/// new streams. The system's own buffer keeps the line busy meanwhile.
const MAX_WAITING: usize = 4 * 1024;

/// Masked bytes are gathered in buffers of this size, below what allocators take from the system one by one.
const MASKED_BUFFER: usize = 64 * 1024;

/// Slices of one vectored write; the system takes 1024, and 256 KiB of frames have fewer.
const MOST_SLICES: usize = 64;

/// Masks that are drawn at once.
const KEYS_AT_ONCE: usize = 32;

/// Close code of an orderly end.
const NORMAL: u16 = 1000;

/// Close code of a side that stops.
const GOING_AWAY: u16 = 1001;

/// Close code for a peer that broke the protocol.
const PROTOCOL_ERROR: u16 = 1002;

/// Masks to come. Drawn many at once: the generator costs as much for one as for all of them.
#[derive(Default)]
struct MaskKeys {
    drawn: [[u8; 4]; KEYS_AT_ONCE],
    left: usize,
}

impl MaskKeys {
    fn next(&mut self) -> [u8; 4] {
        if self.left == 0 {
            let bytes = self.drawn.as_flattened_mut();
            aws_lc_rs::rand::fill(bytes).expect("the system gives randomness, or there is no TLS either");
            self.left = KEYS_AT_ONCE;
        }
        self.left -= 1;
        std::mem::take(&mut self.drawn[self.left])
    }
}

pub(super) struct WebSocketCarrier<T> {
    io: T,
    peer: Option<SocketAddr>,
    role: Role,
    reader: Reader,
    keys: MaskKeys,
    buffer: BytesMut,
    /// Size of the next block to read into: doubles while reads fill it.
    next_block: usize,
    /// Size of the block that is read into now, and of which pieces are cut.
    block: usize,
    queue: VecDeque<Bytes>,
    waiting: usize,
    /// The newest ping that was not answered yet; older ones need no answer (RFC 6455, section 5.5.3).
    pong: Option<Bytes>,
    closing: Closing,
    farewell: Option<Farewell>,
}

/// ```text
/// Open -> Sent -> Shut        (a close frame was queued; the socket's write side was closed)
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Closing {
    Open,
    Sent,
    Shut,
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> WebSocketCarrier<T> {
    /// After the upgrade.
    pub(super) fn new(io: T, peer: Option<SocketAddr>, role: Role) -> Self {
        Self {
            io,
            peer,
            role,
            reader: Reader::new(role),
            keys: MaskKeys::default(),
            buffer: BytesMut::new(),
            next_block: READ_RESTING,
            block: 0,
            queue: VecDeque::new(),
            waiting: 0,
            pong: None,
            closing: Closing::Open,
            farewell: None,
        }
    }

    /// Uses the block again if nobody holds a part of it and it is large enough. It never grows in place: then it would
    /// be larger than [`Self::block`] says.
    fn begin_block(&mut self) {
        if !self.buffer.try_reclaim(self.next_block) {
            let mut block = BytesMut::with_capacity(self.buffer.len() + self.next_block);
            block.extend_from_slice(&self.buffer);
            self.buffer = block;
        }
        self.block = self.buffer.capacity();
        if self.next_block < READ_LEAST {
            self.next_block *= 2;
        }
    }

    /// Reads what is there, as much as the block takes. 0: the peer's end.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.buffer.capacity() - self.buffer.len() < self.next_block / 4 {
            self.begin_block();
        }
        let room = self.buffer.capacity() - self.buffer.len();
        // The future holds nothing between polls: dropping it while pending loses no byte.
        let read = pin!(self.io.read_buf(&mut self.buffer)).poll(cx);
        match read {
            Poll::Ready(Ok(length)) if length == room => self.next_block = (self.next_block * 2).min(READ_MOST),
            Poll::Ready(Ok(length)) if self.next_block > READ_LEAST && length < self.next_block / 8 => {
                self.next_block = (self.next_block / 2).max(READ_LEAST)
            }
            Poll::Pending if self.buffer.is_empty() && self.buffer.capacity() > READ_LEAST => {
                self.buffer = BytesMut::new();
            }
            _ => {}
        }
        read
    }

    fn push(&mut self, bytes: Bytes) {
        self.waiting += bytes.len();
        self.queue.push_back(bytes);
    }

    fn push_control(&mut self, kind: Kind, payload: &[u8]) {
        let mut frame = BytesMut::with_capacity(MAX_HEAD + payload.len());
        let key = self.mask_key();
        put_head(&mut frame, kind, payload.len(), key);
        let head = frame.len();
        frame.extend_from_slice(payload);
        if let Some(key) = key {
            Mask::new(key).apply(&mut frame[head..]);
        }
        self.push(frame.freeze());
    }

    /// Unpredictable, as RFC 6455 (section 5.3) asks of clients.
    fn mask_key(&mut self) -> Option<[u8; 4]> {
        (self.role == Role::Client).then(|| self.keys.next())
    }

    fn push_masked(&mut self, frames: &mut Vec<Bytes>, mut left: usize, key: [u8; 4]) {
        let mut mask = Mask::new(key);
        let mut buffer = BytesMut::with_capacity((MAX_HEAD + left).min(MASKED_BUFFER));
        put_head(&mut buffer, Kind::Binary, left, Some(key));
        for mut frame in frames.drain(..) {
            while !frame.is_empty() {
                if buffer.len() == buffer.capacity() {
                    self.push(buffer.freeze());
                    buffer = BytesMut::with_capacity(left.min(MASKED_BUFFER));
                }
                let part = frame.split_to(frame.len().min(buffer.capacity() - buffer.len()));
                let at = buffer.len();
                buffer.extend_from_slice(&part);
                mask.apply(&mut buffer[at..]);
                left -= part.len();
            }
        }
        self.push(buffer.freeze());
    }

    fn poll_write_some(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut slices = [IoSlice::new(&[]); MOST_SLICES];
        for (slice, bytes) in slices.iter_mut().zip(&self.queue) {
            *slice = IoSlice::new(bytes);
        }
        let count = self.queue.len().min(MOST_SLICES);
        let mut written = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, &slices[..count]))?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.waiting -= written;
        while let Some(bytes) = self.queue.front_mut()
            && written > 0
        {
            let part = bytes.len().min(written);
            bytes.advance(part);
            written -= part;
            if bytes.is_empty() {
                self.queue.pop_front();
            }
        }
        Poll::Ready(Ok(()))
    }

    fn answer_ping(&mut self) {
        if self.waiting < MAX_WAITING
            && self.closing == Closing::Open
            && let Some(payload) = self.pong.take()
        {
            self.push_control(Kind::Pong, &payload);
        }
    }

    fn send_close(&mut self, code: u16, reason: &str) {
        if self.closing == Closing::Open {
            self.push_control(Kind::Close, &close_payload(code, reason));
            self.closing = Closing::Sent;
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Carrier for WebSocketCarrier<T> {
    fn transport(&self) -> &'static str {
        "websocket"
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            match self.reader.next(&mut self.buffer) {
                Ok(Some(Piece::Data(bytes))) => return Poll::Ready(Some(Ok(bytes))),
                Ok(Some(Piece::Ping(payload))) => {
                    self.pong = Some(payload);
                    if let Poll::Ready(Err(error)) = self.poll_flush(cx) {
                        return Poll::Ready(Some(Err(error)));
                    }
                }
                Ok(Some(Piece::Close(farewell))) => {
                    self.send_close(NORMAL, "");
                    self.farewell = Some(farewell);
                    return Poll::Ready(None);
                }
                Ok(None) => match ready!(self.poll_read(cx)) {
                    Ok(0) => return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into()))),
                    Ok(_) => {}
                    Err(error) => return Poll::Ready(Some(Err(error))),
                },
                Err(error) => {
                    return Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::InvalidData, error))));
                }
            }
        }
    }

    fn block(&self) -> usize {
        self.block
    }

    /// A block that has grown is given back by what is read.
    fn rest(&mut self) {
        if self.next_block <= READ_LEAST {
            self.next_block = READ_RESTING;
            if self.buffer.is_empty() {
                self.buffer = BytesMut::new();
            }
        }
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.waiting >= MAX_WAITING {
            ready!(self.poll_write_some(cx))?;
        }
        Poll::Ready(Ok(()))
    }

    fn start_send(&mut self, frames: &mut Vec<Bytes>) -> io::Result<()> {
        let length: usize = frames.iter().map(Bytes::len).sum();
        if length == 0 || self.closing != Closing::Open {
            frames.clear();
            return Ok(());
        }
        if let Some(key) = self.mask_key() {
            self.push_masked(frames, length, key);
            return Ok(());
        }
        let mut head = BytesMut::with_capacity(MAX_HEAD);
        put_head(&mut head, Kind::Binary, length, None);
        self.push(head.freeze());
        frames.drain(..).filter(|frame| !frame.is_empty()).for_each(|frame| self.push(frame));
        Ok(())
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.answer_ping();
        while !self.queue.is_empty() {
            ready!(self.poll_write_some(cx))?;
            // There may be room for it only now.
            self.answer_ping();
        }
        Pin::new(&mut self.io).poll_flush(cx)
    }

    /// Says goodbye, ends this direction, and waits for the peer's end: a socket that is closed with bytes unread
    /// would be reset, and the reset would take the last words with it.
    fn poll_close(&mut self, cx: &mut Context<'_>, why: &LinkEnd) -> Poll<io::Result<()>> {
        let code = match why.reason {
            EndReason::ProtocolError => PROTOCOL_ERROR,
            EndReason::LocalStop => GOING_AWAY,
            _ => NORMAL,
        };
        self.send_close(code, &why.detail);
        if self.closing == Closing::Sent {
            ready!(self.poll_flush(cx))?;
            ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
            self.closing = Closing::Shut;
        }
        loop {
            self.buffer.clear();
            if ready!(self.poll_read(cx))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn farewell(&self) -> Option<&Farewell> {
        self.farewell.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[test]
    fn no_mask_is_used_twice_or_left_empty() {
        let mut keys = MaskKeys::default();
        let drawn: std::collections::HashSet<_> = (0..KEYS_AT_ONCE * 4).map(|_| keys.next()).collect();
        assert!(drawn.len() >= KEYS_AT_ONCE * 4 - 1, "two of 128 random masks are alike once in half a million runs");
        assert!(!drawn.contains(&[0; 4]));
    }

    /// Has the carrier take a message of so many bytes, and look in vain for another.
    async fn take(
        carrier: &mut WebSocketCarrier<tokio::io::DuplexStream>,
        far: &mut (impl AsyncWrite + Unpin),
        length: usize,
    ) {
        let mut sent = BytesMut::new();
        put_head(&mut sent, Kind::Binary, length, None);
        sent.extend_from_slice(&vec![1; length]);
        far.write_all(&sent).await.expect("it fits");
        let mut left = length;
        std::future::poll_fn(|cx| {
            while let Poll::Ready(piece) = carrier.poll_receive(cx) {
                left -= piece.expect("it is open").expect("bytes").len();
            }
            Poll::Ready(())
        })
        .await;
        assert_eq!(left, 0);
    }

    #[tokio::test]
    async fn a_link_that_says_little_holds_little() {
        let (near, mut far) = tokio::io::duplex(1 << 20);
        let mut carrier = WebSocketCarrier::new(near, None, Role::Client);
        take(&mut carrier, &mut far, 20).await;
        assert!(carrier.buffer.capacity() <= READ_RESTING);
        take(&mut carrier, &mut far, 20_000).await;
        assert!(carrier.next_block >= READ_LEAST, "it is busy");
        carrier.rest();
        assert!(carrier.next_block >= READ_LEAST, "one that has much to read keeps its block");
        while carrier.next_block > READ_LEAST {
            take(&mut carrier, &mut far, 20).await;
        }
        carrier.rest();
        take(&mut carrier, &mut far, 20).await;
        assert!(carrier.buffer.capacity() <= READ_RESTING, "{} bytes", carrier.buffer.capacity());
    }

    #[tokio::test]
    async fn short_messages_lie_in_blocks_that_are_as_short_as_is_told() {
        let (near, mut far) = tokio::io::duplex(1 << 20);
        let mut carrier = WebSocketCarrier::new(near, None, Role::Client);
        for _ in 0..1000 {
            take(&mut carrier, &mut far, 20).await;
            assert!(carrier.block() <= READ_LEAST, "{} bytes", carrier.block());
        }
    }

    #[tokio::test]
    async fn small_pieces_tell_of_the_large_block_that_they_hold() {
        let (near, mut far) = tokio::io::duplex(1 << 20);
        let mut carrier = WebSocketCarrier::new(near, None, Role::Client);
        let mut sent = BytesMut::new();
        for length in [500_000, 100, 100] {
            put_head(&mut sent, Kind::Binary, length, None);
            sent.extend_from_slice(&vec![1; length]);
        }
        far.write_all(&sent).await.expect("it fits");
        let mut left = 500_200;
        while left > 0 {
            let piece = std::future::poll_fn(|cx| carrier.poll_receive(cx)).await.expect("it is open").expect("bytes");
            left -= piece.len();
            assert!(carrier.block() >= piece.len() && carrier.block() <= READ_MOST + MAX_HEAD);
            assert!(left > 0 || carrier.block() > 16 * piece.len(), "{} bytes are not all of it", piece.len());
        }
    }
}
