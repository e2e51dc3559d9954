//! What visitors and owners are told when something fails, and what targets see when visitors leave.

use std::sync::Arc;
use std::time::{Duration, Instant};

use octoporty_gateway::config::Limits;
use octoporty_proto::model::EndReason;
use octoporty_proto::wire::{Blame, Reset, ResetCode};
use tokio::io::AsyncWriteExt;

use crate::support::{Connection, Ending, HOST, Setup, World, until, within};

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n")
}

#[tokio::test]
async fn each_code_of_the_agent_becomes_its_failure() {
    for (code, status, failure) in [
        (ResetCode::TargetRefused, 502, "target_refused"),
        (ResetCode::TargetUnreachable, 502, "target_unreachable"),
        (ResetCode::TargetDns, 502, "target_dns"),
        (ResetCode::TargetCertificate, 502, "target_certificate"),
        (ResetCode::TargetTls, 502, "target_tls"),
        (ResetCode::TargetSpeaksHttp, 502, "target_speaks_http"),
        (ResetCode::TargetDenied, 502, "target_denied"),
        (ResetCode::MappingUnknown, 502, "mapping_unknown"),
        (ResetCode::TargetTimeout, 504, "target_timeout"),
        (ResetCode::TargetReset, 502, "target_closed"),
    ] {
        let on_stream =
            move |_, _: &_| Some(Reset { detail: "why it is so".to_owned(), ..Reset::new(code, Blame::Target) });
        let setup = Setup { on_stream: Arc::new(on_stream), ..Setup::default() };
        let mut world = World::with(setup, |connection| Box::pin(async move { drop(connection) })).await;
        let reply = world.ask(&get("/")).await;
        assert_eq!(reply.status(), status);
        assert!(reply.text().contains(failure), "{}", reply.text());
        assert!(!reply.text().contains("why it is so"), "particulars are the owner's");
        let record = world.record().await;
        assert_eq!((record.status, record.error.as_deref()), (status, Some(failure)));
        assert_eq!(record.error_detail.as_deref(), Some("why it is so"));
        assert_eq!(record.first_byte_us, None);
        world.stop().await;
    }
}

#[tokio::test]
async fn answers_that_are_none_have_their_codes() {
    let large = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(70_000));
    for (answer, code) in [
        ("\x15\x03\x01\x00\x02\x02\x28", "target_speaks_tls"),
        ("SSH-2.0-OpenSSH\r\n", "target_malformed"),
        ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "target_malformed"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "target_malformed"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot a size\r\n", "target_malformed"),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "target_malformed"),
        (&large, "target_malformed"),
        ("HTTP/1.1 200 OK\r\nContent-Le", "target_closed"),
        ("", "target_closed"),
    ] {
        let text = answer.to_owned();
        let world = World::new(move |mut connection| {
            let text = text.clone();
            Box::pin(async move {
                connection.head().await;
                connection.send(&text).await;
            })
        })
        .await;
        let reply = world.ask(&get("/")).await;
        assert_eq!(reply.status(), 502, "{}", answer.escape_debug());
        assert!(reply.text().contains(code), "{code}: {}", reply.text());
        world.stop().await;
    }
}

fn limits(first_byte: u64, idle: u64) -> Setup {
    let limits = Limits {
        first_byte_timeout: Duration::from_millis(first_byte),
        idle_timeout: Duration::from_millis(idle),
        ..Limits::default()
    };
    Setup { limits, ..Setup::default() }
}

#[tokio::test]
async fn a_target_that_says_nothing_is_given_up() {
    let mut world =
        World::with(limits(300, 60_000), |mut connection| Box::pin(async move { connection.closed().await })).await;
    let asked = Instant::now();
    let reply = world.ask(&get("/")).await;
    assert_eq!(reply.status(), 504);
    assert!(reply.text().contains("first_byte_timeout"));
    assert!(asked.elapsed() >= Duration::from_millis(300));
    until("the target sees the close", || world.target.closed() == 1).await;
    let record = world.record().await;
    assert_eq!((record.status, record.error.as_deref()), (504, Some("first_byte_timeout")));
}

#[tokio::test]
async fn an_upload_that_moves_is_not_the_targets_silence() {
    let world = World::with(limits(2000, 60_000), |mut connection| {
        Box::pin(async move {
            connection.head().await.unwrap();
            connection.body(8).await;
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
            connection.closed().await;
        })
    })
    .await;
    let mut visitor = world.visitor().await;
    visitor.send(&format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 8\r\n\r\n")).await;
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_millis(350)).await;
        visitor.send("x").await;
    }
    assert_eq!(visitor.reply("POST").await.text(), "ok");
}

