//! The body of an answer to a visitor.

use std::fmt;
use std::io;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tokio::net::TcpStream;

use crate::ingress::head::Persistence;
use crate::shards::Counted;
use crate::shards::sources::Permit;
use crate::upstream::chunked::Piece;
use crate::upstream::response::{Passed, Reason, ResponseHead};
use crate::visitor::RequestId;

/// A body that breaks off: the visitor's connection is closed, so that a cut answer is never taken for a whole one.
pub(crate) type BodyError = io::Error;

/// An answer to a visitor.
#[derive(Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    /// The phrase, where it is not the usual one of the status.
    pub(crate) reason: Option<Reason>,
    /// A target's fields.
    pub(crate) passed: Passed,
    /// The gateway's own fields.
    headers: HeaderMap,
    /// In every answer, once it is known.
    pub(crate) request_id: Option<RequestId>,
    /// Whether the connection may carry another request.
    pub(crate) persistence: Persistence,
    /// When all of it was here, where it was not waited for in parts.
    pub(crate) whole_since: Option<Instant>,
    /// What follows the head.
    pub(crate) body: AnswerBody,
}

impl Answer {
    /// 200 with this body and no fields.
    pub(crate) fn new(body: AnswerBody) -> Self {
        Self {
            status: StatusCode::OK,
            reason: None,
            passed: Passed::default(),
            headers: HeaderMap::new(),
            request_id: None,
            persistence: Persistence::Keep,
            whole_since: None,
            body,
        }
    }

    /// The head of a target's answer with this body.
    pub(crate) fn passing(head: ResponseHead, body: AnswerBody) -> Self {
        Self { status: head.status, reason: head.reason, passed: head.passed, ..Self::new(body) }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn status_mut(&mut self) -> &mut StatusCode {
        &mut self.status
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    pub(crate) fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }
}

/// Bytes and trailers of an answer, as they come.
pub(crate) trait AnswerSource: Send {
    /// The next piece; the last one is an end, trailers, or an error.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, BodyError>>;
}

/// A connection that is not HTTP any more.
#[derive(Debug)]
pub(crate) struct Switched<S = TcpStream> {
    /// The connection.
    pub(crate) socket: S,
    /// What the visitor has sent behind its request.
    pub(crate) read_ahead: Bytes,
    /// Counts the connection, as long as it lasts.
    pub(crate) permit: Option<Permit>,
    /// So do the figures.
    pub(crate) counted: Counted,
}

/// Takes a connection over once the head of a 101 is written. Dropped when the visitor leaves before.
pub(crate) type Switch = Box<dyn FnOnce(Switched) + Send>;

/// What follows the head of an [`Answer`].
pub(crate) enum AnswerBody {
    /// Nothing.
    Empty,
    /// All there is.
    Full(Bytes),
    /// As it comes.
    Streamed(Box<dyn AnswerSource>),
    /// Another protocol.
    Switch(Switch),
}

impl fmt::Debug for AnswerBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Full(bytes) => write!(f, "Full({} bytes)", bytes.len()),
            Self::Streamed(_) => f.write_str("Streamed"),
            Self::Switch(_) => f.write_str("Switch"),
        }
    }
}
