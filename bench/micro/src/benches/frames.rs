//! The frame codec.

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use octoporty_proto::wire::{Decoder, End, Frame, PREFACE, StreamId};

use super::open;
use crate::meter::Meter;

/// Frames that one read of a busy link has in it.
const FRAMES: u64 = 64;

pub(super) fn run(meter: &Meter) {
    for (what, bytes) in [("100 B", 100), ("16 KiB", 16 * 1024)] {
        let frame = Frame::Data { stream: StreamId(7), payload: Bytes::from(vec![7; bytes]), end: End::More };
        both_ways(meter, &format!("data {what}"), &frame);
    }
    let first = Bytes::from(vec![7; 100]);
    let frame = Frame::Open { stream: StreamId(7), open: open(), first, end: End::More };
    both_ways(meter, "open 100 B", &frame);
}

fn both_ways(meter: &Meter, what: &str, frame: &Frame) {
    let mut out = BytesMut::new();
    meter.count(&format!("frame/encode {what}"), "frame", 200, || {
        out.clear();
        for _ in 0..FRAMES {
            black_box(frame).put(&mut out);
        }
        FRAMES
    });
    let mut decoder = Decoder::default();
    let mut preface = Bytes::from_static(&PREFACE);
    assert!(matches!(decoder.next(&mut preface), Ok(None)), "a preface is no frame");
    let mut frames = BytesMut::new();
    (0..FRAMES).for_each(|_| frame.put(&mut frames));
    let frames = frames.freeze();
    meter.count(&format!("frame/decode {what}"), "frame", 200, || {
        let mut input = frames.clone();
        let mut found = 0;
        while let Ok(Some(frame)) = decoder.next(&mut input) {
            black_box(frame);
            found += 1;
        }
        assert_eq!(found, FRAMES, "every frame is found");
        found
    });
}
