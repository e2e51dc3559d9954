//! Connections to the console: listening, serving, and an orderly end.

pub(crate) mod pace;
mod sources;
mod steady;

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use tracing::{debug, warn};

pub(crate) use self::sources::source_of;
use self::sources::{Place, Sources};
use self::steady::Steady;
use crate::api::finish::{Peer, with_version};

/// A new connection's first request has to have a whole head within it: a browser asks at once, and whoever only
/// holds connections open gives them back soon.
const FIRST_HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// After an answer the next request's head has to be there within it; longer than the 60 s for which proxies keep
/// connections to use them again. An event stream is one answer, which this does not bound.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// Bytes of a request's head.
const HEAD_BYTES: usize = 64 * 1_024;
/// Connections that the system holds before they are accepted.
const BACKLOG: i32 = 256;
/// After a failed accept (no file handles left, mostly): until the next.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Binds. An unspecified IPv6 address takes IPv4 as well; without IPv6 it is IPv4 alone.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let bound = bind_one(address);
    match bound {
        Err(error) if address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) && lacks_ipv6(&error) => {
            bind_one(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port()))
        }
        bound => bound,
    }
}

fn lacks_ipv6(error: &io::Error) -> bool {
    let unsupported = Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error());
    error.raw_os_error() == unsupported || error.kind() == io::ErrorKind::AddrNotAvailable
}

fn bind_one(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) {
        socket.set_only_v6(false)?;
    }
    // A restarted console takes its port back while old connections still close.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Serves connections until told to stop.
#[derive(Clone)]
pub(crate) struct Server {
    router: Router,
    /// No new connections and requests; event streams end.
    stopping: CancellationToken,
    /// Whatever still runs is cut.
    cut: CancellationToken,
    connections: TaskTracker,
}

impl Server {
    pub(crate) fn new(router: Router, stopping: CancellationToken) -> Self {
        Self { router, stopping, cut: CancellationToken::new(), connections: TaskTracker::new() }
    }

    /// Accepts for ever; an error of one connection is not the end.
    pub(crate) async fn accept(self, listener: TcpListener) {
        let sources = Sources::default();
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.stopping.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => match sources.admit(peer.ip(), &self.cut) {
                    Some(place) => {
                        let server = self.clone();
                        self.connections.spawn(async move { server.serve(stream, peer, place).await });
                    }
                    None => debug!(%peer, "a connection over the console's bounds was closed"),
                },
                Err(error) => {
                    warn!(%error, "a connection to the console could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn serve(&self, stream: TcpStream, peer: SocketAddr, place: Place) {
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "a connection of the console is slower than it could be");
        }
        let router = self.router.clone();
        let has_asked = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&has_asked);
        let service = service_fn(move |request| {
            asked.store(true, Ordering::Relaxed);
            answer(router.clone(), request, peer)
        });
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(IDLE_TIMEOUT).max_buf_size(HEAD_BYTES);
        let connection = builder.serve_connection(TokioIo::new(Steady::new(stream)), service);
        tokio::pin!(connection);
        let first_head = tokio::time::sleep(FIRST_HEAD_TIMEOUT);
        tokio::pin!(first_head);
        let mut said_goodbye = false;
        loop {
            tokio::select! {
                biased;
                () = place.cut.cancelled() => return,
                () = self.stopping.cancelled(), if !said_goodbye => {
                    said_goodbye = true;
                    connection.as_mut().graceful_shutdown();
                }
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        debug!(%error, %peer, "a connection of the console broke");
                    }
                    return;
                }
                () = first_head.as_mut(), if !first_head.is_elapsed() => {
                    if !has_asked.load(Ordering::Relaxed) {
                        return;
                    }
                }
            }
        }
    }

    /// Lets requests finish within the time given, then cuts them.
    pub(crate) async fn drain(&self, grace: Duration) {
        self.connections.close();
        if tokio::time::timeout(grace, self.connections.wait()).await.is_err() {
            self.cut.cancel();
            self.connections.wait().await;
        }
    }
}

async fn answer(
    router: Router,
    mut request: http::Request<Incoming>,
    peer: SocketAddr,
) -> Result<axum::response::Response, Infallible> {
    if let Some(path) = with_version(request.uri().path()) {
        set_path(&mut request, &path);
    }
    request.extensions_mut().insert(Peer(peer));
    router.oneshot(request.map(Body::new)).await
}

/// Replaces the path and keeps the query.
fn set_path(request: &mut http::Request<Incoming>, path: &str) {
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = format!("{path}{query}").parse().ok();
    if let Ok(uri) = http::Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
}
