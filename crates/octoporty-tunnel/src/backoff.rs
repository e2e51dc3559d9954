//! Jittered exponential back-off.

use std::time::Duration;

/// Gives delays that double from `first` to `most`, each with jitter; [`Backoff::reset`] only on proof of life
/// (authenticated and first pong).
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    step: u32,
}

impl Backoff {
    /// From `first` to `most`.
    #[must_use]
    pub const fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, step: 0 }
    }

    /// The next delay.
    pub fn next_delay(&mut self) -> Duration {
        let _ = (self.first, self.most, self.step);
        todo!()
    }

    /// Back to the first delay.
    pub fn reset(&mut self) {
        self.step = 0;
    }

    /// Attempts since the last reset.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.step
    }
}
