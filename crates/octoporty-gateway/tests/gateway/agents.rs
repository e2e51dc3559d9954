//! Agents that come, go, take over each other and want the same names.

use std::sync::atomic::Ordering;

use octoporty_gateway::GatewayConfig;
use octoporty_gateway::config::{CaddyAdmin, Limits, Updates};
use octoporty_proto::control::{Control, RefusedCode};
use octoporty_proto::model::{
    Answer, CaddyDestination, DeclinedCode, Insistence, InstanceId, Question, Revision, UpdateRequest, UpdateState,
};
use octoporty_proto::mux::MuxConfig;
use octoporty_proto::wire::Side;
use octoporty_tunnel::link::{self, Incoming};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::agent::{Agent, Who, dial, mapping, state, verdicts};
use super::visitor::{Visitor, get};
use super::{KEY, config, in_time, start, until};

#[tokio::test]
async fn a_newer_session_takes_over_at_once_and_the_late_end_of_the_old_one_changes_nothing() {
    let (_gateway, address) = start(config()).await;
    let who = Who::new("home");
    let (mut old, first) = Agent::connect(address, &who).await;
    old.sync(state(7, &[mapping("app.example.com", "/")])).await;
    let (_new, second) = Agent::connect(address, &who).await;
    assert!(second.epoch > first.epoch);
    assert_eq!(second.revision, Some(Revision(7)), "the same run need not sync again");
    assert_eq!(old.next_control().await, Control::TakenOver { by: who.instance });
    in_time("the old link's end", old.link.ended()).await;
    old.crash().await;
    for _ in 0..20 {
        assert_eq!(get(address, "app.example.com", "/", &[]).await.status, 200);
    }
}

#[tokio::test]
async fn a_restarted_agent_is_let_in_however_often_it_restarts() {
    let (_gateway, address) = start(config()).await;
    let mut held = Vec::new();
    for _ in 0..6 {
        let (mut agent, welcome) = Agent::connect(address, &Who::new("home")).await;
        assert_eq!(welcome.revision, None);
        agent.sync(state(1, &[mapping("app.example.com", "/")])).await;
        assert_eq!(get(address, "app.example.com", "/", &[]).await.status, 200);
        held.push(agent);
    }
}

#[tokio::test]
async fn two_live_agents_of_one_name_are_told_how_to_change_it() {
    let (_gateway, address) = start(config()).await;
    let (a, b) = (Who::new("twin"), Who::new("twin"));
    let (mut first, _) = Agent::connect(address, &a).await;
    first.sync(state(1, &[mapping("app.example.com", "/")])).await;
    let (_second, _) = Agent::connect(address, &b).await;
    let (_third, _) = Agent::connect(address, &a).await;
    let (mut fourth, _) = Agent::connect(address, &b).await;
    fourth.sync(state(1, &[mapping("app.example.com", "/")])).await;
    let refused = Agent::refused(address, &a).await;
    assert_eq!(refused.code, RefusedCode::NameContested);
    assert!(refused.text.contains("Agent__Name"), "{}", refused.text);
    assert!(refused.retry_after_s.is_some());
    assert_eq!(get(address, "app.example.com", "/", &[]).await.status, 200, "the other one serves on");
    let (_own, _) = Agent::connect(address, &b).await;
    assert_eq!(get(address, "app.example.com", "/", &[]).await.status, 200, "its own session is no reason to refuse");
}

#[tokio::test]
async fn a_taken_name_is_refused_with_its_holder_and_passes_on_when_the_holder_leaves() {
    let (_gateway, address) = start(config()).await;
    let (mut first, _) = Agent::connect(address, &Who::new("first")).await;
    let (mut second, _) = Agent::connect(address, &Who::new("second")).await;
    let shared = mapping("shared.example.com", "/");
    assert_eq!(verdicts(&first.sync(state(1, &[shared])).await), ["applied"]);
    let wanted = [mapping("shared.example.com", "/"), mapping("own.example.com", "/")];
    let report = verdicts(&second.sync(state(1, &wanted)).await);
    assert!(report[0].starts_with("Taken: ") && report[0].contains("\"first\""), "{report:?}");
    assert_eq!(report[1], "applied");
    assert!(get(address, "shared.example.com", "/", &[]).await.body.starts_with("served by first"));
    first.crash().await;
    assert_eq!(verdicts(&second.notice().await), ["applied", "applied"]);
    assert!(get(address, "shared.example.com", "/", &[]).await.body.starts_with("served by second"));
    let (mut first, _) = Agent::connect(address, &Who::new("first")).await;
    let report = verdicts(&first.sync(state(1, &[mapping("shared.example.com", "/")])).await);
    assert!(report[0].contains("\"second\""), "a live holder keeps the name: {report:?}");
    second.sync(state(2, &[])).await;
    assert_eq!(verdicts(&first.notice().await), ["applied"], "a dropped name passes on");
}

