//! Who is served first, and that nobody starves.

use std::time::Duration;

use bytes::Bytes;

use super::sim::{AGENT, GATEWAY, Line, Pair, config, pattern};
use crate::mux::{Event, Mux, MuxConfig};
use crate::wire::{Decoder, Frame, StreamId};

/// What an end would write now, as frames.
fn frames(mux: &mut Mux, now: std::time::Instant, budget: usize) -> Vec<Frame> {
    let mut out = Vec::new();
    mux.transmit(now, budget, &mut out);
    // The preface went before; a fresh decoder wants it again.
    let mut bytes = Bytes::from([&crate::wire::PREFACE[..], &out.concat()].concat());
    let mut decoder = Decoder::default();
    std::iter::from_fn(|| decoder.next(&mut bytes).expect("own frames are legal")).collect()
}

fn streams(frames: &[Frame]) -> Vec<u32> {
    frames
        .iter()
        .map(|frame| match frame {
            Frame::Data { stream, .. } | Frame::Open { stream, .. } | Frame::Window { stream, .. } => stream.0,
            Frame::Packed { stream, .. } | Frame::Reset { stream, .. } => stream.0,
            Frame::Ping(_) | Frame::Pong(_) | Frame::GoAway { .. } => 0,
        })
        .collect()
}

#[test]
fn two_hundred_stuck_streams_do_not_delay_another() {
    let config = MuxConfig { max_in_flight: 8 * 1024 * 1024, ..config() };
    let mut pair = Pair::ready(&config, &Line { rate: 100 << 20, ..Line::default() });
    let stuck: Vec<StreamId> = (0..200).map(|_| pair.open(GATEWAY, b"GET /big")).collect();
    pair.settle();
    let body = pattern(1, 0, 300_000);
    for id in &stuck {
        pair.write(AGENT, *id, &body);
    }
    pair.settle();
    for id in &stuck {
        pair.write(AGENT, *id, &body);
        assert_eq!(pair.ends[AGENT].capacity(*id), Ok(0), "nobody reads it");
    }
    pair.settle();
    assert_eq!(pair.ends[AGENT].books.sending.shared_room(), 0, "the stuck ones took all that is shared");

    for round in 0..20 {
        let began = pair.now;
        let id = pair.open(GATEWAY, b"GET /small");
        while !pair.has_event(AGENT, &Event::Readable(id)) {
            assert!(pair.step());
        }
        assert_eq!(pair.read(AGENT, id).bytes, b"GET /small");
        let answer = pattern(round, 0, 8_000);
        assert_eq!(pair.write(AGENT, id, &answer), answer.len(), "the floor is always there");
        pair.ends[AGENT].finish(id).unwrap();
        while !pair.has_event(GATEWAY, &Event::Readable(id)) {
            assert!(pair.step());
        }
        assert_eq!(pair.read(GATEWAY, id).bytes, answer);
        let took = pair.now - began;
        assert!(took < Duration::from_millis(4), "a round trip is 2 ms, it took {took:?}");
        pair.ends[GATEWAY].finish(id).unwrap();
        pair.settle();
        pair.read(AGENT, id);
        pair.ends[GATEWAY].release(id);
        pair.ends[AGENT].release(id);
    }
}

#[test]
fn a_long_answer_goes_through_beside_stuck_streams_that_hold_all_shared_room() {
    let config = MuxConfig { max_in_flight: 1024 * 1024, ..config() };
    let mut pair = Pair::ready(&config, &Line::default());
    let stuck: Vec<StreamId> = (0..10).map(|_| pair.open(GATEWAY, b"GET /big")).collect();
    pair.settle();
    for id in &stuck {
        pair.write(AGENT, *id, &pattern(1, 0, 256 * 1024));
    }
    pair.settle();
    assert_eq!(pair.ends[AGENT].books.sending.shared_room(), 0);
    let id = pair.open(GATEWAY, b"GET /long");
    pair.settle();
    let body = pattern(2, 0, 2_000_000);
    let (mut sent, mut got) = (0, Vec::new());
    for _ in 0..2_000 {
        sent += pair.write(AGENT, id, &body[sent..]);
        pair.step();
        got.extend(pair.read(GATEWAY, id).bytes);
    }
    assert!(got == body, "{} of {} bytes came", got.len(), body.len());
}

