//! What the handles of one link, its streams and its driver share: the mux under a short lock, and who waits for
//! what. The lock is never held over an await, and nobody is woken under it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use octoporty_proto::mux::{Event, Mux, OpenError, StreamMap};
use octoporty_proto::wire::{Blame, Open, Reset, ResetCode, StreamId};
use tokio::sync::Notify;

use super::LinkEnd;

/// See the module.
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Told after a turn of the driver when somebody asked for it with [`State::watch`], and at the end.
    pub(crate) changed: Notify,
    /// Told at the end alone: who waits only for that is not woken by every batch of bytes.
    pub(super) over: Notify,
    pub(super) transport: &'static str,
    pub(super) peer: Option<SocketAddr>,
}

/// Where a link stands.
#[derive(Debug)]
pub(super) enum Phase {
    /// The driver moves bytes.
    Open,
    /// A handle asked for the end; the driver has not seen it yet.
    Closing(LinkEnd),
    /// Every stream was told.
    Over(LinkEnd),
}

/// What the driver waits for besides its carrier and its timer.
#[derive(Debug)]
pub(super) enum DriverSleep {
    /// It runs, and will look by itself.
    Awake,
    /// Anything to transmit wakes it.
    Idle(Waker),
    /// The carrier takes nothing now: only the end of the link wakes it.
    Blocked(Waker),
}

/// Who waits for a stream, and what it still owes the mux.
#[derive(Debug, Default)]
struct Slot {
    read: Option<Waker>,
    write: Option<Waker>,
    reset: Option<Waker>,
    /// First bytes of an open that found no room yet; everything later goes behind them.
    pending: Bytes,
    /// The owner finished while [`Self::pending`] was not empty.
    finish: FinishAfter,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum FinishAfter {
    #[default]
    Open,
    Pending,
}

/// Under the lock.
pub(crate) struct State {
    pub(crate) mux: Mux,
    slots: StreamMap<Slot>,
    pub(super) accepted: VecDeque<(StreamId, Open)>,
    pub(super) alive: Option<Duration>,
    /// Control bytes that came before the end of the link.
    pub(super) control_tail: VecDeque<Bytes>,
    pub(super) events: EventsWaiter,
    pub(super) driver: DriverSleep,
    pub(super) phase: Phase,
    pub(super) draining: Draining,
    watched: Watched,
}

/// Whether somebody waits for what a turn of the driver may bring about: room for a control message, an idle link, a
/// stream's bytes gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watched {
    No,
    /// Somebody looked in vain and waits for [`Shared::changed`].
    Yes,
}

/// Who takes a link's news.
#[derive(Debug)]
pub(super) enum EventsWaiter {
    /// Nobody waits now.
    Present,
    /// Waits.
    Waiting(Waker),
    /// The receiver was dropped: streams that the peer opens have no taker.
    Gone,
}

/// Whether new streams may be opened from this side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Draining {
    /// They may.
    No,
    /// The peer, or this side, said GoAway.
    Yes,
}

/// Wakers collected under the lock, to be woken after it.
pub(super) type Wakes = Vec<Waker>;

/// Which of a stream's wakers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wait {
    /// For something to read.
    Read,
    /// For room to write.
    Write,
    /// For its reset.
    Reset,
}

impl Shared {
    pub(super) fn new(mux: Mux, transport: &'static str, peer: Option<SocketAddr>) -> Self {
        let state = State {
            mux,
            slots: StreamMap::default(),
            accepted: VecDeque::new(),
            alive: None,
            control_tail: VecDeque::new(),
            events: EventsWaiter::Present,
            driver: DriverSleep::Awake,
            phase: Phase::Open,
            draining: Draining::No,
            watched: Watched::No,
        };
        Self { state: Mutex::new(state), changed: Notify::new(), over: Notify::new(), transport, peer }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // A panic under the lock is a defect of the mux; the link goes on and ends by its probes at the latest.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works on the state, tells others what that means for them (room that one stream gave up is another's), and
    /// wakes the driver if it left something to transmit.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        let mut wakes = Wakes::new();
        let mut state = self.lock();
        let result = work(&mut state);
        state.dispatch(&mut wakes);
        let driver = state.driver_to_wake();
        drop(state);
        // Most turns wake nobody.
        if !wakes.is_empty() {
            wakes.into_iter().for_each(Waker::wake);
        }
        if let Some(driver) = driver {
            driver.wake();
        }
        result
    }

