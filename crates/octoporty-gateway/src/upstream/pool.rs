//! Warm streams: connections to targets that an answer has left fit for the next request.
//!
//! One pool a shard. Invariants: a stream is taken out only if it is quiet; at most [`PER_KEY`] idle ones stand for
//! a (session, mapping) and [`TOTAL`] in all, the oldest go first; none stands longer than [`IDLE_AGE`], and more than
//! [`KEPT`] only while requests take them; a stream of a mapping as it was before a change is never used for the
//! mapping as it is; a request that cannot be repeated gets a stream only where [`trust`] says that the target keeps its
//! connections.

mod trust;

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use octoporty_proto::model::{Mapping, MappingId, SessionId};
use octoporty_tunnel::stream::{Peek, Stream};

use self::trust::Trust;
use super::clock::Watchdog;
use crate::session::Session;

/// Most idle streams for one (session, mapping) on one shard: a quarter of the streams that a session has by default,
/// since each request beyond opens a connection to the target and closes one.
const PER_KEY: usize = 1024;

/// How many of a (session, mapping) stand until they are old. Those beyond go with the second sweep that finds them
/// unused: each idle stream is a connection that the target keeps open.
const KEPT: usize = 64;

/// Most idle streams on one shard; bounds what all sessions together may cost.
const TOTAL: usize = 2048;

/// How many go at once when [`TOTAL`] is reached, so that finding the oldest is paid once in so many returns.
const EVICTED_AT_ONCE: usize = 64;

/// An idle stream is closed after this: many targets close idle connections after 60 s or more, and a connection that
/// nobody used for so long is not worth its keep.
const IDLE_AGE: Duration = Duration::from_secs(60);

/// How often the pool is swept.
pub(crate) const SWEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Idle time within which a stream may carry a request that cannot be repeated safely.
///
/// A target that closes an idle connection does so without warning, and a request that crosses the close is lost. One
/// that is idempotent is sent again; a POST that fails without an answer must not be, since the target may have acted
/// on it. Targets close after seconds at the least (5 s with Node and Apache, 75 s with nginx), and their close
/// reaches this side within a round trip, so a stream that was idle for less than this is as safe as a fresh one. Which
/// targets are unlike that, [`trust`] finds out.
const SAFE_IDLE: Duration = Duration::from_secs(1);

/// Whether a request may be sent again when its stream fails without an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Repeat {
    /// GET and the like: twice is as good as once.
    Safe,
    /// POST and the like.
    Unsafe,
}

/// A stream that the next request to the same (session, mapping) may use.
#[derive(Debug)]
pub(crate) struct Warm {
    /// Fit for a request as far as its last answer tells.
    pub(crate) stream: Stream,
    /// The timer that goes with the stream, still registered: re-arming it costs nothing in the usual case.
    pub(crate) watchdog: Watchdog,
    /// When it became idle last; of a fresh one, when it was opened.
    pub(crate) since: Instant,
    /// What kind of request opened it.
    pub(crate) opened_for: Repeat,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Key {
    session: SessionId,
    mapping: MappingId,
}

/// Mixes the ids of a [`Key`], which are random or nearly so. An agent that chose colliding ids of mappings would only
/// make the look-ups among its own slower, and [`TOTAL`] bounds them.
#[derive(Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_usize(&mut self, _: usize) {
        // The length of an id, which is always the same.
    }

    fn finish(&self) -> u64 {
        // The upper half is mixed best, and the table picks its slots by the lower one.
        self.0 ^ self.0 >> 32
    }
}

#[derive(Debug)]
struct Idle {
    warm: Warm,
    /// As the mapping was when the stream was opened: its target must still be the right one.
    mapping: Arc<Mapping>,
    session: Arc<Session>,
}

/// The idle streams of one key.
#[derive(Debug, Default)]
struct Row {
    /// Oldest at the front.
    idle: VecDeque<Idle>,
    /// What is known of the target's habits.
    trust: Trust,
    /// Fewest idle streams at once since the last sweep: so many were not needed.
    least: usize,
    /// Whether a stream came back since the last sweep.
    used: bool,
}

#[derive(Debug, Default)]
struct Shelves {
    /// A row that ran empty stays while it is in use: a busy one does so all the time.
    rows: HashMap<Key, Row, BuildHasherDefault<KeyHasher>>,
    total: usize,
}

/// The warm streams of one shard.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    /// Used by one thread nearly always; never held over an await.
    shelves: Mutex<Shelves>,
}

