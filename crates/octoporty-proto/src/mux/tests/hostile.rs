//! A peer that breaks the protocol, or floods within it.

use bytes::{Bytes, BytesMut};

use super::sim::{AGENT, GATEWAY, Line, Pair, ReadEnd, config, pattern, plain};
use crate::mux::{Event, LinkError, MuxConfig, OpenError};
use crate::wire::{Blame, Credit, End, Frame, Reset, ResetCode, StreamId, pack};

fn ready() -> Pair {
    Pair::ready(&config(), &Line::default())
}

fn bytes_of(frame: &Frame) -> BytesMut {
    let mut out = BytesMut::new();
    frame.put(&mut out);
    out
}

fn data(stream: u32, len: usize) -> Frame {
    Frame::Data { stream: StreamId(stream), payload: Bytes::from(vec![1; len]), end: End::More }
}

fn fin(stream: u32) -> Frame {
    Frame::Data { stream: StreamId(stream), payload: Bytes::new(), end: End::Fin }
}

fn open(stream: u32) -> Frame {
    Frame::Open { stream: StreamId(stream), open: plain(), first: Bytes::new(), end: End::More }
}

fn window(stream: u32, credit: Credit) -> Frame {
    Frame::Window { stream: StreamId(stream), credit }
}

fn reset(stream: u32) -> Frame {
    Frame::Reset { stream: StreamId(stream), reset: Reset::new(ResetCode::Cancelled, Blame::Gateway) }
}

/// Gives frames to the agent as if the gateway had sent them; all but the last must be legal. The text of the error.
fn breaks(pair: &mut Pair, frames: &[Frame]) -> &'static str {
    let (last, before) = frames.split_last().expect("a frame");
    for frame in before {
        pair.inject(AGENT, &bytes_of(frame)).expect("legal so far");
    }
    let error = pair.inject(AGENT, &bytes_of(last)).expect_err("not legal");
    assert_eq!(pair.inject(AGENT, &bytes_of(&Frame::Ping([0; 8]))), Err(error.clone()), "the link stays broken");
    match error {
        LinkError::Protocol(text) => text,
        LinkError::Silent(_) => panic!("{error}"),
    }
}

#[test]
fn frames_of_streams_that_were_never_opened_break_the_link() {
    for frame in [data(9, 1), window(9, Credit::Return(1)), reset(9), data(8, 1), window(8, Credit::Return(1))] {
        assert_eq!(breaks(&mut ready(), &[open(7), frame]), "a frame of a stream that was never opened");
    }
}

#[test]
fn frames_for_a_stream_whose_open_frame_has_not_left_yet_break_the_link() {
    let mut pair = ready();
    let id = pair.ends[AGENT].open(&plain(), &mut Bytes::new()).unwrap();
    for frame in [data(id.0, 1), window(id.0, Credit::Widen(1)), reset(id.0)] {
        let mut pair = ready();
        pair.ends[AGENT].open(&plain(), &mut Bytes::new()).unwrap();
        assert_eq!(breaks(&mut pair, &[frame]), "a frame of a stream that was never opened");
    }
}

#[test]
fn frames_of_a_forgotten_stream_are_ignored() {
    let mut pair = ready();
    pair.inject(AGENT, &bytes_of(&open(7))).unwrap();
    pair.ends[AGENT].release(StreamId(7));
    pair.pump();
    for frame in [data(7, 50_000), window(7, Credit::Return(5)), reset(7), fin(7), fin(7)] {
        pair.inject(AGENT, &bytes_of(&frame)).expect("it races with the reset");
    }
    assert_eq!(pair.ends[AGENT].load().unreturned, 0, "and it counts for nothing");
    // A number that was passed over is a used one.
    pair.inject(AGENT, &bytes_of(&data(3, 10))).unwrap();
}

#[test]
fn stream_numbers_only_rise_and_keep_to_their_side() {
    let text = "a stream opened with a number that is used or not the opener's";
    assert_eq!(breaks(&mut ready(), &[open(7), open(7)]), text);
    assert_eq!(breaks(&mut ready(), &[open(7), open(5)]), text);
    assert_eq!(breaks(&mut ready(), &[open(8)]), text);
}

