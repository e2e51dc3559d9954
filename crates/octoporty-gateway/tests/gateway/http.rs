//! Requests of visitors: good ones, bad ones, slow ones.

use std::sync::atomic::Ordering;
use std::time::Duration;

use octoporty_gateway::GatewayConfig;
use octoporty_gateway::config::Limits;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::agent::{Agent, Who, mapping, state};
use super::visitor::{Visitor, get};
use super::{config, in_time, start, until};

#[tokio::test]
async fn a_mapped_host_owns_all_its_paths() {
    let (_gateway, address) = start(config()).await;
    let (mut agent, _) = Agent::connect(address, &Who::new("home")).await;
    agent.sync(state(1, &[mapping("app.example.com", "/"), mapping("api.example.com", "/v1")])).await;
    for path in ["/", "/health", "/tunnel", "/api/v1/status", "/x?y=z"] {
        let reply = get(address, "App.Example.com.:80", path, &[]).await;
        assert_eq!(reply.status, 200, "{path}");
        assert!(reply.body.starts_with(&format!("served by home\nGET {path} HTTP/1.1")), "{path}: {}", reply.body);
    }
    assert_eq!(get(address, "api.example.com", "/v1/x", &[]).await.status, 200);
    let reserved = get(address, "api.example.com", "/health", &[]).await;
    assert_eq!((reserved.status, reserved.json()["code"].as_str()), (404, Some("not_mapped")));
}

#[tokio::test]
async fn one_connection_carries_many_requests_each_with_an_id_of_its_own() {
    let (_gateway, address) = start(config()).await;
    let (mut agent, _) = Agent::connect(address, &Who::new("home")).await;
    agent.sync(state(1, &[mapping("app.example.com", "/")])).await;
    let mut visitor = Visitor::connect(address).await;
    let mut ids = std::collections::HashSet::new();
    for _ in 0..20 {
        let reply = visitor.get("app.example.com", "/").await;
        assert_eq!(reply.status, 200);
        ids.insert(reply.header("x-octoporty-request-id").unwrap().to_owned());
        assert!(visitor.get("gateway.example.com", "/health").await.status == 200);
    }
    assert_eq!(ids.len(), 20);
}

#[tokio::test]
async fn ambiguous_and_malformed_requests_get_400_with_a_code() {
    let (_gateway, address) = start(config()).await;
    let requests = [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nBad Header: x\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "nonsense\r\n\r\n",
    ];
    for request in requests {
        let mut visitor = Visitor::connect(address).await;
        visitor.send(request).await;
        let reply = visitor.reply().await;
        assert_eq!((reply.status, reply.json()["code"].as_str()), (400, Some("bad_request")), "{request:?}");
        assert_eq!(reply.json()["requestId"], reply.header("x-octoporty-request-id").unwrap(), "{request:?}");
    }
}

#[tokio::test]
async fn an_http_1_0_request_without_a_host_reaches_the_gateway() {
    let (_gateway, address) = start(config()).await;
    let mut visitor = Visitor::connect(address).await;
    visitor.send("GET /health HTTP/1.0\r\n\r\n").await;
    assert_eq!(visitor.reply().await.status, 200);
}

