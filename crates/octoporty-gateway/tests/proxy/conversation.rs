//! Request after request on one connection, and when it ends.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use octoporty_gateway::config::Limits;

use crate::support::{Connection, Ending, HOST, Setup, World, within};

/// Answers with the request line and the body of each request.
async fn echo(mut connection: Connection) {
    while let Some(head) = connection.head().await {
        let line = head.split("\r\n").next().unwrap();
        let length = head.split("\r\n").find_map(|line| line.strip_prefix("Content-Length: "));
        let body = connection.body(length.map_or(0, |length| length.parse().unwrap())).await;
        let text = format!("{line}|{}", String::from_utf8(body).unwrap());
        connection.send(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len())).await;
    }
}

async fn echoing() -> World {
    World::new(|connection| Box::pin(echo(connection))).await
}

#[tokio::test]
async fn requests_that_are_sent_ahead_are_answered_in_their_order() {
    let world = echoing().await;
    let wire = format!(
        "GET /1 HTTP/1.1\r\nHost: {HOST}\r\n\r\nPOST /2 HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 3\r\n\r\nabc\
         \r\nPOST /3 HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /4 HTTP/1.1\r\nHost: {HOST}\r\n\r\n"
    );
    // In one piece, and byte by byte.
    for size in [wire.len(), 1] {
        let mut visitor = world.visitor().await;
        for piece in wire.as_bytes().chunks(size) {
            visitor.socket.write_all(piece).await.unwrap();
        }
        for expected in ["GET /1 HTTP/1.1|", "POST /2 HTTP/1.1|abc", "POST /3 HTTP/1.1|", "GET /4 HTTP/1.1|"] {
            let reply = visitor.reply("GET").await;
            assert_eq!((reply.status(), reply.text()), (200, expected));
        }
    }
}

#[tokio::test]
async fn http_1_0_is_kept_only_when_asked_to() {
    let world = echoing().await;
    let mut visitor = world.visitor().await;
    let request = format!("GET / HTTP/1.0\r\nHost: {HOST}\r\nConnection: keep-alive\r\n\r\n");
    for _ in 0..3 {
        let reply = visitor.ask(&request).await;
        assert_eq!((reply.status(), reply.values("connection")), (200, vec!["keep-alive"]));
    }
    let last = visitor.ask(&format!("GET / HTTP/1.0\r\nHost: {HOST}\r\n\r\n")).await;
    assert_eq!((last.status(), last.ending), (200, Ending::Whole));
    assert_eq!(within("the end", visitor.more()).await, 0);
}

