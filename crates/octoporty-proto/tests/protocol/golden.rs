//! Golden bytes. They are what releases in the field send and understand: a change here breaks them.

use bytes::{Bytes, BytesMut};
use octoporty_proto::model::{Compression, MappingId};
use octoporty_proto::wire::{Blame, Credit, Decoder, End, Frame, Open, PREFACE, Reset, ResetCode, StreamId, unpack};
use uuid::Uuid;

fn open(visitor: Option<&str>, compression: Compression) -> Open {
    Open {
        mapping: MappingId::from_uuid(Uuid::from_u128(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff)),
        visitor: visitor.map(|address| address.parse().expect("an address")),
        compression,
    }
}

/// 512 times `a`: a literal, a match at distance 1, six literals.
const PACKED: &[u8] = &[0x1f, b'a', 0x01, 0x00, 0xff, 0xe7, 0x60, b'a', b'a', b'a', b'a', b'a', b'a'];

fn data(stream: u32, payload: &'static [u8], end: End) -> Frame {
    Frame::Data { stream: StreamId(stream), payload: Bytes::from_static(payload), end }
}

/// A name as in the document, a frame and its bytes.
pub(crate) type Vector = (&'static str, Frame, &'static str);

/// One or more of every kind, in the document's order.
pub(crate) fn vectors() -> Vec<Vector> {
    [data_frames(), open_frames(), other_frames()].concat()
}

fn data_frames() -> Vec<Vector> {
    let packed = Bytes::from_static(PACKED);
    vec![
        ("data", data(1, b"hello", End::More), "10 00 00 05 00 00 00 01 68 65 6c 6c 6f"),
        ("data fin", data(2, b"ok", End::Fin), "11 00 00 02 00 00 00 02 6f 6b"),
        ("data end only", data(7, b"", End::Fin), "11 00 00 00 00 00 00 07"),
        ("data control", data(0, b"\x81\xa1a", End::More), "10 00 00 03 00 00 00 00 81 a1 61"),
        (
            "data lz4",
            Frame::Packed { stream: StreamId(3), raw_len: 512, block: packed, end: End::More },
            "12 00 00 11 00 00 00 03 00 00 02 00 1f 61 01 00 ff e7 60 61 61 61 61 61 61",
        ),
    ]
}

fn open_frames() -> Vec<Vector> {
    let first = Bytes::from_static(b"hi");
    let none = Bytes::new();
    vec![
        (
            "open",
            Frame::Open { stream: StreamId(1), open: open(None, Compression::Auto), first, end: End::More },
            "20 00 00 16 00 00 00 01 00 12 00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff 00 00 68 69",
        ),
        (
            "open ipv4 fin",
            Frame::Open {
                stream: StreamId(2),
                open: open(Some("192.0.2.7:51000"), Compression::Off),
                first: none.clone(),
                end: End::Fin,
            },
            "21 00 00 1a 00 00 00 02 00 18 00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff 04 c0 00 02 07 c7 38 02",
        ),
        (
            "open ipv6",
            Frame::Open {
                stream: StreamId(3),
                open: open(Some("[2001:db8::1]:443"), Compression::On),
                first: none,
                end: End::More,
            },
            "20 00 00 26 00 00 00 03 00 24 00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff 06 20 01 0d b8 00 00 00 00 \
             00 00 00 00 00 00 00 01 01 bb 01",
        ),
    ]
}

fn other_frames() -> Vec<Vector> {
    vec![
        (
            "window return",
            Frame::Window { stream: StreamId(5), credit: Credit::Return(65_536) },
            "30 00 00 04 00 00 00 05 00 01 00 00",
        ),
        (
            "window widen",
            Frame::Window { stream: StreamId(5), credit: Credit::Widen(262_144) },
            "31 00 00 04 00 00 00 05 00 04 00 00",
        ),
        (
            "reset",
            Frame::Reset {
                stream: StreamId(9),
                reset: Reset { code: ResetCode::TargetRefused, blame: Blame::Target, detail: "down".to_owned() },
            },
            "40 00 00 07 00 00 00 09 00 02 04 64 6f 77 6e",
        ),
        ("ping", Frame::Ping(42_u64.to_be_bytes()), "50 00 00 08 00 00 00 00 00 00 00 00 00 00 00 2a"),
        ("pong", Frame::Pong(42_u64.to_be_bytes()), "60 00 00 08 00 00 00 00 00 00 00 00 00 00 00 2a"),
        ("go away", Frame::GoAway { last: StreamId(21) }, "70 00 00 04 00 00 00 00 00 00 00 15"),
    ]
}

pub(crate) const PREFACE_HEX: &str = "4f 43 54 4f 4d 55 58 01";

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

fn unhex(text: &str) -> Vec<u8> {
    text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).expect("hex")).collect()
}

#[test]
fn frames_are_written_as_the_golden_bytes() {
    assert_eq!(hex(&PREFACE), PREFACE_HEX);
    for (name, frame, golden) in vectors() {
        let mut out = BytesMut::new();
        frame.put(&mut out);
        assert_eq!(hex(&out), golden, "{name}");
        assert_eq!(out.len(), frame.encoded_len(), "{name}");
    }
}

#[test]
fn golden_bytes_are_read_as_the_frames() {
    let mut decoder = Decoder::default();
    let mut preface = Bytes::from(unhex(PREFACE_HEX));
    assert_eq!(decoder.next(&mut preface), Ok(None));
    for (name, frame, golden) in vectors() {
        let mut bytes = Bytes::from(unhex(golden));
        assert_eq!(decoder.next(&mut bytes), Ok(Some(frame)), "{name}");
        assert!(bytes.is_empty(), "{name}");
    }
}

#[test]
fn the_golden_block_unpacks() {
    assert_eq!(unpack(PACKED, 512).expect("a legal block"), [b'a'; 512][..]);
}

#[test]
fn reset_codes_keep_their_numbers_and_names() {
    let names: Vec<_> = (0..=19).map(|number| ResetCode(number).name()).collect();
    assert_eq!(
        names,
        [
            "unknown",
            "cancelled",
            "target_refused",
            "target_unreachable",
            "target_timeout",
            "target_dns",
            "target_certificate",
            "target_tls",
            "target_speaks_http",
            "target_reset",
            "mapping_unknown",
            "target_denied",
            "not_delivered",
            "draining",
            "flow_control",
            "internal",
            "idle_timeout",
            "link_lost",
            "too_many_streams",
            "unknown",
        ]
    );
}
