//! The conversation on one connection: a request, its answer, the next one.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::{Buf as _, Bytes};
use octoporty_proto::model::FailureCode;

use super::answer::{self, Asked, Ending};
use super::connection::Connection;
use super::head::{HeadFault, HeadReader, Persistence, RequestHead};
use super::walk::{self, Walk};
use super::wire::Wire;
use crate::body::{Answer, AnswerBody, AnswerSource, Switch};
use crate::upstream::chunked::{Piece, encode_chunk, encode_end};

/// A body up to this size is copied behind its head: one piece to write is less work than two.
const COPIED: usize = 8 * 1024;

/// Most bytes and pieces that are gathered for one write, while more of an answer is there.
const GATHERED: (usize, usize) = (128 * 1024, 48);

/// What the buffer of heads keeps from one answer to the next.
const KEPT: usize = 64 * 1024;

thread_local! {
    static HEADS: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// How a conversation ended.
pub(super) enum Close {
    /// In order: all that was to be written is.
    Done,
    /// In order, but more may come from the visitor: the rest of a request, or the next one.
    Unread,
    /// A head was refused.
    Refused(FailureCode),
    /// The visitor left in the middle of something.
    Left,
    /// An answer broke off where this says how its end would be known.
    Cut(Ending),
    /// The connection is not HTTP any more.
    Switched(Switch),
}

/// What is to be written of one answer.
#[derive(Debug, Default)]
struct Outgoing {
    pieces: VecDeque<Bytes>,
    bytes: usize,
}

impl Outgoing {
    fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.bytes += piece.len();
            self.pieces.push_back(piece);
        }
    }

    fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    fn is_full(&self) -> bool {
        self.bytes >= GATHERED.0 || self.pieces.len() >= GATHERED.1
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, wire: &mut Wire) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            // Three pieces a chunk may come on top of a queue that is nearly full.
            let mut slices = [IoSlice::new(&[]); GATHERED.1 + 4];
            let count = self.pieces.len().min(slices.len());
            for (slice, piece) in slices.iter_mut().zip(&self.pieces) {
                *slice = IoSlice::new(piece);
            }
            let written = ready!(wire.poll_write_vectored(cx, &slices[..count]))?;
            self.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    fn advance(&mut self, written: usize) {
        self.bytes -= written;
        let mut left = written;
        while let Some(first) = self.pieces.front_mut() {
            if left < first.len() {
                first.advance(left);
                return;
            }
            left -= first.len();
            self.pieces.pop_front();
        }
    }
}

/// Serves request after request until the connection is to be closed.
pub(super) async fn converse(connection: &Arc<Connection>, header_bytes: usize) -> Close {
    let mut reader = HeadReader::new(header_bytes);
    loop {
        let mut request = match poll_fn(|cx| poll_request(cx, connection, &mut reader)).await {
            Ok(Some(request)) => request,
            Ok(None) => return Close::Done,
            Err(HeadFault::TooLarge) => return Close::Refused(FailureCode::HeadTooLarge),
            Err(HeadFault::Malformed) => return Close::Refused(FailureCode::BadRequest),
        };
        match serve(connection, &mut request).await {
            Ok(ended) => connection.wire().progress.request_ended(ended.unwrap_or_else(Instant::now)),
            Err(close) => return close,
        }
    }
}

/// A request whose walk has begun.
struct Request {
    walk: Walk,
    asked: Asked,
    /// What it says of the connection.
    persistence: Persistence,
}

/// The next request; `None` when there will be none.
fn poll_request(
    cx: &mut Context<'_>,
    connection: &Arc<Connection>,
    reader: &mut HeadReader,
) -> Poll<Result<Option<Request>, HeadFault>> {
    let Some(head) = ready!(poll_head(cx, connection, reader))? else { return Poll::Ready(Ok(None)) };
    let (asked, persistence) = (Asked::new(head.head.version, &head.head.method), head.persistence);
    Poll::Ready(Ok(Some(Request { walk: Walk::begin(connection, head), asked, persistence })))
}

