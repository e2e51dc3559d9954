//! One stream: its state and its books. What touches other streams or the link is done by [`super::Mux`].

use super::Recv;
use super::flow::{ReceiveAccount, SendAccount};
use super::packing::Packing;
use super::queue::ByteQueue;
use super::schedule::Turn;
use crate::model::Compression;
use crate::wire::{Blame, End, Reset, ResetCode};

/// This side's direction of a stream that was not reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sending {
    /// Bytes may be queued.
    Open,
    /// Ends after what is queued.
    Finishing,
    /// The end was sent.
    Finished,
}

/// The peer's direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Receiving {
    /// Bytes may come.
    Open,
    /// The end came; bytes may still wait for their reader.
    Finished,
}

/// Where a stream stands.
///
/// ```text
///                 finish()               end sent
///   Live(Open, r) --------> (Finishing, r) -----> (Finished, r)
///   Live(s, Open) -------------- end received -------------> (s, Finished)
///   Live(..) --- reset by either side, link lost ---> Broken
///   Live(Finished, Finished), all given back  ---+
///   Broken, this side's Reset sent  -------------+--- and released ---> forgotten
/// ```
#[derive(Debug)]
pub(super) enum Phase {
    Live(Sending, Receiving),
    /// Nothing moves any more. What the peer had sent is still read, and if it had finished, read to its end.
    Broken(Reset, Receiving),
}

/// Whether the peer was told of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Birth {
    /// The Open frame waits to be sent.
    Pending,
    /// The peer knows, or opened it.
    Announced,
}

/// Whether someone on this side still uses the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Held,
    Released,
}

/// Whether a Reset frame of this side waits to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notice {
    None,
    Due,
}

/// Whether the owner was told that there is something to read and did not find the end of it yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    No,
    Yes,
}

/// Whether the owner found no room to send and waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waiting {
    No,
    /// For room of its own.
    Own,
    /// Also listed among those that wait for room of the link.
    Shared,
    /// Listed still, but it found room of its own meanwhile.
    Lapsed,
}

/// Credit that waits to be sent.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owed {
    pub(super) give_back: u64,
    pub(super) widen: u64,
}

impl Owed {
    pub(super) const fn is_none(&self) -> bool {
        self.give_back == 0 && self.widen == 0
    }
}

/// A stream.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) phase: Phase,
    pub(super) birth: Birth,
    pub(super) owner: Owner,
    pub(super) notice: Notice,

    pub(super) outbox: ByteQueue,
    pub(super) sent: SendAccount,
    pub(super) waiting: Waiting,
    pub(super) packing: Packing,
    pub(super) turn: Turn,

    pub(super) inbox: ByteQueue,
    pub(super) received: ReceiveAccount,
    pub(super) owed: Owed,
    pub(super) told: Told,
}

/// A frame that does not fit the state of its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AfterEnd;

impl Stream {
    pub(super) fn new(birth: Birth, compression: Compression, window: u64) -> Self {
        Self {
            phase: Phase::Live(Sending::Open, Receiving::Open),
            birth,
            owner: Owner::Held,
            notice: Notice::None,
            outbox: ByteQueue::default(),
            sent: SendAccount::new(window),
            waiting: Waiting::No,
            packing: Packing::new(compression),
            turn: Turn::idle(),
            inbox: ByteQueue::default(),
            received: ReceiveAccount::new(window),
            owed: Owed::default(),
            told: Told::No,
        }
    }

    /// Whether the schedule has something to send for it.
    pub(super) fn is_active(&self) -> bool {
        match (&self.phase, self.birth) {
            (Phase::Live(Sending::Open, _), Birth::Announced) => !self.outbox.is_empty(),
            (Phase::Live(Sending::Finishing, _), Birth::Announced) => true,
            (Phase::Live(Sending::Finished, _) | Phase::Broken(..), _) | (_, Birth::Pending) => false,
        }
    }