    /// As [`Self::with`], and wakes the driver whatever there is to transmit.
    pub(super) fn with_driver<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.lock();
        let result = work(&mut state);
        let driver = state.driver.take();
        drop(state);
        if let Some(driver) = driver {
            driver.wake();
        }
        result
    }

    /// The end that a handle asked for.
    pub(super) fn asked_end(&self) -> Option<LinkEnd> {
        match &self.lock().phase {
            Phase::Closing(end) => Some(end.clone()),
            Phase::Open | Phase::Over(_) => None,
        }
    }

    /// Ends the link for everybody, once.
    pub(super) fn finish(&self, end: LinkEnd) {
        let mut wakes = Wakes::new();
        let mut state = self.lock();
        if matches!(state.phase, Phase::Over(_)) {
            return;
        }
        while let Some(bytes) = state.mux.recv_control() {
            state.control_tail.push_back(bytes);
        }
        state.mux.link_lost(&end.detail);
        state.phase = Phase::Over(end);
        state.draining = Draining::Yes;
        state.dispatch(&mut wakes);
        state.wake_everybody(&mut wakes);
        drop(state);
        wakes.into_iter().for_each(Waker::wake);
        self.changed.notify_waiters();
        self.over.notify_waiters();
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("transport", &self.transport).field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl DriverSleep {
    pub(super) fn take(&mut self) -> Option<Waker> {
        match std::mem::replace(self, Self::Awake) {
            Self::Awake => None,
            Self::Idle(waker) | Self::Blocked(waker) => Some(waker),
        }
    }
}

impl State {
    /// Whoever enabled its wait for [`Shared::changed`] before it took the lock, and looked in vain, is told after the
    /// driver's next turn.
    pub(crate) const fn watch(&mut self) {
        self.watched = Watched::Yes;
    }

    /// Whether somebody is to be told of this turn.
    pub(super) fn take_watched(&mut self) -> bool {
        std::mem::replace(&mut self.watched, Watched::No) == Watched::Yes
    }

    fn driver_to_wake(&mut self) -> Option<Waker> {
        // While the link drains, each stream that goes may be the last, and whoever drains waits for the driver's word.
        let news = self.mux.wants_transmit() || self.mux.has_news() || self.draining == Draining::Yes;
        if news && matches!(self.driver, DriverSleep::Idle(_)) { self.driver.take() } else { None }
    }

    /// Hands the mux's news to those who wait for them.
    pub(super) fn dispatch(&mut self, wakes: &mut Wakes) {
        while let Some(event) = self.mux.poll_event() {
            match event {
                Event::Opened(id, open) => self.take_or_refuse(id, open, wakes),
                Event::Readable(id) => self.wake_stream(id, Wait::Read, wakes),
                Event::Writable(id) => {
                    self.push_pending(id);
                    self.wake_stream(id, Wait::Write, wakes);
                }
                Event::Control => self.events.wake(wakes),
                Event::Pong(round_trip) => {
                    self.alive = Some(round_trip);
                    self.events.wake(wakes);
                }
                Event::GoAway(_) => self.draining = Draining::Yes,
                // `Event::ControlWritable`: the driver tells all who wait for room after each turn.
                _ => {}
            }
        }
    }

    fn take_or_refuse(&mut self, id: StreamId, open: Open, wakes: &mut Wakes) {
        if matches!(self.events, EventsWaiter::Gone) {
            self.refuse(id);
        } else {
            // Bounded by the streams that the mux lets the peer open.
            self.accepted.push_back((id, open));
            self.events.wake(wakes);
        }
    }

    /// Nobody serves the stream, and nobody looked at it: it is safe to send again elsewhere.
    pub(super) fn refuse(&mut self, id: StreamId) {
        self.mux.reset(id, Reset::new(ResetCode::Draining, Blame::Link));
        self.release(id);
    }

    fn wake_stream(&mut self, id: StreamId, wait: Wait, wakes: &mut Wakes) {
        if let Some(slot) = self.slots.get_mut(&id) {
            let waker = match wait {
                Wait::Read => slot.read.take(),
                Wait::Write => slot.write.take(),
                Wait::Reset => None,
            };
            wakes.extend(waker);
            wakes.extend(slot.reset.take());
        }
    }

    fn wake_everybody(&mut self, wakes: &mut Wakes) {
        for slot in self.slots.values_mut() {
            wakes.extend(slot.read.take());
            wakes.extend(slot.write.take());
            wakes.extend(slot.reset.take());
        }
        self.events.wake(wakes);
    }

    /// Remembers to wake this task for that stream.
    pub(crate) fn wait(&mut self, id: StreamId, wait: Wait, cx: &Context<'_>) {
        let slot = self.slots.entry(id).or_default();
        let place = match wait {
            Wait::Read => &mut slot.read,
            Wait::Write => &mut slot.write,
            Wait::Reset => &mut slot.reset,
        };
        match place {
            Some(waker) => waker.clone_from(cx.waker()),
            None => *place = Some(cx.waker().clone()),
        }
    }

    pub(super) fn open(&mut self, open: &Open, mut first: Bytes) -> Result<StreamId, OpenError> {
        if !matches!(self.phase, Phase::Open) {
            return Err(OpenError::Draining);
        }
        let id = self.mux.open(open, &mut first)?;
        if !first.is_empty() {
            self.slots.entry(id).or_default().pending = first;
            self.push_pending(id);
        }
        Ok(id)
    }

    /// Sends what an open left over, as far as it goes.
    fn push_pending(&mut self, id: StreamId) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        while !slot.pending.is_empty() {
            match self.mux.send(id, &mut slot.pending) {
                Ok(0) => return,
                Ok(_) => {}
                // The owner learns of the reset from its own next call.
                Err(_) => slot.pending.clear(),
            }
        }
        if slot.finish == FinishAfter::Pending {
            slot.finish = FinishAfter::Open;
            drop(self.mux.finish(id));
        }
    }

    fn has_pending(&self, id: StreamId) -> bool {
        self.slots.get(&id).is_some_and(|slot| !slot.pending.is_empty())
    }

    /// Bytes of a stream that have not left for the link.
    pub(crate) fn unsent(&self, id: StreamId) -> usize {
        self.mux.unsent(id) + self.slots.get(&id).map_or(0, |slot| slot.pending.len())
    }

    /// Bytes of a stream that its other end has not said to have taken.
    pub(crate) fn in_flight(&self, id: StreamId) -> u64 {
        self.mux.in_flight(id) + self.slots.get(&id).map_or(0, |slot| slot.pending.len() as u64)
    }

    /// How much room a stream has; 0: an [`Event::Writable`] will tell.
    pub(crate) fn capacity(&mut self, id: StreamId) -> Result<usize, Reset> {
        let capacity = self.mux.capacity(id)?;
        Ok(if self.has_pending(id) { 0 } else { capacity })
    }

    pub(crate) fn send(&mut self, id: StreamId, data: &mut Bytes) -> Result<usize, Reset> {
        if self.has_pending(id) {
            return self.mux.capacity(id).map(|_| 0);
        }
        self.mux.send(id, data)
    }

    pub(crate) fn finish(&mut self, id: StreamId) -> Result<(), Reset> {
        match self.slots.get_mut(&id) {
            Some(slot) if !slot.pending.is_empty() => {
                slot.finish = FinishAfter::Pending;
                self.mux.capacity(id).map(drop)
            }
            _ => self.mux.finish(id),
        }
    }

    /// The stream's owner is gone.
    pub(crate) fn release(&mut self, id: StreamId) {
        self.slots.remove(&id);
        self.mux.release(id);
    }
}

impl EventsWaiter {
    pub(super) fn wake(&mut self, wakes: &mut Wakes) {
        if let Self::Waiting(waker) = self {
            wakes.push(waker.clone());
            *self = Self::Present;
        }
    }
}
