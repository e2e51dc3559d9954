//! Probes, silence, long idleness.

use std::time::Duration;

use super::sim::{AGENT, GATEWAY, Line, Pair, config};
use crate::mux::transmit::SCRATCH_LEAST;
use crate::mux::{Event, LinkError, MuxConfig};

const INTERVAL: Duration = Duration::from_secs(1);

#[test]
fn the_first_probe_goes_at_once_and_measures_the_round_trip() {
    let line = Line { delay: Duration::from_millis(40), ..Line::default() };
    let mut pair = Pair::new(&config(), &line, 1);
    pair.run_for(Duration::from_millis(90));
    for end in [GATEWAY, AGENT] {
        let pong = pair.events[end].iter().find_map(|event| match event {
            Event::Pong(round_trip) => Some(*round_trip),
            _ => None,
        });
        let round_trip = pong.expect("a pong came");
        assert!((80..82).contains(&round_trip.as_millis()), "{round_trip:?}");
        assert_eq!(pair.ends[end].stats().round_trip, Some(round_trip));
    }
}

#[test]
fn a_frozen_link_is_noticed_within_two_probe_intervals() {
    for millis in [0, 1, 333, 500, 999, 1000, 1001, 7_777] {
        let mut pair = Pair::ready(&config(), &Line::default());
        pair.run_for(Duration::from_secs(3) + Duration::from_millis(millis));
        assert_eq!(pair.errors, [None, None]);
        for line in &mut pair.lines {
            line.frozen = true;
        }
        let frozen = pair.now;
        while pair.errors.contains(&None) {
            pair.run_for(Duration::from_millis(10));
            assert!(pair.now - frozen <= 2 * INTERVAL + Duration::from_millis(10), "frozen {millis} ms in");
        }
        for error in &pair.errors {
            assert!(matches!(error, Some(LinkError::Silent(silence)) if *silence >= 2 * INTERVAL), "{error:?}");
        }
    }
}

#[test]
fn one_direction_that_is_frozen_is_noticed_by_the_side_that_hears_nothing() {
    let mut pair = Pair::ready(&config(), &Line::default());
    pair.lines[GATEWAY].frozen = true;
    pair.run_for(3 * INTERVAL);
    assert!(matches!(pair.errors[AGENT], Some(LinkError::Silent(_))));
}

#[test]
fn a_slow_link_that_still_moves_is_not_silent() {
    // A line on which one frame takes longer than two intervals, in pieces.
    let line = Line { rate: 20_000, chunk: 2_000, delay: Duration::from_millis(300), ..Line::default() };
    let mut pair = Pair::ready(&config(), &line);
    let id = pair.open(GATEWAY, b"");
    pair.settle();
    pair.write(AGENT, id, &vec![1; 200_000]);
    pair.run_for(Duration::from_secs(15));
    assert_eq!(pair.errors, [None, None]);
    assert_eq!(pair.read(GATEWAY, id).bytes.len(), 200_000);
}

#[test]
fn a_request_works_at_once_after_a_day_of_idleness() {
    let config = MuxConfig { probe_interval: Duration::from_secs(10), ..config() };
    let mut pair = Pair::ready(&config, &Line::default());
    let warm = pair.open(GATEWAY, b"before");
    pair.settle();
    assert_eq!(pair.read(AGENT, warm).bytes, b"before");
    pair.run_for(Duration::from_secs(24 * 3600));
    assert_eq!(pair.errors, [None, None]);
    assert_eq!(pair.ends[GATEWAY].load().in_flight, 0, "what was read has come back meanwhile");

    let began = pair.now;
    pair.events[AGENT].clear();
    let fresh = pair.open(GATEWAY, b"GET /");
    pair.write(GATEWAY, warm, b"GET /warm");
    while !(pair.has_event(AGENT, &Event::Readable(fresh)) && pair.has_event(AGENT, &Event::Readable(warm))) {
        assert!(pair.step());
    }
    assert!(pair.now - began < Duration::from_millis(2), "one way is 1 ms, it took {:?}", pair.now - began);
    assert_eq!(pair.read(AGENT, warm).bytes, b"GET /warm");
    let a_day = 24 * 360;
    assert!(pair.written[GATEWAY] < a_day * 2 * 16 + 1000, "two small frames an interval and no more");
}

#[test]
fn a_process_that_was_stopped_gives_its_peer_one_more_interval() {
    let mut pair = Pair::ready(&config(), &Line::default());
    let later = pair.now + Duration::from_secs(3600);
    pair.ends[GATEWAY].tick(later).expect("it was this side that stood still");
    pair.ends[GATEWAY].tick(later + INTERVAL / 2).expect("not yet");
    let error = pair.ends[GATEWAY].tick(later + INTERVAL).unwrap_err();
    assert!(matches!(error, LinkError::Silent(_)));
    assert_eq!(pair.ends[GATEWAY].tick(later + INTERVAL), Err(error), "and it stays so");
}

#[test]
fn a_probe_on_demand_is_answered() {
    let mut pair = Pair::ready(&config(), &Line::default());
    pair.ends[AGENT].probe();
    pair.settle();
    assert!(pair.events[AGENT].iter().any(|event| matches!(event, Event::Pong(_))));
}

#[test]
fn a_pong_that_answers_nothing_is_ignored() {
    let mut pair = Pair::ready(&config(), &Line::default());
    let pong = [0x60, 0, 0, 8, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9];
    pair.inject(GATEWAY, &pong).unwrap();
    assert!(pair.events[GATEWAY].is_empty());
}

#[test]
fn a_link_that_has_come_to_rest_holds_little() {
    let mut pair = Pair::ready(&config(), &Line::default());
    let mut most = 0;
    for _ in 0..100 {
        pair.open(GATEWAY, &[1; 900]);
        pair.settle();
        most = most.max(pair.ends[GATEWAY].scratch.held());
    }
    assert!(most > SCRATCH_LEAST, "it was busy");
    pair.run_for(2 * INTERVAL);
    for end in [GATEWAY, AGENT] {
        assert!(pair.ends[end].scratch.held() <= SCRATCH_LEAST, "{} bytes", pair.ends[end].scratch.held());
    }
}