    /// Whether the owner may queue bytes.
    pub(super) fn may_send(&self) -> Result<(), Reset> {
        match &self.phase {
            Phase::Live(Sending::Open, _) => Ok(()),
            Phase::Live(Sending::Finishing | Sending::Finished, _) => Err(Reset {
                code: ResetCode::Internal,
                blame: Blame::Link,
                detail: "bytes were sent after the end of this side's direction".to_owned(),
            }),
            Phase::Broken(reset, _) => Err(reset.clone()),
        }
    }

    /// What the owner reads next. Bytes count as received until the owner is done with them.
    pub(super) fn take(&mut self) -> Result<Recv, Reset> {
        if let Some(bytes) = self.inbox.pop(usize::MAX) {
            if matches!(self.phase, Phase::Live(..)) {
                self.received.lend(bytes.len() as u64);
            }
            return Ok(Recv::Data(bytes));
        }
        match &self.phase {
            Phase::Live(_, Receiving::Finished) | Phase::Broken(_, Receiving::Finished) => Ok(Recv::Finished),
            Phase::Broken(reset, Receiving::Open) => Err(reset.clone()),
            Phase::Live(_, Receiving::Open) => {
                self.told = Told::No;
                Ok(Recv::Blocked)
            }
        }
    }

    /// The owner ends this side's direction.
    pub(super) fn finish(&mut self) -> Result<(), Reset> {
        match &mut self.phase {
            Phase::Live(sending @ Sending::Open, _) => {
                *sending = Sending::Finishing;
                Ok(())
            }
            Phase::Live(Sending::Finishing | Sending::Finished, _) => Ok(()),
            Phase::Broken(reset, _) => Err(reset.clone()),
        }
    }

    /// Whether a frame with the next `bytes` queued bytes ends the direction.
    pub(super) fn end_after(&self, bytes: usize) -> End {
        match self.phase {
            Phase::Live(Sending::Finishing, _) if self.outbox.len() == bytes => End::Fin,
            Phase::Live(..) | Phase::Broken(..) => End::More,
        }
    }

    /// A frame was sent.
    pub(super) const fn was_sent(&mut self, end: End) {
        match (&mut self.phase, end) {
            (Phase::Live(sending, _), End::Fin) => *sending = Sending::Finished,
            (Phase::Live(..), End::More) | (Phase::Broken(..), _) => {}
        }
    }

    /// The peer's end came.
    pub(super) const fn end_was_received(&mut self) -> Result<(), AfterEnd> {
        match &mut self.phase {
            Phase::Live(_, receiving @ Receiving::Open) => {
                *receiving = Receiving::Finished;
                Ok(())
            }
            Phase::Live(_, Receiving::Finished) => Err(AfterEnd),
            Phase::Broken(..) => Ok(()),
        }
    }

    /// It is not listed any more among those that wait for room of the link.
    pub(super) const fn unlist(&mut self) {
        self.waiting = match self.waiting {
            Waiting::No | Waiting::Lapsed => Waiting::No,
            Waiting::Own | Waiting::Shared => Waiting::Own,
        };
    }

    /// Whether all that the peer sends has come: nothing more will.
    pub(super) const fn has_all(&self) -> bool {
        matches!(self.phase, Phase::Live(_, Receiving::Finished))
    }

    /// Ended in order, as far as this side's owner is concerned.
    pub(super) const fn is_ended(&self) -> bool {
        matches!(self.phase, Phase::Live(Sending::Finishing | Sending::Finished, Receiving::Finished))
    }

    /// Nothing about it needs to be remembered.
    pub(super) const fn is_forgettable(&self) -> bool {
        match (&self.phase, self.owner) {
            (_, Owner::Held) => false,
            (Phase::Live(Sending::Finished, Receiving::Finished), Owner::Released) => {
                self.sent.in_flight() == 0 && self.owed.is_none()
            }
            (Phase::Live(..), Owner::Released) => false,
            (Phase::Broken(..), Owner::Released) => matches!(self.notice, Notice::None),
        }
    }
}
