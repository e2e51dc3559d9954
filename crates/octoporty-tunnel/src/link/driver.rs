//! The task of one link: owns the carrier, moves bytes between it and the mux, keeps the clock.
//!
//! One turn: the end first, then everything that came in, then the clock, then everything that may go out, on a busy
//! link after one more look at all sockets. One read parses many frames and all queued frames leave in one write; streams
//! are woken after the lock is released.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use octoporty_proto::model::EndReason;
use octoporty_proto::mux::LinkError;
use tokio::time::Sleep;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::LinkEnd;
use super::shared::{DriverSleep, Phase, Shared, Wakes};
use crate::carrier::Carrier;

/// Bytes taken from the carrier in one turn before others on the runtime get theirs.
const RECEIVE_BUDGET: usize = 1024 * 1024;

/// Bytes of frames given to the carrier at once while it writes them at once: one vectored write of many frames.
const TRANSMIT_MOST: usize = 256 * 1024;

/// Bytes of frames given to the carrier at once when it does not: what waits there cannot be overtaken by control and
/// new streams any more, and over a line of 100 KB/s this much takes a sixth of a second.
const TRANSMIT_LEAST: usize = 16 * 1024;

/// A link whose last batch had as many bytes is taken for a busy one: five small requests at once make so many.
const BUSY: usize = 1024;

/// Batches given to the carrier in one turn before others on the runtime get theirs.
const TRANSMIT_TURNS: usize = 16;

/// Bound on saying goodbye: what is queued is written and the carrier closed within this.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) struct Driver {
    shared: Arc<Shared>,
    carrier: Box<dyn Carrier>,
    cancelled: Pin<Box<WaitForCancellationFutureOwned>>,
    timer: Pin<Box<Sleep>>,
    /// With the sizes of the blocks that they lie in.
    received: Vec<(Bytes, usize)>,
    frames: Vec<Bytes>,
    wakes: Wakes,
    carrier_holds: CarrierHolds,
    /// Bytes of the next batch: doubles while the carrier writes full batches at once, halves when it does not.
    budget: usize,
    /// Bytes of the last batch.
    last_batch: usize,
    /// Wakes the driver once the runtime has looked at the sockets, while the next batch waits for that.
    looking: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

/// Whether the carrier has bytes that it must still write.
#[derive(PartialEq, Eq)]
enum CarrierHolds {
    Nothing,
    Bytes,
}

/// Whether a part of a turn did all there was.
#[derive(PartialEq, Eq)]
enum Turn {
    Done,
    More,
}

impl Driver {
    pub(super) fn new(shared: Arc<Shared>, carrier: Box<dyn Carrier>, cancel: CancellationToken) -> Self {
        let deadline = shared.lock().mux.next_deadline();
        Self {
            shared,
            carrier,
            cancelled: Box::pin(cancel.cancelled_owned()),
            timer: Box::pin(tokio::time::sleep_until(deadline.into())),
            received: Vec::new(),
            frames: Vec::new(),
            wakes: Wakes::new(),
            carrier_holds: CarrierHolds::Nothing,
            budget: TRANSMIT_LEAST,
            last_batch: 0,
            looking: None,
        }
    }

    /// Moves bytes until the link ends, tells every stream, closes the carrier.
    pub(super) async fn run(mut self) {
        let found = match std::future::poll_fn(|cx| self.poll(cx)).await {
            Ok(never) => match never {},
            Err(end) => end,
        };
        let end = self.shared.asked_end().unwrap_or(found);
        tracing::debug!(reason = ?end.reason, detail = %end.detail, "link ended");
        let farewell = !matches!(end.reason, EndReason::TransportLost | EndReason::Silent);
        if farewell {
            self.give_last_frames();
        }
        self.shared.finish(end.clone());
        if farewell {
            // A peer that does not take the goodbye in time has none.
            drop(tokio::time::timeout(CLOSE_TIMEOUT, self.close(&end)).await);
        }
    }

