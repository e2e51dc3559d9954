//! The request inspector: what is really asked, of whom, and what is told of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use octoporty_e2e::console::ConsoleClient;
use octoporty_e2e::eventually;
use octoporty_e2e::target::{self, Target};
use octoporty_e2e::tls::Certificates;
use octoporty_e2e::world::World;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// How long a target waits that is late.
const LATE: Duration = Duration::from_millis(300);

async fn inspect(console: &ConsoleClient, body: Value) -> Value {
    console.expect(200, "POST", "/api/v1/test/diagnose", Some(body)).await
}

async fn public_url(console: &ConsoleClient, id: &str) -> String {
    let mapping = console.expect(200, "GET", &format!("/api/v1/mappings/{id}"), None).await;
    mapping["publicUrl"].as_str().expect("a mapping has a public URL").to_owned()
}

/// Differences as `kind name`.
fn kinds(found: &Value) -> Vec<String> {
    let of = |one: &Value| format!("{} {}", one["kind"].as_str().unwrap_or("?"), one["name"].as_str().unwrap_or(""));
    found["differences"].as_array().expect("a list").iter().map(|one| of(one).trim().to_owned()).collect()
}

fn sha256(body: &[u8]) -> String {
    Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A target that answers with what it was asked for, and with a header of its own.
async fn app(world: &World) -> Target {
    Target::start(world.ip(), |mut peer| async move {
        while let Some(seen) = peer.request().await {
            let body = format!("{} {}", seen.line, seen.header("host").unwrap_or_default());
            let length = body.len();
            let head = format!(
                "HTTP/1.1 203 Fine\r\nX-App: one\r\nX-App: two\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\r\n"
            );
            if !peer.send((head + &body).as_bytes()).await {
                return;
            }
        }
    })
    .await
}

/// A side that got the answer of [`app`].
fn assert_answered(side: &Value, body: &str) {
    assert_eq!(side["statusCode"], 203);
    assert_eq!(side["headers"]["x-app"], json!(["one", "two"]));
    assert_eq!((&side["bodyText"], &side["bodySize"]), (&json!(body), &json!(body.len())));
    assert_eq!((&side["contentType"], &side["httpVersion"]), (&json!("text/html"), &json!("HTTP/1.1")));
    assert!(side["timing"]["firstByteMs"].as_f64() > Some(0.0) && side["timing"]["connectMs"].is_number());
    assert!(side["timing"]["totalMs"].as_f64() >= side["timing"]["firstByteMs"].as_f64());
    assert_eq!((&side["success"], &side["error"], &side["code"]), (&json!(true), &Value::Null, &Value::Null));
    assert_eq!((&side["madeByGateway"], &side["hint"]), (&json!(false), &Value::Null));
    assert_eq!((&side["bodyTruncated"], &side["bodyBase64"]), (&json!(false), &Value::Null));
    assert_eq!(side["bodySha256"], sha256(body.as_bytes()));
    assert_eq!((&side["request"]["method"], &side["request"]["headers"]["x-asked"]), (&json!("GET"), &json!("yes")));
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_ask_the_target_the_same_and_the_log_has_the_row() {
    let world = World::new();
    let pair = world.pair().await;
    let target = app(&world).await;
    let id = pair
        .console
        .map_with(json!({
            "name": "An app", "externalDomain": "app.test", "pathPrefix": "/api", "stripPrefix": true,
            "hostHeader": "target", "internalHost": world.ip().to_string(), "internalPort": target.address().port(),
        }))
        .await;
    pair.console.applied(&id).await;
    let url = format!("{}/v1?a=b", public_url(&pair.console, &id).await);
    let before = target.connections();
    let found = inspect(&pair.console, json!({ "url": url, "headers": { "X-Asked": "yes" } })).await;
    println!("{found:#}");
    assert_eq!((&found["success"], &found["realRequests"]), (&json!(true), &json!(2)));
    assert_eq!((&found["url"], &found["error"]), (&json!(url), &Value::Null));
    assert_eq!((&found["maxBodyBytes"], &found["gateway"]["timing"]["dnsMs"]), (&json!(131_072), &Value::Null));
    assert_eq!(target.connections() - before, 2, "both are real");
    let body = format!("GET /v1?a=b HTTP/1.1 {}", target.address());
    for side in ["gateway", "agent"] {
        assert_answered(&found[side], &body);
    }
    // The visitor's request, and the one that the mapping makes of it.
    let asked = |side: &str| (found[side]["request"]["host"].clone(), found[side]["request"]["path"].clone());
    let public = format!("app.test:{}", world.gateway_address().port());
    assert_eq!(asked("gateway"), (json!(public), json!("/api/v1?a=b")));
    assert_eq!(asked("agent"), (json!(target.address().to_string()), json!("/v1?a=b")));
    assert_eq!(found["agent"]["via"], Value::Null, "a target has no public name");
    assert_eq!(found["agent"]["address"], target.address().to_string());
    assert_eq!(found["agent"]["dialled"], format!("http://{}", target.address()));
    // No resolver knows the name: the gateway was asked where the agent dials it.
    assert_eq!((&found["gateway"]["via"], found["gateway"]["detour"].is_string()), (&json!("gateway"), true));
    assert_eq!(found["gateway"]["address"], world.gateway_address().to_string());
    assert_eq!(kinds(&found), Vec::<String>::new());
    let mapping = json!({
        "id": id, "name": "An app", "externalDomain": "app.test", "pathPrefix": "/api",
        "internalTarget": target.address().to_string(), "internalProtocol": "Http", "enabled": true,
    });
    assert_eq!(found["mapping"], mapping);
    let rows = found["logs"].as_array().expect("a list");
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0]["requestId"], found["requestId"]);
    assert_eq!((&rows[0]["path"], &rows[0]["status"]), (&json!("/api/v1"), &json!(203)));
    assert!(rows[0]["userAgent"].as_str().is_some_and(|agent| agent.starts_with("Octoporty-Inspector/")), "{rows:?}");

    let head = inspect(&pair.console, json!({ "url": url, "method": "HEAD" })).await;
    assert_eq!((&head["gateway"]["statusCode"], &head["gateway"]["bodySize"]), (&json!(203), &json!(0)));
    assert_eq!(head["agent"]["request"]["method"], "HEAD");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mapping_is_the_one_that_takes_the_url() {
    let world = World::new();
    let pair = world.pair().await;
    let target = app(&world).await;
    let exact = pair.console.map("app.test", target.address()).await;
    let wild = json!({
        "name": "All others", "externalDomain": "*.app.test", "internalHost": world.ip().to_string(),
        "internalPort": target.address().port(),
    });
    let wild = pair.console.map_with(wild).await;
    pair.console.applied(&wild).await;
    let url = public_url(&pair.console, &exact).await;
    for (url, wanted) in [
        (url.replace("app.test", "one.app.test"), [&wild, "All others", "*.app.test", "/"]),
        (url, [&exact, "app.test", "app.test", "/"]),
    ] {
        let found = inspect(&pair.console, json!({ "url": url })).await;
        let told = ["id", "name", "externalDomain", "pathPrefix"].map(|field| found["mapping"][field].clone());
        assert_eq!(told, wanted.map(|text| json!(text)), "{url}");
        assert_eq!(found["success"], true, "{found}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_down_is_told_by_both_sides_with_one_code() {
    let world = World::new();
    let pair = world.pair().await;
    let nobody = target::free_address(world.ip());
    let id = pair.console.map("app.test", nobody).await;
    pair.console.applied(&id).await;
    let found = inspect(&pair.console, json!({ "url": public_url(&pair.console, &id).await })).await;
    println!("{found:#}");
    let (gateway, agent) = (&found["gateway"], &found["agent"]);
    assert_eq!((&gateway["statusCode"], &gateway["madeByGateway"]), (&json!(502), &json!(true)));
    assert_eq!((&agent["success"], &agent["statusCode"]), (&json!(false), &Value::Null));
    assert_eq!((&agent["request"], &agent["address"]), (&Value::Null, &Value::Null), "nobody was asked");
    assert_eq!((&agent["httpVersion"], &agent["contentType"]), (&Value::Null, &Value::Null));
    assert_eq!((&agent["timing"]["connectMs"], &agent["timing"]["firstByteMs"]), (&Value::Null, &Value::Null));
    assert_eq!((&agent["bodySha256"], &agent["headers"]), (&Value::Null, &json!({})));
    assert!(agent["durationMs"].as_f64() > Some(0.0) && agent["durationMs"] == agent["timing"]["totalMs"], "{agent}");
    assert_eq!((&found["realRequests"], &found["error"]), (&json!(1), &gateway["error"]));
    for side in [gateway, agent] {
        assert!(side["error"].as_str().is_some_and(|why| !why.is_empty()), "{side}");
        assert_eq!(side["code"], "target_refused");
        assert!(side["hint"].as_str().is_some_and(|hint| hint.contains("start the service")), "{side}");
    }
    assert_eq!((&found["success"], kinds(&found).is_empty()), (&json!(false), true));
    assert_eq!(found["logs"][0]["error"], "target_refused");

    let private = octoporty_e2e::tls::mirror(world.ip(), &Certificates::make().valid("app.test")).await;
    let fields = json!({
        "externalDomain": "app.test", "internalHost": world.ip().to_string(), "internalPort": private.address().port(),
        "internalProtocol": "https",
    });
    pair.console.expect(200, "PUT", &format!("/api/v1/mappings/{id}"), Some(fields.clone())).await;
    pair.console.applied(&id).await;
    let strict = inspect(&pair.console, json!({ "url": public_url(&pair.console, &id).await })).await;
    assert_eq!((&strict["agent"]["code"], kinds(&strict).is_empty()), (&json!("target_certificate"), true), "{strict}");
    let mut lenient = fields;
    lenient["allowInvalidCertificates"] = json!(true);
    pair.console.expect(200, "PUT", &format!("/api/v1/mappings/{id}"), Some(lenient)).await;
    pair.console.applied(&id).await;
    let lenient = inspect(&pair.console, json!({ "url": public_url(&pair.console, &id).await })).await;
    assert_eq!((&lenient["success"], &lenient["agent"]["statusCode"]), (&json!(true), &json!(200)), "{lenient}");
    assert!(lenient["agent"]["timing"]["tlsMs"].as_f64() > Some(0.0));
    let spoken = (&lenient["mapping"]["internalProtocol"], &lenient["mapping"]["internalTarget"]);
    assert_eq!(spoken, (&json!("Https"), &json!(private.address().to_string())));
    drop(private);

    pair.console
        .expect(200, "PATCH", &format!("/api/v1/mappings/{id}/toggle"), Some(json!({ "enabled": false })))
        .await;
    pair.console.applied(&id).await;
    let off = inspect(&pair.console, json!({ "url": public_url(&pair.console, &id).await })).await;
    assert_eq!((&off["mapping"]["enabled"], &off["gateway"]["statusCode"]), (&json!(false), &json!(404)), "{off}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_proxy_before_the_gateway_changes_is_a_difference() {
    let world = World::new();
    let certificates = Certificates::make();
    let [ca, chain, key] = certificates.files(&world.path("."), &["localhost", "app.test"]);
    let gateway = world.gateway_address();
    let block = format!(
        "listen LISTEN ssl; ssl_certificate {chain}; ssl_certificate_key {key}; proxy_http_version 1.1; \
         proxy_set_header Host $host; proxy_set_header X-Forwarded-Proto $scheme; \
         proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $http_connection; \
         location / {{ proxy_pass http://{gateway}; proxy_hide_header X-App; add_header X-Front nginx always; }}"
    );
    let (_nginx, front) = target::nginx(&world.path("."), [127, 0, 0, 1].into(), &block).await;
    let _gateway = world.gateway(&[]).await;
    let url = format!("wss://localhost:{}/tunnel", front.port());
    let (_agent, console) = world.agent(&[("Agent__GatewayUrl", &url), ("Agent__CaFile", &ca)]).await;
    let target = app(&world).await;
    let id = console.map("app.test", target.address()).await;
    console.applied(&id).await;
    let found = inspect(&console, json!({ "url": public_url(&console, &id).await })).await;
    println!("{found:#}");
    assert_eq!(found["gateway"]["dialled"], format!("https://localhost:{}", front.port()));
    assert!(found["gateway"]["timing"]["tlsMs"].as_f64() > Some(0.0));
    assert_eq!(found["agent"]["timing"]["tlsMs"], Value::Null, "the target is asked in plain HTTP");
    assert_eq!(kinds(&found)[..2], ["header server", "header x-app"]);
    let front_header = found["differences"].as_array().unwrap().iter().find(|one| one["name"] == "x-front").cloned();
    assert_eq!(front_header, Some(json!({ "kind": "header", "name": "x-front", "gateway": "nginx", "agent": null })));
    assert_eq!(found["logs"][0]["requestId"], found["requestId"]);

    // The gateway's own name has an address: it is reached as visitors reach it.
    let own = format!("https://localhost:{}/", front.port());
    let found = inspect(&console, json!({ "url": own })).await;
    assert_eq!((&found["gateway"]["via"], &found["gateway"]["statusCode"]), (&json!("dns"), &json!(200)), "{found}");
    assert!(found["gateway"]["timing"]["dnsMs"].is_number() && found["gateway"]["detour"].is_null());
    assert_eq!(found["gateway"]["address"], front.to_string());
    // Nobody has a certificate for this one.
    let wrong = format!("https://other.test:{}/", front.port());
    let found = inspect(&console, json!({ "url": wrong })).await;
    assert_eq!(
        (&found["gateway"]["code"], &found["gateway"]["success"]),
        (&json!("public_tls"), &json!(false)),
        "{found}"
    );
    assert!(found["gateway"]["hint"].as_str().is_some_and(|hint| hint.contains("certificate")), "{found}");
    assert_eq!((&found["gateway"]["request"], &found["realRequests"]), (&Value::Null, &json!(0)), "nothing was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_leads_elsewhere_is_asked_at_the_gateway_unless_told_otherwise() {
    let world = World::new();
    let pair = world.pair().await;
    let target = app(&world).await;
    // It resolves to an address where no gateway listens.
    let id = pair.console.map("localhost", target.address()).await;
    pair.console.applied(&id).await;
    let url = public_url(&pair.console, &id).await;
    let found = inspect(&pair.console, json!({ "url": url })).await;
    assert_eq!(
        (&found["gateway"]["via"], &found["gateway"]["statusCode"]),
        (&json!("gateway"), &json!(203)),
        "{found}"
    );
    assert!(found["gateway"]["detour"].as_str().is_some_and(|why| why.contains("the agent's own network")), "{found}");
    let direct = inspect(&pair.console, json!({ "url": url, "via": "dns" })).await;
    assert_eq!(
        (&direct["gateway"]["code"], &direct["realRequests"]),
        (&json!("public_internal"), &json!(1)),
        "{direct}"
    );
    assert_eq!(kinds(&direct), ["outcome"]);
    let gateway = inspect(&pair.console, json!({ "url": url, "via": "gateway" })).await;
    assert_eq!((&gateway["success"], &gateway["gateway"]["detour"]), (&json!(true), &Value::Null), "{gateway}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_without_a_mapping_is_asked_at_the_gateway_alone_and_others_not_at_all() {
    let world = World::new();
    let pair = world.pair().await;
    let stranger = app(&world).await;
    let found = inspect(&pair.console, json!({ "url": "http://nobody.test/x" })).await;
    println!("{found:#}");
    assert_eq!((&found["mapping"], &found["agent"]["code"]), (&Value::Null, &json!("not_mapped")));
    assert_eq!((&found["gateway"]["code"], &found["logs"]), (&json!("not_mapped"), &json!([])));
    assert_eq!((&found["gateway"]["statusCode"], &found["realRequests"]), (&json!(404), &json!(1)));
    for url in [format!("http://{}/", stranger.address()), format!("http://localhost:{}/", stranger.address().port())] {
        let refused = pair.console.expect(400, "POST", "/api/v1/test/diagnose", Some(json!({ "url": url }))).await;
        assert!(refused["errors"]["url"][0].is_string(), "{refused}");
    }
    assert_eq!(stranger.connections(), 0, "nobody scans with it");
}

/// A target whose paths say what it does; `left` counts those that left it without an answer.
async fn moody(world: &World, left: Arc<AtomicUsize>) -> Target {
    Target::start(world.ip(), move |mut peer| {
        let left = left.clone();
        async move {
            while let Some(seen) = peer.request().await {
                match seen.path() {
                    "/long" => drop(peer.ok(&"x".repeat(100_000)).await),
                    "/binary" => {
                        let head =
                            b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 4\r\n\r\n\x00\xff\x01\x02";
                        peer.send(head).await;
                    }
                    "/late" => {
                        tokio::time::sleep(LATE).await;
                        peer.send(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").await;
                        return;
                    }
                    "/other" => {
                        // Only the gateway tells of a visitor.
                        let (status, body) = match seen.header("x-forwarded-for") {
                            Some(_) => (200, "by the gateway"),
                            None => (409, "from nowhere"),
                        };
                        let head = format!("HTTP/1.1 {status} Said\r\nContent-Length: {}\r\n\r\n", body.len());
                        peer.send((head + body).as_bytes()).await;
                    }
                    "/moved" => {
                        peer.send(b"HTTP/1.1 302 Found\r\nLocation: /long\r\nContent-Length: 0\r\n\r\n").await;
                    }
                    "/broken" => {
                        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await;
                        return;
                    }
                    _ => {
                        peer.closed().await;
                        left.fetch_add(1, Ordering::SeqCst);
                    }
                }
            }
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn long_bodies_are_cut_binary_ones_are_marked_and_silence_ends() {
    let world = World::new();
    let pair = world.pair().await;
    let left = Arc::new(AtomicUsize::new(0));
    let target = moody(&world, left.clone()).await;
    let id = pair.console.map("app.test", target.address()).await;
    pair.console.applied(&id).await;
    let base = public_url(&pair.console, &id).await;
    let of = async |path: &str| {
        inspect(&pair.console, json!({ "url": format!("{base}{path}"), "maxBodyBytes": 2000 })).await
    };
    let long = of("long").await;
    assert_eq!(long["maxBodyBytes"], 2_000);
    for side in ["gateway", "agent"] {
        let side = &long[side];
        assert_eq!((&side["bodySize"], &side["bodyTruncated"]), (&json!(2_000), &json!(true)));
        assert_eq!(side["bodyText"].as_str().map(str::len), Some(2_000));
        assert_eq!(side["headers"]["content-length"], json!(["100000"]));
        assert_eq!((&side["bodySha256"], &side["bodyBase64"]), (&json!(sha256(&[b'x'; 2_000])), &Value::Null));
        assert_eq!((&side["contentType"], &side["bodyError"]), (&Value::Null, &Value::Null));
    }
    let binary = of("binary").await;
    assert_eq!((&binary["agent"]["bodyText"], &binary["agent"]["bodyBase64"]), (&Value::Null, &json!("AP8BAg==")));
    assert_eq!((&binary["agent"]["contentType"], &binary["agent"]["bodySize"]), (&json!("image/png"), &json!(4)));
    let moved = of("moved").await;
    assert_eq!(
        (&moved["gateway"]["statusCode"], &moved["gateway"]["headers"]["location"]),
        (&json!(302), &json!(["/long"]))
    );
    let broken = of("broken").await;
    assert!(broken["agent"]["bodyError"].as_str().is_some_and(|why| why.contains("broke off")), "{broken}");
    assert!(broken["gateway"]["bodyError"].is_string(), "{broken}");
    let silent = of("silent").await;
    assert_eq!(silent["agent"]["code"], "first_byte_timeout", "{silent}");
    assert_eq!(silent["gateway"]["code"], "public_timeout", "{silent}");
    eventually("the target is left alone afterwards", || async { (left.load(Ordering::SeqCst) == 2).then_some(()) })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_target_and_one_that_answers_each_in_its_own_way_are_told_as_they_are() {
    let world = World::new();
    let pair = world.pair().await;
    let target = moody(&world, Arc::default()).await;
    let id = pair.console.map("app.test", target.address()).await;
    pair.console.applied(&id).await;
    let base = public_url(&pair.console, &id).await;
    let of = async |path: &str| inspect(&pair.console, json!({ "url": format!("{base}{path}") })).await;
    let late = of("late").await;
    for side in [&late["gateway"], &late["agent"]] {
        let ms = |field: &Value| field.as_f64().unwrap_or_default();
        let [dns, connect, tls, first] =
            ["dnsMs", "connectMs", "tlsMs", "firstByteMs"].map(|step| ms(&side["timing"][step]));
        assert!(first >= LATE.as_secs_f64() * 1_000.0 - 10.0, "the target was late: {side}");
        let head = ms(&side["durationMs"]);
        assert!((dns + connect + tls + first - head).abs() < 0.01 && ms(&side["timing"]["totalMs"]) >= head, "{side}");
    }
    assert_eq!((&late["agent"]["httpVersion"], &late["agent"]["bodySize"]), (&json!("HTTP/1.0"), &json!(0)));
    let other = of("other").await;
    assert_eq!(kinds(&other)[..1], ["status"], "{other}");
    let of_kind = |kind: &str| {
        let found = other["differences"].as_array().and_then(|list| list.iter().find(|one| one["kind"] == kind));
        found.map(|one| (one["gateway"].to_string(), one["agent"].to_string())).unwrap_or_else(|| panic!("{other}"))
    };
    assert_eq!(of_kind("status"), ("\"200\"".to_owned(), "\"409\"".to_owned()));
    let (through, straight) = of_kind("body");
    let [through_hash, straight_hash] = ["by the gateway", "from nowhere"].map(|body| sha256(body.as_bytes()));
    assert!(through.contains("14 bytes") && through.contains(&through_hash[..12]), "{through}");
    assert!(straight.contains("12 bytes") && straight.contains(&straight_hash[..12]), "{straight}");
}
