//! What the gateway answers by itself.

use octoporty_gateway::GatewayConfig;
use octoporty_gateway::config::{Limits, Unmapped};

use super::agent::{Agent, Who, dial, landing, mapping, state};
use super::visitor::{Visitor, get};
use super::{KEY, config, in_time, start, until};

#[tokio::test]
async fn health_has_the_four_fields_and_follows_the_agents() {
    let (_gateway, address) = start(config()).await;
    let health = get(address, "gateway.example.com", "/health", &[]).await;
    assert_eq!(health.status, 200);
    let figures = health.json();
    assert_eq!(figures["status"], "degraded");
    assert_eq!(figures["connected_tunnels"], 0);
    assert_eq!(figures["version"], "0.0.0-test");
    assert!(figures["timestamp"].as_str().unwrap().ends_with('Z'));
    let (agent, _) = Agent::connect(address, &Who::new("home")).await;
    let healthy = get(address, "192.0.2.1:17200", "/health", &[]).await.json();
    assert_eq!((&healthy["status"], &healthy["connected_tunnels"]), (&"healthy".into(), &1.into()));
    agent.crash().await;
    until("degraded again", || async {
        (get(address, "x", "/health", &[]).await.json()["status"] == "degraded").then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_status_wants_the_key_and_tells_of_sessions_and_links() {
    let (_gateway, address) = start(config()).await;
    assert_eq!(get(address, "x", "/api/v1/status", &[]).await.status, 401);
    let who = Who::new("home");
    let (mut agent, welcome) = Agent::connect(address, &who).await;
    let (_second, joined) = Agent::connect(address, &who.joining(welcome.session)).await;
    assert_eq!((joined.session, joined.epoch), (welcome.session, welcome.epoch));
    agent.sync(state(1, &[mapping("a.example.com", "/"), mapping("b.example.com", "/")])).await;
    assert_eq!(get(address, "a.example.com", "/", &[]).await.status, 200);
    let bearer = format!("Authorization: Bearer {KEY}");
    let status = get(address, "x", "/api/v1/status", &[&bearer]).await;
    assert_eq!(status.status, 200);
    assert_eq!(status.header("access-control-allow-origin"), Some("*"));
    let session = &status.json()["sessions"][0];
    assert_eq!(session["agent"], "home");
    assert_eq!(session["mappings"], 2);
    assert_eq!(session["id"], welcome.session.to_string());
    assert!(session["bytesToTargets"].as_u64().unwrap() > 0);
    assert!(session["bytesToVisitors"].as_u64().unwrap() > 0);
    let mut shards: Vec<u64> =
        session["links"].as_array().unwrap().iter().map(|link| link["shard"].as_u64().unwrap()).collect();
    shards.sort_unstable();
    assert_eq!(shards, [0, 1], "two links of one agent are on two shards");
}

#[tokio::test]
async fn the_gateways_own_name_has_the_landing_page_and_leads_home() {
    let (_gateway, address) = start(config()).await;
    let home = get(address, "GATEWAY.example.com:17200", "/", &["Accept: */*"]).await;
    assert_eq!(home.status, 200);
    assert!(home.body.contains("Octoporty Gateway"));
    let elsewhere = get(address, "gateway.example.com", "/some/where", &[]).await;
    assert_eq!((elsewhere.status, elsewhere.header("location")), (302, Some("/")));
}

#[tokio::test]
async fn head_gets_what_get_gets_but_for_the_body() {
    let (_gateway, address) = start(config()).await;
    let mut visitor = Visitor::connect(address).await;
    // Had a body come as well, it would be read as the next answer.
    visitor
        .send("HEAD /health HTTP/1.1\r\nHost: x\r\n\r\nHEAD /nothing HTTP/1.1\r\nHost: y\r\nConnection: close\r\n\r\n")
        .await;
    let heads = visitor.closed().await;
    let statuses: Vec<_> = heads.split("\r\n\r\n").map(|head| head.split("\r\n").next().unwrap()).collect();
    assert_eq!(statuses, ["HTTP/1.1 200 OK", "HTTP/1.1 404 Not Found", ""]);
    let lengths: Vec<_> = heads.lines().filter_map(|line| line.strip_prefix("content-length: ")).collect();
    assert_eq!(lengths.len(), 2);
    assert!(lengths.iter().all(|length| length.parse::<usize>().unwrap() > 0), "{lengths:?}");
}

#[tokio::test]
async fn an_agent_brings_a_landing_page_and_the_gateways_name() {
    let (_gateway, address) = start(GatewayConfig { gateway_fqdn: Vec::new(), ..config() }).await;
    let who = Who { fqdn: vec!["Told.example.com".to_owned()], ..Who::new("home") };
    let (mut agent, _) = Agent::connect(address, &who).await;
    let mut wanted = state(1, &[mapping("told.example.com", "/")]);
    wanted.landing_page = landing("<p>my own page</p>");
    let report = agent.sync(wanted).await;
    let refused = super::agent::verdicts(&report);
    assert!(refused[0].starts_with("Taken: told.example.com is the gateway's own name"), "{refused:?}");
    let home = get(address, "told.example.com", "/", &[]).await;
    assert_eq!((home.status, home.body.as_str()), (200, "<p>my own page</p>"));
    agent.sync(state(2, &[])).await;
    assert!(get(address, "told.example.com", "/", &[]).await.body.contains("Octoporty Gateway"));
}

#[tokio::test]
async fn an_unmapped_name_gets_html_in_a_browser_and_json_otherwise() {
    let (_gateway, address) = start(config()).await;
    let page = get(address, "nobody.example.com", "/", &["Accept: text/html"]).await;
    assert_eq!((page.status, page.header("content-type")), (404, Some("text/html; charset=utf-8")));
    assert!(page.body.contains("Octoporty Gateway"));
    let json = get(address, "nobody.example.com", "/", &[]).await;
    assert_eq!(json.status, 404);
    assert_eq!(json.json()["code"], "not_mapped");
    assert_eq!(json.json()["requestId"], json.header("x-octoporty-request-id").unwrap());
    let api = get(address, "nobody.example.com", "/api/anything", &["Accept: text/html"]).await;
    assert_eq!((api.status, api.json()["code"].as_str()), (404, Some("not_mapped")));
}

#[tokio::test]
async fn an_unmapped_name_gets_what_is_configured() {
    let (_gateway, address) = start(GatewayConfig { unmapped: Unmapped::Json, ..config() }).await;
    let json = get(address, "nobody.example.com", "/", &["Accept: text/html"]).await;
    assert_eq!(json.json()["code"], "not_mapped");
    let (_gateway, address) = start(GatewayConfig { unmapped: Unmapped::Close, ..config() }).await;
    let mut visitor = Visitor::connect(address).await;
    visitor.send("GET / HTTP/1.1\r\nHost: nobody.example.com\r\n\r\n").await;
    assert_eq!(visitor.closed().await, "");
}

#[tokio::test]
async fn wrong_keys_are_refused_before_the_upgrade_and_then_locked_out() {
    let (_gateway, address) = start(config()).await;
    for _ in 0..5 {
        let wrong = get(address, "x", "/tunnel", &["Authorization: Bearer wrong"]).await;
        assert_eq!((wrong.status, wrong.json()["code"].as_str()), (401, Some("unauthorized")));
        assert!(wrong.json()["detail"].as_str().unwrap().contains("Gateway__ApiKey"));
    }
    let locked = get(address, "x", "/tunnel", &["X-Api-Key: wrong"]).await;
    assert_eq!((locked.status, locked.json()["code"].as_str()), (429, Some("locked_out")));
    let wait: u64 = locked.header("retry-after").unwrap().parse().unwrap();
    assert!((50..=61).contains(&wait), "{wait}");
    let right = in_time("a refusal", dial(address, KEY)).await.err().expect("a right key waits as well");
    assert!(matches!(right, octoporty_tunnel::carrier::websocket::DialError::LockedOut { .. }), "{right}");
}

#[tokio::test]
async fn requests_without_a_key_lock_nobody_out() {
    let (_gateway, address) = start(config()).await;
    for path in ["/tunnel", "/api/v1/status"].repeat(4) {
        let keyless = get(address, "x", path, &[]).await;
        assert_eq!((keyless.status, keyless.json()["code"].as_str()), (401, Some("unauthorized")));
    }
    let (_agent, _) = Agent::connect(address, &Who::new("home")).await;
}

#[tokio::test]
async fn a_mistyped_key_does_not_lock_out_the_neighbour_that_was_in_before() {
    let (_gateway, address) = start(config()).await;
    let who = Who::new("home");
    let (agent, _) = Agent::connect(address, &who).await;
    agent.crash().await;
    for _ in 0..8 {
        get(address, "x", "/tunnel", &["Authorization: Bearer wrong"]).await;
    }
    assert_eq!(get(address, "x", "/tunnel", &["Authorization: Bearer wrong"]).await.status, 429);
    let (_agent, _) = Agent::connect(address, &who).await;
}

#[tokio::test]
async fn a_key_in_the_url_is_no_key_and_a_plain_request_is_no_upgrade() {
    let (_gateway, address) = start(config()).await;
    let query = get(address, "x", &format!("/tunnel?token={KEY}"), &[]).await;
    assert_eq!(query.status, 401);
    let plain = get(address, "x", "/tunnel", &[&format!("X-Api-Key: {KEY}")]).await;
    assert_eq!((plain.status, plain.header("upgrade")), (426, Some("websocket")));
}

#[tokio::test]
async fn a_source_with_too_many_connections_is_told_so() {
    let limits = Limits { connections_per_source: 2, ..Limits::default() };
    let (_gateway, address) = start(GatewayConfig { limits, ..config() }).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut visitor = Visitor::connect(address).await;
        assert_eq!(visitor.get("x", "/health").await.status, 200);
        held.push(visitor);
    }
    let mut third = Visitor::connect(address).await;
    let refused = third.reply().await;
    assert_eq!((refused.status, refused.json()["code"].as_str()), (429, Some("too_many_connections")));
    drop(held);
    until("room again", || async {
        let mut visitor = Visitor::connect(address).await;
        visitor.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await;
        visitor.read_reply().await.filter(|reply| reply.status == 200)
    })
    .await;
}
