//! HTTP through the tunnel, whole and unchanged: visitors are curl and a raw socket, targets nginx and scripted ones.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use octoporty_e2e::relay::{Mode, Relay};
use octoporty_e2e::target::{self, Target, mirror};
use octoporty_e2e::visitor::{Reply, Visitor, curl};
use octoporty_e2e::world::{Pair, World};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

/// A target that has kept a connection for so long is trusted with a POST on it; one that stood 1 s is not.
const KEPT: Duration = Duration::from_millis(200);

/// A pair with one mapping `app.test` to the target.
async fn mapped(world: &World, target: &Target) -> Pair {
    let pair = world.pair().await;
    let id = pair.console.map("app.test", target.address()).await;
    pair.console.applied(&id).await;
    pair
}

async fn send(world: &World, request: &str) -> Reply {
    let method = request.split(' ').next().unwrap_or("GET").to_owned();
    let mut visitor = world.visitor().await;
    visitor.send(request.as_bytes()).await;
    visitor.reply(&method).await
}

fn header<'a>(seen: &'a Value, name: &str) -> Vec<&'a str> {
    let headers = seen["headers"].as_array().expect("headers");
    headers
        .iter()
        .filter(|pair| pair[0].as_str().is_some_and(|n| n.eq_ignore_ascii_case(name)))
        .filter_map(|pair| pair[1].as_str())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_reaches_nginx_and_gets_its_bytes_ranges_and_validators() {
    let world = World::new();
    let root = world.path("site");
    std::fs::create_dir_all(&root).expect("writable");
    let body: Vec<u8> = (0..300_000_u32).map(|n| u8::try_from(n % 251).expect("small")).collect();
    std::fs::write(root.join("file.bin"), &body).expect("writable");
    let block = format!("listen LISTEN; root {};", root.display());
    let (_nginx, address) = target::nginx(&world.path("."), world.ip(), &block).await;
    let pair = world.pair().await;
    let id = pair.console.map("app.test", address).await;
    pair.console.applied(&id).await;

    let gateway = world.gateway_address();
    let resolve = format!("app.test:{}:{}", gateway.port(), gateway.ip());
    let url = format!("http://app.test:{}/file.bin", gateway.port());
    assert_eq!(curl(&["--resolve", &resolve, &url]).await, body);
    assert_eq!(curl(&["--resolve", &resolve, "--range", "1000-1999", &url]).await, body[1000..2000]);
    let head = String::from_utf8(curl(&["--resolve", &resolve, "--head", &url]).await).expect("text").to_lowercase();
    assert!(head.contains("content-length: 300000"), "{head}");
    assert!(
        head.contains("etag: ") && head.contains("last-modified: ") && head.contains("accept-ranges: bytes"),
        "{head}"
    );
    let etag = head.lines().find_map(|l| l.strip_prefix("etag: ")).expect("an etag").trim().to_owned();
    let match_header = format!("If-None-Match: {etag}");
    let again = curl(&["--resolve", &resolve, "--header", &match_header, "--write-out", "%{http_code}", &url]).await;
    assert_eq!(again, b"304");
}

