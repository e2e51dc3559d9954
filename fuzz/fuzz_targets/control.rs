//! Bytes of stream 0.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use octoporty_proto::control::{Control, ControlError, Decoder, encode};

fn decode(bytes: &Bytes, chunk: usize) -> (Vec<Control>, Option<ControlError>) {
    let mut decoder = Decoder::default();
    let mut messages = Vec::new();
    for piece in bytes.chunks(chunk) {
        decoder.feed(&bytes.slice_ref(piece));
        loop {
            match decoder.next() {
                Ok(None) => break,
                Ok(Some(message)) => messages.push(message),
                Err(error) => return (messages, Some(error)),
            }
        }
    }
    (messages, None)
}

fuzz_target!(|input: &[u8]| {
    let Some((chunk, bytes)) = input.split_first() else { return };
    let bytes = Bytes::copy_from_slice(bytes);
    let (messages, error) = decode(&bytes, usize::MAX);
    assert_eq!(decode(&bytes, usize::from(*chunk) + 1), (messages.clone(), error));
    for message in messages {
        let Ok(written) = encode(&message) else { continue };
        assert_eq!(decode(&written, usize::MAX), (vec![message], None), "a message survives");
    }
});
