//! Two ends of a link in memory: what leaves one is given to the other.

use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use octoporty_proto::mux::{Event, Mux, MuxConfig, Recv};
use octoporty_proto::wire::{Side, StreamId};

use super::open;
use crate::meter::Meter;

/// What a link's task lets leave in one write.
const BUDGET: usize = 256 * 1024;

/// Bytes of a small request, and of its answer.
const SMALL: usize = 100;

/// Payloads longer than this leave uncopied, each in a piece of its own, by which their frames are counted.
const LONG: usize = 1024;

/// Streams at once.
const STREAMS: u64 = 64;

/// Bytes that each of them sends in bulk: all that their queues may hold together.
const BULK: usize = 64 * 1024;

pub(super) fn run(meter: &Meter) {
    let small = Bytes::from(vec![7; SMALL]);
    let mut pair = Pair::new();
    let warm = pair.stream();
    meter.count("mux/request on a warm stream", "request and answer of 100 bytes", 400, || {
        pair.gateway.send(warm, &small);
        pair.feed_agent();
        pair.agent.send(warm, &small);
        pair.feed_gateway();
        1
    });
    let mut pair = Pair::new();
    meter.count("mux/request on a stream of its own", "opened, answered, closed", 400, || {
        pair.one_shot(&small);
        1
    });
    let mut pair = Pair::new();
    let streams: Vec<StreamId> = (0..STREAMS).map(|_| pair.stream()).collect();
    meter.count("mux/64 streams, small frames", "frame of 100 bytes, sent and read", 100, || {
        streams.iter().for_each(|id| pair.gateway.send(*id, &small));
        pair.feed_agent();
        STREAMS
    });
    let mut pair = Pair::new();
    let streams: Vec<StreamId> = (0..STREAMS).map(|_| pair.stream()).collect();
    let bulk = Bytes::from(vec![7; BULK]);
    meter.count("mux/64 streams, bulk", "frame in the fair round, sent and read", 20, || {
        streams.iter().for_each(|id| pair.gateway.send(*id, &bulk));
        let frames = pair.feed_agent();
        pair.feed_gateway();
        frames
    });
}

/// One end and the time it is told, which stands still.
struct End {
    mux: Mux,
    now: Instant,
}

impl End {
    fn send(&mut self, id: StreamId, bytes: &Bytes) {
        let taken = self.mux.send(id, &mut bytes.clone()).expect("the stream stands");
        assert_eq!(taken, bytes.len(), "there is room in the window");
    }

    /// Reads what there is news of.
    fn read(&mut self) {
        while let Some(event) = self.mux.poll_event() {
            let (Event::Opened(id, _) | Event::Readable(id)) = event else { continue };
            while let Ok(Recv::Data(bytes)) = self.mux.recv(self.now, id) {
                black_box(bytes);
            }
        }
    }
}

/// A gateway's end and an agent's.
struct Pair {
    gateway: End,
    agent: End,
    frames: Vec<Bytes>,
}

impl Pair {
    fn new() -> Self {
        let now = Instant::now();
        let end = |side| End { mux: Mux::new(side, MuxConfig::default(), now), now };
        let mut pair = Self { gateway: end(Side::Gateway), agent: end(Side::Agent), frames: Vec::new() };
        for _ in 0..2 {
            pair.feed_agent();
            pair.feed_gateway();
        }
        pair
    }

    /// A stream that both ends know.
    fn stream(&mut self) -> StreamId {
        let id = self.gateway.mux.open(&open(), &mut Bytes::new()).expect("there is room for a stream");
        self.feed_agent();
        id
    }

    /// A stream for one request: both ends finish, and forget it.
    fn one_shot(&mut self, bytes: &Bytes) {
        let id = self.gateway.mux.open(&open(), &mut bytes.clone()).expect("there is room for a stream");
        self.gateway.mux.finish(id).expect("the stream stands");
        self.feed_agent();
        self.agent.send(id, bytes);
        self.agent.mux.finish(id).expect("the stream stands");
        self.agent.mux.release(id);
        self.feed_gateway();
        self.gateway.mux.release(id);
        assert!(self.gateway.mux.stats().streams_active == 0, "the stream has ended");
    }

    /// What the gateway queued. Gives the number of long payloads.
    fn feed_agent(&mut self) -> u64 {
        cross(&mut self.gateway, &mut self.agent, &mut self.frames)
    }

    /// What the agent queued. Gives the number of long payloads.
    fn feed_gateway(&mut self) -> u64 {
        cross(&mut self.agent, &mut self.gateway, &mut self.frames)
    }
}

/// Everything that is queued crosses, and is read. Gives the number of long payloads.
fn cross(from: &mut End, to: &mut End, frames: &mut Vec<Bytes>) -> u64 {
    let mut long = 0;
    while from.mux.wants_transmit() {
        from.mux.transmit(from.now, BUDGET, frames);
        for piece in frames.drain(..) {
            long += u64::from(piece.len() > LONG);
            to.mux.receive(to.now, piece).expect("the ends understand one another");
        }
        to.read();
    }
    long
}