#[tokio::test]
async fn a_request_that_asks_to_close_and_one_of_two_framings_are_the_last() {
    let world = echoing().await;
    for fields in ["Connection: close\r\n\r\n", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"] {
        let mut visitor = world.visitor().await;
        let smuggled = format!("GET /smuggled HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
        visitor.send(&format!("POST / HTTP/1.1\r\nHost: {HOST}\r\n{fields}{smuggled}")).await;
        let reply = visitor.reply("POST").await;
        assert_eq!((reply.text(), reply.values("connection")), ("POST / HTTP/1.1|", vec!["close"]), "{fields:?}");
        assert_eq!(within("the end", visitor.more()).await, 0, "nothing behind it is answered");
    }
}

#[tokio::test]
async fn a_body_that_nobody_wants_ends_the_connection_unless_all_of_it_is_there() {
    let world = echoing().await;
    let unmapped =
        |length: usize| format!("POST / HTTP/1.1\r\nHost: other.example\r\nContent-Length: {length}\r\n\r\n");
    let mut visitor = world.visitor().await;
    for _ in 0..3 {
        let reply = visitor.ask(&(unmapped(5) + "abcde")).await;
        assert_eq!((reply.status(), reply.values("connection").len()), (404, 0), "it was read and dropped");
    }
    visitor.send(&(unmapped(8_000_000) + &"x".repeat(300_000))).await;
    let reply = visitor.reply("POST").await;
    assert_eq!((reply.status(), reply.values("connection")), (404, vec!["close"]));
    // The gateway has closed its side and reads on for a while: a reset could cost visitors the answer.
    assert_eq!(within("the end", visitor.socket.read(&mut [0; 16])).await.unwrap(), 0);
    visitor.socket.write_all(&[b'x'; 100_000]).await.unwrap();
}

#[tokio::test]
async fn an_expectation_of_a_body_that_nobody_wants_is_not_met() {
    let world = echoing().await;
    let mut visitor = world.visitor().await;
    let request = "POST / HTTP/1.1\r\nHost: other.example\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    visitor.send(request).await;
    let head = visitor.head().await;
    assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
    assert!(head.contains("\r\nconnection: close\r\n"), "{head}");
}

#[tokio::test]
async fn a_request_sent_ahead_of_a_slow_answer_waits_and_a_visitor_that_leaves_ends_it() {
    let mut world = World::new(|mut connection| {
        Box::pin(async move {
            let head = connection.head().await.unwrap();
            if head.starts_with("GET /slow ") {
                tokio::time::sleep(Duration::from_millis(100)).await;
            } else {
                // The close tells that the visitor left.
                assert_eq!(connection.more().await, 0);
            }
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow").await;
        })
    })
    .await;
    let mut visitor = world.visitor().await;
    visitor.send(&format!("GET /slow HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await;
    visitor.send(&format!("GET /never HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await;
    assert_eq!(visitor.reply("GET").await.text(), "slow");
    drop(visitor);
    let record = world.record().await;
    assert_eq!((record.path.as_str(), record.status), ("/slow", 200));
    let left = world.record().await;
    assert_eq!((left.path.as_str(), left.status, left.error.as_deref()), ("/never", 499, Some("visitor_left")));
}

#[tokio::test]
async fn nothing_behind_a_malformed_body_is_a_request() {
    let world = echoing().await;
    for body in
        ["+3\r\nabc\r\n0\r\n\r\n", "3\r\r\nabc\r\n0\r\n\r\n", "3\r\nabcd\r\n0\r\n\r\n", "0\r\nX Y: 1\r\n\r\n\r\n"]
    {
        let mut visitor = world.visitor().await;
        let smuggled = format!("GET /smuggled HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
        let head = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n");
        visitor.send(&(head + body + &smuggled)).await;
        let reply = visitor.reply("POST").await;
        assert_eq!((reply.status(), reply.values("connection")), (400, vec!["close"]), "{body:?}");
        assert_eq!(within("the end", visitor.more()).await, 0, "{body:?}");
    }
}

#[tokio::test]
async fn an_empty_line_behind_a_body_begins_no_head() {
    let limits = Limits {
        header_timeout: Duration::from_millis(200),
        keep_alive: Duration::from_millis(1000),
        ..Limits::default()
    };
    let world = World::with(Setup { limits, ..Setup::default() }, |connection| Box::pin(echo(connection))).await;
    let mut visitor = world.visitor().await;
    let request = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 3\r\n\r\nabc\r\n");
    assert_eq!(visitor.ask(&request).await.status(), 200);
    let answered = tokio::time::Instant::now();
    assert_eq!(within("the end", visitor.more()).await, 0, "it ends without a word");
    assert!(answered.elapsed() >= Duration::from_millis(900), "as an idle one: after {:?}", answered.elapsed());
}

#[tokio::test]
async fn a_body_that_comes_byte_by_byte_arrives() {
    let world = echoing().await;
    let mut visitor = world.visitor().await;
    visitor.socket.set_nodelay(true).unwrap();
    let body = "0123456789".repeat(200);
    visitor.send(&format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {}\r\n\r\n", body.len())).await;
    for byte in body.as_bytes().chunks(1) {
        visitor.socket.write_all(byte).await.unwrap();
    }
    assert_eq!(visitor.reply("POST").await.text(), format!("POST / HTTP/1.1|{body}"));
}
