//! Sources that give wrong keys are made to wait: after 5 failures 1 minute, then 5, 15 and 60.
//!
//! A source whose agents are connected, or were within the last day, is not kept waiting with a right key: behind one
//! public address, an agent with a mistyped key must not lock its neighbour's tunnel out. A request without a key is no
//! guess and does not count.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::figures::KeyFigures;
use crate::shards::sources::source_of;

/// Failures in a row that lead to a wait.
const FAILURES: u32 = 5;
/// The waits, one after the other; the last one repeats.
const WAITS: [Duration; 4] =
    [Duration::from_secs(60), Duration::from_secs(300), Duration::from_secs(900), Duration::from_secs(3600)];
/// A source is forgotten when nothing came of it for this long.
const MEMORY: Duration = Duration::from_secs(24 * 3600);
/// Most sources remembered besides those that are connected; the one that was quiet the longest goes first. About 1 MB.
const MAX_SOURCES: usize = 10_000;
/// How many go at once when the table is full, so that finding them is paid once in so many failures.
const EVICTED_AT_ONCE: usize = 256;

/// What is known of the sources.
#[derive(Debug, Default, Clone)]
pub(crate) struct Lockout {
    sources: Arc<Mutex<HashMap<IpAddr, Source>>>,
    counts: Arc<Counts>,
}

/// Since the start.
#[derive(Debug, Default)]
struct Counts {
    wrong: AtomicU64,
    lockouts: AtomicU64,
    refused: AtomicU64,
}

/// A link that came in with a right key; its source counts as right as long as it stands.
#[derive(Debug)]
pub(crate) struct InGood {
    source: IpAddr,
    lockout: Lockout,
}

impl Drop for InGood {
    fn drop(&mut self) {
        self.lockout.left(self.source, Instant::now());
    }
}

#[derive(Debug)]
struct Source {
    /// Links that stand.
    links: u32,
    failures: u32,
    waits: usize,
    locked_until: Option<Instant>,
    right_at: Option<Instant>,
    seen: Instant,
}

/// Whether a source's key is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    /// It is.
    Open,
    /// It is locked out for so long, but had a right key before: a right key is taken, a wrong one is told to wait.
    Doubted(Duration),
    /// It is not, for so long.
    Locked(Duration),
}

impl Lockout {
    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Source>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a source stands.
    pub(crate) fn standing(&self, address: IpAddr, now: Instant) -> Standing {
        let sources = self.lock();
        let Some(source) = sources.get(&source_of(address)) else { return Standing::Open };
        let Some(left) = source.locked_until.and_then(|until| until.checked_duration_since(now)) else {
            return Standing::Open;
        };
        if left.is_zero() {
            return Standing::Open;
        }
        let lately = source.right_at.is_some_and(|at| now.saturating_duration_since(at) < MEMORY);
        let trusted = source.links > 0 || lately;
        if trusted { Standing::Doubted(left) } else { Standing::Locked(left) }
    }

    /// A wrong key. Gives the wait that begins with it, if one does.
    pub(crate) fn failed(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        self.counts.wrong.fetch_add(1, Ordering::Relaxed);
        let mut sources = self.lock();
        make_room(&mut sources, now);
        let source = sources.entry(source_of(address)).or_insert_with(|| Source::new(now));
        if now.saturating_duration_since(source.seen) >= MEMORY {
            *source = Source { links: source.links, ..Source::new(now) };
        }
        source.seen = now;
        if source.locked_until.is_some_and(|until| until > now) {
            return None;
        }
        source.failures += 1;
        if source.failures < FAILURES {
            return None;
        }
        let wait = WAITS[source.waits.min(WAITS.len() - 1)];
        source.failures = 0;
        source.waits += 1;
        source.locked_until = Some(now + wait);
        self.counts.lockouts.fetch_add(1, Ordering::Relaxed);
        Some(wait)
    }

