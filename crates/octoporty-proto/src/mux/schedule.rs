//! Whose turn it is: deficit round robin with a first round for those that were idle (DRR++, as fq_codel has it).
//!
//! A stream that has something to send after a pause goes to the new round with a small quantum and is served before
//! all bulk. When it has used the quantum it joins the old round; when it runs dry it passes through the old round
//! once, so that a stream cannot stay "new" by pausing for a moment. Stream 0 is one of them, with the first place among the
//! new: a long message, such as a sync with a large page, does not hold up all answers on a slow line.

use std::collections::VecDeque;

use super::stream::Stream;
use super::zero::StreamZero;
use crate::wire::{HEADER_LEN, MAX_PAYLOAD, StreamId};

/// What a stream may send at once when it begins, bytes: a response head and a small body.
pub(super) const NEW_QUANTUM: i64 = 16 * 1024;

/// What a bulk stream may send in its turn, bytes: large enough for few headers, small enough that eight streams on
/// a 100 Mbit/s line take turns within 50 ms.
pub(super) const BULK_QUANTUM: i64 = 64 * 1024;

/// Neither the end of the budget nor that of a stream's turn cuts a frame shorter than this; a stream that sent more
/// than its turn allowed has the less in the next.
pub(super) const LEAST_CUT: usize = 4 * 1024;

/// Where a stream is in the schedule.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) place: Place,
    /// Bytes that the stream may send in this round; below 0 when it sent more.
    pub(super) deficit: i64,
}

/// In which round of the schedule a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Idle,
    New,
    Old,
}

#[derive(Debug, Default)]
pub(super) struct Schedule {
    new: VecDeque<StreamId>,
    old: VecDeque<StreamId>,
}

impl Turn {
    pub(super) const fn idle() -> Self {
        Self { place: Place::Idle, deficit: 0 }
    }

    fn begin(&mut self) {
        self.place = Place::New;
        self.deficit = NEW_QUANTUM;
    }

    /// Most bytes of the next frame.
    pub(super) fn share(&self) -> usize {
        usize::try_from(self.deficit).unwrap_or(0).clamp(LEAST_CUT, MAX_PAYLOAD)
    }

    /// A frame with so many bytes was sent.
    pub(super) fn used(&mut self, bytes: usize) {
        self.deficit -= i64::try_from(bytes + HEADER_LEN).unwrap_or(i64::MAX);
    }
}

impl Schedule {
    pub(super) fn is_empty(&self) -> bool {
        self.new.is_empty() && self.old.is_empty()
    }

    /// `stream` may have become active.
    pub(super) fn wake(&mut self, id: StreamId, stream: &mut Stream) {
        if stream.turn.place == Place::Idle && stream.is_active() {
            stream.turn.begin();
            self.new.push_back(id);
        }
    }

    /// Stream 0 may have become active: after a pause it goes before all others, and then takes its turns like them.
    pub(super) fn wake_zero(&mut self, zero: &mut StreamZero) {
        if zero.turn.place == Place::Idle && zero.sendable() > 0 {
            zero.turn.begin();
            self.new.push_front(StreamId(0));
        }
    }

    /// Stream 0 goes before all others with all that it has.
    pub(super) fn hurry_zero(&mut self, zero: &mut StreamZero) {
        self.new.retain(|id| id.0 != 0);
        self.old.retain(|id| id.0 != 0);
        zero.turn = Turn { place: Place::New, deficit: i64::MAX };
        self.new.push_front(StreamId(0));
    }

    /// The one in front, and of which round; [`Self::may_send`] says whether it is its turn.
    pub(super) fn front(&self) -> Option<(Place, StreamId)> {
        match (self.new.front(), self.old.front()) {
            (Some(id), _) => Some((Place::New, *id)),
            (None, Some(id)) => Some((Place::Old, *id)),
            (None, None) => None,
        }
    }

    /// Whether the one in front may send [`Turn::share`] bytes. It stays in front until it has used up its turn or has run
    /// dry; then it leaves, and another is there.
    pub(super) fn may_send(&mut self, (round, id): (Place, StreamId), turn: &mut Turn, activity: Activity) -> bool {
        if turn.deficit <= 0 {
            turn.deficit += BULK_QUANTUM;
            self.leave(round);
            turn.place = Place::Old;
            self.old.push_back(id);
            return false;
        }
        if activity == Activity::Active {
            return true;
        }
        self.leave(round);
        turn.place = if round == Place::New && !self.old.is_empty() {
            self.old.push_back(id);
            Place::Old
        } else {
            Place::Idle
        };
        false
    }

    /// The one in front is gone.
    pub(super) fn leave(&mut self, round: Place) {
        match round {
            Place::New => self.new.pop_front(),
            Place::Old => self.old.pop_front(),
            Place::Idle => None,
        };
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Whether one has something to send now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Activity {
    Active,
    Dry,
}
