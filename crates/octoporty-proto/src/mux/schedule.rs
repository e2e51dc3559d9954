//! Whose turn it is: deficit round robin with a first round for those that were idle (DRR++, as fq_codel has it).
//!
//! A stream that has something to send after a pause goes to the new round with a small quantum and is served before
//! all bulk. When it has used the quantum it joins the old round; when it runs dry it passes through the old round
//! once, so that a stream cannot stay "new" by pausing for a moment.

use std::collections::VecDeque;

use super::stream::{Place, Stream};
use super::table::Table;
use crate::wire::StreamId;

/// What a stream may send at once when it begins, bytes: a response head and a small body.
pub(super) const NEW_QUANTUM: i64 = 16 * 1024;

/// What a bulk stream may send in its turn, bytes: large enough for few headers, small enough that eight streams on
/// a 100 Mbit/s line take turns within 50 ms.
pub(super) const BULK_QUANTUM: i64 = 64 * 1024;

#[derive(Debug, Default)]
pub(super) struct Schedule {
    new: VecDeque<StreamId>,
    old: VecDeque<StreamId>,
}

impl Schedule {
    pub(super) fn is_empty(&self) -> bool {
        self.new.is_empty() && self.old.is_empty()
    }

    /// `stream` may have become active.
    pub(super) fn wake(&mut self, id: StreamId, stream: &mut Stream) {
        if stream.place == Place::Idle && stream.is_active() {
            stream.place = Place::New;
            stream.deficit = NEW_QUANTUM;
            self.new.push_back(id);
        }
    }

    /// The stream whose turn it is; it may send `deficit` bytes, which is above 0. It stays in front until it has
    /// used that up or has run dry.
    pub(super) fn turn(&mut self, streams: &mut Table) -> Option<StreamId> {
        loop {
            let (round, id) = match (self.new.front(), self.old.front()) {
                (Some(id), _) => (Place::New, *id),
                (None, Some(id)) => (Place::Old, *id),
                (None, None) => return None,
            };
            let Some(stream) = streams.get_mut(&id) else {
                self.leave(round);
                continue;
            };
            if stream.deficit <= 0 {
                stream.deficit += BULK_QUANTUM;
                self.leave(round);
                stream.place = Place::Old;
                self.old.push_back(id);
            } else if stream.is_active() {
                return Some(id);
            } else {
                self.leave(round);
                stream.place = if round == Place::New && !self.old.is_empty() {
                    self.old.push_back(id);
                    Place::Old
                } else {
                    Place::Idle
                };
            }
        }
    }

    fn leave(&mut self, round: Place) {
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
