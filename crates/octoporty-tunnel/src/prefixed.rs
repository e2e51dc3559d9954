//! A connection of which some bytes were read too far: they come first.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Gives `ahead` first, then what the connection gives.
#[derive(Debug)]
pub struct Prefixed<T> {
    inner: T,
    ahead: Bytes,
}

impl<T> Prefixed<T> {
    /// From its parts.
    #[must_use]
    pub fn new(inner: T, ahead: Bytes) -> Self {
        Self { inner, ahead: or_nothing(ahead) }
    }

    /// What it was made of; bytes that were read are gone.
    #[must_use]
    pub fn into_parts(self) -> (T, Bytes) {
        (self.inner, self.ahead)
    }

    /// Puts bytes that were read too far back before all others.
    pub fn put_back(&mut self, ahead: Bytes) {
        self.ahead = if self.ahead.is_empty() {
            or_nothing(ahead)
        } else {
            [ahead, std::mem::take(&mut self.ahead)].concat().into()
        };
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Prefixed<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            return Pin::new(&mut self.inner).poll_read(cx, buf);
        }
        let length = self.ahead.len().min(buf.remaining());
        buf.put_slice(&self.ahead[..length]);
        self.ahead.advance(length);
        if self.ahead.is_empty() {
            self.ahead = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

/// `bytes`, unless there are none: an empty end of a buffer would hold the whole of it for the life of the connection.
fn or_nothing(bytes: Bytes) -> Bytes {
    if bytes.is_empty() { Bytes::new() } else { bytes }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Prefixed<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::AsyncReadExt;

    use super::*;

    /// Some bytes, and whether somebody holds their buffer.
    fn watched(text: &'static [u8]) -> (Bytes, impl Fn() -> bool) {
        struct Buffer(&'static [u8], #[expect(dead_code, reason = "it only has to be dropped")] Arc<()>);
        impl AsRef<[u8]> for Buffer {
            fn as_ref(&self) -> &[u8] {
                self.0
            }
        }
        let mark = Arc::new(());
        let bytes = Bytes::from_owner(Buffer(text, mark.clone()));
        (bytes, move || Arc::strong_count(&mark) > 1)
    }

    #[tokio::test]
    async fn a_connection_does_not_hold_the_buffer_of_bytes_that_were_read() {
        let (near, _far) = tokio::io::duplex(64);
        let (bytes, is_held) = watched(b"early");
        let mut prefixed = Prefixed::new(near, bytes);
        assert!(is_held());
        let mut read = [0; 5];
        prefixed.read_exact(&mut read).await.expect("they are there");
        assert_eq!(&read, b"early");
        assert!(!is_held());
    }

    #[test]
    fn a_connection_does_not_hold_the_buffer_of_no_bytes_at_all() {
        for put_back in [false, true] {
            let (mut bytes, is_held) = watched(b"a head");
            bytes.advance(bytes.len());
            let mut prefixed = Prefixed::new(tokio::io::empty(), Bytes::new());
            if put_back {
                prefixed.put_back(bytes);
            } else {
                prefixed = Prefixed::new(tokio::io::empty(), bytes);
            }
            assert!(!is_held());
            drop(prefixed);
        }
    }
}
