//! What goes wrong is said clearly: a stable code, the hop, a cause, a hint; and nothing else is touched.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use octoporty_e2e::relay::{Ending, Relay};
use octoporty_e2e::target::{self, Target, mirror};
use octoporty_e2e::visitor::{Reply, curl};
use octoporty_e2e::world::{Pair, World};
use octoporty_e2e::{PATIENCE, tls};
use serde_json::{Value, json};

async fn map(pair: &Pair, domain: &str, scheme: &str, host: &str, port: u16, invalid: bool) {
    let id = pair
        .console
        .map_with(json!({ "name": domain, "externalDomain": domain, "internalHost": host, "internalPort": port,
                          "internalProtocol": scheme, "allowInvalidCertificates": invalid }))
        .await;
    pair.console.applied(&id).await;
}

fn assert_failure(reply: &Reply, status: u16, code: &str, hop: &str) {
    assert_eq!(reply.status, status, "{}", reply.text());
    let document = reply.json();
    assert_eq!(document["code"], code, "{document}");
    assert_eq!(document["hop"], hop, "{document}");
    for field in ["title", "detail", "hint", "requestId", "message"] {
        assert!(document[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {document}");
    }
    assert_eq!(document["requestId"].as_str(), reply.header("x-octoporty-request-id"));
    assert_eq!(reply.header("content-type"), Some("application/problem+json"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_failure_of_a_target_has_its_code() {
    let world = World::new();
    let certificates = tls::Certificates::make();
    let plain = mirror(world.ip()).await;
    let secure = tls::mirror(world.ip(), &certificates.valid("target.internal")).await;
    // As web servers do, it answers a TLS hello with a 400 in plain HTTP.
    let puzzled = Target::start(world.ip(), |mut peer| async move {
        peer.read_some().await;
        peer.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
    })
    .await;
    let silent = Target::start(world.ip(), |mut peer| async move { peer.closed().await }).await;
    let closes = Target::start(world.ip(), |mut peer| async move {
        peer.request().await;
    })
    .await;
    let nonsense = Target::start(world.ip(), |mut peer| async move {
        peer.request().await;
        peer.send(b"220 mail.example ESMTP\r\n").await;
        peer.closed().await;
    })
    .await;
    let nobody = target::free_address(world.ip());
    let gateway = world.gateway(&[("Gateway__Limits__FirstByteTimeoutSeconds", "2")]).await;
    let (agent, console) = world.agent(&[]).await;
    let pair = Pair { gateway, agent, console };
    let ip = world.ip().to_string();
    map(&pair, "refused.test", "http", &ip, nobody.port(), false).await;
    map(&pair, "dns.test", "http", "no-such-host.invalid", 80, false).await;
    map(&pair, "plain.test", "https", &ip, puzzled.address().port(), true).await;
    map(&pair, "secure.test", "http", &ip, secure.address().port(), false).await;
    map(&pair, "strict.test", "https", &ip, secure.address().port(), false).await;
    map(&pair, "silent.test", "http", &ip, silent.address().port(), false).await;
    map(&pair, "closes.test", "http", &ip, closes.address().port(), false).await;
    map(&pair, "nonsense.test", "http", &ip, nonsense.address().port(), false).await;
    map(&pair, "metadata.test", "http", "169.254.169.254", 80, false).await;
    map(&pair, "good.test", "http", &ip, plain.address().port(), false).await;
    for (domain, status, code, hop) in [
        ("refused.test", 502, "target_refused", "target"),
        ("dns.test", 502, "target_dns", "target"),
        ("plain.test", 502, "target_speaks_http", "target"),
        ("secure.test", 502, "target_speaks_tls", "target"),
        ("strict.test", 502, "target_certificate", "target"),
        ("silent.test", 504, "first_byte_timeout", "target"),
        ("closes.test", 502, "target_closed", "target"),
        ("nonsense.test", 502, "target_malformed", "target"),
        ("metadata.test", 502, "target_denied", "agent"),
        ("nobody.test", 404, "not_mapped", "gateway"),
    ] {
        let reply = tokio::time::timeout(PATIENCE, world.get(domain, "/")).await.expect("every failure has its bound");
        println!("{domain}: {}", reply.text());
        assert_failure(&reply, status, code, hop);
        assert!(!reply.text().contains(&ip), "an internal address was shown: {}", reply.text());
        assert_eq!(world.get("good.test", "/").await.status, 200, "after {domain}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_gets_a_page_and_a_program_gets_json() {
    let world = World::new();
    let pair = world.pair().await;
    map(&pair, "refused.test", "http", &world.ip().to_string(), target::free_address(world.ip()).port(), false).await;
    for (host, status) in [("refused.test", 502), ("unmapped.test", 404)] {
        let mut visitor = world.visitor().await;
        visitor.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\nAccept: text/html,*/*;q=0.8\r\n\r\n").as_bytes()).await;
        let page = visitor.reply("GET").await;
        assert_eq!(page.status, status);
        assert!(page.header("content-type").is_some_and(|t| t.starts_with("text/html")), "{:?}", page.headers);
        assert!(page.body.len() < 12 * 1024, "{} bytes", page.body.len());
        assert!(!page.text().contains("<script"));
        if status == 502 {
            let id = page.header("x-octoporty-request-id").expect("an id").to_owned();
            assert!(page.text().contains(&id) && page.text().contains("target_refused"), "{}", page.text());
        } else {
            assert!(page.text().contains("Octoporty Gateway"));
        }
        let json = world.get(host, "/").await;
        assert_eq!(json.header("content-type"), Some("application/problem+json"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_whose_agent_is_away_is_503_and_comes_back() {
    let world = World::new();
    let target = mirror(world.ip()).await;
    let mut pair = world.pair().await;
    map(&pair, "app.test", "http", &world.ip().to_string(), target.address().port(), false).await;
    assert_eq!(world.get("app.test", "/").await.status, 200);
    pair.agent.kill().await;
    let away = octoporty_e2e::eventually("the gateway notices", || async {
        let reply = world.get("app.test", "/").await;
        (reply.status == 503).then_some(reply)
    })
    .await;
    assert_failure(&away, 503, "agent_away", "tunnel");
    octoporty_e2e::eventually("the session is gone as well, not only its links", || async {
        (world.get("gateway.test", "/health").await.json()["sessions"] == 0).then_some(())
    })
    .await;
    assert_failure(&world.get("app.test", "/").await, 503, "agent_away", "tunnel");
    let (_agent, _console) = world.agent(&[]).await;
    octoporty_e2e::eventually("it is back", || async {
        (world.get("app.test", "/").await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_and_oversized_requests_end_at_the_gateway() {
    let world = World::new();
    let target = mirror(world.ip()).await;
    let pair = world.pair().await;
    map(&pair, "app.test", "http", &world.ip().to_string(), target.address().port(), false).await;
    let before = target.connections();
    let big = format!("GET / HTTP/1.1\r\nHost: app.test\r\nX-Big: {}\r\n\r\n", "x".repeat(100_000));
    for (name, request, statuses) in [
        (
            "conflicting lengths",
            "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
            &[400][..],
        ),
        ("two hosts", "GET / HTTP/1.1\r\nHost: app.test\r\nHost: other.test\r\n\r\n", &[400]),
        ("no host", "GET / HTTP/1.1\r\nX-A: 1\r\n\r\n", &[400]),
        ("a space in a name", "GET / HTTP/1.1\r\nHost: app.test\r\nX Y: 1\r\n\r\n", &[400]),
        ("an unknown coding", "POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: gzip\r\n\r\n", &[400, 501]),
        ("not HTTP", "HELLO\r\n\r\n", &[400]),
        ("a large head", &big, &[431]),
    ] {
        let mut visitor = world.visitor().await;
        visitor.send(request.as_bytes()).await;
        let reply = visitor.reply("GET").await;
        assert!(statuses.contains(&reply.status), "{name}: {} {}", reply.status, reply.text());
    }
    assert_eq!(target.connections(), before, "none of it reached the target");
    // A malformed chunk is only found while the body streams: the target must not take the request for whole.
    let mut visitor = world.visitor().await;
    visitor
        .send(b"POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n")
        .await;
    let reply = visitor.reply("POST").await;
    assert!(reply.status == 400 || reply.status == 0 || reply.status == 502, "{} {}", reply.status, reply.text());
    assert_eq!(world.get("app.test", "/").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_cannot_be_smuggled() {
    let world = World::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let lines = Arc::clone(&seen);
    let target = Target::start(world.ip(), move |mut peer| {
        let lines = Arc::clone(&lines);
        async move {
            while let Some(request) = peer.request().await {
                lines.lock().expect("no test fails while it holds this").push(request.line.clone());
                let framings = request.all("content-length").len() + request.all("transfer-encoding").len();
                peer.ok(&framings.to_string()).await;
            }
        }
    })
    .await;
    let pair = world.pair().await;
    map(&pair, "app.test", "http", &world.ip().to_string(), target.address().port(), false).await;
    let hidden = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n";
    let length = hidden.len();
    let mut visitor = world.visitor().await;
    // Both framings at once: whatever is taken for the body, the second request must not become one of its own.
    let both = format!(
        "POST /one HTTP/1.1\r\nHost: app.test\r\nContent-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n{hidden}"
    );
    visitor.send(both.as_bytes()).await;
    let first = visitor.reply("POST").await;
    if first.status == 200 {
        assert_eq!(first.text(), "1", "one framing reaches the target");
    } else {
        assert_eq!(first.status, 400);
    }
    let rest = tokio::time::timeout(PATIENCE, visitor.read_some()).await.expect("the connection ends");
    assert!(rest.is_empty(), "a second answer: {}", String::from_utf8_lossy(&rest));
    // Whatever was on its way to the target over the same warm stream is there before this.
    assert_eq!(world.get("app.test", "/after").await.status, 200);
    let seen = seen.lock().expect("no test fails while it holds this").clone();
    assert!(seen.iter().any(|line| line.contains("/after")), "{seen:?}");
    assert!(!seen.iter().any(|line| line.contains("/smuggled")), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn https_targets_with_any_invalid_certificate_work_when_allowed() {
    let world = World::new();
    let certificates = tls::Certificates::make();
    let pair = world.pair().await;
    let ip = world.ip().to_string();
    let kinds = [
        ("expired", certificates.expired("target.internal")),
        ("other", certificates.valid("somebody-else.internal")),
        ("private", certificates.valid("target.internal")),
        ("self", tls::Certificates::self_signed("target.internal")),
    ];
    for (name, certificate) in kinds {
        let target = tls::mirror(world.ip(), &certificate).await;
        let port = target.address().port();
        map(&pair, &format!("{name}-strict.test"), "https", &ip, port, false).await;
        map(&pair, &format!("{name}-allowed.test"), "https", &ip, port, true).await;
        let strict = world.get(&format!("{name}-strict.test"), "/").await;
        assert_failure(&strict, 502, "target_certificate", "target");
        let allowed = world.get(&format!("{name}-allowed.test"), "/x").await;
        assert_eq!(allowed.status, 200, "{name}: {}", allowed.text());
        assert_eq!(allowed.json()["line"], "GET /x HTTP/1.1");
        // An upgrade goes the same way, so wss does as well.
        let mut visitor = world.visitor().await;
        let upgrade =
            format!("GET /up HTTP/1.1\r\nHost: {name}-allowed.test\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n");
        visitor.send(upgrade.as_bytes()).await;
        assert_eq!(visitor.head().await.expect("101").status, 101, "{name}");
        visitor.send(b"ping").await;
        assert_eq!(visitor.read_exactly(4).await, b"ping");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_agent_cannot_take_a_name_and_its_other_names_work() {
    let world = World::new();
    let (one, two) = (mirror(world.ip()).await, mirror(world.ip()).await);
    let pair = world.pair().await;
    map(&pair, "shared.test", "http", &world.ip().to_string(), one.address().port(), false).await;
    let console_two = SocketAddr::new(world.ip(), 17211);
    let _second = world.agent_named("second", console_two, world.gateway_address(), &[]);
    target::listening(console_two).await;
    let console = octoporty_e2e::console::ConsoleClient::login(console_two, octoporty_e2e::world::PASSWORD).await;
    let taken = console.map("shared.test", two.address()).await;
    let own = console.map("own.test", two.address()).await;
    console.applied(&own).await;
    let mapping = octoporty_e2e::eventually("the refusal arrives", || async {
        let mapping = console.expect(200, "GET", &format!("/api/v1/mappings/{taken}"), None).await;
        (mapping["sync"]["state"] == "refused").then_some(mapping)
    })
    .await;
    assert_eq!(mapping["sync"]["code"], "taken");
    let reason = mapping["sync"]["reason"].as_str().expect("a reason");
    assert!(reason.contains("agent"), "it names the holder: {reason}");
    assert_eq!((&mapping["live"]["state"], &mapping["live"]["code"]), (&json!("refused"), &json!("taken")));
    assert_eq!(mapping["live"]["reason"], mapping["sync"]["reason"]);
    assert_eq!(world.get("own.test", "/").await.status, 200);
    assert_eq!(world.get("shared.test", "/").await.status, 200);
    assert_eq!(two.connections(), 1, "the taken name still leads to the first agent");
    // When the first agent lets go, the waiting claim is served without anybody's doing.
    let mappings = pair.console.expect(200, "GET", "/api/v1/mappings", None).await;
    let id = mappings[0]["id"].as_str().expect("an id").to_owned();
    pair.console.expect(204, "DELETE", &format!("/api/v1/mappings/{id}"), None).await;
    console.applied(&taken).await;
    let mapping = console.expect(200, "GET", &format!("/api/v1/mappings/{taken}"), None).await;
    assert!(mapping["sync"]["code"].is_null() && mapping["sync"]["reason"].is_null(), "{mapping}");
    assert_eq!(world.get("shared.test", "/").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_refused_in_words_and_locked_out_in_the_end() {
    let world = World::new();
    let _gateway = world.gateway(&[]).await;
    let (mut agent, console) = world
        .agent_via(world.gateway_address(), &[("Agent__ApiKey", "another-key-which-is-also-40-characters!")])
        .await;
    let error = octoporty_e2e::eventually("the refusal is shown", || async {
        console.status().await["lastError"].as_str().map(str::to_owned)
    })
    .await;
    assert!(error.contains("key"), "{error}");
    assert_ne!(console.status().await["connectionStatus"], "Connected");
    assert!(agent.is_running());
    assert!(!agent.output().contains("another-key"), "a key never stands in a log");
    let request = b"GET /tunnel HTTP/1.1\r\nHost: gateway.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nX-Api-Key: wrong\r\n\r\n";
    let mut statuses = Vec::new();
    for _ in 0..8 {
        let mut visitor = world.visitor().await;
        visitor.send(request).await;
        let reply = visitor.reply("GET").await;
        statuses.push(reply.status);
        if reply.status == 429 {
            assert!(reply.header("retry-after").and_then(|s| s.parse::<u32>().ok()).is_some_and(|s| s <= 60));
        }
    }
    assert!(statuses.contains(&401) && statuses.last() == Some(&429), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_taken_from_both_headers_and_never_from_the_query() {
    let world = World::new();
    let _gateway = world.gateway(&[]).await;
    let key = octoporty_e2e::world::KEY;
    for (name, header, query, status) in [
        ("x-api-key", format!("X-Api-Key: {key}"), String::new(), 101),
        ("bearer", format!("Authorization: Bearer {key}"), String::new(), 101),
        ("query", "X-Nothing: 1".to_owned(), format!("?api_key={key}"), 401),
    ] {
        let mut visitor = world.visitor().await;
        let request = format!(
            "GET /tunnel{query} HTTP/1.1\r\nHost: gateway.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{header}\r\n\r\n"
        );
        visitor.send(request.as_bytes()).await;
        let head = visitor.head().await.expect("an answer");
        assert_eq!(head.status, status, "{name}");
        if status == 101 {
            assert_eq!(head.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_live_agents_of_one_name_are_told_and_settle() {
    let world = World::new();
    let pair = world.pair().await;
    let spare = SocketAddr::new(world.ip(), 17221);
    let database = format!("Data Source={}", world.path("twin.db").display());
    let _twin = world.agent_named(
        "agent",
        spare,
        world.gateway_address(),
        &[("ConnectionStrings__DefaultConnection", &database), ("Agent__ReconnectDelaySeconds", "1")],
    );
    target::listening(spare).await;
    let twin = octoporty_e2e::console::ConsoleClient::login(spare, octoporty_e2e::world::PASSWORD).await;
    let told = octoporty_e2e::eventually("one of the two is told what to change", || async {
        for console in [&pair.console, &twin] {
            let error = console.status().await["lastError"].as_str().unwrap_or_default().to_owned();
            if error.contains("Agent__Name") {
                return Some(error);
            }
        }
        None
    })
    .await;
    println!("{told}");
}

/// The MD5 of a text, by the system's own tool.
async fn md5(text: &Value) -> String {
    let script = "printf %s \"$0\" | md5sum";
    let mut command = tokio::process::Command::new("sh");
    let output = command.args(["-c", script, text.as_str().expect("a text")]).output().await.expect("sh runs");
    String::from_utf8(output.stdout).expect("text").split(' ').next().expect("a hash").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn landing_page_of_the_agent_shows_at_the_gateways_own_name() {
    let world = World::new();
    let _gateway = world.gateway(&[]).await;
    let (_agent, console) = world.agent(&[("Agent__GatewayFqdn", "gateway.test")]).await;
    let own = console.expect(200, "GET", "/api/v1/settings/landing-page", None).await;
    assert_eq!(world.get("gateway.test", "/").await.text(), own["html"].as_str().expect("a text"));
    assert_eq!((own["isDefault"].as_bool(), own["hash"].as_str()), (Some(true), Some(&*md5(&own["html"]).await)));
    assert!(world.get("gateway.test", "/").await.text().contains("Octoporty Gateway"));
    let redirect = world.get("gateway.test", "/elsewhere").await;
    assert_eq!((redirect.status, redirect.header("location")), (302, Some("/")));
    let html = "<!doctype html><title>Ours</title><p>Unusual words 4711";
    let answer = console.expect(200, "PUT", "/api/v1/settings/landing-page", Some(json!({ "html": html }))).await;
    assert_eq!((&answer["html"], answer["isDefault"].as_bool()), (&json!(html), Some(false)));
    assert_eq!(answer["hash"].as_str(), Some(&*md5(&answer["html"]).await));
    assert_ne!(answer["hash"], own["hash"]);
    assert_eq!(console.expect(200, "GET", "/api/v1/settings/landing-page", None).await, answer);
    octoporty_e2e::eventually("the gateway shows it", || async {
        (world.get("gateway.test", "/").await.text() == html).then_some(())
    })
    .await;
    assert_eq!(console.expect(200, "DELETE", "/api/v1/settings/landing-page", None).await, own);
    octoporty_e2e::eventually("the default is back", || async {
        world.get("gateway.test", "/").await.text().contains("Octoporty Gateway").then_some(())
    })
    .await;
    let page = curl(&["--header", "Host: gateway.test", &format!("http://{}/", world.gateway_address())]).await;
    assert!(String::from_utf8_lossy(&page).contains("Octoporty Gateway"));
}

#[tokio::test(flavor = "multi_thread")]
async fn rarer_failures_of_a_target_have_their_codes_too() {
    let world = World::new();
    let pair = world.pair().await;
    let ip = world.ip().to_string();
    // It wants no version of TLS that the agent speaks.
    let picky = Target::start(world.ip(), |mut peer| async move {
        peer.read_some().await;
        peer.send(b"\x15\x03\x03\x00\x02\x02\x46").await;
    })
    .await;
    // Its backlog is full, and nobody accepts: a host that drops what comes.
    let full = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    full.bind(&SocketAddr::new(world.ip(), 0).into()).expect("a free port");
    full.listen(0).expect("listen");
    let dropping = full.local_addr().expect("bound").as_socket().expect("an address");
    let mut waiting = Vec::new();
    while let Ok(socket) = std::net::TcpStream::connect_timeout(&dropping, std::time::Duration::from_millis(300)) {
        waiting.push(socket);
    }
    map(&pair, "tls.test", "https", &ip, picky.address().port(), true).await;
    map(&pair, "nowhere.test", "http", "255.255.255.255", 80, false).await;
    map(&pair, "dropping.test", "http", &ip, dropping.port(), false).await;
    for (domain, status, code) in [
        ("tls.test", 502, "target_tls"),
        ("nowhere.test", 502, "target_unreachable"),
        ("dropping.test", 504, "target_timeout"),
    ] {
        let reply = world.get(domain, "/").await;
        assert_failure(&reply, status, code, "target");
        assert!(!reply.text().contains(&ip), "an internal address was shown: {}", reply.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_link_breaks_is_told_of_the_tunnel_and_not_of_the_target() {
    let world = World::new();
    let silent = Target::start(world.ip(), |mut peer| async move { peer.closed().await }).await;
    let gateway = world.gateway(&[]).await;
    let relay = Relay::start(SocketAddr::new(world.ip(), 0), world.gateway_address()).await;
    let (agent, console) = world.agent_via(relay.address(), &[]).await;
    let pair = Pair { gateway, agent, console };
    map(&pair, "app.test", "http", &world.ip().to_string(), silent.address().port(), false).await;
    let mut visitor = world.visitor().await;
    visitor.send(b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    octoporty_e2e::eventually("the target has the request", || async { (silent.connections() == 1).then_some(()) })
        .await;
    relay.cut(Ending::Reset);
    assert_failure(&visitor.reply("GET").await, 502, "tunnel_lost", "tunnel");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_goes_silent_half_way_is_cut_off_and_told_in_the_log() {
    let world = World::new();
    let target = Target::start(world.ip(), |mut peer| async move {
        let Some(seen) = peer.head().await else { return };
        if seen.path() == "/raw" {
            peer.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\nhi").await;
        } else {
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await;
        }
        peer.closed().await;
    })
    .await;
    let gateway = world.gateway(&[("Gateway__Limits__IdleTimeoutSeconds", "1")]).await;
    let (agent, console) = world.agent(&[]).await;
    let pair = Pair { gateway, agent, console };
    map(&pair, "app.test", "http", &world.ip().to_string(), target.address().port(), false).await;
    let reply = tokio::time::timeout(octoporty_e2e::PATIENCE, world.get("app.test", "/half")).await.expect("it is cut");
    assert_eq!((reply.status, reply.text().as_str(), reply.complete), (200, "half", false));
    let mut visitor = world.visitor().await;
    visitor.send(b"GET /raw HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n").await;
    assert_eq!(visitor.head().await.expect("101").status, 101);
    assert_eq!(visitor.read_exactly(2).await, b"hi");
    let end = tokio::time::timeout(octoporty_e2e::PATIENCE, visitor.read_some()).await.expect("it is cut as well");
    assert!(end.is_empty());
    octoporty_e2e::eventually("both are in the log", || async {
        let page = pair.console.expect(200, "GET", "/api/v1/logs/requests", None).await;
        let told = page["items"].as_array()?.iter().filter(|entry| entry.to_string().contains("idle_timeout")).count();
        (told == 2).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_more_than_a_share_is_told_so_until_something_is_given_back() {
    let world = World::new();
    let target = Target::start(world.ip(), |mut peer| async move {
        while let Some(seen) = peer.request().await {
            if seen.path() == "/hold" {
                return peer.closed().await;
            }
            peer.ok("fine").await;
        }
    })
    .await;
    let gateway = world
        .gateway(&[
            ("Gateway__TrustedProxies", ""),
            ("Gateway__Limits__ConnectionsPerSource", "4"),
            ("Gateway__Limits__StreamsPerSession", "2"),
        ])
        .await;
    let (agent, console) = world.agent(&[]).await;
    let pair = Pair { gateway, agent, console };
    map(&pair, "app.test", "http", &world.ip().to_string(), target.address().port(), false).await;
    let mut held = Vec::new();
    for n in 1..=2 {
        let mut visitor = world.visitor().await;
        visitor.send(b"GET /hold HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
        octoporty_e2e::eventually("the target has it", || async { (target.connections() == n).then_some(()) }).await;
        held.push(visitor);
    }
    let mut third = world.visitor().await;
    assert_failure(&third.get("app.test", "/").await, 503, "agent_busy", "tunnel");
    // The three that stand are among the four that one source may have.
    let mut more = Vec::new();
    let told = loop {
        let mut visitor = world.visitor().await;
        let reply = visitor.get("unmapped.test", "/").await;
        if reply.status != 404 {
            break reply;
        }
        more.push(visitor);
        assert!(more.len() < 2, "a fifth connection of one source is served");
    };
    assert_failure(&told, 429, "too_many_connections", "gateway");
    assert_eq!(more.len(), 1, "the agent's link, of the same source, is none of its visitors");
    held.clear();
    octoporty_e2e::eventually("there is room again", || async {
        (world.get("app.test", "/").await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_live_agents_of_one_name_do_not_take_turns_for_ever() {
    let world = World::new();
    let _gateway = world.gateway(&[]).await;
    let quick = [("Agent__ReconnectDelaySeconds", "1")];
    let (_agent, console) = world.agent(&quick).await;
    let spare = SocketAddr::new(world.ip(), 17221);
    let database = format!("Data Source={}", world.path("twin.db").display());
    let settings = [quick[0], ("ConnectionStrings__DefaultConnection", database.as_str())];
    let _twin = world.agent_named("agent", spare, world.gateway_address(), &settings);
    target::listening(spare).await;
    let twin = octoporty_e2e::console::ConsoleClient::login(spare, octoporty_e2e::world::PASSWORD).await;
    let (loser, winner) = octoporty_e2e::eventually("one of the two is refused", || async {
        for (one, other) in [(&console, &twin), (&twin, &console)] {
            let error = one.status().await["lastError"].as_str().unwrap_or_default().to_owned();
            if error.contains("keep taking over each other") {
                return Some((one, other));
            }
        }
        None
    })
    .await;
    assert_ne!(loser.status().await["connectionStatus"], "Connected");
    let session = winner.status().await["sessionId"].clone();
    // The loser tries again all the time; whoever holds the name keeps it.
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    let status = winner.status().await;
    assert_eq!((&status["connectionStatus"], &status["sessionId"]), (&json!("Connected"), &session));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_claim_is_served_when_the_holder_of_the_name_is_away() {
    let world = World::new();
    let (one, two) = (mirror(world.ip()).await, mirror(world.ip()).await);
    let mut pair = world.pair().await;
    map(&pair, "shared.test", "http", &world.ip().to_string(), one.address().port(), false).await;
    let console_two = SocketAddr::new(world.ip(), 17211);
    let _second = world.agent_named("second", console_two, world.gateway_address(), &[]);
    target::listening(console_two).await;
    let console = octoporty_e2e::console::ConsoleClient::login(console_two, octoporty_e2e::world::PASSWORD).await;
    let waits = console.map("shared.test", two.address()).await;
    octoporty_e2e::eventually("the claim waits", || async {
        let mapping = console.expect(200, "GET", &format!("/api/v1/mappings/{waits}"), None).await;
        (mapping["sync"]["state"] == "refused").then_some(())
    })
    .await;
    pair.agent.kill().await;
    console.applied(&waits).await;
    assert_eq!(world.get("shared.test", "/").await.status, 200);
    assert_eq!(two.connections(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_passes_on_as_soon_as_its_holder_says_that_it_stops() {
    let world = World::new();
    let holds = Target::start(world.ip(), |mut peer| async move { peer.closed().await }).await;
    let waits = mirror(world.ip()).await;
    let pair = world.pair().await;
    map(&pair, "shared.test", "http", &world.ip().to_string(), holds.address().port(), false).await;
    let console_two = SocketAddr::new(world.ip(), 17211);
    let _second = world.agent_named("second", console_two, world.gateway_address(), &[]);
    target::listening(console_two).await;
    let console = octoporty_e2e::console::ConsoleClient::login(console_two, octoporty_e2e::world::PASSWORD).await;
    let claim = console.map("shared.test", waits.address()).await;
    octoporty_e2e::eventually("the claim waits", || async {
        let mapping = console.expect(200, "GET", &format!("/api/v1/mappings/{claim}"), None).await;
        (mapping["sync"]["state"] == "refused").then_some(())
    })
    .await;
    let mut held = world.visitor().await;
    held.send(b"GET / HTTP/1.1\r\nHost: shared.test\r\n\r\n").await;
    octoporty_e2e::eventually("the first agent's target has it", || async { (holds.connections() == 1).then_some(()) })
        .await;
    // That request keeps the agent from ending; its name is free all the same.
    pair.agent.signal("TERM").await;
    console.applied(&claim).await;
    assert_eq!(world.get("shared.test", "/").await.status, 200);
    let cut = tokio::time::timeout(std::time::Duration::from_millis(500), held.read_some()).await;
    assert!(cut.is_err(), "the name passed on only when the agent had ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_landing_page_over_a_mebibyte_is_refused_and_the_old_one_stays() {
    let world = World::new();
    let _gateway = world.gateway(&[]).await;
    let (_agent, console) = world.agent(&[("Agent__GatewayFqdn", "gateway.test")]).await;
    for (size, status) in [(1_048_576, 200), (1_048_577, 413)] {
        let body = json!({ "html": "x".repeat(size) });
        let answer = console.call("PUT", "/api/v1/settings/landing-page", Some(body)).await;
        assert_eq!(answer.status, status, "{size} bytes: {}", &answer.text()[..answer.body.len().min(300)]);
    }
    octoporty_e2e::eventually("the largest one is shown", || async {
        (world.get("gateway.test", "/").await.body.len() == 1_048_576).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_of_another_version_is_told_which_end_to_update_and_features_are_a_choice_of_both() {
    let world = World::new();
    let _gateway = world.gateway(&[]).await;
    let gateway = world.gateway_address();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/foreign_agent.py");
    let hello = async |versions: &str, features: &str| -> serde_json::Value {
        let output = tokio::process::Command::new(octoporty_e2e::target::python())
            .args([script, &gateway.to_string(), octoporty_e2e::world::KEY, versions, features])
            .output()
            .await
            .expect("python runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let newer = hello("[98, 99]", r#"["lz4"]"#).await;
    assert_eq!((&newer["type"], &newer["code"]), (&json!("refused"), &json!("version")), "{newer}");
    assert!(newer["text"].as_str().is_some_and(|text| text.contains("98, 99") && text.contains("update")), "{newer}");
    let both = hello("[99, 1]", r#"["of_the_future", "lz4"]"#).await;
    assert_eq!((&both["type"], &both["version"]), (&json!("welcome"), &json!(1)), "{both}");
    assert_eq!(both["features"], json!(["lz4"]), "{both}");
    let plain = hello("[1]", "[]").await;
    assert_eq!((&plain["type"], &plain["features"]), (&json!("welcome"), &json!([])), "{plain}");
}
