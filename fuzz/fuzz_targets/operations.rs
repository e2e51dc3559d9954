//! Sequences of operations of two owners on the two ends of a link. Each two bytes of the input are one operation.

#![no_main]

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use octoporty_proto::model::{Compression, MappingId};
use octoporty_proto::mux::{Event, Mux, MuxConfig, Recv};
use octoporty_proto::wire::{Blame, Open, Reset, ResetCode, Side, StreamId};

/// What an owner knows of its end of a stream.
#[derive(Default)]
struct Held {
    sent: u64,
    got: u64,
    state: State,
}

#[derive(Default, PartialEq)]
enum State {
    #[default]
    Reading,
    /// It read the end or found a reset.
    Done,
    Released,
}

struct World {
    now: Instant,
    ends: [Mux; 2],
    pipes: [VecDeque<Bytes>; 2],
    streams: [BTreeMap<StreamId, Held>; 2],
    link: Link,
}

#[derive(PartialEq)]
enum Link {
    Stands,
    /// A probe was not answered in time: too much time passed between two deliveries.
    Silent,
}

/// What `end` sends on a stream.
fn content(id: StreamId, end: usize, offset: u64, len: usize) -> Bytes {
    let salt = u64::from(id.0) * 2 + end as u64;
    (offset..offset + len as u64).map(|at| ((at ^ salt).wrapping_mul(0x9e37_79b9_7f4a_7c15)).to_be_bytes()[0]).collect()
}

impl World {
    fn new() -> Self {
        let now = Instant::now();
        let config = MuxConfig {
            max_streams: 8,
            initial_window: 3000,
            max_window: 12_000,
            max_in_flight: 8000,
            stream_floor: 200,
            send_buffer: 2500,
            probe_interval: Duration::from_secs(10),
        };
        let mut ends = [Mux::new(Side::Gateway, config.clone(), now), Mux::new(Side::Agent, config, now)];
        ends[0].enable_lz4();
        Self { now, ends, pipes: Default::default(), streams: Default::default(), link: Link::Stands }
    }

    fn transmit(&mut self, end: usize, budget: usize) {
        let mut out = Vec::new();
        self.ends[end].transmit(self.now, budget, &mut out);
        self.pipes[end].extend(out);
    }

    fn deliver(&mut self, end: usize, cut: usize) {
        if let Some(mut bytes) = self.pipes[end].pop_front() {
            let piece = bytes.split_to(cut.clamp(1, bytes.len()));
            if !bytes.is_empty() {
                self.pipes[end].push_front(bytes);
            }
            self.ends[1 - end].receive(self.now, piece).expect("the peer keeps the protocol");
        }
        self.learn(1 - end);
    }

    fn learn(&mut self, end: usize) {
        while let Some(event) = self.ends[end].poll_event() {
            if let Event::Opened(id, _) = event {
                assert!(self.streams[end].insert(id, Held::default()).is_none());
            }
        }
        while self.ends[end].recv_control().is_some() {}
    }

    fn recv(&mut self, end: usize, id: StreamId) {
        let sent = self.streams[1 - end].get(&id).map(|held| held.sent);
        let Some(held) = self.streams[end].get_mut(&id).filter(|held| held.state == State::Reading) else { return };
        match self.ends[end].recv(self.now, id) {
            Ok(Recv::Data(bytes)) => {
                assert_eq!(bytes, content(id, 1 - end, held.got, bytes.len()));
                held.got += bytes.len() as u64;
            }
            Ok(Recv::Finished) => {
                assert_eq!(Some(held.got), sent, "all bytes came before the end");
                held.state = State::Done;
            }
            Ok(Recv::Blocked) => {}
            Err(_) => held.state = State::Done,
        }
    }

    fn send(&mut self, end: usize, id: StreamId, len: usize) {
        let Some(held) = self.streams[end].get_mut(&id) else { return };
        let mut data = content(id, end, held.sent, len);
        if let Ok(taken) = self.ends[end].send(id, &mut data) {
            held.sent += taken as u64;
        }
    }

    fn open(&mut self, end: usize, argument: u8) {
        let compression = [Compression::Auto, Compression::On, Compression::Off][usize::from(argument % 3)];
        let open = Open { mapping: MappingId::from_uuid(uuid::Uuid::nil()), visitor: None, compression };
        if let Ok(id) = self.ends[end].open(&open, &mut Bytes::new()) {
            self.streams[end].insert(id, Held::default());
        }
    }

