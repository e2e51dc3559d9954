//! What a stream's owner does with it.

use std::time::Instant;

use bytes::Bytes;

use super::books::{GiveBack, SHARE};
use super::flow::{Growth, Pressure};
use super::stream::{Birth, Notice, Owner, Phase, Receiving, Sending, Stream};
use super::{Draining, Event, Mux, OpenError, Recv, Standing};
use crate::wire::{Blame, Open, Reset, ResetCode, Side, StreamId};

impl Mux {
    /// Opens a stream. The first bytes travel with the open frame as far as the window allows; what did not fit
    /// is left in `first` and goes by [`Self::send`].
    ///
    /// # Errors
    /// The link takes no more streams.
    pub fn open(&mut self, open: &Open, first: &mut Bytes) -> Result<StreamId, OpenError> {
        if !matches!(self.standing, Standing::Up) || self.draining != Draining::default() {
            return Err(OpenError::Draining);
        }
        if self.ids.local_streams >= self.peer_limit {
            return Err(OpenError::TooManyStreams);
        }
        let id = self.ids.take_local().ok_or(OpenError::Exhausted)?;
        let mut stream = Stream::new(Birth::Pending, open.compression, u64::from(self.config.initial_window));
        self.books.admit(&mut stream, first);
        self.streams.insert(id, stream);
        self.outgoing.opens.push_back((id, open.clone()));
        self.stats.streams_opened += 1;
        self.stats.streams_active += 1;
        Ok(id)
    }

    /// Takes bytes to send, as many as window and queue allow, off the front of `data`. Returns how many; 0 means
    /// blocked, and an [`Event::Writable`] will follow.
    ///
    /// # Errors
    /// The stream was reset (by either side), or finished by this one ([`ResetCode::Internal`]).
    pub fn send(&mut self, id: StreamId, data: &mut Bytes) -> Result<usize, Reset> {
        let stream = self.streams.get_mut(&id).ok_or_else(gone)?;
        let taken = stream.may_send().map(|()| self.books.admit(stream, data));
        match taken {
            Ok(1..) => self.schedule.wake(id, stream),
            Ok(0) if !data.is_empty() => self.books.wait(id, stream),
            // One that may send no more waives the room that it was told of.
            Ok(0) | Err(_) => {}
        }
        self.wake_waiters();
        taken
    }