/// The next head; `None` when there will be none.
fn poll_head(
    cx: &mut Context<'_>,
    connection: &Connection,
    reader: &mut HeadReader,
) -> Poll<Result<Option<RequestHead>, HeadFault>> {
    let mut wire = connection.wire();
    loop {
        if wire.input.is_empty() {
            match wire.poll_fill(cx) {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Ok(None)),
                Poll::Ready(Ok(_)) => {}
                Poll::Pending => {
                    let ends = connection.shard.draining.has_begun() && wire.progress.is_idle();
                    // What had come before the gateway began to end is answered still.
                    return if ends && wire.is_read_up() { Poll::Ready(Ok(None)) } else { Poll::Pending };
                }
            }
        }
        if let Some(head) = reader.read(&mut wire.input)? {
            wire.begin(head.framing, head.expectation);
            return Poll::Ready(Ok(Some(head)));
        }
        if reader.has_begun() {
            wire.progress.head_begins();
        }
    }
}

/// One request and its answer, after which another may follow. Gives when that ended, where the clock was read then.
async fn serve(connection: &Arc<Connection>, request: &mut Request) -> Result<Option<Instant>, Close> {
    let Begun { mut passage, persistence, ended } = poll_fn(|cx| request.poll(cx, connection)).await?;
    if !passage.is_over() {
        poll_fn(|cx| passage.poll(cx, connection)).await?;
    }
    if let Some(switch) = passage.switch {
        return Err(Close::Switched(switch));
    }
    drop(passage);
    let is_body_over = poll_fn(|cx| {
        let mut wire = connection.wire();
        wire.poll_body_over(cx).map(|()| wire.is_body_over())
    })
    .await;
    match (is_body_over, persistence, request.persistence) {
        (true, Persistence::Keep, _) => Ok(ended),
        (true, Persistence::Close, Persistence::Close) => Err(Close::Done),
        (false, ..) | (true, Persistence::Close, Persistence::Keep) => Err(Close::Unread),
    }
}

impl Request {
    /// Walks, and writes what can be written of the answer at once.
    fn poll(&mut self, cx: &mut Context<'_>, connection: &Connection) -> Poll<Result<Begun, Close>> {
        match self.walk.poll(cx, connection) {
            Poll::Ready(Ok(answer)) => {
                return Poll::Ready(begin(cx, connection, self.asked, self.persistence, answer));
            }
            Poll::Ready(Err(walk::Hangup)) => return Poll::Ready(Err(Close::Done)),
            Poll::Pending => {}
        }
        let mut wire = connection.wire();
        match wire.poll_early(cx) {
            Poll::Ready(Err(_)) => Poll::Ready(Err(Close::Left)),
            _ => wire.poll_left(cx).map(|()| Err(Close::Left)),
        }
    }
}

/// An answer of which the head is written, or queued.
struct Begun {
    passage: Passage,
    persistence: Persistence,
    /// When that was the end of it.
    ended: Option<Instant>,
}

