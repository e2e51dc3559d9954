//! Links over WebSocket: `GET /tunnel`, binary messages, credential in the upgrade's header.

use std::net::SocketAddr;
use std::time::Duration;

use rustls::ClientConfig;
use thiserror::Error;
use tokio::net::TcpStream;

use super::Carrier;

/// Whom to dial and with what. Built by the agent from its configuration.
#[derive(Clone)]
pub struct Dial {
    /// `ws` or `wss`, host, port and path; no credential in it.
    pub url: http::Uri,
    /// Value of the `Authorization` header (`Bearer …`), marked sensitive.
    pub authorization: http::HeaderValue,
    /// For `wss`.
    pub tls: std::sync::Arc<ClientConfig>,
    /// HTTP CONNECT or SOCKS5 proxy, if one is configured.
    pub proxy: Option<http::Uri>,
    /// Bound on the whole of resolving, dialling, TLS and upgrade.
    pub timeout: Duration,
}

/// Why a dial failed. Each says what to change.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DialError {
    /// The gateway's name does not resolve.
    #[error("cannot resolve {host}: {source}; check the name and this machine's DNS")]
    Dns {
        /// The name.
        host: String,
        /// The resolver's word.
        source: std::io::Error,
    },
    /// No address of the gateway took a connection.
    #[error("cannot connect to {address}: {source}; is the gateway running and its port open?")]
    Connect {
        /// The last address tried, or the name.
        address: String,
        /// The system's word.
        source: std::io::Error,
    },
    /// TLS failed.
    #[error("TLS with {host} failed: {source}; for a private CA set Agent__CaFile")]
    Tls {
        /// The name.
        host: String,
        /// The TLS library's word.
        source: std::io::Error,
    },
    /// The proxy refused.
    #[error("the proxy refused: {0}; check Agent__Proxy")]
    Proxy(String),
    /// The gateway does not take the credential (401, 403).
    #[error("the gateway refused the key or token (HTTP {status}); it must be the gateway's Gateway__ApiKey")]
    Unauthorized {
        /// HTTP status.
        status: u16,
    },
    /// Locked out for a while (429).
    #[error("the gateway has locked this address out after wrong keys; it says to wait {retry_after_s} s")]
    LockedOut {
        /// From `Retry-After`.
        retry_after_s: u64,
    },
    /// Something answered that is not a gateway's tunnel endpoint.
    #[error("{url} answered HTTP {status} instead of a WebSocket upgrade; is this the gateway's address, with /tunnel?")]
    NotATunnel {
        /// What was asked.
        url: String,
        /// HTTP status.
        status: u16,
    },
    /// Nothing within the bound.
    #[error("no answer from {address} within {seconds} s")]
    Timeout {
        /// Whom.
        address: String,
        /// The bound.
        seconds: u64,
    },
    /// WebSocket handshake broken otherwise.
    #[error("the WebSocket upgrade failed: {0}")]
    Upgrade(String),
}

/// Resolves afresh, dials (happy eyeballs, `TCP_NODELAY`, `TCP_USER_TIMEOUT`, keep-alive), TLS, upgrades.
///
/// # Errors
/// See [`DialError`].
pub async fn dial(dial: &Dial) -> Result<Box<dyn Carrier>, DialError> {
    let _ = dial;
    todo!()
}

/// Takes over a connection whose upgrade (101 with the right `Sec-WebSocket-Accept`) was answered already.
/// `read_already` holds bytes that the HTTP server had read past the upgrade.
#[must_use]
pub fn accepted(socket: TcpStream, read_already: bytes::Bytes, peer: SocketAddr) -> Box<dyn Carrier> {
    let _ = (socket, read_already, peer);
    todo!()
}

/// `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key`.
#[must_use]
pub fn accept_key(key: &str) -> String {
    let _ = key;
    todo!()
}
