//! What comes in on a link, for whoever serves it: streams, control messages, signs of life.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use octoporty_proto::control::{Control, ControlError, Decoder, Refused, RefusedCode};
use octoporty_proto::model::EndReason;
use octoporty_proto::wire::{Open, Side, StreamId};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use super::shared::{EventsWaiter, Phase, Shared, State};
use super::{Incoming, Link, LinkEnd};
use crate::stream::Stream;

/// Bytes of messages decoded on the link's own thread before others there get their turn, and most bytes of one that is:
/// a message of so many, whatever is in it, takes a millisecond or two. A larger one, of which 16 MiB may be one, is
/// decoded on a blocking thread meanwhile.
const DECODE_HERE: usize = 64 * 1024;

/// What a message costs besides its bytes, in bytes.
const MESSAGE_COST: usize = 256;

/// The receiving end of a link's news; exactly one exists a link. Dropped while the link stands, streams that the
/// peer opens from then on are refused.
#[derive(Debug)]
pub struct LinkEvents {
    shared: Arc<Shared>,
    tracker: TaskTracker,
    decoder: Decoder,
    peer: Peer,
    reading: Reading,
    /// What was decoded here since others had their turn, bytes.
    spent: usize,
}

/// Whether the other end has said who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Peer {
    /// An agent that has not: it may send only what is small, and is told why it is not understood.
    Stranger,
    Known,
}

/// Where the next message is decoded.
///
/// ```text
/// Here -> Elsewhere -> Here       (a large one; no other is cut off before it is done)
///   any, unreadable -> Broken
/// ```
#[derive(Debug)]
enum Reading {
    Here,
    Elsewhere(JoinHandle<Result<Control, ControlError>>),
    /// Nothing but the end of the link follows.
    Broken,
}

/// Whether bytes of messages are taken off the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taking {
    All,
    /// A message is still to be given before the next.
    AllButMessages,
}

impl LinkEvents {
    pub(super) fn new(shared: Arc<Shared>, side: Side, tracker: TaskTracker) -> Self {
        let (peer, decoder) = match side {
            Side::Gateway => (Peer::Stranger, Decoder::for_stranger()),
            // It dialled, and knows whom; what a gateway tells a whole session may come before the Welcome.
            Side::Agent => (Peer::Known, Decoder::default()),
        };
        Self { shared, tracker, decoder, peer, reading: Reading::Here, spent: 0 }
    }

    /// The next piece of news; `None` when the link has ended. Messages that came before the end are given first.
    pub async fn next(&mut self) -> Option<Incoming> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Incoming>> {
        if matches!(self.reading, Reading::Broken) {
            return self.poll_end(cx);
        }
        loop {
            let taking = match self.poll_message(cx) {
                Poll::Ready(Ok(Some(message))) => return Poll::Ready(Some(self.heard(message))),
                Poll::Ready(Ok(None)) => Taking::All,
                Poll::Pending => Taking::AllButMessages,
                Poll::Ready(Err(error)) => {
                    self.give_up(&error);
                    return self.poll_end(cx);
                }
            };
            match self.shared.with(|state| state.news(cx, taking)) {
                News::Control(bytes) => self.decoder.feed(&bytes),
                News::Alive(round_trip) => return Poll::Ready(Some(Incoming::Alive(round_trip))),
                News::Opened(id, open) => {
                    return Poll::Ready(Some(Incoming::Stream(open, Stream::new(Arc::clone(&self.shared), id))));
                }
                News::Over => return Poll::Ready(None),
                News::None => return Poll::Pending,
            }
        }
    }

    /// The next message, if it is all there. Pending: it is being decoded, or others have their turn first.
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Control>, ControlError>> {
        loop {
            if let Reading::Elsewhere(decoding) = &mut self.reading {
                let decoded = ready!(Pin::new(decoding).poll(cx));
                self.reading = Reading::Here;
                // It panicked, or the runtime is ending.
                let decoded = decoded.unwrap_or_else(|error| Err(ControlError::Malformed(error.to_string())));
                return Poll::Ready(decoded.map(Some));
            }
            if self.spent >= DECODE_HERE {
                self.spent = 0;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let Some(envelope) = self.decoder.next_envelope()? else { return Poll::Ready(Ok(None)) };
            if envelope.raw_len() <= DECODE_HERE {
                self.spent += envelope.raw_len() + MESSAGE_COST;
                return Poll::Ready(envelope.open().map(Some));
            }
            self.reading = Reading::Elsewhere(self.tracker.spawn_blocking(move || envelope.open()));
        }
    }

    fn heard(&mut self, message: Control) -> Incoming {
        if matches!(message, Control::Hello(_)) {
            self.peer = Peer::Known;
            self.decoder.lift_limit();
        }
        self.shared.with(|state| state.learn_of_peer(&message));
        Incoming::Control(message)
    }

    /// The peer's control stream cannot be read: the link ends. A stranger is told first, as it may not know how to read
    /// the reason of a close.
    fn give_up(&mut self, error: &ControlError) {
        self.reading = Reading::Broken;
        let text = error.to_string();
        if self.peer == Peer::Stranger {
            let refused = Refused { code: RefusedCode::Malformed, text: text.clone(), retry_after_s: None };
            if !(Link { shared: Arc::clone(&self.shared) }).try_send(&Control::Refused(refused)) {
                tracing::debug!(%error, "the link ended before its peer was refused");
            }
        }
        self.shared.with_driver(|state| state.close(LinkEnd::new(EndReason::ProtocolError, &text)));
    }

    /// The peer's control stream cannot be read: nothing but the end follows.
    fn poll_end(&self, cx: &mut Context<'_>) -> Poll<Option<Incoming>> {
        let mut state = self.shared.lock();
        if matches!(state.phase, Phase::Over(_)) {
            return Poll::Ready(None);
        }
        state.events = EventsWaiter::Waiting(cx.waker().clone());
        Poll::Pending
    }
}

/// What [`LinkEvents`] finds in the state.
enum News {
    Control(Bytes),
    Alive(Duration),
    Opened(StreamId, Open),
    Over,
    None,
}

impl State {
    fn news(&mut self, cx: &Context<'_>, taking: Taking) -> News {
        if taking == Taking::All {
            if let Some(bytes) = self.control_tail.pop_front() {
                return News::Control(bytes);
            }
            if matches!(self.phase, Phase::Over(_)) {
                return News::Over;
            }
            if let Some(bytes) = self.mux.recv_control() {
                return News::Control(bytes);
            }
        }
        if let Some(round_trip) = self.alive.take() {
            return News::Alive(round_trip);
        }
        if let Some((id, open)) = self.accepted.pop_front() {
            return News::Opened(id, open);
        }
        self.events = EventsWaiter::Waiting(cx.waker().clone());
        News::None
    }
}

impl Drop for LinkEvents {
    fn drop(&mut self) {
        self.shared.with(|state| {
            state.events = EventsWaiter::Gone;
            for (id, _) in std::mem::take(&mut state.accepted) {
                state.refuse(id);
            }
        });
    }
}
