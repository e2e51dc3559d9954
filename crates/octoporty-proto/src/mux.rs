//! Many flow-controlled streams on one link, sans-IO.
//!
//! One [`Mux`] is one end of one link. Bytes of the link go in by [`Mux::receive`], frames to write come out by
//! [`Mux::transmit`], time comes in with every call; [`Mux::poll_event`] says which streams have news.

use std::time::{Duration, Instant};

use bytes::Bytes;
use thiserror::Error;

use crate::wire::{Open, Reset, Side, StreamId};

/// Limits and starting values of a link. Every queue in the mux is bounded by one of these.
#[derive(Clone, Debug)]
pub struct MuxConfig {
    /// Most streams that the peer may have open at once.
    pub max_streams: u32,
    /// Receive window of a new stream, bytes. Part of the protocol: both ends start with the same.
    pub initial_window: u32,
    /// Most that a receive window grows to, bytes.
    pub max_window: u32,
    /// Most bytes that a sender may have in flight (sent and not credited) on the whole link.
    pub max_in_flight: u64,
    /// What every stream may have in flight even when [`Self::max_in_flight`] is used up by others, bytes: no
    /// stream can starve another.
    pub stream_floor: u32,
    /// Most bytes queued to be sent for one stream.
    pub send_buffer: usize,
    /// Time between probes; two unanswered in a row end the link.
    pub probe_interval: Duration,
}

/// What a link did since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MuxStats {
    /// Payload bytes of streams sent, before compression.
    pub bytes_sent: u64,
    /// Payload bytes of streams received, after decompression.
    pub bytes_received: u64,
    /// Streams opened by either side.
    pub streams_opened: u64,
    /// Streams open now.
    pub streams_active: u32,
    /// Newest measured round trip.
    pub round_trip: Option<Duration>,
}

/// Why a link must end.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The peer broke the protocol; the text says how.
    #[error("the peer broke the protocol: {0}")]
    Protocol(&'static str),
    /// Probes stayed unanswered.
    #[error("nothing came from the peer for {0:?}, though it was probed")]
    Silent(Duration),
}

/// Why a stream could not be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// As many streams as the peer allows.
    #[error("the peer allows no more streams on this link")]
    TooManyStreams,
    /// The peer said GoAway, or this side did.
    #[error("the link is draining")]
    Draining,
    /// Stream numbers are used up; a new link is needed.
    #[error("the link has no stream numbers left")]
    Exhausted,
}

/// News of the mux.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The peer opened a stream. First bytes, if any, are readable at once.
    Opened(StreamId, Open),
    /// [`Mux::recv`] has something new for this stream (data, end or reset).
    Readable(StreamId),
    /// [`Mux::send`] would take bytes again after it had taken none, or the stream was reset.
    Writable(StreamId),
    /// Bytes of the control stream are readable by [`Mux::recv_control`].
    Control,
    /// A pong came: the data path works both ways. The first one is the proof of life that resets back-off.
    Pong(Duration),
    /// The peer opens no more streams and takes none after this one; streams up to it go on.
    GoAway(StreamId),
}

/// What [`Mux::recv`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recv {
    /// Bytes, in order. Credit goes back to the peer as they are taken.
    Data(Bytes),
    /// The peer finished its direction; nothing follows.
    Finished,
    /// Nothing yet; a [`Event::Readable`] will follow.
    Blocked,
}

/// One end of a link.
#[derive(Debug)]
pub struct Mux {
    _private: (),
}

impl Mux {
    /// Makes one end. The first probe goes out with the first [`Self::transmit`].
    #[must_use]
    pub fn new(side: Side, config: MuxConfig, now: Instant) -> Self {
        let _ = (side, config, now);
        todo!()
    }

    /// Takes bytes of the link, in any cut. Parses every whole frame in them.
    ///
    /// # Errors
    /// The link must be closed at once.
    pub fn receive(&mut self, now: Instant, bytes: Bytes) -> Result<(), LinkError> {
        let _ = (now, bytes);
        todo!()
    }

    /// Appends frames to write to `out`, at most about `budget` bytes, and returns how many bytes these are.
    /// Control first, then small and new flows, then bulk in a fair round.
    pub fn transmit(&mut self, now: Instant, budget: usize, out: &mut Vec<Bytes>) -> usize {
        let _ = (now, budget, out);
        todo!()
    }

