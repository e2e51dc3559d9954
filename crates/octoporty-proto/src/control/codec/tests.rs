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
