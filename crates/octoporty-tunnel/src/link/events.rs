//! What comes in on a link, for whoever serves it: streams, control messages, signs of life.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use octoporty_proto::control::{Control, ControlError, Decoder, Refused, RefusedCode};
use octoporty_proto::model::EndReason;
use octoporty_proto::wire::{Open, Side, StreamId};

use super::shared::{EventsWaiter, Phase, Shared, State};
use super::{Incoming, Link, LinkEnd};
use crate::stream::Stream;

/// The receiving end of a link's news; exactly one exists a link. Dropped while the link stands, streams that the
/// peer opens from then on are refused.
#[derive(Debug)]
pub struct LinkEvents {
    shared: Arc<Shared>,
    decoder: Decoder,
    peer: Peer,
}

/// Whether the other end has said who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Peer {
    /// An agent that has not: it is told why it is not understood.
    Stranger,
    Known,
}

impl LinkEvents {
    pub(super) fn new(shared: Arc<Shared>, side: Side) -> Self {
        let peer = match side {
            Side::Gateway => Peer::Stranger,
            // It dialled, and knows whom.
            Side::Agent => Peer::Known,
        };
        Self { shared, decoder: Decoder::default(), peer }
    }

    /// The next piece of news; `None` when the link has ended. Messages that came before the end are given first.
    pub async fn next(&mut self) -> Option<Incoming> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Incoming>> {
        loop {
            match self.decoder.next() {
                Ok(Some(message)) => {
                    if matches!(message, Control::Hello(_)) {
                        self.peer = Peer::Known;
                    }
                    self.shared.with(|state| state.learn_of_peer(&message));
                    return Poll::Ready(Some(Incoming::Control(message)));
                }
                Ok(None) => {}
                Err(error) => {
                    self.give_up(&error);
                    return self.poll_end(cx);
                }
            }
            match self.shared.with(|state| state.news(cx)) {
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

    /// The peer's control stream cannot be read: the link ends. A stranger is told first, as it may not know how to read
    /// the reason of a close.
    fn give_up(&self, error: &ControlError) {
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
    fn news(&mut self, cx: &Context<'_>) -> News {
        if let Some(bytes) = self.control_tail.pop_front() {
            return News::Control(bytes);
        }
        if matches!(self.phase, Phase::Over(_)) {
            return News::Over;
        }
        if let Some(bytes) = self.mux.recv_control() {
            return News::Control(bytes);
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
                state.release(id);
            }
        });
    }
}
