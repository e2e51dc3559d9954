//! Stream 0, which carries the control messages: never opened, finished or reset, with a window of its own.

use bytes::Bytes;

use super::flow::SendAccount;
use super::queue::ByteQueue;
use super::schedule::Turn;
use crate::wire::MAX_PAYLOAD;

/// Receive window of stream 0, bytes; it does not grow. Part of the protocol.
pub const CONTROL_WINDOW: u64 = 256 * 1024;

/// Another message is taken while fewer bytes than this wait to be sent. A message is taken whole whatever its
/// length, since a part of one is of no use; its own limit is [`crate::control::MAX_MESSAGE`].
const CONTROL_QUEUE: usize = 1024 * 1024;

#[derive(Debug)]
pub(super) struct StreamZero {
    outbox: ByteQueue,
    sent: SendAccount,
    writer: Writer,
    pub(super) turn: Turn,
    inbox: ByteQueue,
    /// Received and not given back.
    outstanding: u64,
    /// Taken by the reader and not given back.
    taken: u64,
    owed: u64,
}

/// Whether someone was refused and waits for room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    Content,
    Refused,
}

impl StreamZero {
    pub(super) fn new() -> Self {
        Self {
            outbox: ByteQueue::default(),
            sent: SendAccount::new(CONTROL_WINDOW),
            writer: Writer::Content,
            turn: Turn::idle(),
            inbox: ByteQueue::default(),
            outstanding: 0,
            taken: 0,
            owed: 0,
        }
    }

    pub(super) fn send(&mut self, bytes: Bytes) -> bool {
        if self.outbox.len() >= CONTROL_QUEUE {
            self.writer = Writer::Refused;
            return false;
        }
        self.outbox.push(bytes);
        true
    }

    /// Most bytes of the next Data frame; 0: nothing may go now.
    pub(super) fn sendable(&self) -> usize {
        let window = usize::try_from(self.sent.room()).unwrap_or(usize::MAX);
        self.outbox.len().min(window).min(MAX_PAYLOAD)
    }

    /// Takes a piece of a frame.
    pub(super) fn next_piece(&mut self, most: usize) -> Option<Bytes> {
        let piece = self.outbox.pop(most)?;
        self.sent.queued(piece.len() as u64);
        Some(piece)
    }

    /// Whether one who was refused would find room now; says so once.
    pub(super) fn has_room_again(&mut self) -> bool {
        let again = self.writer == Writer::Refused && self.outbox.len() < CONTROL_QUEUE;
        if again {
            self.writer = Writer::Content;
        }
        again
    }

    pub(super) const fn returned(&mut self, bytes: u64) -> bool {
        self.sent.returned(bytes, 0)
    }

    /// Bytes came; `false` when the window does not allow them.
    #[must_use]
    pub(super) fn received(&mut self, bytes: Bytes) -> bool {
        self.outstanding += bytes.len() as u64;
        self.inbox.push(bytes);
        self.outstanding <= CONTROL_WINDOW
    }

    pub(super) fn recv(&mut self) -> Option<Bytes> {
        let piece = self.inbox.pop(usize::MAX)?;
        self.taken += piece.len() as u64;
        if self.taken >= CONTROL_WINDOW / 4 {
            self.owed += self.taken;
            self.outstanding -= self.taken;
            self.taken = 0;
        }
        Some(piece)
    }

    pub(super) const fn is_owing(&self) -> bool {
        self.owed > 0
    }

    pub(super) const fn take_owed(&mut self) -> u64 {
        let owed = self.owed;
        self.owed = 0;
        owed
    }

    pub(super) const fn queued(&self) -> usize {
        self.outbox.len()
    }

    #[cfg(test)]
    pub(super) const fn in_flight(&self) -> u64 {
        self.sent.in_flight()
    }

    #[cfg(test)]
    pub(super) const fn unreturned(&self) -> u64 {
        self.outstanding + self.owed
    }
}
