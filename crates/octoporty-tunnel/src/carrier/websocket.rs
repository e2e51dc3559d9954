//! Links over WebSocket: `GET /tunnel`, binary messages, credential in the upgrade's header.

mod codec;
mod proxy;
mod route;
mod socket;
mod upgrade;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::ClientConfig;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Handle;

use self::codec::Role;
use self::socket::WebSocketCarrier;
use super::{Carrier, tcp};
use crate::prefixed::Prefixed;
use crate::tls::{self, ServerTls};

/// What RFC 6455 (section 1.3) appends to a key before hashing.
const ACCEPT_GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

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
        source: io::Error,
    },
    /// No address of the gateway took a connection.
    #[error("cannot connect to {address}: {source}; is the gateway running and its port open?")]
    Connect {
        /// The last address tried, or the name.
        address: String,
        /// The system's word.
        source: io::Error,
    },
    /// TLS failed.
    #[error("TLS with {host} failed: {source}; {}", of_tls(.source))]
    Tls {
        /// The name.
        host: String,
        /// The TLS library's word.
        source: io::Error,
    },
    /// The proxy is not there, or refused.
    #[error("the proxy gives no way to the gateway: {0}; check Agent__Proxy")]
    Proxy(String),
    /// The gateway does not take the credential (401).
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
    /// The gateway, or what stands before it, is there and takes no agents now (503).
    #[error("the gateway takes no agents at the moment (HTTP 503)")]
    Unavailable {
        /// From `Retry-After`, seconds.
        retry_after_s: Option<u64>,
    },
    /// Something answered that is not a gateway's tunnel endpoint.
    #[error("{url} answered HTTP {status} instead of a WebSocket upgrade; {}", what_answers(*.status, .url))]
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

/// What to look at when it is not a gateway that answers.
fn what_answers(status: u16, url: &str) -> &'static str {
    match status {
        // What servers that speak TLS say to who does not.
        400 if url.starts_with("ws:") => "that port may speak TLS: write wss:// instead of ws:// then",
        403 => {
            "a gateway does not say that: a firewall or proxy before it forbids the way; let /tunnel pass there (the key \
             is not what is refused)"
        }
        _ => "is this the gateway's address, with /tunnel?",
    }
}

/// What to look at when there is no TLS with the gateway.
fn of_tls(error: &io::Error) -> &'static str {
    use rustls::{CertificateError, Error};
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match inner {
        Some(Error::InvalidMessage(_)) => {
            "that port does not speak TLS: dial the proxy in front, or the gateway's Gateway__TunnelPort with its \
             certificate, or write ws:// (not encrypted)"
        }
        Some(Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. })) => {
            "dial a name that is in the certificate"
        }
        Some(Error::InvalidCertificate(CertificateError::ExpiredContext { .. })) => "the certificate has to be renewed",
        Some(Error::InvalidCertificate(CertificateError::NotValidYetContext { .. })) => {
            "compare the clocks of both ends"
        }
        Some(Error::InvalidCertificate(_)) => "for a private CA set Agent__CaFile",
        Some(Error::AlertReceived(_)) => {
            "the other end speaks TLS and refused: does it have a certificate for this name, and TLS 1.2 or 1.3?"
        }
        _ => "does that port speak TLS, and does it let this machine in?",
    }
}

/// Debug shows no credential.
impl fmt::Debug for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let proxy = self.proxy.as_ref().map(|proxy| (proxy.scheme_str(), proxy.host(), proxy.port_u16()));
        f.debug_struct("Dial")
            .field("url", &self.url)
            .field("proxy", &proxy)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl Dial {
    fn is_tls(&self) -> bool {
        matches!(self.url.scheme_str(), Some("wss" | "https"))
    }

    async fn in_time<R>(&self, work: impl Future<Output = Result<R, DialError>>) -> Result<R, DialError> {
        tokio::time::timeout(self.timeout, work).await.unwrap_or_else(|_| {
            let address = self.url.authority().map_or_else(String::new, ToString::to_string);
            Err(DialError::Timeout { address, seconds: self.timeout.as_secs() })
        })
    }
}

