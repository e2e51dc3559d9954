//! Frames that go out: short ones about the link and its streams first, then stream 0 and data in the order that
//! [`super::schedule`] gives.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::{Bytes, BytesMut};

use super::books::Books;
use super::news::News;
use super::packing::Advice;
use super::schedule::{Activity, LEAST_CUT, Place};
use super::stream::{Birth, Notice, Phase, Stream};
use super::{Event, Lz4, Mux, MuxStats, Standing};
use crate::wire::{
    Credit, End, Frame, Open, PACKED_PREFIX, PREFACE, Reset, StreamId, pack, put_data_header, put_open_header,
    put_packed_header,
};

/// A payload up to this long is copied beside its header; a longer one is passed on as it is.
const INLINE: usize = 1024;

/// Headers and small payloads are packed in buffers of this size while there are many.
const SCRATCH_MOST: usize = 16 * 1024;

/// The first buffer after a tick: all that a link needs which says little.
pub(super) const SCRATCH_LEAST: usize = 2 * 1024;

/// First bytes that travel in an Open frame; the rest follows in its turn.
const OPEN_FIRST: usize = 16 * 1024;

/// What waits to be sent besides data.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    preface: Option<[u8; 8]>,
    /// At most [`super::receive::PONGS_WAITING`].
    pub(super) pongs: VecDeque<[u8; 8]>,
    /// At most one for each remembered stream, and a bounded number of refusals.
    pub(super) resets: VecDeque<(StreamId, Reset)>,
    /// Streams that owe credit; each at most once.
    pub(super) windows: VecDeque<StreamId>,
    /// Streams that the peer was not told of; each is remembered.
    pub(super) opens: VecDeque<(StreamId, Open)>,
    pub(super) go_away: Option<StreamId>,
}

impl Outgoing {
    pub(super) fn new() -> Self {
        Self { preface: Some(PREFACE), ..Self::default() }
    }

    /// Pongs do not count: they are due as long as the link stands.
    pub(super) fn is_empty(&self) -> bool {
        self.preface.is_none()
            && self.resets.is_empty()
            && self.windows.is_empty()
            && self.opens.is_empty()
            && self.go_away.is_none()
    }
}

impl Mux {
    /// Whether [`Self::transmit`] would give something. In rare cases it then gives nothing, once.
    #[must_use]
    pub fn wants_transmit(&self) -> bool {
        matches!(self.standing, Standing::Up)
            && (!self.schedule.is_empty()
                || self.zero.sendable() > 0
                || self.zero.is_owing()
                || !self.outgoing.is_empty()
                || !self.outgoing.pongs.is_empty()
                || self.liveness.is_probe_due())
    }

    /// Appends frames to write to `out`, at most about `budget` bytes, and returns how many bytes these are.
    /// Control first, then small and new flows, then bulk in a fair round.
    pub fn transmit(&mut self, now: Instant, budget: usize, out: &mut Vec<Bytes>) -> usize {
        if !matches!(self.standing, Standing::Up) || budget == 0 {
            return 0;
        }
        let mut packer = Packer { out, scratch: std::mem::take(&mut self.scratch), written: 0, budget };
        self.put_link_frames(now, &mut packer);
        self.put_resets(&mut packer);
        self.put_windows(&mut packer);
        self.put_opens(&mut packer);
        self.schedule.wake_zero(&mut self.zero);
        self.put_data(&mut packer);
        packer.flush();
        let written = packer.written;
        self.scratch = packer.scratch;
        if self.zero.has_room_again() {
            self.news.control_writable();
        }
        self.wake_waiters();
        written
    }

    /// The next [`Self::transmit`] gives the control messages before all data, as far as their window goes: the link is
    /// about to be closed, and what was said before is to be heard.
    pub fn last_words(&mut self) {
        self.schedule.hurry_zero(&mut self.zero);
    }

    fn put_link_frames(&mut self, now: Instant, packer: &mut Packer<'_>) {
        if let Some(preface) = self.outgoing.preface.take() {
            packer.small(&preface);
        }
        if let Some(opaque) = self.liveness.take_probe(now) {
            packer.frame(&Frame::Ping(opaque));
        }
        while let Some(opaque) = self.outgoing.pongs.pop_front() {
            packer.frame(&Frame::Pong(opaque));
        }
        let owed = self.zero.take_owed();
        packer.window(StreamId(0), owed, Credit::Return);
    }

