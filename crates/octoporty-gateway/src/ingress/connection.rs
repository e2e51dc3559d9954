//! One connection of a visitor, from accept to end.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use http_body::{Body, Frame, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use octoporty_proto::model::FailureCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::io::{ConnectionState, Expiry, VisitorIo};
use super::walk;
use crate::body::{AnswerBody, BodyError};
use crate::counters::ShardCounters;
use crate::pages;
use crate::shards::ShardContext;
use crate::shards::sources::Permit;
use crate::state::unix_ms;
use crate::visitor::RequestId;

/// Most header lines of a request; hyper's default of 100 is too few behind some proxies.
const MAX_HEADERS: usize = 256;
/// Hyper's buffer for one connection is at least this, and has room for a head at its limit.
const MIN_BUFFER: usize = 64 * 1024;
/// How long the visitor has to take an answer that ends a connection with bytes still unread.
const LINGER: Duration = Duration::from_secs(2);
/// Most bytes that are read and thrown away meanwhile: without that, the kernel resets the connection and the
/// visitor loses the answer.
const LINGER_BYTES: usize = 1024 * 1024;

/// What every request of one connection has in common.
#[derive(Debug)]
pub(crate) struct Connection {
    /// The shard that serves it.
    pub shard: Arc<ShardContext>,
    /// The other end.
    pub peer: SocketAddr,
    /// Whether the peer's word about visitors is believed.
    pub trust: Trust,
    /// The connection's state.
    pub state: Arc<ConnectionState>,
}

/// Whether forwarding headers of a peer are believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Trust {
    /// A configured proxy.
    Proxy,
    /// Anybody.
    Stranger,
}

/// The body of an answer, which tells its connection when hyper is done with it.
#[derive(Debug)]
pub(super) struct TrackedBody {
    inner: AnswerBody,
    state: Arc<ConnectionState>,
}

impl TrackedBody {
    pub(super) fn new(inner: AnswerBody, state: Arc<ConnectionState>) -> Self {
        Self { inner, state }
    }
}

impl Drop for TrackedBody {
    fn drop(&mut self) {
        self.state.answer_ended();
    }
}

impl Body for TrackedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Pin::new(&mut self.get_mut().inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// What happens to a connection besides its bytes.
enum News {
    /// The gateway ends.
    Cancelled,
    /// Something took too long.
    Expired(Expiry),
    /// The gateway is about to end.
    Draining,
}

/// Whether a connection knows that the gateway is about to end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Knows {
    Nothing,
    Draining,
}

async fn news(shard: &ShardContext, state: &ConnectionState, knows: Knows) -> News {
    tokio::select! {
        biased;
        () = shard.cancel.cancelled() => News::Cancelled,
        expiry = watch(state, &shard.state.config.limits) => News::Expired(expiry),
        () = shard.draining.cancelled(), if knows == Knows::Nothing => News::Draining,
    }
}

/// How a connection came to its end.
enum End {
    /// Hyper is done with it, well or not.
    Done(Result<(), hyper::Error>),
    /// It took too long.
    Expired(Expiry),
    /// The gateway ends.
    Cancelled,
}

