//! Whether a target keeps the connections that it leaves open, so that a request that cannot be repeated may use one.
//!
//! ```text
//!             a stream stood quiet for PROOF_IDLE
//!  Unproven ───────────────────────────────────────▶ Proven
//!     │                                                │
//!     └──────────▶ Refuted ◀───────────────────────────┘   the target ended a stream within SAFE_IDLE
//!                     └── DOUBT after the last such end, as Unproven
//! ```
//!
//! Some targets close at once after each answer and do not say so. Their close may still be on its way when the
//! stream comes back, and a POST would cross it. So a target proves itself before the first POST uses a warm stream;
//! until then POSTs open fresh ones, and idempotent requests find out how it is at no risk.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use octoporty_proto::model::Mapping;
use octoporty_proto::wire::Blame;
use octoporty_tunnel::stream::Stream;

/// What an idle stream must survive to prove that its target keeps connections. A target that closes at once does so
/// within microseconds, on a machine with much to do within milliseconds; the news takes the way of the answer, so the
/// tunnel's delay does not count. Until it has passed each POST costs a target connection.
pub(super) const PROOF_IDLE: Duration = Duration::from_millis(100);

/// How long nothing counts as proof after a target was seen to close: some close after some answers only.
pub(super) const DOUBT: Duration = Duration::from_secs(60);

/// What is known of a target's habits.
#[derive(Debug, Default)]
pub(super) enum Trust {
    /// Nothing.
    #[default]
    Unproven,
    /// It keeps connections, as the mapping was then.
    Proven(Arc<Mapping>),
    /// It ended a stream that had hardly become idle, last at this time.
    Refuted(Instant),
}

impl Trust {
    /// Whether some target of the mapping has proved itself.
    pub(super) fn is_proven(&self) -> bool {
        matches!(self, Self::Proven(_))
    }

    /// Whether the target that the mapping has now has proved itself.
    pub(super) fn holds_for(&mut self, mapping: &Arc<Mapping>) -> bool {
        let Self::Proven(known) = self else { return false };
        if !Arc::ptr_eq(known, mapping) {
            if known != mapping {
                *self = Self::Unproven;
                return false;
            }
            // The next look compares pointers again.
            known.clone_from(mapping);
        }
        true
    }

    /// Whether nothing counts as proof at present.
    pub(super) fn is_doubted(&self, now: Instant) -> bool {
        matches!(self, Self::Refuted(last) if now.saturating_duration_since(*last) < DOUBT)
    }

    /// A stream of the mapping has stood quiet for so long.
    pub(super) fn witness(&mut self, mapping: &Arc<Mapping>, stood: Duration, now: Instant) {
        if stood >= PROOF_IDLE && !self.is_doubted(now) {
            *self = Self::Proven(mapping.clone());
        }
    }
}

/// Whether it is the target that stirred a stream nobody asked anything: it ended, or said something unasked. A link
/// that broke says nothing of it.
pub(super) fn is_targets_doing(stream: &mut Stream) -> bool {
    match stream.poll_recv(&mut Context::from_waker(Waker::noop())) {
        Poll::Pending => false,
        Poll::Ready(Ok(_)) => true,
        Poll::Ready(Err(reset)) => reset.blame == Blame::Target,
    }
}