/// Resolves afresh, dials (happy eyeballs, `TCP_NODELAY`, `TCP_USER_TIMEOUT`, keep-alive), TLS, upgrades.
///
/// # Errors
/// See [`DialError`].
pub async fn dial(dial: &Dial) -> Result<Box<dyn Carrier>, DialError> {
    dial.in_time(Box::pin(async {
        let mut connection = route::connect(dial).await?;
        let ahead = upgrade::upgrade(&mut connection.io, dial).await?;
        connection.io.put_back(ahead);
        let carrier: Box<dyn Carrier> = Box::new(WebSocketCarrier::new(connection.io, connection.peer, Role::Client));
        Ok(carrier)
    }))
    .await
}

/// Asks the gateway for `GET /health` along the same way as [`dial`] (DNS, proxy, TLS, same host and port) and
/// gives the HTTP status. No credential is sent.
///
/// # Errors
/// See [`DialError`].
pub async fn health(dial: &Dial) -> Result<u16, DialError> {
    dial.in_time(Box::pin(async {
        let mut connection = route::connect(dial).await?;
        upgrade::health(&mut connection.io, &dial.url).await
    }))
    .await
}

/// Whom to reach by [`reach`].
#[derive(Clone, Debug)]
pub struct Goal<'a> {
    /// Name or literal address.
    pub host: &'a str,
    /// Port.
    pub port: u16,
    /// Where that is, if it was looked up already. A proxy looks it up by itself.
    pub addresses: Option<Vec<SocketAddr>>,
    /// For TLS, the name that the certificate has to be of.
    pub server_name: Option<&'a str>,
}

/// How long the way took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Steps {
    /// Looking the name up, if that was done here.
    pub dns: Option<Duration>,
    /// Dialling, with a proxy's word.
    pub connect: Duration,
    /// The handshake, where there is TLS.
    pub tls: Option<Duration>,
}

/// Both directions of a connection.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection on which nothing was said yet.
pub struct Reached {
    /// The connection.
    pub io: Box<dyn Duplex>,
    /// The other end; a proxy's, where one is between.
    pub peer: Option<SocketAddr>,
    /// How long it took.
    pub steps: Steps,
}

/// Reaches anybody by the way, proxy and trust of `dial`, for something else than a link.
///
/// # Errors
/// See [`DialError`].
pub async fn reach(dial: &Dial, goal: &Goal<'_>) -> Result<Reached, DialError> {
    dial.in_time(Box::pin(async {
        let (connection, steps) = route::reach(dial, goal).await?;
        Ok(Reached { io: Box::new(connection.io), peer: connection.peer, steps })
    }))
    .await
}

/// A connection that an agent came by, on the gateway's side.
pub trait Accepted: AsyncRead + AsyncWrite + Unpin + Send + Sized + 'static {
    /// The socket below.
    ///
    /// # Errors
    /// It was lost on the way to another runtime.
    fn socket(&self) -> io::Result<&TcpStream>;

    /// Has another runtime tell of its readiness. What is written must have been flushed.
    ///
    /// # Errors
    /// The system refused; the connection is lost.
    fn moved_to(self, runtime: &Handle) -> io::Result<Self>;
}

impl Accepted for TcpStream {
    fn socket(&self) -> io::Result<&TcpStream> {
        Ok(self)
    }

    fn moved_to(self, runtime: &Handle) -> io::Result<Self> {
        tls::moved(self, runtime)
    }
}

impl Accepted for ServerTls {
    fn socket(&self) -> io::Result<&TcpStream> {
        Self::socket(self)
    }

    fn moved_to(mut self, runtime: &Handle) -> io::Result<Self> {
        self.move_to(runtime)?;
        Ok(self)
    }
}

/// Takes over a connection whose upgrade (101 with the right `Sec-WebSocket-Accept`) was answered already.
/// `read_already` holds bytes that the HTTP server had read past the upgrade.
#[must_use]
pub fn accepted(io: impl Accepted, read_already: bytes::Bytes, peer: SocketAddr) -> Box<dyn Carrier> {
    if let Err(error) = io.socket().and_then(tcp::tune) {
        tracing::debug!(%peer, %error, "the options of an accepted connection could not be set");
    }
    Box::new(WebSocketCarrier::new(Prefixed::new(io, read_already), Some(peer), Role::Server))
}

/// `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key`.
#[must_use]
pub fn accept_key(key: &str) -> String {
    let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    context.update(key.as_bytes());
    context.update(ACCEPT_GUID.as_bytes());
    STANDARD.encode(context.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accept_key_is_the_one_of_the_rfc() {
        assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
