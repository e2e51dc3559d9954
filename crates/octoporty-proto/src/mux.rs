//! Many flow-controlled streams on one link, sans-IO.
//!
//! One [`Mux`] is one end of one link. Bytes of the link go in by [`Mux::receive`], frames to write come out by
//! [`Mux::transmit`], time comes in with every call; [`Mux::poll_event`] says which streams have news.
//!
//! The cast: `stream` is one stream's state, `streams` what its owner does with it; `flow` keeps the books of one
//! stream and `books` those that all share; `schedule` says whose turn it is to send; `receive` takes frames in,
//! `transmit` gives them out; `zero` is the control stream; `liveness` probes.
//!
//! Invariants: flow control is settled when bytes are queued, so what is queued may always be sent; for every stream
//! this side's count of bytes in flight is never below the peer's; every queue is bounded by [`MuxConfig`] or by a
//! constant beside it; nothing that the peer sends makes this side allocate before it was checked against a limit.

mod books;
mod flow;
mod liveness;
mod news;
mod packing;
mod queue;
mod receive;
mod schedule;
mod stream;
mod streams;
mod table;
#[cfg(test)]
mod tests;
mod transmit;
mod zero;

use std::time::{Duration, Instant};

use bytes::Bytes;
use thiserror::Error;

use crate::wire::{Decoder, Open, Side, StreamId};
use books::Books;
use liveness::{Liveness, Ticked};
use news::News;
use schedule::Schedule;
use stream::Phase;
use table::Table;
pub use table::{IdHasher, StreamMap};
use transmit::{Outgoing, Scratch};
pub use zero::CONTROL_WINDOW;
use zero::StreamZero;

/// Limits and starting values of a link. Every queue in the mux is bounded by one of these.
#[derive(Clone, Debug)]
pub struct MuxConfig {
    /// Most streams that the peer may have open at once.
    pub max_streams: u32,
    /// Receive window of a new stream, bytes. Part of the protocol: both ends start with the same.
    pub initial_window: u32,
    /// Most that a receive window grows to, bytes.
    pub max_window: u32,
    /// Most bytes that a sender may have in flight (sent and not credited) on the whole link, each direction. A peer
    /// that sends more breaks the protocol; see [`Mux::limit_in_flight`].
    pub max_in_flight: u64,
    /// What every stream may have in flight even when [`Self::max_in_flight`] is used up by others, bytes: no
    /// stream can starve another. Part of the protocol: both ends count with the same.
    pub stream_floor: u32,
    /// Most bytes queued to be sent for one stream.
    pub send_buffer: usize,
    /// Time between probes; two unanswered in a row end the link.
    pub probe_interval: Duration,
}

/// The values of protocol version 1. `initial_window` and `stream_floor` are part of the protocol: both ends must have
/// the same. `max_in_flight` and `max_streams` are told in Hello and Welcome; the rest is each end's own affair.
impl Default for MuxConfig {
    fn default() -> Self {
        Self {
            max_streams: 4096,
            initial_window: 256 * 1024,
            max_window: 8 * 1024 * 1024,
            max_in_flight: 64 * 1024 * 1024,
            stream_floor: 16 * 1024,
            send_buffer: 256 * 1024,
            probe_interval: Duration::from_secs(10),
        }
    }
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
    /// [`Mux::send_control`] has room again after it had refused.
    ControlWritable,
    /// A pong came: the data path works both ways. The first one is the proof of life that resets back-off.
    Pong(Duration),
    /// The peer opens no more streams and takes none after this one; streams up to it go on.
    GoAway(StreamId),
}

/// What [`Mux::recv`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recv {
    /// Bytes, in order.
    Data(Bytes),
    /// The peer finished its direction; nothing follows.
    Finished,
    /// Nothing yet; a [`Event::Readable`] will follow.
    Blocked,
}

