//! Properties of the frame codec.

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use octoporty_proto::model::{Compression, MappingId};
use octoporty_proto::wire::{
    Blame, Credit, Decoder, End, Frame, FrameError, HEADER_LEN, MAX_PAYLOAD, Open, PREFACE, Reset, ResetCode, StreamId,
    pack, unpack,
};
use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

fn ends() -> impl Strategy<Value = End> {
    prop_oneof![Just(End::More), Just(End::Fin)]
}

fn numbers() -> impl Strategy<Value = StreamId> {
    (1..=u32::MAX).prop_map(StreamId)
}

fn bytes(most: usize) -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..most).prop_map(Bytes::from)
}

fn opens() -> impl Strategy<Value = Open> {
    let compressions = prop_oneof![Just(Compression::Auto), Just(Compression::On), Just(Compression::Off)];
    let address = any::<(std::net::IpAddr, u16)>().prop_map(SocketAddr::from);
    (any::<u128>(), proptest::option::of(address), compressions).prop_map(|(mapping, visitor, compression)| Open {
        mapping: MappingId::from_uuid(Uuid::from_u128(mapping)),
        visitor,
        compression,
    })
}

fn resets() -> impl Strategy<Value = Reset> {
    let blames = prop_oneof![
        Just(Blame::Visitor),
        Just(Blame::Gateway),
        Just(Blame::Link),
        Just(Blame::Agent),
        Just(Blame::Target)
    ];
    (any::<u16>(), blames, "\\PC{0,60}").prop_map(|(code, blame, detail)| Reset {
        code: ResetCode(code),
        blame,
        detail,
    })
}

/// Any frame that is given whole in any cut.
fn whole_frames() -> impl Strategy<Value = Frame> {
    let credits = prop_oneof![(1..=u32::MAX).prop_map(Credit::Return), (1..=u32::MAX).prop_map(Credit::Widen)];
    let most = u32::try_from(MAX_PAYLOAD).expect("128 KiB");
    prop_oneof![
        (numbers(), opens(), bytes(3000), ends()).prop_map(|(stream, open, first, end)| Frame::Open {
            stream,
            open,
            first,
            end
        }),
        (numbers(), 1..=most, vec(any::<u8>(), 1..3000), ends()).prop_map(|(stream, raw_len, block, end)| {
            Frame::Packed { stream, raw_len, block: Bytes::from(block), end }
        }),
        (any::<u32>().prop_map(StreamId), credits).prop_map(|(stream, credit)| Frame::Window { stream, credit }),
        (numbers(), resets()).prop_map(|(stream, reset)| Frame::Reset { stream, reset }),
        any::<[u8; 8]>().prop_map(Frame::Ping),
        any::<[u8; 8]>().prop_map(Frame::Pong),
        any::<u32>().prop_map(|last| Frame::GoAway { last: StreamId(last) }),
    ]
}

fn frames() -> impl Strategy<Value = Frame> {
    prop_oneof![
        3 => whole_frames(),
        1 => (numbers(), bytes(5000), ends()).prop_map(|(stream, payload, end)| Frame::Data { stream, payload, end }),
    ]
}

/// Preface and frames as they go over a link.
fn line(frames: &[Frame]) -> Bytes {
    let mut out = BytesMut::from(&PREFACE[..]);
    for frame in frames {
        frame.put(&mut out);
    }
    out.freeze()
}

/// Decodes pieces; pieces of one Data frame are joined again.
fn decode(pieces: impl IntoIterator<Item = Bytes>) -> Result<Vec<Frame>, FrameError> {
    let mut decoder = Decoder::default();
    let mut frames = Vec::new();
    for mut piece in pieces {
        while let Some(frame) = decoder.next(&mut piece)? {
            frames.push(frame);
        }
        assert!(piece.is_empty(), "the input is used up");
    }
    Ok(frames)
}

/// Joined bytes of a stream.
type Joined = (StreamId, Vec<u8>, End);

/// Data as a reader sees it: bytes by stream and where each ends; the rest as it is.
fn flatten(frames: &[Frame]) -> (Vec<Frame>, Vec<Joined>) {
    let mut rest = Vec::new();
    let mut data: Vec<Joined> = Vec::new();
    for frame in frames {
        match frame {
            Frame::Data { stream, payload, end } => match data.last_mut() {
                Some((last, bytes, last_end @ End::More)) if last == stream => {
                    bytes.extend_from_slice(payload);
                    *last_end = *end;
                }
                _ => data.push((*stream, payload.to_vec(), *end)),
            },
            other => rest.push(other.clone()),
        }
    }
    (rest, data)
}

fn header(kind: u8, flags: u8, len: usize, stream: u32) -> Vec<u8> {
    let mut header = PREFACE.to_vec();
    header.push(kind << 4 | flags);
    header.extend_from_slice(&u32::try_from(len).expect("three bytes").to_be_bytes()[1..]);
    header.extend_from_slice(&stream.to_be_bytes());
    header
}