/// Writes what can be written at once.
fn begin(
    cx: &mut Context<'_>,
    connection: &Connection,
    asked: Asked,
    asked_to: Persistence,
    answer: Answer,
) -> Result<Begun, Close> {
    let mut wire = connection.wire();
    let ending = Ending::of(asked, &answer);
    let switches = matches!(answer.body, AnswerBody::Switch(_));
    let abandoned = wire.is_body_abandoned() && (switches || !wire.discard_body(cx));
    let last = abandoned || ending == Ending::Close || answer.persistence == Persistence::Close;
    let persistence = if last { Persistence::Close } else { asked_to };
    let mut passage = Passage { source: None, switch: None, out: Outgoing::default(), ending, fault: Fault::None };
    HEADS.with_borrow_mut(|buffer| {
        buffer.clear();
        buffer.extend_from_slice(&wire.take_early());
        answer::write_head(buffer, asked, &answer, (ending, persistence));
        let mut behind = Bytes::new();
        match answer.body {
            AnswerBody::Switch(switch) => passage.switch = Some(switch),
            AnswerBody::Empty => {}
            _ if ending == Ending::Empty => {}
            AnswerBody::Full(bytes) if bytes.len() <= COPIED => buffer.extend_from_slice(&bytes),
            AnswerBody::Full(bytes) => behind = bytes,
            AnswerBody::Streamed(source) => passage.source = Some(source),
        }
        // Where more comes, the head goes with it.
        let alone = behind.is_empty() && passage.source.is_none();
        let ends = persistence == Persistence::Close && passage.switch.is_none() && wire.is_body_over();
        let written = match (alone, ends) {
            (true, true) => wire.poll_write_last(cx, buffer),
            (true, false) => wire.poll_write(cx, buffer),
            (false, _) => Poll::Pending,
        };
        let written = match written {
            Poll::Ready(Ok(written)) => written,
            Poll::Ready(Err(_)) => return Err(Close::Left),
            Poll::Pending => 0,
        };
        if written < buffer.len() {
            passage.out.push(Bytes::copy_from_slice(&buffer[written..]));
        }
        passage.out.push(behind);
        buffer.shrink_to(KEPT);
        let ended = answer.whole_since.filter(|_| passage.is_over() && wire.is_body_over());
        Ok(Begun { passage, persistence, ended })
    })
}

/// Whether an answer broke off.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    Broken,
}

/// An answer on its way to the visitor.
struct Passage {
    /// The rest of the body, until its end was queued.
    source: Option<Box<dyn AnswerSource>>,
    /// What takes the connection over behind the head.
    switch: Option<Switch>,
    out: Outgoing,
    ending: Ending,
    fault: Fault,
}

/// Whether a source has more at once.
#[derive(PartialEq, Eq)]
enum Supply {
    More,
    Waits,
}

impl Passage {
    fn is_over(&self) -> bool {
        self.source.is_none() && self.out.is_empty()
    }

    /// Passes on until all is written. Everything that came before a fault is written before the connection ends.
    fn poll(&mut self, cx: &mut Context<'_>, connection: &Connection) -> Poll<Result<(), Close>> {
        loop {
            let supply = self.gather(cx);
            let mut wire = connection.wire();
            match self.out.poll_write(cx, &mut wire) {
                Poll::Ready(Ok(())) if self.source.is_none() => {
                    return Poll::Ready(match self.fault {
                        Fault::None => Ok(()),
                        Fault::Broken => Err(Close::Cut(self.ending)),
                    });
                }
                Poll::Ready(Ok(())) if supply == Supply::More => continue,
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Close::Left)),
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
            if wire.poll_left(cx).is_ready() {
                return Poll::Ready(Err(Close::Left));
            }
            if !wire.is_body_over() {
                // Where another task reads the rest of the request, its end is when to look out for the visitor.
                let _: Poll<()> = wire.poll_body_over(cx);
            }
            return Poll::Pending;
        }
    }

    /// Queues what the source has, up to what one write takes.
    fn gather(&mut self, cx: &mut Context<'_>) -> Supply {
        while let Some(source) = &mut self.source
            && !self.out.is_full()
        {
            let end = match source.poll_piece(cx) {
                Poll::Pending => return Supply::Waits,
                Poll::Ready(Ok(Piece::Data(data))) => {
                    match self.ending {
                        Ending::Chunks => encode_chunk(data).into_iter().for_each(|piece| self.out.push(piece)),
                        _ => self.out.push(data),
                    }
                    continue;
                }
                Poll::Ready(Ok(Piece::More)) => continue,
                Poll::Ready(Ok(Piece::End)) => encode_end(&[]),
                Poll::Ready(Ok(Piece::Trailers(trailers))) => encode_end(&trailers),
                Poll::Ready(Err(_)) => {
                    self.fault = Fault::Broken;
                    Bytes::new()
                }
            };
            if self.ending == Ending::Chunks {
                self.out.push(end);
            }
            self.source = None;
        }
        Supply::More
    }
}
