//! Frames that come in.

use std::time::Instant;

use bytes::Bytes;

use super::books::SLICE_WORTH;
use super::flow::Pressure;
use super::stream::{Birth, Owner, Phase, Receiving, Stream, Told};
use super::{Draining, Event, LinkError, Mux, Standing};
use crate::wire::{Credit, End, Frame, Open, Reset, ResetCode, StreamId, unpack};

/// Refusals that may wait to be sent, besides one for every stream: a peer that opens without reading is ended.
const REFUSALS_WAITING: usize = 1024;

/// Newest pings to be answered that are kept while nothing can be written; a peer has one or two under way.
pub(super) const PONGS_WAITING: usize = 16;

const NEVER_OPENED: LinkError = LinkError::Protocol("a frame of a stream that was never opened");
const AFTER_END: LinkError = LinkError::Protocol("data after the end of its stream's direction");
const OVER_WINDOW: LinkError = LinkError::Protocol("more data than the window allows");
const CONTROL_OVER_WINDOW: LinkError = LinkError::Protocol("more control data than its window allows");
const OVER_CREDIT: LinkError = LinkError::Protocol("more bytes given back than were sent");
const WINDOW_TOO_WIDE: LinkError = LinkError::Protocol("a window of more than a gibibyte");
const WRONG_NUMBER: LinkError = LinkError::Protocol("a stream opened with a number that is used or not the opener's");
const OPEN_AFTER_GO_AWAY: LinkError = LinkError::Protocol("a stream opened after go-away");
const GO_AWAY_NUMBER: LinkError = LinkError::Protocol("a go-away that names a stream that was never opened");
const TOO_MANY_REFUSALS: LinkError = LinkError::Protocol("streams opened over the limit without reading the refusals");

impl Mux {
    /// Takes bytes of the link, in any cut. Parses every whole frame in them.
    ///
    /// # Errors
    /// The link must be closed at once.
    pub fn receive(&mut self, now: Instant, bytes: Bytes) -> Result<(), LinkError> {
        let block = bytes.len();
        self.receive_slice(now, bytes, block)
    }

    /// As [`Self::receive`], of bytes that are a part of a block of memory of so many bytes, which they hold as long as
    /// they are kept.
    ///
    /// # Errors
    /// As [`Self::receive`].
    pub fn receive_slice(&mut self, now: Instant, mut bytes: Bytes, block: usize) -> Result<(), LinkError> {
        match &self.standing {
            Standing::Up => {}
            Standing::Failed(error) => return Err(error.clone()),
            Standing::Lost => return Ok(()),
        }
        if !bytes.is_empty() {
            self.liveness.heard(now);
        }
        let result = loop {
            match self.decoder.next(&mut bytes) {
                Ok(None) => break Ok(()),
                Ok(Some(frame)) => {
                    if let Err(error) = self.handle(now, frame, block) {
                        break Err(error);
                    }
                }
                Err(error) => break Err(LinkError::Protocol(error.text())),
            }
        };
        if let Err(error) = &result {
            self.standing = Standing::Failed(error.clone());
        }
        self.wake_waiters();
        result
    }

    fn handle(&mut self, now: Instant, frame: Frame, block: usize) -> Result<(), LinkError> {
        match frame {
            Frame::Data { stream: StreamId(0), payload, .. } => self.on_control(worth_keeping(payload, block)),
            Frame::Data { stream, payload, end } => self.on_data(stream, Payload::Plain(payload, block), end),
            Frame::Packed { stream, raw_len, block, end } => {
                self.on_data(stream, Payload::Packed { block, raw_len }, end)
            }
            Frame::Open { stream, open, first, end } => self.on_open(stream, open, Payload::Plain(first, block), end),
            Frame::Window { stream, credit } => self.on_window(stream, credit),
            Frame::Reset { stream, reset } => self.on_reset(stream, reset),
            Frame::Ping(opaque) => {
                let waiting = &mut self.outgoing.pongs;
                if waiting.len() == PONGS_WAITING {
                    waiting.pop_front();
                }
                waiting.push_back(opaque);
                Ok(())
            }
            Frame::Pong(opaque) => {
                if let Some(round_trip) = self.liveness.answered(opaque, now) {
                    self.news.pong(round_trip);
                }
                Ok(())
            }
            Frame::GoAway { last } => self.on_go_away(last),
        }
    }

    fn on_control(&mut self, bytes: Bytes) -> Result<(), LinkError> {
        if bytes.is_empty() {
            return Ok(());
        }
        if !self.zero.received(bytes) {
            return Err(CONTROL_OVER_WINDOW);
        }
        self.news.control_readable();
        Ok(())
    }

    /// Whether the peer may know of the stream: it was opened at some time, by either side.
    fn was_opened(&self, id: StreamId) -> bool {
        id.0 <= if self.side.opens(id) { self.ids.announced } else { self.ids.highest_peer }
    }

    fn on_data(&mut self, id: StreamId, payload: Payload, end: End) -> Result<(), LinkError> {
        let Some(stream) = self.streams.get_mut(&id).filter(|stream| stream.birth == Birth::Announced) else {
            return if self.was_opened(id) { Ok(()) } else { Err(NEVER_OPENED) };
        };
        match stream.phase {
            // It was reset while these bytes were under way: both ends count them no longer.
            Phase::Broken(..) => return Ok(()),
            Phase::Live(..) if stream.has_all() => return Err(AFTER_END),
            Phase::Live(..) => {}
        }
        let bytes = payload.raw_len();
        if !self.books.received(stream, bytes) {
            return Err(OVER_WINDOW);
        }
        self.stats.bytes_received += bytes;
        match payload {
            Payload::Plain(bytes, block) => self.books.put(stream, bytes, block),
            Payload::Packed { block, raw_len } => {
                stream.inbox.push(unpack(&block, raw_len).map_err(|error| LinkError::Protocol(error.text()))?);
            }
        }
        let news = bytes > 0 || end == End::Fin;
        if end == End::Fin {
            stream.end_was_received().map_err(|_| AFTER_END)?;
        }
        if news && stream.told == Told::No {
            stream.told = Told::Yes;
            self.news.stream(Event::Readable(id));
        }
        if end == End::Fin && self.books.settle(stream, 0) {
            self.outgoing.windows.push_back(id);
        }
        self.feel_pressure();
        Ok(())
    }