fn refused(bytes: Vec<u8>) -> FrameError {
    decode([Bytes::from(bytes)]).expect_err("not legal")
}

proptest! {
    #[test]
    fn a_frame_is_read_as_it_was_written(frame in frames()) {
        let mut out = BytesMut::new();
        frame.put(&mut out);
        prop_assert_eq!(out.len(), frame.encoded_len());
        prop_assert_eq!(decode([line(std::slice::from_ref(&frame))]), Ok(vec![frame]));
    }

    #[test]
    fn where_the_link_is_cut_means_nothing(frames in vec(frames(), 0..12), cuts in vec(1..600_usize, 1..40)) {
        let mut whole = line(&frames);
        let mut pieces = Vec::new();
        for cut in cuts.iter().cycle() {
            if whole.is_empty() {
                break;
            }
            pieces.push(whole.split_to((*cut).min(whole.len())));
        }
        let read = decode(pieces).expect("legal");
        prop_assert_eq!(flatten(&read), flatten(&frames));
    }

    #[test]
    fn perturbed_bytes_are_refused_or_read_within_the_limits(
        frames in vec(frames(), 1..6),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = line(&frames).to_vec();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let Ok(read) = decode([Bytes::from(bytes)]) else { return Ok(()) };
        for frame in read {
            prop_assert!(frame.encoded_len() <= HEADER_LEN + MAX_PAYLOAD);
            if let Frame::Reset { reset, .. } = &frame {
                prop_assert!(reset.detail.len() <= Reset::MAX_DETAIL);
            }
            if let Frame::Packed { raw_len, block, .. } = frame {
                let length = unpack(&block, raw_len).map(|raw| raw.len());
                prop_assert!(length.is_err() || length == Ok(raw_len as usize));
            }
        }
    }

    #[test]
    fn a_block_unpacks_to_what_was_packed(seed in vec(any::<u8>(), 1..200), times in 1..300_usize) {
        let raw = seed.repeat(times);
        if let Some(block) = pack(&raw) {
            prop_assert!(block.len() + 4 < raw.len());
            let raw_len = u32::try_from(raw.len()).unwrap();
            prop_assert_eq!(unpack(&block, raw_len).unwrap(), raw);
            prop_assert_eq!(unpack(&block, raw_len - 1), Err(FrameError::Packed));
            prop_assert_eq!(unpack(&block, raw_len + 1), Err(FrameError::Packed));
        }
    }

    #[test]
    fn a_long_detail_is_cut_at_a_character(detail in "\\PC{0,400}") {
        let reset = Reset { code: ResetCode::Internal, blame: Blame::Agent, detail: detail.clone() };
        let frame = Frame::Reset { stream: StreamId(1), reset };
        let read = decode([line(&[frame])]).expect("legal");
        let [Frame::Reset { reset, .. }] = &read[..] else { panic!("{read:?}") };
        prop_assert!(detail.starts_with(&reset.detail));
        prop_assert!(reset.detail.len() <= Reset::MAX_DETAIL);
        prop_assert!(reset.detail == detail || reset.detail.len() > Reset::MAX_DETAIL - 4);
    }
}

#[test]
fn a_header_over_its_limits_is_refused_before_any_payload_is_there() {
    let over = MAX_PAYLOAD + 1;
    for (kind, len) in [(1, over), (2, over), (2, 19), (3, 3), (3, 5), (4, 2), (4, 260), (5, 7), (6, 9), (7, 5)] {
        let stream = u32::from(kind < 5);
        assert_eq!(refused(header(kind, 0, len, stream)), FrameError::Length, "kind {kind}, {len} bytes");
    }
    assert_eq!(refused(header(1, 2, 4, 1)), FrameError::Length, "a compressed frame without a block");
    assert_eq!(refused(header(12, 0, over, 0)), FrameError::Length, "an unknown kind is bounded too");
}

#[test]
fn flags_and_stream_numbers_must_go_with_the_kind() {
    for (kind, flags, len, stream) in [
        (1, 4, 1, 1),
        (1, 8, 1, 1),
        (1, 1, 1, 0),
        (2, 2, 20, 1),
        (3, 2, 4, 1),
        (4, 1, 3, 1),
        (5, 1, 8, 0),
        (7, 8, 4, 0),
    ] {
        assert_eq!(refused(header(kind, flags, len, stream)), FrameError::Flags, "kind {kind}, flags {flags}");
    }
    for (kind, flags, len, stream) in
        [(1, 2, 9, 0), (2, 0, 20, 0), (4, 0, 3, 0), (5, 0, 8, 1), (6, 0, 8, 2), (7, 0, 4, 1)]
    {
        assert_eq!(refused(header(kind, flags, len, stream)), FrameError::Stream, "kind {kind}, stream {stream}");
    }
    assert_eq!(refused(header(0, 0, 0, 0)), FrameError::Kind);
}

