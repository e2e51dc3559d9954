//! Every field and figure of status, mappings, logs and dashboard follows its cause, which is changed from outside.

use std::time::{Duration, Instant};

use octoporty_e2e::eventually;
use octoporty_e2e::relay::{Ending, Mode, Relay};
use octoporty_e2e::target::{self, Target, mirror};
use octoporty_e2e::visitor::Reply;
use octoporty_e2e::world::World;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn the_status_document_follows_the_tunnel() {
    let world = World::new();
    let _gateway = world.gateway(&[]).await;
    let relay = Relay::start((world.ip(), 0).into(), world.gateway_address()).await;
    let (_agent, console) = world.agent_via(relay.address(), &[("Agent__Links", "2")]).await;
    console.connection("Connected").await;
    let first = console.status().await;
    assert_eq!(first["gatewayUrl"], format!("ws://{}/tunnel", relay.address()));
    assert_eq!(first["transport"], "websocket");
    assert_eq!(first["reconnectAttempts"], 0);
    assert_eq!(first["version"], first["gatewayVersion"]);
    assert_eq!(first["gatewayUpdateAvailable"], false);
    assert_eq!(first["activeMappings"], 0);
    assert!(first["lastConnected"].is_string() && first["sessionId"].is_string());
    eventually("both links stand", || async {
        (console.status().await["links"].as_array().map(Vec::len) == Some(2)).then_some(())
    })
    .await;
    for field in ["uptimeSeconds", "gatewayUptime"] {
        let before = console.status().await[field].as_u64().unwrap_or_else(|| panic!("{field} is a number"));
        eventually(&format!("{field} rises"), || async {
            (console.status().await[field].as_u64().unwrap_or(0) > before).then_some(())
        })
        .await;
    }

    let quick = round_trip(&console).await;
    relay.set(Mode::Pass(Duration::from_millis(80)));
    eventually("the round trip shows the relay's delay", || async {
        (round_trip(&console).await >= quick + 100.0).then_some(())
    })
    .await;
    relay.restore();

    relay.refuse();
    relay.cut(Ending::Reset);
    let away = eventually("the loss is shown", || async {
        let status = console.status().await;
        (status["connectionStatus"] == "Reconnecting" && status["reconnectAttempts"].as_u64() > Some(0))
            .then_some(status)
    })
    .await;
    assert!(away["lastError"].as_str().is_some_and(|text| !text.is_empty()), "{away}");
    assert!(away["lastDisconnected"].is_string() && away["links"].as_array().is_some_and(Vec::is_empty), "{away}");
    relay.restore();
    console.connection("Connected").await;
    let back = console.status().await;
    assert_ne!(back["lastConnected"], first["lastConnected"]);
    assert_ne!(back["sessionId"], first["sessionId"]);
    assert_eq!(back["reconnectAttempts"], 0);
}

#[tokio::test]
async fn the_gateways_uptime_is_that_of_its_present_process() {
    let world = World::new();
    let mut gateway = world.gateway(&[]).await;
    let (_agent, console) = world.agent(&[]).await;
    eventually("the gateway is older than the next one can be by rounding", || async {
        (console.status().await["gatewayUptime"].as_u64() >= Some(3)).then_some(())
    })
    .await;
    gateway.kill().await;
    let restarted = Instant::now();
    let _gateway = world.gateway(&[]).await;
    eventually("the new gateway's uptime is shown", || async {
        let status = console.status().await;
        // The old gateway's would be 3 s more than the time since.
        let most = restarted.elapsed().as_secs() + 1;
        (status["connectionStatus"] == "Connected" && status["gatewayUptime"].as_u64().is_some_and(|s| s <= most))
            .then_some(())
    })
    .await;
}

async fn round_trip(console: &octoporty_e2e::console::ConsoleClient) -> f64 {
    console.status().await["roundTripMs"].as_f64().unwrap_or(0.0)
}

