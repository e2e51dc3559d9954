//! The public side.
//!
//! The cast:
//! * `shards`: one single-threaded runtime a core; listeners, links and pools live there.
//! * `ingress`: visitors' connections, HTTP/1.1.
//! * `routing`: host and path to route, in an immutable snapshot swapped whole.
//! * `registry`: agents, sessions, epochs, verdicts.
//! * `upstream`: warm streams and the lean HTTP/1.1 client that speaks through them.
//! * `pages`: landing page and error answers.

mod body;
pub mod config;
mod forwarded;
mod ingress;
mod pages;
mod proxy;
mod routing;
mod session;
mod shards;
mod state;
mod upstream;
mod visitor;

use std::net::SocketAddr;
use std::time::Duration;

use thiserror::Error;

pub use config::GatewayConfig;

/// Why a gateway did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The port is in use or may not be taken.
    #[error("cannot listen on {address}: {source}; set Gateway__Port to a free port")]
    Bind {
        /// Which address.
        address: SocketAddr,
        /// The system's word.
        source: std::io::Error,
    },
    /// A thread or runtime could not be made.
    #[error("cannot start a worker: {0}")]
    Worker(#[source] std::io::Error),
}

/// A running gateway.
#[derive(Debug)]
pub struct Gateway {
    _private: (),
}

impl Gateway {
    /// Binds, starts its shards, and returns once it listens.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(config: GatewayConfig) -> Result<Self, StartError> {
        let _ = config;
        todo!()
    }

    /// Where it listens (the real port when 0 was asked for).
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        todo!()
    }

    /// Says goodbye to agents and visitors, lets what is in flight finish within `grace`, ends every task.
    pub async fn stop(self, grace: Duration) {
        let _ = grace;
        todo!()
    }
}