#[test]
fn kinds_of_newer_releases_are_skipped() {
    let mut bytes = header(9, 0b1010, 5000, 77);
    bytes.extend_from_slice(&[3; 5000]);
    Frame::Ping([1; 8]).put_after(&mut bytes);
    for chunk in [1, 7, 5000, 10_000] {
        let pieces = bytes.chunks(chunk).map(Bytes::copy_from_slice);
        assert_eq!(decode(pieces), Ok(vec![Frame::Ping([1; 8])]));
    }
}

/// Appends to plain bytes.
trait PutAfter {
    fn put_after(&self, bytes: &mut Vec<u8>);
}

impl PutAfter for Frame {
    fn put_after(&self, bytes: &mut Vec<u8>) {
        let mut out = BytesMut::new();
        self.put(&mut out);
        bytes.extend_from_slice(&out);
    }
}

#[test]
fn fields_appended_to_an_open_frames_head_are_ignored() {
    let mut bytes = header(2, 0, 2 + 18 + 10 + 5, 1);
    bytes.extend_from_slice(&[0, 28]);
    bytes.extend_from_slice(&[9; 16]);
    bytes.extend_from_slice(&[0, 77]);
    bytes.extend_from_slice(&[0xee; 10]);
    bytes.extend_from_slice(b"first");
    let read = decode([Bytes::from(bytes)]).expect("legal");
    let [Frame::Open { open, first, .. }] = &read[..] else { panic!("{read:?}") };
    assert_eq!(&first[..], b"first");
    assert_eq!(open.compression, Compression::Off, "a mode that is not known is off");
}

#[test]
fn malformed_payloads_are_refused() {
    let head = |head: &[u8]| {
        let mut bytes = header(2, 0, 2 + head.len().max(18), 1);
        bytes.extend_from_slice(&u16::try_from(head.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(head);
        bytes.resize(bytes.len() + 18_usize.saturating_sub(head.len()), 0);
        bytes
    };
    assert_eq!(refused(head(&[1; 17])), FrameError::Payload, "too short for its fields");
    assert_eq!(refused(head(&[5; 18])), FrameError::Payload, "no such kind of address");
    assert_eq!(refused(head(&[6; 30])), FrameError::Payload, "an address that is cut");
    assert_eq!(refused(head(&[0; 1025])), FrameError::Payload, "a head over its limit");
    let mut longer = header(2, 0, 20, 1);
    longer.extend_from_slice(&[0, 200]);
    longer.extend_from_slice(&[0; 18]);
    assert_eq!(refused(longer), FrameError::Payload, "a head longer than the frame");
    let mut reset = header(4, 0, 5, 1);
    reset.extend_from_slice(&[0, 1, 2, 0xff, 0xfe]);
    assert_eq!(refused(reset), FrameError::Payload, "a detail that is not text");
    for raw_len in [0, u32::try_from(MAX_PAYLOAD).unwrap() + 1, u32::MAX] {
        let mut packed = header(1, 2, 5, 1);
        packed.extend_from_slice(&raw_len.to_be_bytes());
        packed.push(0);
        assert_eq!(refused(packed), FrameError::Packed);
    }
    let mut nothing = header(3, 0, 4, 1);
    nothing.extend_from_slice(&[0; 4]);
    assert_eq!(refused(nothing), FrameError::Credit);
}

#[test]
fn what_is_not_a_link_is_refused_at_the_first_wrong_byte() {
    assert_eq!(refused(b"HTTP/1.1 502 Bad Gateway".to_vec()), FrameError::Preface);
    assert_eq!(refused(b"OCTX".to_vec()), FrameError::Preface, "not only when eight bytes are there");
    assert_eq!(refused(b"OCTOMUX\x02".to_vec()), FrameError::Version);
    assert_eq!(decode([Bytes::from_static(b"OCTOMU")]), Ok(vec![]));
}

#[test]
fn a_broken_decoder_stays_broken() {
    let mut decoder = Decoder::default();
    let mut bytes = Bytes::from(header(0, 0, 0, 0));
    assert_eq!(decoder.next(&mut bytes), Err(FrameError::Kind));
    let mut fine = line(&[Frame::Ping([0; 8])]);
    assert_eq!(decoder.next(&mut fine), Err(FrameError::Kind));
}

#[test]
fn whole_data_is_given_without_a_copy_and_cut_data_as_it_comes() {
    let payload = Bytes::from(vec![7; 1000]);
    let mut bytes = line(&[Frame::Data { stream: StreamId(1), payload, end: End::Fin }]);
    let range = bytes.as_ptr() as usize..bytes.as_ptr() as usize + bytes.len();
    let mut second = bytes.split_off(500);
    let mut decoder = Decoder::default();
    let mut pieces = Vec::new();
    for part in [&mut bytes, &mut second] {
        match decoder.next(part) {
            Ok(Some(Frame::Data { payload, end, .. })) => pieces.push((payload, end)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!([pieces[0].1, pieces[1].1], [End::More, End::Fin]);
    assert_eq!(pieces[0].0.len() + pieces[1].0.len(), 1000);
    assert!(pieces.iter().all(|(piece, _)| range.contains(&(piece.as_ptr() as usize))));
}
