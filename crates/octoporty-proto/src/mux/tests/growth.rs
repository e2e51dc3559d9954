//! Windows that grow with delay, and the throughput that they allow.

use std::time::Duration;

use bytes::Bytes;

use super::sim::{AGENT, GATEWAY, Line, Pair, config};
use crate::mux::{MuxConfig, Recv};
use crate::wire::StreamId;

/// Sends without end from the agent to a gateway that reads at once; bytes read in each of `spans` spans.
fn stream_for(pair: &mut Pair, id: StreamId, spans: u32, span: Duration) -> Vec<u64> {
    let piece = Bytes::from(vec![7; 64 * 1024]);
    (0..spans)
        .map(|_| {
            let end = pair.now + span;
            let mut got = 0;
            while pair.now < end {
                while pair.ends[AGENT].send(id, &mut piece.clone()).expect("open") > 0 {}
                pair.step();
                while let Recv::Data(bytes) = pair.ends[GATEWAY].recv(pair.now, id).expect("open") {
                    got += bytes.len() as u64;
                }
            }
            got
        })
        .collect()
}

fn far() -> Line {
    Line { delay: Duration::from_millis(25), rate: 1 << 30, chunk: 256 * 1024, ..Line::default() }
}

#[test]
fn a_stream_reaches_nine_tenths_of_what_its_window_allows_at_50_ms() {
    let config = MuxConfig { max_window: 2 << 20, ..config() };
    let mut pair = Pair::ready(&config, &far()).without_audit();
    let id = pair.open(GATEWAY, b"");
    pair.settle();
    let got = stream_for(&mut pair, id, 3, Duration::from_secs(1));
    let bound = u64::from(config.max_window) * 20;
    assert!(got[1] * 10 >= bound * 9 && got[2] * 10 >= bound * 9, "{got:?} of {bound}");
    assert_eq!(pair.ends[GATEWAY].streams[&id].received.window(), u64::from(config.max_window));
    assert_eq!(pair.ends[AGENT].streams[&id].sent.window(), u64::from(config.max_window));
}

#[test]
fn a_window_grows_no_further_than_line_and_reader_need() {
    let line = Line { rate: 4 << 20, chunk: 16 * 1024, ..far() };
    let mut pair = Pair::ready(&config(), &line).without_audit();
    let id = pair.open(GATEWAY, b"");
    pair.settle();
    let got = stream_for(&mut pair, id, 4, Duration::from_secs(1));
    assert!(got[3] * 100 >= (4 << 20) * 95, "the line is full: {got:?}");
    let window = pair.ends[GATEWAY].streams[&id].received.window();
    assert!(window <= 1 << 20, "bandwidth x delay is 210 KB; {window} suffice");
}

#[test]
fn a_window_does_not_grow_for_a_slow_reader() {
    let mut pair = Pair::ready(&config(), &far()).without_audit();
    let id = pair.open(GATEWAY, b"");
    pair.settle();
    let piece = Bytes::from(vec![7; 64 * 1024]);
    for _ in 0..100 {
        while pair.ends[AGENT].send(id, &mut piece.clone()).expect("open") > 0 {}
        pair.run_for(Duration::from_millis(100));
        assert!(matches!(pair.ends[GATEWAY].recv(pair.now, id), Ok(Recv::Data(_))));
    }
    assert_eq!(pair.ends[GATEWAY].streams[&id].received.window(), 256 * 1024);
}

/// Between two ends of one machine a reader that gets its turn once a millisecond takes a whole window each time. What is
/// unread would be megabytes, and small answers behind them.
#[test]
fn a_window_does_not_grow_by_the_gulps_of_a_busy_reader() {
    let near = Line { delay: Duration::from_micros(20), ..far() };
    let mut pair = Pair::ready(&config(), &near).without_audit();
    let id = pair.open(GATEWAY, b"");
    pair.settle();
    let piece = Bytes::from(vec![7; 64 * 1024]);
    let mut got = 0;
    for _ in 0..100 {
        while pair.ends[AGENT].send(id, &mut piece.clone()).expect("open") > 0 {}
        pair.run_for(Duration::from_millis(1));
        while let Recv::Data(bytes) = pair.ends[GATEWAY].recv(pair.now, id).expect("open") {
            got += bytes.len();
        }
    }
    assert!(got >= 50 * 256 * 1024, "windows were taken whole: {got} bytes");
    // The first gulp has no time before it, and looks like a fast line.
    let window = pair.ends[GATEWAY].streams[&id].received.window();
    assert!(window <= 2 * 256 * 1024, "{window}");
}

#[test]
fn a_window_does_not_grow_while_the_shared_room_is_tight() {
    let config = MuxConfig { max_in_flight: 400 * 1024, ..config() };
    let mut pair = Pair::ready(&config, &far());
    let (stuck, id) = (pair.open(GATEWAY, b""), pair.open(GATEWAY, b""));
    pair.settle();
    pair.write(AGENT, stuck, &[1; 256 * 1024]);
    pair.settle();
    stream_for(&mut pair, id, 1, Duration::from_secs(1));
    assert_eq!(pair.ends[GATEWAY].streams[&id].received.window(), 256 * 1024);
}

#[test]
fn a_busy_stream_costs_few_window_frames() {
    let mut pair = Pair::ready(&config(), &far()).without_audit();
    let id = pair.open(GATEWAY, b"");
    pair.settle();
    let before = pair.written[GATEWAY];
    let got: u64 = stream_for(&mut pair, id, 1, Duration::from_secs(1)).iter().sum();
    let frames = (pair.written[GATEWAY] - before) / 12;
    assert!(got / frames >= 64 * 1024, "one for {} bytes", got / frames);
}