#[tokio::test]
async fn duplicates_inside_one_state_are_refused_and_the_rest_works() {
    let (_gateway, address) = start(config()).await;
    let (mut agent, _) = Agent::connect(address, &Who::new("home")).await;
    let wanted = [mapping("a.example.com", "/"), mapping("A.example.com", "/"), mapping("a.example.com", "/x")];
    let report = verdicts(&agent.sync(state(1, &wanted)).await);
    assert_eq!((report[0].as_str(), report[2].as_str()), ("applied", "applied"));
    assert!(report[1].starts_with("Duplicate: \"a.example.com/\""), "{report:?}");
}

#[tokio::test]
async fn the_gateways_own_name_cannot_be_mapped() {
    let (_gateway, address) = start(config()).await;
    let (mut agent, _) = Agent::connect(address, &Who::new("home")).await;
    let report = verdicts(&agent.sync(state(1, &[mapping("gateway.example.com", "/")])).await);
    assert!(report[0].starts_with("Taken: gateway.example.com is the gateway's own name"), "{report:?}");
    assert_eq!(get(address, "gateway.example.com", "/health", &[]).await.status, 200);
}

#[tokio::test]
async fn a_name_whose_agent_is_away_is_503_and_not_404() {
    let (_gateway, address) = start(config()).await;
    let (mut agent, _) = Agent::connect(address, &Who::new("home")).await;
    agent.sync(state(1, &[mapping("app.example.com", "/")])).await;
    agent.crash().await;
    let reply = until("agent_away", || async {
        Some(get(address, "app.example.com", "/", &[]).await).filter(|reply| reply.status == 503)
    })
    .await;
    assert_eq!(reply.json()["code"], "agent_away");
    assert!(reply.header("retry-after").is_some());
    let page = get(address, "app.example.com", "/", &["Accept: text/html"]).await;
    assert_eq!(page.status, 503);
    assert!(page.body.contains("failed here"));
}

#[tokio::test]
async fn an_older_state_changes_nothing_and_is_answered_with_what_is_served() {
    let (_gateway, address) = start(config()).await;
    let (mut agent, _) = Agent::connect(address, &Who::new("home")).await;
    agent.sync(state(5, &[mapping("new.example.com", "/")])).await;
    let report = agent.sync(state(4, &[mapping("old.example.com", "/"), mapping("older.example.com", "/")])).await;
    assert_eq!((report.revision, report.verdicts.len()), (Revision(5), 1));
    assert_eq!(get(address, "new.example.com", "/", &[]).await.status, 200);
    assert_eq!(get(address, "old.example.com", "/", &[]).await.status, 404);
}

#[tokio::test]
async fn a_swap_of_state_leaves_no_moment_without_the_routes_that_stay() {
    let (_gateway, address) = start(config()).await;
    let (mut agent, _) = Agent::connect(address, &Who::new("home")).await;
    let stays = mapping("stays.example.com", "/");
    agent.sync(state(1, std::slice::from_ref(&stays))).await;
    let syncs = async {
        for revision in 2..40 {
            let other = mapping(&format!("other-{revision}.example.com"), "/");
            agent.sync(state(revision, &[stays.clone(), other])).await;
        }
    };
    let visits = async {
        for _ in 0..100 {
            assert_eq!(get(address, "stays.example.com", "/", &[]).await.status, 200);
        }
    };
    in_time("syncs and visits", async { tokio::join!(syncs, visits) }).await;
    assert_eq!(get(address, "other-39.example.com", "/", &[]).await.status, 200);
    assert_eq!(get(address, "other-38.example.com", "/", &[]).await.status, 404);
}

