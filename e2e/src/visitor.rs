//! Visitors: a raw HTTP/1.1 client that hides nothing, and curl.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;

/// An answer as it stood on the wire.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// Status of the final answer.
    pub status: u16,
    /// Reason phrase.
    pub reason: String,
    /// Headers in their order.
    pub headers: Vec<(String, String)>,
    /// Body without its framing.
    pub body: Vec<u8>,
    /// Trailers in their order.
    pub trailers: Vec<(String, String)>,
    /// Heads of 1xx answers before it: status and headers.
    pub early: Vec<(u16, Vec<(String, String)>)>,
    /// Whether the body ended as its framing says.
    pub complete: bool,
}

impl Reply {
    /// All values of a header.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str()).collect()
    }

    /// First value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.text()))
    }
}

/// One kept-alive connection to the gateway.
#[derive(Debug)]
pub struct Visitor {
    io: BufReader<TcpStream>,
}

impl Visitor {
    /// Connects.
    ///
    /// # Panics
    /// If nothing listens there.
    pub async fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).await.unwrap_or_else(|error| panic!("connect {address}: {error}"))
    }

    /// Connects.
    ///
    /// # Errors
    /// If nothing listens there.
    pub async fn try_connect(address: SocketAddr) -> std::io::Result<Self> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        Ok(Self { io: BufReader::new(socket) })
    }

    /// One `GET` on a connection of its own; `None` when nobody listens or no answer comes.
    pub async fn try_get(address: SocketAddr, host: &str, path: &str) -> Option<Reply> {
        let mut visitor = Self { io: BufReader::new(TcpStream::connect(address).await.ok()?) };
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        visitor.io.get_mut().write_all(request.as_bytes()).await.ok()?;
        let reply = visitor.reply("GET").await;
        (reply.status != 0).then_some(reply)
    }

    /// Sends bytes as they are.
    ///
    /// # Panics
    /// If the connection broke.
    pub async fn send(&mut self, bytes: &[u8]) {
        self.io.get_mut().write_all(bytes).await.expect("the gateway takes bytes");
    }

    /// Ends the sending direction.
    ///
    /// # Panics
    /// If the connection broke.
    pub async fn finish(&mut self) {
        self.io.get_mut().shutdown().await.expect("half-close");
    }

    /// Reads bytes as they come.
    pub async fn read_some(&mut self) -> Vec<u8> {
        let mut buffer = vec![0; 65536];
        let n = self.io.read(&mut buffer).await.unwrap_or(0);
        buffer.truncate(n);
        buffer
    }

    /// Reads exactly this many bytes.
    ///
    /// # Panics
    /// If fewer come.
    pub async fn read_exactly(&mut self, n: usize) -> Vec<u8> {
        let mut buffer = vec![0; n];
        self.io.read_exact(&mut buffer).await.expect("that many bytes come");
        buffer
    }

    /// `GET` and the whole answer.
    pub async fn get(&mut self, host: &str, path: &str) -> Reply {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await;
        self.reply("GET").await
    }

    /// Reads a head: status, reason, headers. `None` at a clean end.
    pub async fn head(&mut self) -> Option<Reply> {
        let mut line = String::new();
        if self.io.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let mut words = line.trim_end().splitn(3, ' ');
        let (_version, status) = (words.next()?, words.next()?.parse().ok()?);
        let reason = words.next().unwrap_or_default().to_owned();
        Some(Reply { status, reason, headers: self.fields().await?, ..Reply::default() })
    }

    async fn fields(&mut self) -> Option<Vec<(String, String)>> {
        let mut fields = Vec::new();
        loop {
            let mut line = String::new();
            if self.io.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            let line = line.trim_end_matches(['\r', '\n']);
            if line.is_empty() {
                return Some(fields);
            }
            let (name, value) = line.split_once(':')?;
            fields.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    /// Reads the whole answer to a request of this method. Status 0 when none came.
    pub async fn reply(&mut self, method: &str) -> Reply {
        let mut early = Vec::new();
        let mut reply = loop {
            match self.head().await {
                Some(head) if (100..200).contains(&head.status) && head.status != 101 => {
                    early.push((head.status, head.headers));
                }
                Some(head) => break head,
                None => return Reply { early, ..Reply::default() },
            }
        };
        reply.early = early;
        let bodiless = method == "HEAD" || matches!(reply.status, 101 | 204 | 304);
        let length: Option<usize> = reply.header("content-length").and_then(|n| n.parse().ok());
        if bodiless {
            reply.complete = true;
        } else if reply.header("transfer-encoding").is_some_and(|te| te.eq_ignore_ascii_case("chunked")) {
            self.chunked(&mut reply).await;
        } else if let Some(length) = length {
            let got = (&mut self.io).take(length as u64).read_to_end(&mut reply.body).await;
            reply.complete = got.is_ok_and(|n| n == length);
        } else {
            reply.complete = self.io.read_to_end(&mut reply.body).await.is_ok();
        }
        reply
    }

    async fn chunked(&mut self, reply: &mut Reply) {
        while let Some(chunk) = self.chunk().await {
            if chunk.is_empty() {
                if let Some(trailers) = self.fields().await {
                    reply.trailers = trailers;
                    reply.complete = true;
                }
                return;
            }
            reply.body.extend_from_slice(&chunk);
        }
    }

    /// One chunk of a chunked body; empty for the last one (its trailers are still to be read).
    pub async fn chunk(&mut self) -> Option<Vec<u8>> {
        let mut line = String::new();
        self.io.read_line(&mut line).await.ok().filter(|n| *n > 0)?;
        let size = usize::from_str_radix(line.trim().split(';').next()?, 16).ok()?;
        let mut chunk = vec![0; size];
        self.io.read_exact(&mut chunk).await.ok()?;
        if size > 0 {
            let mut end = [0; 2];
            self.io.read_exact(&mut end).await.ok()?;
        }
        Some(chunk)
    }
}

/// One exchange on a connection of its own.
pub async fn exchange(address: SocketAddr, request: &[u8], method: &str) -> Reply {
    let mut visitor = Visitor::connect(address).await;
    visitor.send(request).await;
    visitor.reply(method).await
}

/// Runs curl and returns its standard output.
///
/// # Panics
/// If curl is not there or fails.
pub async fn curl(args: &[&str]) -> Vec<u8> {
    let output =
        Command::new("curl").arg("--silent").arg("--show-error").args(args).output().await.expect("curl is installed");
    assert!(output.status.success(), "curl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
