//! The public side.
//!
//! The cast:
//! * `certificate`: the gateway's own certificates, and their files.
//! * `shards`: one single-threaded runtime a core; listeners, links and pools live there.
//! * `ingress`: visitors' connections, HTTP/1.1.
//! * `fields`: header fields of a message, as they stand on the wire.
//! * `routing`: host and path to route, in an immutable snapshot swapped whole.
//! * `registry`: agents, sessions, epochs, verdicts.
//! * `upstream`: warm streams and the lean HTTP/1.1 client that speaks through them.
//! * `answers`: what agents may ask: an update of the gateway, the configuration of the Caddy before it.
//! * `pages`: landing page and error answers.
//! * `counters`, `figures`: what is counted, a shard each, and its sum.

mod answers;
#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod bench;
mod body;
pub mod certificate;
pub mod config;
mod counters;
mod endpoint;
mod fields;
pub mod figures;
mod forwarded;
mod ingress;
mod links;
mod pages;
mod proxy;
mod registry;
mod routing;
mod session;
mod shards;
mod site;
mod state;
mod status;
mod upstream;
mod visitor;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use octoporty_proto::control::Control;
use octoporty_proto::model::{EndReason, LogSource};
use thiserror::Error;

pub use config::GatewayConfig;
pub use figures::GatewayFigures;
use shards::{Addresses, Shards};
use state::GatewayState;

/// Why a gateway did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The port is in use or may not be taken.
    #[error("cannot listen on {address}: {source}; set {setting} to a free port")]
    Bind {
        /// Which setting names it.
        setting: &'static str,
        /// Which address.
        address: SocketAddr,
        /// The system's word.
        source: std::io::Error,
    },
    /// The crypto provider does not have what TLS needs.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// A thread or runtime could not be made.
    #[error("cannot start a worker: {0}")]
    Worker(#[source] std::io::Error),
}

/// How long agents have to read that the gateway stops, once the visitors are served.
const GOODBYE: Duration = Duration::from_millis(500);
/// Agents find a gateway that restarts back after about this, seconds.
const BACK_IN_S: u32 = 2;

/// Reads a gateway's figures, for as long as somebody wants them; it keeps nothing running.
#[derive(Debug, Clone)]
pub struct GatewayGauge(Arc<GatewayState>);

impl GatewayGauge {
    /// The figures as they are now.
    pub async fn read(&self) -> GatewayFigures {
        let state = Arc::clone(&self.0);
        let read = tokio::task::spawn_blocking(move || GatewayFigures::of(&state));
        read.await.unwrap_or_else(|error| {
            tracing::error!(%error, "the figures could not be read; this is a defect");
            GatewayFigures::default()
        })
    }
}

/// A running gateway. Dropped without [`Gateway::stop`], it ends at once and says no goodbye.
#[derive(Debug)]
pub struct Gateway {
    addresses: Addresses,
    state: Arc<GatewayState>,
    shards: Shards,
}

impl Gateway {
    /// Binds, starts its shards, and returns once it listens. Agents may read `log`.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(mut config: GatewayConfig, log: Arc<dyn LogSource>) -> Result<Self, StartError> {
        config.shards = config.shards.max(1);
        let state = Arc::new(GatewayState::new(config, log));
        // On a thread of its own, since a runtime that is dropped on the way must not be dropped inside of another.
        let begun = tokio::task::spawn_blocking({
            let state = Arc::clone(&state);
            move || Shards::start(&state)
        });
        let (shards, addresses) = begun.await.map_err(|error| StartError::Worker(std::io::Error::other(error)))??;
        tracing::info!(address = %addresses.visitors, shards = state.config.shards, "gateway listens");
        if let Some(address) = addresses.agents {
            let certificate = state.config.agents_port.as_ref().and_then(|port| port.certificate.as_ref());
            let transport = if certificate.is_some() { "tls" } else { "clear" };
            tracing::info!(%address, transport, "gateway listens for agents alone");
        }
        Ok(Self { addresses, state, shards })
    }

    /// Where it listens (the real port when 0 was asked for).
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.addresses.visitors
    }

    /// Where it listens for agents alone, if it does.
    #[must_use]
    pub fn agents_addr(&self) -> Option<SocketAddr> {
        self.addresses.agents
    }

    /// Where its figures are read.
    #[must_use]
    pub fn gauge(&self) -> GatewayGauge {
        GatewayGauge(Arc::clone(&self.state))
    }

    /// Says goodbye to agents and visitors, lets what is in flight finish within `grace`, ends every task.
    pub async fn stop(self, grace: Duration) {
        tracing::info!(grace_s = grace.as_secs(), "gateway stops");
        self.state.draining.begin();
        self.tell_agents().await;
        if tokio::time::timeout(grace, self.shards.visitors_gone()).await.is_err() {
            tracing::warn!("visitors' requests were cut: they did not finish within the grace");
        }
        for (session, _) in self.state.registry.sessions() {
            while let Some(batch) = session.access().take() {
                if !session.links().iter().any(|known| known.link.try_send(&batch.message())) {
                    tracing::debug!(agent = %session.identity().agent, "access records lost at the stop");
                    break;
                }
            }
            session.close(EndReason::LocalStop, "the gateway stops");
        }
        self.links_gone().await;
        self.shards.end().await;
    }

    async fn tell_agents(&self) {
        let reason = "the gateway stops".to_owned();
        let message = Control::Drain { reason, back_in_s: Some(BACK_IN_S) };
        for (session, _) in self.state.registry.sessions() {
            let told = session.links().iter().any(|known| known.link.try_send(&message));
            if !told {
                tracing::debug!(agent = %session.identity().agent, "agent could not be told that the gateway stops");
            }
        }
    }

    /// Waits until what was sent to agents has left, and the links are closed.
    async fn links_gone(&self) {
        let gone = async {
            for (session, _) in self.state.registry.sessions() {
                for known in session.links().iter() {
                    known.link.ended().await;
                }
            }
        };
        if tokio::time::timeout(GOODBYE, gone).await.is_err() {
            tracing::debug!("some links did not close in time");
        }
    }
}