/// What a stream leads to: who serves which mapping.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    /// The agent's session.
    pub(crate) session: Arc<Session>,
    /// The mapping as it is for this request.
    pub(crate) mapping: Arc<Mapping>,
}

impl Lane {
    fn key(&self) -> Key {
        Key { session: self.session.id(), mapping: self.mapping.id }
    }
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, Shelves> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stream that was returned last, if one is fit. Those found unfit on the way are closed.
    pub(crate) fn take(&self, lane: &Lane, repeat: Repeat) -> Option<Warm> {
        let mut unfit = Vec::new();
        let mut shelves = self.lock();
        let found = shelves.take(lane, repeat, &mut unfit);
        drop(shelves);
        // Closing a stream takes its link's lock, so it happens outside of the pool's.
        drop(unfit);
        found
    }

    /// Keeps a stream whose request and answer have both ended in order.
    pub(crate) fn give(&self, lane: &Lane, warm: Warm) {
        self.give_at(lane, warm, Instant::now());
    }

    /// As [`Self::give`], of one that is idle since this moment.
    pub(crate) fn give_at(&self, lane: &Lane, mut warm: Warm, now: Instant) {
        // An agent that stops waits for its streams to end.
        if lane.session.is_draining() {
            return;
        }
        if warm.stream.peek() != Peek::Quiet {
            if trust::is_targets_doing(&mut warm.stream) {
                self.target_closed(lane, Duration::ZERO);
            }
            return;
        }
        let mut evicted = Vec::new();
        let mut shelves = self.lock();
        if shelves.total >= TOTAL {
            shelves.evict_oldest(&mut evicted);
        }
        let row = shelves.rows.entry(lane.key()).or_default();
        let Lane { session, mapping } = lane.clone();
        warm.since = now;
        let over = row.push(Idle { warm, mapping, session });
        shelves.total += 1 - usize::from(over.is_some());
        drop(shelves);
        evicted.extend(over);
        drop(evicted);
    }

    /// Notes that the target ended a warm stream without an answer, `idle` after its last one.
    pub(crate) fn target_closed(&self, lane: &Lane, idle: Duration) {
        if idle < SAFE_IDLE {
            self.lock().rows.entry(lane.key()).or_default().trust = Trust::Refuted(Instant::now());
        }
    }

    /// Closes all of a session, and gives how many: its agent stops and waits for its streams to end, or its limit is
    /// reached and somebody needs room.
    pub(crate) fn forget(&self, session: SessionId) -> usize {
        let mut gone = Vec::new();
        let mut shelves = self.lock();
        // What is known of its targets stays: a session at its limit goes on.
        for (_, row) in shelves.rows.iter_mut().filter(|(key, _)| key.session == session) {
            gone.extend(row.idle.drain(..));
        }
        shelves.total -= gone.len();
        drop(shelves);
        gone.len()
    }

    /// Whether one of a session stands idle.
    pub(crate) fn has_idle(&self, session: SessionId) -> bool {
        self.lock().rows.iter().any(|(key, row)| key.session == session && !row.idle.is_empty())
    }

    /// Closes what has stood too long, and what its target, agent or link has closed.
    pub(crate) fn sweep(&self, now: Instant) {
        let mut gone = Vec::new();
        let mut shelves = self.lock();
        for row in shelves.rows.values_mut() {
            row.sweep(now, &mut gone);
        }
        shelves.forget_unused(now);
        shelves.total -= gone.len();
        drop(shelves);
        drop(gone);
    }

    /// Streams that stand idle.
    #[cfg(test)]
    pub(crate) fn idle(&self) -> usize {
        self.lock().total
    }
}

impl Idle {
    /// Whether it leads to the target that the mapping has now.
    fn is_for(&self, mapping: &Arc<Mapping>) -> bool {
        Arc::ptr_eq(&self.mapping, mapping) || self.mapping == *mapping
    }

    fn is_quiet(&self) -> bool {
        self.warm.stream.peek() == Peek::Quiet
    }

    fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.warm.since)
    }
}

impl Row {
    /// Gives the one that there is no room for.
    fn push(&mut self, idle: Idle) -> Option<Idle> {
        self.used = true;
        // While a target is yet to prove itself each POST opens one, so they say nothing of how many requests there are at
        // once; the oldest is let stand, since it is the proof to come.
        if idle.warm.opened_for == Repeat::Unsafe && self.idle.len() >= KEPT && !self.trust.is_proven() {
            return Some(idle);
        }
        self.idle.push_back(idle);
        if self.idle.len() > PER_KEY { self.idle.pop_front() } else { None }
    }

