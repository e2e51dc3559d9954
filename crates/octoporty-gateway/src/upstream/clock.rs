//! Deadlines that cost next to nothing while bytes move.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep};

/// A timer that is re-armed lazily: it is registered once with some deadline, and only when that passes it looks at
/// the deadline as it is by then. A chunk of a body costs no work on the runtime's timers, nor does a request on a
/// warm stream.
#[derive(Debug)]
pub(crate) struct Watchdog {
    sleep: Pin<Box<Sleep>>,
}

impl Watchdog {
    /// First set to this deadline.
    pub(crate) fn new(deadline: Instant) -> Self {
        Self { sleep: Box::pin(tokio::time::sleep_until(deadline)) }
    }

    /// Whether `deadline` has passed; if not, the task is woken when it has (or a little before, in vain).
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        if self.sleep.deadline() > deadline {
            self.sleep.as_mut().reset(deadline);
        }
        while self.sleep.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            self.sleep.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_moved_on_is_kept_and_one_that_moved_near_as_well() {
        let start = Instant::now();
        let mut watchdog = Watchdog::new(start + Duration::from_secs(5));
        poll_fn(|cx| watchdog.poll(cx, start + Duration::from_secs(9))).await;
        assert_eq!(start.elapsed().as_secs(), 9);

        let start = Instant::now();
        let mut watchdog = Watchdog::new(start + Duration::from_secs(100));
        poll_fn(|cx| watchdog.poll(cx, start + Duration::from_secs(3))).await;
        assert_eq!(start.elapsed().as_secs(), 3);
    }
}
