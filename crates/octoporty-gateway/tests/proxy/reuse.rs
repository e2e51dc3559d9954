//! Warm streams, and what is sent again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use octoporty_proto::control::Control;
use octoporty_proto::wire::{Blame, Reset, ResetCode};

use crate::support::{Connection, HOST, Setup, World, until};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n")
}

fn post(body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// Long enough for a stream to prove that its target keeps connections, and not too long for a POST to use it.
const PROOF: Duration = Duration::from_millis(200);

/// Answers for as long as it is asked.
async fn patient(mut connection: Connection) {
    while let Some(head) = connection.head().await {
        if head.starts_with("POST") {
            connection.read_until("end").await;
        }
        connection.send(OK).await;
    }
}

#[tokio::test]
async fn visitors_share_one_warm_connection() {
    let mut world = World::new(|connection| Box::pin(patient(connection))).await;
    for number in 0..50 {
        let close = if number % 2 == 0 { "close" } else { "keep-alive" };
        let request = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: {close}\r\n\r\n");
        assert_eq!(world.ask(&request).await.text(), "ok");
    }
    assert_eq!((world.target.connections(), world.streams()), (1, 1));
    for _ in 0..50 {
        let record = world.record().await;
        assert_eq!((record.status, record.error, record.response_bytes), (200, None, 2));
    }
}

#[tokio::test]
async fn a_body_behind_a_head_request_is_not_the_next_visitors_answer() {
    let world = World::new(|mut connection| {
        Box::pin(async move {
            while let Some(head) = connection.head().await {
                if head.starts_with("HEAD") {
                    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 42\r\n\r\n").await;
                    // Against the rules, and only once the next request is there: nothing tells it from an answer.
                    if connection.head().await.is_some() {
                        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nNOT").await;
                    }
                    return;
                }
                connection.send(OK).await;
            }
        })
    })
    .await;
    let head = world.ask(&format!("HEAD / HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await;
    assert_eq!((head.status(), head.values("content-length")), (200, vec!["42"]));
    assert_eq!(world.ask(&get("/")).await.text(), "ok");
}

#[tokio::test]
async fn what_is_not_fit_is_not_used_again() {
    let answers = [
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and some that was not announced",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ];
    for answer in answers {
        let world = World::new(move |mut connection| {
            Box::pin(async move {
                while connection.head().await.is_some() {
                    connection.send(answer).await;
                }
            })
        })
        .await;
        for _ in 0..3 {
            assert_eq!(world.ask(&get("/")).await.text(), "ok", "{answer}");
        }
        assert_eq!(world.streams(), 3, "{answer}");
        world.stop().await;
    }
}

#[tokio::test]
async fn a_target_that_closes_idle_connections_loses_no_request() {
    let world = World::new(|mut connection| {
        Box::pin(async move {
            // Closes without a word after some requests, at about the moment when the next one comes.
            for _ in 0..=connection.number % 3 {
                if connection.head().await.is_none() {
                    return;
                }
                connection.send(OK).await;
            }
            tokio::time::sleep(Duration::from_micros(fastrand::u64(0..1500))).await;
        })
    })
    .await;
    let mut visitor = world.visitor().await;
    for number in 0..500 {
        let reply = visitor.ask(&get(&format!("/{number}"))).await;
        assert_eq!((reply.status(), reply.text()), (200, "ok"), "request {number}: {}", reply.head);
        tokio::time::sleep(Duration::from_micros(fastrand::u64(0..1500))).await;
    }
    assert!(world.target.connections() >= 250);
}

/// Answers the first request of each connection, and closes on the second one without an answer.
async fn tired(mut connection: Connection) {
    connection.head().await.unwrap();
    connection.send(OK).await;
    connection.head().await;
    if connection.number == 0 {
        return;
    }
    connection.send(OK).await;
    connection.closed().await;
}

#[tokio::test]
async fn what_may_be_repeated_is_sent_again_when_a_warm_connection_dies() {
    for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
        let world = World::new(|connection| Box::pin(tired(connection))).await;
        let request = format!("{method} / HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
        assert_eq!(world.ask(&request).await.text(), "ok");
        assert_eq!(world.ask(&request).await.text(), "ok", "{method}");
        assert_eq!(world.target.connections(), 2);
        world.stop().await;
    }
}

#[tokio::test]
async fn a_post_that_reached_the_target_is_never_sent_twice() {
    let mut world = World::new(|connection| Box::pin(tired(connection))).await;
    let request = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(world.ask(&request).await.text(), "ok");
    tokio::time::sleep(PROOF).await;
    let reply = world.ask(&request).await;
    assert_eq!(reply.status(), 502);
    assert!(reply.text().contains("target_closed"), "{}", reply.text());
    assert_eq!(world.streams(), 1);
    world.record().await;
    assert_eq!(world.record().await.error.as_deref(), Some("target_closed"));
}

#[tokio::test]
async fn a_post_takes_no_connection_that_stood_idle_for_long() {
    let world = World::new(|connection| Box::pin(patient(connection))).await;
    assert_eq!(world.ask(&post("end")).await.text(), "ok");
    tokio::time::sleep(PROOF).await;
    assert_eq!(world.ask(&post("end")).await.text(), "ok");
    assert_eq!(world.ask(&post("end")).await.text(), "ok");
    assert_eq!(world.streams(), 1, "a moment is not long");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(world.ask(&post("end")).await.text(), "ok");
    assert_eq!(world.streams(), 2);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(world.ask(&get("/")).await.text(), "ok");
    assert_eq!(world.streams(), 2, "a GET can be sent again, so it takes any");
}

/// Closes behind its answer and does not say so, about when a request that follows at once arrives.
async fn abrupt(mut connection: Connection) {
    connection.head().await.unwrap();
    connection.send(OK).await;
    // Timers are too coarse for this.
    let (answered, delay) = (std::time::Instant::now(), Duration::from_micros(fastrand::u64(0..300)));
    while answered.elapsed() < delay {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_post_to_a_target_that_closes_at_once_is_never_lost() {
    let world = World::new(|connection| Box::pin(abrupt(connection))).await;
    let mut visitor = world.visitor().await;
    for number in 0..300 {
        let request = if number % 3 == 1 { get("/") } else { post("") };
        let reply = visitor.ask(&request).await;
        assert_eq!((reply.status(), reply.text()), (200, "ok"), "request {number}: {}", reply.head);
    }
}

#[tokio::test]
async fn posts_alone_come_to_share_warm_connections() {
    let world = World::new(|connection| Box::pin(patient(connection))).await;
    let mut visitor = world.visitor().await;
    let mut asked = 0;
    let end = tokio::time::Instant::now() + PROOF;
    while tokio::time::Instant::now() < end {
        assert_eq!(visitor.ask(&post("end")).await.text(), "ok");
        asked += 1;
    }
    let proven = world.streams();
    for _ in 0..20 {
        assert_eq!(visitor.ask(&post("end")).await.text(), "ok");
    }
    assert_eq!(world.streams(), proven, "{asked} before");
}

#[tokio::test]
async fn what_never_reached_the_target_is_sent_again_whatever_it_is() {
    for code in [ResetCode::NotDelivered, ResetCode::Draining, ResetCode::TooManyStreams] {
        let on_stream = move |number: usize, _: &_| (number == 0).then(|| Reset::new(code, Blame::Agent));
        let setup = Setup { on_stream: Arc::new(on_stream), ..Setup::default() };
        let mut world = World::with(setup, |connection| Box::pin(patient(connection))).await;
        let body = format!("{}end", "x".repeat(20_000));
        let reply = world.ask(&post(&body)).await;
        assert_eq!((reply.status(), reply.text()), (200, "ok"), "{code:?}");
        let record = world.record().await;
        assert_eq!((record.status, record.request_bytes), (200, 20_003));
        world.stop().await;
    }
}

#[tokio::test]
async fn nothing_is_sent_a_third_time() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let on_stream = move |_, _: &_| {
        count.fetch_add(1, Ordering::Relaxed);
        Some(Reset::new(ResetCode::NotDelivered, Blame::Agent))
    };
    let setup = Setup { on_stream: Arc::new(on_stream), ..Setup::default() };
    let world = World::with(setup, |connection| Box::pin(patient(connection))).await;
    assert_eq!(world.ask(&get("/")).await.status(), 502);
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_body_too_large_to_be_kept_is_not_sent_again() {
    // The stream is reset only after all of the body was taken off the visitor.
    let world = World::new(|mut connection| {
        Box::pin(async move {
            connection.head().await.unwrap();
            if connection.number == 0 {
                connection.send(OK).await;
                connection.head().await;
                connection.read_until("end").await;
                return;
            }
            connection.read_until("end").await;
            connection.send(OK).await;
        })
    })
    .await;
    assert_eq!(world.ask(&get("/")).await.text(), "ok");
    let put = |length: usize| {
        let body = format!("{}end", "x".repeat(length));
        format!("PUT / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    };
    assert_eq!(world.ask(&put(100_000)).await.status(), 502);
    assert_eq!(world.target.connections(), 1);
}

#[tokio::test]
async fn an_agent_that_stops_is_not_held_by_idle_streams() {
    let world = World::new(|connection| Box::pin(patient(connection))).await;
    assert_eq!(world.ask(&get("/")).await.text(), "ok");
    assert_eq!(world.target.closed(), 0);
    world.link.send(&Control::Drain { reason: "the test".to_owned(), back_in_s: None }).await.unwrap();
    until("the warm connection is closed", || world.target.closed() == 1).await;
}