#[tokio::test]
async fn a_head_over_the_limit_gets_431_and_one_below_it_passes() {
    let limits = Limits { header_bytes: 16 * 1024, ..Limits::default() };
    let (_gateway, address) = start(GatewayConfig { limits, ..config() }).await;
    let cookie = |bytes: usize| format!("Cookie: {}", "c".repeat(bytes));
    assert_eq!(get(address, "x", "/health", &[&cookie(15_000)]).await.status, 200);
    let refused = get(address, "x", "/health", &[&cookie(200_000)]).await;
    assert_eq!((refused.status, refused.json()["code"].as_str()), (431, Some("head_too_large")));
    let lines: Vec<String> = (0..300).map(|number| format!("X-{number}: y")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(get(address, "x", "/health", &lines).await.status, 431, "too many header lines");
    assert_eq!(get(address, "x", "/health", &lines[..200]).await.status, 200);
}

#[tokio::test]
async fn a_slow_head_gets_408_and_an_idle_connection_is_kept_longer() {
    let limits =
        Limits { header_timeout: Duration::from_millis(300), keep_alive: Duration::from_secs(5), ..Limits::default() };
    let (_gateway, address) = start(GatewayConfig { limits, ..config() }).await;
    let mut slow = Visitor::connect(address).await;
    slow.send("GET / HTTP/1.1\r\nHos").await;
    let late = slow.reply().await;
    assert_eq!((late.status, late.json()["code"].as_str()), (408, Some("header_timeout")));
    assert_eq!(Visitor::connect(address).await.closed().await, "", "a silent connection ends without a word");
    let mut kept = Visitor::connect(address).await;
    assert_eq!(kept.get("x", "/health").await.status, 200);
    let since = tokio::time::Instant::now();
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert_eq!(kept.get("x", "/health").await.status, 200, "kept for longer than a head may take");
    assert_eq!(kept.closed().await, "");
    assert!(since.elapsed() >= Duration::from_millis(5900), "closed after {:?}", since.elapsed());
}

#[tokio::test]
async fn an_answer_to_a_head_that_is_refused_has_the_date() {
    let limits = Limits { header_timeout: Duration::from_millis(300), ..Limits::default() };
    let (_gateway, address) = start(GatewayConfig { limits, ..config() }).await;
    let large = format!("GET / HTTP/1.1\r\nHost: x\r\nCookie: {}\r\n\r\n", "c".repeat(200_000));
    for (request, status) in [("GET / HTTP/9.9\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHos", 408), (&large, 431)] {
        let mut visitor = Visitor::connect(address).await;
        visitor.send(request).await;
        let reply = visitor.reply().await;
        assert_eq!((reply.status, reply.header("connection")), (status, Some("close")));
        let date = reply.header("date").unwrap_or_else(|| panic!("{status} has no date"));
        let date = OffsetDateTime::parse(date, &Rfc2822).unwrap();
        assert!((OffsetDateTime::now_utc() - date).abs() < Duration::from_secs(60), "{status}: {date}");
    }
}

#[tokio::test]
async fn what_strangers_say_of_themselves_is_replaced_and_what_trusted_proxies_say_is_kept() {
    let said = [
        "X-Forwarded-For: 203.0.113.9, 198.51.100.7",
        "X-Forwarded-Proto: https",
        "X-Octoporty-Request-Id: given-by-the-proxy",
    ];
    for (trusted, client, scheme) in [("10.0.0.0/8", "127.0.0.1", "http"), ("127.0.0.0/8", "198.51.100.7", "https")] {
        let trusted_proxies = vec![trusted.parse().unwrap()];
        let (_gateway, address) = start(GatewayConfig { trusted_proxies, ..config() }).await;
        let (mut agent, _) = Agent::connect(address, &Who::new("home")).await;
        agent.sync(state(1, &[mapping("app.example.com", "/")])).await;
        let reply = get(address, "app.example.com", "/", &said).await;
        let line = |name: &str| reply.body.lines().find(|line| line.starts_with(name)).unwrap_or("").to_owned();
        assert!(line("X-Forwarded-For: ").starts_with(&format!("X-Forwarded-For: {client}")), "{}", reply.body);
        assert_eq!(line("X-Forwarded-Proto"), format!("X-Forwarded-Proto: {scheme}"));
        assert!(!reply.body.contains("203.0.113.9"), "what stands left of a stranger is not believed");
        let kept = reply.header("x-octoporty-request-id") == Some("given-by-the-proxy");
        assert_eq!(kept, scheme == "https");
    }
}

#[tokio::test]
async fn early_hints_come_before_the_answer_and_only_to_visitors_that_know_them() {
    let (_gateway, address) = start(config()).await;
    let (mut agent, _) = Agent::connect(address, &Who::new("home")).await;
    agent.sync(state(1, &[mapping("app.example.com", "/")])).await;
    let mut visitor = Visitor::connect(address).await;
    for _ in 0..3 {
        let hints = visitor.get("app.example.com", "/hints").await;
        assert_eq!((hints.status, hints.header("link")), (103, Some("</style.css>; rel=preload")));
        agent.go_on.add_permits(1);
        assert_eq!(visitor.reply().await.status, 200);
    }
    agent.go_on.add_permits(1);
    let mut old = Visitor::connect(address).await;
    old.send("GET /hints HTTP/1.0\r\nHost: app.example.com\r\n\r\n").await;
    assert_eq!(old.reply().await.status, 200);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_visitors_who_have_left() {
    let (gateway, address) = start(config()).await;
    let (mut agent, _) = Agent::connect(address, &Who::new("home")).await;
    agent.sync(state(1, &[mapping("app.example.com", "/")])).await;
    for _ in 0..3 {
        let mut visitor = Visitor::connect(address).await;
        visitor.send("GET / HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n\r\n").await;
        assert_eq!(visitor.reply().await.status, 200);
        assert_eq!(visitor.closed().await, "");
    }
    // Whoever waited for them would wait for as long.
    in_time("the stop", gateway.stop(Duration::from_secs(600))).await;
}

#[tokio::test]
async fn a_stop_lets_requests_finish_and_then_closes() {
    let (gateway, address) = start(config()).await;
    let (mut agent, _) = Agent::connect(address, &Who::new("home")).await;
    agent.sync(state(1, &[mapping("app.example.com", "/")])).await;
    let mut idle = Visitor::connect(address).await;
    assert_eq!(idle.get("app.example.com", "/").await.status, 200);
    let mut busy = Visitor::connect(address).await;
    busy.send("GET /slow HTTP/1.1\r\nHost: app.example.com\r\n\r\n").await;
    until("the request under way", || async { (agent.seen.load(Ordering::Relaxed) == 2).then_some(()) }).await;
    let stop = gateway.stop(Duration::from_secs(10));
    let check = async {
        assert_eq!(idle.closed().await, "");
        agent.go_on.add_permits(1);
        let reply = busy.reply().await;
        assert_eq!((reply.status, reply.header("connection")), (200, Some("close")));
        assert_eq!(busy.closed().await, "");
        let goodbye = agent.next_control().await;
        assert!(matches!(goodbye, octoporty_proto::control::Control::Drain { .. }), "{goodbye:?}");
        in_time("the end of the link", agent.link.ended()).await;
    };
    in_time("the stop", async { tokio::join!(stop, check) }).await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "the port is free");
}
