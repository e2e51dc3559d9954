//! How slow a transfer may be. Who sends or takes nothing for [`GRACE`] is let go; whoever is merely slow gets more
//! time with each byte, at [`SLOWEST`], and cannot stay for ever by a byte now and then.

use std::time::Duration;

use tokio::time::Instant;

/// How long nothing need move: far more than a lost packet costs.
const GRACE: Duration = Duration::from_secs(10);
/// Bytes a second that have to move on average; a modem does that.
const SLOWEST: u32 = 4 * 1_024;

/// When a transfer has to be over, as far as one knows by now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    deadline: Instant,
}

impl Pace {
    /// A transfer that begins now.
    pub(crate) fn begin() -> Self {
        Self::with_grace(GRACE)
    }

    pub(super) fn with_grace(grace: Duration) -> Self {
        Self { deadline: Instant::now() + grace }
    }

    /// Counts bytes that moved.
    pub(crate) fn moved(&mut self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.deadline += Duration::from_secs(1).saturating_mul(bytes) / SLOWEST;
    }

    /// Until when the next byte has to move.
    pub(crate) const fn deadline(&self) -> Instant {
        self.deadline
    }
}
