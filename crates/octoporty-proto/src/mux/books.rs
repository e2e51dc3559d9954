//! What the streams of a link share: room in flight, room in the queues, and who waits for either.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use super::flow::{Growth, Pressure, SharedCap};
use super::stream::{Phase, Stream, Waiting};
use super::{MuxConfig, Recv};
use crate::wire::{Reset, StreamId};

/// All send queues of a link together hold at most so many times [`MuxConfig::send_buffer`], above the floor of each:
/// with the defaults 4 MiB, far more than one write takes and far less than a thousand full queues.
pub(super) const SEND_BUFFERS_PER_LINK: u64 = 16;

/// Room that one woken stream is thought to use up. Those behind it are woken when it has asked for its room, and left
/// some of it.
pub(super) const SHARE: u64 = 64 * 1024;

/// A received payload is copied out of the block it came in when that is more than so many times as long: otherwise a few
/// bytes of a stuck stream would hold a whole read of the link.
pub(super) const SLICE_WORTH: usize = 16;

/// The same when much is held so already.
const SLICE_WORTH_TIGHT: usize = 2;

/// Much is this part of [`MuxConfig::max_in_flight`]: so all that was received and not read takes at most twice its bytes
/// and this part of the cap, and bytes that are read soon, as nearly all are, are not copied.
const SLACK_PART: u64 = 4;

#[derive(Debug)]
pub(super) struct Books {
    /// Sent or queued and not given back, by this side.
    pub(super) sending: SharedCap,
    /// Received and not given back, by this side.
    pub(super) receiving: SharedCap,
    /// Queued to be sent.
    pub(super) queueing: SharedCap,
    /// Received on streams that were reset since, and waiting for their readers: the peer counts these no longer and
    /// sends others, so they have a limit of their own.
    pub(super) kept: SharedCap,
    pub(super) pressure: Pressure,
    /// What the slices in all inboxes hold of their blocks besides themselves.
    slack: u64,
    /// How much of it there may be before slices are kept only if they are half of their block.
    slack_most: u64,
    send_buffer: u64,
    /// Streams that found room of their own, but none of the link; each once.
    waiters: VecDeque<StreamId>,
}

impl Books {
    pub(super) fn new(config: &MuxConfig) -> Self {
        let floor = u64::from(config.stream_floor);
        let send_buffer = config.send_buffer as u64;
        Self {
            sending: SharedCap::new(config.max_in_flight, floor),
            receiving: SharedCap::new(config.max_in_flight, floor),
            queueing: SharedCap::new(send_buffer * SEND_BUFFERS_PER_LINK, floor),
            kept: SharedCap::new(config.max_in_flight, floor),
            pressure: Pressure::Low,
            slack: 0,
            slack_most: config.max_in_flight / SLACK_PART,
            send_buffer,
            waiters: VecDeque::new(),
        }
    }

    /// The peer said what it is ready to hold, and knows what this side is: both directions keep to the smaller.
    pub(super) fn agree(&mut self, in_flight: u64) {
        self.sending.agree(in_flight);
        self.receiving.agree(in_flight);
    }

    /// How many bytes the stream may queue.
    pub(super) fn room(&self, stream: &Stream) -> usize {
        let room = self.own_room(stream).min(self.shared_room(stream));
        usize::try_from(room).unwrap_or(usize::MAX)
    }

    pub(super) fn own_room(&self, stream: &Stream) -> u64 {
        stream.sent.room().min(self.send_buffer.saturating_sub(stream.outbox.len() as u64))
    }

    fn shared_room(&self, stream: &Stream) -> u64 {
        let queue = self.queueing.room(stream.outbox.len() as u64);
        self.sending.room(stream.sent.in_flight()).min(queue)
    }

