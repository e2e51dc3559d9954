//! Random operations of two owners on random lines, with every byte checked.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;

use super::sim::{AGENT, GATEWAY, Line, Pair, config, open_for, pattern};
use crate::model::Compression;
use crate::mux::{Event, LinkError, Mux, MuxConfig, OpenError, Recv};
use crate::wire::{Blame, Reset, ResetCode, Side, StreamId};

/// Runs of one test.
const RUNS: u64 = 60;

/// Operations of one run.
const STEPS: usize = 600;

/// Whether an owner ended its direction.
#[derive(Debug, Default, PartialEq)]
enum Sends {
    #[default]
    Open,
    Finished,
}

/// How an owner reads.
#[derive(Debug, Default, PartialEq)]
enum Reads {
    #[default]
    Eagerly,
    /// Not for now.
    Stuck,
    /// It found the end.
    Ended,
    /// It found a reset, or made one.
    Broken,
}

/// What one owner knows of its end of a stream.
#[derive(Debug, Default)]
struct Held {
    /// Bytes that the mux took from it.
    sent: u64,
    sends: Sends,
    /// Bytes that it read.
    got: u64,
    /// Of these, bytes that it is not done with.
    holds: u64,
    reads: Reads,
    /// It was told that it must wait for room, and not yet that there is some.
    waits: bool,
    /// It was told of room and did not look yet.
    told: bool,
    owner: Owner,
}

/// Whether it still has the stream.
#[derive(Debug, Default, PartialEq)]
enum Owner {
    #[default]
    Holds,
    LetGo,
}

struct World {
    pair: Pair,
    rng: Rng,
    /// Both ends of each stream; the peer's is there once it was told of it.
    streams: BTreeMap<StreamId, [Option<Held>; 2]>,
    freeze: Freeze,
    farewells: Farewells,
    tag: String,
}

/// Whether a direction of the line is frozen.
#[derive(Debug, PartialEq)]
enum Freeze {
    Never,
    /// It was, or is until so many more operations were done: a probe may stay unanswered for too long.
    Left(usize),
}

/// Whether an end may say that it opens no more streams.
#[derive(Debug, PartialEq)]
enum Farewells {
    None,
    Some,
}

