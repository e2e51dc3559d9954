//! Compression of stream data.

use bytes::Bytes;

use super::sim::{AGENT, GATEWAY, Line, Pair, config, open_for, pattern};
use crate::model::Compression;
use crate::mux::packing::{Advice, Packing};
use crate::mux::{MuxConfig, Recv};
use crate::wire::StreamId;

/// Sends `body` from the agent in pieces of `piece`; gives the bytes that this took on the line.
fn cost(pair: &mut Pair, id: StreamId, body: &Bytes, piece: usize) -> u64 {
    let before = pair.written[AGENT];
    let mut left = body.clone();
    let mut got = Vec::new();
    while got.len() < body.len() {
        let mut next = left.split_to(piece.min(left.len()));
        let len = next.len();
        while !next.is_empty() {
            pair.ends[AGENT].send(id, &mut next).unwrap();
            pair.settle();
            while let Ok(Recv::Data(bytes)) = pair.ends[GATEWAY].recv(pair.now, id) {
                got.extend_from_slice(&bytes);
            }
            pair.settle();
        }
        assert!(len > 0);
    }
    assert!(got == *body, "the bytes are the same");
    pair.written[AGENT] - before
}

fn text(len: usize) -> Bytes {
    let words = ["tunnel ", "gateway ", "agent ", "visitor ", "target ", "stream "];
    let mut random = fastrand::Rng::with_seed(5);
    let mut text = String::new();
    while text.len() < len {
        text.push_str(words[random.usize(0..words.len())]);
    }
    text.truncate(len);
    Bytes::from(text)
}

fn opened(compression: Compression) -> (Pair, StreamId) {
    let mut pair = Pair::ready(&config(), &Line::default());
    pair.ends[AGENT].enable_lz4();
    let id = pair.ends[GATEWAY].open(&open_for(compression), &mut Bytes::new()).unwrap();
    pair.settle();
    (pair, id)
}

#[test]
fn text_is_compressed_when_both_sides_can() {
    let (mut pair, id) = opened(Compression::Auto);
    let body = text(300_000);
    let packed = cost(&mut pair, id, &body, 30_000);
    assert!(packed < 200_000, "{packed}");
    let stats = pair.ends[GATEWAY].stats();
    assert_eq!(stats.bytes_received, 300_000, "figures count raw bytes");
}

#[test]
fn nothing_is_compressed_before_it_was_negotiated_or_when_the_mapping_says_off() {
    let mut pair = Pair::ready(&config(), &Line::default());
    let id = pair.ends[GATEWAY].open(&open_for(Compression::On), &mut Bytes::new()).unwrap();
    pair.settle();
    assert!(cost(&mut pair, id, &text(100_000), 10_000) >= 100_000);
    let (mut pair, id) = opened(Compression::Off);
    assert!(cost(&mut pair, id, &text(100_000), 10_000) >= 100_000);
}

#[test]
fn small_payloads_are_not_compressed() {
    let (mut pair, id) = opened(Compression::On);
    assert!(cost(&mut pair, id, &text(50_000), 500) >= 50_000);
}

#[test]
fn what_does_not_compress_is_sent_as_it_is() {
    for compression in [Compression::Auto, Compression::On] {
        let (mut pair, id) = opened(compression);
        let body = pattern(4, 0, 300_000);
        let frames = 30;
        assert!(cost(&mut pair, id, &body, 10_000) <= 300_000 + frames * 8 + 200);
    }
}

#[test]
fn auto_gives_up_after_two_blocks_and_tries_again_ever_more_rarely() {
    let mut packing = Packing::new(Compression::Auto);
    let mut tried = Vec::new();
    for frame in 0..3_000 {
        if packing.advise(10_000) == Advice::Pack {
            tried.push(frame);
            assert_eq!(packing.learn(10_000, 9_000), Advice::Plain, "10 % is too little");
        }
    }
    assert_eq!(tried, [0, 1, 66, 195, 452, 965, 1990], "with rests of 64, 128, 256, 512, 1024 frames");
}

#[test]
fn auto_goes_on_when_a_block_saves_an_eighth() {
    let mut packing = Packing::new(Compression::Auto);
    for _ in 0..1000 {
        assert_eq!(packing.advise(10_000), Advice::Pack);
        assert_eq!(packing.learn(10_000, 8_750), Advice::Pack);
    }
    assert_eq!(packing.learn(10_000, 9_900), Advice::Plain);
    assert_eq!(packing.advise(10_000), Advice::Pack, "one odd block is no reason to stop");
}

#[test]
fn flow_control_counts_raw_bytes() {
    let config = MuxConfig { initial_window: 50_000, max_window: 50_000, ..config() };
    let mut pair = Pair::ready(&config, &Line::default());
    pair.ends[AGENT].enable_lz4();
    let id = pair.ends[GATEWAY].open(&open_for(Compression::On), &mut Bytes::new()).unwrap();
    pair.settle();
    assert_eq!(pair.write(AGENT, id, &vec![0; 200_000]), 50_000);
    pair.settle();
    assert_eq!(pair.ends[AGENT].load().in_flight, 50_000);
    assert_eq!(pair.ends[GATEWAY].load().unreturned, 50_000);
    assert!(pair.written[AGENT] < 2_000, "zeros are short on the line");
}
