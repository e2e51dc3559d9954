//! Whether the data of one direction of a stream is worth compressing.

use crate::model::Compression;

/// Shorter payloads are sent as they are: a block saves too little to pay for itself.
const LEAST: usize = 512;

/// Blocks of at least this much are tried before giving up, so that one odd head of a response decides nothing.
const TRIES: u8 = 2;

/// Frames that go uncompressed after giving up for the first time; doubled each time up to [`REST_MOST`].
const REST_FIRST: u32 = 64;

/// See [`REST_FIRST`].
const REST_MOST: u32 = 1024;

/// ```text
///                 TRIES blocks in a row save too little
///   Trying  ------------------------------------------>  Resting
///      ^                                                    |
///      +----------------- so many frames later -------------+
///   Never and Always stay.
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Never,
    Always,
    Trying { failures: u8, rest: u32 },
    Resting { left: u32, rest: u32 },
}

/// What became of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Advice {
    /// Pack it and say how it went with [`Packing::learn`].
    Pack,
    /// Send it as it is.
    Plain,
}

impl Packing {
    pub(super) const fn new(compression: Compression) -> Self {
        match compression {
            Compression::Auto => Self::Trying { failures: 0, rest: REST_FIRST },
            Compression::On => Self::Always,
            Compression::Off => Self::Never,
        }
    }

    /// What to do with the next payload of `len` bytes.
    pub(super) fn advise(&mut self, len: usize) -> Advice {
        if len < LEAST {
            return Advice::Plain;
        }
        match self {
            Self::Never => Advice::Plain,
            Self::Always | Self::Trying { .. } => Advice::Pack,
            Self::Resting { left, rest } => {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    // One block decides: a second rest is longer.
                    *self = Self::Trying { failures: TRIES - 1, rest: *rest };
                }
                Advice::Plain
            }
        }
    }

    /// A block of `raw` bytes became `packed` bytes. Says whether to send it packed.
    pub(super) fn learn(&mut self, raw: usize, packed: usize) -> Advice {
        match self {
            Self::Never | Self::Resting { .. } => Advice::Plain,
            Self::Always if packed < raw => Advice::Pack,
            Self::Always => Advice::Plain,
            // Less than 12 % saved is not worth the time at either end.
            Self::Trying { failures, .. } if packed * 100 <= raw * 88 => {
                *failures = 0;
                Advice::Pack
            }
            Self::Trying { failures, rest } => {
                *failures += 1;
                if *failures >= TRIES {
                    *self = Self::Resting { left: *rest, rest: (*rest * 2).min(REST_MOST) };
                }
                Advice::Plain
            }
        }
    }
}