    /// Queues as much of `data` as there is room for.
    pub(super) fn admit(&mut self, stream: &mut Stream, data: &mut Bytes) -> usize {
        let taken = self.room(stream).min(data.len());
        let (in_flight, queued) = (stream.sent.in_flight(), stream.outbox.len() as u64);
        stream.sent.queued(taken as u64);
        stream.outbox.push(data.split_to(taken));
        self.sending.change(in_flight, stream.sent.in_flight());
        self.queueing.change(queued, stream.outbox.len() as u64);
        taken
    }

    /// Bytes left the stream's queue for the link.
    pub(super) const fn sent(&mut self, stream: &Stream, bytes: usize) {
        let queued = stream.outbox.len() as u64;
        self.queueing.change(queued + bytes as u64, queued);
    }

    /// The peer gave bytes back; `false` when it never had them.
    #[must_use]
    pub(super) const fn returned(&mut self, stream: &mut Stream, bytes: u64) -> bool {
        let before = stream.sent.in_flight();
        let legal = stream.sent.returned(bytes, stream.outbox.len() as u64);
        self.sending.change(before, stream.sent.in_flight());
        legal
    }

    /// Bytes came; `false` when they are more than the stream or the link allows.
    #[must_use]
    pub(super) const fn received(&mut self, stream: &mut Stream, bytes: u64) -> bool {
        let before = stream.received.outstanding();
        let legal = stream.received.received(bytes);
        self.receiving.change(before, stream.received.outstanding());
        legal && !self.receiving.is_exceeded()
    }

    /// Puts what the stream's reader took, or all it will never take, on the way back.
    pub(super) const fn give_back(&mut self, stream: &mut Stream, what: GiveBack) {
        let before = stream.received.outstanding();
        let bytes = match what {
            GiveBack::Taken => stream.received.give_back(),
            GiveBack::Everything => stream.received.give_back_all(),
        };
        stream.owed.give_back += bytes;
        self.receiving.change(before, stream.received.outstanding());
    }

    /// The reader is done with bytes that it had. Whether credit is owed now that was not before.
    #[must_use]
    pub(super) fn consumed(&mut self, stream: &mut Stream, bytes: u64, now: Instant, growth: &Growth) -> bool {
        // Nothing of a stream that is reset or was let go is counted any more.
        if stream.received.held() == 0 {
            return false;
        }
        let widen = stream.received.took(bytes, now, growth);
        self.settle(stream, widen)
    }

    /// A reader is done with bytes of a stream, or its end came: credit goes back if it is worth a frame. At the end of
    /// the stream all goes back, so that the sender may forget it. Whether credit is owed now that was not before.
    #[must_use]
    pub(super) fn settle(&mut self, stream: &mut Stream, widen: u64) -> bool {
        let listed = !stream.owed.is_none();
        stream.owed.widen += widen;
        let caught_up = stream.inbox.is_empty() && stream.received.held() == 0;
        let taken = stream.received.taken();
        let due = stream.received.is_due()
            || caught_up && stream.has_all()
            || caught_up && self.pressure == Pressure::High && taken >= self.receiving.floor() / 2;
        if due && taken > 0 {
            self.give_back(stream, GiveBack::Taken);
        }
        if self.receiving.is_loose() {
            self.pressure = Pressure::Low;
        }
        !listed && !stream.owed.is_none()
    }

    /// The stream is reset: what it sent, queued and received counts no longer, at both ends.
    pub(super) fn close(&mut self, stream: &mut Stream) {
        let queued = stream.outbox.clear() as u64;
        self.queueing.change(queued, 0);
        let in_flight = stream.sent.clear();
        self.sending.change(in_flight, 0);
        let outstanding = stream.received.give_back_all();
        self.receiving.change(outstanding, 0);
        stream.owed = super::stream::Owed::default();
    }