/// What one end sends on a stream. Some compresses, some does not.
fn content(id: StreamId, end: usize, offset: u64, len: usize) -> Bytes {
    let salt = u64::from(id.0) * 2 + end as u64;
    if salt.is_multiple_of(3) {
        (offset..offset + len as u64).map(|at| ((at / 100) ^ salt).to_le_bytes()[0]).collect()
    } else {
        pattern(salt, offset, len)
    }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let initial_window = rng.u32(2_000..80_000);
        let config = MuxConfig {
            max_streams: rng.u32(3..40),
            initial_window,
            max_window: initial_window * rng.u32(1..8),
            max_in_flight: rng.u64(10_000..300_000),
            stream_floor: rng.u32(64..4_000),
            send_buffer: rng.usize(1_000..60_000),
            ..config()
        };
        let line = Line {
            delay: Duration::from_micros(rng.u64(0..80_000)),
            rate: 1 << rng.u32(17..30),
            chunk: rng.usize(100..200_000),
            cuts: rng.bool(),
            frozen: false,
        };
        let tag = format!("OCTOPORTY_TEST_SEED={seed} {config:?} {line:?}");
        let mut pair = Pair::new(&config, &line, seed);
        if rng.bool() {
            // The ends are ready to hold different amounts, and know it.
            let other = MuxConfig { max_in_flight: rng.u64(10_000..300_000), ..config.clone() };
            pair.ends[GATEWAY] = Mux::new(Side::Gateway, other.clone(), pair.now);
            pair.ends[GATEWAY].limit_in_flight(config.max_in_flight);
            pair.ends[AGENT].limit_in_flight(other.max_in_flight);
        }
        for mux in &mut pair.ends {
            if rng.bool() {
                mux.enable_lz4();
            }
            // Sometimes this side does not know the peer's limit.
            if rng.u8(0..4) == 0 {
                mux.set_peer_limit(1_000);
            }
        }
        let farewells = if rng.u8(0..4) == 0 { Farewells::Some } else { Farewells::None };
        Self { pair, rng, streams: BTreeMap::new(), freeze: Freeze::Never, farewells, tag }
    }

    fn learn(&mut self) {
        for end in 0..2 {
            while let Some(event) = self.pair.events[end].pop_front() {
                match event {
                    Event::Opened(id, _) => {
                        let held = self.streams.entry(id).or_default();
                        assert!(held[end].is_none(), "a stream is told of once");
                        held[end] = Some(Held::default());
                    }
                    Event::Writable(id) => {
                        if let Some(held) = &mut self.streams.get_mut(&id).expect("a known stream")[end] {
                            held.waits = false;
                            held.told = true;
                        }
                    }
                    Event::Readable(id) => assert!(self.streams.contains_key(&id), "a known stream"),
                    Event::Control | Event::ControlWritable | Event::Pong(_) | Event::GoAway(_) => {}
                }
            }
        }
    }

    /// A stream that this end holds.
    fn pick(&mut self, end: usize) -> Option<StreamId> {
        let mine: Vec<StreamId> = self.held(end).collect();
        (!mine.is_empty()).then(|| mine[self.rng.usize(0..mine.len())])
    }

    fn held(&self, end: usize) -> impl Iterator<Item = StreamId> {
        let held = |held: &Option<Held>| held.as_ref().is_some_and(|held| held.owner == Owner::Holds);
        self.streams.iter().filter(move |(_, ends)| held(&ends[end])).map(|(id, _)| *id)
    }

    fn of(&mut self, end: usize, id: StreamId) -> &mut Held {
        self.streams.get_mut(&id).expect("known")[end].as_mut().expect("held")
    }

    fn open(&mut self, end: usize) {
        let compression = [Compression::Auto, Compression::On, Compression::Off][self.rng.usize(0..3)];
        let len = if self.rng.bool() { self.rng.usize(0..500) } else { self.rng.usize(0..60_000) };
        // The number is known only afterwards, so the content is sent by `send`, unless nothing is sent at all.
        match self.pair.ends[end].open(&open_for(compression), &mut Bytes::new()) {
            Ok(id) => {
                let mut ends = [None, None];
                ends[end] = Some(Held::default());
                self.streams.insert(id, ends);
                self.send(end, id, len);
            }
            Err(OpenError::TooManyStreams) => {}
            Err(OpenError::Draining) if self.farewells == Farewells::Some => {}
            Err(error) => panic!("{error}: {}", self.tag),
        }
    }

    fn send(&mut self, end: usize, id: StreamId, len: usize) {
        let offset = self.of(end, id).sent;
        let mut data = content(id, end, offset, len);
        let room = self.pair.ends[end].capacity(id);
        let held = self.of(end, id);
        if held.sends == Sends::Finished && room.is_err() {
            return;
        }
        let Ok(room) = room else {
            held.reads = Reads::Broken;
            return;
        };
        held.waits = room == 0;
        let taken = self.pair.ends[end].send(id, &mut data).expect("capacity said so");
        assert_eq!(taken, room.min(len), "capacity tells what is taken: {}", self.tag);
        self.of(end, id).sent += taken as u64;
    }

    fn recv(&mut self, end: usize, id: StreamId) {
        let offset = self.of(end, id).got;
        let now = self.pair.now;
        let readable = self.pair.ends[end].is_readable(id);
        let keeps = self.rng.bool();
        let received = if keeps { self.pair.ends[end].take(id) } else { self.pair.ends[end].recv(now, id) };
        match received {
            Ok(Recv::Data(bytes)) => {
                assert!(readable);
                assert!(!bytes.is_empty());
                let wanted = content(id, 1 - end, offset, bytes.len());
                assert!(bytes == wanted, "{id:?} from {offset}: other bytes came: {}", self.tag);
                let held = self.of(end, id);
                held.got += bytes.len() as u64;
                held.holds += if keeps { bytes.len() as u64 } else { 0 };
            }
            Ok(Recv::Finished) => {
                assert!(readable);
                let sent = self.streams[&id][1 - end].as_ref().expect("the peer held it").sent;
                let held = self.of(end, id);
                assert_eq!(held.got, sent, "{id:?}: the end comes after all bytes");
                held.reads = Reads::Ended;
            }
            Ok(Recv::Blocked) => assert!(!readable),
            Err(_) => self.of(end, id).reads = Reads::Broken,
        }
    }

    /// Is done with some of what it holds.
    fn consume(&mut self, end: usize, id: StreamId, most: u64) {
        let held = self.of(end, id);
        let bytes = held.holds.min(most);
        held.holds -= bytes;
        self.pair.ends[end].consumed(self.pair.now, id, bytes);
    }

    fn thaw(&mut self) {
        if let Freeze::Left(left) = &mut self.freeze {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.pair.lines.iter_mut().for_each(|line| line.frozen = false);
            }
        }
    }

    fn act(&mut self) {
        self.thaw();
        let end = self.rng.usize(0..2);
        let choice = self.rng.u8(0..100);
        if choice < 10 {
            return self.open(end);
        }
        if choice < 25 {
            self.pair.step();
            return;
        }
        if choice < 30 {
            let time = Duration::from_micros(self.rng.u64(0..200_000));
            return self.pair.run_for(time);
        }
        if choice == 99 {
            match self.rng.u8(0..4) {
                0 if self.farewells == Farewells::Some => self.pair.ends[end].go_away(),
                1 => {
                    self.pair.lines[end].frozen = true;
                    self.freeze = Freeze::Left(self.rng.usize(1..30));
                }
                _ => {}
            }
            return;
        }
        let Some(id) = self.pick(end) else { return };
        match choice {
            30..55 => {
                let most = if self.rng.bool() { 300 } else { 50_000 };
                let len = self.rng.usize(1..most);
                self.send(end, id, len);
            }
            55..85 if self.of(end, id).reads != Reads::Stuck => {
                for _ in 0..self.rng.usize(1..20) {
                    self.recv(end, id);
                }
                let most = if self.rng.bool() { u64::MAX } else { self.rng.u64(0..20_000) };
                self.consume(end, id, most);
            }
            85..87 => {
                let stuck = self.rng.bool();
                match &mut self.of(end, id).reads {
                    Reads::Ended | Reads::Broken => {}
                    reads => *reads = if stuck { Reads::Stuck } else { Reads::Eagerly },
                }
            }
            87..92 => self.finish(end, id),
            92..94 => {
                self.pair.ends[end].reset(id, Reset::new(ResetCode::TargetReset, Blame::Target));
                self.of(end, id).reads = Reads::Broken;
            }
            94..96 => self.release(end, id),
            96..97 => self.pair.ends[end].probe(),
            97..99 => {
                let _taken: bool = self.pair.ends[end].send_control(Bytes::from(vec![5; 3_000]));
                while self.pair.ends[1 - end].recv_control().is_some() {}
            }
            _ => {}
        }
    }

    fn finish(&mut self, end: usize, id: StreamId) {
        if self.pair.ends[end].finish(id).is_ok() {
            self.of(end, id).sends = Sends::Finished;
        }
    }

    fn release(&mut self, end: usize, id: StreamId) {
        self.pair.ends[end].release(id);
        self.of(end, id).owner = Owner::LetGo;
    }

    /// The link is lost, for each end by itself: everybody is told, reads what had come, and then nothing is left.
    fn lose(&mut self) {
        for end in 0..2 {
            self.pair.ends[end].link_lost("lost");
            self.pair.collect(end);
        }
        self.learn();
        self.pair.check();
        for end in 0..2 {
            for id in self.held(end).collect::<Vec<_>>() {
                while !matches!(self.of(end, id).reads, Reads::Ended | Reads::Broken) {
                    assert!(self.pair.ends[end].is_readable(id), "{id:?} waits for a lost link: {}", self.tag);
                    self.recv(end, id);
                }
                self.release(end, id);
            }
            let mux = &self.pair.ends[end];
            let load = mux.load();
            assert_eq!((load.remembered, load.kept, mux.books.kept.excess()), (0, 0, 0), "{}", self.tag);
            assert_eq!(mux.books.slack().0, 0, "{}", self.tag);
        }
        self.pair.check();
    }

    /// Everybody reads, finishes, and lets go when both directions have ended: nothing may be left, anywhere.
    fn wind_down(&mut self) {
        self.pair.lines.iter_mut().for_each(|line| line.frozen = false);
        for round in 0.. {
            assert!(round < 10_000, "streams are stuck: {}", self.tag);
            self.pair.settle();
            self.learn();
            let mut left = 0;
            for end in 0..2 {
                for id in self.held(end).collect::<Vec<_>>() {
                    left += 1;
                    self.finish(end, id);
                    let done = |held: &Held| matches!(held.reads, Reads::Ended | Reads::Broken);
                    while self.pair.ends[end].is_readable(id) && !done(self.of(end, id)) {
                        self.recv(end, id);
                    }
                    self.consume(end, id, u64::MAX);
                    if done(self.of(end, id)) {
                        self.release(end, id);
                    }
                }
                while self.pair.ends[end].recv_control().is_some() {}
            }
            if left == 0 {
                break;
            }
        }
        self.pair.settle();
        for mux in &self.pair.ends {
            assert!(mux.is_idle(), "{}", self.tag);
            let load = mux.load();
            assert_eq!((load.remembered, load.in_flight, load.unreturned), (0, 0, 0), "{}", self.tag);
            assert_eq!((load.queued, load.kept), (0, 0), "{}", self.tag);
            let books = &mux.books;
            for cap in [&books.sending, &books.receiving, &books.queueing, &books.kept] {
                assert_eq!(cap.excess(), 0, "the shared room is whole again: {}", self.tag);
            }
            assert!(mux.schedule.is_empty());
        }
    }

    /// When nothing is under way and everybody who was told of room looked at it, nobody waits beside free room.
    fn nobody_is_forgotten(&mut self) {
        loop {
            self.pair.settle();
            self.learn();
            let mut looked = false;
            for end in 0..2 {
                for id in self.held(end).collect::<Vec<_>>() {
                    if std::mem::take(&mut self.of(end, id).told) {
                        looked = true;
                        self.of(end, id).waits = self.pair.ends[end].capacity(id) == Ok(0);
                    }
                }
            }
            if !looked {
                break;
            }
        }
        for end in 0..2 {
            for id in self.held(end).collect::<Vec<_>>() {
                if self.of(end, id).waits && self.of(end, id).reads != Reads::Broken {
                    let stream = &self.pair.ends[end].streams[&id];
                    let room = self.pair.ends[end].books.room(stream);
                    assert_eq!(room, 0, "{id:?} waits beside free room: {} {stream:?}", self.tag);
                }
            }
        }
    }
}

