//! The lean HTTP/1.1 client that speaks through streams to targets, and the streams that it keeps warm.
//!
//! The cast:
//! * [`request`]: a visitor's head as the target gets it.
//! * [`response`]: the target's head, parsed in whatever cut it comes.
//! * [`chunked`], [`decoder`]: bodies, passed on without a copy.
//! * [`hop`]: which fields end here.
//! * [`pool`]: warm streams of one shard.
//! * [`clock`]: deadlines that cost next to nothing while bytes move.
//!
//! All but the pool and the clock is sans-IO; [`crate::proxy`] moves the bytes.

pub(crate) mod chunked;
pub(crate) mod clock;
pub(crate) mod decoder;
pub(crate) mod hop;
pub(crate) mod pool;
pub(crate) mod request;
pub(crate) mod response;

use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use pool::{Pool, SWEEP_INTERVAL};

/// What one shard keeps between requests.
#[derive(Debug, Default)]
pub(crate) struct Upstream {
    pool: Arc<Pool>,
}

impl Upstream {
    /// The shard's warm streams.
    pub(crate) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// Closes idle streams that are too old or were closed from afar, until cancelled. One task a shard runs this.
    pub(crate) async fn keep_swept(&self, cancel: &CancellationToken) {
        while cancel.run_until_cancelled(tokio::time::sleep(SWEEP_INTERVAL)).await.is_some() {
            self.pool.sweep(Instant::now());
        }
    }
}