    /// A stream was reset, and what came before waits for its reader. `false`: there is no room for it, and it was
    /// dropped.
    #[must_use]
    pub(super) fn keep(&mut self, stream: &mut Stream) -> bool {
        let bytes = stream.inbox.len() as u64;
        let fits = bytes <= self.kept.room(0);
        if fits {
            self.kept.change(0, bytes);
        } else {
            self.slack -= stream.inbox.slack();
            stream.inbox.clear();
        }
        fits
    }

    /// As [`Self::keep`], when the link is lost and nothing more will come: all that is there is kept.
    pub(super) fn keep_last(&mut self, stream: &Stream) {
        self.kept.change(0, stream.inbox.len() as u64);
    }

    /// What the stream's reader reads next.
    pub(super) fn take(&mut self, stream: &mut Stream) -> Result<Recv, Reset> {
        let (before, slack) = (stream.inbox.len() as u64, stream.inbox.slack());
        let received = stream.take();
        self.slack -= slack - stream.inbox.slack();
        if matches!(stream.phase, Phase::Broken(..)) {
            self.kept.change(before, stream.inbox.len() as u64);
        }
        received
    }

    /// Nobody reads what came.
    pub(super) fn discard(&mut self, stream: &mut Stream) {
        self.slack -= stream.inbox.slack();
        let bytes = stream.inbox.clear() as u64;
        if matches!(stream.phase, Phase::Broken(..)) {
            self.kept.change(bytes, 0);
        }
    }

    /// Puts a payload that lies in a block of so many bytes into the stream's inbox.
    pub(super) fn put(&mut self, stream: &mut Stream, bytes: Bytes, block: usize) {
        let slack = u32::try_from(block.saturating_sub(bytes.len())).unwrap_or(u32::MAX);
        let is_tight = self.slack + u64::from(slack) > self.slack_most;
        let worth = if is_tight { SLICE_WORTH_TIGHT } else { SLICE_WORTH };
        if bytes.len() * worth < block {
            return stream.inbox.push(Bytes::copy_from_slice(&bytes));
        }
        let before = stream.inbox.slack();
        stream.inbox.push_slice(bytes, slack);
        self.slack += stream.inbox.slack() - before;
    }

    #[cfg(test)]
    pub(super) const fn slack(&self) -> (u64, u64) {
        (self.slack, self.slack_most)
    }

    /// The stream's owner found no room.
    pub(super) fn wait(&mut self, id: StreamId, stream: &mut Stream) {
        let for_link = self.own_room(stream) > 0;
        stream.waiting = match (stream.waiting, for_link) {
            (Waiting::Shared | Waiting::Lapsed, _) => Waiting::Shared,
            (Waiting::No | Waiting::Own, false) => Waiting::Own,
            (Waiting::No | Waiting::Own, true) => {
                self.waiters.push_back(id);
                Waiting::Shared
            }
        };
    }

    /// Whether the owner waits and has room now; it is then waiting no more. One that now waits for room of the link
    /// alone is listed.
    pub(super) fn try_wake(&mut self, id: StreamId, stream: &mut Stream) -> bool {
        let woken = match stream.waiting {
            Waiting::No | Waiting::Lapsed => return false,
            Waiting::Own => Waiting::No,
            Waiting::Shared => Waiting::Lapsed,
        };
        if self.room(stream) == 0 {
            self.wait(id, stream);
            return false;
        }
        stream.waiting = woken;
        true
    }

    /// The next of those that wait for room of the link, in the order in which they began to, while there is more of
    /// it than was `granted`.
    pub(super) fn next_waiter(&mut self, granted: u64) -> Option<StreamId> {
        let room = self.sending.shared_room().min(self.queueing.shared_room());
        if granted >= room {
            return None;
        }
        self.waiters.pop_front()
    }

    pub(super) fn has_waiters(&self) -> bool {
        !self.waiters.is_empty()
    }

    pub(super) fn forget_waiters(&mut self) {
        self.waiters.clear();
    }
}

/// What goes back to the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GiveBack {
    /// What the reader took.
    Taken,
    /// All; nobody reads it.
    Everything,
}
