use std::path::Path;

use octoporty_proto::model::VISITOR_LEFT;

use super::*;
use crate::store::{Slices, Store};

/// The begin of a day.
const DAY: u64 = 1_800_057_600_000;
const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;

fn id(number: u128) -> MappingId {
    MappingId::from_uuid(uuid::Uuid::from_u128(number))
}

fn row(mapping: MappingId, at_ms: u64, status: u16) -> RowFigures<'static> {
    RowFigures { mapping, at_ms, status, error: None, total_us: 2_000, request_bytes: 10, response_bytes: 100 }
}

fn totals(to_targets: u64, to_visitors: u64) -> TrafficTotals {
    TrafficTotals { bytes_to_targets: to_targets, bytes_to_visitors: to_visitors, ..TrafficTotals::default() }
}

async fn opened(folder: &Path) -> Store {
    Store::open(&folder.join("octoporty.db")).await.unwrap()
}

fn all_of(step: Step) -> Slices {
    Slices { step, from_ms: 0, to_ms: u64::MAX / 2 }
}

/// Everything that a table has of one mapping, or of all together.
async fn sum_of(store: &Store, step: Step, mapping: Option<MappingId>) -> (usize, Requests) {
    let slices = store.request_rollups(all_of(step), mapping).await.unwrap();
    let mut sum = Requests::default();
    slices.values().for_each(|slice| sum.add(slice));
    (slices.len(), sum)
}

#[test]
fn a_request_counts_where_it_ended_for_its_mapping_and_for_all() {
    assert_eq!(DAY % Step::Day.ms(), 0);
    let mut rollups = Rollups::default();
    rollups.count_requests(DAY + 90_000, [row(id(1), DAY + 59_999, 200)]);
    rollups.count_requests(DAY + 90_000, [row(id(2), DAY + 61_000, 503)]);
    let left = RowFigures { error: Some(VISITOR_LEFT), ..row(id(2), DAY + 61_000, 499) };
    rollups.count_requests(DAY + 90_000, [left]);
    // By a wrong clock: in the future, and long ago.
    rollups.count_requests(DAY + 90_000, [row(id(1), DAY + HOUR_MS, 200)]);
    rollups.count_requests(DAY + 90_000, [row(id(1), 0, 404)]);
    let waiting = rollups.take();
    let counts = |minute: u64, mapping| {
        waiting.requests.get(&(minute, mapping)).map(|slice| (slice.requests, slice.errors, slice.by_class))
    };
    let minute = DAY + MINUTE_MS;
    assert_eq!(counts(minute, None), Some((4, 1, [0, 2, 0, 1, 1])), "what began in the minute before ended here");
    assert_eq!(counts(minute, Some(id(1))), Some((2, 0, [0, 2, 0, 0, 0])));
    assert_eq!(counts(minute, Some(id(2))), Some((2, 1, [0, 0, 0, 1, 1])), "who left by himself did not fail");
    let oldest = Step::Minute.begin(DAY + 90_000 - Step::Minute.kept_ms() + MINUTE_MS);
    assert_eq!(counts(oldest, None), Some((1, 0, [0, 0, 0, 1, 0])));
    assert!(rollups.take().is_empty());
}

#[test]
fn what_was_seen_of_the_tunnel_held_until_the_next_look() {
    let mut rollups = Rollups::default();
    rollups.look(DAY + 50_000, Seen::Connected, totals(1_000, 5_000));
    rollups.look(DAY + 70_000, Seen::Away, totals(1_500, 5_100));
    rollups.look(DAY + 85_000, Seen::Connected, totals(0, 0));
    // The machine slept.
    rollups.look(DAY + HOUR_MS, Seen::Connected, totals(7, 8));
    rollups.look(DAY + HOUR_MS + 1_000, Seen::Connected, totals(7, 8));
    // The clock was set back.
    rollups.look(DAY + 30_000, Seen::Connected, totals(7, 8));
    let waiting = rollups.take();
    let tunnel = |minute: u64| waiting.tunnel.get(&(DAY + minute * MINUTE_MS)).copied();
    let slice = |observed_ms, connected_ms, bytes_to_targets, bytes_to_visitors| {
        Some(Tunnel { observed_ms, connected_ms, bytes_to_targets, bytes_to_visitors })
    };
    assert_eq!(tunnel(0), slice(10_000, 10_000, 0, 0));
    assert_eq!(tunnel(1), slice(10_000 + 15_000, 10_000, 500, 100));
    assert_eq!(tunnel(2), None, "nobody looked");
    assert_eq!(tunnel(60), slice(1_000, 1_000, 7, 8));
}

