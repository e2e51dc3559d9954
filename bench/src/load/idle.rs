//! Connections that are there and do nothing.

use anyhow::{Context as _, Result, ensure};
use octoporty_e2e::visitor::Visitor;

use crate::load::Entry;
use crate::site::Page;

/// What an idle connection did before it became idle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One small request; it is kept alive.
    Visitor,
    /// A WebSocket handshake.
    WebSocket,
}

/// Opens so many.
///
/// # Errors
/// If one is not answered as it should.
pub(crate) async fn open(entry: &Entry, kind: Kind, count: usize) -> Result<Vec<Visitor>> {
    let mut visitors = Vec::with_capacity(count);
    for _ in 0..count {
        let mut visitor = Visitor::try_connect(entry.address).await.context("an idle connection cannot be made")?;
        match kind {
            Kind::Visitor => {
                let reply = visitor.get(&entry.host, Page::Small.path()).await;
                ensure!(reply.status == 200 && reply.body.len() == Page::Small.len(), "a request got {}", reply.status);
            }
            Kind::WebSocket => {
                visitor.send(handshake(entry).as_bytes()).await;
                let head = visitor.head().await.context("a handshake was not answered")?;
                ensure!(head.status == 101, "a handshake got {}", head.status);
            }
        }
        visitors.push(visitor);
    }
    Ok(visitors)
}

fn handshake(entry: &Entry) -> String {
    format!(
        "GET /socket HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        entry.host
    )
}
