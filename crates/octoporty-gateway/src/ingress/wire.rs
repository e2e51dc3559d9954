//! The socket of a visitor's connection: what comes off it, and what goes ahead of an answer.
//!
//! The connection's task writes, and reads heads; the body of a request is read by whoever sends it on, which may be
//! another task of the same thread. So all of it lies behind one lock that nobody ever waits for.
//!
//! An idle connection has no buffer: heads are read into a buffer of the thread, and only what came is kept.

use std::cell::RefCell;
use std::io;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use tokio::io::ReadBuf;
use tokio::task::coop;

use super::head::Expectation;
use super::progress::Progress;
use super::socket::Socket;
use crate::shards::sources::Permit;
use crate::upstream::chunked::Piece;
use crate::upstream::decoder::{BodyDecoder, BodyFault};
use crate::upstream::request::RequestFraming;
use crate::upstream::response::Framing;

/// Bytes of one read while no body is awaited.
const HEAD_READ: usize = 16 * 1024;

/// Bytes of one read of a body, at first and at most: it follows what comes.
const BODY_READ: (usize, usize) = (8 * 1024, 128 * 1024);

/// Most bytes of an unwanted body that are dropped for the sake of the connection.
const DISCARDED: usize = 64 * 1024;

/// Most bytes of interim heads that wait on one connection: a visitor that does not read loses them.
const MAX_EARLY: usize = 64 * 1024;

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; HEAD_READ].into_boxed_slice());
}

/// Why the body of a request cannot be read on.
#[derive(Debug)]
pub(crate) enum UploadFault {
    /// The visitor left.
    Left,
    /// It does not keep to its own framing.
    Malformed(BodyFault),
}

/// Where the body of the request under way stands.
#[derive(Debug)]
struct Upload {
    decoder: BodyDecoder,
    /// A 100 that is to be sent when the body is asked for.
    expectation: Expectation,
    /// Whether somebody still reads it.
    reader: Reader,
    /// Bytes of the next read.
    next_read: usize,
    /// Of whoever waits for more of it.
    waker: Option<Waker>,
}

/// Who reads a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reader {
    Present,
    Gone,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Wire {
    /// `None` once the connection has ended, whoever still has a part in it.
    socket: Option<Socket>,
    /// Whether the visitor may leave, and nobody hears of it: see [`Self::leave_unwatched`].
    unwatched: bool,
    /// Counts the connection, as long as it lasts.
    permit: Option<Permit>,
    /// Read and not yet used.
    pub(super) input: Bytes,
    upload: Upload,
    /// Interim heads, to be written before the final one.
    early: Vec<u8>,
    /// Whether the final head is still to come.
    awaits_answer: bool,
    /// Where the conversation stands.
    pub(super) progress: Progress,
    /// Woken when the body is over.
    waiter: Option<Waker>,
    call: Call,
}

/// Whether the connection's task is to see if there is a reason to end.
#[derive(Debug)]
enum Call {
    /// It has been told, or has only begun.
    Told,
    /// It has seen; this wakes it.
    Seen(Waker),
}

impl Wire {
    pub(super) fn new(socket: Socket, permit: Option<Permit>) -> Self {
        Self {
            socket: Some(socket),
            unwatched: false,
            permit,
            input: Bytes::new(),
            upload: Upload {
                decoder: BodyDecoder::Ended,
                expectation: Expectation::Nothing,
                reader: Reader::Gone,
                next_read: BODY_READ.0,
                waker: None,
            },
            early: Vec::new(),
            awaits_answer: false,
            progress: Progress::new(),
            waiter: None,
            call: Call::Told,
        }
    }

    /// Tells the connection's task to see if there is a reason to end.
    pub(super) fn call(&mut self) {
        if let Call::Seen(task) = std::mem::replace(&mut self.call, Call::Told) {
            task.wake();
        }
    }

    /// Whether the task, which asks, was told so since it last asked.
    pub(super) fn is_called(&mut self, cx: &Context<'_>) -> bool {
        match &self.call {
            Call::Seen(task) if task.will_wake(cx.waker()) => false,
            Call::Seen(_) => {
                self.call = Call::Seen(cx.waker().clone());
                false
            }
            Call::Told => {
                self.call = Call::Seen(cx.waker().clone());
                true
            }
        }
    }

    fn is_bare(&self) -> bool {
        self.socket.as_ref().is_some_and(Socket::is_bare)
    }

    /// The task is about to wait. Says whether the visitor's socket is one that nobody would be woken by, as it is for the
    /// first request of a connection: most are answered before it would be worth while.
    pub(super) fn leave_unwatched(&mut self) -> bool {
        self.unwatched = self.is_bare();
        self.unwatched
    }