#[tokio::test(flavor = "multi_thread")]
async fn reconnect_works_from_any_state() {
    let world = World::new();
    let pair = world.pair().await;
    let session = pair.console.status().await["sessionId"].clone();
    pair.console.expect(202, "POST", "/api/v1/reconnect", None).await;
    eventually("a new session stands", || async {
        let status = pair.console.status().await;
        (status["connectionStatus"] == "Connected" && status["sessionId"] != session).then_some(())
    })
    .await;
    // While it waits out a long back-off as well.
    let lonely = World::new();
    let (_agent, console) =
        lonely.agent_via(lonely.gateway_address(), &[("Agent__ReconnectDelaySeconds", "200")]).await;
    eventually("it has tried", || async {
        (console.status().await["reconnectAttempts"].as_u64() > Some(0)).then_some(())
    })
    .await;
    let before = console.status().await["reconnectAttempts"].as_u64();
    console.expect(202, "POST", "/api/v1/reconnect", None).await;
    eventually("it tries at once", || async {
        (console.status().await["reconnectAttempts"].as_u64() != before).then_some(())
    })
    .await;
}

async fn mapping(console: &octoporty_e2e::console::ConsoleClient, id: &str) -> Value {
    console.expect(200, "GET", &format!("/api/v1/mappings/{id}"), None).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mappings_live_state_follows_target_switch_and_tunnel() {
    let world = World::new();
    let mut gateway = world.gateway(&[]).await;
    let (_agent, console) = world.agent(&[]).await;
    let target = mirror(world.ip()).await;
    let id = console.map("app.test", target.address()).await;
    console.applied(&id).await;
    let live = |wanted: &'static str| {
        let (console, id) = (&console, &id);
        async move {
            eventually(&format!("live state {wanted}"), || async {
                let mapping = mapping(console, id).await;
                (mapping["live"]["state"] == wanted).then_some(mapping)
            })
            .await
        }
    };
    assert_eq!(world.get("app.test", "/").await.status, 200);
    live("ok").await;
    target.stop().await;
    assert_eq!(world.get("app.test", "/").await.status, 502);
    let down = live("target_down").await;
    assert!(down["live"]["reason"].as_str().is_some_and(|reason| reason.contains("refused")), "{down}");
    console.expect(200, "PATCH", &format!("/api/v1/mappings/{id}/toggle"), Some(json!({ "enabled": false }))).await;
    live("disabled").await;
    eventually("a disabled mapping is not served", || async {
        (world.get("app.test", "/").await.status == 404).then_some(())
    })
    .await;
    console.expect(200, "PATCH", &format!("/api/v1/mappings/{id}/toggle"), Some(json!({ "enabled": true }))).await;
    gateway.kill().await;
    live("agent_away").await;
}

