//! `docs/PROTOCOL.md` says what the code does.

use octoporty_proto::mux::{CONTROL_WINDOW, MuxConfig};
use octoporty_proto::wire::{MAX_OPEN_HEAD, MAX_PAYLOAD};

use crate::golden::{PREFACE_HEX, vectors};

const DOCUMENT: &str = include_str!("../../../../docs/PROTOCOL.md");

/// Rows of the document's blocks of golden bytes about frames: name and bytes.
fn rows() -> Vec<(String, String)> {
    let mut rows = Vec::new();
    let mut inside = false;
    for line in DOCUMENT.lines() {
        if line.starts_with("```") {
            inside = line == "```golden";
        } else if inside {
            let (name, bytes) = line.split_at(24);
            rows.push((name.trim_end().to_owned(), bytes.to_owned()));
        }
    }
    rows
}

#[test]
fn the_golden_bytes_of_the_document_are_those_of_the_code() {
    let mut golden = vec![("preface".to_owned(), PREFACE_HEX.to_owned())];
    golden.extend(vectors().into_iter().map(|(name, _, bytes)| (name.to_owned(), bytes.to_owned())));
    assert_eq!(rows(), golden);
}

#[test]
fn the_constants_of_the_document_are_those_of_the_code() {
    let config = MuxConfig::default();
    for (row, value) in [
        ("initial window of a stream, each direction", u64::from(config.initial_window)),
        ("window of stream 0", CONTROL_WINDOW),
        ("floor of a stream", u64::from(config.stream_floor)),
        ("cap of the link, each direction, above the floors", config.max_in_flight),
    ] {
        assert!(DOCUMENT.contains(&format!("| {row} | {value} |")), "{row}");
    }
    assert!(DOCUMENT.contains(&format!("0 to {MAX_PAYLOAD} | bytes |")));
    assert!(DOCUMENT.contains(&format!("A head has at most {MAX_OPEN_HEAD} bytes.")));
    assert!(DOCUMENT.contains(&format!("the widest window ({} MiB)", config.max_window >> 20)));
    assert!(DOCUMENT.contains(&format!("the bound of send queues ({} KiB a stream", config.send_buffer >> 10)));
}
