//! A link's frames as binary WebSocket messages. A message boundary means nothing, so small frames share a message
//! and a large payload goes as one of its own, uncopied.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_websockets::{ClientBuilder, Config, Error, Limits, Message, ServerBuilder, WebSocketStream};

use crate::carrier::Carrier;

/// Most bytes of one frame's payload that are taken from the peer; a frame of the mux has at most 128 KiB, and
/// other implementations may put several in one message.
const MAX_PAYLOAD: usize = 1024 * 1024;

/// From this size on a piece is not copied into a message with others: copying less costs less than another header
/// and another slice of the vectored write.
const OWN_MESSAGE: usize = 8 * 1024;

/// Shared messages are cut at this size, so that the peer sees the first of a batch before the last was read.
const SHARED_MESSAGE: usize = 64 * 1024;

/// While this many bytes wait in the carrier it takes no more: what comes later may still be overtaken by control.
const MAX_WAITING: usize = 128 * 1024;

pub(super) struct WebSocketCarrier<T> {
    socket: WebSocketStream<T>,
    peer: Option<SocketAddr>,
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> WebSocketCarrier<T> {
    /// The dialling side, after its upgrade.
    pub(super) fn client(io: T, peer: Option<SocketAddr>) -> Self {
        let socket = ClientBuilder::new().config(config()).limits(limits()).take_over(io);
        Self { socket, peer }
    }

    /// The accepting side, after its upgrade.
    pub(super) fn server(io: T, peer: Option<SocketAddr>) -> Self {
        let socket = ServerBuilder::new().config(config()).limits(limits()).serve(io);
        Self { socket, peer }
    }

    fn put(&mut self, payload: Bytes) -> io::Result<()> {
        self.socket.start_send_unpin(Message::binary(payload)).map_err(io_error)
    }
}

fn config() -> Config {
    Config::default().frame_size(MAX_PAYLOAD).flush_threshold(MAX_WAITING)
}

fn limits() -> Limits {
    Limits::default().max_payload_len(Some(MAX_PAYLOAD))
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Carrier for WebSocketCarrier<T> {
    fn transport(&self) -> &'static str {
        "websocket"
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            let message = match ready!(self.socket.poll_next_unpin(cx)) {
                Some(Ok(message)) => message,
                Some(Err(error)) => return Poll::Ready(Some(Err(io_error(error)))),
                None => return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into()))),
            };
            if message.is_close() {
                return Poll::Ready(None);
            }
            if message.is_text() {
                let refusal = "a text message on a link, which has only binary ones";
                return Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::InvalidData, refusal))));
            }
            if message.is_binary() && !message.as_payload().is_empty() {
                return Poll::Ready(Some(Ok(message.into_payload().into())));
            }
        }
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_ready_unpin(cx).map_err(io_error)
    }

    fn start_send(&mut self, frames: &mut Vec<Bytes>) -> io::Result<()> {
        let mut shared = BytesMut::new();
        let mut left: usize = frames.iter().map(Bytes::len).filter(|length| *length < OWN_MESSAGE).sum();
        for frame in frames.drain(..) {
            if frame.len() >= OWN_MESSAGE {
                if !shared.is_empty() {
                    self.put(shared.split().freeze())?;
                }
                self.put(frame)?;
                continue;
            }
            if shared.capacity() - shared.len() < frame.len() {
                shared.reserve(left.min(SHARED_MESSAGE + OWN_MESSAGE));
            }
            left -= frame.len();
            shared.extend_from_slice(&frame);
            if shared.len() >= SHARED_MESSAGE {
                self.put(shared.split().freeze())?;
            }
        }
        if shared.is_empty() { Ok(()) } else { self.put(shared.freeze()) }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_flush_unpin(cx).map_err(io_error)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_close_unpin(cx).map_err(io_error)
    }
}

fn io_error(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidData, other),
    }
}