    fn give_last_frames(&mut self) {
        let mut state = self.shared.lock();
        state.mux.last_words();
        state.mux.transmit(Instant::now(), TRANSMIT_MOST, &mut self.frames);
        drop(state);
        if let Err(error) = self.carrier.start_send(&mut self.frames) {
            tracing::debug!(%error, "the last frames found a broken link");
        }
    }

    async fn close(&mut self, why: &LinkEnd) -> io::Result<()> {
        std::future::poll_fn(|cx| self.carrier.poll_flush(cx)).await?;
        std::future::poll_fn(|cx| self.carrier.poll_close(cx, why)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<std::convert::Infallible, LinkEnd>> {
        if self.cancelled.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(LinkEnd::new(EndReason::LocalStop, "this side is stopping")));
        }
        let received = self.receive(cx)?;
        if received == Turn::Done && self.gathers(cx) {
            return Poll::Pending;
        }
        let transmitted = self.transmit(cx)?;
        if received == Turn::More || transmitted == Turn::More {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    fn receive(&mut self, cx: &mut Context<'_>) -> Result<Turn, LinkEnd> {
        let mut taken = 0;
        let mut ended = None;
        while taken < RECEIVE_BUDGET && ended.is_none() {
            match self.carrier.poll_receive(cx) {
                Poll::Pending => break,
                Poll::Ready(Some(Ok(bytes))) => {
                    taken += bytes.len();
                    let block = self.carrier.block().max(bytes.len());
                    self.received.push((bytes, block));
                }
                Poll::Ready(Some(Err(error))) => ended = Some(transport_lost(&error)),
                Poll::Ready(None) => ended = Some(self.peer_closed()),
            }
        }
        if taken > 0 {
            self.parse()?;
        }
        match ended {
            Some(end) => Err(end),
            None if taken >= RECEIVE_BUDGET => Ok(Turn::More),
            None => Ok(Turn::Done),
        }
    }

    fn peer_closed(&self) -> LinkEnd {
        let detail = match self.carrier.farewell() {
            Some(farewell) => format!("the peer closed the link: {farewell}"),
            None => "the peer closed the link".to_owned(),
        };
        LinkEnd::new(EndReason::PeerStop, &detail)
    }

    fn parse(&mut self) -> Result<(), LinkEnd> {
        let now = Instant::now();
        let mut state = self.shared.lock();
        let parsed = self.received.drain(..).try_for_each(|(bytes, block)| state.mux.receive_slice(now, bytes, block));
        state.dispatch(&mut self.wakes);
        drop(state);
        self.wake_streams();
        parsed.map_err(|error| link_end(&error))
    }

    /// Whether what is to be sent waits until the runtime has looked at the sockets once more. On a busy link more is
    /// about to come, which then leaves with the same call; a look costs a tenth of a call and its peer's waking. Once a
    /// batch, and not where batches are full by themselves or the carrier is.
    fn gathers(&mut self, cx: &mut Context<'_>) -> bool {
        let has_waited = self.looking.take().is_some();
        let is_busy = (BUSY..TRANSMIT_LEAST).contains(&self.last_batch) && self.carrier_holds == CarrierHolds::Nothing;
        if has_waited || !is_busy {
            return false;
        }
        let mut state = self.shared.lock();
        if !state.mux.wants_transmit() {
            return false;
        }
        state.driver = DriverSleep::Awake;
        drop(state);
        // Who gives way is woken behind everybody whom the sockets have news for: so tokio does it, without a promise of
        // the order.
        let mut looking: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(tokio::task::yield_now());
        if looking.as_mut().poll(cx).is_ready() {
            return false;
        }
        self.looking = Some(looking);
        true
    }

    fn transmit(&mut self, cx: &mut Context<'_>) -> Result<Turn, LinkEnd> {
        for _ in 0..TRANSMIT_TURNS {
            let ready = self.carrier.poll_ready(cx).map_err(|error| transport_lost(&error))?;
            let deadline = self.fill(cx.waker(), ready.is_ready())?;
            self.wake_streams();
            self.arm(deadline, cx);
            if self.frames.is_empty() {
                return self.flush(cx).map(|()| Turn::Done);
            }
            let bytes = self.frames.iter().map(Bytes::len).sum();
            self.last_batch = bytes;
            self.carrier.start_send(&mut self.frames).map_err(|error| transport_lost(&error))?;
            self.carrier_holds = CarrierHolds::Bytes;
            self.flush(cx)?;
            self.learn_budget(bytes);
        }
        Ok(Turn::More)
    }

    /// A batch of so many bytes was given to the carrier. One that is not full says nothing good about the line.
    fn learn_budget(&mut self, bytes: usize) {
        match self.carrier_holds {
            CarrierHolds::Nothing if bytes >= self.budget => self.budget = (self.budget * 2).min(TRANSMIT_MOST),
            CarrierHolds::Nothing => {}
            CarrierHolds::Bytes => self.budget = (self.budget / 2).max(TRANSMIT_LEAST),
        }
    }

    /// Does what is due, takes frames of the mux, and lies down when there are none. Gives the next deadline.
    fn fill(&mut self, waker: &Waker, carrier_is_ready: bool) -> Result<Instant, LinkEnd> {
        let now = Instant::now();
        let mut state = self.shared.lock();
        if let Phase::Closing(end) = &state.phase {
            return Err(end.clone());
        }
        let mut due = Ok(());
        if state.mux.next_deadline() <= now {
            due = state.mux.tick(now);
            self.carrier.rest();
        }
        // News first: what they make the streams' owners queue goes with this turn's frames.
        state.dispatch(&mut self.wakes);
        if carrier_is_ready {
            state.mux.transmit(now, self.budget, &mut self.frames);
        }
        state.dispatch(&mut self.wakes);
        if !carrier_is_ready {
            state.driver = DriverSleep::Blocked(waker.clone());
        } else if self.frames.is_empty() {
            state.driver = DriverSleep::Idle(waker.clone());
        } else {
            state.driver = DriverSleep::Awake;
        }
        let deadline = state.mux.next_deadline();
        let watched = state.take_watched();
        drop(state);
        if watched {
            self.shared.changed.notify_waiters();
        }
        due.map_err(|error| link_end(&error))?;
        Ok(deadline)
    }

    fn flush(&mut self, cx: &mut Context<'_>) -> Result<(), LinkEnd> {
        if self.carrier_holds == CarrierHolds::Bytes {
            match self.carrier.poll_flush(cx) {
                Poll::Ready(Ok(())) => self.carrier_holds = CarrierHolds::Nothing,
                Poll::Ready(Err(error)) => return Err(transport_lost(&error)),
                Poll::Pending => {}
            }
        }
        Ok(())
    }

    /// The timer is moved only when it would ring too late: a deadline that recedes with every byte costs nothing.
    fn arm(&mut self, deadline: Instant, cx: &mut Context<'_>) {
        let deadline = tokio::time::Instant::from_std(deadline);
        if deadline < self.timer.deadline() || self.timer.is_elapsed() {
            self.timer.as_mut().reset(deadline);
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            if deadline <= tokio::time::Instant::now() {
                cx.waker().wake_by_ref();
                return;
            }
            self.timer.as_mut().reset(deadline);
        }
    }

    fn wake_streams(&mut self) {
        self.wakes.drain(..).for_each(Waker::wake);
    }
}

/// A driver that is dropped before its end (its runtime was shut down) still tells every stream.
impl Drop for Driver {
    fn drop(&mut self) {
        self.shared.finish(LinkEnd::new(EndReason::LocalStop, "this side has stopped"));
    }
}

fn transport_lost(error: &io::Error) -> LinkEnd {
    match error.kind() {
        io::ErrorKind::InvalidData => {
            LinkEnd::new(EndReason::ProtocolError, &format!("the peer broke the transport's protocol: {error}"))
        }
        _ => LinkEnd::new(EndReason::TransportLost, &format!("the connection broke: {error}")),
    }
}

fn link_end(error: &LinkError) -> LinkEnd {
    let reason = match error {
        LinkError::Silent(_) => EndReason::Silent,
        _ => EndReason::ProtocolError,
    };
    LinkEnd::new(reason, &error.to_string())
}
