//! The body of a target's answer on its way to the visitor.
//!
//! Invariants: each piece is passed on at once; a body that is not whole ends in an error and never in an end; the
//! stream goes back to the pool exactly when request and answer both ended in order and nothing is left over;
//! dropped before its end (the visitor left), the body resets its stream at once.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use octoporty_proto::model::{Failure, FailureCode};
use octoporty_proto::wire::{Blame, Reset};
use tokio::time::Instant;

use super::record::Record;
use super::remainder::{self, Shared};
use super::verdict::{failure_of_body, failure_of_reset};
use crate::body::{AnswerSource, BodyError};
use crate::upstream::chunked::Piece;
use crate::upstream::decoder::{BodyDecoder, BodyFault};
use crate::upstream::pool::{Lane, Pool, Warm};
use crate::upstream::response::Reuse;

/// Where the bytes come from.
#[derive(Debug)]
pub(super) enum Conduit {
    /// The request is sent; the stream is this answer's alone.
    Whole(Warm),
    /// The rest of the request is still being sent by a task.
    Split(Arc<Shared>),
    /// Nothing more is to come.
    Gone,
}

/// Where a stream goes that is fit for another request.
#[derive(Debug)]
pub(super) struct WayBack {
    /// The shard's warm streams.
    pub(super) pool: Arc<Pool>,
    /// What the stream leads to.
    pub(super) lane: Lane,
    /// Whether the answer's head allows it.
    pub(super) reuse: Reuse,
}

/// What an answer's body is made of.
#[derive(Debug)]
pub(super) struct BodyParts {
    /// Where the bytes come from.
    pub(super) conduit: Conduit,
    /// The framing.
    pub(super) decoder: BodyDecoder,
    /// Bytes that came with the head.
    pub(super) input: Bytes,
    /// Where the stream goes.
    pub(super) way_back: WayBack,
    /// Bound on silence.
    pub(super) idle: Duration,
    /// Finished with the body.
    pub(super) record: Record,
}

/// Why an answer breaks off.
#[derive(Debug)]
enum Cut {
    /// Something failed behind the gateway.
    Failure(Failure),
    /// There is nobody left to answer.
    VisitorLeft,
}

/// The body of one answer.
#[derive(Debug)]
pub(super) struct TargetBody {
    parts: BodyParts,
    /// Decoded and not yet given on.
    next: Option<Piece>,
    /// When bytes came last.
    moved: Instant,
}

impl TargetBody {
    /// Looks at what came with the head: a body that is there in whole frees its stream at once.
    ///
    /// # Errors
    /// What came with the head is malformed already; it is recorded.
    pub(super) fn new(parts: BodyParts, status: u16) -> Result<Self, Failure> {
        let mut body = Self { parts, next: None, moved: Instant::now() };
        match body.look_ahead() {
            Ok(()) => {
                body.parts.record.status(status);
                Ok(body)
            }
            Err(fault) => {
                let failure = failure_of_body(fault);
                drop(body.fail(failure.clone()));
                Err(failure)
            }
        }
    }

    /// The whole body, if all of it is here in one piece: with that the request is over.
    pub(super) fn take_whole(&mut self) -> Option<Bytes> {
        if !self.parts.decoder.is_ended() {
            return None;
        }
        match self.next.take() {
            None => Some(Bytes::new()),
            Some(Piece::Data(data)) => {
                self.parts.record.response_bytes += data.len() as u64;
                Some(data)
            }
            other => {
                self.next = other;
                None
            }
        }
    }

    /// Decodes the next piece of what is here. An end along with the last data frees the stream before the visitor's
    /// next request.
    fn look_ahead(&mut self) -> Result<(), BodyFault> {
        if self.next.is_none() && !self.parts.decoder.is_ended() {
            match self.parts.decoder.decode(&mut self.parts.input)? {
                Piece::More | Piece::End => {}
                piece => self.next = Some(piece),
            }
        }
        if self.parts.decoder.is_ended() {
            self.let_go();
        }
        Ok(())
    }

