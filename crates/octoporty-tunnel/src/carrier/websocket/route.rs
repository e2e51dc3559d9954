//! The way to a gateway: fresh DNS, a proxy if one is configured, TCP, TLS. Every request to the gateway goes it, and so
//! does what is asked of a public name.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::proxy;
use super::{Dial, DialError, Goal, Steps};
use crate::carrier::tcp;
use crate::prefixed::Prefixed;

/// A connection to a gateway, and bytes that were read ahead of it.
pub(super) struct Connection {
    pub(super) io: Prefixed<Io>,
    pub(super) peer: Option<SocketAddr>,
}

/// With or without TLS.
pub(super) enum Io {
    Plain(TcpStream),
    Tls(Box<TlsStream<Prefixed<TcpStream>>>),
}

/// Goes the whole way to the gateway that `dial` names.
pub(super) async fn connect(dial: &Dial) -> Result<Connection, DialError> {
    let (host, port) = authority(&dial.url)?;
    let server_name = dial.is_tls().then_some(host);
    reach(dial, &Goal { host, port, addresses: None, server_name }).await.map(|(connection, _)| connection)
}

/// Goes the way to anybody, as the way to the gateway is gone.
pub(super) async fn reach(dial: &Dial, goal: &Goal<'_>) -> Result<(Connection, Steps), DialError> {
    let (host, port) = (goal.host, goal.port);
    let mut steps = Steps::default();
    let begun = Instant::now();
    let (socket, ahead) = match (&dial.proxy, &goal.addresses) {
        (Some(proxy), _) => proxy::through(proxy, host, port).await?,
        (None, Some(known)) => (tcp_at(host, port, known.clone()).await?, Bytes::new()),
        (None, None) => {
            let found = look_up(host, port).await?;
            steps.dns = tcp::literal(host).is_none().then(|| begun.elapsed());
            (tcp_at(host, port, found).await?, Bytes::new())
        }
    };
    steps.connect = begun.elapsed().saturating_sub(steps.dns.unwrap_or_default());
    let peer = socket.peer_addr().ok();
    let socket = Prefixed::new(socket, ahead);
    let io = if let Some(name) = goal.server_name {
        let begun = Instant::now();
        let secured = tls(dial, name, socket).await?;
        steps.tls = Some(begun.elapsed());
        Prefixed::new(Io::Tls(Box::new(secured)), Bytes::new())
    } else {
        let (inner, ahead) = socket.into_parts();
        Prefixed::new(Io::Plain(inner), ahead)
    };
    Ok((Connection { io, peer }, steps))
}

/// Host and port of a URL, by its scheme if it names none.
fn authority(url: &http::Uri) -> Result<(&str, u16), DialError> {
    let wrong = || DialError::Upgrade(format!("{url} is not a gateway's address; write wss://host/tunnel"));
    let host = url.host().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
    let by_scheme = match url.scheme_str() {
        Some("wss" | "https") => 443,
        Some("ws" | "http") => 80,
        _ => return Err(wrong()),
    };
    Ok((host, url.port_u16().unwrap_or(by_scheme)))
}

/// Looks up and dials one host.
pub(super) async fn tcp_to(host: &str, port: u16) -> Result<TcpStream, DialError> {
    tcp_at(host, port, look_up(host, port).await?).await
}

async fn look_up(host: &str, port: u16) -> Result<Vec<SocketAddr>, DialError> {
    tcp::lookup(host, port).await.map_err(|source| DialError::Dns { host: host.to_owned(), source })
}

/// Dials a host that was looked up.
async fn tcp_at(host: &str, port: u16, addresses: Vec<SocketAddr>) -> Result<TcpStream, DialError> {
    let failed = |address: Option<SocketAddr>, source| {
        let address = address.map_or_else(|| format!("{host}:{port}"), |address| address.to_string());
        DialError::Connect { address, source }
    };
    let socket = tcp::connect(addresses).await.map_err(|(address, source)| failed(address, source))?;
    tcp::tune(&socket).map_err(|source| failed(socket.peer_addr().ok(), source))?;
    Ok(socket)
}

async fn tls(
    dial: &Dial,
    host: &str,
    socket: Prefixed<TcpStream>,
) -> Result<TlsStream<Prefixed<TcpStream>>, DialError> {
    let failed = |source| DialError::Tls { host: host.to_owned(), source };
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let name = ServerName::try_from(bare.to_owned())
        .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
    TlsConnector::from(Arc::clone(&dial.tls)).connect(name, socket).await.map_err(failed)
}

/// Does the same to whichever connection there is.
macro_rules! either {
    ($io:expr, $inner:ident => $act:expr) => {
        match $io.get_mut() {
            Io::Plain($inner) => $act,
            Io::Tls($inner) => $act,
        }
    };
}

impl AsyncRead for Io {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        either!(self, inner => Pin::new(inner).poll_read(cx, buf))
    }
}

impl AsyncWrite for Io {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        either!(self, inner => Pin::new(inner).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self, inner => Pin::new(inner).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(inner) => inner.is_write_vectored(),
            Self::Tls(inner) => inner.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, inner => Pin::new(inner).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, inner => Pin::new(inner).poll_shutdown(cx))
    }
}
