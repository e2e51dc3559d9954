//! Connections that leave HTTP.

use octoporty_proto::model::EndReason;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{HOST, World, within};

const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\nX-Kept: 1\r\n\r\n";

fn ask(protocol: &str) -> String {
    format!("GET /up HTTP/1.1\r\nHost: {HOST}\r\nConnection: keep-alive, Upgrade\r\nUpgrade: {protocol}\r\n\r\n")
}

#[tokio::test]
async fn an_upgrade_is_a_raw_pipe_with_half_close_both_ways() {
    let mut world = World::new(|mut connection| {
        Box::pin(async move {
            let head = connection.head().await.unwrap();
            assert!(head.contains("\r\nConnection: Upgrade\r\nUpgrade: echo\r\n"), "{head}");
            // Bytes right behind the head belong to the pipe.
            connection.send(&format!("{SWITCH}hi")).await;
            let request = connection.body(4).await;
            connection.send_bytes(&request).await;
            // The visitor has ended its direction, ours is still open.
            assert_eq!(connection.more().await, 0);
            connection.send("bye").await;
        })
    })
    .await;
    let mut visitor = world.visitor().await;
    // Bytes right behind the request belong to the pipe as well.
    visitor.send(&format!("{}pi", ask("echo"))).await;
    let head = visitor.head().await;
    assert!(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{head}");
    let lower = head.to_ascii_lowercase();
    assert!(lower.contains("\r\nupgrade: echo\r\n") && lower.contains("\r\nconnection: upgrade\r\n"), "{head}");
    assert!(lower.contains("\r\nx-kept: 1\r\n") && !lower.contains("content-length"), "{head}");
    assert_eq!(visitor.raw(2).await, b"hi");
    visitor.send("ng").await;
    assert_eq!(visitor.raw(4).await, b"ping");
    visitor.socket.shutdown().await.unwrap();
    assert_eq!(visitor.raw(3).await, b"bye");
    assert_eq!(within("the end", visitor.more()).await, 0);
    let record = world.record().await;
    assert_eq!((record.status, record.error, record.request_bytes, record.response_bytes), (101, None, 4, 9));
}

#[tokio::test]
async fn an_upgrade_takes_a_stream_of_its_own_and_leaves_none() {
    let world = World::new(|mut connection| {
        Box::pin(async move {
            while let Some(head) = connection.head().await {
                if head.contains("Upgrade: echo") {
                    connection.send(SWITCH).await;
                    return;
                }
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
            }
        })
    })
    .await;
    let get = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    assert_eq!(world.ask(&get).await.text(), "ok");
    assert_eq!(world.ask(&ask("echo")).await.status(), 101);
    assert_eq!(world.ask(&get).await.text(), "ok");
    assert_eq!(world.target.connections(), 2);
}

#[tokio::test]
async fn a_refused_upgrade_is_an_ordinary_answer() {
    let world = World::new(|mut connection| {
        Box::pin(async move {
            while connection.head().await.is_some() {
                connection.send("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 4\r\n\r\nnope").await;
            }
        })
    })
    .await;
    let mut visitor = world.visitor().await;
    let reply = visitor.ask(&ask("echo")).await;
    assert_eq!((reply.status(), reply.text()), (426, "nope"));
    let reply = visitor.ask(&format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await;
    assert_eq!(reply.status(), 426, "the connection goes on");
}

#[tokio::test]
async fn http_2_cannot_be_switched_to_past_the_gateway() {
    let world = World::new(|mut connection| {
        Box::pin(async move {
            while let Some(head) = connection.head().await {
                assert!(!head.contains("h2c") && !head.contains("Upgrade"), "{head}");
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
            }
        })
    })
    .await;
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"
    );
    assert_eq!(world.ask(&request).await.text(), "ok");
}

#[tokio::test]
async fn an_upgraded_connection_whose_link_is_lost_does_not_look_whole_to_its_visitor() {
    let world = World::new(|mut connection| {
        Box::pin(async move {
            connection.head().await.unwrap();
            connection.send(&format!("{SWITCH}half of a messa")).await;
            connection.closed().await;
        })
    })
    .await;
    let mut visitor = world.visitor().await;
    visitor.send(&ask("echo")).await;
    visitor.head().await;
    assert_eq!(visitor.raw(15).await, b"half of a messa");
    world.link.close(EndReason::LocalStop, "cut");
    let read = within("the visitor's end", visitor.socket.read(&mut [0; 16])).await;
    assert_eq!(read.map_err(|error| error.kind()), Err(std::io::ErrorKind::ConnectionReset));
    world.stop().await;
}

#[tokio::test]
async fn the_target_sees_that_an_upgraded_visitor_is_gone() {
    let mut world = World::new(|mut connection| {
        Box::pin(async move {
            connection.head().await.unwrap();
            connection.send(SWITCH).await;
            connection.closed().await;
        })
    })
    .await;
    let mut visitor = world.visitor().await;
    visitor.send(&ask("echo")).await;
    visitor.head().await;
    visitor.socket.set_zero_linger().unwrap();
    drop(visitor);
    crate::support::until("the target sees the close", || world.target.closed() == 1).await;
    assert_eq!(world.record().await.error.as_deref(), Some("visitor_left"));
}

#[tokio::test]
async fn a_body_goes_before_what_is_sent_behind_it_however_early_the_switch() {
    const LENGTH: usize = 8 * 1024 * 1024;
    let mut world = World::new(|mut connection| {
        Box::pin(async move {
            connection.head().await.unwrap();
            connection.send(SWITCH).await;
            let all = connection.body(LENGTH + 3).await;
            assert!(all[..LENGTH].iter().all(|byte| *byte == b'b'), "the body first");
            connection.send_bytes(&all[LENGTH..]).await;
        })
    })
    .await;
    let mut visitor = world.visitor().await;
    let head = ask("echo").replace("GET", "POST").replace("\r\n\r\n", &format!("\r\nContent-Length: {LENGTH}\r\n\r\n"));
    visitor.send(&head).await;
    let all = [vec![b'b'; LENGTH], b"RAW".to_vec()].concat();
    within("the body", visitor.socket.write_all(&all)).await.unwrap();
    assert!(visitor.head().await.starts_with("HTTP/1.1 101 "));
    assert_eq!(visitor.raw(3).await, b"RAW");
    drop(visitor);
    let record = world.record().await;
    assert_eq!((record.status, record.request_bytes, record.response_bytes), (101, LENGTH as u64 + 3, 3));
}

#[tokio::test]
async fn a_switch_before_the_body_that_was_to_be_asked_for_is_a_failure() {
    let world = World::new(|mut connection| {
        Box::pin(async move {
            connection.head().await.unwrap();
            connection.send(SWITCH).await;
            connection.closed().await;
        })
    })
    .await;
    let fields = "\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    let request = ask("echo").replace("GET", "POST").replace("\r\n\r\n", fields) + "01234RAW";
    let reply = world.ask(&request).await;
    assert_eq!(reply.status(), 502, "{}", reply.head);
    assert!(reply.text().contains("target_malformed"), "{}", reply.text());
}
