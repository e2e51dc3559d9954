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
    pieces: VecDeque<Bytes>,
    /// After all pieces.
    tail: BytesMut,
    len: usize,
}

impl ByteQueue {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn push(&mut self, bytes: Bytes) {
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
        self.pieces.push_back(bytes);
    }

    /// The next piece, cut to `most` bytes.
    pub(super) fn pop(&mut self, most: usize) -> Option<Bytes> {
        if most == 0 {
            return None;
        }
        let piece = match self.pieces.front_mut() {
            Some(front) if front.len() > most => front.split_to(most),
            Some(_) => self.pieces.pop_front()?,
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
            self.pieces.push_back(self.tail.split().freeze());
        }
    }
}
