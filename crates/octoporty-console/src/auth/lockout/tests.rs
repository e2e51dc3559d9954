use super::*;

const NOW: u64 = 1_800_000_000_000;
const MINUTE: u64 = 60_000;

fn address(last: u8) -> IpAddr {
    IpAddr::from([203, 0, 113, last])
}

fn fresh() -> Arc<Mutex<Lockouts>> {
    Arc::default()
}

fn attempt(lockouts: &Arc<Mutex<Lockouts>>, from: u8, outcome: Outcome, now: u64) -> Result<Changes, Locked> {
    Attempt::begin(lockouts, address(from), now).map(|attempt| attempt.end(outcome, now))
}

fn fail(lockouts: &Arc<Mutex<Lockouts>>, from: u8, times: u32, now: u64) {
    for _ in 0..times {
        attempt(lockouts, from, Outcome::Failure, now).unwrap();
    }
}

#[test]
fn five_failures_lock_for_one_five_fifteen_sixty_minutes() {
    let lockouts = fresh();
    let mut now = NOW;
    for minutes in [1, 5, 15, 60, 60] {
        fail(&lockouts, 1, 5, now);
        let locked = attempt(&lockouts, 1, Outcome::Success, now).unwrap_err();
        assert_eq!(locked.for_ms, minutes * MINUTE);
        assert!(attempt(&lockouts, 1, Outcome::Success, now + minutes * MINUTE - 1).is_err());
        now += minutes * MINUTE;
    }
}

#[test]
fn a_success_forgives() {
    let lockouts = fresh();
    fail(&lockouts, 1, 4, NOW);
    attempt(&lockouts, 1, Outcome::Success, NOW).unwrap();
    fail(&lockouts, 1, 4, NOW);
    attempt(&lockouts, 1, Outcome::Success, NOW).unwrap();
}

#[test]
fn a_day_without_failures_forgives() {
    let lockouts = fresh();
    fail(&lockouts, 1, 5, NOW);
    fail(&lockouts, 1, 4, NOW + MINUTE);
    let later = NOW + MINUTE + FORGIVE_MS;
    fail(&lockouts, 1, 5, later);
    assert_eq!(attempt(&lockouts, 1, Outcome::Success, later).unwrap_err().for_ms, MINUTE);
}

#[test]
fn failures_from_many_sources_lock_the_account() {
    let lockouts = fresh();
    for from in 1..=5 {
        fail(&lockouts, from, 1, NOW);
    }
    assert_eq!(attempt(&lockouts, 99, Outcome::Success, NOW).unwrap_err().for_ms, MINUTE);
}

#[test]
fn the_owners_own_source_is_not_locked_out_by_others() {
    let lockouts = fresh();
    attempt(&lockouts, 7, Outcome::Success, NOW).unwrap();
    for from in 1..=5 {
        fail(&lockouts, from, 1, NOW + 1);
    }
    assert!(attempt(&lockouts, 8, Outcome::Success, NOW + 2).is_err());
    fail(&lockouts, 7, 4, NOW + 2);
    attempt(&lockouts, 7, Outcome::Success, NOW + 2).unwrap();
    fail(&lockouts, 7, 5, NOW + 3);
    assert!(attempt(&lockouts, 7, Outcome::Success, NOW + 3).is_err(), "its own failures count");
}

#[test]
fn attempts_at_once_get_no_more_tries() {
    let lockouts = fresh();
    let five: Vec<_> = (0..5).map(|_| Attempt::begin(&lockouts, address(1), NOW).unwrap()).collect();
    assert_eq!(Attempt::begin(&lockouts, address(1), NOW).err(), Some(Locked { for_ms: BUSY_MS }));
    drop(five);
    assert_eq!(attempt(&lockouts, 1, Outcome::Success, NOW).unwrap_err().for_ms, MINUTE, "who leaves has failed");
}

#[test]
fn a_restart_forgives_nothing() {
    let lockouts = fresh();
    fail(&lockouts, 1, 4, NOW);
    let changes = attempt(&lockouts, 1, Outcome::Failure, NOW).unwrap();
    let restored = Arc::new(Mutex::new(Lockouts::restore(changes.rows)));
    assert_eq!(attempt(&restored, 1, Outcome::Success, NOW + 1).unwrap_err().for_ms, MINUTE - 1);
}

#[test]
fn memory_is_bounded_and_locks_are_kept_longest() {
    let lockouts = fresh();
    // Somebody is known everywhere, so that the account's lock does not stop the test.
    let rows = (0..MAX_ENTRIES + 50).map(|at| LockoutRow {
        key: format!("source:{at}"),
        failures: 1,
        locks: 0,
        locked_until_ms: if at == 0 { NOW + MINUTE } else { 0 },
        last_failure_ms: NOW + at as u64,
        last_success_ms: 0,
    });
    *lock(&lockouts) = Lockouts::restore(rows.collect());
    let changes = attempt(&lockouts, 1, Outcome::Failure, NOW + MAX_ENTRIES as u64 * 2).unwrap();
    assert_eq!(lock(&lockouts).entries.len(), MAX_ENTRIES);
    assert!(lock(&lockouts).entries.contains_key("source:0"), "a lock outlives mere failures");
    assert!(changes.gone.contains(&"source:1".to_owned()), "the oldest goes first");
}

#[test]
fn sources_that_are_refused_while_the_account_is_locked_are_not_remembered() {
    let lockouts = fresh();
    fail(&lockouts, 1, 5, NOW);
    for number in 0..1_000_u32 {
        let source = IpAddr::from(number.to_be_bytes());
        assert!(Attempt::begin(&lockouts, source, NOW).is_err());
    }
    assert_eq!(lock(&lockouts).entries.len(), 2, "the account and the one source that failed");
}

#[test]
fn pruning_keeps_what_matters() {
    let lockouts = fresh();
    fail(&lockouts, 1, 1, NOW);
    attempt(&lockouts, 2, Outcome::Success, NOW).unwrap();
    let gone = lock(&lockouts).prune(NOW + FORGIVE_MS);
    assert_eq!(gone, vec![source_key(address(1))]);
}

#[test]
fn an_ipv6_network_is_one_source() {
    let key = |text: &str| source_key(text.parse().unwrap());
    assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
    assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
    assert_eq!(key("::ffff:203.0.113.1"), "source:203.0.113.1");
}
