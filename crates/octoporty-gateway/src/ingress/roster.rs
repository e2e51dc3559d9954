//! The visitors' connections of one shard, looked after together: whose time may be up, and that the gateway ends. A
//! timer and tokens for each would cost more than a short connection's request.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use slab::Slab;
use tokio::sync::Notify;

use super::connection::Connection;
use crate::config::Limits;
use crate::shards::ShardContext;

/// Shortest pause between two looks: however many connections there are, and whenever their times are up, looking takes
/// a small share of the thread's time. So late may a connection be ended.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

/// See the module. All who use it run on one thread.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    connections: Mutex<Slab<Arc<Connection>>>,
    /// Whether there are visitors who are not watched, and the look that sees to it is to come.
    soon: AtomicBool,
    /// Told when that becomes so.
    asked: Notify,
}

/// A connection's place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place<'a> {
    roster: &'a Roster,
    key: usize,
}

impl Roster {
    fn connections(&self) -> MutexGuard<'_, Slab<Arc<Connection>>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection begins.
    pub(super) fn enter(&self, connection: &Arc<Connection>) -> Place<'_> {
        Place { roster: self, key: self.connections().insert(Arc::clone(connection)) }
    }

    /// A visitor who is not watched is to be by the next look, a pause from now at most. So late may it be noticed that it
    /// has left.
    pub(super) fn look_soon(&self) {
        if !self.soon.load(Ordering::Relaxed) {
            self.soon.store(true, Ordering::Relaxed);
            self.asked.notify_one();
        }
    }

    /// Calls those whose time is up or who are not watched, and says when to look again. A connection that comes meanwhile
    /// has at least as long.
    fn look(&self, now: Instant, limits: &Limits) -> Instant {
        self.soon.store(false, Ordering::Relaxed);
        let shortest = now + limits.header_timeout.min(limits.idle_timeout);
        self.connections().iter().fold(shortest, |next, (_, connection)| {
            let mut wire = connection.wire();
            if wire.is_unwatched() {
                wire.call();
            }
            match wire.progress.expiry(now, limits) {
                Ok(again) => next.min(again),
                Err(_) => {
                    wire.call();
                    next
                }
            }
        })
    }

    fn call_all(&self) {
        self.connections().iter().for_each(|(_, connection)| connection.wire().call());
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.roster.connections().remove(self.key);
    }
}

/// Looks after a shard's connections, and those who wait for one, until the gateway ends.
pub(crate) async fn look_after(shard: Arc<ShardContext>) {
    let (roster, limits) = (&shard.roster, &shard.state.config.limits);
    let mut knows_of_drain = false;
    let mut next = Instant::now();
    loop {
        tokio::select! {
            biased;
            () = shard.cancel.cancelled() => break,
            () = shard.draining.begun(), if !knows_of_drain => {
                knows_of_drain = true;
                shard.spare.close();
                roster.call_all();
            }
            () = roster.asked.notified() => next = next.min(Instant::now() + SHORTEST_PAUSE),
            () = tokio::time::sleep_until(next.into()) => {
                let now = Instant::now();
                next = roster.look(now, limits).max(now + SHORTEST_PAUSE);
            }
        }
    }
    shard.spare.close();
    roster.call_all();
}
