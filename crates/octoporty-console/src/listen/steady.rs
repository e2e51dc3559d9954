//! A connection whose peer has to take what is sent to it. Without a bound, a peer that reads nothing keeps its place
//! for as long as it likes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::pace::Pace;

/// Fails with `TimedOut` when what is to be written does not get away.
#[derive(Debug)]
pub(super) struct Steady<S> {
    io: S,
    /// `None`: the pace's own.
    grace: Option<Duration>,
    /// While something waits to be taken.
    waiting: Option<(Pace, Pin<Box<Sleep>>)>,
}

impl<S> Steady<S> {
    pub(super) const fn new(io: S) -> Self {
        Self { io, grace: None, waiting: None }
    }

    #[cfg(test)]
    const fn with_grace(io: S, grace: Duration) -> Self {
        Self { io, grace: Some(grace), waiting: None }
    }

    /// What became of a write: counts what was taken, and how long nothing is.
    fn judge(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => {
                if let Some((pace, sleep)) = &mut self.waiting {
                    pace.moved(bytes);
                    sleep.as_mut().reset(pace.deadline());
                }
                Poll::Ready(Ok(bytes))
            }
            Poll::Pending => {
                let grace = self.grace;
                let (_, sleep) = self.waiting.get_or_insert_with(|| {
                    let pace = grace.map_or_else(Pace::begin, Pace::with_grace);
                    (pace, Box::pin(tokio::time::sleep_until(pace.deadline())))
                });
                ready!(sleep.as_mut().poll(cx));
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer does not take what is sent to it")))
            }
            failed => failed,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Steady<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Steady<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.judge(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        self.judge(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    /// Called when everything that there was has been taken.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(Pin::new(&mut self.io).poll_flush(cx));
        self.waiting = None;
        Poll::Ready(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::timeout;

    use super::*;

    /// Never reached when things are right.
    const PATIENCE: Duration = Duration::from_secs(30);
    const GRACE: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn a_peer_that_takes_nothing_is_let_go() {
        let (ours, mut theirs) = tokio::io::duplex(1_024);
        let mut ours = Steady::with_grace(ours, GRACE);
        let error = timeout(PATIENCE, ours.write_all(&[0; 10_000])).await.expect("an end in time").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        // A byte now and then is no better.
        theirs.read_exact(&mut [0; 100]).await.unwrap();
        let error = timeout(PATIENCE, ours.write_all(&[0; 10_000])).await.expect("an end in time").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_peer_that_takes_its_time_gets_everything() {
        let (ours, mut theirs) = tokio::io::duplex(1_024);
        let mut ours = Steady::with_grace(ours, Duration::from_secs(5));
        let writing = async {
            for _ in 0..20 {
                ours.write_all(&[0; 2_048]).await.unwrap();
                ours.flush().await.unwrap();
            }
        };
        let reading = async {
            for _ in 0..40 {
                tokio::task::yield_now().await;
                theirs.read_exact(&mut [0; 1_024]).await.unwrap();
            }
        };
        timeout(PATIENCE, async { tokio::join!(writing, reading) }).await.expect("all of it in time");
    }
}
