//! A target for uploads, which counts and throws away, and for WebSocket connections, which it holds open.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result};
use octoporty_e2e::target;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::daemon::Daemon;
use crate::load::bulk::BLOCK;
use crate::site::Ground;

/// The path whose uploads are compared with the block that clients send.
pub(crate) const VERIFY: &str = "/verify";
/// The path whose uploads are only counted; the slice's number follows.
const COUNT: &str = "/count/";
/// Longest head that it reads.
const HEAD_LIMIT: u64 = 64 * 1024;
/// Bytes of one read.
const READ: usize = 256 * 1024;

/// What has arrived in the slice that runs. Bytes of an earlier one that still lie in buffers do not count.
#[derive(Debug, Default)]
struct Slice {
    number: AtomicU64,
    bytes: AtomicU64,
}

impl Slice {
    fn add(&self, number: u64, bytes: u64) {
        if self.number.load(Ordering::Relaxed) == number {
            self.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
    }
}

/// The running target; it stops when dropped.
#[derive(Debug)]
pub(crate) struct Sink {
    address: SocketAddr,
    slice: Arc<Slice>,
    stop: CancellationToken,
}

impl Sink {
    /// Listens on a free port of `ip`.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) async fn start(ip: IpAddr) -> Result<Self> {
        Self::start_at(SocketAddr::new(ip, 0)).await
    }

    /// Listens at this address.
    ///
    /// # Errors
    /// If it is not free.
    pub(crate) async fn start_at(address: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(address).await.context("no free port")?;
        let sink = Self {
            address: listener.local_addr().context("a bound socket has an address")?,
            slice: Arc::default(),
            stop: CancellationToken::new(),
        };
        let tracker = TaskTracker::new();
        tracker.spawn(accept(listener, sink.slice.clone(), sink.stop.clone(), tracker.clone()));
        Ok(sink)
    }

    /// Where it listens.
    #[must_use]
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins a slice; returns the path that its uploads go to.
    #[must_use]
    pub(crate) fn begin(&self) -> String {
        let number = self.slice.number.fetch_add(1, Ordering::Relaxed) + 1;
        self.slice.bytes.store(0, Ordering::Relaxed);
        format!("{COUNT}{number}")
    }

    /// Bytes of bodies that have arrived in this slice.
    #[must_use]
    pub(crate) fn received(&self) -> u64 {
        self.slice.bytes.load(Ordering::Relaxed)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The same in a process of its own, where one process may not have the files for both ends of 10000 connections.
#[derive(Debug)]
pub(crate) struct Holder {
    _process: Daemon,
    address: SocketAddr,
}

impl Holder {
    /// Starts this program again as a sink.
    ///
    /// # Errors
    /// If it does not start.
    pub(crate) async fn start(ground: &Ground) -> Result<Self> {
        let address = ground.free();
        let mut command = Command::new(std::env::current_exe().context("this program has a file")?);
        command.arg("--serve-sink").arg(address.to_string());
        let process = Daemon::start("holder", &ground.dir(), &mut command)?;
        target::listening(address).await;
        Ok(Self { _process: process, address })
    }

    /// Where it listens.
    #[must_use]
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn accept(listener: TcpListener, slice: Arc<Slice>, stop: CancellationToken, tracker: TaskTracker) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((socket, _)) = accepted else { continue };
        let (slice, stop) = (slice.clone(), stop.clone());
        tracker.spawn(async move {
            // A client that leaves in the middle of an upload is how a slice ends.
            tokio::select! { () = stop.cancelled() => {}, _ = serve(socket, &slice) => {} }
        });
    }
}

/// What a request's head asks for.
#[derive(Debug, Default)]
struct Head {
    line: String,
    length: u64,
    upgrade: bool,
}

impl Head {
    /// The slice that its path names; 0, which no slice has, for others.
    fn slice(&self) -> u64 {
        let number = self.line.split_once(COUNT).and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
        number.unwrap_or(0)
    }
}

async fn head(io: &mut BufReader<TcpStream>) -> io::Result<Option<Head>> {
    let mut head = Head::default();
    let mut limited = io.take(HEAD_LIMIT);
    if limited.read_line(&mut head.line).await? == 0 {
        return Ok(None);
    }
    loop {
        let mut field = String::new();
        if limited.read_line(&mut field).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match field.trim_end().split_once(':') {
            None => return Ok(Some(head)),
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                head.length = value.trim().parse().map_err(|_| io::ErrorKind::InvalidData)?;
            }
            Some((name, _)) if name.eq_ignore_ascii_case("transfer-encoding") => {
                return Err(io::ErrorKind::Unsupported.into());
            }
            Some((name, _)) => head.upgrade |= name.eq_ignore_ascii_case("upgrade"),
        }
    }
}

async fn serve(socket: TcpStream, slice: &Slice) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut io = BufReader::new(socket);
    let mut buffer = Vec::new();
    while let Some(head) = head(&mut io).await? {
        if head.upgrade {
            return hold(&mut io).await;
        }
        buffer.resize(READ, 0);
        let block = head.line.contains(VERIFY).then_some(&*BLOCK);
        let right = body(&mut io, &mut buffer, &head, block, slice).await?;
        let reply = format!("{{\"bytes\":{},\"right\":{right}}}", head.length);
        let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{reply}", reply.len());
        io.write_all(reply.as_bytes()).await?;
    }
    Ok(())
}

/// Reads a body; tells whether it is the block, repeated.
async fn body(
    io: &mut BufReader<TcpStream>,
    buffer: &mut [u8],
    head: &Head,
    block: Option<&Vec<u8>>,
    slice: &Slice,
) -> io::Result<bool> {
    let (mut left, mut at, mut right) = (head.length, 0, true);
    let number = head.slice();
    while left > 0 {
        let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let n = io.read(&mut buffer[..most]).await?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(block) = block {
            right &= buffer[..n].iter().zip(block.iter().cycle().skip(at)).all(|(a, b)| a == b);
            at = (at + n) % block.len();
        }
        left -= n as u64;
        slice.add(number, n as u64);
    }
    Ok(right)
}

/// Switches protocols and keeps the connection until the other side closes it. No message ever comes, so the
/// handshake's accept key, which the clients of this crate do not check, is left out.
async fn hold(io: &mut BufReader<TcpStream>) -> io::Result<()> {
    io.write_all(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n").await?;
    let mut byte = [0; 1];
    while io.read(&mut byte).await? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_an_earlier_slice_do_not_count() {
        let slice = Slice { number: AtomicU64::new(2), bytes: AtomicU64::new(0) };
        let numbered = |line: &str| Head { line: line.to_owned(), ..Head::default() }.slice();
        slice.add(numbered("POST /count/1 HTTP/1.1\r\n"), 10);
        slice.add(numbered("POST /count/2 HTTP/1.1\r\n"), 5);
        slice.add(numbered("POST /verify HTTP/1.1\r\n"), 1);
        assert_eq!(slice.bytes.load(Ordering::Relaxed), 5);
    }
}
