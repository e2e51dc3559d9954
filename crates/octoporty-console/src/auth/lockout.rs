//! Counts failed logins by source and by account: 5 failures lock for 1 minute, the next 5 for 5, then 15, then 60. A
//! success forgives; a day without failures does as well.
//!
//! An attempt counts from its beginning, so that many at once do not get more tries than one after the other. A source
//! from which somebody logged in lately is not locked out by what others do to the account: only its own failures
//! count. Without that, anybody could keep the owner out for good.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::store::LockoutRow;

/// Failures before a lock.
pub(crate) const FREE_FAILURES: u32 = 5;
/// How long the first, second, third and every further lock lasts.
const LOCKS_MS: [u64; 4] = [60_000, 5 * 60_000, 15 * 60_000, 60 * 60_000];
/// After this time without a failure everything is forgiven.
const FORGIVE_MS: u64 = 24 * 60 * 60_000;
/// So long a source is known after somebody logged in from it.
const KNOWN_MS: u64 = 30 * 24 * 60 * 60_000;
/// Told to an attempt that would be one too many while others are still being looked at.
const BUSY_MS: u64 = 1_000;
/// Sources that are remembered; some 2 MB. Beyond it the one that matters least is forgotten.
const MAX_ENTRIES: usize = 10_000;

/// One person may log in.
const ACCOUNT: &str = "account:owner";

/// No login now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Locked {
    /// Milliseconds until the next try.
    pub(crate) for_ms: u64,
}

/// How an attempt ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// Let in.
    Success,
    /// Not let in.
    Failure,
}

/// What the store has to know.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Changes {
    /// New or changed.
    pub(crate) rows: Vec<LockoutRow>,
    /// To forget.
    pub(crate) gone: Vec<String>,
}

#[derive(Clone, Debug, Default)]
struct Entry {
    failures: u32,
    locks: u32,
    locked_until_ms: u64,
    last_failure_ms: u64,
    last_success_ms: u64,
    /// Attempts that are being looked at.
    under_way: u32,
}

impl Entry {
    /// After the clock was set back nothing lasts longer than it would have, and nothing is of a time to come.
    fn settle(&mut self, now_ms: u64) {
        let newest = usize::try_from(self.locks).unwrap_or(usize::MAX).saturating_sub(1).min(LOCKS_MS.len() - 1);
        self.locked_until_ms = self.locked_until_ms.min(now_ms + LOCKS_MS[newest]);
        self.last_failure_ms = self.last_failure_ms.min(now_ms);
        self.last_success_ms = self.last_success_ms.min(now_ms);
    }

    fn forgive_if_old(&mut self, now_ms: u64) {
        if self.locked_until_ms <= now_ms && self.last_failure_ms + FORGIVE_MS <= now_ms {
            self.failures = 0;
            self.locks = 0;
        }
    }

    fn locked(&self, now_ms: u64) -> Option<Locked> {
        if self.locked_until_ms > now_ms {
            return Some(Locked { for_ms: self.locked_until_ms - now_ms });
        }
        (self.failures + self.under_way >= FREE_FAILURES).then_some(Locked { for_ms: BUSY_MS })
    }

    fn is_known(&self, now_ms: u64) -> bool {
        self.last_success_ms > 0 && self.last_success_ms + KNOWN_MS > now_ms
    }

    fn end(&mut self, outcome: Outcome, now_ms: u64) {
        self.under_way = self.under_way.saturating_sub(1);
        match outcome {
            Outcome::Success => {
                *self = Self { last_success_ms: now_ms, under_way: self.under_way, ..Self::default() };
            }
            Outcome::Failure => {
                self.failures += 1;
                self.last_failure_ms = now_ms;
                if self.failures >= FREE_FAILURES {
                    let step = usize::try_from(self.locks).unwrap_or(usize::MAX).min(LOCKS_MS.len() - 1);
                    self.locked_until_ms = now_ms + LOCKS_MS[step];
                    self.locks = self.locks.saturating_add(1);
                    self.failures = 0;
                }
            }
        }
    }

    fn row(&self, key: &str) -> LockoutRow {
        LockoutRow {
            key: key.to_owned(),
            failures: self.failures,
            locks: self.locks,
            locked_until_ms: self.locked_until_ms,
            last_failure_ms: self.last_failure_ms,
            last_success_ms: self.last_success_ms,
        }
    }
}

/// All that is remembered.
#[derive(Debug, Default)]
pub(crate) struct Lockouts {
    entries: HashMap<String, Entry>,
}

