//! What the console's API says of the tunnel, of mappings and of sessions, field by field: each follows a cause that is
//! changed from outside.

use std::time::Duration;

use octoporty_e2e::console::ConsoleClient;
use octoporty_e2e::events::Events;
use octoporty_e2e::eventually;
use octoporty_e2e::relay::{Ending, Mode, Relay};
use octoporty_e2e::target::{self, Target, mirror};
use octoporty_e2e::visitor::{self, Reply};
use octoporty_e2e::world::{PASSWORD, World};
use serde_json::{Value, json};

/// Waits for a status of the tunnel by the console's events.
async fn state(events: &mut Events, wanted: &str) -> Value {
    events
        .until(wanted, |event| {
            (event.event == "status" && event.data["connectionStatus"] == wanted).then(|| event.data.clone())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connector_is_seen_at_each_of_its_steps() {
    let world = World::new();
    let _gateway = world.gateway(&[]).await;
    let relay = Relay::start((world.ip(), 0).into(), world.gateway_address()).await;
    // Nothing comes back from the gateway yet.
    relay.set(Mode::Freeze);
    let (agent, console) = world.agent_via(relay.address(), &[]).await;
    let mut events = Events::open(&console, None).await;
    let dials = state(&mut events, "Connecting").await;
    for unknown in ["sessionId", "lastConnected", "lastDisconnected", "uptimeSeconds", "gatewayVersion", "lastError"] {
        assert!(dials[unknown].is_null(), "{unknown}: {dials}");
    }
    for unknown in ["gatewayUptime", "transport", "roundTripMs"] {
        assert!(dials[unknown].is_null(), "{unknown}: {dials}");
    }
    assert_eq!((&dials["links"], &dials["syncedRevision"]), (&json!([]), &json!(0)));
    assert_eq!(dials["reconnectAttempts"], 1, "it is at its first");

    // Far away, each step takes a second.
    relay.set(Mode::Pass(Duration::from_millis(500)));
    state(&mut events, "Authenticating").await;
    let syncs = state(&mut events, "Syncing").await;
    assert!(syncs["sessionId"].is_string() && syncs["lastConnected"].is_null(), "{syncs}");
    assert_eq!(syncs["gatewayVersion"], world.release().await);
    let stands = state(&mut events, "Connected").await;
    assert!(stands["lastConnected"].is_string() && stands["uptimeSeconds"].is_u64(), "{stands}");
    assert_eq!((&stands["transport"], &stands["reconnectAttempts"]), (&json!("websocket"), &json!(0)));
    relay.restore();
    relay.refuse();
    relay.cut(Ending::Reset);
    let away = state(&mut events, "Reconnecting").await;
    assert!(away["transport"].is_null() && away["uptimeSeconds"].is_null() && away["roundTripMs"].is_null(), "{away}");
    assert!(moment(&away["lastDisconnected"]) >= moment(&away["lastConnected"]), "{away}");
    relay.restore();
    let back = state(&mut events, "Connected").await;
    assert!(moment(&back["lastConnected"]) > moment(&stands["lastConnected"]), "{back}");
    assert!(back["lastError"].is_null(), "{back}");

    // A test of a target that does not answer keeps the agent from ending for a while, with its connector gone.
    let silent = Target::start(world.ip(), |mut peer| async move { peer.closed().await }).await;
    let body = json!({ "internalHost": world.ip().to_string(), "internalPort": silent.address().port(),
                       "internalProtocol": "https" });
    tokio::select! {
        answer = console.call("POST", "/api/v1/mappings/test-target", Some(body)) => panic!("{}", answer.text()),
        () = async {
            eventually("the target is tried", || async { (silent.connections() == 1).then_some(()) }).await;
            agent.signal("TERM").await;
            let stops = state(&mut events, "Disconnected").await;
            assert_eq!(stops["links"], json!([]));
        } => {}
    }
}

/// A time, written so that a later one is greater: the API leaves out the last zeros of a second's fraction.
fn moment(at: &Value) -> String {
    let text = at.as_str().and_then(|at| at.strip_suffix('Z')).unwrap_or_else(|| panic!("not a time: {at}"));
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{seconds}.{fraction:0<3}")
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("not a count: {value}"))
}

async fn health(console: &ConsoleClient) -> Value {
    console.expect(200, "GET", "/health", None).await
}

#[tokio::test(flavor = "multi_thread")]
async fn revisions_counts_and_health_follow_mappings_and_the_gateway() {
    let world = World::new();
    let mut gateway = world.gateway(&[]).await;
    let (_agent, console) = world.agent(&[]).await;
    let mut events = Events::open(&console, None).await;
    let before = console.status().await;
    assert_eq!((&before["totalMappings"], &before["activeMappings"]), (&json!(0), &json!(0)));
    let well = health(&console).await;
    assert_eq!((&well["status"], &well["reasons"]), (&json!("healthy"), &json!([])));
    assert_eq!(well["version"], world.release().await);

    let id = console.map("app.test", world.gateway_address()).await;
    let counts = async |total: u64, active: u64| {
        let status = console.status().await;
        assert_eq!((&status["totalMappings"], &status["activeMappings"]), (&json!(total), &json!(active)));
        number(&status["revision"])
    };
    let synced = async |revision: u64| {
        eventually("the gateway has the newest change", || async {
            (console.status().await["syncedRevision"] == revision).then_some(())
        })
        .await;
    };
    let made = counts(1, 1).await;
    assert!(made > number(&before["revision"]));
    assert_eq!(changed(&mut events).await, made);
    synced(made).await;

    gateway.kill().await;
    console.connection("Reconnecting").await;
    let ill = health(&console).await;
    assert_eq!(ill["status"], "degraded");
    assert!(ill["reasons"][0].as_str().is_some_and(|why| why.contains("not connected")), "{ill}");
    console.expect(200, "PATCH", &format!("/api/v1/mappings/{id}/toggle"), Some(json!({ "enabled": false }))).await;
    let switched = counts(1, 0).await;
    assert!(switched > made && number(&console.status().await["syncedRevision"]) == made);
    assert_eq!(changed(&mut events).await, switched);
    let _gateway = world.gateway(&[]).await;
    console.connection("Connected").await;
    synced(switched).await;
    assert_eq!(health(&console).await["status"], "healthy");
    console.expect(204, "DELETE", &format!("/api/v1/mappings/{id}"), None).await;
    let gone = counts(0, 0).await;
    assert_eq!(changed(&mut events).await, gone);
}

/// The revision of the next change of mappings that is told.
async fn changed(events: &mut Events) -> u64 {
    let told = events.until("mappings-changed", |event| {
        (event.event == "mappings-changed").then(|| number(&event.data["revision"]))
    });
    told.await
}

/// Waits until the one mapping is told to be so.
async fn mapping_state(events: &mut Events, id: &str, sync: &str, live: &str) -> Value {
    events
        .until(&format!("{sync}, {live}"), |event| {
            let mappings = (event.event == "mapping-status").then(|| event.data["mappings"].as_array())??;
            let mine = mappings.iter().find(|mapping| mapping["id"] == id)?;
            (mine["sync"]["state"] == sync && mine["live"]["state"] == live).then(|| mine.clone())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn states_of_a_mapping_are_told_live_and_to_who_was_away() {
    let world = World::new();
    let mut gateway = world.gateway(&[]).await;
    let (_agent, console) = world.agent(&[]).await;
    let target = mirror(world.ip()).await;
    let mut events = Events::open(&console, None).await;
    let id = console.map("app.test", target.address()).await;
    let unvisited = mapping_state(&mut events, &id, "applied", "unknown").await;
    assert!(unvisited["live"]["reason"].as_str().is_some_and(|why| why.contains("Nothing was sent")), "{unvisited}");
    assert_eq!(world.get("app.test", "/").await.status, 200);
    let visited = mapping_state(&mut events, &id, "applied", "ok").await;
    assert!(visited["live"]["reason"].is_null() && visited["live"]["code"].is_null(), "{visited}");
    target.stop().await;
    assert_eq!(world.get("app.test", "/").await.status, 502);
    let down = mapping_state(&mut events, &id, "applied", "target_down").await;
    assert_eq!(down["live"]["code"], "target_refused", "{down}");
    assert!(down["live"]["reason"].as_str().is_some_and(|why| why.contains("refused")), "{down}");

    gateway.kill().await;
    let away = mapping_state(&mut events, &id, "applied", "agent_away").await;
    assert!(away["live"]["reason"].is_string() && away["live"]["code"].is_null(), "{away}");
    console.expect(200, "PATCH", &format!("/api/v1/mappings/{id}/toggle"), Some(json!({ "enabled": false }))).await;
    let waits = mapping_state(&mut events, &id, "pending", "disabled").await;
    assert_eq!((&waits["sync"]["code"], &waits["sync"]["reason"]), (&Value::Null, &Value::Null));
    let seen = events.seen().expect("events have ids").to_owned();
    let _gateway = world.gateway(&[]).await;
    console.applied(&id).await;
    console.expect(204, "DELETE", &format!("/api/v1/mappings/{id}"), None).await;
    let gone = number(&console.status().await["revision"]);

    let mut again = Events::open(&console, Some(&seen)).await;
    assert_eq!(again.next().await.event, "status");
    mapping_state(&mut again, &id, "applied", "disabled").await;
    assert_eq!(changed(&mut again).await, gone);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_the_gateway_does_not_answer_is_pending_and_unknown() {
    let world = World::new();
    let _gateway = world.gateway(&[]).await;
    let relay = Relay::start((world.ip(), 0).into(), world.gateway_address()).await;
    // Nobody finds the frozen link by its silence meanwhile.
    let (_agent, console) = world.agent_via(relay.address(), &[("Agent__HeartbeatIntervalSeconds", "600")]).await;
    console.connection("Connected").await;
    let target = mirror(world.ip()).await;
    relay.set(Mode::Freeze);
    let id = console.map("app.test", target.address()).await;
    let mapping = console.expect(200, "GET", &format!("/api/v1/mappings/{id}"), None).await;
    assert_eq!((&mapping["sync"]["state"], &mapping["live"]["state"]), (&json!("pending"), &json!("unknown")));
    assert!(mapping["live"]["reason"].as_str().is_some_and(|why| why.contains("not acknowledged")), "{mapping}");
    relay.restore();
    console.applied(&id).await;
    let mapping = console.expect(200, "GET", &format!("/api/v1/mappings/{id}"), None).await;
    assert!(mapping["live"]["reason"].as_str().is_some_and(|why| why.contains("Nothing was sent")), "{mapping}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_listens_on_after_a_restart_is_told_to_fetch_anew() {
    let world = World::new();
    let (mut agent, console) = world.agent_via(world.gateway_address(), &[]).await;
    console.map("app.test", world.gateway_address()).await;
    let mut events = Events::open(&console, None).await;
    let first = events.next().await;
    let seen = first.id.expect("the first event can be gone on from");
    let mut again = Events::open(&console, Some(&seen)).await;
    assert_eq!(again.next().await.event, "status", "nothing was missed");
    console.map("other.test", world.gateway_address()).await;
    let next = again.until("no reset", |event| (event.event != "status").then(|| event.event.clone())).await;
    assert_ne!(next, "reset");

    agent.kill().await;
    let (_agent, console) = world.agent_via(world.gateway_address(), &[]).await;
    let mut events = Events::open(&console, Some(&seen)).await;
    assert_eq!(events.next().await.event, "status");
    let reset = events.next().await;
    assert_eq!(reset.event, "reset");
    assert!(reset.data["reason"].as_str().is_some_and(|why| why.contains("no longer known")), "{:?}", reset.data);
}

/// Waits for a status that is as `probe` wants it.
async fn until(console: &ConsoleClient, what: &str, probe: impl Fn(&Value) -> bool) -> Value {
    eventually(what, || async { Some(console.status().await).filter(|status| probe(status)) }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_and_bytes_follow_requests() {
    let world = World::new();
    let _gateway = world.gateway(&[]).await;
    let target = Target::start(world.ip(), |mut peer| async move {
        while let Some(seen) = peer.request().await {
            if seen.path() == "/hold" {
                return peer.closed().await;
            }
            peer.ok(&"x".repeat(if seen.path() == "/big" { 100_000 } else { 1 })).await;
        }
    })
    .await;
    let (_agent, console) = world.agent(&[("Agent__Links", "1")]).await;
    let id = console.map("app.test", target.address()).await;
    console.applied(&id).await;
    let quiet = console.status().await;
    assert_eq!(
        quiet["traffic"],
        json!({ "bytesToTargets": 0, "bytesToVisitors": 0, "streamsActive": 0, "streamsOpened": 0 })
    );
    assert_eq!(quiet["links"][0]["streams"], 0);

    let mut held = world.visitor().await;
    held.send(b"GET /hold HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    let busy = until(&console, "a held request is a stream", |status| status["links"][0]["streams"] == 1).await;
    assert_eq!((&busy["traffic"]["streamsActive"], &busy["traffic"]["streamsOpened"]), (&json!(1), &json!(1)));
    drop(held);
    let over = until(&console, "and none any more", |status| status["links"][0]["streams"] == 0).await;
    assert_eq!((&over["traffic"]["streamsActive"], &over["traffic"]["streamsOpened"]), (&json!(0), &json!(1)));

    let mut visitor = world.visitor().await;
    let body = "x".repeat(100_000);
    visitor.send(format!("PUT / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 100000\r\n\r\n{body}").as_bytes()).await;
    assert_eq!(visitor.reply("PUT").await.status, 200);
    let counted = |field: &'static str| move |status: &Value| number(&status["traffic"][field]) >= 100_000;
    let up = until(&console, "an upload is counted", counted("bytesToTargets")).await;
    assert!(number(&up["traffic"]["bytesToVisitors"]) < 100_000, "{up}");
    assert_eq!(visitor.get("app.test", "/big").await.status, 200);
    let down = until(&console, "so is a download", counted("bytesToVisitors")).await;
    assert!(number(&down["traffic"]["bytesToTargets"]) < 200_000, "{down}");
}

#[tokio::test(flavor = "multi_thread")]
async fn links_follow_the_road_to_the_gateway() {
    let world = World::new();
    let _gateway = world.gateway(&[]).await;
    let relay = Relay::start((world.ip(), 0).into(), world.gateway_address()).await;
    let (mut agent, console) = world.agent_via(relay.address(), &[("Agent__Links", "1")]).await;
    console.connection("Connected").await;
    let stands = console.status().await;
    assert_eq!(stands["gatewayUrl"], format!("ws://{}/tunnel", relay.address()));
    assert_eq!(stands["links"][0]["peer"], relay.address().to_string());
    assert_eq!(stands["links"][0]["transport"], "websocket");

    relay.set(Mode::Pass(Duration::from_millis(80)));
    let trip = |value: &Value| value["roundTripMs"].as_f64();
    until(&console, "a link's round trip shows the relay's delay", |status| {
        trip(&status["links"][0]) >= Some(150.0) && trip(status) >= Some(150.0)
    })
    .await;
    relay.restore();
    until(&console, "it is short again", |status| trip(&status["links"][0]).is_some_and(|trip| trip < 150.0)).await;

    let age = |value: &Value| value["uptimeSeconds"].as_u64();
    until(&console, "it has stood for a while", |status| age(&status["links"][0]) >= Some(3) && age(status) >= Some(3))
        .await;
    relay.cut(Ending::Reset);
    until(&console, "the next one is younger", |status| {
        let young = |value: &Value| age(value).is_some_and(|seconds| seconds < 3);
        young(&status["links"][0]) && young(status)
    })
    .await;

    agent.kill().await;
    let (_agent, console) = world.agent(&[]).await;
    let status = console.status().await;
    assert_eq!(status["gatewayUrl"], format!("ws://{}/tunnel", world.gateway_address()));
    assert_eq!(status["links"][0]["peer"], world.gateway_address().to_string());
    assert_eq!(status["version"], world.release().await);
}

/// What the gateway is asked for: a mapping as it is with other values in these fields.
fn with(mapping: &Value, changes: &Value) -> Value {
    let mut whole = mapping.clone();
    for (field, value) in changes.as_object().expect("fields") {
        whole[field] = value.clone();
    }
    whole
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_shows_what_was_last_put_and_nothing_else_changes() {
    let world = World::new();
    let (mut agent, console) = world.agent_via(world.gateway_address(), &[]).await;
    let id = console
        .map_with(json!({ "externalDomain": "app.test", "internalHost": "one.internal", "internalPort": 81 }))
        .await;
    let path = format!("/api/v1/mappings/{id}");
    let port = world.gateway_address().port();
    let mut known = console.expect(200, "GET", &path, None).await;
    assert_eq!((&known["id"], &known["name"]), (&json!(id), &json!("app.test")), "the name is the domain unless given");
    assert_eq!(known["publicUrl"], format!("http://app.test:{port}/"));
    assert_eq!(known["createdAt"], known["updatedAt"]);
    // There is one kind as yet, and it has no port of its own.
    assert_eq!((&known["kind"], &known["externalPort"]), (&json!("http"), &Value::Null));
    for (before, changes) in [
        (json!({ "name": "app.test" }), json!({ "name": "Another name" })),
        (json!({ "internalHost": "one.internal" }), json!({ "internalHost": "192.0.2.7" })),
        (json!({ "internalPort": 81 }), json!({ "internalPort": 65535 })),
        (json!({ "internalProtocol": "Http" }), json!({ "internalProtocol": "Https" })),
        (json!({ "allowInvalidCertificates": false }), json!({ "allowInvalidCertificates": true })),
        (json!({ "hostHeader": "keep" }), json!({ "hostHeader": "inner.example" })),
        (json!({ "compression": "auto" }), json!({ "compression": "off" })),
        (
            json!({ "stripPrefix": false }),
            json!({ "pathPrefix": "/a", "stripPrefix": true,
                 "publicUrl": format!("http://app.test:{port}/a") }),
        ),
        (
            json!({ "pathPrefix": "/a" }),
            json!({ "pathPrefix": "/b", "publicUrl": format!("http://app.test:{port}/b") }),
        ),
        (
            json!({ "externalDomain": "app.test" }),
            json!({ "externalDomain": "two.test",
                 "publicUrl": format!("http://two.test:{port}/b") }),
        ),
        (json!({ "externalDomain": "two.test" }), json!({ "externalDomain": "*.two.test", "publicUrl": null })),
        (json!({ "enabled": true }), json!({ "enabled": false })),
    ] {
        assert_eq!(with(&known, &before), known, "before {changes}");
        // Times are told in milliseconds.
        tokio::time::sleep(Duration::from_millis(2)).await;
        console.expect(200, "PUT", &path, Some(with(&known, &changes))).await;
        let shown = console.expect(200, "GET", &path, None).await;
        assert!(moment(&shown["updatedAt"]) > moment(&known["updatedAt"]), "{shown}");
        let moved = json!({ "updatedAt": shown["updatedAt"], "sync": shown["sync"], "live": shown["live"] });
        assert_eq!(shown, with(&with(&known, &changes), &moved), "{changes}");
        known = shown;
    }
    let all = console.expect(200, "GET", "/api/v1/mappings", None).await;
    assert_eq!(all, json!([known]));

    // What was answered stands in the database.
    agent.kill().await;
    let elsewhere = target::free_address(world.ip());
    let (_agent, console) = world.agent_via(elsewhere, &[]).await;
    let kept = console.expect(200, "GET", &path, None).await;
    assert_eq!(kept, with(&known, &json!({ "sync": kept["sync"], "live": kept["live"] })));
    let changes = json!({ "externalDomain": "two.test" });
    let moved = console.expect(200, "PUT", &path, Some(with(&kept, &changes))).await;
    assert_eq!(moved["publicUrl"], format!("http://two.test:{}/b", elsewhere.port()), "where the gateway is now");
    // The same fields made anew are another mapping.
    console.expect(204, "DELETE", &path, None).await;
    let again = console.expect(201, "POST", "/api/v1/mappings", Some(with(&kept, &changes))).await;
    assert_ne!(again["id"], id);
    assert!(moment(&again["createdAt"]) > moment(&known["createdAt"]), "{again}");
}

/// A problem as every error of the API is one.
fn problem(reply: &Reply, status: u16, title: &str, code: &str) -> Value {
    assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{}", reply.text());
    let problem = reply.json();
    assert_eq!(reply.status, status, "{problem}");
    // A page of its own for each would say no more than the code.
    assert_eq!(problem["type"], "about:blank");
    assert_eq!(
        (&problem["status"], &problem["title"], &problem["code"]),
        (&json!(status), &json!(title), &json!(code))
    );
    assert_eq!(problem["message"], problem["detail"]);
    assert_eq!(problem["requestId"].as_str(), reply.header("x-octoporty-request-id"));
    assert_eq!(
        problem["retryAfterSeconds"].as_u64().map(|seconds| seconds.to_string()).as_deref(),
        reply.header("retry-after")
    );
    problem
}

#[tokio::test(flavor = "multi_thread")]
async fn a_problem_follows_from_what_was_asked() {
    let world = World::new();
    let (_agent, console) = world.agent_via(world.gateway_address(), &[]).await;
    let map = |domain: &str, port: u32| {
        json!({ "name": format!("at {port}"), "externalDomain": domain, "internalHost": "target.internal",
                "internalPort": port })
    };
    let post = async |body: Value| console.call("POST", "/api/v1/mappings", Some(body)).await;
    let wrong = problem(&post(map("not a name", 80)).await, 400, "Bad Request", "validation_failed");
    assert_eq!(wrong["errors"]["externalDomain"][0], wrong["detail"]);
    assert!(wrong["errors"]["internalPort"].is_null(), "{wrong}");
    let other = problem(&post(map("app.test", 70_000)).await, 400, "Bad Request", "validation_failed");
    assert_eq!(other["errors"]["internalPort"][0], other["detail"]);
    assert!(other["errors"]["externalDomain"].is_null(), "{other}");
    assert_ne!(other["requestId"], wrong["requestId"]);

    for (domain, port) in [("one.test", 81), ("two.test", 82)] {
        let made = post(map(domain, port)).await.json();
        let taken = problem(&post(map(domain, 83)).await, 409, "Conflict", "duplicate_endpoint");
        assert_eq!(taken["holder"], json!({ "id": made["id"], "name": format!("at {port}") }));
        assert!(taken["detail"].as_str().is_some_and(|detail| detail.contains(domain)), "{taken}");
        assert_eq!(taken["errors"], json!({ "externalDomain": [taken["detail"]] }));
    }
    let gone = console.call("GET", "/api/v1/mappings/6f0c2a3e-0000-4000-8000-000000000000", None).await;
    let gone = problem(&gone, 404, "Not Found", "not_found");
    assert!(gone["errors"].is_null() && gone["holder"].is_null() && gone["retryAfterSeconds"].is_null(), "{gone}");
    let away = console.call("POST", "/api/v1/gateway/update", Some(json!({ "force": true }))).await;
    assert_eq!(problem(&away, 503, "Service Unavailable", "gateway_away")["retryAfterSeconds"], 5);

    let unknown = login(&console, json!({ "password": "wrong horse battery" })).await;
    problem(&unknown, 401, "Unauthorized", "wrong_password");
}

async fn login(console: &ConsoleClient, body: Value) -> Reply {
    console.call("POST", "/api/v1/auth/login", Some(body)).await
}

/// `GET /api/v1/auth/me` with this header.
async fn me(console: &ConsoleClient, header: &str) -> Reply {
    let address = console.address();
    let head = format!("GET /api/v1/auth/me HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{header}\r\n\r\n");
    visitor::exchange(address, head.as_bytes(), "GET").await
}

/// A time in whole seconds.
fn second(at: &Value) -> &str {
    at.as_str().and_then(|at| at.get(..19)).unwrap_or_else(|| panic!("not a time: {at}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_tells_who_by_what_and_until_when() {
    let world = World::new();
    let (mut agent, console) = world.agent_via(world.gateway_address(), &[]).await;
    let first = login(&console, json!({ "password": PASSWORD })).await.json();
    let text = |session: &Value, field: &str| session[field].as_str().expect("a text").to_owned();
    let bearer = me(&console, &format!("Authorization: Bearer {}", text(&first, "token"))).await.json();
    let cookie = me(&console, &format!("Cookie: octoporty_access={}", text(&first, "token"))).await.json();
    assert_eq!((&bearer["credential"], &cookie["credential"]), (&json!("bearer"), &json!("cookie")));
    assert_eq!(bearer["username"], "admin", "nobody is named in the settings");
    assert_eq!(second(&bearer["expiresAt"]), second(&first["expiresAt"]));
    // A login or a refresh later is good for longer.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let refresh = json!({ "refreshToken": first["refreshToken"] });
    let second_one = console.expect(200, "POST", "/api/v1/auth/refresh", Some(refresh)).await;
    for field in ["expiresAt", "refreshExpiresAt"] {
        assert!(second(&second_one[field]) > second(&first[field]), "{field}: {first} {second_one}");
    }
    for field in ["token", "refreshToken"] {
        assert_ne!(second_one[field], first[field], "{field}");
    }
    let later = me(&console, &format!("Authorization: Bearer {}", text(&second_one, "token"))).await.json();
    assert_eq!(second(&later["expiresAt"]), second(&second_one["expiresAt"]));
    assert_ne!(later["expiresAt"], bearer["expiresAt"]);

    agent.kill().await;
    let _agent = world.agent_named(
        "agent",
        world.console_address(),
        world.gateway_address(),
        &[("Agent__Auth__Username", "octavia")],
    );
    target::listening(world.console_address()).await;
    let session = login(&console, json!({ "password": PASSWORD, "username": "octavia" })).await.json();
    let named = me(&console, &format!("Authorization: Bearer {}", text(&session, "token"))).await.json();
    assert_eq!(named["username"], "octavia");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_console_offers_follows_its_settings() {
    let world = World::new();
    let (mut agent, console) = world.agent_via(world.gateway_address(), &[]).await;
    let offered = console.expect(200, "GET", "/api/v1/capabilities", None).await;
    assert_eq!(offered["gatewayNames"], json!([]));
    assert_eq!(offered["version"], world.release().await);
    // This release has consoles of agents alone, all with the same rooms.
    assert_eq!((&offered["side"], &offered["mappingKinds"]), (&json!("agent"), &json!(["http"])));
    let rooms = [
        ("mappings", "/api/v1/mappings"),
        ("request-log", "/api/v1/logs/requests"),
        ("connection-log", "/api/v1/logs/connections"),
        ("landing-page", "/api/v1/settings/landing-page"),
        ("import-export", "/api/v1/import-export/export"),
    ];
    assert_eq!(offered["features"], json!(rooms.map(|(feature, _)| feature)));
    for (feature, path) in rooms {
        assert_eq!(console.call("GET", path, None).await.status, 200, "{feature} is offered");
    }
    agent.kill().await;
    let names = [("Agent__GatewayFqdn", "gateway.test,other.test")];
    let (_agent, console) = world.agent_via(world.gateway_address(), &names).await;
    let offered = console.expect(200, "GET", "/api/v1/capabilities", None).await;
    assert_eq!(offered["gatewayNames"], json!(["gateway.test", "other.test"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_taken_says_what_happens_now() {
    let world = World::new();
    let pair = world.pair().await;
    let session = pair.console.status().await["sessionId"].clone();
    let taken = pair.console.expect(202, "POST", "/api/v1/reconnect", None).await;
    assert!(taken["message"].as_str().is_some_and(|now| now.contains("dials anew")), "{taken}");
    eventually("it dialled anew", || async { (pair.console.status().await["sessionId"] != session).then_some(()) })
        .await;
    pair.console.connection("Connected").await;
}
