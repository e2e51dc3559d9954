//! Warm streams of one shard.

/// The pool.
#[derive(Debug, Default)]
pub(crate) struct Upstream {}