#[tokio::test]
async fn a_session_that_is_gone_and_a_full_gateway_are_refused_with_their_codes() {
    let limits = Limits { max_sessions: 1, ..Limits::default() };
    let (_gateway, address) = start(GatewayConfig { limits, ..config() }).await;
    let who = Who::new("home");
    let (_agent, welcome) = Agent::connect(address, &who).await;
    let unknown = octoporty_proto::model::SessionId::from_uuid(Uuid::new_v4());
    assert_eq!(Agent::refused(address, &who.joining(unknown)).await.code, RefusedCode::UnknownSession);
    let stranger = Who { instance: InstanceId::from_uuid(Uuid::new_v4()), ..who.joining(welcome.session) };
    assert_eq!(Agent::refused(address, &stranger).await.code, RefusedCode::UnknownSession, "another run's session");
    let full = Agent::refused(address, &Who::new("another")).await;
    assert_eq!(full.code, RefusedCode::TooManySessions);
    assert!(full.text.contains("MaxSessions"));
    let (_again, _) = Agent::connect(address, &who).await;
}

#[tokio::test]
async fn an_agent_of_another_age_is_told_which_side_to_update() {
    let (_gateway, address) = start(config()).await;
    for (versions, older) in [(vec![0], "update the agent"), (vec![900], "update the gateway")] {
        let refused = Agent::refused(address, &Who { versions, ..Who::new("home") }).await;
        assert_eq!(refused.code, RefusedCode::Version);
        assert!(refused.text.ends_with(older), "{}", refused.text);
    }
    let (_agent, welcome) = Agent::connect(address, &Who { versions: vec![900, 1], ..Who::new("home") }).await;
    assert_eq!(welcome.version, 1);
    assert_eq!(welcome.features, ["lz4", "multi_link", "ask"], "what both have");
}

#[tokio::test]
async fn a_peer_that_does_not_begin_with_a_hello_is_told_so() {
    let (_gateway, address) = start(config()).await;
    let carrier = dial(address, KEY).await.unwrap();
    let (tracker, cancel) = (TaskTracker::new(), CancellationToken::new());
    let (link, mut events) = link::start(carrier, Side::Agent, MuxConfig::default(), &tracker, cancel);
    link.send(&Control::Drain { reason: "no hello".to_owned(), back_in_s: None }).await.unwrap();
    let refused = in_time("the refusal", async {
        loop {
            match events.next().await {
                Some(Incoming::Control(Control::Refused(refused))) => return refused,
                Some(_) => {}
                None => panic!("closed without a refusal: {:?}", link.ended().await),
            }
        }
    })
    .await;
    assert_eq!(refused.code, RefusedCode::Malformed);
    let end = in_time("the end", link.ended()).await;
    assert_eq!(end.detail, "the peer closed the link: the first message was not a hello (code 1002)");
}

#[tokio::test]
async fn a_link_has_no_more_streams_than_its_agent_takes() {
    let limits = Limits { bytes_in_flight_per_link: 1 << 20, ..Limits::default() };
    let most = limits.streams_per_session;
    let (_gateway, address) = start(GatewayConfig { limits, ..config() }).await;
    let who = Who { streams: Some(2), ..Who::new("home") };
    let (mut agent, welcome) = Agent::connect(address, &who).await;
    assert_eq!((welcome.max_streams, welcome.bytes_in_flight), (2, Some(1 << 20)));
    agent.sync(state(1, &[mapping("app.example.com", "/")])).await;
    let mut busy = Vec::new();
    for n in 1..=2 {
        let mut visitor = Visitor::connect(address).await;
        visitor.send("GET /slow HTTP/1.1\r\nHost: app.example.com\r\n\r\n").await;
        until("the agent has the request", || async { (agent.seen.load(Ordering::Relaxed) == n).then_some(()) }).await;
        busy.push(visitor);
    }
    let refused = get(address, "app.example.com", "/", &[]).await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    agent.go_on.add_permits(2);
    for visitor in &mut busy {
        assert_eq!(visitor.reply().await.status, 200, "those that stand are not touched");
    }
    assert_eq!(get(address, "app.example.com", "/", &[]).await.status, 200);

    let (_more, welcome) = Agent::connect(address, &Who { streams: Some(u32::MAX), ..Who::new("other") }).await;
    assert_eq!(welcome.max_streams, most, "the gateway's own limit stays");
}

