//! The line, the clock and the pair.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fastrand::Rng;
use uuid::Uuid;

use super::audit;
use crate::model::{Compression, MappingId};
use crate::mux::{Event, LinkError, Mux, MuxConfig, Recv};
use crate::wire::{Open, Reset, Side, StreamId};

/// Gateway, agent.
pub(super) const GATEWAY: usize = 0;
pub(super) const AGENT: usize = 1;

/// A line in one direction.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) delay: Duration,
    /// Bytes a second.
    pub(super) rate: u64,
    /// Bytes handed over at once; smaller ones at random when `cuts`.
    pub(super) chunk: usize,
    pub(super) cuts: bool,
    /// Nothing arrives while frozen.
    pub(super) frozen: bool,
}

impl Default for Line {
    fn default() -> Self {
        Self { delay: Duration::from_millis(1), rate: 1 << 30, chunk: 64 * 1024, cuts: false, frozen: false }
    }
}

#[derive(Debug, Default)]
struct Pipe {
    under_way: VecDeque<(Instant, Bytes)>,
    free_at: Option<Instant>,
}

/// What may move the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaited {
    /// Bytes that are under way.
    Line,
    /// Also the probes of both ends, which never end.
    LineAndProbes,
}

/// Two ends of a link.
pub(super) struct Pair {
    pub(super) now: Instant,
    pub(super) ends: [Mux; 2],
    pub(super) lines: [Line; 2],
    pipes: [Pipe; 2],
    pub(super) events: [VecDeque<Event>; 2],
    pub(super) errors: [Option<LinkError>; 2],
    pub(super) rng: Rng,
    /// Bytes that each end wrote to its line.
    pub(super) written: [u64; 2],
    audit: bool,
}

pub(super) fn config() -> MuxConfig {
    MuxConfig { probe_interval: Duration::from_secs(1), ..MuxConfig::default() }
}

pub(super) fn open_for(compression: Compression) -> Open {
    Open { mapping: MappingId::from_uuid(Uuid::from_u128(7)), visitor: None, compression }
}

pub(super) fn plain() -> Open {
    open_for(Compression::Off)
}

/// `len` bytes from `offset` on of a stream of bytes that is the same for everyone who knows `salt`, does not repeat
/// soon and does not compress.
pub(super) fn pattern(salt: u64, offset: u64, len: usize) -> Bytes {
    let byte = |at: u64| (at ^ salt).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()[0];
    (offset..offset + len as u64).map(byte).collect()
}

impl Pair {
    pub(super) fn new(config: &MuxConfig, line: &Line, seed: u64) -> Self {
        let now = Instant::now();
        Self {
            now,
            ends: [Mux::new(Side::Gateway, config.clone(), now), Mux::new(Side::Agent, config.clone(), now)],
            lines: [line.clone(), line.clone()],
            pipes: Default::default(),
            events: Default::default(),
            errors: [None, None],
            rng: Rng::with_seed(seed),
            written: [0, 0],
            audit: true,
        }
    }

    /// A pair that has exchanged its first probes.
    pub(super) fn ready(config: &MuxConfig, line: &Line) -> Self {
        let mut pair = Self::new(config, line, 1);
        pair.settle();
        for events in &mut pair.events {
            events.clear();
        }
        pair
    }

    /// For long runs of which only the outcome counts.
    pub(super) fn without_audit(mut self) -> Self {
        self.audit = false;
        self
    }

    /// Lets both ends write what they want, as far as their lines are free.
    fn transmit(&mut self) {
        for end in 0..2 {
            if self.pipes[end].free_at.is_some_and(|at| at > self.now) {
                continue;
            }
            let mut out = Vec::new();
            let budget = self.lines[end].chunk;
            let written = self.ends[end].transmit(self.now, budget, &mut out);
            assert_eq!(written, out.iter().map(Bytes::len).sum::<usize>(), "the answer counts what was given");
            assert!(written <= budget + 8 * 1024 + self.ends[end].load().remembered * 64, "about the budget");
            if written == 0 {
                continue;
            }
            self.written[end] += written as u64;
            let took = Duration::from_secs_f64(written as f64 / self.lines[end].rate as f64);
            let free_at = self.now + took;
            self.pipes[end].free_at = Some(free_at);
            let arrives = free_at + self.lines[end].delay;
            for bytes in self.cut(end, out) {
                self.pipes[end].under_way.push_back((arrives, bytes));
            }
        }
    }

    fn cut(&mut self, end: usize, out: Vec<Bytes>) -> Vec<Bytes> {
        if !self.lines[end].cuts {
            return vec![Bytes::from(out.concat())];
        }
        let mut whole = Bytes::from(out.concat());
        let mut pieces = Vec::new();
        while !whole.is_empty() {
            let most = if self.rng.bool() { 12 } else { whole.len() };
            let len = self.rng.usize(1..=most.min(whole.len()));
            pieces.push(whole.split_to(len));
        }
        pieces
    }