async fn newest_request(console: &octoporty_e2e::console::ConsoleClient, path: &str) -> Value {
    eventually("the request is in the log", || async {
        let page = console.expect(200, "GET", "/api/v1/logs/requests?count=50", None).await;
        let entries = page["items"].as_array()?;
        entries.iter().find(|entry| entry["path"] == path).cloned()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_log_entry_tells_what_was_sent() {
    let world = World::new();
    let pair = world.pair().await;
    let target = Target::start(world.ip(), |mut peer| async move {
        while let Some(seen) = peer.request().await {
            tokio::time::sleep(Duration::from_millis(120)).await;
            if seen.path() == "/teapot?milk=1" {
                peer.send(b"HTTP/1.1 418 Teapot\r\nContent-Length: 7\r\n\r\n1234567").await;
            } else {
                peer.ok("fine").await;
            }
        }
    })
    .await;
    let id = pair.console.map("app.test", target.address()).await;
    pair.console.applied(&id).await;
    let mut visitor = world.visitor().await;
    visitor
        .send(
            b"PUT /teapot?milk=1 HTTP/1.1\r\nHost: app.test\r\nUser-Agent: a-test/1\r\nContent-Length: 5\r\n\r\nhello",
        )
        .await;
    let reply: Reply = visitor.reply("PUT").await;
    assert_eq!(reply.status, 418);
    let entry = newest_request(&pair.console, "/teapot").await;
    println!("{entry}");
    assert_eq!(entry["method"], "PUT");
    assert_eq!(entry["status"], 418);
    assert_eq!(entry["mappingId"], id.as_str());
    assert_eq!(entry["userAgent"], "a-test/1");
    assert_eq!(entry["requestBytes"], 5);
    assert_eq!(entry["responseBytes"], 7);
    assert_eq!(entry["requestId"].as_str(), reply.header("x-octoporty-request-id"));
    assert!(entry["client"].as_str().is_some_and(|ip| ip.starts_with("127.")), "{entry}");
    let text = entry.to_string();
    assert!(text.contains("milk=1"), "{entry}");
    let first_byte =
        entry["firstByteMs"].as_f64().or_else(|| entry["targetMs"].as_f64()).expect("a time to the first byte");
    assert!((100.0..30_000.0).contains(&first_byte), "{entry}");

    target.stop().await;
    assert_eq!(world.get("app.test", "/gone").await.status, 502);
    let failed = newest_request(&pair.console, "/gone").await;
    assert_eq!(failed["status"], 502);
    assert!(failed.to_string().contains("target_refused"), "{failed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_times_of_tunnel_and_target_follow_their_causes() {
    let world = World::new();
    let _gateway = world.gateway(&[]).await;
    let relay = Relay::start((world.ip(), 0).into(), world.gateway_address()).await;
    let (_agent, console) = world.agent_via(relay.address(), &[]).await;
    console.connection("Connected").await;
    let target = Target::start(world.ip(), |mut peer| async move {
        while let Some(seen) = peer.request().await {
            if seen.path().starts_with("/slow") {
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            peer.ok("fine").await;
        }
    })
    .await;
    let id = console.map("app.test", target.address()).await;
    console.applied(&id).await;
    let times = async |path: String| {
        assert_eq!(world.get("app.test", &path).await.status, 200);
        let entry = newest_request(&console, &path).await;
        let row = console.expect(200, "GET", &format!("/api/v1/logs/requests/{}", entry["id"]), None).await;
        assert_eq!(row, entry);
        let [whole, tunnel, target] =
            ["firstByteMs", "tunnelMs", "targetMs"].map(|name| entry[name].as_f64().unwrap_or(f64::NAN));
        assert!((tunnel + target - whole).abs() < 0.01, "{entry}");
        (tunnel, target)
    };
    // The round trip is the newest one that was measured: now and then a slow one, where the machine is busy.
    let tries = std::sync::atomic::AtomicUsize::new(0);
    let once = async |path: &str, is_right: fn(f64, f64) -> bool| {
        let tries = tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let (tunnel, target) = times(format!("{path}{tries}")).await;
        is_right(tunnel, target).then_some(())
    };
    eventually("the target's time shows its delay", || {
        once("/slow", |tunnel, target| target >= 150.0 && tunnel < 150.0)
    })
    .await;
    relay.set(Mode::Pass(Duration::from_millis(80)));
    eventually("the tunnel's time shows the relay's delay", || {
        once("/far", |tunnel, target| tunnel >= 150.0 && target < 150.0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboards_figures_follow_the_traffic() {
    let world = World::new();
    let pair = world.pair().await;
    let target = mirror(world.ip()).await;
    let id = pair.console.map("app.test", target.address()).await;
    pair.console.applied(&id).await;
    let quiet = pair.console.expect(200, "GET", "/api/v1/stats/live", None).await;
    assert_eq!(quiet["requests"], 0);
    for _ in 0..20 {
        assert_eq!(world.get("app.test", "/").await.status, 200);
    }
    let busy = eventually("twenty requests are counted", || async {
        let stats = pair.console.expect(200, "GET", "/api/v1/stats/live", None).await;
        (stats["requests"] == 20).then_some(stats)
    })
    .await;
    assert_eq!(busy["errors"], 0);
    assert_eq!(busy["successRate"], 1.0);
    assert!(busy["p95Ms"].as_f64().is_some_and(|ms| ms > 0.0), "{busy}");
    eventually("bytes are counted", || async {
        let stats = pair.console.expect(200, "GET", "/api/v1/stats/live", None).await;
        (stats["bytesPerSecond"].as_f64() > Some(0.0) && stats["requestsPerSecond"].as_f64() > Some(0.0)).then_some(())
    })
    .await;
    target.stop().await;
    for _ in 0..5 {
        assert_eq!(world.get("app.test", "/").await.status, 502);
    }
    let failing = eventually("five errors are counted", || async {
        let stats = pair.console.expect(200, "GET", "/api/v1/stats/live", None).await;
        let listed = stats["newestFailures"].as_array().map(Vec::len);
        (stats["errors"] == 5 && listed == Some(5)).then_some(stats)
    })
    .await;
    assert_eq!(failing["successRate"], 0.8);
    eventually("the streams of the target that stopped are over", || async {
        let traffic = pair.console.status().await["traffic"].clone();
        let figure = |name: &str| traffic[name].as_u64().unwrap_or_else(|| panic!("{name} is a number: {traffic}"));
        // An answer of the mirror holds the request, so that it is longer than that.
        let counted = figure("bytesToTargets") > 20 * 40 && figure("bytesToVisitors") > figure("bytesToTargets");
        (counted && figure("streamsOpened") >= 1 && figure("streamsActive") == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connection_log_tells_why_a_session_ended() {
    let world = World::new();
    let mut gateway = world.gateway(&[]).await;
    let (_agent, console) = world.agent(&[]).await;
    gateway.signal("TERM").await;
    gateway.wait(octoporty_e2e::PATIENCE).await;
    let page = eventually("the end is in the log", || async {
        let page = console.expect(200, "GET", "/api/v1/logs/connections", None).await;
        page.to_string().contains("peer_stop").then_some(page)
    })
    .await;
    println!("{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_arrive_when_things_happen() {
    let world = World::new();
    let pair = world.pair().await;
    let target = mirror(world.ip()).await;
    let id = pair.console.map("app.test", target.address()).await;
    pair.console.applied(&id).await;
    let mut events = octoporty_e2e::visitor::Visitor::connect(pair.console.address()).await;
    events.send(pair.console.head("GET", "/api/v1/events").as_bytes()).await;
    assert_eq!(events.head().await.expect("an answer").header("content-type"), Some("text/event-stream"));
    assert_eq!(world.get("app.test", "/seen-live").await.status, 200);
    let mut text = String::new();
    tokio::time::timeout(octoporty_e2e::PATIENCE, async {
        while !text.contains("/seen-live") {
            text.push_str(&String::from_utf8_lossy(&events.chunk().await.expect("the stream goes on")));
        }
    })
    .await
    .expect("the request arrives as an event");
    assert!(text.contains("id:"), "events can be resumed: {text}");
}

/// "Test target".
async fn check(console: &octoporty_e2e::console::ConsoleClient, host: &str, port: u16, protocol: &str) -> Value {
    let body = json!({ "internalHost": host, "internalPort": port, "internalProtocol": protocol });
    console.expect(200, "POST", "/api/v1/mappings/test-target", Some(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_is_tested_from_where_the_agent_stands() {
    let world = World::new();
    let (_agent, console) = world.agent_via(world.gateway_address(), &[]).await;
    let answers = async |status: u16| {
        Target::start(world.ip(), move |mut peer| async move {
            while let Some(seen) = peer.request().await {
                assert_eq!(seen.line, "HEAD / HTTP/1.1");
                peer.send(format!("HTTP/1.1 {status} So\r\nContent-Length: 0\r\n\r\n").as_bytes()).await;
            }
        })
        .await
    };
    let ip = world.ip().to_string();
    for status in [204, 418] {
        let target = answers(status).await;
        let good = check(&console, &ip, target.address().port(), "http").await;
        assert_eq!(
            (&good["success"], &good["state"], &good["httpStatus"]),
            (&json!(true), &json!("up"), &json!(status))
        );
        assert!(good["message"].as_str().is_some_and(|text| text.contains(&status.to_string())), "{good}");
        assert_eq!((&good["code"], &good["hint"]), (&Value::Null, &Value::Null));
        assert_eq!(good["target"], format!("http://{}", target.address()));
        assert_eq!(good["address"], target.address().to_string());
    }
    // What the name leads to is told beside the name.
    let named = Target::start([127, 0, 0, 1].into(), |mut peer| async move {
        while peer.request().await.is_some() && peer.ok("").await {}
    })
    .await;
    let good = check(&console, "localhost", named.address().port(), "http").await;
    assert_eq!(good["target"], format!("http://localhost:{}", named.address().port()));
    assert_eq!(good["address"], named.address().to_string());

    let nobody = target::free_address(world.ip());
    let down = check(&console, &ip, nobody.port(), "http").await;
    assert_eq!(
        (&down["success"], &down["state"], &down["code"]),
        (&json!(false), &json!("down"), &json!("target_refused"))
    );
    assert!(down["message"].as_str().is_some_and(|text| text.contains("refused")), "{down}");
    assert!(down["hint"].as_str().is_some_and(|text| text.contains("start the service")), "{down}");
    assert_eq!((&down["address"], &down["httpStatus"]), (&Value::Null, &Value::Null));
    let unknown = check(&console, "no-such-host.invalid", 80, "http").await;
    assert_eq!(
        (&unknown["code"], &unknown["target"]),
        (&json!("target_dns"), &json!("http://no-such-host.invalid:80"))
    );
    assert_ne!(unknown["hint"], down["hint"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_of_a_target_tells_how_long_it_took() {
    let world = World::new();
    let (_agent, console) = world.agent_via(world.gateway_address(), &[]).await;
    let ip = world.ip().to_string();
    // Its handshake takes a while, and then it does not want.
    let slow = Target::start(world.ip(), |mut peer| async move {
        peer.read_some().await;
        tokio::time::sleep(Duration::from_millis(400)).await;
        peer.send(b"\x15\x03\x03\x00\x02\x02\x46").await;
    })
    .await;
    let nobody = target::free_address(world.ip());
    let late = check(&console, &ip, slow.address().port(), "https").await;
    assert_eq!(late["code"], "target_tls", "{late}");
    assert!(late["durationMs"].as_f64() >= Some(400.0), "{late}");
    eventually("a target that is quick is told to be", || async {
        (check(&console, &ip, nobody.port(), "http").await["durationMs"].as_f64() < Some(400.0)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_visitors_got_while_the_agent_was_away_is_in_its_log_afterwards() {
    let world = World::new();
    let mut pair = world.pair().await;
    let target = mirror(world.ip()).await;
    let id = pair.console.map("app.test", target.address()).await;
    pair.console.applied(&id).await;
    pair.agent.kill().await;
    eventually("the gateway notices", || async {
        (world.get("app.test", "/meanwhile").await.status == 503).then_some(())
    })
    .await;
    let (_agent, console) = world.agent(&[]).await;
    let entry = newest_request(&console, "/meanwhile").await;
    assert_eq!(entry["status"], 503, "{entry}");
    assert!(entry.to_string().contains("agent_away"), "{entry}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_in_the_connection_log_as_long_as_it_stands() {
    let world = World::new();
    let mut pair = world.pair().await;
    let session = pair.console.status().await["sessionId"].clone();
    let entry = async |console: &octoporty_e2e::console::ConsoleClient| -> Option<Value> {
        let page = console.expect(200, "GET", "/api/v1/logs/connections", None).await;
        page["items"].as_array()?.iter().find(|entry| entry["sessionId"] == session).cloned()
    };
    let standing = eventually("it is in the log", || entry(&pair.console)).await;
    println!("{standing}");
    assert!(standing["endedAt"].is_null() && standing["startedAt"].is_string(), "{standing}");
    pair.gateway.kill().await;
    eventually("its end is as well", || async {
        entry(&pair.console).await.filter(|entry| entry["endedAt"].is_string())
    })
    .await;
}