#[test]
fn data_after_the_end_breaks_the_link() {
    assert_eq!(breaks(&mut ready(), &[open(1), fin(1), data(1, 1)]), "data after the end of its stream's direction");
}

#[test]
fn data_over_the_window_breaks_the_link() {
    let frames = [open(1), data(1, 128 * 1024), data(1, 128 * 1024), data(1, 1)];
    assert_eq!(breaks(&mut ready(), &frames), "more data than the window allows");
}

#[test]
fn data_over_the_shared_cap_breaks_the_link_though_each_window_is_kept() {
    let config = MuxConfig { max_in_flight: 200_000, stream_floor: 10_000, ..config() };
    let mut pair = Pair::ready(&config, &Line::default());
    // 3 x (80,000 - 10,000) = 210,000.
    let frames = [open(1), open(3), open(5), data(1, 80_000), data(3, 80_000), data(5, 80_000)];
    assert_eq!(breaks(&mut pair, &frames), "more data than the window allows");
}

#[test]
fn control_data_over_its_window_breaks_the_link() {
    let frames = [data(0, 128 * 1024), data(0, 128 * 1024), data(0, 1)];
    assert_eq!(breaks(&mut ready(), &frames), "more control data than its window allows");
}

#[test]
fn credit_for_bytes_that_were_never_sent_breaks_the_link() {
    let text = "more bytes given back than were sent";
    assert_eq!(breaks(&mut ready(), &[open(1), window(1, Credit::Return(1))]), text);
    assert_eq!(breaks(&mut ready(), &[window(0, Credit::Return(1))]), text);
    let mut pair = ready();
    pair.inject(AGENT, &bytes_of(&open(1))).unwrap();
    pair.ends[AGENT].send(StreamId(1), &mut Bytes::from_static(b"queued, not sent")).unwrap();
    assert_eq!(breaks(&mut pair, &[window(1, Credit::Return(16))]), text);
}

#[test]
fn a_window_beyond_reason_breaks_the_link() {
    let wide = window(1, Credit::Widen(1 << 29));
    let frames = [open(1), wide.clone(), wide];
    assert_eq!(breaks(&mut ready(), &frames), "a window of more than a gibibyte");
    assert_eq!(breaks(&mut ready(), &[window(0, Credit::Widen(1))]), "a window of more than a gibibyte");
}

#[test]
fn a_stream_opened_after_go_away_breaks_the_link() {
    let go_away = Frame::GoAway { last: StreamId(0) };
    let mut pair = ready();
    assert_eq!(breaks(&mut pair, &[open(1), go_away, open(3)]), "a stream opened after go-away");
    let unknown = Frame::GoAway { last: StreamId(2) };
    assert_eq!(breaks(&mut ready(), &[unknown]), "a go-away that names a stream that was never opened");
}

#[test]
fn a_bomb_is_refused_before_it_is_unpacked() {
    let zeros = vec![0; 128 * 1024];
    let block = pack(&zeros).unwrap();
    assert!(block.len() < 600);
    let bomb = |raw_len| Frame::Packed { stream: StreamId(1), raw_len, block: block.clone(), end: End::More };
    let text = "a compressed block that does not unpack to its declared length";
    assert_eq!(breaks(&mut ready(), &[open(1), bomb(128 * 1024 + 1)]), text, "declared over the limit");
    assert_eq!(breaks(&mut ready(), &[open(1), bomb(1000)]), text, "unpacks to more than declared");
    let window = "more data than the window allows";
    let fits = bomb(128 * 1024);
    assert_eq!(breaks(&mut ready(), &[open(1), fits.clone(), fits.clone(), fits]), window, "raw bytes count");
}

