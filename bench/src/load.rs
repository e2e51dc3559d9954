//! Load generators: wrk for rates and latencies, own clients for what wrk cannot do.

pub(crate) mod bulk;
pub(crate) mod idle;
pub(crate) mod wrk;

use std::net::SocketAddr;

/// Where visitors reach a system, and by which name.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// The name in `Host`.
    pub(crate) host: String,
}