    /// A request was refused because its source waits.
    pub(crate) fn refused(&self) {
        self.counts.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// What was counted.
    pub(crate) fn figures(&self, now: Instant) -> KeyFigures {
        let locked = |source: &&Source| source.locked_until.is_some_and(|until| until > now);
        KeyFigures {
            wrong: self.counts.wrong.load(Ordering::Relaxed),
            lockouts: self.counts.lockouts.load(Ordering::Relaxed),
            refused: self.counts.refused.load(Ordering::Relaxed),
            locked_sources: self.lock().values().filter(locked).count(),
        }
    }

    /// A right key: the source's failures are forgotten.
    pub(crate) fn succeeded(&self, address: IpAddr, now: Instant) {
        let mut sources = self.lock();
        make_room(&mut sources, now);
        let source = sources.entry(source_of(address)).or_insert_with(|| Source::new(now));
        *source = Source { links: source.links, right_at: Some(now), ..Source::new(now) };
    }

    /// A link of the source stands, until what is given is dropped.
    pub(crate) fn stands(&self, address: IpAddr, now: Instant) -> InGood {
        let source = source_of(address);
        let mut sources = self.lock();
        sources.entry(source).or_insert_with(|| Source::new(now)).links += 1;
        drop(sources);
        InGood { source, lockout: self.clone() }
    }

    fn left(&self, source: IpAddr, now: Instant) {
        if let Some(source) = self.lock().get_mut(&source) {
            source.links -= 1;
            source.right_at = Some(now);
            source.seen = source.seen.max(now);
        }
    }
}

impl Source {
    const fn new(now: Instant) -> Self {
        Self { links: 0, failures: 0, waits: 0, locked_until: None, right_at: None, seen: now }
    }
}

fn make_room(sources: &mut HashMap<IpAddr, Source>, now: Instant) {
    if sources.len() < MAX_SOURCES {
        return;
    }
    sources.retain(|_, source| source.links > 0 || now.saturating_duration_since(source.seen) < MEMORY);
    if sources.len() < MAX_SOURCES {
        return;
    }
    let quiet = sources.iter().filter(|(_, source)| source.links == 0);
    let mut ages: Vec<(Instant, IpAddr)> = quiet.map(|(address, source)| (source.seen, *address)).collect();
    ages.sort_unstable();
    for (_, address) in ages.iter().take(EVICTED_AT_ONCE) {
        sources.remove(address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    fn fail_until_locked(lockout: &Lockout, now: Instant) -> Duration {
        for _ in 1..FAILURES {
            assert_eq!(lockout.failed(A, now), None);
            assert_eq!(lockout.standing(A, now), Standing::Open);
        }
        lockout.failed(A, now).expect("the fifth failure locks")
    }

    #[test]
    fn five_failures_lock_for_1_5_15_60_and_again_60_minutes() {
        let (lockout, mut now) = (Lockout::default(), Instant::now());
        for minutes in [1, 5, 15, 60, 60] {
            let wait = fail_until_locked(&lockout, now);
            assert_eq!(wait, Duration::from_secs(minutes * 60));
            assert_eq!(lockout.standing(A, now), Standing::Locked(wait));
            now += wait - Duration::from_secs(1);
            assert_eq!(lockout.standing(A, now), Standing::Locked(Duration::from_secs(1)));
            now += Duration::from_secs(1);
            assert_eq!(lockout.standing(A, now), Standing::Open);
        }
    }

    #[test]
    fn a_source_does_not_lock_another() {
        let (lockout, now) = (Lockout::default(), Instant::now());
        fail_until_locked(&lockout, now);
        assert_eq!(lockout.standing(B, now), Standing::Open);
    }

    #[test]
    fn a_right_key_clears_the_failures_and_the_level() {
        let (lockout, mut now) = (Lockout::default(), Instant::now());
        now += fail_until_locked(&lockout, now);
        lockout.failed(A, now);
        lockout.succeeded(A, now);
        assert_eq!(fail_until_locked(&lockout, now), WAITS[0]);
    }

    #[test]
    fn a_source_with_a_right_key_before_is_doubted_and_not_locked_until_a_day_later() {
        let (lockout, mut now) = (Lockout::default(), Instant::now());
        lockout.succeeded(A, now);
        let wait = fail_until_locked(&lockout, now);
        assert_eq!(lockout.standing(A, now), Standing::Doubted(wait));
        now += MEMORY;
        let wait = fail_until_locked(&lockout, now);
        assert_eq!(lockout.standing(A, now), Standing::Locked(wait));
    }

    #[test]
    fn a_source_whose_agent_is_connected_is_not_locked_out_however_long_it_is() {
        let (lockout, mut now) = (Lockout::default(), Instant::now());
        lockout.succeeded(A, now);
        let link = lockout.stands(A, now);
        now += 3 * MEMORY;
        let wait = fail_until_locked(&lockout, now);
        assert_eq!(lockout.standing(A, now), Standing::Doubted(wait), "its neighbour mistypes while it stands");
        lockout.left(A, now);
        std::mem::forget(link);
        assert_eq!(lockout.standing(A, now), Standing::Doubted(wait), "and it comes back after a loss");
        now += MEMORY;
        let wait = fail_until_locked(&lockout, now);
        assert_eq!(lockout.standing(A, now), Standing::Locked(wait), "but not a day later");
    }

    #[test]
    fn a_link_that_ends_counts_no_more() {
        let (lockout, now) = (Lockout::default(), Instant::now());
        drop((lockout.stands(A, now), lockout.stands(A, now)));
        assert_eq!(lockout.lock()[&A].links, 0);
    }

    #[test]
    fn failures_while_locked_do_not_lengthen_the_wait() {
        let (lockout, now) = (Lockout::default(), Instant::now());
        let wait = fail_until_locked(&lockout, now);
        for _ in 0..20 {
            assert_eq!(lockout.failed(A, now), None);
        }
        assert_eq!(lockout.standing(A, now), Standing::Locked(wait));
    }

    #[test]
    fn the_table_is_bounded_and_keeps_the_newest() {
        let (lockout, start) = (Lockout::default(), Instant::now());
        for number in 0..u32::try_from(MAX_SOURCES).unwrap() + 1000 {
            let address = IpAddr::V4(std::net::Ipv4Addr::from(number));
            lockout.failed(address, start + Duration::from_millis(number.into()));
        }
        let sources = lockout.lock();
        assert!(sources.len() <= MAX_SOURCES, "{} sources", sources.len());
        let newest = IpAddr::V4(std::net::Ipv4Addr::from(u32::try_from(MAX_SOURCES).unwrap() + 999));
        assert!(sources.contains_key(&newest));
    }
}