#[test]
fn streams_opened_over_the_limit_without_reading_the_refusals_end_the_link() {
    let mut pair = Pair::ready(&MuxConfig { max_streams: 4, ..config() }, &Line::default());
    let mut refused = 0;
    let error = loop {
        // Nothing is transmitted: the peer does not read.
        if let Err(error) = pair.inject(AGENT, &bytes_of(&open(2 * refused + 1))) {
            break error;
        }
        refused += 1;
    };
    assert_eq!(error, LinkError::Protocol("streams opened over the limit without reading the refusals"));
    assert!((1000..2000).contains(&refused), "after {refused}");
}

#[test]
fn floods_of_small_frames_do_not_grow_what_waits_to_be_sent() {
    let mut pair = ready();
    pair.inject(AGENT, &bytes_of(&open(1))).unwrap();
    let mut wake = Vec::new();
    for n in 0..20_000_u64 {
        pair.inject(AGENT, &bytes_of(&Frame::Ping(n.to_be_bytes()))).unwrap();
        pair.inject(AGENT, &bytes_of(&Frame::Pong([9; 8]))).unwrap();
        pair.inject(AGENT, &bytes_of(&data(1, 1))).unwrap();
        pair.inject(AGENT, &bytes_of(&data(1, 0))).unwrap();
        pair.inject(AGENT, &bytes_of(&window(1, Credit::Widen(1)))).unwrap();
        pair.read(AGENT, StreamId(1));
        wake.extend(pair.events[AGENT].drain(..));
    }
    let mut out = Vec::new();
    let written = pair.ends[AGENT].transmit(pair.now, usize::MAX, &mut out);
    assert!(written < 500, "16 pongs and one merged window: {written} bytes");
    assert!(wake.iter().filter(|event| **event == Event::Readable(StreamId(1))).count() <= 20_000);
}

#[test]
fn streams_that_a_peer_fills_and_resets_hold_no_more_than_the_cap_though_nobody_reads_them() {
    let config = MuxConfig { max_in_flight: 200_000, stream_floor: 10_000, ..config() };
    let mut pair = Pair::ready(&config, &Line::default());
    let refused = Reset::new(ResetCode::TargetReset, Blame::Target);
    let ids: Vec<StreamId> = (0..30).map(|_| pair.open(GATEWAY, b"")).collect();
    let mut filled = Vec::new();
    for (n, id) in ids.iter().enumerate() {
        pair.settle();
        filled.push(pair.write(AGENT, *id, &pattern(1, 0, 100_000)));
        // What is cut must not look whole, though its end had come.
        if n % 2 == 0 {
            pair.ends[AGENT].finish(*id).unwrap();
        }
        pair.settle();
        pair.ends[AGENT].reset(*id, refused.clone());
        pair.settle();
    }
    assert!(filled.iter().all(|filled| *filled == 100_000), "a reset frees the books: {filled:?}");
    let kept = pair.ends[GATEWAY].load().kept;
    assert!(kept <= 200_000 + 30 * 10_000, "{kept} bytes are kept");
    assert_eq!(kept, 200_000, "two that fit, and no part of another");
    for (n, id) in ids.iter().enumerate() {
        let read = pair.read(GATEWAY, *id);
        let end = if n == 0 { ReadEnd::Finished } else { ReadEnd::Reset(refused.clone()) };
        assert_eq!(read.end, end);
        assert_eq!(read.bytes, pattern(1, 0, if n < 2 { 100_000 } else { 0 }), "stream {n}");
    }
    assert_eq!(pair.ends[GATEWAY].load().kept, 0, "room for others");
}

#[test]
fn a_few_bytes_of_a_stuck_stream_do_not_hold_the_buffer_they_came_in() {
    let mut pair = ready();
    let mut read = bytes_of(&open(1));
    read.extend_from_slice(&bytes_of(&open(3)));
    read.extend_from_slice(&bytes_of(&data(1, 100)));
    read.extend_from_slice(&bytes_of(&data(3, 100_000)));
    let read = read.freeze();
    let range = read.as_ptr() as usize..read.as_ptr() as usize + read.len();
    pair.ends[AGENT].receive(pair.now, read).unwrap();
    let mut taken = |id: u32| match pair.ends[AGENT].recv(pair.now, StreamId(id)).unwrap() {
        crate::mux::Recv::Data(bytes) => range.contains(&(bytes.as_ptr() as usize)),
        other => panic!("{other:?}"),
    };
    assert!(!taken(1), "a hundred bytes are copied out");
    assert!(taken(3), "a large payload is not");
}

