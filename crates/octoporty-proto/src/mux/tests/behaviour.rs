//! One stream at a time: opening, bytes, half-close, reset, release.

use bytes::Bytes;

use super::sim::{AGENT, GATEWAY, Line, Pair, Read, ReadEnd, config, pattern, plain};
use crate::mux::{Event, MuxConfig, OpenError, Recv};
use crate::wire::{Blame, Reset, ResetCode, StreamId};

fn ready() -> Pair {
    Pair::ready(&config(), &Line::default())
}

fn finished(bytes: &[u8]) -> Read {
    Read { bytes: bytes.to_vec(), end: ReadEnd::Finished }
}

fn blocked(bytes: &[u8]) -> Read {
    Read { bytes: bytes.to_vec(), end: ReadEnd::Blocked }
}

#[test]
fn the_first_bytes_travel_with_the_open_frame() {
    let mut pair = ready();
    let before = pair.written[GATEWAY];
    let id = pair.open(GATEWAY, b"GET / HTTP/1.1\r\n\r\n");
    pair.settle();
    assert_eq!(pair.events[AGENT][0], Event::Opened(id, plain()));
    assert_eq!(pair.read(AGENT, id), blocked(b"GET / HTTP/1.1\r\n\r\n"));
    let head = 2 + 18;
    assert_eq!(pair.written[GATEWAY] - before, 8 + head + 18, "one frame");
}

#[test]
fn the_gateway_opens_odd_streams_and_the_agent_even_ones() {
    let mut pair = ready();
    let ids = [pair.open(GATEWAY, b""), pair.open(GATEWAY, b""), pair.open(AGENT, b""), pair.open(AGENT, b"")];
    assert_eq!(ids.map(|id| id.0), [1, 3, 2, 4]);
    pair.settle();
    assert!(pair.has_event(GATEWAY, &Event::Opened(StreamId(2), plain())));
    assert!(pair.has_event(AGENT, &Event::Opened(StreamId(3), plain())));
}

#[test]
fn each_direction_ends_by_itself() {
    let mut pair = ready();
    let id = pair.open(GATEWAY, b"question");
    pair.ends[GATEWAY].finish(id).unwrap();
    pair.settle();
    assert_eq!(pair.read(AGENT, id), finished(b"question"));
    assert_eq!(pair.read(GATEWAY, id), blocked(b""));

    assert_eq!(pair.write(AGENT, id, b"the answer, long after"), 22);
    pair.settle();
    assert_eq!(pair.read(GATEWAY, id), blocked(b"the answer, long after"));
    pair.ends[AGENT].finish(id).unwrap();
    pair.settle();
    assert_eq!(pair.read(GATEWAY, id), finished(b""));
    assert_eq!(pair.read(AGENT, id), finished(b""), "the end is found again");

    pair.ends[GATEWAY].release(id);
    pair.ends[AGENT].release(id);
    pair.settle();
    assert!(pair.ends.iter().all(|mux| mux.is_idle() && mux.load().remembered == 0));
}

#[test]
fn the_end_comes_after_all_queued_bytes() {
    let mut pair = ready();
    let id = pair.open(AGENT, b"");
    let body = pattern(3, 0, 200_000);
    assert_eq!(pair.write(AGENT, id, &body), body.len());
    pair.ends[AGENT].finish(id).unwrap();
    pair.settle();
    assert_eq!(pair.read(GATEWAY, id), finished(&body));
}

#[test]
fn sending_after_the_end_is_refused() {
    let mut pair = ready();
    let id = pair.open(GATEWAY, b"x");
    pair.ends[GATEWAY].finish(id).unwrap();
    let refused = pair.ends[GATEWAY].send(id, &mut Bytes::from_static(b"more")).unwrap_err();
    assert_eq!(refused.code, ResetCode::Internal);
    assert_eq!(pair.ends[GATEWAY].capacity(id).unwrap_err().code, ResetCode::Internal);
    pair.ends[GATEWAY].finish(id).expect("to end twice is to end");
}

