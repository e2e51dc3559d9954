//! Downloads and uploads as fast as they go: blocking sockets, a thread each, so that the client costs little.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::load::Entry;
use crate::sink::{self, Sink};
use crate::site::Page;
use crate::stats::Sample;

/// Bytes of one read or write.
const PIECE: usize = 256 * 1024;
/// No byte for this long is a failure.
const SILENCE: Duration = Duration::from_secs(10);
/// Length that an upload announces: more than a slice can send; it is broken off at the slice's end.
const ENDLESS: u64 = 1 << 40;

/// What uploads consist of, repeated: bytes that no compression makes shorter.
pub(crate) static BLOCK: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut block = vec![0; PIECE];
    fastrand::Rng::with_seed(1).fill(&mut block);
    block
});

fn connect(entry: &Entry) -> Result<TcpStream> {
    let socket = TcpStream::connect(entry.address).context("cannot connect")?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(SILENCE))?;
    socket.set_write_timeout(Some(SILENCE))?;
    Ok(socket)
}

fn ask(io: &mut BufReader<TcpStream>, entry: &Entry, path: &str) -> Result<u64> {
    write!(io.get_mut(), "GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", entry.host)?;
    answer(io)
}

/// Reads a head; it must be a 200 with a length.
fn answer(io: &mut BufReader<TcpStream>) -> Result<u64> {
    let mut line = String::new();
    io.read_line(&mut line)?;
    ensure!(line.split(' ').nth(1) == Some("200"), "the answer is {:?}", line.trim_end());
    let mut length = None;
    loop {
        let mut field = String::new();
        io.read_line(&mut field)?;
        match field.trim_end().split_once(':') {
            None => return length.context("the answer has no length"),
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = Some(value.trim().parse()?),
            Some(_) => {}
        }
    }
}

/// Downloads the bulk file again and again on one connection; returns the bytes that came from `begin` on.
fn download_until(entry: &Entry, begin: Instant, deadline: Instant) -> Result<u64> {
    let mut io = BufReader::with_capacity(4096, connect(entry)?);
    let (mut total, mut buffer) = (0, vec![0; PIECE]);
    loop {
        let mut left = ask(&mut io, entry, Page::Bulk.path())?;
        while left > 0 {
            let n = io.read(&mut buffer)?;
            ensure!(n > 0, "the download broke off");
            left = left.saturating_sub(n as u64);
            let now = Instant::now();
            if now >= begin {
                total += n as u64;
            }
            if now >= deadline {
                return Ok(total);
            }
        }
    }
}

/// Runs `work` on so many threads and adds up what they return.
fn on_threads(count: usize, work: impl Fn() -> Result<u64> + Sync) -> Result<u64> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|_| scope.spawn(&work)).collect();
        threads.into_iter().map(|thread| thread.join().expect("clients do not panic")).sum()
    })
}

/// One slice of downloads.
///
/// # Errors
/// If one of them fails.
pub(crate) async fn download(entry: &Entry, connections: usize, length: Duration) -> Result<Sample> {
    download_warm(entry, connections, Duration::ZERO, length).await
}

/// One slice of downloads that have already run for `warm` when it begins.
///
/// # Errors
/// If one of them fails.
pub(crate) async fn download_warm(
    entry: &Entry,
    connections: usize,
    warm: Duration,
    length: Duration,
) -> Result<Sample> {
    let entry = entry.clone();
    let begin = Instant::now() + warm;
    let run = move || on_threads(connections, || download_until(&entry, begin, begin + length));
    let done = tokio::task::spawn_blocking(run).await.context("the clients' thread ran")??;
    Ok(Sample { seconds: begin.elapsed().as_secs_f64(), done: done as f64, ..Sample::default() })
}

fn upload_until(entry: &Entry, path: &str, deadline: Instant) -> Result<u64> {
    let mut socket = connect(entry)?;
    let head = format!("POST {} HTTP/1.1\r\nHost: {}\r\nContent-Length: {ENDLESS}\r\n", path, entry.host);
    socket.write_all(format!("{head}Content-Type: application/octet-stream\r\n\r\n").as_bytes())?;
    let mut total = 0;
    while Instant::now() < deadline {
        let n = socket.write(&BLOCK)?;
        ensure!(n > 0, "the upload broke off");
        total += n as u64;
    }
    Ok(total)
}

/// One slice of uploads. What counts is what has reached the target when it ends, not what lies in buffers.
///
/// # Errors
/// If one of them fails.
pub(crate) async fn upload(entry: &Entry, sink: &Sink, connections: usize, length: Duration) -> Result<Sample> {
    let entry = entry.clone();
    let (start, path) = (Instant::now(), sink.begin());
    let run = move || on_threads(connections, || upload_until(&entry, &path, start + length));
    tokio::task::spawn_blocking(run).await.context("the clients' thread ran")??;
    let (seconds, done) = (start.elapsed().as_secs_f64(), sink.received());
    Ok(Sample { seconds, done: done as f64, ..Sample::default() })
}

/// Downloads a page once and returns it.
///
/// # Errors
/// If it fails.
pub(crate) fn fetch(entry: &Entry, page: Page) -> Result<Vec<u8>> {
    let mut io = BufReader::new(connect(entry)?);
    let length = ask(&mut io, entry, page.path())?;
    let mut body = vec![0; usize::try_from(length).context("a page fits into memory")?];
    io.read_exact(&mut body).context("the answer broke off")?;
    Ok(body)
}

/// Uploads some blocks; the sink must have got them as they were.
///
/// # Errors
/// If it did not.
pub(crate) fn verify_upload(entry: &Entry, blocks: usize) -> Result<()> {
    let mut socket = connect(entry)?;
    let length = blocks * BLOCK.len();
    write!(socket, "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Length: {length}\r\n\r\n", sink::VERIFY, entry.host)?;
    for _ in 0..blocks {
        socket.write_all(&BLOCK)?;
    }
    let mut io = BufReader::new(socket);
    let mut body = vec![0; usize::try_from(answer(&mut io)?)?];
    io.read_exact(&mut body)?;
    let expected = format!("{{\"bytes\":{length},\"right\":true}}");
    ensure!(body == expected.as_bytes(), "the target got {}", String::from_utf8_lossy(&body));
    Ok(())
}
