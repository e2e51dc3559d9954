//! A visitor that writes its request byte by byte as the test wants it.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::in_time;

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// One connection to the gateway.
pub(crate) struct Visitor {
    pub(crate) socket: TcpStream,
    read: Vec<u8>,
}

impl Visitor {
    pub(crate) async fn connect(gateway: SocketAddr) -> Self {
        Self { socket: TcpStream::connect(gateway).await.unwrap(), read: Vec::new() }
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.socket.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads one answer that has a Content-Length.
    pub(crate) async fn reply(&mut self) -> Reply {
        in_time("an answer", self.read_reply()).await.expect("an answer before the end of the connection")
    }

    pub(crate) async fn read_reply(&mut self) -> Option<Reply> {
        let end = loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if !self.more().await {
                return None;
            }
        };
        let head = String::from_utf8(self.read.drain(..end + 4).collect()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut reply = Reply { status, head, body: String::new() };
        let length = reply.header("content-length").map_or(0, |length| length.parse().unwrap());
        while self.read.len() < length {
            if !self.more().await {
                return None;
            }
        }
        reply.body = String::from_utf8(self.read.drain(..length).collect()).unwrap();
        Some(reply)
    }

    async fn more(&mut self) -> bool {
        self.socket.read_buf(&mut self.read).await.is_ok_and(|read| read > 0)
    }

    /// Waits until the gateway closes; gives what came before.
    pub(crate) async fn closed(&mut self) -> String {
        in_time("the end of the connection", async { while self.more().await {} }).await;
        String::from_utf8_lossy(&self.read).into_owned()
    }

    pub(crate) async fn get(&mut self, host: &str, path: &str) -> Reply {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        self.reply().await
    }
}

/// One request on a connection of its own, with further header lines.
pub(crate) async fn get(gateway: SocketAddr, host: &str, path: &str, headers: &[&str]) -> Reply {
    let mut visitor = Visitor::connect(gateway).await;
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    visitor.send(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n")).await;
    visitor.reply().await
}