#[test]
fn readers_that_hold_credit_back_do_not_stop_the_link() {
    // Windows so wide that a quarter of each is more than all streams may have in flight together.
    let config = MuxConfig { initial_window: 1 << 20, max_in_flight: 1 << 20, stream_floor: 4096, ..config() };
    let mut pair = Pair::ready(&config, &Line::default());
    let ids: Vec<StreamId> = (0..20).map(|_| pair.open(GATEWAY, b"")).collect();
    pair.settle();
    let body = pattern(5, 0, 400_000);
    let mut sent = [0; 20];
    let mut got = [0; 20];
    for _ in 0..5_000 {
        for (n, id) in ids.iter().enumerate() {
            sent[n] += pair.write(AGENT, *id, &body[sent[n]..(sent[n] + 60_000).min(body.len())]);
            got[n] += pair.read(GATEWAY, *id).bytes.len();
        }
        if !pair.step() && got == [body.len(); 20] {
            return;
        }
    }
    panic!("the link came to a halt at {got:?}");
}

#[test]
fn a_small_stream_goes_before_bulk_that_was_queued_earlier() {
    let mut pair = Pair::ready(&config(), &Line::default());
    let bulk: Vec<StreamId> = (0..4).map(|_| pair.open(GATEWAY, b"")).collect();
    let small = pair.open(GATEWAY, b"");
    pair.settle();
    for id in &bulk {
        pair.write(AGENT, *id, &pattern(0, 0, 200_000));
    }
    let now = pair.now;
    // Each bulk stream had its first quantum: now they are bulk.
    let opening = streams(&frames(&mut pair.ends[AGENT], now, 4 * (16 * 1024 + 8)));
    assert_eq!(opening, bulk.iter().map(|id| id.0).collect::<Vec<_>>(), "one quantum each, in turn");
    pair.write(AGENT, small, b"HTTP/1.1 204 No Content\r\n\r\n");
    assert_eq!(streams(&frames(&mut pair.ends[AGENT], now, 1000))[0], small.0);
}

#[test]
fn a_stream_that_pauses_for_a_moment_does_not_stay_in_front_of_bulk() {
    let mut pair = Pair::ready(&config(), &Line::default());
    let (bulk, chatty) = (pair.open(GATEWAY, b""), pair.open(GATEWAY, b""));
    pair.settle();
    pair.write(AGENT, bulk, &pattern(0, 0, 250_000));
    let now = pair.now;
    frames(&mut pair.ends[AGENT], now, 16 * 1024);
    let mut bulk_bytes = 0;
    for _ in 0..20 {
        pair.write(AGENT, chatty, &[1; 10_000]);
        for frame in frames(&mut pair.ends[AGENT], now, 12_000) {
            match frame {
                Frame::Data { stream, payload, .. } if stream == bulk => bulk_bytes += payload.len(),
                _ => {}
            }
        }
    }
    assert!(bulk_bytes >= 60_000, "bulk is served beside it, {bulk_bytes} bytes");
}

#[test]
fn bulk_streams_share_the_line_evenly() {
    let mut pair = Pair::ready(&config(), &Line { rate: 20 << 20, chunk: 32 * 1024, ..Line::default() });
    let ids: Vec<StreamId> = (0..8).map(|_| pair.open(GATEWAY, b"")).collect();
    pair.settle();
    let piece = pattern(0, 0, 64 * 1024);
    let mut got = [0_usize; 8];
    let end = pair.now + Duration::from_millis(500);
    while pair.now < end {
        for (n, id) in ids.iter().enumerate() {
            pair.write(AGENT, *id, &piece);
            got[n] += pair.read(GATEWAY, *id).bytes.len();
        }
        pair.step();
    }
    let (least, most) = (got.iter().min().unwrap(), got.iter().max().unwrap());
    assert!(*least > 1_000_000, "{got:?}");
    assert!(most - least <= 2 * 64 * 1024, "within two turns of each other: {got:?}");
}