#[test]
fn mappings_beyond_the_bound_count_for_all_alone_until_the_next_day() {
    let mut rollups = Rollups::default();
    let count = |rollups: &mut Rollups, now| {
        for number in 0..MOST_MAPPINGS as u128 + 10 {
            rollups.count_requests(now, [row(id(number), now, 200)]);
        }
    };
    count(&mut rollups, DAY);
    count(&mut rollups, DAY);
    let waiting = rollups.take();
    assert_eq!(waiting.requests.len(), MOST_MAPPINGS + 1);
    assert_eq!(waiting.requests[&(DAY, None)].requests, 2 * (MOST_MAPPINGS as u64 + 10));
    rollups.count_requests(DAY + Step::Day.ms(), [row(id(100_000), DAY + Step::Day.ms(), 200)]);
    assert_eq!(rollups.take().requests.len(), 2, "a new day, a new choice");
}

#[test]
fn what_could_not_be_written_comes_first_and_is_bounded() {
    let mut rollups = Rollups::default();
    rollups.count_requests(DAY, [row(id(1), DAY, 200)]);
    let unwritten = rollups.take();
    rollups.count_requests(DAY, [row(id(1), DAY, 200)]);
    rollups.put_back(unwritten);
    assert_eq!(rollups.take().requests[&(DAY, Some(id(1)))].requests, 2);
    for minute in 0..2 * MOST_MINUTES as u64 {
        rollups.look(DAY + minute * MINUTE_MS, Seen::Connected, totals(0, 0));
        let news = rollups.take();
        rollups.put_back(news);
    }
    let waiting = rollups.take();
    assert_eq!(waiting.tunnel.len(), MOST_MINUTES);
    assert!(waiting.tunnel.contains_key(&(DAY + (2 * MOST_MINUTES as u64 - 2) * MINUTE_MS)), "the newest stay");
}

/// Three days of traffic on a simulated clock: 4 mappings, each minute, the way that the recorder writes it.
#[tokio::test(flavor = "multi_thread")]
async fn three_days_of_traffic_keep_the_tables_within_their_bounds_and_the_sums_agree() {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(folder.path()).await;
    let mut rollups = Rollups::default();
    let (minutes, mut requests) = (3 * 24 * 60_u64, 0);
    for minute in 0..minutes {
        let begin = DAY + minute * MINUTE_MS;
        for second in [0, 15, 30, 45] {
            let now = begin + second * 1_000;
            let seen = if minute % 100 == 0 { Seen::Away } else { Seen::Connected };
            rollups.look(now, seen, totals(minute * 1_000, minute * 2_000));
            rollups.count_requests(now, [row(id(u128::from(second)), now, if minute % 50 == 0 { 502 } else { 200 })]);
            requests += 1;
        }
        if minute % 2 == 1 {
            store.add_rollups(rollups.take()).await.unwrap();
        }
        if minute % 720 == 719 {
            store.prune_rollups(begin).await.unwrap();
        }
    }
    let last = DAY + (minutes - 1) * MINUTE_MS;
    store.prune_rollups(last).await.unwrap();
    for (step, slices) in [(Step::Minute, 48 * 60 + 1), (Step::Hour, 72), (Step::Day, 3)] {
        let (rows, _) = sum_of(&store, step, None).await;
        let tunnel = store.tunnel_rollups(all_of(step)).await.unwrap();
        assert!(rows <= slices && tunnel.len() <= slices, "{step:?}: {rows} and {} of {slices}", tunnel.len());
    }
    let (_, by_day) = sum_of(&store, Step::Day, None).await;
    assert_eq!((by_day.requests, by_day.errors), (requests, 4 * minutes.div_ceil(50)));
    assert_eq!(sum_of(&store, Step::Hour, None).await.1, by_day, "with their histograms");
    // The minutes that are left agree with their hours.
    let kept = Slices { from_ms: DAY + 25 * HOUR_MS, ..all_of(Step::Minute) };
    for mapping in [None, Some(id(15))] {
        let (mut minutes, mut hours) = (Requests::default(), Requests::default());
        store.request_rollups(kept, mapping).await.unwrap().values().for_each(|slice| minutes.add(slice));
        let kept = Slices { step: Step::Hour, ..kept };
        store.request_rollups(kept, mapping).await.unwrap().values().for_each(|slice| hours.add(slice));
        assert_eq!(minutes, hours, "{mapping:?}");
        assert!(minutes.requests > 1_000);
    }
    let mut tunnel = Tunnel::default();
    store.tunnel_rollups(all_of(Step::Day)).await.unwrap().values().for_each(|slice| tunnel.add(slice));
    assert_eq!(tunnel.observed_ms, (minutes * 60 - 15) * 1_000);
    assert_eq!(tunnel.observed_ms - tunnel.connected_ms, minutes.div_ceil(100) * 60_000);
    assert_eq!((tunnel.bytes_to_targets, tunnel.bytes_to_visitors), ((minutes - 1) * 1_000, (minutes - 1) * 2_000));
    let size = std::fs::metadata(folder.path().join("octoporty.db")).unwrap().len();
    assert!(size < 4_000_000, "{size} bytes for four mappings");
    store.close().await;
}