impl Lockouts {
    /// As it was stored.
    pub(crate) fn restore(rows: Vec<LockoutRow>) -> Self {
        let entry = |row: LockoutRow| {
            let entry = Entry {
                failures: row.failures,
                locks: row.locks,
                locked_until_ms: row.locked_until_ms,
                last_failure_ms: row.last_failure_ms,
                last_success_ms: row.last_success_ms,
                under_way: 0,
            };
            (row.key, entry)
        };
        Self { entries: rows.into_iter().map(entry).collect() }
    }

    fn begin(&mut self, source: &str, now_ms: u64) -> Result<(), Locked> {
        for key in [source, ACCOUNT] {
            if let Some(entry) = self.entries.get_mut(key) {
                entry.settle(now_ms);
                entry.forgive_if_old(now_ms);
            }
        }
        // Nothing is remembered of a source that is refused for the account's sake: there may be any number of them.
        let locked = |key| self.entries.get(key).and_then(|entry| entry.locked(now_ms));
        let known = self.entries.get(source).is_some_and(|entry| entry.is_known(now_ms));
        if let Some(locked) = locked(source).or_else(|| locked(ACCOUNT).filter(|_| !known)) {
            return Err(locked);
        }
        for key in [source, ACCOUNT] {
            self.entries.entry(key.to_owned()).or_default().under_way += 1;
        }
        Ok(())
    }

    fn end(&mut self, source: &str, outcome: Outcome, now_ms: u64) -> Changes {
        let mut changes = Changes::default();
        for key in [source, ACCOUNT] {
            let entry = self.entries.entry(key.to_owned()).or_default();
            entry.end(outcome, now_ms);
            changes.rows.push(entry.row(key));
        }
        while self.entries.len() > MAX_ENTRIES {
            let Some(least) = self.least_important() else { break };
            self.entries.remove(&least);
            changes.gone.push(least);
        }
        changes.rows.retain(|row| !changes.gone.contains(&row.key));
        changes
    }

    fn least_important(&self) -> Option<String> {
        let candidates = self.entries.iter().filter(|(key, entry)| key.as_str() != ACCOUNT && entry.under_way == 0);
        let newest = |entry: &Entry| entry.last_failure_ms.max(entry.last_success_ms);
        candidates.min_by_key(|(_, entry)| (entry.locked_until_ms, newest(entry))).map(|(key, _)| key.clone())
    }

    /// Forgets sources that neither failed within a day nor are known; tells which.
    pub(crate) fn prune(&mut self, now_ms: u64) -> Vec<String> {
        let mut gone = Vec::new();
        self.entries.retain(|key, entry| {
            entry.settle(now_ms);
            let recent = entry.locked_until_ms > now_ms || entry.last_failure_ms + FORGIVE_MS > now_ms;
            let keep = recent || entry.is_known(now_ms) || entry.under_way > 0;
            if !keep {
                gone.push(key.clone());
            }
            keep
        });
        gone
    }
}

/// One login that is being looked at. Dropped without an end (the visitor left), it has failed: looking costs, and
/// must not be had for nothing.
pub(crate) struct Attempt {
    lockouts: Arc<Mutex<Lockouts>>,
    source: String,
    begun_ms: u64,
    ended: bool,
}

impl Attempt {
    /// Counts an attempt, if one is allowed now.
    pub(crate) fn begin(lockouts: &Arc<Mutex<Lockouts>>, source: IpAddr, now_ms: u64) -> Result<Self, Locked> {
        let source = source_key(source);
        lock(lockouts).begin(&source, now_ms)?;
        Ok(Self { lockouts: Arc::clone(lockouts), source, begun_ms: now_ms, ended: false })
    }

    /// Tells how it ended; answers what the store has to know.
    pub(crate) fn end(mut self, outcome: Outcome, now_ms: u64) -> Changes {
        self.ended = true;
        lock(&self.lockouts).end(&self.source, outcome, now_ms)
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.ended {
            // The store hears of it with the next attempt of this source.
            drop(lock(&self.lockouts).end(&self.source, Outcome::Failure, self.begun_ms));
        }
    }
}

fn lock(lockouts: &Mutex<Lockouts>) -> MutexGuard<'_, Lockouts> {
    lockouts.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An IPv6 visitor has a whole /64 to come from.
fn source_key(source: IpAddr) -> String {
    match source.to_canonical() {
        IpAddr::V4(address) => format!("source:{address}"),
        IpAddr::V6(address) => {
            let network = u128::from(address) & (u128::MAX << 64);
            format!("source:{}/64", Ipv6Addr::from(network))
        }
    }
}

#[cfg(test)]
mod tests;