#[test]
fn a_reset_comes_after_the_bytes_before_it_and_ends_both_directions() {
    let mut pair = ready();
    let id = pair.open(GATEWAY, b"before");
    pair.settle();
    let reset = Reset { code: ResetCode::TargetReset, blame: Blame::Target, detail: "connection reset".into() };
    pair.ends[GATEWAY].reset(id, reset.clone());
    pair.settle();
    assert!(pair.has_event(AGENT, &Event::Readable(id)) && pair.has_event(AGENT, &Event::Writable(id)));
    assert_eq!(pair.ends[AGENT].reset_of(id), Some(&reset));
    assert_eq!(pair.read(AGENT, id), Read { bytes: b"before".to_vec(), end: ReadEnd::Reset(reset.clone()) });
    assert_eq!(pair.ends[AGENT].send(id, &mut Bytes::from_static(b"x")), Err(reset.clone()));
    assert_eq!(pair.ends[AGENT].finish(id), Err(reset.clone()));
    assert_eq!(pair.read(GATEWAY, id).end, ReadEnd::Reset(reset), "the side that reset finds it too");
}

#[test]
fn a_reset_before_the_open_frame_left_tells_the_peer_nothing() {
    let mut pair = ready();
    let before = pair.written[GATEWAY];
    let id = pair.open(GATEWAY, b"never mind");
    pair.ends[GATEWAY].release(id);
    pair.settle();
    assert_eq!(pair.written[GATEWAY], before);
    assert_eq!(pair.ends[GATEWAY].load().remembered, 0);
    let next = pair.open(GATEWAY, b"this one");
    pair.settle();
    assert_eq!(pair.read(AGENT, next), blocked(b"this one"));
    assert_eq!(pair.errors, [None, None]);
}

#[test]
fn a_peer_that_finished_before_it_reset_is_read_to_its_end() {
    let mut pair = ready();
    let id = pair.open(GATEWAY, b"upload without an end");
    pair.settle();
    pair.write(AGENT, id, b"413 too large");
    pair.ends[AGENT].finish(id).unwrap();
    pair.settle();
    pair.ends[AGENT].reset(id, Reset::new(ResetCode::Cancelled, Blame::Target));
    pair.settle();
    assert_eq!(pair.read(GATEWAY, id), finished(b"413 too large"));
    assert_eq!(pair.ends[GATEWAY].capacity(id).unwrap_err().code, ResetCode::Cancelled);
}

#[test]
fn a_stream_released_unfinished_is_cancelled() {
    let mut pair = ready();
    let id = pair.open(GATEWAY, b"GET /slow");
    pair.settle();
    pair.ends[GATEWAY].release(id);
    pair.settle();
    let end = pair.read(AGENT, id).end;
    assert_eq!(end, ReadEnd::Reset(Reset::new(ResetCode::Cancelled, Blame::Gateway)));
    pair.ends[AGENT].release(id);
    pair.settle();
    assert!(pair.ends.iter().all(|mux| mux.load().remembered == 0));
}

#[test]
fn a_released_stream_still_sends_what_was_queued_before_its_end() {
    let mut pair = ready();
    let id = pair.open(GATEWAY, b"");
    pair.ends[GATEWAY].finish(id).unwrap();
    pair.settle();
    let body = pattern(1, 0, 150_000);
    pair.write(AGENT, id, &body);
    pair.ends[AGENT].finish(id).unwrap();
    assert_eq!(pair.read(AGENT, id), finished(b""));
    pair.ends[AGENT].release(id);
    assert!(!pair.ends[AGENT].is_idle(), "bytes are still to go");
    pair.settle();
    assert_eq!(pair.read(GATEWAY, id), finished(&body));
    pair.ends[GATEWAY].release(id);
    pair.settle();
    assert!(pair.ends.iter().all(|mux| mux.is_idle()));
}