#[tokio::test]
async fn an_upload_that_falls_silent_gets_an_answer_that_ends_its_connection() {
    let mut world =
        World::with(limits(60_000, 300), |mut connection| Box::pin(async move { connection.closed().await })).await;
    let mut visitor = world.visitor().await;
    visitor.send(&format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 8\r\n\r\nxxx")).await;
    let reply = visitor.reply("POST").await;
    assert_eq!((reply.status(), reply.values("connection")), (504, vec!["close"]));
    assert!(reply.text().contains("idle_timeout"), "{}", reply.text());
    assert_eq!(reply.values("date").len(), 1);
    let answered = Instant::now();
    assert_eq!(within("the end", visitor.more()).await, 0);
    assert!(answered.elapsed() < Duration::from_secs(2), "nobody waits for the rest: {:?}", answered.elapsed());
    let record = world.record().await;
    assert_eq!((record.status, record.error.as_deref(), record.request_bytes), (504, Some("idle_timeout"), 3));
}

#[tokio::test]
async fn an_answer_that_falls_silent_is_cut() {
    let mut world = World::with(limits(60_000, 2000), |mut connection| {
        Box::pin(async move {
            connection.head().await.unwrap();
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
            for _ in 0..4 {
                connection.send("1\r\nx\r\n").await;
                tokio::time::sleep(Duration::from_millis(700)).await;
            }
            connection.closed().await;
        })
    })
    .await;
    let reply = world.ask(&get("/")).await;
    assert_eq!((reply.text(), reply.ending), ("xxxx", Ending::Cut), "what moves is not idle, what does not is cut");
    let record = world.record().await;
    assert_eq!((record.status, record.error.as_deref()), (200, Some("idle_timeout")));
}

#[tokio::test]
async fn a_target_sees_within_a_second_that_the_visitor_left() {
    let mut world = World::new(|mut connection| {
        Box::pin(async move {
            let head = connection.head().await.unwrap();
            if head.starts_with("GET /body") {
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome").await;
            }
            connection.closed().await;
        })
    })
    .await;
    for (index, (path, status)) in [("/head", 499), ("/body", 200)].into_iter().enumerate() {
        let mut visitor = world.visitor().await;
        visitor.send(&get(path)).await;
        if status == 200 {
            visitor.head().await;
        }
        until("the target is asked", || world.target.connections() > index).await;
        drop(visitor);
        let left = Instant::now();
        until("the target sees the close", || world.target.closed() > index).await;
        assert!(left.elapsed() < Duration::from_secs(1), "{path}: {:?}", left.elapsed());
        let record = world.record().await;
        assert_eq!((record.status, record.error.as_deref()), (status, Some("visitor_left")), "{path}");
    }
}

#[tokio::test]
async fn a_lost_link_ends_what_is_under_way() {
    let world = World::new(|mut connection| {
        Box::pin(async move {
            let head = connection.head().await.unwrap();
            if head.starts_with("GET /body") {
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome").await;
            }
            connection.closed().await;
        })
    })
    .await;
    let (mut waits, mut reads) = (world.visitor().await, world.visitor().await);
    waits.send(&get("/head")).await;
    reads.send(&get("/body")).await;
    until("both are under way", || world.target.connections() == 2).await;
    let head = reads.head().await;
    assert!(head.starts_with("HTTP/1.1 200"));
    world.link.close(EndReason::TransportLost, "cut by the test");
    let reply = waits.reply("GET").await;
    assert_eq!(reply.status(), 502);
    assert!(reply.text().contains("tunnel_lost"), "{}", reply.text());
    assert_eq!(reads.raw(4).await, b"some");
    assert_eq!(reads.more().await, 0, "and then the end of the connection");
}

#[tokio::test]
async fn a_record_says_what_happened() {
    let mut world = World::new(|mut connection| {
        Box::pin(async move {
            connection.head().await.unwrap();
            assert_eq!(connection.body(3).await, b"abc");
            connection.send("HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello").await;
            connection.closed().await;
        })
    })
    .await;
    let reply = world
        .ask(&format!("POST /p/a?q=1 HTTP/1.1\r\nHost: {HOST}:80\r\nUser-Agent: t/1\r\nContent-Length: 3\r\n\r\nabc"))
        .await;
    assert_eq!(reply.text(), "hello");
    let record = world.record().await;
    assert_eq!(record.request_id, reply.values("x-octoporty-request-id")[0]);
    assert_eq!((record.method.as_str(), record.host.as_str(), record.path.as_str()), ("POST", HOST, "/p/a"));
    assert_eq!((record.query.as_deref(), record.user_agent.as_deref()), (Some("q=1"), Some("t/1")));
    assert_eq!((record.status, record.request_bytes, record.response_bytes), (201, 3, 5));
    assert!(record.client.is_loopback());
    let first = record.first_byte_us.unwrap();
    assert!(record.gateway_us + first <= record.total_us, "{record:?}");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    assert!(u128::from(record.at_ms).abs_diff(now) < 60_000);
}

/// Without end, as fast as it is taken.
async fn flood(connection: &mut Connection) {
    while connection.socket.write_all(&[b'x'; 64 * 1024]).await.is_ok() {}
}

#[tokio::test]
async fn a_visitor_that_stops_reading_does_not_hold_its_stream_for_ever() {
    const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
    let cases = [
        ("", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "visitor_left"),
        ("Connection: Upgrade\r\nUpgrade: echo\r\n", SWITCH, "idle_timeout"),
    ];
    for (fields, answer, error) in cases {
        let mut world = World::with(limits(30_000, 300), move |mut connection: Connection| {
            Box::pin(async move {
                connection.head().await.unwrap();
                connection.send(answer).await;
                flood(&mut connection).await;
            })
        })
        .await;
        let mut visitor = world.visitor().await;
        visitor.send(&format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{fields}\r\n")).await;
        until("the target's connection is closed", || world.target.closed() == 1).await;
        assert_eq!(world.record().await.error.as_deref(), Some(error), "{answer}");
        drop(visitor);
    }
}
