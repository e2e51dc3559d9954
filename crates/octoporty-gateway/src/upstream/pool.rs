//! Warm streams: connections to targets that an answer has left fit for the next request.
//!
//! One pool a shard. Invariants: a stream is taken out only if it is quiet; at most [`PER_KEY`] idle ones stand for
//! a (session, mapping) and [`TOTAL`] in all, the oldest go first; none stands longer than [`IDLE_AGE`]; a stream of
//! a mapping as it was before a change is never used for the mapping as it is.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use octoporty_proto::model::{Mapping, MappingId, SessionId};
use octoporty_tunnel::stream::{Peek, Stream};

use super::clock::Watchdog;
use crate::session::Session;

/// Most idle streams for one (session, mapping) on one shard: more than this many requests at once are rare, and
/// each idle stream is a connection that the target keeps open.
const PER_KEY: usize = 64;

/// Most idle streams on one shard; bounds what all sessions together may cost.
const TOTAL: usize = 1024;

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
/// reaches this side within a round trip, so a stream that was idle for less than this is as safe as a fresh one.
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
    since: Instant,
}

#[derive(Debug, Default)]
struct Shelves {
    /// Oldest at the front. A row that ran empty stays until the next sweep: a busy one does so all the time.
    rows: HashMap<Key, VecDeque<Idle>, BuildHasherDefault<KeyHasher>>,
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
        // An agent that stops waits for its streams to end.
        if lane.session.is_draining() || warm.stream.peek() != Peek::Quiet {
            return;
        }
        let mut evicted = Vec::new();
        let mut shelves = self.lock();
        if shelves.total >= TOTAL {
            shelves.evict_oldest(&mut evicted);
        }
        let row = shelves.rows.entry(lane.key()).or_default();
        let Lane { session, mapping } = lane.clone();
        row.push_back(Idle { warm, mapping, session, since: Instant::now() });
        let over = if row.len() > PER_KEY { row.pop_front() } else { None };
        shelves.total += 1 - usize::from(over.is_some());
        drop(shelves);
        evicted.extend(over);
        drop(evicted);
    }

    /// Closes all of a session, and gives how many: its agent stops and waits for its streams to end, or its limit is
    /// reached and somebody needs room.
    pub(crate) fn forget(&self, session: SessionId) -> usize {
        let mut gone = Vec::new();
        let mut shelves = self.lock();
        shelves.rows.retain(|key, row| {
            let keep = key.session != session;
            if !keep {
                gone.extend(row.drain(..));
            }
            keep
        });
        shelves.total -= gone.len();
        drop(shelves);
        gone.len()
    }

    /// Closes what has stood too long, and what its target, agent or link has closed.
    pub(crate) fn sweep(&self, now: Instant) {
        let mut gone = Vec::new();
        let mut shelves = self.lock();
        for row in shelves.rows.values_mut() {
            let (keep, drop): (VecDeque<_>, VecDeque<_>) = std::mem::take(row).into_iter().partition(|idle| {
                now.saturating_duration_since(idle.since) < IDLE_AGE
                    && !idle.session.is_draining()
                    && idle.warm.stream.peek() == Peek::Quiet
            });
            *row = keep;
            gone.extend(drop);
        }
        shelves.rows.retain(|_, row| !row.is_empty());
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

impl Shelves {
    fn take(&mut self, lane: &Lane, repeat: Repeat, unfit: &mut Vec<Idle>) -> Option<Warm> {
        let key = lane.key();
        let row = self.rows.get_mut(&key)?;
        let mut found = None;
        while let Some(idle) = row.pop_back() {
            if repeat == Repeat::Unsafe && idle.since.elapsed() >= SAFE_IDLE {
                // The others have stood even longer; they stay for requests that can be repeated.
                row.push_back(idle);
                break;
            }
            self.total -= 1;
            let same = Arc::ptr_eq(&idle.mapping, &lane.mapping) || idle.mapping == lane.mapping;
            if same && idle.warm.stream.peek() == Peek::Quiet {
                found = Some(idle.warm);
                break;
            }
            unfit.push(idle);
        }
        found
    }

    fn evict_oldest(&mut self, evicted: &mut Vec<Idle>) {
        let mut ages: Vec<Instant> = self.rows.values().flatten().map(|idle| idle.since).collect();
        let Some(last) = EVICTED_AT_ONCE.min(ages.len()).checked_sub(1) else { return };
        let (_, limit, _) = ages.select_nth_unstable(last);
        let limit = *limit;
        for row in self.rows.values_mut() {
            while row.front().is_some_and(|idle| idle.since <= limit) {
                evicted.extend(row.pop_front());
            }
        }
        self.rows.retain(|_, row| !row.is_empty());
        self.total -= evicted.len();
    }
}

#[cfg(test)]
mod tests;