#[test]
fn what_was_read_to_its_end_is_given_back_at_once_though_its_reader_holds_on() {
    for read_before_the_end in [true, false] {
        let mut pair = ready();
        let id = pair.open(GATEWAY, b"");
        pair.ends[GATEWAY].finish(id).unwrap();
        pair.settle();
        pair.write(AGENT, id, b"far less than a quarter of the window");
        if read_before_the_end {
            pair.settle();
            pair.read(GATEWAY, id);
        }
        pair.ends[AGENT].finish(id).unwrap();
        pair.ends[AGENT].release(id);
        pair.settle();
        pair.read(GATEWAY, id);
        pair.settle();
        assert_eq!(pair.ends[AGENT].load().remembered, 0, "the sender has its bytes back and forgets");
        assert_eq!(pair.read(GATEWAY, id), finished(b""));
    }
}

#[test]
fn a_reset_gives_the_room_of_both_directions_back_at_both_ends() {
    let config = MuxConfig { max_in_flight: 100_000, ..config() };
    let mut pair = Pair::ready(&config, &Line::default());
    for round in 0..50 {
        let id = pair.open(GATEWAY, b"");
        pair.settle();
        let (there, back) = (pattern(round, 0, 110_000), pattern(round, 0, 90_000));
        assert_eq!(pair.write(GATEWAY, id, &there), there.len(), "round {round}: all room is there");
        assert_eq!(pair.write(AGENT, id, &back), back.len(), "round {round}: all room is there");
        if round % 2 == 0 {
            pair.settle();
        } else {
            pair.pump();
        }
        let resetter = usize::try_from(round % 3 % 2).unwrap();
        pair.ends[resetter].reset(id, Reset::new(ResetCode::Cancelled, Blame::Visitor));
        pair.settle();
        for mux in &mut pair.ends {
            assert_eq!((mux.load().in_flight, mux.load().unreturned, mux.load().queued), (0, 0, 0));
            mux.release(id);
        }
        pair.settle();
    }
    assert_eq!(pair.errors, [None, None]);
}

#[test]
fn more_streams_than_the_peer_allows_are_not_opened() {
    let mut pair = Pair::ready(&MuxConfig { max_streams: 3, ..config() }, &Line::default());
    let ids: Vec<_> = (0..3).map(|_| pair.open(GATEWAY, b"")).collect();
    let refused = pair.ends[GATEWAY].open(&plain(), &mut Bytes::new());
    assert_eq!(refused, Err(OpenError::TooManyStreams));
    pair.open(AGENT, b"");
    pair.ends[GATEWAY].release(ids[0]);
    pair.open(GATEWAY, b"");
    pair.settle();
    assert_eq!(pair.errors, [None, None]);
}

#[test]
fn a_peer_over_the_limit_has_its_stream_reset_and_keeps_its_link() {
    let mut pair = Pair::ready(&MuxConfig { max_streams: 3, ..config() }, &Line::default());
    pair.ends[GATEWAY].set_peer_limit(100);
    let ids: Vec<_> = (0..5).map(|_| pair.open(GATEWAY, b"hello")).collect();
    pair.settle();
    for id in &ids[3..] {
        let end = pair.read(GATEWAY, *id).end;
        assert_eq!(end, ReadEnd::Reset(Reset::new(ResetCode::TooManyStreams, Blame::Agent)));
    }
    for id in &ids[..3] {
        assert_eq!(pair.read(AGENT, *id), blocked(b"hello"));
    }
    assert_eq!(pair.errors, [None, None]);
}

#[test]
fn streams_that_were_reset_count_until_their_owner_lets_go() {
    let mut pair = Pair::ready(&MuxConfig { max_streams: 8, ..config() }, &Line::default());
    pair.ends[GATEWAY].set_peer_limit(1000);
    for _ in 0..100 {
        let id = pair.open(GATEWAY, b"and away");
        pair.settle();
        pair.ends[GATEWAY].release(id);
        pair.settle();
        assert!(pair.ends[AGENT].load().remembered <= 8, "a flood of opens and resets is bounded");
    }
    let opened = pair.events[AGENT].iter().filter(|event| matches!(event, Event::Opened(..))).count();
    assert_eq!(opened, 8);
    assert_eq!(pair.errors, [None, None]);
}