#[tokio::test]
async fn streams_that_stand_idle_for_one_mapping_leave_room_for_another() {
    let limits = Limits { streams_per_session: 2, ..Limits::default() };
    let (_gateway, address) = start(GatewayConfig { limits, ..config() }).await;
    let who = Who::new("home");
    let (mut agent, welcome) = Agent::connect(address, &who).await;
    let (_further, _) = Agent::connect(address, &who.joining(welcome.session)).await;
    agent.sync(state(1, &[mapping("a.example.com", "/"), mapping("b.example.com", "/")])).await;
    for round in 0..3 {
        let (mut first, mut second) = (Visitor::connect(address).await, Visitor::connect(address).await);
        for host in ["a.example.com", "b.example.com"] {
            first.send(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
            second.send(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
            for visitor in [&mut first, &mut second] {
                let reply = visitor.reply().await;
                assert_eq!(reply.status, 200, "round {round}, {host}: {}", reply.body);
            }
        }
    }
}

#[tokio::test]
async fn an_agent_learns_of_every_request_also_of_those_while_it_was_away() {
    let (_gateway, address) = start(config()).await;
    let who = Who::new("home");
    let (mut agent, _) = Agent::connect(address, &who).await;
    let app = mapping("app.example.com", "/");
    agent.sync(state(1, std::slice::from_ref(&app))).await;
    let mut ids = Vec::new();
    for _ in 0..300 {
        let reply = get(address, "app.example.com", "/x?q=1", &[]).await;
        ids.push(reply.header("x-octoporty-request-id").unwrap().to_owned());
    }
    let mut records = agent.records(300).await;
    assert!(records.iter().all(|record| record.mapping == app.id && record.status == 200 && record.path == "/x"));
    agent.crash().await;
    let away = until("agent_away", || async {
        Some(get(address, "app.example.com", "/", &[]).await).filter(|reply| reply.status == 503)
    })
    .await;
    let (mut agent, _) = Agent::connect(address, &who).await;
    let missed = agent.records(1).await;
    let newest = missed.last().unwrap();
    assert_eq!((newest.status, newest.error.as_deref()), (503, Some("agent_away")));
    assert_eq!(newest.request_id, away.header("x-octoporty-request-id").unwrap());
    records.sort_by(|a, b| a.request_id.cmp(&b.request_id));
    ids.sort();
    assert!(records.iter().map(|record| &record.request_id).eq(&ids), "each once");
}

/// The status of an agent's upgrade by this name.
async fn knocks_as(gateway: std::net::SocketAddr, host: &str) -> u16 {
    let headers = [
        &*format!("Authorization: Bearer {}", super::KEY),
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    get(gateway, host, "/tunnel", &headers).await.status
}

#[tokio::test]
async fn a_wildcard_over_the_gateways_own_name_locks_no_agent_out() {
    for names in [vec!["gateway.example.com".parse().unwrap()], Vec::new()] {
        let (_gateway, address) = start(GatewayConfig { gateway_fqdn: names, ..config() }).await;
        let who = Who { fqdn: vec!["gateway.example.com".to_owned()], ..Who::new("home") };
        let (mut agent, _) = Agent::connect(address, &who).await;
        assert_eq!(verdicts(&agent.sync(state(1, &[mapping("*.example.com", "/")])).await), ["applied"]);
        assert_eq!(knocks_as(address, "gateway.example.com").await, 101, "a further link");
        assert_eq!(get(address, "Gateway.example.com:80", "/health", &[]).await.json()["status"], "healthy");
        for path in ["/health", "/tunnel", "/api/v1/status"] {
            let reply = get(address, "app.example.com", path, &[]).await;
            assert!(reply.body.starts_with("served by home"), "{path} of another name is its target's: {reply:?}");
        }
        agent.crash().await;
        until("agent_away", || async { (get(address, "app.example.com", "/", &[]).await.status == 503).then_some(()) })
            .await;
        assert_eq!(knocks_as(address, "gateway.example.com").await, 101, "after the loss");
        let (mut agent, _) = Agent::connect(address, &who).await;
        agent.sync(state(2, &[mapping("*.example.com", "/")])).await;
        assert_eq!(get(address, "app.example.com", "/", &[]).await.status, 200);
    }
}

#[tokio::test]
async fn a_name_by_which_another_agent_comes_in_cannot_be_taken_and_is_told_so() {
    let (_gateway, address) = start(GatewayConfig { gateway_fqdn: Vec::new(), ..config() }).await;
    let (mut first, _) = Agent::connect(address, &Who::new("first")).await;
    assert_eq!(verdicts(&first.sync(state(1, &[mapping("door.example.com", "/")])).await), ["applied"]);
    let who = Who { fqdn: vec!["door.example.com".to_owned()], ..Who::new("second") };
    let (second, _) = Agent::connect(address, &who).await;
    let told = verdicts(&first.notice().await);
    assert!(told[0].starts_with("Taken: door.example.com is the gateway's own name"), "{told:?}");
    second.crash().await;
    until("the second is away", || async {
        (get(address, "x", "/health", &[]).await.json()["sessions"] == 1).then_some(())
    })
    .await;
    assert_eq!(knocks_as(address, "door.example.com").await, 101, "it finds its way back");
}

#[tokio::test]
async fn an_agent_that_asks_for_an_update_finds_its_wish_in_the_signal_file() {
    let folder = tempfile::tempdir().unwrap();
    let signal = folder.path().join("update-signal");
    let updates = Updates { signal: signal.clone(), ..Updates::default() };
    let (_gateway, address) = start(GatewayConfig { updates, version: "0.9.9".to_owned(), ..config() }).await;
    let (mut agent, welcome) = Agent::connect(address, &Who::new("home")).await;
    assert!(welcome.features.iter().any(|feature| feature == "ask"), "{:?}", welcome.features);
    let wish = UpdateRequest { target_version: "0.9.10".to_owned(), insistence: Insistence::IfNewer };
    let mut states = Vec::new();
    for request in [7, 8] {
        agent.link.send(&Control::Ask { request, question: Question::Update(wish.clone()) }).await.unwrap();
        let Control::Answer { request: of, answer: Answer::Update(answer) } = agent.next_control().await else {
            panic!("no answer to an update");
        };
        assert_eq!((of, answer.current_version.as_str()), (request, "0.9.9"));
        states.push(answer.state);
    }
    assert_eq!(states, [UpdateState::Queued, UpdateState::AlreadyQueued]);
    let written: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&signal).unwrap()).unwrap();
    assert_eq!((&written["targetVersion"], &written["requestedBy"]), (&"0.9.10".into(), &"Agent@home".into()));
}

#[tokio::test]
async fn a_question_that_the_gateway_does_not_know_is_declined_and_the_link_goes_on() {
    let (_gateway, address) = start(config()).await;
    let (mut agent, _) = Agent::connect(address, &Who::new("home")).await;
    agent.link.send(&Control::Ask { request: 1, question: Question::Unknown }).await.unwrap();
    let Control::Answer { request: 1, answer: Answer::Declined(declined) } = agent.next_control().await else {
        panic!("it was not declined");
    };
    assert_eq!(declined.code, DeclinedCode::Unsupported);
    agent.sync(state(1, &[mapping("app.example.com", "/")])).await;
    assert_eq!(get(address, "app.example.com", "/", &[]).await.status, 200);
}

#[tokio::test]
async fn an_agent_that_asks_for_caddys_configuration_gets_it_without_its_secrets() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let caddy = CaddyAdmin::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let (_gateway, address) = start(GatewayConfig { caddy, ..config() }).await;
    let proxy = serde_json::json!({ "handler": "reverse_proxy", "upstreams": [{ "dial": address.to_string() }] });
    let routes = serde_json::json!({ "routes": [{ "api_token": "t0ps3cret", "handle": [proxy] }] });
    let body = serde_json::json!({ "apps": { "http": { "servers": { "front": routes } } } }).to_string();
    let mut work = JoinSet::new();
    work.spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.read_u8().await.unwrap();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        socket.write_all(answer.as_bytes()).await.unwrap();
        while socket.read_u8().await.is_ok() {}
    });
    let (mut agent, _) = Agent::connect(address, &Who::new("home")).await;
    agent.link.send(&Control::Ask { request: 1, question: Question::CaddyConfig }).await.unwrap();
    let Control::Answer { request: 1, answer: Answer::CaddyConfig(told) } = agent.next_control().await else {
        panic!("no answer about Caddy");
    };
    let json = told.json.unwrap();
    assert!(json.contains("reverse_proxy") && !json.contains("t0ps3cret"), "{json}");
    assert_eq!(told.routes[0].destination, CaddyDestination::Gateway, "the port that was taken, not the 0 asked for");
    // Nobody listens any more after the one answer.
    in_time("the connection's end", work.join_next()).await.unwrap().unwrap();
    agent.link.send(&Control::Ask { request: 2, question: Question::CaddyConfig }).await.unwrap();
    let Control::Answer { request: 2, answer: Answer::CaddyConfig(told) } = agent.next_control().await else {
        panic!("no answer about Caddy");
    };
    assert!(told.json.is_none() && told.error.unwrap().starts_with("No Caddy answers at http://127.0.0.1:"));
}
