//! Go-away.

use bytes::Bytes;

use super::sim::{AGENT, GATEWAY, Line, Pair, ReadEnd, config, plain};
use crate::mux::{Event, OpenError};
use crate::wire::{Blame, Reset, ResetCode};

fn ready() -> Pair {
    Pair::ready(&config(), &Line::default())
}

#[test]
fn streams_that_stand_go_on_after_go_away() {
    let mut pair = ready();
    let id = pair.open(GATEWAY, b"GET /");
    pair.settle();
    pair.ends[AGENT].go_away();
    pair.settle();
    assert!(pair.has_event(GATEWAY, &Event::GoAway(id)));
    for end in [GATEWAY, AGENT] {
        assert_eq!(pair.ends[end].open(&plain(), &mut Bytes::new()), Err(OpenError::Draining));
    }
    assert!(!pair.ends[AGENT].is_idle());
    for (end, other) in [(GATEWAY, AGENT), (AGENT, GATEWAY)] {
        pair.write(end, id, b"goes on");
        pair.ends[end].finish(id).unwrap();
        pair.settle();
        assert!(pair.read(other, id).bytes.ends_with(b"goes on"));
    }
    pair.ends[GATEWAY].release(id);
    pair.ends[AGENT].release(id);
    pair.settle();
    assert!(pair.ends[AGENT].is_idle() && pair.ends[GATEWAY].is_idle());
}

#[test]
fn a_stream_that_crosses_go_away_is_reset_as_safe_to_send_again() {
    let mut pair = ready();
    let id = pair.open(GATEWAY, b"GET /");
    pair.ends[AGENT].go_away();
    pair.settle();
    assert_eq!(pair.read(GATEWAY, id).end, ReadEnd::Reset(Reset::new(ResetCode::Draining, Blame::Agent)));
    assert!(!pair.events[AGENT].iter().any(|event| matches!(event, Event::Opened(..))));
    assert_eq!(pair.errors, [None, None]);
}

#[test]
fn streams_opened_before_this_sides_go_away_are_still_announced_before_it() {
    let mut pair = ready();
    let ids: Vec<_> = (0..100).map(|_| pair.open(GATEWAY, &[7; 9000])).collect();
    pair.ends[GATEWAY].go_away();
    pair.ends[GATEWAY].go_away();
    pair.settle();
    assert_eq!(pair.errors, [None, None]);
    for id in ids {
        assert_eq!(pair.read(AGENT, id).bytes, [7; 9000]);
    }
    assert_eq!(pair.events[AGENT].iter().filter(|event| matches!(event, Event::GoAway(_))).count(), 1);
}

#[test]
fn both_sides_may_go_away_at_once() {
    let mut pair = ready();
    let id = pair.open(GATEWAY, b"");
    pair.settle();
    pair.ends[GATEWAY].go_away();
    pair.ends[AGENT].go_away();
    pair.settle();
    pair.ends[GATEWAY].release(id);
    pair.ends[AGENT].release(id);
    pair.settle();
    assert!(pair.ends.iter().all(crate::mux::Mux::is_idle));
    assert_eq!(pair.errors, [None, None]);
}
