//! The request log and the connection log, and the figures that are made of them: each field follows its cause, which is
//! changed from outside.

use std::time::{Duration, Instant};

use octoporty_e2e::console::{ConsoleClient, moment_ms, now_ms};
use octoporty_e2e::events::Events;
use octoporty_e2e::relay::{Ending, Relay};
use octoporty_e2e::target::Target;
use octoporty_e2e::visitor::{curl, exchange};
use octoporty_e2e::world::World;
use octoporty_e2e::{PATIENCE, eventually};
use serde_json::{Value, json};

const REQUESTS: &str = "/api/v1/logs/requests";
const CONNECTIONS: &str = "/api/v1/logs/connections";
/// How long the target takes for what is slow, and what of it must be seen at the least.
const SLOW: Duration = Duration::from_millis(300);
const SLOW_MS: f64 = 290.0;
/// How far two clocks of one machine may be apart.
const CLOCKS_MS: u64 = 50;

/// Answers `/<status>` with this status and five bytes, and other paths as their names say.
async fn site(world: &World) -> Target {
    Target::start(world.ip(), |mut peer| async move {
        let mut asked = 0;
        while let Some(seen) = peer.request().await {
            asked += 1;
            let path = seen.path().split('?').next().unwrap_or_default().trim_start_matches('/').to_owned();
            match path.as_str() {
                "late" => tokio::time::sleep(SLOW).await,
                "long" => {
                    peer.send(b"HTTP/1.1 200 Said\r\nContent-Length: 5\r\n\r\nhe").await;
                    tokio::time::sleep(SLOW).await;
                    peer.send(b"llo").await;
                    continue;
                }
                // As a server does that closes an idle connection just as a request comes.
                "closing" if asked > 1 => return tokio::time::sleep(SLOW).await,
                "upgrade" => {
                    peer.send(b"HTTP/1.1 101 Now\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n").await;
                    return;
                }
                _ => {}
            }
            let status: u16 = path.parse().unwrap_or(200);
            peer.send(format!("HTTP/1.1 {status} Said\r\nContent-Length: 5\r\n\r\nhello").as_bytes()).await;
        }
    })
    .await
}

async fn items(console: &ConsoleClient, path: &str) -> Vec<Value> {
    console.expect(200, "GET", path, None).await["items"].as_array().expect("a list").clone()
}

/// The newest row of this path, as soon as it is there.
async fn row(console: &ConsoleClient, path: &str) -> Value {
    eventually(&format!("{path} is in the log"), || async {
        items(console, REQUESTS).await.into_iter().find(|row| row["path"] == path)
    })
    .await
}

fn number(object: &Value, field: &str) -> f64 {
    object[field].as_f64().unwrap_or_else(|| panic!("{field} is a number: {object}"))
}

fn assert_fields(found: &Value, wanted: &Value) {
    for (field, value) in wanted.as_object().expect("fields") {
        assert_eq!(&found[field], value, "{field}: {found}");
    }
}