    /// Whether [`Self::transmit`] would give something.
    #[must_use]
    pub fn wants_transmit(&self) -> bool {
        todo!()
    }

    /// The next piece of news.
    pub fn poll_event(&mut self) -> Option<Event> {
        todo!()
    }

    /// When [`Self::tick`] must be called next.
    #[must_use]
    pub fn next_deadline(&self) -> Instant {
        todo!()
    }

    /// Does what is due by `now`: sends probes, notices silence.
    ///
    /// # Errors
    /// [`LinkError::Silent`].
    pub fn tick(&mut self, now: Instant) -> Result<(), LinkError> {
        let _ = now;
        todo!()
    }

    /// Opens a stream. The first bytes travel with the open frame as far as the window allows; what did not fit
    /// is left in `first` and goes by [`Self::send`].
    ///
    /// # Errors
    /// The link takes no more streams.
    pub fn open(&mut self, open: &Open, first: &mut Bytes) -> Result<StreamId, OpenError> {
        let _ = (open, first);
        todo!()
    }

    /// Takes bytes to send, as many as window and queue allow, off the front of `data`. Returns how many; 0 means
    /// blocked, and an [`Event::Writable`] will follow.
    ///
    /// # Errors
    /// The stream was reset (by either side), or finished by this one ([`crate::wire::ResetCode::Internal`]).
    pub fn send(&mut self, id: StreamId, data: &mut Bytes) -> Result<usize, Reset> {
        let _ = (id, data);
        todo!()
    }

    /// How many bytes [`Self::send`] would take now; 0 means blocked, and an [`Event::Writable`] will follow.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn capacity(&mut self, id: StreamId) -> Result<usize, Reset> {
        let _ = id;
        todo!()
    }

    /// Ends this side's direction after what is queued.
    ///
    /// # Errors
    /// The stream was reset.
    pub fn finish(&mut self, id: StreamId) -> Result<(), Reset> {
        let _ = id;
        todo!()
    }

    /// Takes received bytes.
    ///
    /// # Errors
    /// The stream was reset. Bytes that came before the reset are given first.
    pub fn recv(&mut self, now: Instant, id: StreamId) -> Result<Recv, Reset> {
        let _ = (now, id);
        todo!()
    }

    /// The reset that ended the stream, if one did (by either side, or the link's loss), without reading.
    #[must_use]
    pub fn reset_of(&self, id: StreamId) -> Option<Reset> {
        let _ = id;
        todo!()
    }

    /// Whether the stream is open both ways and has nothing to read: fit to be used again.
    #[must_use]
    pub fn is_quiet(&self, id: StreamId) -> bool {
        let _ = id;
        todo!()
    }

    /// Ends both directions at once; queued bytes are dropped.
    pub fn reset(&mut self, id: StreamId, reset: Reset) {
        let _ = (id, reset);
        todo!()
    }

    /// The owner of the stream is gone: resets it as cancelled unless it ended already, and forgets it.
    pub fn release(&mut self, id: StreamId) {
        let _ = id;
        todo!()
    }

    /// Queues bytes of the control stream; bounded by the peer's control window, `false` when there is no room.
    #[must_use]
    pub fn send_control(&mut self, bytes: Bytes) -> bool {
        let _ = bytes;
        todo!()
    }

    /// Takes received bytes of the control stream.
    pub fn recv_control(&mut self) -> Option<Bytes> {
        todo!()
    }

    /// Says that this side opens and takes no more streams; those that stand go on.
    pub fn go_away(&mut self) {
        todo!()
    }

    /// Sends a probe now (its answer is an [`Event::Pong`]).
    pub fn probe(&mut self) {
        todo!()
    }

    /// Whether no stream is open and nothing is queued: a draining link may close.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        todo!()
    }

    /// Ends every stream with [`crate::wire::ResetCode::LinkLost`]; the mux gives their events and takes no more.
    pub fn link_lost(&mut self, detail: &str) {
        let _ = detail;
        todo!()
    }

    /// Figures.
    #[must_use]
    pub fn stats(&self) -> MuxStats {
        todo!()
    }
}
