//! A carrier moves a link's bytes over one transport connection. Message boundaries mean nothing.

pub mod tcp;
pub mod websocket;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use bytes::Bytes;

use crate::link::LinkEnd;

/// One transport connection, both directions. A [`crate::link::Link`]'s task owns it.
pub trait Carrier: Send + 'static {
    /// Name for logs and status, such as `websocket`.
    fn transport(&self) -> &'static str;

    /// The other end.
    fn peer(&self) -> Option<SocketAddr>;

    /// Next bytes; `None` when the peer closed in order.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>>;

    /// Bytes of the block of memory that what [`Self::poll_receive`] gave last is a part of: as long as a part of it is
    /// kept, so is the block.
    fn block(&self) -> usize {
        0
    }

    /// Called now and then while the link stands: gives back memory that a link which says little does without.
    fn rest(&mut self) {}

    /// Whether [`Self::start_send`] may be called: not more than a bounded number of bytes wait in the carrier.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Takes frames over; they leave in as few writes as can be. Drains `frames`.
    ///
    /// # Errors
    /// The transport broke.
    fn start_send(&mut self, frames: &mut Vec<Bytes>) -> io::Result<()>;

    /// Writes what was taken.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Says goodbye with the reason, and closes.
    fn poll_close(&mut self, cx: &mut Context<'_>, why: &LinkEnd) -> Poll<io::Result<()>>;

    /// What the peer said when [`Self::poll_receive`] found that it closed.
    fn farewell(&self) -> Option<&Farewell> {
        None
    }
}

/// What a peer said as it closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Farewell {
    /// The transport's code, if the peer gave one.
    pub code: Option<u16>,
    /// Its words, without control characters; perhaps none.
    pub reason: String,
}

impl fmt::Display for Farewell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = if self.reason.is_empty() { "without a reason" } else { &self.reason };
        match self.code {
            Some(code) => write!(f, "{said} (code {code})"),
            None => f.write_str(said),
        }
    }
}
