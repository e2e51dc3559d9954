//! What a decoder holds, and when it stops.

use super::*;
use crate::model::{DesiredState, LandingPage, Revision};

/// A message of more than a mebibyte, which does not compress.
fn large() -> Bytes {
    let mut random = fastrand::Rng::with_seed(1);
    let noise: String = (0..LandingPage::MAX_BYTES).map(|_| random.alphanumeric()).collect();
    let page = LandingPage::new(noise).expect("it has the largest length there may be");
    let state = DesiredState { revision: Revision(1), mappings: Vec::new(), landing_page: Some(page) };
    encode(&Control::Sync { request: 1, state }).expect("a landing page fits")
}

#[test]
fn the_buffer_of_a_large_message_does_not_stay_for_the_life_of_the_link() {
    let mut decoder = Decoder::default();
    for piece in large().chunks(10_000) {
        decoder.feed(&Bytes::copy_from_slice(piece));
    }
    assert!(matches!(decoder.next(), Ok(Some(Control::Sync { .. }))));
    decoder.feed(&Bytes::from_static(&[0]));
    assert!(decoder.buffer.capacity() < 4096, "{} bytes are held for one", decoder.buffer.capacity());
}

#[test]
fn messages_behind_one_that_cannot_be_read_are_not_served() {
    let whole = encode(&Control::Drain { reason: "behind it".to_owned(), back_in_s: None }).expect("it is small");
    for bad in [&[0, 0, 0, 1, 0xc1][..], &[2, 0, 0, 0], &[1, 0, 0, 5, 0, 0, 0, 9, 0]] {
        let mut decoder = Decoder::default();
        decoder.feed(&Bytes::from([bad, &whole].concat()));
        let error = decoder.next().expect_err("it cannot be read");
        assert_eq!(decoder.next(), Err(error.clone()));
        decoder.feed(&whole);
        assert_eq!(decoder.next(), Err(error));
        assert_eq!(decoder.buffer.capacity(), 0, "nothing is kept that nobody reads");
    }
}

#[test]
fn a_stranger_cannot_send_a_large_message() {
    let plain = frame(0, &[&[0; 100]]);
    let declared = [&[0, 1, 0, 1][..], &plain].concat();
    let bomb = frame(COMPRESSED, &[&0x1_0001_u32.to_be_bytes(), &[0; 1000]]);
    for bytes in [Bytes::from(declared), bomb] {
        let mut decoder = Decoder::for_stranger();
        decoder.feed(&bytes);
        assert_eq!(decoder.next(), Err(ControlError::TooEarly(FIRST_MESSAGE + 1)), "before its body is there");
    }
    let mut decoder = Decoder::for_stranger();
    decoder.lift_limit();
    decoder.feed(&large());
    assert!(matches!(decoder.next(), Ok(Some(Control::Sync { .. }))));
}