/// What a link holds at this moment; for metrics, and to see in tests that nothing leaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MuxLoad {
    /// Bytes of streams queued here, not sent yet.
    pub queued: u64,
    /// Bytes of streams sent and not given back by the peer.
    pub in_flight: u64,
    /// Bytes of streams received and not given back to the peer: unread, or held by a reader that is not done with
    /// them.
    pub unreturned: u64,
    /// Bytes received on streams that were reset since, waiting for their readers; bounded like those in flight.
    pub kept: u64,
    /// Streams that are remembered: those open, and those whose last bytes or reset are under way.
    pub remembered: usize,
}

/// Whether the link works.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Standing {
    Up,
    /// Must be closed; [`Mux::link_lost`] follows.
    Failed(LinkError),
    Lost,
}

/// Who said that no more streams are opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Draining {
    #[default]
    Nobody,
    Local,
    Peer,
    Both,
}

/// Whether the peer understands compressed data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lz4 {
    NotNegotiated,
    Negotiated,
}

/// Stream numbers and how many are in use.
#[derive(Debug)]
struct Ids {
    /// The next that this side opens; none when they are used up.
    next_local: Option<u32>,
    /// The highest that this side announced.
    announced: u32,
    /// The highest that the peer opened.
    highest_peer: u32,
    /// Remembered, opened by this side.
    local_streams: u32,
    /// Remembered, opened by the peer.
    peer_streams: u32,
}

impl Ids {
    fn take_local(&mut self) -> Option<StreamId> {
        let id = self.next_local?;
        self.next_local = id.checked_add(2);
        self.local_streams += 1;
        Some(StreamId(id))
    }
}

impl Side {
    /// Whether this side opens streams of this number.
    const fn opens(self, id: StreamId) -> bool {
        id.0 != 0
            && match self {
                Self::Gateway => !id.0.is_multiple_of(2),
                Self::Agent => id.0.is_multiple_of(2),
            }
    }

    const fn first_stream(self) -> u32 {
        match self {
            Self::Gateway => 1,
            Self::Agent => 2,
        }
    }
}

/// One end of a link.
#[derive(Debug)]
pub struct Mux {
    side: Side,
    config: MuxConfig,
    standing: Standing,
    draining: Draining,
    /// Most streams that this side may have open at once.
    peer_limit: u32,
    lz4: Lz4,
    ids: Ids,
    decoder: Decoder,
    streams: Table,
    zero: StreamZero,
    books: Books,
    schedule: Schedule,
    outgoing: Outgoing,
    liveness: Liveness,
    news: News,
    stats: MuxStats,
    scratch: Scratch,
}

impl Mux {
    /// Makes one end. The first probe goes out with the first [`Self::transmit`].
    #[must_use]
    pub fn new(side: Side, config: MuxConfig, now: Instant) -> Self {
        Self {
            side,
            standing: Standing::Up,
            draining: Draining::Nobody,
            peer_limit: config.max_streams,
            lz4: Lz4::NotNegotiated,
            ids: Ids {
                next_local: Some(side.first_stream()),
                announced: 0,
                highest_peer: 0,
                local_streams: 0,
                peer_streams: 0,
            },
            decoder: Decoder::default(),
            streams: Table::default(),
            zero: StreamZero::new(),
            books: Books::new(&config),
            schedule: Schedule::default(),
            outgoing: Outgoing::new(),
            liveness: Liveness::new(config.probe_interval, now),
            news: News::default(),
            stats: MuxStats::default(),
            scratch: Scratch::default(),
            config,
        }
    }

    /// From now on stream data may be sent compressed: the peer said that it understands it. Compressed data is
    /// always understood when it comes.
    pub const fn enable_lz4(&mut self) {
        self.lz4 = Lz4::Negotiated;
    }

    /// The peer said how many streams this side may have open at once; before, [`MuxConfig::max_streams`] is taken
    /// to be the peer's limit as well.
    pub const fn set_peer_limit(&mut self, streams: u32) {
        self.peer_limit = streams;
    }