    fn put_resets(&mut self, packer: &mut Packer<'_>) {
        while packer.has_room() {
            let Some((id, reset)) = self.outgoing.resets.pop_front() else { return };
            packer.frame(&Frame::Reset { stream: id, reset });
            let Some(stream) = self.streams.get_mut(&id) else { continue };
            stream.notice = Notice::None;
            if stream.is_forgettable() {
                self.forget(id);
            }
        }
    }

    fn put_windows(&mut self, packer: &mut Packer<'_>) {
        while packer.has_room() {
            let Some(id) = self.outgoing.windows.pop_front() else { return };
            let Some(stream) = self.streams.get_mut(&id) else { continue };
            let owed = std::mem::take(&mut stream.owed);
            packer.window(id, owed.widen, Credit::Widen);
            packer.window(id, owed.give_back, Credit::Return);
            if stream.is_forgettable() {
                self.forget(id);
            }
        }
    }

    /// Go-away follows the streams that were opened before it.
    fn put_opens(&mut self, packer: &mut Packer<'_>) {
        while packer.has_room() {
            let Some((id, open)) = self.outgoing.opens.pop_front() else {
                if let Some(last) = self.outgoing.go_away.take() {
                    packer.frame(&Frame::GoAway { last });
                }
                return;
            };
            let Some(stream) = self.streams.get_mut(&id) else { continue };
            let first = stream.outbox.len().min(OPEN_FIRST).min(packer.left().max(LEAST_CUT));
            let end = stream.end_after(first);
            packer.head(|out| put_open_header(out, id, &open, first, end));
            packer.queued(stream, first);
            stream.was_sent(end);
            stream.birth = Birth::Announced;
            self.ids.announced = id.0;
            self.schedule.wake(id, stream);
            was_sent(&mut self.books, &mut self.stats, &mut self.news, (id, stream), first);
            if stream.is_forgettable() {
                self.forget(id);
            }
        }
    }

    /// Each frame costs one look-up of its stream.
    fn put_data(&mut self, packer: &mut Packer<'_>) {
        while packer.has_room() {
            let Some(front) = self.schedule.front() else { return };
            let (round, id) = front;
            if id.0 == 0 {
                self.put_control(front, packer);
                continue;
            }
            let Some(stream) = self.streams.get_mut(&id) else {
                self.schedule.leave(round);
                continue;
            };
            let activity = if stream.is_active() { Activity::Active } else { Activity::Dry };
            if !self.schedule.may_send(front, &mut stream.turn, activity) {
                continue;
            }
            let bytes = stream.outbox.len().min(stream.turn.share()).min(packer.left().max(LEAST_CUT));
            let end = stream.end_after(bytes);
            match (self.lz4, stream.packing.advise(bytes)) {
                (Lz4::Negotiated, Advice::Pack) => packer.pack(id, stream, bytes, end),
                (Lz4::NotNegotiated, _) | (_, Advice::Plain) => {
                    packer.head(|out| put_data_header(out, id, bytes, end));
                    packer.queued(stream, bytes);
                }
            }
            stream.was_sent(end);
            stream.turn.used(bytes);
            was_sent(&mut self.books, &mut self.stats, &mut self.news, (id, stream), bytes);
            if stream.is_forgettable() {
                self.forget(id);
            }
        }
    }

    /// Stream 0 is in front.
    fn put_control(&mut self, front: (Place, StreamId), packer: &mut Packer<'_>) {
        let zero = &mut self.zero;
        let activity = if zero.sendable() > 0 { Activity::Active } else { Activity::Dry };
        if !self.schedule.may_send(front, &mut zero.turn, activity) {
            return;
        }
        let bytes = zero.sendable().min(zero.turn.share()).min(packer.left().max(LEAST_CUT));
        packer.head(|out| put_data_header(out, StreamId(0), bytes, End::More));
        let mut left = bytes;
        while let Some(piece) = zero.next_piece(left) {
            left -= piece.len();
            packer.bytes(piece);
        }
        zero.turn.used(bytes);
    }
}

/// Bytes of a stream were handed to the link.
fn was_sent(
    books: &mut Books,
    stats: &mut MuxStats,
    news: &mut News,
    (id, stream): (StreamId, &mut Stream),
    bytes: usize,
) {
    stats.bytes_sent += bytes as u64;
    books.sent(stream, bytes);
    if matches!(stream.phase, Phase::Live(..)) && books.try_wake(id, stream) {
        news.stream(Event::Writable(id));
    }
}

/// Where headers and small payloads are packed.
#[derive(Debug)]
pub(super) struct Scratch {
    buffer: BytesMut,
    /// Bytes of the next buffer: doubles with each that is used up.
    next: usize,
}

