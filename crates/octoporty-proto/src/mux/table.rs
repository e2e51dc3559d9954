//! The streams of a link by number.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::stream::Stream;
use crate::wire::StreamId;

/// Stream numbers, mixed by one folded multiplication: every bit of the number moves both ends of the hash. The
/// table is bounded by the limits on streams, so numbers chosen to collide cost a bounded search.
#[derive(Debug, Default)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        let wide = u128::from(self.0 ^ u64::from(number)) * 0x9e37_79b9_7f4a_7c15;
        self.0 = fold(wide);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the halves of the product are what is wanted")]
const fn fold(wide: u128) -> u64 {
    (wide as u64) ^ ((wide >> 64) as u64)
}

/// Anything by the number of a stream of one link.
pub type StreamMap<V> = HashMap<StreamId, V, BuildHasherDefault<IdHasher>>;

pub(super) type Table = StreamMap<Stream>;
