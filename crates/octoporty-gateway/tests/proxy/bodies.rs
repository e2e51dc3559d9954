//! Bodies, both ways: whole, at once, and never cut without a sign.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;

use octoporty_proto::wire::{Blame, Reset, ResetCode};

use crate::support::{Connection, Ending, HOST, Setup, World, until, within};

fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..length).map(|_| random.u8(..)).collect()
}

/// The decoded body of a chunked request and its trailer section.
async fn read_chunks(connection: &mut Connection) -> (Vec<u8>, String) {
    let mut body = Vec::new();
    loop {
        let line = connection.read_until("\r\n").await;
        let size = usize::from_str_radix(line.trim_end(), 16).unwrap();
        if size == 0 {
            break;
        }
        body.extend(connection.body(size).await);
        assert_eq!(connection.body(2).await, b"\r\n");
    }
    let mut trailers = String::new();
    loop {
        let line = connection.read_until("\r\n").await;
        if line == "\r\n" {
            return (body, trailers);
        }
        trailers.push_str(&line);
    }
}

#[tokio::test]
async fn an_upload_of_known_length_arrives_byte_by_byte_as_it_is() {
    const LENGTH: usize = 5 * 1024 * 1024 + 3;
    let world = World::new(|mut connection| {
        Box::pin(async move {
            let head = connection.head().await.unwrap();
            assert!(head.contains(&format!("\r\nContent-Length: {LENGTH}\r\n")), "{head}");
            assert!(!head.contains("Transfer-Encoding"));
            let body = connection.body(LENGTH).await;
            assert!(body == noise(LENGTH, 1));
            connection.send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n").await;
            connection.closed().await;
        })
    })
    .await;
    let mut visitor = world.visitor().await;
    visitor.send(&format!("PUT /file HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {LENGTH}\r\n\r\n")).await;
    visitor.socket.write_all(&noise(LENGTH, 1)).await.unwrap();
    assert_eq!(visitor.reply("PUT").await.status(), 201);
}

#[tokio::test]
async fn chunks_and_trailers_pass_both_ways() {
    let mut world = World::new(|mut connection| {
        Box::pin(async move {
            while let Some(head) = connection.head().await {
                assert!(head.contains("\r\nTransfer-Encoding: chunked\r\n"), "{head}");
                let (body, trailers) = read_chunks(&mut connection).await;
                assert_eq!(body, b"hello world");
                assert_eq!(trailers.to_ascii_lowercase(), "x-sum: 1\r\n");
                connection
                    .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Status\r\n\r\n4;x=y\r\nwiki\r\n")
                    .await;
                connection.send("5\r\npedia\r\n0\r\nX-Status: done\r\n\r\n").await;
            }
        })
    })
    .await;
    let mut visitor = world.visitor().await;
    for _ in 0..2 {
        let reply = visitor
            .ask(&format!(
                "PUT / HTTP/1.1\r\nHost: {HOST}\r\nTE: trailers\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n\
                 6\r\nhello \r\n5\r\nworld\r\n0\r\nX-Sum: 1\r\n\r\n"
            ))
            .await;
        assert_eq!((reply.text(), reply.ending), ("wikipedia", Ending::Whole));
        assert_eq!(reply.trailers.to_ascii_lowercase(), "x-status: done\r\n");
    }
    assert_eq!(world.target.connections(), 1, "chunked answers leave their connection fit");
    let record = world.record().await;
    assert_eq!((record.request_bytes, record.response_bytes), (11, 9));
}