#[test]
fn control_and_credit_go_before_everything_queued() {
    let mut pair = Pair::ready(&config(), &Line::default());
    let bulk = pair.open(GATEWAY, b"");
    pair.settle();
    pair.write(GATEWAY, bulk, &pattern(0, 0, 200_000));
    pair.settle();
    pair.write(AGENT, bulk, &pattern(0, 0, 200_000));
    pair.read(AGENT, bulk);
    assert!(pair.ends[AGENT].send_control(Bytes::from_static(b"hello")));
    pair.ends[AGENT].probe();
    let opened = pair.ends[AGENT].open(&super::sim::plain(), &mut Bytes::from_static(b"first")).unwrap();
    let now = pair.now;
    let frames = frames(&mut pair.ends[AGENT], now, 100_000);
    assert!(matches!(frames[0], Frame::Ping(_)), "{:?}", streams(&frames));
    assert!(frames[1..].iter().take_while(|frame| matches!(frame, Frame::Window { .. })).count() >= 1);
    let rest = frames.iter().skip_while(|frame| matches!(frame, Frame::Ping(_) | Frame::Window { .. }));
    assert_eq!(streams(&rest.take(3).cloned().collect::<Vec<_>>()), [opened.0, 0, bulk.0]);
}

#[test]
fn small_frames_leave_in_one_piece_and_large_payloads_are_not_copied() {
    let mut pair = Pair::ready(&config(), &Line::default());
    let ids: Vec<StreamId> = (0..20).map(|_| pair.open(GATEWAY, b"")).collect();
    let large = pair.open(GATEWAY, b"");
    pair.settle();
    for id in &ids {
        pair.write(AGENT, *id, b"a small answer");
    }
    let mut out = Vec::new();
    pair.ends[AGENT].transmit(pair.now, 1 << 20, &mut out);
    assert_eq!(out.len(), 1, "twenty frames in one buffer");

    let mut payload = pattern(0, 0, 10_000);
    let address = payload.as_ptr();
    pair.ends[AGENT].send(large, &mut payload).unwrap();
    out.clear();
    pair.ends[AGENT].transmit(pair.now, 1 << 20, &mut out);
    assert!(out.iter().any(|bytes| bytes.as_ptr() == address && bytes.len() == 10_000), "passed on as it is");
}

#[test]
fn queues_of_all_streams_together_are_bounded_and_each_has_its_floor() {
    let config = MuxConfig { send_buffer: 64 * 1024, initial_window: 1 << 20, ..config() };
    let mut pair = Pair::ready(&config, &Line::default());
    let body = pattern(0, 0, 1 << 20);
    let ids: Vec<StreamId> = (0..100)
        .map(|_| pair.ends[GATEWAY].open(&super::sim::plain(), &mut body.clone()).expect("may be opened"))
        .collect();
    pair.check();
    let floor = u64::from(config.stream_floor);
    let load = pair.ends[GATEWAY].load();
    assert_eq!(load.queued, 16 * 64 * 1024 + 100 * floor, "the link's bound and a floor for each");
    assert_eq!(pair.ends[GATEWAY].capacity(ids[99]), Ok(0));
    pair.settle();
    assert!(pair.has_event(GATEWAY, &Event::Writable(ids[99])), "it is told when queues have drained");
}

