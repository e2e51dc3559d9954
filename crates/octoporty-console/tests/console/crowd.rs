//! Somebody who holds connections open without asking anything.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::client::PATIENCE;
use crate::world::{World, eventually};

/// What one source may hold.
const BOUND: usize = 128;
/// More than all sources together may hold, and than the system queues before they are accepted.
const CROWD: usize = 600;

async fn connect(source: [u8; 4], to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::from(source)), 0)).unwrap();
    tokio::time::timeout(PATIENCE, socket.connect(to)).await.expect("a connection in time").unwrap()
}

/// The status line of `GET /health`, or what there is when the connection is closed before one.
async fn health(mut stream: TcpStream) -> String {
    // A connection that was refused may be closed before the request is written.
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: console\r\nConnection: close\r\n\r\n").await.ok();
    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("an answer or an end in time").ok();
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

fn is_open(stream: &TcpStream) -> bool {
    matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}

#[tokio::test]
async fn one_source_with_hundreds_of_idle_connections_locks_nobody_out() {
    let world = World::new().await;
    let mut crowd = Vec::with_capacity(CROWD);
    for _ in 0..CROWD {
        crowd.push(connect([127, 0, 0, 2], world.address).await);
    }
    assert_eq!(health(connect([127, 0, 0, 3], world.address).await).await, "HTTP/1.1 200 OK");
    eventually(|| {
        let open = crowd.iter().filter(|stream| is_open(stream)).count();
        async move { (open <= BOUND).then_some(()) }
    })
    .await;
    drop(crowd);
    // The crowd's own source is served again as soon as it is gone.
    eventually(|| async {
        let answer = health(connect([127, 0, 0, 2], world.address).await).await;
        (answer == "HTTP/1.1 200 OK").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_never_asks_is_closed_and_one_that_asked_stays() {
    let world = World::new().await;
    let mut asked = connect([127, 0, 0, 2], world.address).await;
    asked.write_all(b"GET /health HTTP/1.1\r\nHost: console\r\n\r\n").await.unwrap();
    let mut silent = connect([127, 0, 0, 2], world.address).await;
    let mut slow = connect([127, 0, 0, 2], world.address).await;
    slow.write_all(b"GET /health HTTP/1.1\r\nHost: con").await.unwrap();
    for waiting in [&mut silent, &mut slow] {
        let closed = tokio::time::timeout(PATIENCE, waiting.read(&mut [0])).await.expect("an end in time");
        assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");
    }
    // Older than both, and kept for the next request.
    asked.write_all(b"GET /health HTTP/1.1\r\nHost: console\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answers = String::new();
    let read = tokio::time::timeout(Duration::from_secs(20), asked.read_to_string(&mut answers)).await;
    read.expect("answers in time").unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 2, "{answers}");
}

/// A login of which all but the end is sent, by way of the trusted proxy that the tests are.
async fn unfinished_login(to: SocketAddr, visitor: &str) -> TcpStream {
    let mut stream = connect([127, 0, 0, 2], to).await;
    let head = format!(
        "POST /api/v1/auth/login HTTP/1.1\r\nHost: console\r\nX-Forwarded-For: {visitor}\r\n\
         Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{\"password\": \""
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_login_whose_body_never_ends_is_answered_and_closed() {
    let world = World::new().await;
    let mut silent = unfinished_login(world.address, "203.0.113.9").await;
    let (mut slow, mut drops) = unfinished_login(world.address, "203.0.113.9").await.into_split();
    let dripping = async {
        // Ends when the console closes the connection.
        while drops.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let (mut first, mut second) = (String::new(), String::new());
    let answers = async {
        silent.read_to_string(&mut first).await.unwrap();
        // Closed with bytes of ours under way, it may be reset behind the answer.
        slow.read_to_string(&mut second).await.ok();
    };
    tokio::time::timeout(PATIENCE, async { tokio::join!(answers, dripping) }).await.expect("answers and ends in time");
    assert!(first.starts_with("HTTP/1.1 408 ") && first.contains("\"code\":\"body_timeout\""), "{first}");
    assert!(second.is_empty() || second.starts_with("HTTP/1.1 408 "), "{second}");
}

#[tokio::test]
async fn one_stranger_behind_a_proxy_does_not_close_the_console_for_others() {
    let world = World::new().await;
    let mut crowd = Vec::new();
    for _ in 0..BOUND {
        crowd.push(unfinished_login(world.address, "203.0.113.9").await);
    }
    let refused = async |stream: &mut TcpStream| {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.is_ok() && answer.starts_with("HTTP/1.1 429 ")
    };
    // The answers are there long before the bodies' time is up; whoever waits for that finds 408.
    let answers = futures_util::future::join_all(crowd.iter_mut().map(refused));
    let answers = tokio::time::timeout(PATIENCE, answers).await.expect("an answer or an end for each in time");
    let count = answers.into_iter().filter(|refused| *refused).count();
    assert_eq!(count, BOUND / 2, "half of a proxy's connections are left to others");
}
