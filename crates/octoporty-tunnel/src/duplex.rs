//! The one copy loop of every byte path: a socket on one side, a stream on the other, half-close right.
//!
//! Each direction ends by itself; the end of one never ends the other. A reset or a broken socket ends both at once
//! and is carried over to the other side with its blame.

use std::time::Duration;

use bytes::Bytes;
use octoporty_proto::wire::Reset;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::stream::Stream;

/// How a pair ended and what it moved.
#[derive(Debug)]
pub struct DuplexEnd {
    /// Bytes from the socket into the stream.
    pub to_stream: u64,
    /// Bytes from the stream into the socket.
    pub to_socket: u64,
    /// Why.
    pub cause: DuplexCause,
}

/// Why a pair ended.
#[derive(Debug)]
pub enum DuplexCause {
    /// Both directions finished in order.
    Finished,
    /// The stream was reset by the other side of the tunnel, or its link died.
    StreamReset(Reset),
    /// The socket broke.
    SocketBroke(std::io::Error),
    /// No byte moved either way for the idle bound.
    Idle,
}

/// How a pair is watched.
#[derive(Clone, Copy, Debug)]
pub struct DuplexConfig {
    /// End the pair when no byte moved either way for this long; `None`: never.
    pub idle: Option<Duration>,
    /// Bytes of one read from the socket.
    pub buffer: usize,
}

/// Copies both ways until both are done. `first` is written to the socket before anything else (bytes already taken
/// off the stream).
pub async fn duplex<S>(socket: S, stream: Stream, first: Bytes, config: DuplexConfig) -> DuplexEnd
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let _ = (socket, stream, first, config);
    todo!()
}
