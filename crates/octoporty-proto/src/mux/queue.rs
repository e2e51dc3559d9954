//! Bytes in order. Large pieces are kept as they are, small ones that queue up are packed together, so that neither
//! many tiny pieces nor slices of large buffers take far more memory than the bytes they hold.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// A piece up to this long is copied into the tail when others wait before it: about what keeping it would cost.
const SMALL: usize = 1024;

/// The tail becomes a piece of its own at this length.
const TAIL: usize = 8 * 1024;

/// Slots for pieces that an empty queue keeps.
const SLOTS_KEPT: usize = 16;

/// A queue of bytes.
#[derive(Debug, Default)]
pub(super) struct ByteQueue {
    pieces: VecDeque<Piece>,
    /// After all pieces.
    tail: BytesMut,
    len: usize,
    /// Of all pieces.
    slack: u64,
}

#[derive(Debug)]
struct Piece {
    bytes: Bytes,
    /// What it holds besides itself: the rest of the block that it is a slice of.
    slack: u32,
}

impl ByteQueue {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What the pieces hold besides themselves.
    pub(super) const fn slack(&self) -> u64 {
        self.slack
    }

    pub(super) fn push(&mut self, bytes: Bytes) {
        self.push_slice(bytes, 0);
    }

    /// A slice that holds so many bytes besides itself, as long as it is not copied.
    pub(super) fn push_slice(&mut self, bytes: Bytes, slack: u32) {
        if bytes.is_empty() {
            return;
        }
        if self.len > 0 && bytes.len() <= SMALL {
            if self.tail.len() + bytes.len() > TAIL {
                self.seal_tail();
            }
            self.tail.extend_from_slice(&bytes);
            self.len += bytes.len();
            return;
        }
        self.seal_tail();
        self.len += bytes.len();
        self.slack += u64::from(slack);
        self.pieces.push_back(Piece { bytes, slack });
    }

    /// The next piece, cut to `most` bytes.
    pub(super) fn pop(&mut self, most: usize) -> Option<Bytes> {
        if most == 0 {
            return None;
        }
        let piece = match self.pieces.front_mut() {
            Some(front) if front.bytes.len() > most => front.bytes.split_to(most),
            Some(_) => {
                let front = self.pieces.pop_front()?;
                self.slack -= u64::from(front.slack);
                front.bytes
            }
            None if self.tail.is_empty() => return None,
            None => self.tail.split_to(most.min(self.tail.len())).freeze(),
        };
        self.len -= piece.len();
        if self.len == 0 {
            self.tail = BytesMut::new();
            if self.pieces.capacity() > SLOTS_KEPT {
                self.pieces.shrink_to(SLOTS_KEPT);
            }
        }
        Some(piece)
    }

    /// Drops everything and returns how many bytes that was.
    pub(super) fn clear(&mut self) -> usize {
        std::mem::take(self).len
    }

    fn seal_tail(&mut self) {
        if !self.tail.is_empty() {
            self.pieces.push_back(Piece { bytes: self.tail.split().freeze(), slack: 0 });
        }
    }
}