#[tokio::test(flavor = "multi_thread")]
async fn request_headers_arrive_in_order_with_duplicates_and_without_hop_by_hop_ones() {
    let world = World::new();
    let target = mirror(world.ip()).await;
    let _pair = mapped(&world, &target).await;
    let reply = send(
        &world,
        "GET /a/b?c=d HTTP/1.1\r\nHost: APP.test:17200\r\nX-First: 1\r\nX-Many: a\r\nX-Many: b\r\nAccept: */*\r\n\
         Connection: keep-alive, X-Secret\r\nX-Secret: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authorization: Basic eA==\r\n\
         TE: gzip\r\nContent-Encoding: identity\r\nX-Last: 9\r\n\r\n",
    )
    .await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let seen = reply.json();
    assert_eq!(seen["line"], "GET /a/b?c=d HTTP/1.1");
    assert_eq!(header(&seen, "host"), ["APP.test:17200"]);
    assert_eq!(header(&seen, "x-many"), ["a", "b"]);
    assert_eq!(header(&seen, "content-encoding"), ["identity"]);
    for gone in ["connection", "x-secret", "keep-alive", "proxy-authorization", "te"] {
        assert!(header(&seen, gone).is_empty(), "{gone} must not reach the target: {seen}");
    }
    let names: Vec<String> = seen["headers"]
        .as_array()
        .expect("headers")
        .iter()
        .map(|pair| pair[0].as_str().unwrap_or_default().to_lowercase())
        .filter(|name| ["x-first", "x-many", "accept", "content-encoding", "x-last"].contains(&name.as_str()))
        .collect();
    assert_eq!(names, ["x-first", "x-many", "x-many", "accept", "content-encoding", "x-last"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn forwarded_headers_of_strangers_are_replaced_and_those_of_trusted_proxies_believed() {
    for (trusted, client, proto) in [("", "127.", "http"), ("127.0.0.0/8", "203.0.113.9", "https")] {
        let world = World::new();
        let target = mirror(world.ip()).await;
        let _gateway = world.gateway(&[("Gateway__TrustedProxies", trusted)]).await;
        let (_agent, console) = world.agent(&[]).await;
        let id = console.map("app.test", target.address()).await;
        console.applied(&id).await;
        let seen = send(
            &world,
            "GET / HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n\
             X-Forwarded-Host: public.test\r\nX-Forwarded-Port: 443\r\nForwarded: for=198.51.100.1\r\n\
             X-Octoporty-Request-Id: chosen-by-a-stranger\r\nX-Octoporty-Mapping-Id: 1\r\n\r\n",
        )
        .await
        .json();
        let first = |name: &str| header(&seen, name).first().copied().unwrap_or_default().to_owned();
        assert!(first("x-forwarded-for").starts_with(client), "{seen}");
        assert_eq!(first("x-forwarded-proto"), proto, "{seen}");
        assert_eq!(first("x-forwarded-host"), "app.test", "the host is the request's: {seen}");
        assert_eq!(header(&seen, "x-forwarded-proto").len(), 1, "{seen}");
        assert!(!first("forwarded").contains("198.51.100.1"), "{seen}");
        assert_eq!(header(&seen, "x-octoporty-request-id").len(), 1, "{seen}");
        if trusted.is_empty() {
            assert_ne!(first("x-octoporty-request-id"), "chosen-by-a-stranger");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_keep_their_headers_duplicates_reason_and_trailers() {
    let world = World::new();
    let target = Target::start(world.ip(), |mut peer| async move {
        while let Some(_seen) = peer.request().await {
            let answer = "HTTP/1.1 299 Quite Fine\r\nServer: theirs\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\n\
                          X-Hop: 1\r\nConnection: keep-alive, X-Hop\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\
                          X-After: z\r\n\r\n3\r\nabc\r\n4;ext=1\r\ndefg\r\n0\r\nX-Sum: 7\r\n\r\n";
            peer.send(answer.as_bytes()).await;
        }
    })
    .await;
    let _pair = mapped(&world, &target).await;
    let reply = send(&world, "GET / HTTP/1.1\r\nHost: app.test\r\nTE: trailers\r\n\r\n").await;
    assert_eq!((reply.status, reply.reason.as_str()), (299, "Quite Fine"));
    assert_eq!(reply.all("set-cookie"), ["a=1; Path=/", "b=2"]);
    assert_eq!(reply.header("server"), Some("theirs"));
    assert_eq!(reply.header("x-hop"), None);
    assert_eq!(reply.body, b"abcdefg");
    assert!(reply.complete);
    assert_eq!(reply.trailers.len(), 1, "{:?}", reply.trailers);
    assert!(reply.trailers[0].0.eq_ignore_ascii_case("x-sum") && reply.trailers[0].1 == "7");
}

/// Answers with chunks and trailers, announced or not; the data of `/sly` looks like an end.
async fn trailing(ip: IpAddr) -> Target {
    Target::start(ip, |mut peer| async move {
        while let Some(seen) = peer.request().await {
            let (announced, data) = match seen.path() {
                "/announced" => ("Trailer: X-Sum, X-Many\r\n", "8\r\nabcdefgh\r\n"),
                "/sly" => ("", "3\r\nabc\r\n5\r\n0\r\n\r\n\r\n"),
                _ => ("", "8\r\nabcdefgh\r\n"),
            };
            let head = format!("HTTP/1.1 200 OK\r\n{announced}Transfer-Encoding: chunked\r\n\r\n");
            peer.send(format!("{head}{data}").as_bytes()).await;
            let end = "0\r\nX-Sum: 7\r\nX-Many: a\r\nX-Many: b\r\nSet-Cookie: c=1\r\n\r\n";
            peer.send(end.as_bytes()).await;
        }
    })
    .await
}

/// What follows the last chunk of an answer, as it stood on the wire.
fn trailer_section(raw: &[u8]) -> String {
    let raw = std::str::from_utf8(raw).expect("text");
    let (_, section) = raw.rsplit_once("\r\n0\r\n").unwrap_or_else(|| panic!("no last chunk: {raw:?}"));
    section.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_gets_the_trailers_that_it_gets_from_the_target() {
    let world = World::new();
    let target = trailing(world.ip()).await;
    let _pair = mapped(&world, &target).await;
    let gateway = world.gateway_address();
    for path in ["/announced", "/unannounced", "/sly"] {
        let raw = ["--raw", "--include", "--header", "Host: app.test"];
        let direct = curl(&[&raw[..], &[&format!("http://{}{path}", target.address())]].concat()).await;
        let tunnelled = curl(&[&raw[..], &[&format!("http://{gateway}{path}")]].concat()).await;
        let section = trailer_section(&tunnelled);
        assert_eq!(section, trailer_section(&direct), "{path}: {}", String::from_utf8_lossy(&tunnelled));
        assert_eq!(section, "X-Sum: 7\r\nX-Many: a\r\nX-Many: b\r\nSet-Cookie: c=1\r\n\r\n", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_kept_after_trailers() {
    let world = World::new();
    let target = trailing(world.ip()).await;
    let _pair = mapped(&world, &target).await;
    let gateway = world.gateway_address();
    let urls = [format!("http://{gateway}/unannounced"), format!("http://{gateway}/announced")];
    let written = "[%{http_code} %{num_connects}]";
    let head = ["--header", "Host: app.test", "--dump-header", "/dev/null", "--write-out", written];
    let both = curl(&[&head[..], &[&urls[0], &urls[1]]].concat()).await;
    assert_eq!(String::from_utf8_lossy(&both), "abcdefgh[200 1]abcdefgh[200 0]");

    let mut visitor = world.visitor().await;
    for te in ["", "TE: trailers\r\n", ""] {
        visitor.send(format!("GET /announced HTTP/1.1\r\nHost: app.test\r\n{te}\r\n").as_bytes()).await;
        let reply = visitor.reply("GET").await;
        assert!(reply.complete && reply.body == b"abcdefgh", "{reply:?}");
        let values: Vec<&str> = reply.trailers.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, ["7", "a", "b", "c=1"], "each one once, whatever the visitor's TE");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn visitors_of_http_1_0_and_head_get_no_trailers() {
    let world = World::new();
    let target = trailing(world.ip()).await;
    let _pair = mapped(&world, &target).await;
    let url = format!("http://{}/announced", world.gateway_address());
    let old = curl(&["--http1.0", "--raw", "--include", "--header", "Host: app.test", &url]).await;
    let old = String::from_utf8(old).expect("text");
    let (head, body) = old.split_once("\r\n\r\n").expect("a head");
    assert!(!head.to_lowercase().contains("transfer-encoding"), "{head}");
    assert_eq!(body, "abcdefgh");

    let sly = url.replace("/announced", "/sly");
    let old = curl(&["--http1.0", "--raw", "--header", "Host: app.test", &sly]).await;
    assert_eq!(old, b"abc0\r\n\r\n");

    let mut visitor = world.visitor().await;
    visitor.send(b"HEAD /announced HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    assert_eq!(visitor.reply("HEAD").await.status, 200);
    assert_eq!(visitor.get("app.test", "/announced").await.body, b"abcdefgh", "nothing of the HEAD's is in between");
}

#[tokio::test(flavor = "multi_thread")]
async fn request_trailers_reach_the_target() {
    let world = World::new();
    let target = mirror(world.ip()).await;
    let _pair = mapped(&world, &target).await;
    let seen = send(
        &world,
        "POST / HTTP/1.1\r\nHost: app.test\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 3\r\n\r\n",
    )
    .await
    .json();
    assert_eq!(seen["body"], "abc");
    assert_eq!(seen["trailers"].as_array().map(Vec::len), Some(1), "{seen}");
    assert_eq!(seen["trailers"][0][1], "3", "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn head_204_304_and_content_length_stay_as_they_are() {
    let world = World::new();
    let target = Target::start(world.ip(), |mut peer| async move {
        while let Some(seen) = peer.request().await {
            let answer = match (seen.method(), seen.path()) {
                ("HEAD", _) => "HTTP/1.1 200 OK\r\nContent-Length: 12345\r\nX-A: 1\r\n\r\n",
                (_, "/204") => "HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n",
                (_, "/304") => "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n",
                (_, "/empty") => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                (_, "/close") => "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end",
                _ => "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-2/10\r\nContent-Length: 3\r\n\r\nabc",
            };
            peer.send(answer.as_bytes()).await;
            if seen.path() == "/close" {
                return;
            }
        }
    })
    .await;
    let _pair = mapped(&world, &target).await;
    let mut visitor = world.visitor().await;
    visitor.send(b"HEAD / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    let head = visitor.reply("HEAD").await;
    assert_eq!((head.status, head.header("content-length")), (200, Some("12345")));
    assert_eq!(visitor.get("app.test", "/204").await.status, 204);
    let not_modified = visitor.get("app.test", "/304").await;
    assert_eq!((not_modified.status, not_modified.header("etag")), (304, Some("\"x\"")));
    assert_eq!(visitor.get("app.test", "/empty").await.header("content-length"), Some("0"));
    let part = visitor.get("app.test", "/part").await;
    assert_eq!((part.status, part.header("content-range")), (206, Some("bytes 0-2/10")));
    assert_eq!((part.header("content-length"), part.body.as_slice()), (Some("3"), &b"abc"[..]));
    let close = visitor.get("app.test", "/close").await;
    assert_eq!((close.text().as_str(), close.complete), ("until the end", true));
    // One connection of the visitor carried all of it: none of the answers broke its framing.
    assert_eq!(visitor.get("app.test", "/part").await.body, b"abc");
}

#[tokio::test(flavor = "multi_thread")]
async fn early_hints_and_expect_continue_pass() {
    let world = World::new();
    let target = Target::start(world.ip(), |mut peer| async move {
        while let Some(mut seen) = peer.head().await {
            if seen.path() == "/no" {
                peer.send(b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
                return;
            }
            if seen.header("expect").is_some() {
                peer.send(b"HTTP/1.1 100 Continue\r\n\r\n").await;
            }
            if peer.body(&mut seen).await.is_none() {
                return;
            }
            peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n").await;
            peer.ok(&format!("{} {}", seen.body.len(), seen.header("expect").unwrap_or("-"))).await;
        }
    })
    .await;
    let _pair = mapped(&world, &target).await;

    let hinted = send(&world, "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    assert_eq!(hinted.status, 200);
    assert_eq!(hinted.early.len(), 1, "the 103 must reach the visitor");
    assert_eq!(hinted.early[0].0, 103);
    assert!(hinted.early[0].1.iter().any(|(n, v)| n.eq_ignore_ascii_case("link") && v.contains("a.css")));

    let mut visitor = world.visitor().await;
    visitor.send(b"POST / HTTP/1.1\r\nHost: app.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n").await;
    let goes_on = visitor.head().await.expect("an interim answer");
    assert_eq!(goes_on.status, 100);
    visitor.send(b"hello").await;
    let reply = visitor.reply("POST").await;
    assert_eq!((reply.status, reply.text().as_str()), (200, "5 100-continue"));

    let mut visitor = world.visitor().await;
    visitor.send(b"POST /no HTTP/1.1\r\nHost: app.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n").await;
    assert_eq!(
        visitor.head().await.expect("a final answer").status,
        417,
        "a refusal comes without asking for the body"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn interim_answers_without_end_are_a_fault_of_the_target_and_many_are_none() {
    let world = World::new();
    let target = Target::start(world.ip(), |mut peer| async move {
        while let Some(seen) = peer.request().await {
            let times = if seen.path() == "/many" { 500 } else { 5000 };
            peer.send(&b"HTTP/1.1 102\r\n\r\n".repeat(times)).await;
            if times == 5000 {
                return peer.closed().await;
            }
            peer.ok("at last").await;
        }
    })
    .await;
    let pair = mapped(&world, &target).await;
    let many = world.get("app.test", "/many").await;
    assert_eq!((many.status, many.text().as_str(), many.early.len()), (200, "at last", 500));
    let for_ever = tokio::time::timeout(octoporty_e2e::PATIENCE, world.get("app.test", "/for-ever")).await;
    let reply = for_ever.expect("it is not waited for the end");
    assert_eq!((reply.status, &reply.json()["code"]), (502, &json!("target_malformed")));
    let why = octoporty_e2e::eventually("the request is logged", || async {
        let rows = pair.console.expect(200, "GET", "/api/v1/logs/requests", None).await;
        rows["items"].as_array()?.iter().find_map(|row| row["errorDetail"].as_str()).map(str::to_owned)
    })
    .await;
    assert!(why.contains("interim heads (1xx) together are larger than Gateway__Limits__HeaderBytes"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_answers_first_and_reads_later_gets_all_of_a_request() {
    const LENGTH: usize = 200_000;
    let world = World::new();
    let (go, gate) = tokio::sync::watch::channel(false);
    let (tell, mut told) = tokio::sync::mpsc::channel(1);
    let target = Target::start(world.ip(), move |mut peer| {
        let (mut gate, tell) = (gate.clone(), tell.clone());
        async move {
            let Some(mut seen) = peer.head().await else { return };
            let rest = match seen.path() {
                "/length" => "Content-Length: 2\r\n\r\nok",
                "/chunks" => "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
                _ => {
                    peer.ok("pong").await;
                    return;
                }
            };
            peer.send(format!("HTTP/1.1 202 Accepted\r\nConnection: close\r\n{rest}").as_bytes()).await;
            gate.wait_for(|go| *go).await.ok();
            let whole = peer.body(&mut seen).await.is_some();
            tell.send((whole, seen.body.iter().filter(|byte| **byte == b'x').count())).await.ok();
        }
    })
    .await;
    let _pair = mapped(&world, &target).await;
    for path in ["/length", "/chunks"] {
        go.send_replace(false);
        let body = "x".repeat(LENGTH);
        let request = format!("POST {path} HTTP/1.1\r\nHost: app.test\r\nContent-Length: {LENGTH}\r\n\r\n{body}");
        let reply = send(&world, &request).await;
        assert_eq!((reply.status, reply.text().as_str(), reply.complete), (202, "ok", true), "{path}");
        // Whatever the gateway does with the stream now has come to the agent when these are answered.
        for _ in 0..4 {
            assert_eq!(world.get("app.test", "/ping").await.text(), "pong");
        }
        go.send_replace(true);
        let got = tokio::time::timeout(octoporty_e2e::PATIENCE, told.recv()).await.expect("the target ends");
        assert_eq!(got, Some((true, LENGTH)), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_stream_arrives_event_by_event() {
    let world = World::new();
    let (go, gate) = tokio::sync::watch::channel(0_u32);
    let target = Target::start(world.ip(), move |mut peer| {
        let mut gate = gate.clone();
        async move {
            peer.request().await;
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
                .await;
            for n in 1..=3_u32 {
                if gate.wait_for(|allowed| *allowed >= n).await.is_err() {
                    return;
                }
                peer.send(format!("9\r\ndata: {n}\n\n\r\n").as_bytes()).await;
            }
            peer.send(b"0\r\n\r\n").await;
        }
    })
    .await;
    let _pair = mapped(&world, &target).await;
    let mut visitor = world.visitor().await;
    visitor.send(b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    let head = visitor.head().await.expect("the head comes before the first event");
    assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
    for n in 1..=3_u32 {
        // The next event is only sent once the one before was seen here: buffering would stop this for ever.
        go.send_replace(n);
        let chunk = tokio::time::timeout(octoporty_e2e::PATIENCE, visitor.chunk()).await.expect("in time");
        assert_eq!(chunk.expect("a chunk"), format!("data: {n}\n\n").as_bytes());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_arrives_chunk_by_chunk() {
    let world = World::new();
    let target = Target::start(world.ip(), |mut peer| async move {
        peer.head().await;
        // Answers each piece while the upload goes on: both directions stream at once.
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        let mut total = Vec::new();
        while !total.ends_with(b"0\r\n\r\n") {
            total.extend(peer.read_some().await);
            peer.send(b"2\r\nok\r\n").await;
        }
        peer.send(b"0\r\n\r\n").await;
    })
    .await;
    let _pair = mapped(&world, &target).await;
    let mut visitor = world.visitor().await;
    visitor.send(b"POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n").await;
    let piece_by_piece = async {
        assert_eq!(visitor.head().await.expect("an answer while the upload goes on").status, 200);
        assert_eq!(visitor.chunk().await.expect("a piece"), b"ok");
        visitor.send(b"3\r\ndef\r\n").await;
        assert_eq!(visitor.chunk().await.expect("a piece"), b"ok");
        visitor.send(b"0\r\n\r\n").await;
        assert_eq!(visitor.chunk().await.expect("a piece"), b"ok");
    };
    tokio::time::timeout(octoporty_e2e::PATIENCE, piece_by_piece).await.expect("each piece arrives before the next");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_becomes_a_raw_pipe_with_half_close_both_ways() {
    let world = World::new();
    let target = Target::start(world.ip(), |mut peer| async move {
        let Some(seen) = peer.head().await else { return };
        assert_eq!(seen.header("upgrade"), Some("raw"));
        peer.send(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\nX-Chosen: 1\r\n\r\nearly",
        )
        .await;
        if seen.path() == "/target-first" {
            peer.send(b"bye").await;
            peer.finish().await;
            let mut got = Vec::new();
            loop {
                let bytes = peer.read_some().await;
                if bytes.is_empty() {
                    break;
                }
                got.extend(bytes);
            }
            assert_eq!(got, b"still going");
            return;
        }
        let mut got = Vec::new();
        loop {
            let bytes = peer.read_some().await;
            if bytes.is_empty() {
                break;
            }
            got.extend(bytes);
        }
        // The visitor has finished; this direction still stands.
        got.reverse();
        peer.send(&got).await;
    })
    .await;
    let _pair = mapped(&world, &target).await;

    let mut visitor = world.visitor().await;
    visitor.send(b"GET /visitor-first HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n").await;
    let head = visitor.head().await.expect("101");
    assert_eq!((head.status, head.header("upgrade"), head.header("x-chosen")), (101, Some("raw"), Some("1")));
    assert_eq!(visitor.read_exactly(5).await, b"early");
    visitor.send(b"abc\r\n\r\n\0").await;
    visitor.finish().await;
    assert_eq!(visitor.read_exactly(8).await, b"\0\n\r\n\rcba");
    assert!(visitor.read_some().await.is_empty());

    let mut visitor = world.visitor().await;
    visitor.send(b"GET /target-first HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n").await;
    assert_eq!(visitor.head().await.expect("101").status, 101);
    assert_eq!(visitor.read_exactly(8).await, b"earlybye");
    assert!(visitor.read_some().await.is_empty(), "the target's end reaches the visitor");
    visitor.send(b"still going").await;
    visitor.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_upgrade_is_an_ordinary_answer() {
    let world = World::new();
    let target = Target::start(world.ip(), |mut peer| async move {
        while peer.request().await.is_some() {
            peer.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno").await;
        }
    })
    .await;
    let _pair = mapped(&world, &target).await;
    let request = "GET / HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let reply = send(&world, request).await;
    assert_eq!((reply.status, reply.text().as_str()), (403, "no"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_path_of_a_mapped_site_is_reserved() {
    let world = World::new();
    let target = mirror(world.ip()).await;
    let _pair = mapped(&world, &target).await;
    for path in ["/health", "/healthcare", "/tunnel", "/tunnels/1", "/api/x", "/api/v1/status", "/test/tunnel"] {
        let reply = world.get("app.test", path).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        assert_eq!(reply.json()["line"], format!("GET {path} HTTP/1.1"));
    }
    let upgrade = "GET /tunnel HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    assert_eq!(send(&world, upgrade).await.json()["line"], "GET /tunnel HTTP/1.1");
    // On the gateway's own names the same paths are the gateway's.
    assert!(world.get("gateway.test", "/health").await.json()["status"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn names_wildcards_and_path_prefixes_lead_to_their_targets() {
    let world = World::new();
    let named = |name: &'static str| {
        Target::start(world.ip(), move |mut peer| async move {
            while let Some(seen) = peer.request().await {
                peer.ok(&format!("{name} {}", seen.path())).await;
            }
        })
    };
    let (exact, wild, api, deep) = (named("exact").await, named("wild").await, named("api").await, named("deep").await);
    let pair = world.pair().await;
    let mapping = |domain: &str, path: &str, strip: bool, target: &Target| {
        json!({ "name": format!("{domain}{path}"), "externalDomain": domain, "pathPrefix": path, "stripPrefix": strip,
                "internalHost": target.address().ip().to_string(), "internalPort": target.address().port() })
    };
    for fields in [
        mapping("site.test", "/", false, &exact),
        mapping("*.site.test", "/", false, &wild),
        mapping("site.test", "/api", false, &api),
        mapping("site.test", "/api/deep", true, &deep),
        mapping("bücher.test", "/", false, &exact),
    ] {
        let id = pair.console.map_with(fields).await;
        pair.console.applied(&id).await;
    }
    for (host, path, expected) in [
        ("site.test", "/", "exact /"),
        ("SITE.TEST.", "/x", "exact /x"),
        ("site.test:8080", "/apis", "exact /apis"),
        ("a.site.test", "/y", "wild /y"),
        ("site.test", "/api", "api /api"),
        ("site.test", "/api/one?q=1", "api /api/one?q=1"),
        ("site.test", "/api/deep", "deep /"),
        ("site.test", "/api/deep/er?q=2", "deep /er?q=2"),
        ("xn--bcher-kva.test", "/", "exact /"),
    ] {
        let reply = world.get(host, path).await;
        assert_eq!((reply.status, reply.text().as_str()), (200, expected), "{host}{path}");
    }
    for (host, path) in [("a.b.site.test", "/"), ("other.test", "/"), ("127.0.0.1", "/")] {
        assert_eq!(world.get(host, path).await.status, 404, "{host}{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_header_is_kept_or_rewritten_as_the_mapping_says() {
    let world = World::new();
    let target = mirror(world.ip()).await;
    let pair = world.pair().await;
    for (domain, host_header, expected) in [
        ("keep.test", "keep", "keep.test".to_owned()),
        ("target.test", "target", target.address().to_string()),
        ("custom.test", "inner.example", "inner.example".to_owned()),
    ] {
        let id = pair
            .console
            .map_with(json!({ "name": domain, "externalDomain": domain, "hostHeader": host_header,
                              "internalHost": target.address().ip().to_string(), "internalPort": target.address().port() }))
            .await;
        pair.console.applied(&id).await;
        assert_eq!(header(&world.get(domain, "/").await.json(), "host"), [expected]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn visitors_share_warm_connections_to_the_target() {
    let world = World::new();
    let target = mirror(world.ip()).await;
    let _pair = mapped(&world, &target).await;
    for _ in 0..30 {
        let reply = send(&world, "GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n").await;
        assert_eq!(reply.status, 200);
    }
    // One a shard at the most is opened for requests that come one after another.
    assert!(target.connections() <= 8, "{} connections for 30 requests", target.connections());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_closes_idle_connections_loses_no_request() {
    let world = World::new();
    let posts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&posts);
    // Closes after each answer without saying so, at once or a little later: the closest race there is. Timers are too
    // coarse for it.
    let target = Target::start(world.ip(), move |mut peer| {
        let posts = Arc::clone(&counted);
        async move {
            if let Some(seen) = peer.request().await {
                if seen.method() == "POST" {
                    posts.fetch_add(1, Ordering::SeqCst);
                }
                peer.ok(&format!("{}{}", seen.method(), seen.body.len())).await;
                let answered = Instant::now();
                let delay = Duration::from_micros(fastrand::u64(0..600));
                while answered.elapsed() < delay {
                    tokio::task::yield_now().await;
                }
            }
        }
    })
    .await;
    let _pair = mapped(&world, &target).await;
    let mut visitor = world.visitor().await;
    for n in 0..300 {
        let (request, expected) = if n % 3 == 0 {
            ("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\n\r\nabc", "POST3")
        } else {
            ("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n", "GET0")
        };
        visitor.send(request.as_bytes()).await;
        let reply = visitor.reply("GET").await;
        assert_eq!((reply.status, reply.text().as_str()), (200, expected), "request {n}");
    }
    assert_eq!(posts.load(Ordering::SeqCst), 100, "none is done twice");
}

/// A relay makes every word of the agent late, so that the gateway takes a connection for warm that is closed already.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_crosses_the_targets_close_is_sent_again_because_it_never_arrived() {
    let world = World::new();
    let (close, told) = tokio::sync::watch::channel(0_usize);
    let target = Target::start(world.ip(), move |mut peer| {
        let mut told = told.clone();
        async move {
            let Some(seen) = peer.request().await else { return };
            peer.ok(&format!("{}{}", seen.method(), seen.body.len())).await;
            // Stays open and reads nothing more until it is told to go.
            told.mark_unchanged();
            told.changed().await.ok();
        }
    })
    .await;
    let gateway = world.gateway(&[("Gateway__HeartbeatIntervalSeconds", "30")]).await;
    let relay = Relay::start(SocketAddr::new(world.ip(), 0), world.gateway_address()).await;
    let settings = [("Agent__HeartbeatIntervalSeconds", "30"), ("Agent__Links", "1")];
    let (_agent, console) = world.agent_via(relay.address(), &settings).await;
    console.connection("Connected").await;
    let id = console.map("app.test", target.address()).await;
    console.applied(&id).await;
    let mut visitor = world.visitor().await;
    assert_eq!(visitor.get("app.test", "/").await.status, 200);
    tokio::time::sleep(KEPT).await;
    relay.set(Mode::Pass(Duration::from_millis(800)));
    for (n, (request, expected)) in [
        ("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\n\r\nabc", "POST3"),
        ("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n", "GET0"),
    ]
    .into_iter()
    .enumerate()
    {
        close.send_replace(n + 1);
        visitor.send(request.as_bytes()).await;
        let reply = visitor.reply("GET").await;
        assert_eq!((reply.status, reply.text().as_str()), (200, expected));
        assert_eq!(target.connections(), n + 2, "each request finds the connection before it closed");
    }
    drop(gateway);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_a_target_took_and_did_not_answer_is_sent_again_only_if_twice_is_as_good_as_once() {
    let world = World::new();
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = taken.clone();
    // Answers one request a connection, and takes a second one without a word.
    let target = Target::start(world.ip(), move |mut peer| {
        let counter = counter.clone();
        async move {
            if peer.request().await.is_some() {
                peer.ok("fine").await;
                if peer.request().await.is_some() {
                    counter.fetch_add(1, Ordering::SeqCst);
                }
            }
        }
    })
    .await;
    let _pair = mapped(&world, &target).await;
    let mut visitor = world.visitor().await;
    assert_eq!(visitor.get("app.test", "/").await.status, 200);
    tokio::time::sleep(KEPT).await;
    visitor.send(b"POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\n\r\nabc").await;
    let reply = visitor.reply("POST").await;
    assert_eq!((reply.status, &reply.json()["code"]), (502, &json!("target_closed")), "a POST must not");
    assert_eq!((taken.load(Ordering::SeqCst), target.connections()), (1, 1));
    assert_eq!(visitor.get("app.test", "/").await.status, 200);
    assert_eq!(visitor.get("app.test", "/").await.status, 200, "a GET goes out once more");
    assert_eq!((taken.load(Ordering::SeqCst), target.connections()), (2, 3));
    visitor.send(b"POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\n\r\nabc").await;
    assert_eq!(visitor.reply("POST").await.status, 200, "a target known for this gets no POST on a warm connection");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_of_python_echoes_through_the_tunnel_with_close_codes() {
    let world = World::new();
    let address = target::free_address(world.ip());
    let python = octoporty_e2e::target::python();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/websocket_echo.py");
    let mut command = tokio::process::Command::new(&python);
    command.args([script, "serve", &address.ip().to_string(), &address.port().to_string()]);
    let _server = octoporty_e2e::process::Process::spawn("echo", &world.path("."), &mut command);
    target::listening(address).await;
    let pair = world.pair().await;
    let id = pair.console.map("ws.test", address).await;
    pair.console.applied(&id).await;
    let gateway = world.gateway_address();
    let output = tokio::process::Command::new(&python)
        .args([script, "visit", &gateway.ip().to_string(), &gateway.port().to_string(), "ws.test"])
        .output()
        .await
        .expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "text binary large ping close-4321");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_alive_visitor_changes_sites() {
    let world = World::new();
    let (one, two) = (mirror(world.ip()).await, mirror(world.ip()).await);
    let pair = world.pair().await;
    for (domain, target) in [("one.test", &one), ("two.test", &two)] {
        let id = pair.console.map(domain, target.address()).await;
        pair.console.applied(&id).await;
    }
    let mut visitor: Visitor = world.visitor().await;
    for _ in 0..10 {
        assert_eq!(header(&visitor.get("one.test", "/").await.json(), "host"), ["one.test"]);
        assert_eq!(header(&visitor.get("two.test", "/").await.json(), "host"), ["two.test"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exact_name_goes_before_a_wildcard_and_no_path_climbs_out_of_its_prefix() {
    let world = World::new();
    let (exact, wild) = (mirror(world.ip()).await, mirror(world.ip()).await);
    let pair = world.pair().await;
    for (domain, path, target) in
        [("*.site.test", "/", &wild), ("www.site.test", "/", &exact), ("api.site.test", "/v1", &exact)]
    {
        let fields = json!({ "externalDomain": domain, "pathPrefix": path, "name": format!("{domain}{path}"),
                             "internalHost": target.address().ip().to_string(), "internalPort": target.address().port() });
        let id = pair.console.map_with(fields).await;
        pair.console.applied(&id).await;
    }
    assert_eq!(world.get("www.site.test", "/").await.status, 200);
    assert_eq!((exact.connections(), wild.connections()), (1, 0), "the exact name wins");
    assert_eq!(world.get("other.site.test", "/").await.status, 200);
    assert_eq!(wild.connections(), 1);
    for path in ["/v1/../secret", "/v1/%2e%2E/secret", "/v1/.."] {
        assert_eq!(world.get("api.site.test", path).await.status, 400, "{path}");
    }
    assert_eq!(world.get("api.site.test", "/v1/..hidden").await.json()["line"], "GET /v1/..hidden HTTP/1.1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_mapping_leads_to_its_new_target_at_once() {
    let world = World::new();
    let (old, new) = (mirror(world.ip()).await, mirror(world.ip()).await);
    let pair = mapped(&world, &old).await;
    let id = pair.console.expect(200, "GET", "/api/v1/mappings", None).await[0]["id"].clone();
    let id = id.as_str().expect("an id");
    let mut visitor = world.visitor().await;
    assert_eq!(visitor.get("app.test", "/").await.status, 200);
    let fields = json!({ "externalDomain": "app.test", "internalHost": new.address().ip().to_string(),
                         "internalPort": new.address().port() });
    pair.console.expect(200, "PUT", &format!("/api/v1/mappings/{id}"), Some(fields)).await;
    pair.console.applied(id).await;
    // The old target's connection is warm still.
    assert_eq!(visitor.get("app.test", "/").await.status, 200);
    assert_eq!((old.connections(), new.connections()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_is_served_without_a_gap_while_other_mappings_come_and_go() {
    let world = World::new();
    let target = mirror(world.ip()).await;
    let pair = mapped(&world, &target).await;
    let done = tokio_util::sync::CancellationToken::new();
    let asking = async {
        let mut visitor = world.visitor().await;
        let mut asked = 0_u32;
        while !done.is_cancelled() {
            let reply = visitor.get("app.test", "/").await;
            assert_eq!(reply.status, 200, "request {asked}: {}", reply.text());
            asked += 1;
        }
        asked
    };
    let changing = async {
        for n in 0..20 {
            let id = pair.console.map(&format!("other{n}.test"), target.address()).await;
            pair.console.applied(&id).await;
            if n % 2 == 0 {
                pair.console.expect(204, "DELETE", &format!("/api/v1/mappings/{id}"), None).await;
            }
        }
        done.cancel();
    };
    let (asked, ()) = tokio::join!(asking, changing);
    assert!(asked > 20, "{asked} requests beside 30 changes");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_with_a_body_that_should_have_none_is_not_the_next_visitors() {
    let world = World::new();
    // As many a small server does, it sends the body of a HEAD; so late that it can only be taken for another answer.
    let target = Target::start(world.ip(), |mut peer| async move {
        while let Some(seen) = peer.request().await {
            if seen.method() == "HEAD" {
                peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 44\r\n\r\n").await;
                if peer.request().await.is_some() {
                    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstray\n").await;
                }
                return;
            }
            peer.ok("right").await;
        }
    })
    .await;
    let _pair = mapped(&world, &target).await;
    let mut visitor = world.visitor().await;
    for _ in 0..5 {
        visitor.send(b"HEAD / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
        assert_eq!(visitor.reply("HEAD").await.status, 200);
        assert_eq!(visitor.get("app.test", "/").await.text(), "right");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_of_a_known_length_is_announced_to_the_target_and_one_of_an_unknown_is_chunked() {
    let world = World::new();
    let target = mirror(world.ip()).await;
    let _pair = mapped(&world, &target).await;
    let file = world.path("upload");
    std::fs::write(&file, vec![b'u'; 300_000]).expect("writable");
    let (data, url) = (format!("@{}", file.display()), format!("http://{}/", world.gateway_address()));
    for (more, length, coding) in
        [("Expect:", &["300000"][..], &[][..]), ("Transfer-Encoding: chunked", &[], &["chunked"])]
    {
        let args = ["--header", "Host: app.test", "--header", more, "--data-binary", &data, &url];
        let seen: Value = serde_json::from_slice(&curl(&args).await).expect("JSON");
        assert_eq!(seen["length"], 300_000);
        assert_eq!(header(&seen, "content-length"), length, "{more}");
        assert_eq!(header(&seen, "transfer-encoding"), coding, "{more}");
    }
    let empty = send(&world, "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 0\r\n\r\n").await.json();
    assert_eq!(header(&empty, "content-length"), ["0"]);
}

/// A relay to `upstream` that counts what crosses it, both ways together.
async fn counting(tasks: &TaskTracker, ip: IpAddr, upstream: SocketAddr) -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind((ip, 0)).await.expect("a free port");
    let (address, crossed) = (listener.local_addr().expect("bound"), Arc::new(AtomicU64::new(0)));
    let (counter, pairs) = (crossed.clone(), tasks.clone());
    tasks.spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let Ok(far) = TcpStream::connect(upstream).await else { continue };
            let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
            for (mut from, mut to) in [(near_in, far_out), (far_in, near_out)] {
                let counter = counter.clone();
                pairs.spawn(async move {
                    let mut bytes = vec![0; 65536];
                    while let Ok(n @ 1..) = from.read(&mut bytes).await {
                        counter.fetch_add(n as u64, Ordering::Relaxed);
                        if to.write_all(&bytes[..n]).await.is_err() {
                            break;
                        }
                    }
                });
            }
        }
    });
    (address, crossed)
}

#[tokio::test(flavor = "multi_thread")]
async fn text_crosses_the_tunnel_small_and_only_where_both_ends_and_the_mapping_agree() {
    const SIZE: usize = 4 << 20;
    let world = World::new();
    let root = world.path("site");
    std::fs::create_dir_all(&root).expect("writable");
    let text: String = (0..SIZE / 32).map(|n| format!("{n:>10} all lines look alike\n")).collect();
    let mut noise = vec![0; SIZE];
    fastrand::Rng::with_seed(3).fill(&mut noise);
    for (name, bytes) in [("text", text.as_bytes()), ("noise", &noise)] {
        std::fs::write(root.join(name), bytes).expect("writable");
    }
    let block = format!("listen LISTEN; root {};", root.display());
    let (_nginx, address) = target::nginx(&world.path("."), world.ip(), &block).await;
    let _gateway = world.gateway(&[]).await;
    let tasks = TaskTracker::new();
    let (relay, crossed) = counting(&tasks, world.ip(), world.gateway_address()).await;
    for (agents, cases) in [
        ("auto", &[("auto", "text", true), ("on", "text", true), ("off", "text", false), ("auto", "noise", false)][..]),
        ("off", &[("auto", "text", false), ("on", "text", false)]),
    ] {
        let (mut agent, console) = world.agent_via(relay, &[("Agent__Compression", agents)]).await;
        console.connection("Connected").await;
        for (mapping, file, small) in cases {
            let domain = format!("{mapping}.test");
            let known = console.expect(200, "GET", "/api/v1/mappings", None).await;
            if !known.as_array().is_some_and(|all| all.iter().any(|one| one["externalDomain"] == domain)) {
                let fields = json!({ "externalDomain": domain, "compression": mapping,
                                     "internalHost": address.ip().to_string(), "internalPort": address.port() });
                let id = console.map_with(fields).await;
                console.applied(&id).await;
            }
            octoporty_e2e::eventually("it is served", || async {
                (world.get(&domain, "/none").await.status == 404).then_some(())
            })
            .await;
            let before = crossed.load(Ordering::Relaxed);
            let url = format!("http://{}/{file}", world.gateway_address());
            let body = curl(&["--header", &format!("Host: {domain}"), &url]).await;
            let moved = usize::try_from(crossed.load(Ordering::Relaxed) - before).expect("small");
            let case = format!("agent {agents}, mapping {mapping}, {file}: {moved} bytes crossed");
            assert!(body == if *file == "text" { text.as_bytes() } else { &noise }, "{case}");
            assert!(if *small { moved < SIZE / 2 } else { (SIZE..SIZE + SIZE / 8).contains(&moved) }, "{case}");
        }
        agent.signal("TERM").await;
        agent.wait(octoporty_e2e::PATIENCE).await;
    }
}

/// A private CA and, for these names, a certificate of it, as PEM files of the world: CA, chain, key.
fn certificate(world: &World, names: &[&str]) -> [String; 3] {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "A private CA");
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a CA");
    let key = KeyPair::generate().expect("a key");
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let leaf = CertificateParams::new(names).expect("names").signed_by(&key, &ca).expect("signed");
    [("ca.pem", ca.pem()), ("leaf.pem", leaf.pem()), ("key.pem", key.serialize_pem())].map(|(name, pem)| {
        let path = world.path(name);
        std::fs::write(&path, pem).expect("writable");
        path.display().to_string()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_https_target_with_a_right_certificate_is_asked_by_its_own_name() {
    let world = World::new();
    let [ca, chain, key] = certificate(&world, &["localhost"]);
    // Tells whom the TLS handshake asked for and whom the request.
    let block = format!(
        "listen LISTEN ssl; ssl_certificate {chain}; ssl_certificate_key {key}; \
         location / {{ return 200 \"sni=$ssl_server_name host=$http_host\"; }}"
    );
    let (_nginx, address) = target::nginx(&world.path("."), [127, 0, 0, 1].into(), &block).await;
    let _gateway = world.gateway(&[]).await;
    // The variable by which curl and others are told of more authorities.
    let (_agent, console) = world.agent(&[("SSL_CERT_FILE", &ca)]).await;
    for (domain, host_header, host) in [
        ("app.test", "keep", "app.test".to_owned()),
        ("target.test", "target", format!("localhost:{}", address.port())),
    ] {
        let fields = json!({ "externalDomain": domain, "internalHost": "localhost", "internalPort": address.port(),
                             "internalProtocol": "Https", "hostHeader": host_header });
        let id = console.map_with(fields).await;
        console.applied(&id).await;
        let url = format!("http://{}/", world.gateway_address());
        let answer = String::from_utf8(curl(&["--header", &format!("Host: {domain}"), &url]).await).expect("text");
        assert_eq!(answer, format!("sni=localhost host={host}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_and_visitors_come_through_an_nginx_that_ends_tls() {
    let world = World::new();
    let [ca, chain, key] = certificate(&world, &["localhost", "app.test"]);
    let gateway = world.gateway_address();
    let block = format!(
        "listen LISTEN ssl; ssl_certificate {chain}; ssl_certificate_key {key}; proxy_http_version 1.1; \
         proxy_buffering off; proxy_request_buffering off; proxy_set_header Host $host; \
         proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme; \
         location / {{ proxy_pass http://{gateway}; }} \
         location = /tunnel {{ proxy_pass http://{gateway}; proxy_set_header Upgrade $http_upgrade; \
         proxy_set_header Connection upgrade; }}"
    );
    let (_nginx, front) = target::nginx(&world.path("."), [127, 0, 0, 1].into(), &block).await;
    let _gateway = world.gateway(&[]).await;
    let url = format!("wss://localhost:{}/tunnel", front.port());
    let (_agent, console) = world.agent(&[("Agent__GatewayUrl", &url), ("Agent__CaFile", &ca)]).await;
    assert_eq!(console.status().await["gatewayUrl"], url.as_str());
    let target = mirror(world.ip()).await;
    let id = console.map("app.test", target.address()).await;
    console.applied(&id).await;
    let visited = format!("https://app.test:{}/x", front.port());
    let resolve = format!("app.test:{}:{}", front.port(), front.ip());
    let upload = world.path("upload");
    std::fs::write(&upload, vec![b'u'; 300_000]).expect("writable");
    let upload = format!("@{}", upload.display());
    let answer = curl(&["--cacert", &ca, "--resolve", &resolve, "--data-binary", &upload, &visited]).await;
    let seen: Value = serde_json::from_slice(&answer).expect("JSON");
    assert_eq!((&seen["line"], &seen["length"]), (&json!("POST /x HTTP/1.1"), &json!(300_000)));
    assert_eq!(header(&seen, "x-forwarded-proto"), ["https"], "the proxy in front is believed");
    assert_eq!(header(&seen, "host"), ["app.test"]);
}