    /// Whether the visitor may leave, and nobody hears of it.
    pub(super) fn is_unwatched(&self) -> bool {
        self.unwatched
    }

    /// From now on the visitor is watched, if it was not. A socket that cannot be is found lost by its next use.
    pub(super) fn watch(&mut self) {
        if std::mem::take(&mut self.unwatched)
            && let Some(socket) = &mut self.socket
            && let Err(error) = socket.known()
        {
            tracing::debug!(%error, "a visitor's socket cannot be waited for");
        }
    }

    /// Ends it: gives the socket, what was read too far, and what counts the connection. Whoever still reads a body
    /// finds that the visitor has left.
    pub(super) fn end(&mut self) -> Option<(Socket, Bytes, Option<Permit>)> {
        let socket = self.socket.take()?;
        if let Some(waker) = self.upload.waker.take() {
            waker.wake();
        }
        Some((socket, std::mem::take(&mut self.input), self.permit.take()))
    }

    /// A request begins whose body is framed like this.
    pub(super) fn begin(&mut self, framing: RequestFraming, expectation: Expectation) {
        self.progress.request_begins();
        self.awaits_answer = true;
        self.upload.decoder = BodyDecoder::new(match framing {
            RequestFraming::None => Framing::Empty,
            RequestFraming::Length(length) => Framing::Length(length),
            RequestFraming::Chunked => Framing::Chunked,
        });
        self.upload.expectation = expectation;
        self.upload.reader = Reader::Present;
    }

    /// The body has no reader any more.
    pub(super) fn reader_gone(&mut self) {
        self.upload.reader = Reader::Gone;
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(waiter) = self.waiter.take() {
            waiter.wake();
        }
    }

    /// Whether all of the request is read.
    pub(super) fn is_body_over(&self) -> bool {
        self.upload.decoder.is_ended()
    }

    /// Whether a part of the request will never be read.
    pub(super) fn is_body_abandoned(&self) -> bool {
        self.upload.reader == Reader::Gone && !self.is_body_over()
    }