/// A block that a link was read into; tells how many there are.
struct Block {
    bytes: Vec<u8>,
    _one: std::sync::Arc<()>,
}

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[test]
fn a_sixteenth_of_a_block_on_each_of_many_stuck_streams_does_not_hold_all_blocks() {
    const BLOCK: usize = 256 * 1024;
    const SLICE: usize = BLOCK / 16;
    let config = MuxConfig { max_in_flight: 4 << 20, ..config() };
    let mut pair = Pair::ready(&config, &Line::default());
    let blocks = std::sync::Arc::new(());
    let (stuck, eager) = (200, 1);
    pair.inject(AGENT, &bytes_of(&open(eager))).unwrap();
    for n in 1..=stuck {
        let mut read = bytes_of(&open(eager + 2 * n));
        read.extend_from_slice(&bytes_of(&data(eager + 2 * n, SLICE)));
        let rest = BLOCK - read.len() - 2 * 8;
        read.extend_from_slice(&bytes_of(&data(eager, rest / 2)));
        read.extend_from_slice(&bytes_of(&data(eager, rest - rest / 2)));
        let block = Bytes::from_owner(Block { bytes: read.to_vec(), _one: std::sync::Arc::clone(&blocks) });
        pair.ends[AGENT].receive(pair.now, block).unwrap();
        assert_eq!(pair.read(AGENT, StreamId(eager)).bytes.len(), rest);
        pair.pump();
    }
    let unread = stuck as usize * SLICE;
    let held = (std::sync::Arc::strong_count(&blocks) - 1) * BLOCK;
    assert!(held <= 2 * unread + (1 << 20), "{held} bytes of blocks are held by {unread} that nobody reads");
    assert!(held > 0, "a few are not copied");
    for n in 1..=stuck {
        assert_eq!(pair.read(AGENT, StreamId(eager + 2 * n)).bytes.len(), SLICE);
    }
    assert_eq!(std::sync::Arc::strong_count(&blocks), 1);
    assert_eq!(pair.ends[AGENT].books.slack().0, 0);
}

#[test]
fn a_stream_of_tiny_pieces_takes_little_more_memory_than_its_bytes() {
    let mut pair = ready();
    let id = pair.open(GATEWAY, b"");
    pair.settle();
    for offset in 0..100_000 {
        assert_eq!(pair.write(GATEWAY, id, &pattern(1, offset, 1)), 1);
    }
    let pieces = std::iter::from_fn(|| pair.ends[GATEWAY].streams.get_mut(&id)?.outbox.pop(usize::MAX)).count();
    assert!(pieces < 50, "{pieces} pieces");
}

#[test]
fn stream_numbers_that_are_used_up_ask_for_a_new_link() {
    let mut pair = ready();
    pair.ends[GATEWAY].ids.next_local = Some(u32::MAX);
    pair.open(GATEWAY, b"the last one");
    assert_eq!(pair.ends[GATEWAY].open(&plain(), &mut Bytes::new()), Err(OpenError::Exhausted));
    pair.settle();
    assert_eq!(pair.read(AGENT, StreamId(u32::MAX)).bytes, b"the last one");
}

#[test]
fn garbage_instead_of_a_link_is_told_by_its_first_bytes() {
    for (bytes, text) in [
        (&b"GET / HTTP/1.1\r\n"[..], "the first bytes are not those of a tunnel link"),
        (b"OCTOMUX\x02", "the link's framing is of another version; update the older of gateway and agent"),
    ] {
        let mut pair = Pair::new(&config(), &Line::default(), 1);
        assert_eq!(pair.inject(AGENT, bytes), Err(LinkError::Protocol(text)));
    }
}