    /// The answer has ended: the stream is returned, or left to the upload, or closed.
    fn let_go(&mut self) {
        match std::mem::replace(&mut self.parts.conduit, Conduit::Gone) {
            Conduit::Whole(warm) => {
                let way_back = &self.parts.way_back;
                if way_back.reuse == Reuse::Allowed && self.parts.input.is_empty() {
                    way_back.pool.give(&way_back.lane, warm);
                } else if self.parts.record.request_bytes > 0 {
                    remainder::see_off(self.parts.record.shard(), warm.stream);
                }
            }
            Conduit::Split(shared) => {
                self.parts.record.request_bytes = shared.uploaded();
                shared.answer_ended();
            }
            Conduit::Gone => {}
        }
    }

    fn cut(&mut self, cut: Cut) -> BodyError {
        match cut {
            Cut::Failure(failure) => self.fail(failure),
            Cut::VisitorLeft => {
                self.close();
                io::ErrorKind::ConnectionAborted.into()
            }
        }
    }

    /// Cuts the answer: the visitor must not take what it has for the whole.
    fn fail(&mut self, failure: Failure) -> BodyError {
        self.close();
        let text = failure.detail.clone().unwrap_or_else(|| failure.code.as_str().to_owned());
        self.parts.record.failed(failure);
        io::Error::other(text)
    }

    /// Ends the stream at once.
    fn close(&mut self) {
        if let Conduit::Split(shared) = std::mem::replace(&mut self.parts.conduit, Conduit::Gone) {
            self.parts.record.request_bytes = shared.uploaded();
            shared.answer_broke();
        }
    }

    /// More bytes into the input; an end where one is due.
    fn poll_input(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Cut>> {
        let received = match &mut self.parts.conduit {
            Conduit::Whole(warm) => warm.stream.poll_recv(cx),
            Conduit::Split(shared) => shared.poll_recv(cx),
            Conduit::Gone => Poll::Ready(Ok(None)),
        };
        let Poll::Ready(received) = received else {
            ready!(self.poll_idle(cx));
            return Poll::Ready(Err(Cut::Failure(FailureCode::IdleTimeout.into())));
        };
        self.moved = Instant::now();
        Poll::Ready(self.take(received))
    }

    fn take(&mut self, received: Result<Option<Bytes>, Reset>) -> Result<(), Cut> {
        match received {
            Ok(Some(bytes)) => {
                self.parts.input = bytes;
                Ok(())
            }
            Ok(None) => {
                self.parts.way_back.reuse = Reuse::Never;
                self.parts.decoder.stream_finished().map_err(|fault| Cut::Failure(failure_of_body(fault)))
            }
            // The visitor's own upload broke off: it is gone.
            Err(reset) if reset.blame == Blame::Visitor => Err(Cut::VisitorLeft),
            Err(reset) => Err(Cut::Failure(failure_of_reset(reset))),
        }
    }

    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.parts.conduit {
            Conduit::Whole(warm) => warm.watchdog.poll(cx, self.moved + self.parts.idle),
            Conduit::Split(shared) => shared.poll_idle(cx, self.moved, self.parts.idle),
            Conduit::Gone => Poll::Pending,
        }
    }

    /// Whether everything was given on.
    fn is_given(&self) -> bool {
        self.parts.decoder.is_ended() && self.next.is_none()
    }
}

impl AnswerSource for TargetBody {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, BodyError>> {
        loop {
            if let Err(fault) = self.look_ahead() {
                return Poll::Ready(Err(self.cut(Cut::Failure(failure_of_body(fault)))));
            }
            if let Some(piece) = self.next.take() {
                if let Piece::Data(data) = &piece {
                    self.parts.record.response_bytes += data.len() as u64;
                }
                return Poll::Ready(Ok(piece));
            }
            if self.parts.decoder.is_ended() {
                return Poll::Ready(Ok(Piece::End));
            }
            if let Err(cut) = ready!(self.poll_input(cx)) {
                return Poll::Ready(Err(self.cut(cut)));
            }
        }
    }
}

impl Drop for TargetBody {
    fn drop(&mut self) {
        if self.is_given() {
            self.parts.record.done();
        }
        self.close();
    }
}