    /// The peer said how many bytes it is ready to hold for the link: from now on this side sends no more than that,
    /// and never more than its own [`MuxConfig::max_in_flight`]. The peer, which was told this side's figure, keeps to
    /// the smaller of the two as well, so credit goes back in time for it; what is enforced stays this side's own.
    /// To be called before streams are used: until then this side's own figure is taken to be the peer's.
    pub fn limit_in_flight(&mut self, bytes: u64) {
        self.books.agree(bytes);
    }

    /// The next piece of news.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.news.next()
    }

    /// Whether [`Self::poll_event`] would give something. News may come of any call: room that the owner of one stream
    /// leaves, or gives back, is told to the owner of another.
    #[must_use]
    pub fn has_news(&self) -> bool {
        !self.news.is_empty()
    }

    /// When [`Self::tick`] must be called next.
    #[must_use]
    pub fn next_deadline(&self) -> Instant {
        self.liveness.next_deadline()
    }

    /// Does what is due by `now`: sends probes, notices silence, gives back what readers took of streams that do not
    /// flow, and memory that a link which says little does without.
    ///
    /// # Errors
    /// [`LinkError::Silent`].
    pub fn tick(&mut self, now: Instant) -> Result<(), LinkError> {
        match &self.standing {
            Standing::Up => {}
            Standing::Lost => {
                self.liveness.rest(now);
                return Ok(());
            }
            Standing::Failed(error) => {
                self.liveness.rest(now);
                return Err(error.clone());
            }
        }
        match self.liveness.tick(now) {
            Ok(Ticked::Early) => Ok(()),
            Ok(Ticked::Interval) => {
                self.give_back_all_taken(1);
                self.scratch = Scratch::default();
                Ok(())
            }
            Err(error) => {
                self.standing = Standing::Failed(error.clone());
                Err(error)
            }
        }
    }

    /// Queues a control message, or a part of one. Taken whole, whatever its length, while not too much waits;
    /// `false` when there is no room (an [`Event::ControlWritable`] follows) or the link is lost.
    #[must_use]
    pub fn send_control(&mut self, bytes: Bytes) -> bool {
        matches!(self.standing, Standing::Up) && self.zero.send(bytes)
    }

    /// Takes received bytes of the control stream.
    pub fn recv_control(&mut self) -> Option<Bytes> {
        self.zero.recv()
    }

    /// Says that this side opens and takes no more streams; those that stand go on.
    pub const fn go_away(&mut self) {
        self.draining = match self.draining {
            Draining::Nobody => Draining::Local,
            Draining::Peer => Draining::Both,
            Draining::Local | Draining::Both => return,
        };
        self.outgoing.go_away = Some(StreamId(self.ids.highest_peer));
    }

    /// Sends a probe now (its answer is an [`Event::Pong`]).
    pub const fn probe(&mut self) {
        self.liveness.probe_now();
    }

    /// Whether no stream is open and nothing is queued: a draining link may close.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.streams.is_empty() && self.zero.queued() == 0 && self.outgoing.is_empty()
    }

    /// Figures.
    #[must_use]
    pub const fn stats(&self) -> MuxStats {
        MuxStats { round_trip: self.liveness.newest(), ..self.stats }
    }

    /// What the link holds now. Counts through every stream.
    #[must_use]
    pub fn load(&self) -> MuxLoad {
        let mut load = MuxLoad { remembered: self.streams.len(), ..MuxLoad::default() };
        for stream in self.streams.values() {
            let queued = stream.outbox.len() as u64;
            load.queued += queued;
            load.in_flight += stream.sent.in_flight() - queued;
            load.unreturned += stream.received.outstanding();
            if matches!(stream.phase, Phase::Broken(..)) {
                load.kept += stream.inbox.len() as u64;
            }
        }
        load
    }
}
