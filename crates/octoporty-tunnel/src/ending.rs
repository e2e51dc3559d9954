//! An end that many look for, at each of their turns.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

/// A [`CancellationToken`] that is looked at without a lock. Clones and branches are of the same end.
#[derive(Clone, Debug, Default)]
pub struct Ending {
    token: CancellationToken,
    has_begun: Arc<AtomicBool>,
}

impl Ending {
    /// One that has not begun.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same end, with a place of its own to wait for it: who waits there does not stand in line with all others.
    #[must_use]
    pub fn branch(&self) -> Self {
        Self { token: self.token.child_token(), has_begun: Arc::clone(&self.has_begun) }
    }

    /// Begins, for everybody.
    pub fn begin(&self) {
        // Ahead of the token: who was woken by that one sees it.
        self.has_begun.store(true, Ordering::Release);
        self.token.cancel();
    }

    /// Whether it has begun.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Acquire)
    }

    /// Until it begins.
    pub fn begun(&self) -> WaitForCancellationFuture<'_> {
        self.token.cancelled()
    }

    /// For those that wait and do not look.
    #[must_use]
    pub const fn token(&self) -> &CancellationToken {
        &self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_is_told_and_who_looks_sees_it() {
        let ending = Ending::new();
        let (branch, clone) = (ending.branch(), ending.clone());
        assert!(!branch.has_begun() && !clone.has_begun() && !ending.token().is_cancelled());
        let waits = async {
            branch.begun().await;
            branch.has_begun()
        };
        let begins = async {
            tokio::task::yield_now().await;
            clone.begin();
        };
        assert!(tokio::join!(waits, begins).0);
        assert!(ending.has_begun() && ending.token().is_cancelled());
    }
}
