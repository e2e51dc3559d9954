//! A visitor's socket. The runtime is told of it only once there is something to wait for: to register it, to hear that
//! it is writable, and to take it out again costs a connection for one request more than its answer does.

use std::io::{self, IoSlice, Read as _, Write as _};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use rustix::net::{RecvFlags, SendFlags, recv, send};
use tokio::io::{AsyncRead as _, AsyncWrite as _, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::coop;

/// Of a write behind which the end follows.
#[cfg(target_os = "linux")]
const LAST: SendFlags = SendFlags::MORE.union(SendFlags::NOSIGNAL);
#[cfg(not(target_os = "linux"))]
const LAST: SendFlags = SendFlags::empty();

/// See the module. Never blocks.
///
/// ```text
///   Bare ──── it would have to be waited for ────▶ Known
/// ```
#[derive(Debug)]
pub(crate) enum Socket {
    /// The runtime does not know it.
    Bare(std::net::TcpStream),
    /// It wakes who waits for it.
    Known(TcpStream),
    /// The runtime did not take it.
    Lost,
}

impl Socket {
    /// Whether nobody would be woken by it.
    pub(crate) fn is_bare(&self) -> bool {
        matches!(self, Self::Bare(_))
    }

    /// Tells the runtime of the thread that runs, if it does not know yet. What has come is acknowledged now, if it is not
    /// yet: a visitor may hold the rest of its request back until then (Nagle's algorithm).
    pub(crate) fn known(&mut self) -> io::Result<&mut TcpStream> {
        if let Self::Bare(_) = self
            && let Self::Bare(bare) = std::mem::replace(self, Self::Lost)
        {
            acknowledge_soon(&bare);
            *self = Self::Known(TcpStream::from_std(bare)?);
        }
        match self {
            Self::Known(socket) => Ok(socket),
            Self::Bare(_) | Self::Lost => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// For whoever needs all that the runtime's socket can do.
    pub(crate) fn into_known(mut self) -> io::Result<TcpStream> {
        self.known()?;
        match self {
            Self::Known(socket) => Ok(socket),
            Self::Bare(_) | Self::Lost => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Does it at once, if that can be; `None` if it cannot. A task does so much of it in one turn and no more, as with the
    /// runtime's own sockets: a visitor who sends and reads fast enough would have the thread for itself.
    fn at_once<R>(
        &self,
        cx: &mut Context<'_>,
        mut act: impl FnMut(&std::net::TcpStream) -> io::Result<R>,
    ) -> Poll<Option<io::Result<R>>> {
        let Self::Bare(bare) = self else { return Poll::Ready(None) };
        let turn = ready!(coop::poll_proceed(cx));
        loop {
            match act(bare) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Ready(None),
                done => {
                    turn.made_progress();
                    return Poll::Ready(Some(done));
                }
            }
        }
    }

    /// Reads what is there. The buffer had better be initialised already.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match ready!(self.at_once(cx, |mut bare| bare.read(buf.initialize_unfilled()))) {
            Some(read) => Poll::Ready(read.map(|length| buf.advance(length))),
            None => Pin::new(self.known()?).poll_read(cx, buf),
        }
    }

    /// Reads into a buffer of its own, which is passed on unless little came.
    pub(crate) fn poll_read_much(&mut self, cx: &mut Context<'_>, size: usize) -> Poll<io::Result<Bytes>> {
        let socket = self.known()?;
        // No buffer before there is something for it.
        ready!(socket.poll_read_ready(cx))?;
        let mut buffer = BytesMut::with_capacity(size);
        let read = ready!(tokio_util::io::poll_read_buf(Pin::new(socket), cx, &mut buffer))?;
        Poll::Ready(Ok(if read < size / 2 { Bytes::copy_from_slice(&buffer) } else { buffer.freeze() }))
    }

    /// Whether nothing lies unread but perhaps the end. The system is asked: the runtime may not have heard yet.
    pub(crate) fn is_read_up(&self) -> bool {
        let mut space = [0_u8; 1];
        let seen = match self {
            Self::Bare(bare) => recv(bare, &mut space, RecvFlags::PEEK),
            Self::Known(socket) => recv(socket, &mut space, RecvFlags::PEEK),
            Self::Lost => return true,
        };
        seen.map_or(true, |(length, _)| length == 0)
    }

    /// Writes some bytes.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match ready!(self.at_once(cx, |mut bare| bare.write(bytes))) {
            Some(written) => Poll::Ready(written),
            None => Pin::new(self.known()?).poll_write(cx, bytes),
        }
    }

    /// Writes some bytes of several pieces.
    pub(crate) fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match ready!(self.at_once(cx, |mut bare| bare.write_vectored(pieces))) {
            Some(written) => Poll::Ready(written),
            None => Pin::new(self.known()?).poll_write_vectored(cx, pieces),
        }
    }

    /// Writes some bytes behind which the connection ends at once, so that they need not leave before its end does: one
    /// segment instead of two.
    pub(crate) fn poll_write_last(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(written) = ready!(self.at_once(cx, |bare| Ok(send(bare, bytes, LAST)?))) {
            return Poll::Ready(written);
        }
        let socket = self.known()?;
        loop {
            ready!(socket.poll_write_ready(cx))?;
            match socket.try_io(Interest::WRITABLE, || Ok(send(&*socket, bytes, LAST)?)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }
}

/// Has what comes on connections of this listener acknowledged with their first answer, which spares most visitors' first
/// request a segment of its own. Undone by [`Socket::known`]. Said of a listener that listens.
#[cfg(target_os = "linux")]
pub(crate) fn acknowledge_with_answers(listener: &std::net::TcpListener) {
    if let Err(error) = rustix::net::sockopt::set_tcp_quickack(listener, false) {
        tracing::debug!(%error, "first requests are acknowledged by themselves");
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn acknowledge_with_answers(_listener: &std::net::TcpListener) {}

/// Has what came acknowledged now, and what comes as the system does by itself.
#[cfg(target_os = "linux")]
fn acknowledge_soon(socket: &std::net::TcpStream) {
    if let Err(error) = rustix::net::sockopt::set_tcp_quickack(socket, true) {
        tracing::trace!(%error, "what came is acknowledged when the system does so");
    }
}

#[cfg(not(target_os = "linux"))]
fn acknowledge_soon(_socket: &std::net::TcpStream) {}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::Write as _;

    use super::*;

    /// The gateway's end, of which the runtime does not know, and the visitor's.
    fn pair() -> (Socket, std::net::TcpStream) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
        let visitor = std::net::TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
        let (near, _) = listener.accept().expect("it came");
        near.set_nonblocking(true).expect("a socket");
        (Socket::Bare(near), visitor)
    }

    async fn read(socket: &mut Socket) -> Vec<u8> {
        let mut space = [0; 64];
        let mut buffer = ReadBuf::new(&mut space);
        poll_fn(|cx| socket.poll_read(cx, &mut buffer)).await.expect("it is open");
        buffer.filled().to_vec()
    }

    #[tokio::test]
    async fn what_needs_no_waiting_needs_no_runtime() {
        let (mut socket, mut visitor) = pair();
        visitor.write_all(b"request").expect("it is open");
        assert_eq!(read(&mut socket).await, b"request");
        let pieces = [IoSlice::new(b"an "), IoSlice::new(b"answer")];
        assert_eq!(poll_fn(|cx| socket.poll_write(cx, b"100 ")).await.expect("there is room"), 4);
        assert_eq!(poll_fn(|cx| socket.poll_write_vectored(cx, &pieces)).await.expect("there is room"), 9);
        assert_eq!(poll_fn(|cx| socket.poll_write_last(cx, b".")).await.expect("there is room"), 1);
        assert!(socket.is_bare() && socket.is_read_up());
        drop(socket);
        let mut heard = String::new();
        io::Read::read_to_string(&mut visitor, &mut heard).expect("an end in order");
        assert_eq!(heard, "100 an answer.");
    }

    #[tokio::test]
    async fn a_visitor_who_is_always_ahead_leaves_turns_to_others() {
        let (mut socket, mut visitor) = pair();
        visitor.write_all(&[7; 2000]).expect("it is open");
        let read = |socket: &mut Socket, cx: &mut Context<'_>| {
            let mut space = [0; 1];
            socket.poll_read(cx, &mut ReadBuf::new(&mut space)).map(|read| read.expect("it is open"))
        };
        let reads = poll_fn(|cx| Poll::Ready((0..1000).take_while(|_| read(&mut socket, cx).is_ready()).count())).await;
        assert!((1..1000).contains(&reads), "{reads} in one turn");
        let writes = |socket: &mut Socket, cx: &mut Context<'_>| socket.poll_write(cx, b"a").is_ready();
        tokio::task::yield_now().await;
        let written = poll_fn(|cx| Poll::Ready((0..1000).take_while(|_| writes(&mut socket, cx)).count())).await;
        assert!((1..1000).contains(&written), "{written} in one turn");
        assert!(socket.is_bare(), "that is no reason to wait for it");
        for _ in reads..2000 {
            poll_fn(|cx| read(&mut socket, cx)).await;
        }
        visitor.shutdown(std::net::Shutdown::Write).expect("it is open");
        let mut space = [0; 1];
        let mut rest = ReadBuf::new(&mut space);
        poll_fn(|cx| socket.poll_read(cx, &mut rest)).await.expect("an end in order");
        assert!(rest.filled().is_empty(), "each byte came once");
    }

    #[tokio::test]
    async fn whoever_waits_is_woken() {
        let (mut socket, mut visitor) = pair();
        let later = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(20));
            visitor.write_all(b"late").expect("it is open");
            visitor
        });
        assert_eq!(read(&mut socket).await, b"late");
        assert!(!socket.is_bare());
        drop(later.join().expect("it wrote"));
        assert_eq!(read(&mut socket).await, b"");
    }

    #[tokio::test]
    async fn all_is_written_to_a_visitor_that_reads_late() {
        for last in [false, true] {
            let (mut socket, mut visitor) = pair();
            let sent = vec![7; 16 << 20];
            let reader = std::thread::spawn(move || {
                let mut heard = Vec::new();
                io::Read::read_to_end(&mut visitor, &mut heard).map(|_| heard)
            });
            let mut written = 0;
            while written < sent.len() {
                let rest = &sent[written..];
                written += poll_fn(|cx| match last {
                    true => socket.poll_write_last(cx, rest),
                    false => socket.poll_write(cx, rest),
                })
                .await
                .expect("it is open");
            }
            drop(socket);
            assert!(reader.join().expect("it read").expect("an end in order") == sent);
        }
    }

    #[tokio::test]
    async fn the_runtimes_socket_has_what_came_before() {
        let (socket, mut visitor) = pair();
        visitor.write_all(b"early").expect("it is open");
        let known = socket.into_known().expect("a runtime");
        let mut socket = Socket::Known(known);
        assert_eq!(read(&mut socket).await, b"early");
        assert!(socket.is_read_up());
        visitor.write_all(b"more").expect("it is open");
        assert_eq!(read(&mut socket).await, b"more");
    }
}