    fn deliver(&mut self) {
        for end in 0..2 {
            while !self.lines[end].frozen && self.pipes[end].under_way.front().is_some_and(|(at, _)| *at <= self.now) {
                let (_, bytes) = self.pipes[end].under_way.pop_front().expect("there is a front");
                let other = 1 - end;
                if let Err(error) = self.ends[other].receive(self.now, bytes) {
                    self.errors[other].get_or_insert(error);
                }
                self.collect(other);
            }
        }
    }

    pub(super) fn collect(&mut self, end: usize) {
        while let Some(event) = self.ends[end].poll_event() {
            self.events[end].push_back(event);
        }
    }

    /// Does all that is possible at this moment.
    pub(super) fn pump(&mut self) {
        self.deliver();
        self.transmit();
        for end in 0..2 {
            let due = self.ends[end].next_deadline() <= self.now;
            if due && let Err(error) = self.ends[end].tick(self.now) {
                self.errors[end].get_or_insert(error);
            }
        }
        self.transmit();
        for end in 0..2 {
            self.collect(end);
        }
        if self.audit {
            self.check();
        }
    }

    pub(super) fn check(&self) {
        for mux in &self.ends {
            audit::check(mux);
        }
        if self.is_quiet() {
            audit::check_agreement(&self.ends);
        }
    }

    /// Nothing is under way and nobody wants to write.
    pub(super) fn is_quiet(&self) -> bool {
        self.pipes.iter().all(|pipe| pipe.under_way.is_empty()) && self.ends.iter().all(|mux| !mux.wants_transmit())
    }

    /// When something happens next.
    fn next_moment(&self, awaited: Awaited) -> Option<Instant> {
        let mut next: Option<Instant> = None;
        let mut consider = |at: Instant| next = Some(next.map_or(at, |next| next.min(at)));
        for end in 0..2 {
            if !self.lines[end].frozen {
                self.pipes[end].under_way.front().into_iter().for_each(|(at, _)| consider(*at));
            }
            if self.ends[end].wants_transmit() {
                self.pipes[end].free_at.into_iter().for_each(&mut consider);
            }
            if awaited == Awaited::LineAndProbes {
                consider(self.ends[end].next_deadline());
            }
        }
        next
    }

    /// Moves the clock to the next moment and does what is possible there; `false` when nothing is under way.
    pub(super) fn step(&mut self) -> bool {
        self.pump();
        let Some(next) = self.next_moment(Awaited::Line) else { return false };
        self.now = self.now.max(next);
        self.pump();
        true
    }

    /// Runs until nothing is under way.
    pub(super) fn settle(&mut self) {
        for _ in 0..1_000_000 {
            if !self.step() && self.is_quiet() {
                return;
            }
        }
        panic!("the pair does not come to rest");
    }

    /// Runs for so long, probes and all.
    pub(super) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.pump();
            match self.next_moment(Awaited::LineAndProbes).filter(|next| *next <= end) {
                Some(next) => self.now = self.now.max(next),
                None => break,
            }
        }
        self.now = end;
        self.pump();
    }

    pub(super) fn open(&mut self, end: usize, first: &[u8]) -> StreamId {
        let mut first = Bytes::copy_from_slice(first);
        let id = self.ends[end].open(&plain(), &mut first).expect("a stream may be opened");
        assert!(first.is_empty(), "the first bytes fit");
        id
    }

    /// Reads all that is there.
    pub(super) fn read(&mut self, end: usize, id: StreamId) -> Read {
        let mut bytes = Vec::new();
        loop {
            match self.ends[end].recv(self.now, id) {
                Ok(Recv::Data(more)) => bytes.extend_from_slice(&more),
                Ok(Recv::Blocked) => return Read { bytes, end: ReadEnd::Blocked },
                Ok(Recv::Finished) => return Read { bytes, end: ReadEnd::Finished },
                Err(reset) => return Read { bytes, end: ReadEnd::Reset(reset) },
            }
        }
    }

    /// Sends as much as there is room for; gives how much.
    pub(super) fn write(&mut self, end: usize, id: StreamId, bytes: &[u8]) -> usize {
        let mut data = Bytes::copy_from_slice(bytes);
        let mut sent = 0;
        while !data.is_empty() {
            match self.ends[end].send(id, &mut data).expect("the stream is open") {
                0 => break,
                more => sent += more,
            }
        }
        sent
    }

    /// Gives raw bytes to an end as if its peer had sent them.
    pub(super) fn inject(&mut self, end: usize, bytes: &[u8]) -> Result<(), LinkError> {
        let result = self.ends[end].receive(self.now, Bytes::copy_from_slice(bytes));
        self.collect(end);
        result
    }

    pub(super) fn has_event(&self, end: usize, wanted: &Event) -> bool {
        self.events[end].contains(wanted)
    }
}

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) bytes: Vec<u8>,
    pub(super) end: ReadEnd,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum ReadEnd {
    Blocked,
    Finished,
    Reset(Reset),
}
