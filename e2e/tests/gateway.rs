//! What the gateway tells of itself at its public port: every figure of `/health` and `/api/v1/status` follows its cause.

use std::net::SocketAddr;
use std::time::Duration;

use octoporty_e2e::console::ConsoleClient;
use octoporty_e2e::process::Process;
use octoporty_e2e::relay::{Ending, Mode, Relay};
use octoporty_e2e::target::{self, Target};
use octoporty_e2e::visitor::{Reply, Visitor};
use octoporty_e2e::world::{KEY, PASSWORD, World};
use octoporty_e2e::{PATIENCE, eventually};
use serde_json::{Value, json};

async fn health(world: &World) -> Value {
    world.get("gateway.test", "/health").await.json()
}

/// The head of a question for the status, but for its end.
fn question() -> String {
    format!("GET /api/v1/status HTTP/1.1\r\nHost: gateway.test\r\nAuthorization: Bearer {KEY}\r\n")
}

async fn status(world: &World) -> Value {
    status_by(&mut world.visitor().await).await
}

async fn status_by(visitor: &mut Visitor) -> Value {
    visitor.send(format!("{}\r\n", question()).as_bytes()).await;
    let reply: Reply = visitor.reply("GET").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

/// Waits until the status is as `probe` wants it.
async fn until(world: &World, what: &str, probe: impl Fn(&Value) -> bool) -> Value {
    eventually(what, || async { Some(status(world).await).filter(|status| probe(status)) }).await
}

/// Waits until so many connections of visitors are open.
async fn until_open(asker: &mut Visitor, open: u64) -> Value {
    let begun = std::time::Instant::now();
    loop {
        let status = status_by(asker).await;
        if status["connections"]["open"] == open {
            return status;
        }
        assert!(begun.elapsed() < PATIENCE, "not {open} open: {status}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("not a count: {value}"))
}

/// A target that holds `/hold`, answers `/as/<status>` with it, and `/big` with 100 000 bytes.
async fn app(world: &World) -> Target {
    Target::start(world.ip(), |mut peer| async move {
        while let Some(seen) = peer.request().await {
            let path = seen.path().to_owned();
            if path == "/hold" {
                return peer.closed().await;
            }
            let sent = match path.strip_prefix("/as/") {
                Some("101") => {
                    peer.send(b"HTTP/1.1 101 As asked\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n").await;
                    return peer.closed().await;
                }
                Some(status) => {
                    peer.send(format!("HTTP/1.1 {status} As asked\r\nContent-Length: 0\r\n\r\n").as_bytes()).await
                }
                None => peer.ok(&"x".repeat(if path == "/big" { 100_000 } else { 1 })).await,
            };
            if !sent {
                return;
            }
        }
    })
    .await
}

async fn second_agent(world: &World) -> (Process, ConsoleClient) {
    let console = SocketAddr::new(world.ip(), 17211);
    let agent = world.agent_named("second", console, world.gateway_address(), &[]);
    target::listening(console).await;
    let console = ConsoleClient::login(console, PASSWORD).await;
    console.connection("Connected").await;
    (agent, console)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateways_health_follows_its_agents() {
    let world = World::new();
    let _gateway = world.gateway(&[]).await;
    let wait = async |what: &str, word: &str, agents: u32| {
        eventually(what, || async {
            let health = health(&world).await;
            // All agents are of one tunnel.
            let tunnels = ["connected_tunnels", "tunnels"].iter().all(|field| health[*field] == agents.min(1));
            (health["status"] == word && tunnels && health["sessions"] == agents).then_some(health)
        })
        .await
    };
    let lonely = wait("nobody is connected", "degraded", 0).await;
    assert_eq!(lonely["version"], world.release().await);
    let (mut first, _console) = world.agent(&[]).await;
    wait("one agent is connected", "healthy", 1).await;
    let (mut second, _console) = second_agent(&world).await;
    let later = wait("two are", "healthy", 2).await;
    eventually("its clock goes on", || async {
        (health(&world).await["timestamp"].as_str() > lonely["timestamp"].as_str()).then_some(())
    })
    .await;
    assert!(later["timestamp"].as_str().is_some_and(|at| at.ends_with('Z')), "{later}");
    first.kill().await;
    wait("one is gone", "healthy", 1).await;
    second.kill().await;
    wait("both are gone", "degraded", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateways_status_counts_visitors_and_what_they_were_answered() {
    let world = World::new();
    let settings = [("Gateway__TrustedProxies", ""), ("Gateway__Limits__ConnectionsPerSource", "4")];
    let gateway = world.gateway(&settings).await;
    let lonely = status(&world).await;
    assert_eq!((&lonely["status"], &lonely["sessions"]), (&json!("degraded"), &json!([])));
    assert_eq!((&lonely["version"], &lonely["draining"]), (&json!(world.release().await), &json!(false)));
    let (_agent, console) = world.agent(&[]).await;
    assert_eq!(status(&world).await["status"], "healthy");
    let target = app(&world).await;
    let id = console.map("app.test", target.address()).await;
    console.applied(&id).await;

    // Both connections stay, so that nobody else is counted.
    let (mut asker, mut visitor) = (world.visitor().await, world.visitor().await);
    let mut before = until_open(&mut asker, 2).await;
    for (path, class) in
        [("/as/204", "2xx"), ("/as/302", "3xx"), ("/as/404", "4xx"), ("/as/500", "5xx"), ("/as/101", "1xx")]
    {
        visitor
            .send(
                format!("GET {path} HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n")
                    .as_bytes(),
            )
            .await;
        assert_eq!(visitor.head().await.expect("a head").status.to_string(), path[4..]);
        let after = status_by(&mut asker).await;
        for one in ["1xx", "2xx", "3xx", "4xx", "5xx"] {
            // The question before was answered as well.
            let more = u64::from(one == class) + u64::from(one == "2xx");
            assert_eq!(number(&after["answers"][one]), number(&before["answers"][one]) + more, "{path}: {one}");
        }
        if class != "1xx" {
            visitor = world.visitor().await;
        }
        before = until_open(&mut asker, 2).await;
    }

    // The agent's links, of the same source, are none of its visitors.
    let mut held = vec![visitor];
    for open in 3..=4 {
        held.push(world.visitor().await);
        let counted = until_open(&mut asker, open).await["connections"].clone();
        assert_eq!(number(&counted["accepted"]), number(&before["connections"]["accepted"]) + open - 2, "{counted}");
        assert_eq!(counted["refused"], 0);
    }
    assert_eq!(world.get("gateway.test", "/health").await.status, 429);
    assert_eq!(status_by(&mut asker).await["connections"]["refused"], 1);
    held.clear();
    until_open(&mut asker, 1).await;

    let old = until(&world, "it has run for a while", |status| number(&status["uptimeSeconds"]) >= 2).await;
    assert!(old["timestamp"].as_str() > lonely["timestamp"].as_str(), "{old}");
    drop(gateway);
    let _gateway = world.gateway_on_one_core(&settings).await;
    let young = status(&world).await;
    assert!(number(&young["uptimeSeconds"]) < number(&old["uptimeSeconds"]), "{young}");
    assert_eq!(young["shards"], 1, "one runtime a core");
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    assert_eq!(old["shards"], cores);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_stops_says_so_to_who_has_begun_to_ask() {
    let world = World::new();
    let mut gateway = world.gateway(&[]).await;
    let mut visitor = world.visitor().await;
    visitor.send(question().as_bytes()).await;
    assert_eq!(status(&world).await["draining"], false);
    gateway.signal("TERM").await;
    eventually("it takes nobody any more", || async {
        Visitor::try_connect(world.gateway_address()).await.is_err().then_some(())
    })
    .await;
    visitor.send(b"\r\n").await;
    assert_eq!(visitor.reply("GET").await.json()["draining"], true);
    assert_eq!(gateway.wait(PATIENCE).await.code(), Some(0));
}

fn links_of(session: &Value) -> Vec<Value> {
    session["links"].as_array().cloned().unwrap_or_default()
}

/// Waits until the one session is as `probe` wants it.
async fn session(world: &World, what: &str, probe: impl Fn(&Value) -> bool) -> Value {
    until(world, what, |status| probe(&status["sessions"][0])).await["sessions"][0].clone()
}

/// An agent that comes through a relay with two links, and its session.
async fn through_a_relay(world: &World) -> (Relay, Process, ConsoleClient, Value) {
    let relay = Relay::start((world.ip(), 0).into(), world.gateway_address()).await;
    let (agent, console) = world.agent_via(relay.address(), &[("Agent__Links", "2")]).await;
    console.connection("Connected").await;
    let session = session(world, "two links stand", |session| links_of(session).len() == 2).await;
    (relay, agent, console, session)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateways_status_tells_what_an_agent_carries() {
    let world = World::new();
    let _gateway = world.gateway(&[]).await;
    let (_relay, _agent, console, first) = through_a_relay(&world).await;
    for field in ["mappings", "streamsOpened", "bytesToTargets", "bytesToVisitors", "streamsOpen"] {
        assert_eq!(first[field], 0, "{field}: {first}");
    }
    let target = app(&world).await;
    let id = console.map("app.test", target.address()).await;
    console.applied(&id).await;
    session(&world, "the mapping is counted", |session| session["mappings"] == 1).await;
    let mut held = world.visitor().await;
    held.send(b"GET /hold HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    let busy = session(&world, "a held request is an open stream", |session| session["streamsOpen"] == 1).await;
    assert_eq!(busy["streamsOpened"], 1, "{busy}");
    let open: u64 = links_of(&busy).iter().map(|link| number(&link["streamsOpen"])).sum();
    assert_eq!(open, 1, "it is on one of the links: {busy}");
    drop(held);
    let over = session(&world, "and none any more", |session| session["streamsOpen"] == 0).await;
    assert!(links_of(&over).iter().all(|link| link["streamsOpen"] == 0), "{over}");

    let upload = format!("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 100000\r\n\r\n{}", "x".repeat(100_000));
    let mut visitor = world.visitor().await;
    visitor.send(upload.as_bytes()).await;
    assert_eq!(visitor.reply("POST").await.status, 200);
    let counted = |field: &'static str| move |session: &Value| number(&session[field]) >= 100_000;
    let up = session(&world, "an upload is counted", counted("bytesToTargets")).await;
    assert!(number(&up["bytesToVisitors"]) < 100_000, "{up}");
    assert_eq!(visitor.get("app.test", "/big").await.status, 200);
    let down = session(&world, "a download is as well", counted("bytesToVisitors")).await;
    assert!(number(&down["bytesToTargets"]) < 200_000, "{down}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateways_status_tells_of_each_agent_and_its_links() {
    let world = World::new();
    let _gateway = world.gateway(&[]).await;
    let (relay, mut agent, console, first) = through_a_relay(&world).await;
    assert_eq!((&first["agent"], &first["id"]), (&json!("agent"), &console.status().await["sessionId"]));
    assert_eq!((&first["agentVersion"], &first["tunnel"]), (&json!(world.release().await), &json!("shared")));
    let mut shards: Vec<u64> = links_of(&first).iter().map(|link| number(&link["shard"])).collect();
    shards.dedup();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    assert_eq!(shards.len(), cores.min(2), "two links are on two shards where there are two: {first}");
    assert!(links_of(&first).iter().all(|link| link["transport"] == "websocket"), "{first}");

    relay.set(Mode::Pass(Duration::from_millis(80)));
    session(&world, "the round trips show the relay's delay", |session| {
        let far = |value: &Value| value["roundTripMs"].as_f64() >= Some(150.0);
        far(session) && links_of(session).len() == 2 && links_of(session).iter().all(far)
    })
    .await;
    relay.restore();
    let old = |session: &Value| {
        number(&session["connectedSeconds"]) >= 3
            && links_of(session).iter().all(|link| number(&link["upSeconds"]) >= 3)
    };
    session(&world, "it has stood for a while", old).await;
    relay.cut(Ending::Reset);
    let again = session(&world, "the same agent has a new session", |session| {
        session["id"].is_string() && session["id"] != first["id"] && links_of(session).len() == 2
    })
    .await;
    assert!(!old(&again) && links_of(&again).iter().all(|link| number(&link["upSeconds"]) < 3), "{again}");
    assert_eq!(again["instance"], first["instance"], "its process is the same");
    assert!(number(&again["epoch"]) > number(&first["epoch"]), "{first} {again}");
    let known = |link: &Value| links_of(&first).iter().any(|old| old["peer"] == link["peer"]);
    assert!(!links_of(&again).iter().any(known), "{first} {again}");

    agent.kill().await;
    let (_agent, _console) = second_agent(&world).await;
    let other = until(&world, "another agent is there alone", |status| {
        status["sessions"].as_array().is_some_and(|all| all.len() == 1 && all[0]["agent"] == "second")
    })
    .await;
    assert_ne!(other["sessions"][0]["instance"], first["instance"]);
}
