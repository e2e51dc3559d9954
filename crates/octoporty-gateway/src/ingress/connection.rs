//! One connection of a visitor, from accept to end.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use octoporty_proto::model::FailureCode;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::answer::Ending;
use super::front::{self, Close};
use super::progress::Expiry;
use super::socket::Socket;
use super::wire::Wire;
use crate::body::Switched;
use crate::pages;
use crate::shards::sources::Permit;
use crate::shards::{Counted, ShardContext};
use crate::state::{GatewayState, unix_ms};
use crate::visitor::RequestId;

/// How long the visitor has to take an answer that ends a connection with bytes still unread.
pub(super) const LINGER: Duration = Duration::from_secs(2);
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
    /// Never held over an await; all users run on one thread.
    wire: Mutex<Wire>,
}

impl Connection {
    pub(super) fn wire(&self) -> MutexGuard<'_, Wire> {
        self.wire.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether forwarding headers of a peer are believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Trust {
    /// A configured proxy.
    Proxy,
    /// Anybody.
    Stranger,
}

impl Trust {
    /// As the configuration says.
    pub(super) fn of(state: &GatewayState, peer: SocketAddr) -> Self {
        if state.is_trusted(peer.ip()) { Self::Proxy } else { Self::Stranger }
    }
}

/// How a connection came to its end.
enum End {
    /// The conversation is over.
    Closed(Close),
    /// It took too long.
    Expired(Expiry),
    /// The gateway ends.
    Cancelled,
}

/// Has a connection served until its end, on the shard that it is given.
pub(crate) fn begin(shard: &Arc<ShardContext>, socket: std::net::TcpStream, peer: SocketAddr, permit: Option<Permit>) {
    let trust = Trust::of(&shard.state, peer);
    let wire = Mutex::new(Wire::new(Socket::Bare(socket), permit));
    let connection = Arc::new(Connection { shard: Arc::clone(shard), peer, trust, wire });
    if let Err(connection) = shard.spare.give(connection) {
        shard.visitors.spawn_on(serve_all(connection), &shard.handle);
    }
}

/// Serves a connection until its end, and then others, as long as there are.
async fn serve_all(first: Arc<Connection>) {
    let shard = Arc::clone(&first.shard);
    let mut next = Some(first);
    while let Some(connection) = next.take() {
        serve(connection).await;
        next = shard.spare.next().await;
    }
}

async fn serve(connection: Arc<Connection>) {
    let counted = Counted::begin(&connection.shard);
    let end = talk(&connection).await;
    let (ended, shard, peer) = (connection.wire().end(), Arc::clone(&connection.shard), connection.peer);
    drop(connection);
    let counters = shard.counters();
    if let End::Expired(Expiry::Head) = end {
        counters.failed(FailureCode::HeaderTimeout);
    } else if let End::Closed(Close::Refused(code)) = end {
        counters.failed(code);
    }
    if let Some(parts) = ended
        && !is_over(&parts.0, &end)
    {
        let (socket, read_ahead, permit) = parts;
        match socket.into_known() {
            Ok(socket) => Box::pin(finish((socket, read_ahead, permit), counted, end, peer)).await,
            Err(error) => tracing::debug!(%peer, %error, "visitor's connection is lost before its end"),
        }
    }
}

/// Serves until the conversation ends, or is called off.
async fn talk(connection: &Arc<Connection>) -> End {
    let _place = connection.shard.roster.enter(connection);
    let header_bytes = connection.shard.state.config.limits.header_bytes;
    let mut conversation = std::pin::pin!(front::converse(connection, header_bytes));
    // Once the runtime knows the socket, it knows it for good.
    let mut is_bare = true;
    poll_fn(|cx| {
        if connection.wire().is_called(cx) {
            if let Some(end) = called_off(connection) {
                return Poll::Ready(end);
            }
            connection.wire().watch();
        }
        let end = conversation.as_mut().poll(cx).map(End::Closed);
        if end.is_pending() && is_bare {
            is_bare = connection.wire().leave_unwatched();
            if is_bare {
                connection.shard.roster.look_soon();
            }
        }
        end
    })
    .await
}

/// Whether there is a reason to end. That the gateway is about to end is for the conversation to see, at its next turn.
fn called_off(connection: &Connection) -> Option<End> {
    let shard = &connection.shard;
    if shard.cancel.is_cancelled() {
        return Some(End::Cancelled);
    }
    connection.wire().progress.expiry(Instant::now(), &shard.state.config.limits).err().map(End::Expired)
}

/// Whether the visitor has got all, and nothing lies unread: what lies unread when a connection is closed makes the
/// visitor's system throw away what it has not read of the answer.
fn is_over(socket: &Socket, end: &End) -> bool {
    match end {
        // Where only the close says that an answer is over, a close would say that it is whole.
        End::Closed(Close::Cut(Ending::Close)) => false,
        End::Closed(Close::Done | Close::Left | Close::Cut(_)) => socket.is_read_up(),
        End::Cancelled | End::Expired(Expiry::Quiet) => true,
        End::Closed(Close::Switched(_) | Close::Refused(_) | Close::Unread)
        | End::Expired(Expiry::Stalled | Expiry::Head) => false,
    }
}

/// Sees to it that the visitor gets the last answer.
async fn finish(
    (socket, read_ahead, permit): (TcpStream, Bytes, Option<Permit>),
    counted: Counted,
    end: End,
    peer: SocketAddr,
) {
    let goodbye = async {
        match end {
            End::Closed(Close::Switched(switch)) => {
                switch(Switched { socket, read_ahead, permit, counted });
                Ok(())
            }
            // Nobody takes what the kernel holds, and it must not pass for a whole answer.
            End::Expired(Expiry::Stalled) => {
                tracing::debug!(%peer, "visitor does not read; its connection is reset");
                socket.set_zero_linger()
            }
            End::Expired(Expiry::Head) => refuse(socket, FailureCode::HeaderTimeout).await,
            End::Closed(Close::Refused(code)) => refuse(socket, code).await,
            // Where only the close says that an answer is over, a close would say that it is whole.
            End::Closed(Close::Cut(Ending::Close)) => socket.set_zero_linger(),
            End::Closed(Close::Unread | Close::Done | Close::Left | Close::Cut(_))
            | End::Cancelled
            | End::Expired(Expiry::Quiet) => discard(socket).await,
        }
    };
    match tokio::time::timeout(LINGER, goodbye).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::trace!(%peer, %error, "visitor left before the end"),
        Err(_) => tracing::trace!(%peer, "visitor did not take the end in time"),
    }
}

async fn refuse(mut socket: TcpStream, code: FailureCode) -> io::Result<()> {
    let answer = pages::raw_failure(code, &RequestId::new(unix_ms()));
    socket.write_all(&answer).await?;
    discard(socket).await
}

/// Closes this side, and reads on for a while; see [`is_over`].
pub(super) async fn discard(mut socket: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    socket.shutdown().await?;
    let mut scratch = vec![0; 4096];
    let mut thrown = 0;
    while thrown < LINGER_BYTES {
        match socket.read(&mut scratch).await? {
            0 => break,
            read => thrown += read,
        }
    }
    Ok(())
}
