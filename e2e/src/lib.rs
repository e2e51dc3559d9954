//! End-to-end harness: starts the real binary as separate processes and speaks to it over real sockets, by
//! documented settings, ports and API alone.
//!
//! The cast:
//! * [`world::World`]: one gateway, its agents and their folder, on a loopback address of their own, so that tests
//!   run side by side with the documented ports.
//! * [`process::Process`]: one child; killed when dropped, its output shown when a test fails.
//! * [`console::ConsoleClient`]: the REST API as a script would use it; [`events::Events`]: its event stream.
//! * [`visitor`]: a raw HTTP/1.1 client that shows everything, and curl.
//! * [`target`]: targets that misbehave on demand; nginx and Python as targets that are not ours.
//! * [`relay::Relay`]: a TCP relay that cuts, freezes, delays and resets.

pub mod console;
pub mod events;
pub mod process;
pub mod relay;
pub mod resilience;
pub mod target;
pub mod tls;
pub mod visitor;
pub mod world;

use std::future::Future;
use std::time::{Duration, Instant};

/// Longest that anything that must happen may take on a slow machine. Never reached when things are right.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `probe` gives a value; panics with `what` after [`PATIENCE`].
pub async fn eventually<T, F, Fut>(what: &str, probe: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    within(PATIENCE, what, probe).await
}

/// Waits until `probe` gives a value; panics with `what` after `bound`.
pub async fn within<T, F, Fut>(bound: Duration, what: &str, mut probe: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let start = Instant::now();
    loop {
        if let Some(value) = probe().await {
            return value;
        }
        assert!(start.elapsed() < bound, "not within {bound:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