/// Reads all pages of a log, so many rows each.
async fn paged(console: &ConsoleClient, path: &str, count: usize) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = console.expect(200, "GET", &format!("{path}?count={count}{cursor}"), None).await;
        let rows = page["items"].as_array().expect("a list");
        all.extend(rows.clone());
        if page["hasMore"] == false {
            assert_eq!(page["nextBeforeId"], Value::Null);
            return all;
        }
        assert_eq!((rows.len(), &page["nextBeforeId"]), (count, &rows[count - 1]["id"]));
        cursor = format!("&beforeId={}", page["nextBeforeId"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_field_of_a_request_follows_what_was_sent_and_what_came() {
    let world = World::new();
    let pair = world.pair().await;
    let (console, target) = (&pair.console, site(&world).await);
    let mapping = json!({
        "name": "First", "externalDomain": "app.test", "internalHost": world.ip().to_string(),
        "internalPort": target.address().port(),
    });
    let id = console.map_with(mapping.clone()).await;
    console.applied(&id).await;
    assert_eq!(console.expect(200, "GET", REQUESTS, None).await["items"], json!([]));
    let mut events = Events::open(console, None).await;

    let began = now_ms();
    let asked = Instant::now();
    let get = b"GET /200 HTTP/1.1\r\nHost: app.test\r\nUser-Agent: first/1\r\n\r\n";
    let reply = exchange(world.gateway_address(), get, "GET").await;
    let first = row(console, "/200").await;
    // The row comes when the request is over.
    let took = asked.elapsed().as_secs_f64() * 1_000.0;
    assert_fields(
        &first,
        &json!({
            "method": "GET", "host": "app.test", "path": "/200", "query": null, "status": 200, "error": null,
            "errorDetail": null, "requestBytes": 0, "responseBytes": 5, "client": "127.0.0.1", "userAgent": "first/1",
            "mappingId": id, "mappingName": "First", "requestId": reply.header("x-octoporty-request-id"),
        }),
    );
    let at = moment_ms(&first["at"]);
    assert!(at + CLOCKS_MS >= began && at <= now_ms() + CLOCKS_MS, "{first}");
    assert!(number(&first, "totalMs") <= took, "at most {took} ms: {first}");
    let told = events.named("requests", PATIENCE).await.expect("the request is told");
    assert_eq!(told["items"], json!([first]), "the event has the row");

    let (url, from) = (format!("http://{}/418?milk=1", world.gateway_address()), world.ip().to_string());
    let args = ["--include", "--interface", &from, "--user-agent", "second/2", "--header", "Host: APP.test"];
    let said = String::from_utf8(curl(&[&args[..], &["--data", "hello", &url]].concat()).await).expect("text");
    let second = row(console, "/418").await;
    assert_fields(
        &second,
        &json!({
            "method": "POST", "path": "/418", "query": "milk=1", "status": 418, "requestBytes": 5,
            "client": from, "userAgent": "second/2",
        }),
    );
    assert!(said.contains(second["requestId"].as_str().expect("a text")), "{said}");
    assert!(second["id"].as_i64() > first["id"].as_i64() && moment_ms(&second["at"]) >= at);
    assert_eq!(console.expect(200, "GET", &format!("{REQUESTS}/{}", second["id"]), None).await, second);

    target.stop().await;
    assert_eq!(world.get("app.test", "/gone").await.status, 502);
    let gone = row(console, "/gone").await;
    assert_fields(&gone, &json!({ "status": 502, "error": "target_refused", "firstByteMs": null, "tunnelMs": null }));
    assert!(gone["errorDetail"].as_str().is_some_and(|why| why.contains("refused")), "{gone}");

    let mut renamed = mapping;
    renamed["name"] = json!("Second");
    console.expect(200, "PUT", &format!("/api/v1/mappings/{id}"), Some(renamed)).await;
    assert_eq!(row(console, "/200").await["mappingName"], "Second", "a row has the name of now");
    console.expect(204, "DELETE", &format!("/api/v1/mappings/{id}"), None).await;
    assert_fields(&row(console, "/200").await, &json!({ "mappingName": null, "mappingId": id, "id": first["id"] }));

    let all = items(console, REQUESTS).await;
    assert_eq!(all.len(), 3);
    for count in [1, 2, 3] {
        assert_eq!(paged(console, REQUESTS, count).await, all);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_time_of_a_request_is_where_it_was_spent() {
    let world = World::new();
    let pair = world.pair().await;
    let (console, target) = (&pair.console, site(&world).await);
    let id = console.map("app.test", target.address()).await;
    console.applied(&id).await;
    let mut visitor = world.visitor().await;
    let mut times = async |path: &str| {
        let asked = Instant::now();
        assert_eq!(visitor.get("app.test", path).await.status, 200);
        let row = row(console, path).await;
        let took = asked.elapsed().as_secs_f64() * 1_000.0;
        let [gateway, first, total] = ["gatewayMs", "firstByteMs", "totalMs"].map(|field| number(&row, field));
        assert!(gateway + first <= total + 0.01 && total <= took, "{took} ms: {row}");
        (gateway, first, total, row)
    };
    let (_, first, total, row) = times("/late").await;
    assert!(first >= SLOW_MS && total >= first, "the target was late: {row}");
    let (gateway, first, total, row) = times("/long").await;
    assert!(total - first - gateway >= SLOW_MS, "the body took its time: {row}");
    // It goes out a second time; what the first took was no target's.
    let (gateway, first, total, row) = times("/closing").await;
    assert!(gateway >= SLOW_MS && gateway + first <= total + 0.01, "it was sent twice: {row}");
    assert_eq!(target.connections(), 2, "on a fresh connection");
}

/// The `welcome` names the gateway's release; MessagePack puts the length before the text.
fn welcome_of(release: &str) -> Vec<u8> {
    let length = u8::try_from(release.len()).expect("a short release") | 0xa0;
    [b"gateway_version".as_slice(), &[length], release.as_bytes()].concat()
}

/// The newest row of the connection log, once it is of another session than `before`.
async fn session(console: &ConsoleClient, before: &Value) -> Value {
    eventually("the session is in the log", || async {
        items(console, CONNECTIONS).await.into_iter().next().filter(|row| row["sessionId"] != before["sessionId"])
    })
    .await
}

/// The row of a session after its end.
async fn ended(console: &ConsoleClient, begun: &Value, reason: &str) -> Value {
    let row = eventually(&format!("it ended by {reason}"), || async {
        let found = items(console, CONNECTIONS).await.into_iter().find(|row| row["id"] == begun["id"]);
        found.filter(|row| row["endReason"] == reason)
    })
    .await;
    for field in ["sessionId", "startedAt", "gatewayUrl", "gatewayVersion", "agentVersion", "transport"] {
        assert_eq!(row[field], begun[field], "{field}: {row}");
    }
    assert!(row["endDetail"].as_str().is_some_and(|why| !why.is_empty()), "{row}");
    row
}

#[tokio::test(flavor = "multi_thread")]
async fn each_field_of_a_session_follows_begin_way_and_end() {
    let world = World::new();
    let mut gateway = world.gateway(&[]).await;
    let relay = Relay::start((world.ip(), 0).into(), world.gateway_address()).await;
    let (began, clock) = (now_ms(), Instant::now());
    let (mut agent, console) = world.agent_via(relay.address(), &[("Agent__Links", "2")]).await;
    let status = eventually("both links stand", || async {
        let status = console.status().await;
        (status["links"].as_array().map(Vec::len) == Some(2)).then_some(status)
    })
    .await;
    let release = world.get(&world.gateway_address().to_string(), "/health").await.json()["version"].clone();
    let first = session(&console, &Value::Null).await;
    assert_fields(
        &first,
        &json!({
            "sessionId": status["sessionId"], "gatewayUrl": format!("ws://{}/tunnel", relay.address()),
            "gatewayVersion": release, "agentVersion": release, "transport": "websocket", "endedAt": null,
            "durationSeconds": null, "endReason": null, "endDetail": null,
        }),
    );
    let started = moment_ms(&first["startedAt"]);
    assert!(started + CLOCKS_MS >= began && started <= now_ms() + CLOCKS_MS, "{first}");

    // It ends, and the next one is with a gateway of another release.
    let text = release.as_str().expect("a text");
    let older: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    relay.refuse();
    relay.cut(Ending::Reset);
    console.connection("Reconnecting").await;
    let lost = ended(&console, &first, "transport_lost").await;
    let stood = number(&lost, "durationSeconds");
    let between = (moment_ms(&lost["endedAt"]) - started) as f64 / 1_000.0;
    assert!((stood - between).abs() < 0.002 && stood <= clock.elapsed().as_secs_f64() + 0.05, "{lost}");
    assert_eq!(lost["links"], 2, "both stood at once");
    relay.rewrite(&welcome_of(text), &welcome_of(&older));
    relay.restore();
    let second = session(&console, &first).await;
    assert!(second["id"].as_i64() > first["id"].as_i64(), "{second}");
    assert_fields(&second, &json!({ "gatewayVersion": older, "agentVersion": release }));
    assert!(moment_ms(&second["startedAt"]) + CLOCKS_MS >= moment_ms(&lost["endedAt"]));

    agent.signal("TERM").await;
    agent.wait(PATIENCE).await;
    let (mut agent, console) = world.agent(&[("Agent__Links", "1")]).await;
    ended(&console, &second, "local_stop").await;
    let third = session(&console, &second).await;
    let direct = format!("ws://{}/tunnel", world.gateway_address());
    assert_fields(&third, &json!({ "gatewayUrl": direct, "gatewayVersion": release }));
    agent.kill().await;
    let (_agent, console) = world.agent(&[("Agent__Links", "1")]).await;
    let killed = ended(&console, &third, "process_ended").await;
    assert_fields(&killed, &json!({ "endedAt": null, "durationSeconds": null }));
    let fourth = session(&console, &third).await;
    gateway.signal("TERM").await;
    gateway.wait(PATIENCE).await;
    let told = ended(&console, &fourth, "peer_stop").await;
    assert_eq!(told["links"], 1);

    let all = items(&console, CONNECTIONS).await;
    assert_eq!(all.len(), 4);
    for count in [1, 3, 4] {
        assert_eq!(paged(&console, CONNECTIONS, count).await, all);
    }
}

/// The value that so many of 100 do not exceed.
fn quantile(times: &[f64], percent: usize) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(sorted.len() * percent).div_ceil(100) - 1]
}

/// Whether a figure tells a time right: to within 5 %, and no finer than the least time that is told apart.
fn assert_near(told: &Value, wanted: f64) {
    let told = told.as_f64().unwrap_or_else(|| panic!("{told} for {wanted} ms"));
    assert!((told - wanted).abs() <= wanted * 0.05 + 0.11, "{told} ms for {wanted} ms");
}

fn totals(rows: &[Value]) -> Vec<f64> {
    rows.iter().map(|row| number(row, "totalMs")).collect()
}

fn failed(rows: &[Value]) -> usize {
    rows.iter().filter(|row| row["status"].as_u64() >= Some(500)).count()
}

/// Rows that ended in the slice that begins at this moment.
fn within(rows: &[Value], begin_ms: u64, length_ms: u64) -> Vec<Value> {
    let slice = begin_ms as f64..(begin_ms + length_ms) as f64;
    let end_of = |row: &Value| moment_ms(&row["at"]) as f64 + number(row, "totalMs").floor();
    rows.iter().filter(|row| slice.contains(&end_of(row))).cloned().collect()
}

async fn live(console: &ConsoleClient) -> Value {
    console.expect(200, "GET", "/api/v1/stats/live", None).await
}

async fn summary(console: &ConsoleClient, query: &str) -> Value {
    console.expect(200, "GET", &format!("/api/v1/stats/summary{query}"), None).await
}

async fn history(console: &ConsoleClient, query: &str) -> Value {
    console.expect(200, "GET", &format!("/api/v1/stats/history?{query}"), None).await
}

fn buckets(stats: &Value) -> &Vec<Value> {
    stats["buckets"].as_array().expect("a list")
}

fn sum(list: &[Value], field: &str) -> f64 {
    list.iter().map(|one| number(one, field)).sum()
}

/// What the window says must be what its buckets say, and each bucket what the log says of its five seconds.
fn assert_live(stats: &Value, rows: &[Value]) {
    let (buckets, now) = (buckets(stats), moment_ms(&stats["now"]));
    assert_eq!((&stats["bucketSeconds"], buckets.len()), (&json!(5), 180));
    let newest = moment_ms(&buckets[179]["at"]);
    assert!(newest <= now && now < newest + 5_000, "{now} {newest}");
    assert!(now <= now_ms() + CLOCKS_MS && now + 60_000 > now_ms(), "{now}");
    for (place, bucket) in buckets.iter().enumerate() {
        let at = moment_ms(&bucket["at"]);
        assert_eq!(at + (179 - place as u64) * 5_000, newest);
        let ended = within(rows, at, 5_000);
        assert_eq!((&bucket["requests"], &bucket["errors"]), (&json!(ended.len()), &json!(failed(&ended))), "{bucket}");
        match ended.len() {
            0 => assert_eq!(bucket["p95Ms"], Value::Null),
            _ => assert_near(&bucket["p95Ms"], quantile(&totals(&ended), 95)),
        }
    }
    let minute = &buckets[180 - 13..179];
    let bytes = sum(minute, "bytesToTargets") + sum(minute, "bytesToVisitors");
    for (rate, count) in [
        ("requestsPerSecond", sum(minute, "requests")),
        ("errorsPerSecond", sum(minute, "errors")),
        ("bytesPerSecond", bytes),
    ] {
        assert!((number(stats, rate) * 60.0 - count).abs() < 0.01, "{rate}: {count} in the last minute: {stats}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_figures_of_now_follow_the_traffic() {
    let world = World::new();
    let pair = world.pair().await;
    let (console, target) = (&pair.console, site(&world).await);
    let id = console.map("app.test", target.address()).await;
    console.applied(&id).await;
    let quiet = live(console).await;
    assert_live(&quiet, &[]);
    assert_fields(
        &quiet,
        &json!({
            "requests": 0, "errors": 0, "successRate": null, "p95Ms": null, "newestFailures": [],
            "requestsPerSecond": 0.0, "errorsPerSecond": 0.0, "bytesPerSecond": 0.0,
        }),
    );
    let mut asked = 0;
    let mut after = async |paths: &[&str]| {
        for path in paths {
            world.get("app.test", path).await;
        }
        asked += paths.len();
        eventually("the requests are counted", || async {
            let stats = live(console).await;
            let rows = items(console, REQUESTS).await;
            // A failure is counted as it comes, and told of once it is kept.
            let failures = stats["newestFailures"].as_array().map_or(0, Vec::len);
            let told = number(&stats, "errors") == failures as f64;
            (rows.len() == asked && stats["requests"] == asked && told).then_some((stats, rows))
        })
        .await
    };
    let (good, rows) = after(&["/200", "/200", "/404"]).await;
    assert_live(&good, &rows);
    assert!(moment_ms(&good["now"]) > moment_ms(&quiet["now"]), "time passes");
    assert_fields(&good, &json!({ "errors": 0, "successRate": 1.0, "newestFailures": [] }));
    assert_near(&good["p95Ms"], quantile(&totals(&rows), 95));
    let (slow, rows) = after(&["/late"]).await;
    assert_live(&slow, &rows);
    assert!(number(&slow, "p95Ms") >= SLOW_MS * 0.95, "a target was slow: {slow}");
    let (failing, rows) = after(&["/500", "/503"]).await;
    assert_live(&failing, &rows);
    assert_fields(&failing, &json!({ "errors": 2, "newestFailures": rows[..2] }));
    assert!((number(&failing, "successRate") - 4.0 / 6.0).abs() < 1e-9, "{failing}");
    // Rates are of slices that are over; bytes are those that the tunnel has counted.
    eventually("the last minute has all of it", || async {
        let (traffic, stats) = (console.status().await["traffic"].clone(), live(console).await);
        assert_live(&stats, &rows);
        let rates = ["requestsPerSecond", "errorsPerSecond", "bytesPerSecond"];
        let moved = ["bytesToTargets", "bytesToVisitors"];
        let counted = moved.iter().all(|field| sum(buckets(&stats), field) == number(&traffic, field));
        let any = moved.iter().all(|field| number(&traffic, field) > 0.0);
        (any && counted && rates.iter().all(|rate| number(&stats, rate) > 0.0)).then_some(())
    })
    .await;
}

/// Counts, classes and times must be those of the log's rows.
fn assert_figures(figures: &Value, rows: &[Value]) {
    assert_fields(figures, &json!({ "requests": rows.len(), "errors": failed(rows) }));
    for (class, digit) in [("1xx", 1), ("2xx", 2), ("3xx", 3), ("4xx", 4), ("5xx", 5)] {
        let count = rows.iter().filter(|row| row["status"].as_u64().map(|status| status / 100) == Some(digit)).count();
        assert_eq!(figures["classes"][class], json!(count), "{class}: {figures}");
    }
    if rows.is_empty() {
        return assert_fields(figures, &json!({ "meanMs": null, "p50Ms": null, "p95Ms": null }));
    }
    let times = totals(rows);
    let mean = times.iter().sum::<f64>() / times.len() as f64;
    assert!((number(figures, "meanMs") - mean).abs() <= 0.01, "{mean}: {figures}");
    assert_near(&figures["p50Ms"], quantile(&times, 50));
    assert_near(&figures["p95Ms"], quantile(&times, 95));
}

/// The three ranges, each with the figures of these rows.
fn assert_ranges(summary: &Value, rows: &[Value]) {
    let (now, ranges) = (moment_ms(&summary["now"]), summary["ranges"].as_array().expect("a list"));
    assert!(now <= now_ms() + CLOCKS_MS && now + 60_000 > now_ms(), "{now}");
    let targets = &summary["targets"];
    assert_eq!(targets, &json!({ "successRate": 0.995, "uptime": 0.999 }), "what the product is to reach");
    assert_eq!(ranges.len(), 3);
    for (range, (name, hours, slice)) in ranges.iter().zip([("24h", 24, 1), ("7d", 168, 60), ("30d", 720, 60)]) {
        let slice_ms = slice * 60_000;
        assert_eq!(range["range"], name);
        assert_eq!(moment_ms(&range["from"]), (now - hours * 3_600_000) / slice_ms * slice_ms, "{range}");
        assert_figures(range, rows);
        let (good, all) = (rows.len() - failed(rows), rows.len());
        let share = (all > 0).then(|| good as f64 / all as f64);
        let met = share.map(|share| share >= number(targets, "successRate"));
        assert_fields(range, &json!({ "successRate": share, "successMet": met }));
        let uptime = number(range, "connectedSeconds") / number(range, "observedSeconds");
        assert!((number(range, "uptime") - uptime).abs() < 1e-9, "{range}");
        assert_eq!(range["uptimeMet"], json!(uptime >= number(targets, "uptime")), "{range}");
    }
}

/// A history, asked for in so many slices a point, with the figures of these rows in its points.
async fn assert_history(console: &ConsoleClient, mapping: Option<&str>, rows: &[Value]) {
    let of = mapping.map(|id| format!("&mapping={id}")).unwrap_or_default();
    for (step, seconds, group) in [("minute", 60, 1), ("minute", 60, 7), ("hour", 3_600, 1), ("day", 86_400, 2)] {
        let found = history(console, &format!("step={step}&group={group}{of}")).await;
        let point = seconds * group;
        assert_fields(&found, &json!({ "step": step, "group": group, "pointSeconds": point, "mapping": mapping }));
        let (from, to) = (moment_ms(&found["from"]), moment_ms(&found["to"]));
        assert!(to <= now_ms() + CLOCKS_MS && to + 60_000 > now_ms(), "{found}");
        assert_eq!(from, (to - 86_400_000) / (point * 1_000) * (point * 1_000), "{found}");
        let points = found["points"].as_array().expect("a list");
        assert_eq!(sum(points, "requests"), rows.len() as f64);
        for one in points {
            let at = moment_ms(&one["at"]);
            assert_eq!(at % (point * 1_000), 0);
            assert_figures(one, &within(rows, at, point * 1_000));
        }
    }
}

/// The rows of the log, once there are so many.
async fn logged(console: &ConsoleClient, count: usize) -> Vec<Value> {
    eventually("the requests are in the log", || async {
        Some(items(console, REQUESTS).await).filter(|rows| rows.len() == count)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_figures_of_days_follow_the_traffic_of_all_and_of_each_mapping() {
    let world = World::new();
    let pair = world.pair().await;
    let (console, target) = (&pair.console, site(&world).await);
    let id = console.map("app.test", target.address()).await;
    let other = console.map("other.test", target.address()).await;
    console.applied(&other).await;
    let (of_id, of_other) = (format!("?mapping={id}"), format!("?mapping={other}"));
    eventually("some time was observed", || async {
        (number(&summary(console, "").await["ranges"][0], "observedSeconds") > 0.0).then_some(())
    })
    .await;
    assert_ranges(&summary(console, "").await, &[]);
    assert_history(console, None, &[]).await;

    for path in ["/200", "/302", "/404", "/late"] {
        world.get("app.test", path).await;
    }
    let body = "x".repeat(1_000);
    let post = format!("POST /200 HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1000\r\n\r\n{body}");
    assert_eq!(exchange(world.gateway_address(), post.as_bytes(), "POST").await.status, 200);
    let switch = b"GET /upgrade HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
    assert_eq!(exchange(world.gateway_address(), switch, "GET").await.status, 101);
    let good = logged(console, 6).await;
    let all = summary(console, "").await;
    assert_eq!(all["mapping"], Value::Null);
    assert_ranges(&all, &good);
    assert_eq!(all["ranges"][0]["successMet"], true);
    assert_history(console, None, &good).await;

    assert_eq!(world.get("other.test", "/500").await.status, 500);
    let rows = logged(console, 7).await;
    let all = summary(console, "").await;
    assert_ranges(&all, &rows);
    assert_eq!(all["ranges"][0]["successMet"], false);
    assert_history(console, None, &rows).await;
    for (query, mapping, rows, bytes) in
        [(&of_id, &id, &good[..], (1_000, 25)), (&of_other, &other, &rows[..1], (0, 5))]
    {
        let one = summary(console, query).await;
        assert_eq!(one["mapping"], json!(mapping));
        assert_ranges(&one, rows);
        assert_history(console, Some(mapping), rows).await;
        for range in one["ranges"].as_array().expect("a list") {
            let moved = (&range["bytesToTargets"], &range["bytesToVisitors"]);
            assert_eq!(moved, (&json!(bytes.0), &json!(bytes.1)), "the bodies: {range}");
        }
    }
    eventually("of all, the tunnel's bytes are told", || async {
        let (traffic, all) = (console.status().await["traffic"].clone(), summary(console, "").await);
        let all = &all["ranges"][0];
        let moved = ["bytesToTargets", "bytesToVisitors"];
        moved.iter().all(|field| number(all, field) > 0.0 && all[field] == traffic[field]).then_some(())
    })
    .await;

    // What is asked for is what is told: nothing of today is in the day before yesterday.
    let before = history(console, "from=2026-01-02T00:30:00Z&to=2026-01-03T00:00:00Z&step=hour").await;
    let asked = json!({ "from": "2026-01-02T00:00:00.000Z", "to": "2026-01-03T00:00:00.000Z", "points": [] });
    assert_fields(&before, &asked);
}