    fn release(&mut self, end: usize, id: StreamId) {
        if let Some(held) = self.streams[end].get_mut(&id) {
            held.state = State::Released;
            self.ends[end].release(id);
        }
    }

    fn act(&mut self, operation: u8, argument: u8) {
        let end = usize::from(operation & 1);
        let picked = self.streams[end].keys().nth_back(usize::from(argument & 7)).copied();
        let amount = usize::from(argument) * 16 + 1;
        match (operation >> 1 & 15, picked) {
            (0, _) => self.open(end, argument),
            (1 | 2, _) => self.transmit(end, amount),
            (3 | 4 | 5, _) => self.deliver(end, amount),
            (6, _) => self.ends[end].probe(),
            (7, _) => {
                self.now += Duration::from_millis(u64::from(argument) * 20);
                if self.ends[end].tick(self.now).is_err() {
                    self.link = Link::Silent;
                }
            }
            (8 | 9, Some(id)) => self.send(end, id, amount),
            (10 | 11, Some(id)) => self.recv(end, id),
            (12, Some(id)) => drop(self.ends[end].finish(id)),
            (13, Some(id)) => {
                self.ends[end].reset(id, Reset::new(ResetCode::Cancelled, Blame::Target));
                self.streams[end].get_mut(&id).expect("picked").state = State::Done;
            }
            (14, Some(id)) => self.release(end, id),
            (15, _) => drop(self.ends[end].send_control(Bytes::from(vec![1; amount])).then_some(())),
            _ => {}
        }
        self.learn(end);
        // The cap of `World::new`, and the floors of both sides' streams.
        assert!(self.ends.iter().all(|mux| mux.load().kept <= 8000 + 16 * 200), "what is kept is bounded");
    }

    /// The link is given up: every stream is told, and when all are let go nothing is left.
    fn lose(&mut self) {
        for end in 0..2 {
            self.ends[end].link_lost("silent");
            for id in self.streams[end].keys().copied().collect::<Vec<_>>() {
                while self.ends[end].is_readable(id) && self.streams[end][&id].state == State::Reading {
                    self.recv(end, id);
                }
                assert!(self.streams[end][&id].state != State::Reading, "no stream waits for a lost link");
                self.release(end, id);
            }
            while let Some(event) = self.ends[end].poll_event() {
                if let Event::Opened(id, _) = event {
                    self.ends[end].release(id);
                }
            }
            assert_eq!(self.ends[end].load().remembered, 0);
        }
    }

    /// Everybody finishes, reads to the end and lets go: then nothing is left.
    fn wind_down(&mut self) {
        for _ in 0..10_000 {
            for end in 0..2 {
                self.transmit(end, usize::MAX);
                while !self.pipes[end].is_empty() {
                    self.deliver(end, usize::MAX);
                }
            }
            let mut left = false;
            for end in 0..2 {
                for id in self.streams[end].keys().copied().collect::<Vec<_>>() {
                    drop(self.ends[end].finish(id));
                    let readable = |world: &Self| {
                        world.streams[end][&id].state == State::Reading && world.ends[end].is_readable(id)
                    };
                    while readable(self) {
                        self.recv(end, id);
                    }
                    match self.streams[end][&id].state {
                        State::Reading => left = true,
                        State::Done => self.release(end, id),
                        State::Released => {}
                    }
                }
            }
            let quiet = self.ends.iter().all(|mux| !mux.wants_transmit());
            if !left && quiet && self.pipes.iter().all(VecDeque::is_empty) {
                for mux in &self.ends {
                    let load = mux.load();
                    assert_eq!((load.remembered, load.in_flight, load.unreturned), (0, 0, 0));
                    assert_eq!((load.queued, load.kept), (0, 0));
                    assert!(mux.is_idle());
                }
                return;
            }
        }
        panic!("the streams do not come to an end");
    }
}

fuzz_target!(|input: &[u8]| {
    let mut world = World::new();
    for operation in input.chunks_exact(2) {
        world.act(operation[0], operation[1]);
        if world.link == Link::Silent {
            return world.lose();
        }
    }
    world.wind_down();
});