    /// The newest that is fit.
    fn take(&mut self, mapping: &Arc<Mapping>, repeat: Repeat, unfit: &mut Vec<Idle>) -> Option<Warm> {
        let found = self.find(mapping, repeat, unfit);
        self.least = self.least.min(self.idle.len());
        found
    }

    fn find(&mut self, mapping: &Arc<Mapping>, repeat: Repeat, unfit: &mut Vec<Idle>) -> Option<Warm> {
        if repeat == Repeat::Unsafe && !self.trust.holds_for(mapping) && !self.prove(mapping, unfit) {
            return None;
        }
        while let Some(idle) = self.idle.pop_back() {
            if repeat == Repeat::Unsafe && idle.warm.since.elapsed() >= SAFE_IDLE {
                // The others have stood even longer; they stay for requests that can be repeated.
                self.idle.push_back(idle);
                return None;
            }
            if idle.is_for(mapping) && idle.is_quiet() {
                return Some(idle.warm);
            }
            self.discard(idle, mapping, Instant::now(), unfit);
            if repeat == Repeat::Unsafe && !self.trust.is_proven() {
                return None;
            }
        }
        None
    }

    /// Looks whether the oldest stream proves that the target keeps its connections.
    #[cold]
    fn prove(&mut self, mapping: &Arc<Mapping>, unfit: &mut Vec<Idle>) -> bool {
        let now = Instant::now();
        while let Some(idle) = self.idle.pop_front() {
            if idle.is_for(mapping) && idle.is_quiet() {
                self.trust.witness(mapping, idle.age(now), now);
                self.idle.push_front(idle);
                return self.trust.is_proven();
            }
            self.discard(idle, mapping, now, unfit);
        }
        false
    }

    /// Puts a stream among those to be closed, and notes it if its target ended it soon.
    fn discard(&mut self, mut idle: Idle, mapping: &Arc<Mapping>, now: Instant, unfit: &mut Vec<Idle>) {
        let soon = idle.age(now) < SAFE_IDLE && idle.is_for(mapping);
        if soon && trust::is_targets_doing(&mut idle.warm.stream) {
            self.trust = Trust::Refuted(now);
        }
        unfit.push(idle);
    }

    /// Takes out what is to be closed.
    fn sweep(&mut self, now: Instant, gone: &mut Vec<Idle>) {
        let before = self.idle.len();
        for idle in std::mem::take(&mut self.idle) {
            if idle.age(now) >= IDLE_AGE || idle.session.is_draining() {
                gone.push(idle);
            } else if idle.is_quiet() {
                self.idle.push_back(idle);
            } else {
                let mapping = idle.mapping.clone();
                self.discard(idle, &mapping, now, gone);
            }
        }
        let closed = before - self.idle.len();
        let unused = self.least.saturating_sub(closed).min(self.idle.len().saturating_sub(KEPT));
        gone.extend(self.idle.drain(..unused));
        self.least = self.idle.len();
    }
}

impl Shelves {
    fn take(&mut self, lane: &Lane, repeat: Repeat, unfit: &mut Vec<Idle>) -> Option<Warm> {
        let found = self.rows.get_mut(&lane.key())?.take(&lane.mapping, repeat, unfit);
        self.total -= unfit.len() + usize::from(found.is_some());
        found
    }

    /// Drops the rows that hold nothing. What is known of a target that closed soon stays for its time, as long as
    /// there is room: a target of which nothing is known is as little trusted.
    fn forget_unused(&mut self, now: Instant) {
        let room = self.rows.len() <= TOTAL;
        self.rows.retain(|_, row| {
            let used = std::mem::take(&mut row.used);
            used || !row.idle.is_empty() || (room && row.trust.is_doubted(now))
        });
    }

    fn evict_oldest(&mut self, evicted: &mut Vec<Idle>) {
        let mut ages: Vec<Instant> = self.rows.values().flat_map(|row| &row.idle).map(|idle| idle.warm.since).collect();
        let Some(last) = EVICTED_AT_ONCE.min(ages.len()).checked_sub(1) else { return };
        let (_, limit, _) = ages.select_nth_unstable(last);
        let limit = *limit;
        for row in self.rows.values_mut() {
            while row.idle.front().is_some_and(|idle| idle.warm.since <= limit) {
                evicted.extend(row.idle.pop_front());
            }
        }
        self.total -= evicted.len();
    }
}

#[cfg(test)]
mod tests;