#[test]
fn what_does_not_fit_the_window_stays_with_the_caller() {
    let mut pair = ready();
    let body = pattern(9, 0, 1_000_000);
    let mut first = body.clone();
    let id = pair.ends[GATEWAY].open(&plain(), &mut first).unwrap();
    assert_eq!(body.len() - first.len(), 256 * 1024);
    assert_eq!(pair.ends[GATEWAY].send(id, &mut first), Ok(0));
    assert_eq!(pair.ends[GATEWAY].capacity(id), Ok(0));
    let mut got = Vec::new();
    while got.len() < body.len() {
        pair.settle();
        got.extend(pair.read(AGENT, id).bytes);
        pair.settle();
        if !first.is_empty() {
            assert!(pair.has_event(GATEWAY, &Event::Writable(id)), "room is told");
            pair.events[GATEWAY].clear();
            while pair.ends[GATEWAY].send(id, &mut first).unwrap() > 0 {}
        }
    }
    assert_eq!(got, body);
}

#[test]
fn readable_is_told_once_for_each_time_the_reader_caught_up() {
    let mut pair = ready();
    let id = pair.open(GATEWAY, b"one");
    pair.settle();
    pair.write(GATEWAY, id, b"two");
    pair.settle();
    let told = |pair: &Pair| pair.events[AGENT].iter().filter(|event| **event == Event::Readable(id)).count();
    assert_eq!(told(&pair), 1);
    assert!(pair.ends[AGENT].is_readable(id));
    assert_eq!(pair.read(AGENT, id), blocked(b"onetwo"));
    assert!(!pair.ends[AGENT].is_readable(id));
    pair.write(GATEWAY, id, b"three");
    pair.settle();
    assert_eq!(told(&pair), 2);
}

#[test]
fn a_lost_link_is_told_to_each_stream_and_what_came_whole_is_still_read() {
    let mut pair = ready();
    let (whole, part) = (pair.open(GATEWAY, b""), pair.open(GATEWAY, b""));
    pair.settle();
    pair.write(AGENT, whole, b"all of it");
    pair.ends[AGENT].finish(whole).unwrap();
    pair.write(AGENT, part, b"some of");
    pair.settle();
    pair.events[GATEWAY].clear();
    pair.ends[GATEWAY].link_lost("the cable");
    pair.pump();
    for id in [whole, part] {
        assert!(pair.has_event(GATEWAY, &Event::Readable(id)) && pair.has_event(GATEWAY, &Event::Writable(id)));
    }
    let lost = Reset { code: ResetCode::LinkLost, blame: Blame::Link, detail: "the cable".into() };
    assert_eq!(pair.read(GATEWAY, whole), finished(b"all of it"));
    assert_eq!(pair.read(GATEWAY, part), Read { bytes: b"some of".to_vec(), end: ReadEnd::Reset(lost.clone()) });
    assert_eq!(pair.ends[GATEWAY].send(whole, &mut Bytes::from_static(b"x")), Err(lost));
    assert_eq!(pair.ends[GATEWAY].open(&plain(), &mut Bytes::new()), Err(OpenError::Draining));
    assert!(!pair.ends[GATEWAY].send_control(Bytes::from_static(b"x")));
    pair.ends[GATEWAY].release(whole);
    pair.ends[GATEWAY].release(part);
    assert!(pair.ends[GATEWAY].is_idle() && !pair.ends[GATEWAY].wants_transmit());
}

#[test]
fn figures_count_streams_and_raw_bytes() {
    let mut pair = ready();
    let id = pair.open(GATEWAY, b"12345");
    pair.settle();
    pair.write(AGENT, id, b"123");
    pair.settle();
    let (gateway, agent) = (pair.ends[GATEWAY].stats(), pair.ends[AGENT].stats());
    assert_eq!((gateway.bytes_sent, gateway.bytes_received), (5, 3));
    assert_eq!((agent.bytes_sent, agent.bytes_received), (3, 5));
    assert_eq!((gateway.streams_opened, gateway.streams_active), (1, 1));
    assert!(gateway.round_trip.is_some() && agent.round_trip.is_some());
    pair.ends[GATEWAY].release(id);
    assert_eq!(pair.ends[GATEWAY].stats().streams_active, 0);
}

