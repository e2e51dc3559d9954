//! A request on its way to the target: head, then body as the visitor sends it.
//!
//! Invariants: the visitor's body is read only when all that was read before is sent (back-pressure); exactly the
//! announced length is sent, or the stream is given up; what was sent is kept for one repetition until the first
//! byte of the answer, as long as it is small.

use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use octoporty_proto::wire::Reset;
use octoporty_tunnel::stream::Stream;

use super::verdict::{Trouble, trouble_of_upload};
use crate::ingress::body::RequestBody;
use crate::upstream::chunked::{Piece, encode_chunk, encode_end};
use crate::upstream::request::RequestFraming;

/// Most bytes that are kept for sending a request again. More is seldom in flight before the first byte of an
/// answer, and this much a request may cost in memory besides its windows.
const KEPT_LIMIT: usize = 64 * 1024;

/// Bytes that a piece takes besides its own, in memory.
const PIECE_OVERHEAD: usize = 128;

/// Body bytes up to this many travel in one piece with the head, where they are there already.
const WITH_HEAD_LIMIT: usize = 16 * 1024;

/// Whether the visitor's body may be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Gate {
    /// It may.
    Open,
    /// `Expect: 100-continue`: not before the target wants it. Reading sends the 100.
    Shut,
}

/// Why an upload stopped.
#[derive(Debug)]
pub(super) enum UploadError {
    /// The stream was reset; an answer may have come before.
    Stream(Reset),
    /// The visitor's doing.
    Visitor(Trouble),
}

impl UploadError {
    /// What it means where no answer can have come before.
    fn into_trouble(self) -> Trouble {
        match self {
            Self::Stream(reset) => Trouble::Reset(reset),
            Self::Visitor(trouble) => trouble,
        }
    }
}

/// Where the body comes from.
#[derive(Debug)]
enum Source {
    Length { body: RequestBody, remaining: u64 },
    Chunked { body: RequestBody },
    Ended,
}

/// One request being sent.
#[derive(Debug)]
pub(super) struct Upload {
    /// Of the head, what is not sent yet.
    head: Bytes,
    /// Pieces of an earlier attempt, to be sent again.
    again: std::vec::IntoIter<Bytes>,
    /// The piece of `again` that is being sent.
    again_now: Bytes,
    /// Pieces that were read last; sent in this order.
    pieces: [Bytes; 3],
    source: Source,
    gate: Gate,
    /// What was sent of the body, for a repetition; `None` when that is not possible any more.
    kept: Option<Vec<Bytes>>,
    kept_bytes: usize,
    /// Bytes of the body read so far, without their framing.
    body_bytes: u64,
    moved: bool,
}

impl Upload {
    /// A request whose head goes with the first piece.
    pub(super) fn new(body: RequestBody, gate: Gate) -> Self {
        let source = match body.framing() {
            RequestFraming::None | RequestFraming::Length(0) => Source::Ended,
            RequestFraming::Length(remaining) => Source::Length { body, remaining },
            RequestFraming::Chunked => Source::Chunked { body },
        };
        Self {
            head: Bytes::new(),
            again: Vec::new().into_iter(),
            again_now: Bytes::new(),
            pieces: [const { Bytes::new() }; 3],
            source,
            gate,
            kept: Some(Vec::new()),
            kept_bytes: 0,
            body_bytes: 0,
            moved: false,
        }
    }

    /// Puts the head in front, where it did not travel with the opening of the stream.
    pub(super) fn begin(&mut self, head: Bytes) {
        self.head = head;
    }

    /// Begins once more, behind a head that is sent already: all that was read of the body goes first.
    pub(super) fn repeat(&mut self) {
        debug_assert!(self.can_repeat(), "the caller has asked");
        self.head = Bytes::new();
        self.again = self.kept.clone().unwrap_or_default().into_iter();
        self.again_now = Bytes::new();
        self.pieces = [const { Bytes::new() }; 3];
    }

    /// Whether the head has left.
    pub(super) fn is_head_sent(&self) -> bool {
        self.head.is_empty()
    }

    /// Whether everything sent so far can be sent again.
    pub(super) fn can_repeat(&self) -> bool {
        self.kept.is_some()
    }

    /// The answer has begun: nothing will be sent again.
    pub(super) fn forget(&mut self) {
        self.kept = None;
    }

    /// The target wants the body.
    pub(super) fn open_gate(&mut self) {
        self.gate = Gate::Open;
    }

    /// Whether the body waits for the target's word.
    pub(super) fn is_gated(&self) -> bool {
        self.gate == Gate::Shut && !self.is_read()
    }

    /// Whether the whole body was read from the visitor.
    pub(super) fn is_read(&self) -> bool {
        matches!(self.source, Source::Ended)
    }

    /// Whether everything was read and given to the stream.
    pub(super) fn is_done(&self) -> bool {
        self.is_read() && self.is_flushed()
    }

    /// Whether the next step is the visitor's: all that it sent is on its way.
    pub(super) fn waits_for_visitor(&self) -> bool {
        !self.is_read() && self.gate == Gate::Open && self.is_flushed()
    }

    /// Bytes of the body so far.
    pub(super) fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    /// Whether bytes moved since this was asked last.
    pub(super) fn take_moved(&mut self) -> bool {
        std::mem::take(&mut self.moved)
    }

