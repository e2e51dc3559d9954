//! Bytes of a link: to the decoder in two cuts, and to one end of a link.

#![no_main]

use std::time::Instant;

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use octoporty_proto::mux::{Event, Mux, MuxConfig, Recv};
use octoporty_proto::wire::{
    Decoder, End, Frame, FrameError, HEADER_LEN, MAX_PAYLOAD, PREFACE, Side, StreamId, unpack,
};

/// Decodes pieces of at most `chunk` bytes. Pieces of one Data frame are joined where they follow each other, since
/// that is what a cut may change.
fn decode(bytes: &Bytes, chunk: usize) -> (Vec<Frame>, Option<FrameError>) {
    let mut decoder = Decoder::default();
    let mut preface = Bytes::from_static(&PREFACE);
    assert_eq!(decoder.next(&mut preface), Ok(None));
    let mut frames: Vec<Frame> = Vec::new();
    for piece in bytes.chunks(chunk) {
        let mut piece = bytes.slice_ref(piece);
        loop {
            match decoder.next(&mut piece) {
                Ok(None) => break,
                Ok(Some(frame)) => add(&mut frames, frame),
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}

fn add(frames: &mut Vec<Frame>, frame: Frame) {
    match (frames.last_mut(), frame) {
        (
            Some(Frame::Data { stream, payload, end: last_end @ End::More }),
            Frame::Data { stream: same, payload: more, end },
        ) if *stream == same => {
            *payload = Bytes::from([&payload[..], &more[..]].concat());
            *last_end = end;
        }
        (_, frame) => frames.push(frame),
    }
}

/// What is read can be written, and is then read as the same.
fn check_frame(frame: &Frame) {
    if let Frame::Packed { raw_len, block, .. } = frame {
        assert!(
            unpack(block, *raw_len).is_ok_and(|raw| raw.len() == *raw_len as usize) || unpack(block, *raw_len).is_err()
        );
    }
    if frame.encoded_len() > HEADER_LEN + MAX_PAYLOAD {
        // Several Data frames, joined.
        assert!(matches!(frame, Frame::Data { .. }));
        return;
    }
    let mut out = BytesMut::new();
    frame.put(&mut out);
    assert_eq!(out.len(), frame.encoded_len());
    let (again, error) = decode(&out.freeze(), usize::MAX);
    assert_eq!((again, error), (vec![frame.clone()], None));
}

/// One end takes the bytes or fails; what it writes is legal.
fn check_mux(bytes: &Bytes, chunk: usize) {
    let now = Instant::now();
    let config = MuxConfig { max_streams: 8, initial_window: 4096, max_in_flight: 16 * 1024, ..MuxConfig::default() };
    let mut mux = Mux::new(Side::Agent, config, now);
    let mut out = Vec::new();
    let mut first = Bytes::from_static(b"some bytes of its own");
    let open = octoporty_proto::wire::Open {
        mapping: octoporty_proto::model::MappingId::from_uuid(uuid::Uuid::nil()),
        visitor: None,
        compression: octoporty_proto::model::Compression::Auto,
    };
    let own = mux.open(&open, &mut first).expect("a fresh link");
    mux.transmit(now, usize::MAX, &mut out);
    mux.receive(now, Bytes::from_static(&PREFACE)).expect("the preface is right");
    let mut streams = vec![own];
    for piece in bytes.chunks(chunk) {
        let result = mux.receive(now, bytes.slice_ref(piece));
        while let Some(event) = mux.poll_event() {
            match event {
                Event::Opened(id, _) => streams.push(id),
                Event::Readable(id) if id.0 % 4 < 2 => read(&mut mux, now, id),
                _ => {}
            }
        }
        while mux.recv_control().is_some() {}
        mux.transmit(now, usize::MAX, &mut out);
        if result.is_err() {
            break;
        }
        assert!(mux.load().unreturned <= 16 * 1024 + 9 * 16 * 1024, "what was received is bounded by cap and floors");
    }
    let written = Bytes::from(out.concat());
    let (_, error) = decode(&written.slice(PREFACE.len()..), usize::MAX);
    assert_eq!(error, None, "what it writes is legal");
    mux.link_lost("the end");
    for id in streams {
        read(&mut mux, now, id);
        mux.release(id);
    }
    assert_eq!(mux.load().remembered, 0);
}

fn read(mux: &mut Mux, now: Instant, id: StreamId) {
    while let Ok(Recv::Data(bytes)) = mux.recv(now, id) {
        assert!(!bytes.is_empty());
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((chunk, bytes)) = input.split_first() else { return };
    let chunk = usize::from(*chunk) + 1;
    let bytes = Bytes::copy_from_slice(bytes);
    let (frames, error) = decode(&bytes, usize::MAX);
    let (cut_frames, cut_error) = decode(&bytes, chunk);
    assert_eq!(error, cut_error);
    assert_eq!(frames, cut_frames);
    frames.iter().for_each(check_frame);
    check_mux(&bytes, chunk);
});
