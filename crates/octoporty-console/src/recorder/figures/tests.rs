use octoporty_proto::model::MappingId;

use super::*;

/// A moment at the beginning of a bucket.
const NOW: u64 = 1_800_000_000_000;

fn record(at_ms: u64, total_us: u64, status: u16) -> RowFigures<'static> {
    RowFigures {
        mapping: MappingId::from_uuid(uuid::Uuid::nil()),
        at_ms,
        status,
        error: None,
        total_us,
        request_bytes: 0,
        response_bytes: 0,
    }
}

fn totals(to_targets: u64, to_visitors: u64) -> TrafficTotals {
    TrafficTotals { bytes_to_targets: to_targets, bytes_to_visitors: to_visitors, ..TrafficTotals::default() }
}

#[test]
fn a_request_counts_where_it_ended() {
    let mut figures = Figures::default();
    figures.count_request(NOW, &record(NOW - 20_000, 12_000_000, 200));
    let summary = figures.summary(NOW);
    let counted: Vec<_> = summary.buckets.iter().filter(|bucket| bucket.requests > 0).collect();
    assert_eq!(counted.len(), 1);
    assert_eq!(counted[0].begin_ms(), NOW - 10_000);
    assert_eq!(summary.buckets.len(), BUCKETS);
    assert_eq!(summary.buckets[BUCKETS - 1].begin_ms(), NOW);
}

#[test]
fn requests_of_wrong_clocks_and_late_news_stay_in_the_window() {
    let mut figures = Figures::default();
    figures.count_request(NOW, &record(NOW + 500_000, 0, 200));
    figures.count_request(NOW, &record(NOW - 10_000_000, 0, 200));
    let summary = figures.summary(NOW);
    assert_eq!((summary.buckets[0].requests, summary.buckets[BUCKETS - 1].requests), (1, 1));
}

#[test]
fn what_is_over_is_forgotten() {
    let mut figures = Figures::default();
    figures.count_request(NOW, &record(NOW, 1_000, 500));
    let last = NOW + (BUCKETS as u64 - 1) * BUCKET_MS;
    assert_eq!(figures.summary(last).errors, 1);
    assert_eq!(figures.summary(last + BUCKET_MS).requests, 0);
    figures.count_request(last + BUCKET_MS, &record(last + BUCKET_MS, 1_000, 200));
    let summary = figures.summary(last + BUCKET_MS);
    assert_eq!((summary.requests, summary.errors), (1, 0), "its place is taken anew");
}

#[test]
fn rates_are_of_the_last_whole_minute() {
    let mut figures = Figures::default();
    for (ago, count) in [(61_000, 7), (60_000, 30), (5_000, 30), (0, 100)] {
        for _ in 0..count {
            figures.count_request(NOW, &record(NOW - ago, 0, if ago == 60_000 { 502 } else { 200 }));
        }
    }
    let summary = figures.summary(NOW + 2_000);
    assert!((summary.requests_per_second - 1.0).abs() < 1e-9, "{}", summary.requests_per_second);
    assert!((summary.errors_per_second - 0.5).abs() < 1e-9);
    assert_eq!(summary.requests, 167);
}

#[test]
fn failures_are_what_gateway_or_target_could_not_answer() {
    let failed = |status, error: Option<&'static str>| RowFigures { error, ..record(NOW, 0, status) }.is_failure();
    assert!(failed(500, None) && failed(503, Some("agent_away")) && failed(200, Some("tunnel_lost")));
    assert!(!failed(200, None) && !failed(404, None) && !failed(101, None));
    for status in [101, 200, 499] {
        assert!(!failed(status, Some("visitor_left")), "who left by itself did not fail");
    }
}

#[test]
fn the_95th_of_100_is_right_to_within_5_percent() {
    for slow_us in [150, 1_000, 33_000, 2_500_000, 60_000_000] {
        let mut figures = Figures::default();
        for at in 0..100 {
            figures.count_request(NOW, &record(NOW, if at < 90 { 100 } else { slow_us }, 200));
        }
        let p95 = figures.summary(NOW).p95_ms.unwrap() * 1_000.0;
        let wanted = f64::from(u32::try_from(slow_us).unwrap());
        assert!((p95 / wanted - 1.0).abs() < 0.05, "{p95} for {slow_us}");
    }
    let mut figures = Figures::default();
    for at in 0..100 {
        figures.count_request(NOW, &record(NOW, if at < 95 { 1_000 } else { 9_000_000 }, 200));
    }
    assert!(figures.summary(NOW).p95_ms.unwrap() < 1.1, "the slowest five do not count");
    assert_eq!(Figures::default().summary(NOW).p95_ms, None);
}

#[test]
fn bytes_are_what_the_totals_grew_by() {
    let mut figures = Figures::default();
    figures.count_traffic(NOW, totals(1_000, 5_000));
    figures.count_traffic(NOW + 1_000, totals(1_600, 5_000));
    figures.count_traffic(NOW + 6_000, totals(1_600, 8_000));
    figures.count_traffic(NOW + 7_000, totals(0, 0));
    figures.count_traffic(NOW + 8_000, totals(10, 20));
    let summary = figures.summary(NOW + 8_000);
    let newest = &summary.buckets[BUCKETS - 1];
    let before = &summary.buckets[BUCKETS - 2];
    assert_eq!((before.bytes_to_targets, before.bytes_to_visitors), (600, 0));
    assert_eq!((newest.bytes_to_targets, newest.bytes_to_visitors), (10, 3_020), "a fall is no growth");
    assert!((summary.bytes_per_second - 10.0).abs() < 1e-9);
}