/// How a run ends.
#[derive(Clone, Copy, PartialEq)]
enum Ending {
    InOrder,
    Lost,
}

fn run(seed: u64, ending: Ending) {
    let mut world = World::new(seed);
    for step in 0..STEPS {
        world.act();
        world.learn();
        world.pair.check();
        if world.freeze != Freeze::Never
            && world.pair.errors.iter().flatten().any(|error| matches!(error, LinkError::Silent(_)))
        {
            return world.lose();
        }
        assert_eq!(world.pair.errors, [None, None], "step {step}: {}", world.tag);
        if step % 100 == 99 && !world.pair.lines.iter().any(|line| line.frozen) {
            world.nobody_is_forgotten();
        }
    }
    if ending == Ending::Lost {
        return world.lose();
    }
    world.wind_down();
    assert_eq!(world.pair.errors, [None, None], "{}", world.tag);
}

/// Says which seed failed, also when the failure is a panic deep inside.
struct Tell(u64);

impl Drop for Tell {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("replay with OCTOPORTY_TEST_SEED={}", self.0);
        }
    }
}

#[test]
fn random_operations_lose_no_byte_and_leave_nothing_behind() {
    run_all(Ending::InOrder);
}

#[test]
fn a_link_that_is_lost_amid_random_operations_leaves_nobody_waiting() {
    run_all(Ending::Lost);
}

fn run_all(ending: Ending) {
    let seeds = match std::env::var("OCTOPORTY_TEST_SEED") {
        Ok(seed) => {
            let seed = seed.parse().expect("OCTOPORTY_TEST_SEED is a number");
            seed..seed + 1
        }
        // New ones each time; a failure prints its own.
        Err(_) => {
            let first = fastrand::u64(0..1 << 40);
            first..first + RUNS
        }
    };
    for seed in seeds {
        let tell = Tell(seed);
        run(seed, ending);
        drop(tell);
    }
}
