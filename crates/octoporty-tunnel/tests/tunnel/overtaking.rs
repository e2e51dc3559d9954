//! A peer behind a slow line: little may be on its way, since what was handed over cannot be overtaken any more.

use std::time::Duration;

use octoporty_proto::wire::Side;
use octoporty_tunnel::carrier::websocket;
use octoporty_tunnel::link::{self, Link};
use octoporty_tunnel::stream::Stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::rig::{DEADLINE, End, Tasks, accept, config, dial_to, open, pattern, soon};

/// What a link may have handed over that its peer has not taken: 64 KiB unsent in the kernel and as much again by its
/// way of counting, one batch of 16 KiB to 128 KiB, and what the slow line itself holds.
const MOST_AHEAD: u64 = 256 * 1024;

/// Buffers of the slow line, bytes a socket; the kernel doubles them.
const LINE: u32 = 16 * 1024;

/// How long nothing moves until a link counts as full.
const QUIET: Duration = Duration::from_millis(300);

/// A way to `to` with small buffers, whose ends the test moves bytes between.
async fn slow_line(to: std::net::SocketAddr) -> (TcpListener, TcpStream) {
    let near = TcpSocket::new_v4().unwrap();
    near.set_recv_buffer_size(LINE).unwrap();
    near.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let far = TcpSocket::new_v4().unwrap();
    far.set_send_buffer_size(LINE).unwrap();
    far.set_recv_buffer_size(LINE).unwrap();
    (near.listen(1).unwrap(), far.connect(to).await.unwrap())
}

/// Sends for ever, whatever the link takes.
async fn bulk(mut stream: Stream) {
    while stream.send(pattern(0, 60_000)).await.is_ok() {}
}

/// Waits until the link hands nothing over any more and gives the bytes that it did.
async fn full(link: &Link) -> u64 {
    soon("a link that takes no more", async {
        let mut before = link.stats().bytes_sent;
        loop {
            tokio::time::sleep(QUIET).await;
            let now = link.stats().bytes_sent;
            if now == before && now > 0 {
                return now;
            }
            before = now;
        }
    })
    .await
}

/// Lets a link's end with four bulk streams fill a line that takes nothing after the streams were opened.
async fn handed_over(slow: Side) -> u64 {
    let tasks = Tasks::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (near, mut far) = slow_line(listener.local_addr().unwrap()).await;
    let dial = dial_to(&format!("ws://{}/tunnel", near.local_addr().unwrap()));
    let upgrade = async {
        let (mut line, _) = near.accept().await.unwrap();
        let mut head = vec![0; 16 * 1024];
        let length = line.read(&mut head).await.unwrap();
        far.write_all(&head[..length]).await.unwrap();
        let length = far.read(&mut head).await.unwrap();
        line.write_all(&head[..length]).await.unwrap();
        line
    };
    let accepted = async { accept(listener.accept().await.unwrap().0).await };
    let (dialled, accepted, mut line) =
        soon("a link", async { tokio::join!(websocket::dial(&dial), accepted, upgrade) }).await;
    let carrier = if slow == Side::Agent { dialled.unwrap() } else { accepted };
    let (link, events) = link::start(carrier, slow, config(), &tasks.tracker, tasks.cancel.child_token());
    let end = End { link, events };
    for _ in 0..4 {
        tasks.spawn(bulk(end.link.open(&open(), bytes::Bytes::new()).unwrap()));
    }
    let bytes = full(&end.link).await;
    // The line was there all the time, and still has what it was given.
    let peer = if slow == Side::Agent { &mut line } else { &mut far };
    soon("the first bytes", peer.read_exact(&mut [0; 2])).await.unwrap();
    bytes
}

#[tokio::test]
async fn an_agent_behind_a_slow_line_hands_little_over_ahead_of_it() {
    let bytes = tokio::time::timeout(DEADLINE, handed_over(Side::Agent)).await.unwrap();
    assert!(bytes <= MOST_AHEAD, "{bytes} bytes are ahead of whatever comes next");
}

#[tokio::test]
async fn a_gateway_with_a_slow_agent_hands_little_over_ahead_of_it() {
    let bytes = tokio::time::timeout(DEADLINE, handed_over(Side::Gateway)).await.unwrap();
    assert!(bytes <= MOST_AHEAD, "{bytes} bytes are ahead of whatever comes next");
}