#[test]
fn room_that_one_stream_leaves_is_told_to_the_next_without_a_frame_from_anywhere() {
    let config = MuxConfig { max_in_flight: 256 * 1024, stream_floor: 1024, ..config() };
    let mut pair = Pair::ready(&config, &Line::default());
    let hog = pair.open(GATEWAY, b"");
    let others: Vec<StreamId> = (0..30).map(|_| pair.open(GATEWAY, b"")).collect();
    pair.settle();
    pair.write(AGENT, hog, &pattern(0, 0, 256 * 1024));
    pair.settle();
    for id in &others {
        pair.write(AGENT, *id, &[1; 2048]);
        assert_eq!(pair.ends[AGENT].capacity(*id), Ok(0));
    }
    pair.settle();
    pair.events[AGENT].clear();
    pair.ends[AGENT].reset(hog, crate::wire::Reset::new(crate::wire::ResetCode::Cancelled, crate::wire::Blame::Agent));
    let mut told = Vec::new();
    while pair.ends[AGENT].has_news() {
        let Some(Event::Writable(id)) = pair.ends[AGENT].poll_event() else { continue };
        assert!(pair.ends[AGENT].capacity(id).unwrap() > 0, "it looks, and has nothing to send");
        told.push(id);
    }
    assert_eq!(told, others);
}

#[test]
fn a_long_control_message_does_not_stop_the_answers_on_a_slow_line() {
    let slow = Line { rate: 100_000, chunk: 16 * 1024, ..Line::default() };
    let mut pair = Pair::ready(&config(), &slow);
    let bulk = pair.open(GATEWAY, b"GET /big");
    pair.settle();
    pair.write(AGENT, bulk, &pattern(1, 0, 250_000));
    assert!(pair.ends[AGENT].send_control(pattern(2, 0, 1 << 20)));
    let began = pair.now;
    let answer = pattern(3, 0, 8_000);
    let (mut heard, mut answers) = (0, 0);
    while heard < 1 << 20 {
        let asked = pair.now;
        let id = pair.open(GATEWAY, b"GET /small");
        let mut got = 0;
        while got < answer.len() {
            assert!(pair.step());
            while let Some(bytes) = pair.ends[GATEWAY].recv_control() {
                heard += bytes.len();
            }
            pair.read(GATEWAY, bulk);
            if pair.events[AGENT].contains(&Event::Opened(id, super::sim::plain())) {
                pair.events[AGENT].clear();
                assert_eq!(pair.write(AGENT, id, &answer), answer.len());
            }
            got += pair.read(GATEWAY, id).bytes.len();
        }
        let took = pair.now - asked;
        assert!(took < Duration::from_secs(1), "a small answer took {took:?} after {heard} bytes of the message");
        pair.ends[GATEWAY].release(id);
        answers += 1;
    }
    assert!(answers > 10);
    let took = pair.now - began;
    assert!(took < Duration::from_secs(60), "nor do they stop the message: {took:?}");
}

#[test]
fn the_last_words_of_a_link_go_before_bulk() {
    let mut pair = Pair::ready(&config(), &Line::default());
    let bulk: Vec<StreamId> = (0..8).map(|_| pair.open(GATEWAY, b"")).collect();
    pair.settle();
    for id in &bulk {
        pair.write(AGENT, *id, &pattern(1, 0, 256 * 1024));
    }
    // It has used up its place among the new ones.
    assert!(pair.ends[AGENT].send_control(pattern(2, 0, 100_000)));
    frames(&mut pair.ends[AGENT], pair.now, 150_000);
    assert!(pair.ends[AGENT].zero.queued() > 0);
    assert!(pair.ends[AGENT].send_control(Bytes::from_static(b"goodbye")));
    pair.ends[AGENT].last_words();
    let frames = frames(&mut pair.ends[AGENT], pair.now, 150_000);
    assert_eq!(pair.ends[AGENT].zero.queued(), 0);
    assert!(streams(&frames)[0] == 0 && streams(&frames).iter().any(|id| *id != 0), "{:?}", streams(&frames));
}