impl Default for Scratch {
    fn default() -> Self {
        Self { buffer: BytesMut::new(), next: SCRATCH_LEAST }
    }
}

impl Scratch {
    /// Whether something of at most a kilobyte or so finds no room.
    fn is_used_up(&self) -> bool {
        self.buffer.capacity() - self.buffer.len() < INLINE
    }

    /// To be called when all that was packed has been taken out.
    fn renew(&mut self) {
        // Not grown in place: the bytes that were taken out would be copied along and their room kept.
        if !self.buffer.try_reclaim(self.next) {
            self.buffer = BytesMut::with_capacity(self.next);
        }
        self.next = (self.next * 2).min(SCRATCH_MOST);
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.buffer.capacity()
    }
}

/// Puts frames together: short things in a shared buffer, long payloads as they are.
struct Packer<'a> {
    out: &'a mut Vec<Bytes>,
    scratch: Scratch,
    written: usize,
    budget: usize,
}

impl Packer<'_> {
    const fn left(&self) -> usize {
        self.budget.saturating_sub(self.written)
    }

    const fn has_room(&self) -> bool {
        self.left() > 0
    }

    /// Writes something of at most a kilobyte or so.
    fn head(&mut self, put: impl FnOnce(&mut BytesMut)) {
        if self.scratch.is_used_up() {
            self.flush();
            self.scratch.renew();
        }
        let buffer = &mut self.scratch.buffer;
        let before = buffer.len();
        put(buffer);
        self.written += buffer.len() - before;
    }

    fn small(&mut self, bytes: &[u8]) {
        self.head(|out| out.extend_from_slice(bytes));
    }

    fn frame(&mut self, frame: &Frame) {
        self.head(|out| frame.put(out));
    }

    fn bytes(&mut self, bytes: Bytes) {
        if bytes.len() <= INLINE {
            self.small(&bytes);
        } else {
            self.flush();
            self.written += bytes.len();
            self.out.push(bytes);
        }
    }

    fn queued(&mut self, stream: &mut Stream, bytes: usize) {
        let mut left = bytes;
        while let Some(piece) = stream.outbox.pop(left) {
            left -= piece.len();
            self.bytes(piece);
        }
    }

    /// Sends `bytes` queued bytes packed, or as they are when that saves too little.
    fn pack(&mut self, id: StreamId, stream: &mut Stream, bytes: usize, end: End) {
        let raw = gather(stream, bytes);
        let block = pack(&raw);
        let packed_len = block.as_ref().map_or(raw.len(), |block| block.len() + PACKED_PREFIX);
        match (block, stream.packing.learn(raw.len(), packed_len)) {
            (Some(block), Advice::Pack) => {
                let raw_len = u32::try_from(raw.len()).expect("a payload has at most 128 KiB");
                self.head(|out| put_packed_header(out, id, raw_len, block.len(), end));
                self.bytes(block);
            }
            (None, _) | (_, Advice::Plain) => {
                self.head(|out| put_data_header(out, id, raw.len(), end));
                self.bytes(raw);
            }
        }
    }

    /// A stream's credit, in as many frames as its size asks for: one, but in theory.
    fn window(&mut self, stream: StreamId, bytes: u64, credit: fn(u32) -> Credit) {
        let mut left = bytes;
        while left > 0 {
            let part = u32::try_from(left).unwrap_or(u32::MAX);
            self.frame(&Frame::Window { stream, credit: credit(part) });
            left -= u64::from(part);
        }
    }

    fn flush(&mut self) {
        if !self.scratch.buffer.is_empty() {
            self.out.push(self.scratch.buffer.split().freeze());
        }
    }
}

/// The next `bytes` queued bytes in one piece.
fn gather(stream: &mut Stream, bytes: usize) -> Bytes {
    let first = stream.outbox.pop(bytes).unwrap_or_default();
    if first.len() == bytes {
        return first;
    }
    let mut whole = BytesMut::with_capacity(bytes);
    whole.extend_from_slice(&first);
    while let Some(piece) = stream.outbox.pop(bytes - whole.len()) {
        whole.extend_from_slice(&piece);
    }
    whole.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_grow_to_their_bound_and_not_beyond() {
        let mut scratch = Scratch::default();
        for _ in 0..1000 {
            if scratch.is_used_up() {
                scratch.renew();
            }
            assert!(scratch.held() <= SCRATCH_MOST, "{} bytes", scratch.held());
            scratch.buffer.extend_from_slice(&[1; 900]);
            drop(scratch.buffer.split());
        }
        assert_eq!(scratch.next, SCRATCH_MOST);
    }
}
