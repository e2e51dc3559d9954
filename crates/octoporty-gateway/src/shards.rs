//! The data plane: one single-threaded runtime a core, each with its listener, links and pools.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::state::GatewayState;
use crate::upstream::Upstream;

/// One shard, as its tasks see it.
#[derive(Debug)]
pub(crate) struct ShardContext {
    /// Which one.
    pub index: usize,
    /// Its runtime.
    pub handle: Handle,
    /// Owner of every task on it.
    pub tracker: TaskTracker,
    /// Ends every task on it.
    pub cancel: CancellationToken,
    /// Shared by all shards.
    pub state: Arc<GatewayState>,
    /// Warm streams of this shard.
    pub upstream: Upstream,
}