/// Serves a connection until its end. Runs on the shard that it is given.
pub(crate) async fn serve(shard: Arc<ShardContext>, socket: TcpStream, peer: SocketAddr, permit: Option<Permit>) {
    let state = Arc::new(ConnectionState::new());
    let trust = if shard.state.is_trusted(peer.ip()) { Trust::Proxy } else { Trust::Stranger };
    let io = TokioIo::new(VisitorIo::new(socket, state.clone(), permit));
    let connection = Arc::new(Connection { shard: shard.clone(), peer, trust, state: state.clone() });
    let service = service_fn(move |request| walk::answer(connection.clone(), request));
    let limits = &shard.state.config.limits;
    let mut http = builder(limits.header_bytes).serve_connection(io, service).with_upgrades();
    let counters = &shard.state.counters[shard.index];
    ShardCounters::count(&counters.connections);
    let end = {
        // In a set of its own, the timer and the tokens are looked at when they have news, not at each turn.
        let mut others = FuturesUnordered::from_iter([news(&shard, &state, Knows::Nothing)]);
        loop {
            tokio::select! {
                biased;
                Some(news) = others.next() => match news {
                    News::Cancelled => break End::Cancelled,
                    News::Expired(expiry) => break End::Expired(expiry),
                    News::Draining => {
                        Pin::new(&mut http).graceful_shutdown();
                        others.push(self::news(&shard, &state, Knows::Draining));
                    }
                },
                done = &mut http => break End::Done(done),
            }
        }
    };
    if let Some(parts) = http.into_parts() {
        finish(parts.io.into_inner(), end, peer).await;
    }
    ShardCounters::count(&counters.connections_ended);
}

fn builder(header_bytes: usize) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .half_close(false)
        .header_read_timeout(None)
        .max_headers(MAX_HEADERS)
        .max_header_size(header_bytes)
        .max_buf_size(header_bytes.saturating_add(1024).max(MIN_BUFFER))
        .pipeline_flush(false);
    builder
}

async fn watch(state: &ConnectionState, limits: &crate::config::Limits) -> Expiry {
    loop {
        match state.expiry(Instant::now(), limits) {
            Ok(again) => tokio::time::sleep_until(again.into()).await,
            Err(expiry) => return expiry,
        }
    }
}

/// Sees to it that the visitor gets the last answer.
async fn finish(io: VisitorIo, end: End, peer: SocketAddr) {
    let goodbye = async {
        match end {
            End::Cancelled | End::Expired(Expiry::Quiet) => Ok(()),
            // Nobody takes what the kernel holds, and it must not pass for a whole answer.
            End::Expired(Expiry::Stalled) => {
                tracing::debug!(%peer, "visitor does not read; its connection is reset");
                let (socket, _permit) = io.into_socket();
                socket.set_zero_linger()
            }
            End::Expired(Expiry::Head) => {
                let (mut socket, _permit) = io.into_socket();
                let answer = pages::raw_failure(FailureCode::HeaderTimeout, &RequestId::new(unix_ms()));
                socket.write_all(&answer).await?;
                linger(socket).await
            }
            // A body that broke off: where only the close says that an answer is over, a close would say that it is
            // whole, so the connection is reset.
            End::Done(Err(error)) if error.is_user() && io.is_close_an_end() => {
                tracing::debug!(%peer, %error, "visitor's connection is reset");
                let (socket, _permit) = io.into_socket();
                socket.set_zero_linger()
            }
            End::Done(done) => {
                if let Err(error) = done {
                    tracing::debug!(%peer, %error, "visitor's connection ended");
                }
                let mut io = io;
                io.flush().await?;
                let (socket, _permit) = io.into_socket();
                linger(socket).await
            }
        }
    };
    match tokio::time::timeout(LINGER, goodbye).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::trace!(%peer, %error, "visitor left before the end"),
        Err(_) => tracing::trace!(%peer, "visitor did not take the end in time"),
    }
}

/// Closes this side; when the visitor is still sending, reads on for a while.
async fn linger(mut socket: TcpStream) -> io::Result<()> {
    socket.shutdown().await?;
    match socket.try_read(&mut [0_u8; 512]) {
        // In order: nothing lies unread.
        Ok(0) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        Err(error) => Err(error),
        // Boxed, as it is rare and its buffer would lie in the memory of every connection.
        Ok(_) => Box::pin(discard(socket)).await,
    }
}

async fn discard(mut socket: TcpStream) -> io::Result<()> {
    let mut scratch = [0_u8; 4096];
    let mut thrown = 0;
    while thrown < LINGER_BYTES {
        match socket.read(&mut scratch).await? {
            0 => break,
            read => thrown += read,
        }
    }
    Ok(())
}
