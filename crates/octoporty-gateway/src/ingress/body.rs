//! The body of a visitor's request, for whoever sends it on.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::connection::Connection;
use super::head::Expectation;
use super::wire::UploadFault;
use crate::upstream::chunked::Piece;
use crate::upstream::request::RequestFraming;

/// Reads the body of one request off its connection. Nothing is read that is not asked for. Dropped before its end, it
/// lets the connection end behind the answer.
#[derive(Debug)]
pub(crate) struct RequestBody {
    connection: Arc<Connection>,
    framing: RequestFraming,
    expectation: Expectation,
}

impl RequestBody {
    /// Of the request that has begun on the connection.
    pub(super) fn new(connection: Arc<Connection>, framing: RequestFraming, expectation: Expectation) -> Self {
        Self { connection, framing, expectation }
    }

    /// How the visitor frames it.
    pub(crate) fn framing(&self) -> RequestFraming {
        self.framing
    }

    /// Whether the visitor waits to be asked for it.
    pub(crate) fn expectation(&self) -> Expectation {
        self.expectation
    }

    /// The next piece. The first call asks a visitor that waits for that to go on.
    pub(crate) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, UploadFault>> {
        self.connection.wire().poll_body(cx)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.connection.wire().reader_gone();
    }
}
