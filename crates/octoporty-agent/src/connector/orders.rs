//! What the connector is told from outside, in any state.

use std::sync::OnceLock;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::State;

/// An order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Say goodbye and end; streams have this long.
    Stop(Duration),
    /// Drop whatever stands and dial at once.
    Redial,
}

/// Where orders are left. The newest counts; stop counts most.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    stop: CancellationToken,
    grace: OnceLock<Duration>,
    redial: Notify,
}

impl Orders {
    /// See [`Order::Stop`]. The first grace given counts.
    pub(crate) fn stop(&self, grace: Duration) {
        self.grace.get_or_init(|| grace);
        self.stop.cancel();
    }

    /// See [`Order::Redial`].
    pub(crate) fn redial(&self) {
        self.redial.notify_one();
    }

    /// The next order; none is lost if this is dropped while it waits.
    pub(crate) async fn next(&self) -> Order {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Order::Stop(self.grace.get().copied().unwrap_or_default()),
            () = self.redial.notified() => Order::Redial,
        }
    }
}

impl Order {
    /// What follows when no session stands.
    pub(super) fn without_session(self) -> State {
        match self {
            Self::Stop(_) => State::Stopped,
            Self::Redial => State::Dialing,
        }
    }
}
