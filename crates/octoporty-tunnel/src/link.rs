//! One link: a task that owns a carrier and one end of a mux, and cheap handles to it.
//!
//! Streams work on the mux directly under a short lock (never held over an await) and wake the task when there is
//! something to write; so a byte takes no hop between tasks, and a link may be used from another shard's thread.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use octoporty_proto::control::Control;
use octoporty_proto::model::EndReason;
use octoporty_proto::mux::{MuxConfig, MuxStats, OpenError};
use octoporty_proto::wire::{Open, Side};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::carrier::Carrier;
use crate::stream::Stream;

/// A handle to one end of a link. Clones are handles to the same link.
#[derive(Clone, Debug)]
pub struct Link {
    shared: Arc<()>,
}

/// Why and how a link ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkEnd {
    /// For machines.
    pub reason: EndReason,
    /// For people.
    pub detail: String,
}

/// What comes in on a link.
#[derive(Debug)]
#[non_exhaustive]
pub enum Incoming {
    /// The peer opened a stream.
    Stream(Open, Stream),
    /// A control message.
    Control(Control),
    /// The data path works both ways, with this round trip.
    Alive(Duration),
}

/// The receiving end of a link's news; exactly one exists a link.
#[derive(Debug)]
pub struct LinkEvents {
    shared: Arc<()>,
}

impl LinkEvents {
    /// The next piece of news; `None` when the link has ended.
    pub async fn next(&mut self) -> Option<Incoming> {
        let _ = &self.shared;
        todo!()
    }
}

/// Starts a link on the current runtime, its task owned by `tracker` and ended by `cancel`.
#[must_use]
pub fn start(
    carrier: Box<dyn Carrier>,
    side: Side,
    config: MuxConfig,
    tracker: &TaskTracker,
    cancel: CancellationToken,
) -> (Link, LinkEvents) {
    let _ = (carrier, side, config, tracker, cancel);
    todo!()
}

impl Link {
    /// Opens a stream without a round trip; `first` travels with the open frame as far as the window allows, the
    /// rest is queued behind it.
    ///
    /// # Errors
    /// See [`OpenError`]; a dead link says [`OpenError::Draining`].
    pub fn open(&self, open: &Open, first: Bytes) -> Result<Stream, OpenError> {
        let _ = (open, first, &self.shared);
        todo!()
    }

    /// Sends a control message; waits for room when the peer is slow.
    ///
    /// # Errors
    /// The link has ended, or the message is over the limit.
    pub async fn send(&self, message: &Control) -> Result<(), LinkEnd> {
        let _ = message;
        todo!()
    }

    /// Sends a control message if there is room now; `false` when there is none (for droppable ones).
    #[must_use]
    pub fn try_send(&self, message: &Control) -> bool {
        let _ = message;
        todo!()
    }

    /// Says that no more streams are opened or taken; those that stand go on.
    pub fn go_away(&self) {
        todo!()
    }

    /// Closes the link once it is idle, at the latest after `grace`.
    pub async fn drain(&self, grace: Duration) {
        let _ = grace;
        todo!()
    }

    /// Ends the link now with this reason.
    pub fn close(&self, reason: EndReason, detail: &str) {
        let _ = (reason, detail);
        todo!()
    }

    /// Waits for the end.
    pub async fn ended(&self) -> LinkEnd {
        todo!()
    }

    /// Whether the link can open streams.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        todo!()
    }

    /// Figures.
    #[must_use]
    pub fn stats(&self) -> MuxStats {
        todo!()
    }

    /// Streams open now; for picking the least busy link.
    #[must_use]
    pub fn load(&self) -> u32 {
        todo!()
    }

    /// Name of the transport.
    #[must_use]
    pub fn transport(&self) -> &'static str {
        todo!()
    }

    /// The other end.
    #[must_use]
    pub fn peer(&self) -> Option<std::net::SocketAddr> {
        todo!()
    }
}