    /// The visitor's body, if it was not read to its end.
    pub(super) fn into_rest(self) -> Option<RequestBody> {
        match self.source {
            Source::Length { body, .. } | Source::Chunked { body } => Some(body),
            Source::Ended => None,
        }
    }

    /// Reads what the visitor has sent along with its head and appends it to the head, so that a small request is
    /// one piece. Waits for nothing.
    pub(super) fn read_with_head(&mut self, cx: &mut Context<'_>, head: &mut Vec<u8>) -> Result<(), Trouble> {
        if self.gate == Gate::Shut || self.is_read() {
            return Ok(());
        }
        if let Poll::Ready(result) = self.poll_read(cx) {
            result.map_err(UploadError::into_trouble)?;
        }
        let length: usize = self.pieces.iter().map(Bytes::len).sum();
        if (1..=WITH_HEAD_LIMIT).contains(&length) {
            for piece in &mut self.pieces {
                head.extend_from_slice(&std::mem::take(piece));
            }
            // They travel with the head on every attempt.
            self.kept = Some(Vec::new());
            self.kept_bytes = 0;
        }
        Ok(())
    }

    /// Sends the rest, for so long at most. A body that waits for the target's word stays where it is, and is trouble.
    pub(super) async fn finish(&mut self, stream: &mut Stream, most: Duration) -> Result<(), Trouble> {
        if self.is_done() {
            return Ok(());
        }
        if self.is_gated() {
            return Err(Trouble::UnaskedSwitch);
        }
        match tokio::time::timeout(most, std::future::poll_fn(|cx| self.poll(cx, stream))).await {
            Ok(sent) => sent.map_err(UploadError::into_trouble),
            Err(_) => Err(Trouble::UploadIdle),
        }
    }

    fn is_flushed(&self) -> bool {
        self.head.is_empty()
            && self.again_now.is_empty()
            && self.again.len() == 0
            && self.pieces.iter().all(Bytes::is_empty)
    }

    /// Sends and reads until one of both must wait, or everything is sent.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, stream: &mut Stream) -> Poll<Result<(), UploadError>> {
        loop {
            ready!(self.poll_flush(cx, stream))?;
            if self.is_read() {
                return Poll::Ready(Ok(()));
            }
            if self.gate == Gate::Shut {
                return Poll::Pending;
            }
            ready!(self.poll_read(cx))?;
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>, stream: &mut Stream) -> Poll<Result<(), UploadError>> {
        ready!(send(cx, stream, &mut self.head, &mut self.moved))?;
        loop {
            ready!(send(cx, stream, &mut self.again_now, &mut self.moved))?;
            match self.again.next() {
                Some(piece) => self.again_now = piece,
                None => break,
            }
        }
        for piece in &mut self.pieces {
            ready!(send(cx, stream, piece, &mut self.moved))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Reads the next piece of the body. Only when the last one is sent.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), UploadError>> {
        debug_assert!(self.pieces.iter().all(Bytes::is_empty), "read only when all is sent");
        let body = match &mut self.source {
            Source::Length { body, .. } | Source::Chunked { body } => body,
            Source::Ended => return Poll::Ready(Ok(())),
        };
        let piece = match ready!(body.poll_piece(cx)) {
            Ok(piece) => piece,
            Err(fault) => return Poll::Ready(Err(UploadError::Visitor(trouble_of_upload(&fault)))),
        };
        self.moved = true;
        match (&mut self.source, piece) {
            (Source::Length { remaining, .. }, Piece::Data(data)) => {
                *remaining = remaining.saturating_sub(data.len() as u64);
                let ended = *remaining == 0;
                self.body_bytes += data.len() as u64;
                self.pieces[0] = data;
                if ended {
                    self.source = Source::Ended;
                }
            }
            (Source::Chunked { .. }, Piece::Data(data)) => {
                self.body_bytes += data.len() as u64;
                self.pieces = encode_chunk(data);
            }
            (Source::Chunked { .. }, Piece::Trailers(trailers)) => {
                self.pieces[0] = encode_end(&trailers);
                self.source = Source::Ended;
            }
            (Source::Chunked { .. }, Piece::End) => {
                self.pieces[0] = encode_end(&[]);
                self.source = Source::Ended;
            }
            // A length has no other end than its last byte.
            (Source::Length { .. }, Piece::End | Piece::Trailers(_)) => self.source = Source::Ended,
            (_, Piece::More) | (Source::Ended, _) => {}
        }
        self.keep();
        Poll::Ready(Ok(()))
    }

    fn keep(&mut self) {
        let pieces = self.pieces.iter().filter(|piece| !piece.is_empty());
        self.kept_bytes += pieces.map(|piece| piece.len() + PIECE_OVERHEAD).sum::<usize>();
        if self.kept_bytes > KEPT_LIMIT {
            self.kept = None;
        } else if let Some(kept) = &mut self.kept {
            kept.extend(self.pieces.iter().filter(|piece| !piece.is_empty()).cloned());
        }
    }
}

/// Sends all of a piece.
fn send(
    cx: &mut Context<'_>,
    stream: &mut Stream,
    piece: &mut Bytes,
    moved: &mut bool,
) -> Poll<Result<(), UploadError>> {
    while !piece.is_empty() {
        ready!(stream.poll_send(cx, piece)).map_err(UploadError::Stream)?;
        *moved = true;
    }
    Poll::Ready(Ok(()))
}