#[test]
fn control_messages_of_any_length_go_through_in_order() {
    let mut pair = ready();
    let messages: Vec<_> = (0..40).map(|n| pattern(n, 0, 100_000)).collect();
    let (mut sent, mut got) = (0, Vec::new());
    while got.len() < messages.iter().map(Bytes::len).sum() {
        while sent < messages.len() && pair.ends[AGENT].send_control(messages[sent].clone()) {
            sent += 1;
        }
        if sent < messages.len() {
            assert!(pair.ends[AGENT].zero.queued() >= 1024 * 1024, "refused only when much waits");
            pair.events[AGENT].clear();
        }
        pair.settle();
        while let Some(bytes) = pair.ends[GATEWAY].recv_control() {
            got.extend_from_slice(&bytes);
        }
    }
    assert_eq!(got, messages.concat());
    assert!(pair.has_event(GATEWAY, &Event::Control));
}

#[test]
fn a_refused_control_message_is_told_when_there_is_room() {
    let mut pair = ready();
    let message = pattern(0, 0, 2 * 1024 * 1024);
    assert!(pair.ends[AGENT].send_control(message.clone()), "a message over the window is taken");
    assert!(!pair.ends[AGENT].send_control(Bytes::from_static(b"next")));
    pair.settle();
    assert!(!pair.has_event(AGENT, &Event::ControlWritable), "the reader took nothing yet");
    let mut got = 0;
    while got < message.len() {
        while let Some(bytes) = pair.ends[GATEWAY].recv_control() {
            got += bytes.len();
        }
        pair.settle();
    }
    assert!(pair.has_event(AGENT, &Event::ControlWritable));
    assert!(pair.ends[AGENT].send_control(Bytes::from_static(b"next")));
}

#[test]
fn bytes_that_a_reader_holds_count_until_it_is_done_with_them() {
    let mut pair = ready();
    let id = pair.open(GATEWAY, b"");
    pair.settle();
    let window = 256 * 1024;
    assert_eq!(pair.write(GATEWAY, id, &pattern(1, 0, 2 * window)), window);
    pair.settle();
    let mut held = 0;
    while let Ok(Recv::Data(bytes)) = pair.ends[AGENT].take(id) {
        held += bytes.len();
        pair.settle();
    }
    assert_eq!(held, window);
    assert_eq!(pair.ends[AGENT].load().unreturned, window as u64);
    assert_eq!(pair.write(GATEWAY, id, b"more"), 0, "nothing came back");
    pair.ends[AGENT].consumed(pair.now, id, 100_000);
    pair.settle();
    assert_eq!(pair.ends[AGENT].load().unreturned, window as u64 - 100_000);
    assert_eq!(pair.write(GATEWAY, id, &pattern(1, 0, 2 * window)), 100_000);
    pair.ends[GATEWAY].reset(id, Reset::new(ResetCode::Cancelled, Blame::Visitor));
    pair.settle();
    pair.ends[AGENT].consumed(pair.now, id, 100_000);
    assert_eq!(pair.ends[AGENT].load().unreturned, 0, "a reset gave all back already");
}

#[test]
fn the_end_of_a_stream_gives_back_what_its_reader_held() {
    let mut pair = ready();
    let id = pair.open(GATEWAY, b"held");
    pair.ends[GATEWAY].finish(id).unwrap();
    pair.settle();
    assert_eq!(pair.ends[AGENT].take(id), Ok(Recv::Data(Bytes::from_static(b"held"))));
    assert_eq!(pair.ends[AGENT].take(id), Ok(Recv::Finished));
    pair.settle();
    assert_eq!(pair.ends[GATEWAY].load().in_flight, 4);
    pair.ends[AGENT].consumed(pair.now, id, 4);
    pair.settle();
    assert_eq!(pair.ends[GATEWAY].load().in_flight, 0);
}
