//! One link: a task that owns a carrier and one end of a mux, and cheap handles to it.
//!
//! Streams work on the mux directly under a short lock (never held over an await) and wake the task when there is
//! something to write; so a byte takes no hop between tasks, and a link may be used from another shard's thread.

mod driver;
mod events;
mod shared;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use octoporty_proto::control::{self, Control};
use octoporty_proto::model::EndReason;
use octoporty_proto::mux::{Mux, MuxConfig, MuxStats, OpenError};
use octoporty_proto::wire::{Open, Side};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::carrier::Carrier;
use crate::stream::Stream;
use driver::Driver;
pub use events::LinkEvents;
use shared::{Draining, Phase};
pub(crate) use shared::{Shared, Wait};

/// A handle to one end of a link. Clones are handles to the same link.
#[derive(Clone, Debug)]
pub struct Link {
    shared: Arc<Shared>,
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

/// Starts a link on the current runtime, its task owned by `tracker` and ended by `cancel`.
#[must_use]
pub fn start(
    carrier: Box<dyn Carrier>,
    side: Side,
    config: MuxConfig,
    tracker: &TaskTracker,
    cancel: CancellationToken,
) -> (Link, LinkEvents) {
    let mux = Mux::new(side, config, Instant::now());
    let shared = Arc::new(Shared::new(mux, carrier.transport(), carrier.peer()));
    tracker.spawn(Driver::new(Arc::clone(&shared), carrier, cancel).run());
    (Link { shared: Arc::clone(&shared) }, LinkEvents::new(shared, side, tracker.clone()))
}

impl LinkEnd {
    /// From its parts.
    #[must_use]
    pub fn new(reason: EndReason, detail: &str) -> Self {
        Self { reason, detail: detail.to_owned() }
    }
}

impl shared::State {
    /// Gives a message to the mux, whole or not at all.
    fn send_control(&mut self, message: &Control, bytes: Bytes) -> bool {
        let sent = self.mux.send_control(bytes);
        if sent {
            self.learn(message);
        }
        sent
    }

    /// A Welcome settles for both its sender and its receiver which features the link has.
    fn learn(&mut self, message: &Control) {
        if let Control::Welcome(welcome) = message
            && welcome.features.iter().any(|feature| feature == control::feature::LZ4)
        {
            self.mux.enable_lz4();
        }
    }

    /// Besides, a Hello or Welcome says what its sender is ready to hold.
    pub(super) fn learn_of_peer(&mut self, message: &Control) {
        self.learn(message);
        match message {
            Control::Hello(hello) => self.mux.limit_in_flight(hello.in_flight()),
            Control::Welcome(welcome) => self.mux.limit_in_flight(welcome.in_flight()),
            _ => {}
        }
    }

    pub(super) fn close(&mut self, end: LinkEnd) {
        if matches!(self.phase, Phase::Open) {
            self.phase = Phase::Closing(end);
        }
    }

    fn end(&self) -> Option<&LinkEnd> {
        match &self.phase {
            Phase::Open => None,
            Phase::Closing(end) | Phase::Over(end) => Some(end),
        }
    }
}

impl Link {
    /// Opens a stream without a round trip; `first` travels with the open frame as far as the window allows, the
    /// rest is queued behind it.
    ///
    /// # Errors
    /// See [`OpenError`]; a dead link says [`OpenError::Draining`].
    pub fn open(&self, open: &Open, first: Bytes) -> Result<Stream, OpenError> {
        let id = self.shared.with(|state| state.open(open, first))?;
        Ok(Stream::new(Arc::clone(&self.shared), id))
    }

    /// Sends a control message; waits for room when the peer is slow. Not cancelled half way: a message is queued
    /// whole or not at all.
    ///
    /// # Errors
    /// The link has ended, or the message is over the limit.
    pub async fn send(&self, message: &Control) -> Result<(), LinkEnd> {
        let bytes =
            control::encode(message).map_err(|error| LinkEnd::new(EndReason::ProtocolError, &error.to_string()))?;
        loop {
            let mut changed = std::pin::pin!(self.shared.changed.notified());
            changed.as_mut().enable();
            let queued = self.shared.with(|state| match state.end() {
                Some(end) => Err(end.clone()),
                None => {
                    let queued = state.send_control(message, bytes.clone());
                    if !queued {
                        state.watch();
                    }
                    Ok(queued)
                }
            })?;
            if queued {
                return Ok(());
            }
            changed.await;
        }
    }

    /// Sends a control message if there is room now; `false` when there is none (for droppable ones).
    #[must_use]
    pub fn try_send(&self, message: &Control) -> bool {
        let Ok(bytes) = control::encode(message) else { return false };
        self.shared.with(|state| state.end().is_none() && state.send_control(message, bytes))
    }

    /// The peer said how many streams this side may have open on the link; before, the link's own
    /// [`MuxConfig::max_streams`] is taken to be the peer's limit as well.
    pub fn set_stream_limit(&self, streams: u32) {
        self.shared.with(|state| state.mux.set_peer_limit(streams));
    }

    /// Says that no more streams are opened or taken; those that stand go on.
    pub fn go_away(&self) {
        self.shared.with(|state| {
            state.draining = Draining::Yes;
            state.mux.go_away();
        });
    }

    /// Closes the link once it is idle, at the latest after `grace`.
    pub async fn drain(&self, grace: Duration) {
        self.go_away();
        let detail = match tokio::time::timeout(grace, self.idle()).await {
            Ok(()) => "drained",
            Err(_) => "the time to drain was over",
        };
        self.close(EndReason::LocalStop, detail);
        self.ended().await;
    }

    async fn idle(&self) {
        loop {
            let mut changed = std::pin::pin!(self.shared.changed.notified());
            changed.as_mut().enable();
            {
                let mut state = self.shared.lock();
                if state.mux.is_idle() || state.end().is_some() {
                    return;
                }
                state.watch();
            }
            changed.await;
        }
    }

    /// Ends the link with this reason: messages that were sent before still leave, streams are reset.
    pub fn close(&self, reason: EndReason, detail: &str) {
        self.shared.with_driver(|state| state.close(LinkEnd::new(reason, detail)));
    }

    /// Waits for the end.
    pub async fn ended(&self) -> LinkEnd {
        loop {
            let mut over = std::pin::pin!(self.shared.over.notified());
            over.as_mut().enable();
            if let Phase::Over(end) = &self.shared.lock().phase {
                return end.clone();
            }
            over.await;
        }
    }

    /// Whether the link can open streams.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        let state = self.shared.lock();
        state.draining == Draining::No && matches!(state.phase, Phase::Open)
    }

    /// Figures.
    #[must_use]
    pub fn stats(&self) -> MuxStats {
        self.shared.lock().mux.stats()
    }

    /// Streams open now; for picking the least busy link.
    #[must_use]
    pub fn load(&self) -> u32 {
        self.stats().streams_active
    }

    /// Name of the transport.
    #[must_use]
    pub fn transport(&self) -> &'static str {
        self.shared.transport
    }

    /// The other end.
    #[must_use]
    pub fn peer(&self) -> Option<std::net::SocketAddr> {
        self.shared.peer
    }
}
