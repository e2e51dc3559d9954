//! The accept loop of a shard. It never dies and never waits for a visitor.

use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use octoporty_proto::model::FailureCode;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncWriteExt, Interest};
use tokio::sync::Semaphore;

use super::ShardContext;
use crate::counters::ShardCounters;
use crate::ingress::socket::Socket;
use crate::ingress::{agents, connection};
use crate::pages;
use crate::state::unix_ms;
use crate::visitor::RequestId;

/// First and longest pause when the process has no file descriptor or memory left for a connection.
const PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));
/// Most connections that are accepted once the gateway drains: those that had come before, and not whoever comes on and
/// on. No fewer than may wait.
const LAST: usize = 4096;
/// Refused visitors that are told why at the same time; the rest is closed without a word.
const TOLD_AT_ONCE: usize = 32;
/// How long a refused visitor has to take the answer.
const TELL_TIMEOUT: Duration = Duration::from_secs(1);

/// Whom a listener is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Door {
    /// Everybody.
    Visitors,
    /// Agents alone.
    Agents,
}

/// Accepts until the gateway drains.
pub(super) async fn run(shard: Arc<ShardContext>, listener: TcpListener, door: Door) {
    let listener = match registered(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, shard = shard.index, "the shard cannot listen");
            return;
        }
    };
    let telling = Arc::new(Semaphore::new(TOLD_AT_ONCE));
    let mut pause = PAUSE.0;
    let mut over = std::pin::pin!(async {
        tokio::select! {
            () = shard.cancel.cancelled() => {}
            () = shard.draining.begun() => {}
        }
    });
    while !shard.cancel.is_cancelled() && !shard.draining.has_begun() {
        // The tokens are waited for only when nobody comes: waiting costs as much as a look-up.
        let accepted = poll_fn(|cx| match poll_accept(&listener, cx) {
            Poll::Ready(accepted) => Poll::Ready(Some(accepted)),
            Poll::Pending => over.as_mut().poll(cx).map(|()| None),
        });
        let Some(accepted) = accepted.await else { break };
        match accepted {
            Ok((socket, peer)) => {
                pause = PAUSE.0;
                admit(&shard, (socket, peer), door, &telling);
            }
            Err(error) if is_of_the_connection(&error) => {
                tracing::debug!(%error, "a connection ended before it was accepted");
            }
            Err(error) => {
                tracing::warn!(%error, pause_ms = pause.as_millis(), "cannot accept; raise the limit of open files");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSE.1);
            }
        }
    }
    // What waits to be accepted when the listener goes is reset, its request with it. The system is asked: the runtime may
    // not have heard of it yet.
    for _ in 0..LAST {
        if shard.cancel.is_cancelled() {
            return;
        }
        match accept(listener.get_ref()) {
            Ok((socket, peer)) => admit(&shard, (socket, peer), door, &telling),
            Err(error) if is_of_the_connection(&error) => {}
            Err(_) => return,
        }
        tokio::task::yield_now().await;
    }
}

/// Tells the runtime of a listener, so that it may be waited for.
#[expect(deprecated, reason = "what replaces it is unsafe; this is sound, since a std listener keeps its descriptor")]
fn registered(listener: TcpListener) -> io::Result<AsyncFd<TcpListener>> {
    AsyncFd::with_interest(listener, Interest::READABLE)
}

/// The next connection. The runtime does not know of it: see `ingress::socket`.
fn poll_accept(listener: &AsyncFd<TcpListener>, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
    loop {
        if let Ok(accepted) = ready!(listener.poll_read_ready(cx))?.try_io(|listener| accept(listener.get_ref())) {
            return Poll::Ready(accepted);
        }
    }
}

/// A connection that never blocks.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    use rustix::net::{SocketFlags, acceptfrom_with};

    let (socket, peer) = acceptfrom_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)?;
    let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok()).ok_or(io::ErrorKind::ConnectionAborted)?;
    Ok((socket.into(), peer))
}

/// A connection that never blocks.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (socket, peer) = listener.accept()?;
    socket.set_nonblocking(true)?;
    Ok((socket, peer))
}

/// Whether an error of accept concerns the one connection and not the process.
fn is_of_the_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::TimedOut
    )
}

fn admit(shard: &Arc<ShardContext>, (socket, peer): (TcpStream, SocketAddr), door: Door, telling: &Arc<Semaphore>) {
    let config = &shard.state.config;
    let listen = match (door, &config.agents_port) {
        (Door::Agents, Some(port)) => port.listen,
        _ => config.listen,
    };
    // A listener on a loopback address hands it on to what it accepts.
    if !listen.ip().is_loopback() {
        octoporty_tunnel::carrier::tcp::unpace_loopback(&socket, peer.ip());
    }
    // A proxy in front brings everybody's connections: it is not one source.
    let permit = if shard.state.is_trusted(peer.ip()) {
        None
    } else {
        match shard.state.sources.admit(peer.ip()) {
            Some(permit) => Some(permit),
            None => return refuse(shard, (socket, peer), door, telling),
        }
    };
    if door == Door::Agents {
        // A link goes to its own shard once the key is judged.
        shard.visitors.spawn_on(agents::serve(shard.clone(), socket, peer, permit), &shard.handle);
        return;
    }
    let better = shard.state.placement.better_than(shard.index).and_then(|index| shard.state.shard(index));
    connection::begin(better.as_ref().unwrap_or(shard), socket, peer, permit);
}

fn refuse(shard: &Arc<ShardContext>, (socket, peer): (TcpStream, SocketAddr), door: Door, telling: &Arc<Semaphore>) {
    ShardCounters::count(&shard.counters().refused);
    shard.counters().failed(FailureCode::TooManyConnections);
    tracing::debug!(%peer, "too many connections of one source");
    if door == Door::Agents && shard.state.agents_tls().is_some() {
        // Who has too many is not worth a handshake, and understands nothing without one.
        return;
    }
    let Ok(told) = telling.clone().try_acquire_owned() else { return };
    let tell = async move {
        let answer = pages::raw_failure(FailureCode::TooManyConnections, &RequestId::new(unix_ms()));
        let said = async {
            let mut socket = Socket::Bare(socket).into_known()?;
            socket.write_all(&answer).await?;
            socket.shutdown().await?;
            // What the visitor sends is thrown away, so that the answer is not lost to a reset.
            tokio::io::copy(&mut socket, &mut tokio::io::sink()).await
        };
        if tokio::time::timeout(TELL_TIMEOUT, said).await.is_err() {
            tracing::trace!(%peer, "refused visitor still sends; closed");
        }
        drop(told);
    };
    shard.tracker.spawn_on(tell, &shard.handle);
}
