//! What the shards share.

use std::time::Instant;

use arc_swap::ArcSwap;

use crate::config::GatewayConfig;
use crate::routing::RoutingSnapshot;

/// Read by every shard, without a lock where a request passes.
#[derive(Debug)]
pub(crate) struct GatewayState {
    /// As it was given.
    pub config: GatewayConfig,
    /// When the process' gateway started.
    pub started: Instant,
    /// Routes; replaced whole.
    pub routing: ArcSwap<RoutingSnapshot>,
}
