//! A stream of a link as bytes: zero-copy by [`Stream::poll_recv`] and [`Stream::poll_send`], or as
//! [`AsyncRead`] and [`AsyncWrite`]. Dropped unfinished, it is reset as cancelled.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use octoporty_proto::wire::{Reset, StreamId};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// One end of a stream.
#[derive(Debug)]
pub struct Stream {
    id: StreamId,
}

/// A stream's state as it is this moment, without waiting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Peek {
    /// Open, nothing to read: fit to be used again.
    Quiet,
    /// Something to read, finished by the peer, or reset: not fit.
    Stirred,
}

impl Stream {
    /// Number on its link.
    #[must_use]
    pub fn id(&self) -> StreamId {
        self.id
    }

    /// Next received bytes; `None` when the peer finished.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Reset>> {
        let _ = cx;
        todo!()
    }

    /// As [`Self::poll_recv`].
    ///
    /// # Errors
    /// The stream was reset.
    pub async fn recv(&mut self) -> Result<Option<Bytes>, Reset> {
        std::future::poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Takes as many bytes off the front of `data` as there is room for; ready when at least one was taken
    /// (or `data` was empty).
    pub fn poll_send(&mut self, cx: &mut Context<'_>, data: &mut Bytes) -> Poll<Result<(), Reset>> {
        let _ = (cx, data);
        todo!()
    }

    /// Ready with how many bytes may be sent, once that is not zero: reserve before reading.
    pub fn poll_capacity(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Reset>> {
        let _ = cx;
        todo!()
    }

    /// Sends all of `data`.
    ///
    /// # Errors
    /// The stream was reset.
    pub async fn send(&mut self, mut data: Bytes) -> Result<(), Reset> {
        while !data.is_empty() {
            std::future::poll_fn(|cx| self.poll_send(cx, &mut data)).await?;
        }
        Ok(())
    }

    /// Ends this direction after what was sent.
    ///
    /// # Errors
    /// The stream was reset.
    pub fn finish(&mut self) -> Result<(), Reset> {
        todo!()
    }

    /// Ends both directions at once.
    pub fn reset(self, reset: Reset) {
        let _ = reset;
        todo!()
    }

    /// Waits until the stream is reset by the peer or its link dies, without reading.
    pub async fn was_reset(&self) -> Reset {
        todo!()
    }

    /// Looks without waiting.
    #[must_use]
    pub fn peek(&self) -> Peek {
        todo!()
    }
}

/// A reset is an [`std::io::Error`] of kind `ConnectionReset` with the [`Reset`] inside (see [`reset_of`]).
impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let _ = (cx, buf);
        todo!()
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        let _ = (cx, buf);
        todo!()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let _ = cx;
        todo!()
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let _ = cx;
        todo!()
    }
}

/// The [`Reset`] inside an I/O error that a [`Stream`] gave.
#[must_use]
pub fn reset_of(error: &std::io::Error) -> Option<&Reset> {
    let _ = error;
    todo!()
}