    /// When the shared room has become tight, what readers took comes back at once, so that no stream waits for
    /// credit that the other end holds back.
    fn feel_pressure(&mut self) {
        if self.books.pressure == Pressure::Low && self.books.receiving.is_tight() {
            self.books.pressure = Pressure::High;
            self.give_back_all_taken(self.books.receiving.floor() / 2);
        }
    }

    fn on_open(&mut self, id: StreamId, open: Open, first: Payload, end: End) -> Result<(), LinkError> {
        if self.side.opens(id) || id.0 <= self.ids.highest_peer {
            return Err(WRONG_NUMBER);
        }
        self.ids.highest_peer = id.0;
        match self.draining {
            Draining::Peer | Draining::Both => return Err(OPEN_AFTER_GO_AWAY),
            Draining::Local => return self.refuse(id, ResetCode::Draining),
            Draining::Nobody if self.ids.peer_streams >= self.config.max_streams => {
                return self.refuse(id, ResetCode::TooManyStreams);
            }
            Draining::Nobody => {}
        }
        self.ids.peer_streams += 1;
        self.stats.streams_opened += 1;
        self.stats.streams_active += 1;
        let window = u64::from(self.config.initial_window);
        let stream = Stream::new(Birth::Announced, open.compression, window);
        self.streams.insert(id, stream);
        self.news.stream(Event::Opened(id, open));
        self.on_data(id, first, end)
    }

    fn refuse(&mut self, id: StreamId, code: ResetCode) -> Result<(), LinkError> {
        if self.outgoing.resets.len() >= self.streams.len() + REFUSALS_WAITING {
            return Err(TOO_MANY_REFUSALS);
        }
        let reset = Reset::new(code, self.own_blame());
        self.outgoing.resets.push_back((id, reset));
        Ok(())
    }

    fn on_window(&mut self, id: StreamId, credit: Credit) -> Result<(), LinkError> {
        if id.0 == 0 {
            return match credit {
                Credit::Return(bytes) if self.zero.returned(u64::from(bytes)) => Ok(()),
                Credit::Return(_) => Err(OVER_CREDIT),
                Credit::Widen(_) => Err(WINDOW_TOO_WIDE),
            };
        }
        let Some(stream) = self.streams.get_mut(&id).filter(|stream| stream.birth == Birth::Announced) else {
            return if self.was_opened(id) { Ok(()) } else { Err(NEVER_OPENED) };
        };
        if matches!(stream.phase, Phase::Broken(..)) {
            return Ok(());
        }
        match credit {
            Credit::Return(bytes) if self.books.returned(stream, u64::from(bytes)) => {}
            Credit::Return(_) => return Err(OVER_CREDIT),
            Credit::Widen(bytes) if stream.sent.widened(u64::from(bytes)) => {}
            Credit::Widen(_) => return Err(WINDOW_TOO_WIDE),
        }
        if self.books.try_wake(id, stream) {
            self.news.stream(Event::Writable(id));
        }
        self.forget_if_done(id);
        Ok(())
    }

    fn on_reset(&mut self, id: StreamId, reset: Reset) -> Result<(), LinkError> {
        let Some(stream) = self.streams.get_mut(&id).filter(|stream| stream.birth == Birth::Announced) else {
            return if self.was_opened(id) { Ok(()) } else { Err(NEVER_OPENED) };
        };
        let Phase::Live(_, receiving) = stream.phase else { return Ok(()) };
        self.books.close(stream);
        // A reader of which bytes were dropped finds the reset at once, and never an end in order.
        let receiving = if self.books.keep(stream) { receiving } else { Receiving::Open };
        stream.phase = Phase::Broken(reset, receiving);
        if stream.owner == Owner::Held {
            self.news.stream(Event::Readable(id));
            self.news.stream(Event::Writable(id));
        }
        self.forget_if_done(id);
        Ok(())
    }

    fn on_go_away(&mut self, last: StreamId) -> Result<(), LinkError> {
        if last.0 != 0 && !(self.side.opens(last) && last.0 <= self.ids.announced) {
            return Err(GO_AWAY_NUMBER);
        }
        self.draining = match self.draining {
            Draining::Nobody => Draining::Peer,
            Draining::Local => Draining::Both,
            Draining::Peer | Draining::Both => return Ok(()),
        };
        self.news.go_away(last);
        Ok(())
    }
}

/// The payload of a frame with data.
enum Payload {
    /// The bytes, and how long the block is that they lie in.
    Plain(Bytes, usize),
    Packed {
        block: Bytes,
        raw_len: u32,
    },
}

impl Payload {
    fn raw_len(&self) -> u64 {
        match self {
            Self::Plain(bytes, _) => bytes.len() as u64,
            Self::Packed { raw_len, .. } => u64::from(*raw_len),
        }
    }
}

/// `bytes`, or a copy of them when they are a small part of the block that they lie in.
fn worth_keeping(bytes: Bytes, block: usize) -> Bytes {
    if bytes.len() * SLICE_WORTH < block { Bytes::copy_from_slice(&bytes) } else { bytes }
}