    /// Reads into `input`, which must be empty. Gives the number of bytes; none means the end.
    pub(super) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        debug_assert!(self.input.is_empty(), "what was read is used first");
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            ready!(open(&mut self.socket)?.poll_read(cx, &mut buffer))?;
            let read = buffer.filled();
            if !read.is_empty() {
                self.input = Bytes::copy_from_slice(read);
            }
            Poll::Ready(Ok(read.len()))
        })
    }

    /// Whether nothing has come that was not read.
    pub(super) fn is_read_up(&self) -> bool {
        self.socket.as_ref().is_none_or(Socket::is_read_up)
    }

    /// The next piece of the request's body. A task gets so many in one turn and no more: a visitor may send its body in
    /// chunks of one byte.
    pub(super) fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, UploadFault>> {
        let turn = ready!(coop::poll_proceed(cx));
        loop {
            match self.upload.decoder.decode(&mut self.input).map_err(UploadFault::Malformed)? {
                Piece::More => {}
                piece => {
                    turn.made_progress();
                    if self.is_body_over() {
                        self.wake();
                    }
                    return Poll::Ready(Ok(piece));
                }
            }
            if self.upload.expectation == Expectation::Continue && self.awaits_answer {
                self.early.extend_from_slice(CONTINUE);
            }
            self.upload.expectation = Expectation::Nothing;
            match self.poll_fill_body(cx) {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Err(UploadFault::Left)),
                Poll::Ready(Ok(_)) => {}
                Poll::Pending => {
                    keep(&mut self.upload.waker, cx);
                    return Poll::Pending;
                }
            }
        }
    }

    /// As [`Self::poll_fill`], as much as a body that comes like this one is worth. What is passed on holds no more
    /// memory than it needs: a visitor may send byte by byte.
    fn poll_fill_body(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let socket = open(&mut self.socket)?;
        let most = match self.upload.decoder {
            BodyDecoder::Length(remaining) => usize::try_from(remaining).unwrap_or(usize::MAX),
            _ => usize::MAX,
        };
        let size = self.upload.next_read.min(most);
        let read = if size <= HEAD_READ {
            SCRATCH.with_borrow_mut(|scratch| {
                let mut buffer = ReadBuf::new(&mut scratch[..size]);
                ready!(socket.poll_read(cx, &mut buffer))?;
                Poll::Ready(io::Result::Ok(Bytes::copy_from_slice(buffer.filled())))
            })
        } else {
            socket.poll_read_much(cx, size)
        };
        self.input = ready!(read)?;
        let read = self.input.len();
        if read == self.upload.next_read {
            self.upload.next_read = (read * 2).min(BODY_READ.1);
        } else if read < self.upload.next_read / 4 {
            self.upload.next_read = (self.upload.next_read / 2).max(BODY_READ.0);
        }
        Poll::Ready(Ok(read))
    }

    /// Reads and drops what has come of a body that nobody wants, if it is little, and says whether that was all.
    pub(super) fn discard_body(&mut self, cx: &mut Context<'_>) -> bool {
        // Nobody is told to go on with it.
        self.upload.expectation = Expectation::Nothing;
        let mut dropped = 0;
        while !self.is_body_over() && dropped < DISCARDED {
            match self.poll_body(cx) {
                Poll::Ready(Ok(Piece::Data(data))) => dropped += data.len(),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(_)) | Poll::Pending => break,
            }
        }
        self.is_body_over()
    }

    /// Ready when the body is over, or will never be.
    pub(super) fn poll_body_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_body_over() || self.is_body_abandoned() {
            return Poll::Ready(());
        }
        keep(&mut self.waiter, cx);
        Poll::Pending
    }

    /// Ready when the visitor has left while its answer is awaited or written. A request that it has sent ahead is
    /// kept, and then nothing more is read.
    pub(super) fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Whoever reads the body sees the visitor leave.
        if !self.is_body_over() || !self.input.is_empty() || self.is_bare() {
            return Poll::Pending;
        }
        match ready!(self.poll_fill(cx)) {
            Ok(0) | Err(_) => Poll::Ready(()),
            Ok(_) => Poll::Pending,
        }
    }

    /// Queues an interim head.
    pub(super) fn queue_early(&mut self, head: &[u8]) {
        if self.awaits_answer && self.early.len() + head.len() <= MAX_EARLY {
            self.early.extend_from_slice(head);
        }
    }

    /// Interim heads that are still to be written before the final one, which comes next.
    pub(super) fn take_early(&mut self) -> Vec<u8> {
        self.awaits_answer = false;
        std::mem::take(&mut self.early)
    }

    /// Writes interim heads. Ready when none is left.
    pub(super) fn poll_early(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.early.is_empty() {
            let mut early = std::mem::take(&mut self.early);
            let written = self.poll_write(cx, &early);
            if let Poll::Ready(Ok(written)) = written {
                early.drain(..written);
            }
            self.early = early;
            ready!(written)?;
        }
        Poll::Ready(Ok(()))
    }

    /// Writes some bytes.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = open(&mut self.socket)?.poll_write(cx, bytes);
        self.wrote(written)
    }

    /// Writes some bytes behind which the connection ends at once, so that they need not leave before its end does: one
    /// segment instead of two.
    pub(super) fn poll_write_last(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = open(&mut self.socket)?.poll_write_last(cx, bytes);
        self.wrote(written)
    }

    /// Writes some bytes of several pieces.
    pub(super) fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = open(&mut self.socket)?.poll_write_vectored(cx, pieces);
        self.wrote(written)
    }

    fn wrote(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.progress.wrote(&written);
        match written {
            Poll::Ready(Ok(0)) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            written => written,
        }
    }
}

fn open(socket: &mut Option<Socket>) -> io::Result<&mut Socket> {
    socket.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
}

fn keep(waker: &mut Option<Waker>, cx: &Context<'_>) {
    if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
        *waker = Some(cx.waker().clone());
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn a_body_in_chunks_of_one_byte_leaves_turns_to_others() {
        const CHUNKS: usize = 1000;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
        let _visitor = std::net::TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
        let (near, _) = listener.accept().expect("it came");
        near.set_nonblocking(true).expect("a socket");
        let mut wire = Wire::new(Socket::Bare(near), None);
        wire.begin(RequestFraming::Chunked, Expectation::Nothing);
        wire.input = ("1\r\na\r\n".repeat(CHUNKS) + "0\r\n\r\n").into();
        let in_one_turn =
            poll_fn(|cx| Poll::Ready((0..CHUNKS).take_while(|_| wire.poll_body(cx).is_ready()).count())).await;
        assert!((1..CHUNKS).contains(&in_one_turn), "{in_one_turn} in one turn");
        let mut bytes = in_one_turn;
        while let Piece::Data(data) = poll_fn(|cx| wire.poll_body(cx)).await.expect("a whole body") {
            bytes += data.len();
        }
        assert_eq!((bytes, wire.is_body_over()), (CHUNKS, true));
    }
}