#[tokio::test]
async fn each_chunk_of_an_answer_arrives_at_once() {
    let world = World::new(|mut connection| {
        Box::pin(async move {
            connection.head().await.unwrap();
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
            for number in 0..3 {
                connection.send(&format!("2\r\ne{number}\r\n")).await;
                // The next event comes only when the visitor has seen this one.
                connection.read_until("+").await;
            }
            connection.send("0\r\n\r\n").await;
        })
    })
    .await;
    let mut visitor = world.visitor().await;
    visitor.send(&format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 3\r\n\r\n")).await;
    assert!(visitor.head().await.starts_with("HTTP/1.1 200"));
    for number in 0..3 {
        assert_eq!(visitor.raw(7).await, format!("2\r\ne{number}\r\n").as_bytes());
        visitor.send("+").await;
    }
    assert_eq!(visitor.raw(5).await, b"0\r\n\r\n");
}

#[tokio::test]
async fn each_chunk_of_an_upload_arrives_at_once() {
    let seen = Arc::new(Notify::new());
    let told = Arc::clone(&seen);
    let world = World::new(move |mut connection| {
        let told = Arc::clone(&told);
        Box::pin(async move {
            connection.head().await.unwrap();
            for number in 0..3 {
                connection.read_until(&format!("u{number}")).await;
                told.notify_one();
            }
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
            connection.closed().await;
        })
    })
    .await;
    let mut visitor = world.visitor().await;
    visitor.send(&format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n")).await;
    for number in 0..3 {
        visitor.send(&format!("2\r\nu{number}\r\n")).await;
        within("the target sees a chunk", seen.notified()).await;
    }
    visitor.send("0\r\n\r\n").await;
    assert_eq!(visitor.reply("POST").await.status(), 200);
}

#[tokio::test]
async fn an_answer_without_a_length_ends_with_its_connection() {
    let world = World::new(|mut connection| {
        Box::pin(async move {
            connection.head().await.unwrap();
            connection.send("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n").await;
            connection.send("old but whole").await;
        })
    })
    .await;
    let reply = world.ask(&format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await;
    assert_eq!((reply.text(), reply.ending), ("old but whole", Ending::Whole));
    assert_eq!(reply.values("transfer-encoding"), ["chunked"]);
}

#[tokio::test]
async fn an_answer_cut_short_is_cut_for_the_visitor_as_well() {
    let mut world = World::new(|mut connection| {
        Box::pin(async move {
            let head = connection.head().await.unwrap();
            let framing =
                if head.starts_with("GET /length") { "Content-Length: 10" } else { "Transfer-Encoding: chunked" };
            connection.send(&format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n")).await;
            connection.send(if head.starts_with("GET /length") { "half" } else { "4\r\nhalf\r\n" }).await;
        })
    })
    .await;
    for path in ["/length", "/chunks"] {
        let reply = world.ask(&format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await;
        assert_eq!((reply.status(), reply.ending), (200, Ending::Cut), "{path}");
        let record = world.record().await;
        assert_eq!((record.status, record.error.as_deref()), (200, Some("target_closed")), "{path}");
    }
}

#[tokio::test]
async fn a_cut_answer_does_not_look_whole_to_a_visitor_of_http_1_0() {
    let release = Arc::new(Notify::new());
    let released = Arc::clone(&release);
    let world = World::new(move |mut connection| {
        let released = Arc::clone(&released);
        Box::pin(async move {
            connection.head().await.unwrap();
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n").await;
            released.notified().await;
        })
    })
    .await;
    let mut visitor = world.visitor().await;
    visitor.send(&format!("GET / HTTP/1.0\r\nHost: {HOST}\r\n\r\n")).await;
    assert!(visitor.head().await.starts_with("HTTP/1.0 200"));
    assert_eq!(visitor.raw(4).await, b"half");
    release.notify_one();
    // An orderly end would say that this was all.
    let end = within("the end", visitor.socket.read(&mut [0; 16])).await;
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn an_expectation_is_met_by_the_target() {
    let world = World::new(|mut connection| {
        Box::pin(async move {
            while let Some(head) = connection.head().await {
                assert!(head.contains("\r\nExpect: 100-continue\r\n"), "{head}");
                if head.starts_with("POST /no") {
                    connection.send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno").await;
                    // Nothing of the body may come.
                    assert_eq!(connection.more().await, 0);
                    return;
                }
                if head.starts_with("POST /yes") {
                    connection.send("HTTP/1.1 100 Continue\r\n\r\n").await;
                }
                assert_eq!(connection.body(4).await, b"body");
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes").await;
            }
        })
    })
    .await;
    let request =
        |path| format!("POST {path} HTTP/1.1\r\nHost: {HOST}\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    // The target says go on; another one says nothing at all, and the visitor is asked after a while.
    for path in ["/yes", "/silent"] {
        let mut visitor = world.visitor().await;
        visitor.send(&request(path)).await;
        assert_eq!(visitor.head().await, "HTTP/1.1 100 Continue\r\n\r\n", "{path}");
        visitor.send("body").await;
        assert_eq!(visitor.reply("POST").await.text(), "yes");
    }
    let mut visitor = world.visitor().await;
    visitor.send(&request("/no")).await;
    let head = visitor.head().await;
    assert!(head.starts_with("HTTP/1.1 417"), "no 100 before it: {head}");
    assert!(head.to_ascii_lowercase().contains("connection: close"));
    assert_eq!(visitor.raw(2).await, b"no");
    assert_eq!(visitor.more().await, 0, "the connection is closed");
}

#[tokio::test]
async fn an_upload_goes_on_beside_an_early_answer() {
    let world = World::new(|mut connection| {
        Box::pin(async move {
            connection.head().await.unwrap();
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
            // An echo: each part goes back before the next one comes.
            for _ in 0..3 {
                let part = connection.body(4).await;
                connection.send(&format!("4\r\n{}\r\n", String::from_utf8(part).unwrap())).await;
            }
            connection.send("0\r\n\r\n").await;
            connection.closed().await;
        })
    })
    .await;
    let mut visitor = world.visitor().await;
    visitor.send(&format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 12\r\n\r\n")).await;
    assert!(visitor.head().await.starts_with("HTTP/1.1 200"));
    for part in ["aaaa", "bbbb", "cccc"] {
        visitor.send(part).await;
        assert_eq!(visitor.raw(9).await, format!("4\r\n{part}\r\n").as_bytes());
    }
    assert_eq!(visitor.raw(5).await, b"0\r\n\r\n");
}

#[tokio::test]
async fn a_visitor_may_read_nothing_of_an_early_answer_before_its_upload_is_done() {
    // More than all buffers and windows on the way hold together.
    const LENGTH: usize = 24 * 1024 * 1024;
    let world = World::new(|mut connection| {
        Box::pin(async move {
            connection.head().await.unwrap();
            connection.send(&format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n")).await;
            let (mut reader, mut writer) = connection.socket.into_split();
            let down = async { writer.write_all(&noise(LENGTH, 2)).await.unwrap() };
            let up = async {
                let mut sink = Vec::new();
                let mut limited = tokio::io::AsyncReadExt::take(&mut reader, LENGTH as u64);
                tokio::io::AsyncReadExt::read_to_end(&mut limited, &mut sink).await.unwrap();
                assert!(sink == noise(LENGTH, 3));
            };
            tokio::join!(down, up);
        })
    })
    .await;
    let mut visitor = world.visitor().await;
    visitor.send(&format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {LENGTH}\r\n\r\n")).await;
    within("the upload", visitor.socket.write_all(&noise(LENGTH, 3))).await.unwrap();
    let reply = visitor.reply("POST").await;
    assert_eq!(reply.ending, Ending::Whole);
    assert!(reply.body == noise(LENGTH, 2));
}

#[tokio::test]
async fn the_rest_of_an_upload_that_the_target_refuses_is_drained() {
    const LENGTH: usize = 4 * 1024 * 1024;
    let seen = Arc::new(Notify::new());
    let told = Arc::clone(&seen);
    let world = World::new(move |mut connection| {
        let told = Arc::clone(&told);
        Box::pin(async move {
            if connection.head().await.unwrap().starts_with("POST") {
                connection.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 7\r\n\r\ntoo big").await;
                // Closes with bytes unread, once the answer is through.
                told.notified().await;
                return;
            }
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
            connection.closed().await;
        })
    })
    .await;
    let mut visitor = world.visitor().await;
    visitor.send(&format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {LENGTH}\r\n\r\n")).await;
    let reply = visitor.reply("POST").await;
    assert_eq!((reply.status(), reply.text()), (413, "too big"));
    seen.notify_one();
    within("the upload is drained", visitor.socket.write_all(&noise(LENGTH, 4))).await.unwrap();
    // Nothing of it is taken for a request: the connection goes on behind it.
    assert_eq!(visitor.ask(&format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await.text(), "ok");
}

#[tokio::test]
async fn an_answer_arrives_whole_although_its_target_closes_with_bytes_unread() {
    const LENGTH: usize = 400_000;
    let world = World::new(|mut connection| {
        Box::pin(async move {
            connection.head().await.unwrap();
            // The script ends here: what the visitor still sends makes the target's system reset the connection.
            connection
                .send("HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 7\r\n\r\ntoo big")
                .await;
        })
    })
    .await;
    for round in 0..20 {
        let mut visitor = world.visitor().await;
        visitor.send(&format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {LENGTH}\r\n\r\n")).await;
        within("the upload is drained", visitor.socket.write_all(&noise(LENGTH, round))).await.unwrap();
        let reply = visitor.reply("POST").await;
        assert_eq!((reply.status(), reply.text()), (413, "too big"), "round {round}");
    }
}

#[tokio::test]
async fn a_failure_is_seen_by_a_visitor_that_sends_everything_first() {
    const LENGTH: usize = 4 * 1024 * 1024;
    let refuse = |_, _: &_| Some(Reset::new(ResetCode::TargetRefused, Blame::Target));
    let setup = Setup { on_stream: Arc::new(refuse), ..Setup::default() };
    let world = World::with(setup, |connection| Box::pin(async move { drop(connection) })).await;
    let mut visitor = world.visitor().await;
    visitor.send(&format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {LENGTH}\r\n\r\n")).await;
    within("the upload is drained", visitor.socket.write_all(&noise(LENGTH, 5))).await.unwrap();
    let reply = visitor.reply("POST").await;
    assert_eq!(reply.status(), 502);
    assert!(reply.text().contains("target_refused"), "{}", reply.text());
}

#[tokio::test]
async fn an_upload_cut_short_is_not_whole_for_the_target() {
    let mut world = World::new(|mut connection| {
        Box::pin(async move {
            connection.head().await.unwrap();
            connection.read_until("half").await;
            // The end of the connection, and no end of the chunks.
            assert_eq!(connection.more().await, 0);
        })
    })
    .await;
    for request in [
        format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 100\r\n\r\nhalf"),
        format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"),
    ] {
        let before = world.target.closed();
        let mut visitor = world.visitor().await;
        visitor.send(&request).await;
        until("the target is asked", || world.target.connections() > before).await;
        drop(visitor);
        let left = Instant::now();
        until("the target sees the end", || world.target.closed() > before).await;
        assert!(left.elapsed() < Duration::from_secs(5));
        let record = world.record().await;
        assert_eq!((record.status, record.error.as_deref()), (499, Some("visitor_left")));
    }
}
