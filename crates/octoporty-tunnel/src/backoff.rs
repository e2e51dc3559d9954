//! Jittered exponential back-off.

use std::time::Duration;

/// Most doublings that are counted; any cap is reached long before.
const MOST_DOUBLINGS: u32 = 20;

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

    /// The next delay: half of the step for certain and the other half by chance, so that many agents that lost one
    /// gateway do not come back as one.
    pub fn next_delay(&mut self) -> Duration {
        let doubled = self.first.saturating_mul(1 << self.step.min(MOST_DOUBLINGS));
        self.step = self.step.saturating_add(1);
        doubled.min(self.most).mul_f64(0.5 + fastrand::f64() / 2.0)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_cap_and_keep_their_jitter_within_half() {
        let mut backoff = Backoff::new(Duration::from_secs(5), Duration::from_secs(300));
        for step in 0..40 {
            let full = Duration::from_secs(5).saturating_mul(1 << step.min(10)).min(Duration::from_secs(300));
            let delay = backoff.next_delay();
            assert!(delay >= full / 2 && delay <= full, "step {step}: {delay:?} of {full:?}");
        }
        assert_eq!(backoff.attempts(), 40);
    }

    #[test]
    fn a_reset_begins_anew() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(9));
        for _ in 0..6 {
            backoff.next_delay();
        }
        backoff.reset();
        assert_eq!(backoff.attempts(), 0);
        assert!(backoff.next_delay() <= Duration::from_millis(100));
    }

    #[test]
    fn two_agents_do_not_wait_the_same_time() {
        let delays: std::collections::HashSet<Duration> =
            (0..32).map(|_| Backoff::new(Duration::from_secs(5), Duration::from_secs(300)).next_delay()).collect();
        assert!(delays.len() > 1);
    }

    #[test]
    fn attempts_never_overflow() {
        let mut backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(300), step: u32::MAX };
        assert!(backoff.next_delay() <= Duration::from_secs(300));
        assert_eq!(backoff.attempts(), u32::MAX);
    }
}