    /// How many bytes [`Self::send`] would take now; 0 means blocked, and an [`Event::Writable`] will follow.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn capacity(&mut self, id: StreamId) -> Result<usize, Reset> {
        let stream = self.streams.get_mut(&id).ok_or_else(gone)?;
        let room = stream.may_send().map(|()| self.books.room(stream));
        if room == Ok(0) {
            self.books.wait(id, stream);
        }
        self.wake_waiters();
        room
    }

    /// Ends this side's direction after what is queued.
    ///
    /// # Errors
    /// The stream was reset.
    pub fn finish(&mut self, id: StreamId) -> Result<(), Reset> {
        let stream = self.streams.get_mut(&id).ok_or_else(gone)?;
        stream.finish()?;
        self.schedule.wake(id, stream);
        self.wake_waiters();
        Ok(())
    }

    /// Takes received bytes and is done with them: credit for them goes back.
    ///
    /// # Errors
    /// As [`Self::recv_at`].
    pub fn recv(&mut self, now: Instant, id: StreamId) -> Result<Recv, Reset> {
        self.recv_at(id, || now)
    }

    /// As [`Self::recv`], and looks at the clock only when there are bytes.
    ///
    /// # Errors
    /// The stream was reset. Bytes that came before the reset are given first; a peer that had finished before is
    /// read to its end.
    pub fn recv_at(&mut self, id: StreamId, now: impl FnOnce() -> Instant) -> Result<Recv, Reset> {
        let growth = self.growth();
        let stream = self.streams.get_mut(&id).ok_or_else(gone)?;
        let received = self.books.take(stream)?;
        if let Recv::Data(bytes) = &received
            && self.books.consumed(stream, bytes.len() as u64, now(), &growth)
        {
            self.outgoing.windows.push_back(id);
        }
        Ok(received)
    }

    /// The reader is done with so many of the bytes that [`Self::take`] gave it: credit for them goes back.
    pub fn consumed(&mut self, now: Instant, id: StreamId, bytes: u64) {
        let growth = self.growth();
        let Some(stream) = self.streams.get_mut(&id) else { return };
        if self.books.consumed(stream, bytes, now, &growth) {
            self.outgoing.windows.push_back(id);
        }
    }

    /// Takes received bytes for a reader that holds them for a while: they count as received until it says by
    /// [`Self::consumed`] that it is done with them.
    ///
    /// # Errors
    /// As [`Self::recv`].
    pub fn take(&mut self, id: StreamId) -> Result<Recv, Reset> {
        self.books.take(self.streams.get_mut(&id).ok_or_else(gone)?)
    }

    /// Whether [`Self::recv`] would give something else than [`Recv::Blocked`]. Takes nothing and arms no event.
    #[must_use]
    pub fn is_readable(&self, id: StreamId) -> bool {
        self.streams.get(&id).is_none_or(|stream| match &stream.phase {
            Phase::Live(_, Receiving::Open) => !stream.inbox.is_empty(),
            Phase::Live(_, Receiving::Finished) | Phase::Broken(..) => true,
        })
    }

    /// Bytes of the stream that wait on this side to be sent; 0 once it was reset.
    #[must_use]
    pub fn unsent(&self, id: StreamId) -> usize {
        self.streams.get(&id).map_or(0, |stream| stream.outbox.len())
    }

    /// Bytes of the stream, queued or sent, that the peer has not given back; 0 once it was reset.
    #[must_use]
    pub fn in_flight(&self, id: StreamId) -> u64 {
        self.streams.get(&id).map_or(0, |stream| stream.sent.in_flight())
    }

    /// Why the stream was reset, if it was. A reset by the peer and the loss of the link are told by
    /// [`Event::Readable`] and [`Event::Writable`] at once.
    #[must_use]
    pub fn reset_of(&self, id: StreamId) -> Option<&Reset> {
        match &self.streams.get(&id)?.phase {
            Phase::Broken(reset, _) => Some(reset),
            Phase::Live(..) => None,
        }
    }

    /// Ends both directions at once; queued bytes are dropped. A stream that ended already stays as it is.
    pub fn reset(&mut self, id: StreamId, reset: Reset) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        if let Phase::Broken(..) | Phase::Live(Sending::Finished, Receiving::Finished) = stream.phase {
            return;
        }
        self.books.close(stream);
        self.books.discard(stream);
        stream.phase = Phase::Broken(reset.clone(), Receiving::Open);
        match stream.birth {
            Birth::Pending => self.outgoing.opens.retain(|(pending, _)| *pending != id),
            Birth::Announced => {
                stream.notice = Notice::Due;
                self.outgoing.resets.push_back((id, reset));
            }
        }
        self.wake_waiters();
    }

    /// The owner of the stream is gone: resets it as cancelled unless it ended already, and forgets it. A stream has
    /// ended when this side finished and the end of the peer's direction has come; what is queued is still sent.
    pub fn release(&mut self, id: StreamId) {
        let blame = self.own_blame();
        let Some(stream) = self.streams.get_mut(&id) else { return };
        if stream.owner == Owner::Released {
            return;
        }
        stream.owner = Owner::Released;
        self.stats.streams_active -= 1;
        self.books.discard(stream);
        if stream.is_ended() {
            let listed = !stream.owed.is_none();
            self.books.give_back(stream, GiveBack::Everything);
            if !listed && !stream.owed.is_none() {
                self.outgoing.windows.push_back(id);
            }
        } else {
            self.reset(id, Reset::new(ResetCode::Cancelled, blame));
        }
        self.forget_if_done(id);
        self.wake_waiters();
    }

    /// Whose doing it is when this side cancels.
    pub(super) const fn own_blame(&self) -> Blame {
        match self.side {
            Side::Gateway => Blame::Gateway,
            Side::Agent => Blame::Agent,
        }
    }

    /// Removes a stream about which nothing needs to be remembered.
    pub(super) fn forget_if_done(&mut self, id: StreamId) {
        if self.streams.get(&id).is_some_and(Stream::is_forgettable) {
            self.forget(id);
        }
    }

    /// Removes a stream.
    pub(super) fn forget(&mut self, id: StreamId) {
        self.streams.remove(&id);
        if self.side.opens(id) {
            self.ids.local_streams -= 1;
        } else {
            self.ids.peer_streams -= 1;
        }
    }

    /// Gives back what readers took, of every stream where that is at least `least` bytes.
    pub(super) fn give_back_all_taken(&mut self, least: u64) {
        for (id, stream) in &mut self.streams {
            if !matches!(stream.phase, Phase::Live(..)) || stream.received.taken() < least.max(1) {
                continue;
            }
            if stream.owed.is_none() {
                self.outgoing.windows.push_back(*id);
            }
            self.books.give_back(stream, GiveBack::Taken);
        }
    }

    fn growth(&self) -> Growth {
        let round_trip = match self.books.pressure {
            Pressure::Low => self.liveness.shortest(),
            Pressure::High => None,
        };
        Growth { round_trip, max_window: u64::from(self.config.max_window) }
    }

    /// Tells those that wait for room of the link, as far as there is some. Called whenever a stream's owner made use
    /// of its turn, or waived it: so room that one leaves goes to the next, and nobody waits beside free room.
    pub(super) fn wake_waiters(&mut self) {
        if !self.books.has_waiters() {
            return;
        }
        let mut granted = 0;
        while let Some(id) = self.books.next_waiter(granted) {
            let Some(stream) = self.streams.get_mut(&id) else { continue };
            stream.unlist();
            if self.books.try_wake(id, stream) {
                self.news.stream(Event::Writable(id));
                granted += SHARE;
            }
        }
    }

    /// Ends every stream with [`ResetCode::LinkLost`]; the mux gives their events and takes no more.
    pub fn link_lost(&mut self, detail: &str) {
        if matches!(self.standing, Standing::Lost) {
            return;
        }
        self.standing = Standing::Lost;
        self.outgoing = super::transmit::Outgoing::default();
        self.schedule.clear();
        self.books.forget_waiters();
        let lost = Reset { code: ResetCode::LinkLost, blame: Blame::Link, detail: detail.to_owned() };
        let ids: Vec<StreamId> = self.streams.keys().copied().collect();
        for id in ids {
            let Some(stream) = self.streams.get_mut(&id) else { continue };
            stream.notice = Notice::None;
            if let Phase::Live(_, receiving) = stream.phase {
                self.books.close(stream);
                self.books.keep_last(stream);
                stream.phase = Phase::Broken(lost.clone(), receiving);
                if stream.owner == Owner::Held {
                    self.news.stream(Event::Readable(id));
                    self.news.stream(Event::Writable(id));
                }
            }
            self.forget_if_done(id);
        }
    }
}

/// The answer about a stream that was released.
fn gone() -> Reset {
    Reset { code: ResetCode::Internal, blame: Blame::Link, detail: "the stream was released before".to_owned() }
}
