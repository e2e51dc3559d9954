//! `/metrics` of both sides, read by Prometheus' own parser: each figure follows its cause, which is changed from
//! outside, and nobody reads them who may not.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use octoporty_e2e::eventually;
use octoporty_e2e::target::{self, Target};
use octoporty_e2e::visitor::{Reply, exchange};
use octoporty_e2e::world::{KEY, World};
use tokio::io::AsyncWriteExt;

const TOKEN: &str = "a-metrics-token-for-tests-of-40-characte";

type Figures = BTreeMap<String, f64>;

fn port(world: &World, port: u16) -> SocketAddr {
    SocketAddr::new(world.ip(), port)
}

async fn scrape(address: SocketAddr, token: Option<&str>) -> Reply {
    let bearer = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    let request = format!("GET /metrics HTTP/1.1\r\nhost: x\r\n{bearer}connection: close\r\n\r\n");
    exchange(address, request.as_bytes(), "GET").await
}

/// The figures of now, as Prometheus reads them.
async fn figures(address: SocketAddr) -> Figures {
    let reply = scrape(address, Some(TOKEN)).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("content-type"), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    let mut child = tokio::process::Command::new(target::python())
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/read_metrics.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python runs");
    child.stdin.take().expect("piped").write_all(&reply.body).await.expect("taken");
    let output = child.wait_with_output().await.expect("it ends");
    assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stderr), reply.text());
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn of(figures: &Figures, name: &str) -> f64 {
    *figures.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", figures.keys().collect::<Vec<_>>()))
}

/// What has no sample yet is not a number, and equal to none.
fn of_or_none(figures: &Figures, name: &str) -> f64 {
    figures.get(name).copied().unwrap_or(f64::NAN)
}

/// Waits until every figure has the value that its cause gives it.
async fn follow<N: AsRef<str> + std::fmt::Debug>(address: SocketAddr, what: &str, wanted: &[(N, f64)]) {
    eventually(&format!("{what}: {wanted:?}"), || async {
        let now = figures(address).await;
        wanted.iter().all(|(name, value)| (of_or_none(&now, name.as_ref()) - value).abs() < 1e-9).then_some(())
    })
    .await;
}

/// `docs/METRICS.md` has every name that there is, and no other.
fn documented(gateway: &Figures, agent: &Figures) {
    let document = include_str!("../../docs/METRICS.md");
    let bare = |sample: &String| {
        let name = sample.split('{').next().unwrap_or_default();
        let parts = ["_bucket", "_sum", "_count"];
        parts.iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name).to_owned()
    };
    let told: BTreeSet<String> = gateway.keys().chain(agent.keys()).map(bare).collect();
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let written: BTreeSet<String> =
        rows.filter(|name| name.starts_with("octoporty_") || name.starts_with("process_")).map(str::to_owned).collect();
    // Nothing ended, and nobody has been dropped: these have no sample yet.
    let absent = BTreeSet::from(["octoporty_agent_sessions_ended_total".to_owned()]);
    assert_eq!(told.difference(&written).collect::<Vec<_>>(), Vec::<&String>::new(), "not in the document");
    assert_eq!(written.difference(&told).collect::<BTreeSet<_>>(), absent.iter().collect(), "only in the document");
}

/// A gateway and an agent that show their figures.
struct Shown {
    world: World,
    gateway: octoporty_e2e::process::Process,
    agent: octoporty_e2e::process::Process,
    console: octoporty_e2e::console::ConsoleClient,
}

impl Shown {
    async fn new() -> Self {
        let world = World::new();
        let gateway = Self::start_gateway(&world).await;
        let address = port(&world, 17203).to_string();
        let settings =
            [("Agent__Metrics__Port", address.as_str()), ("Agent__Metrics__Token", TOKEN), ("Agent__Links", "2")];
        let (agent, console) = world.agent(&settings).await;
        Self { world, gateway, agent, console }
    }

    async fn start_gateway(world: &World) -> octoporty_e2e::process::Process {
        let address = port(world, 17202).to_string();
        world.gateway(&[("Gateway__Metrics__Port", &address), ("Gateway__Metrics__Token", TOKEN)]).await
    }

    fn of_gateway(&self) -> SocketAddr {
        port(&self.world, 17202)
    }

    fn of_agent(&self) -> SocketAddr {
        port(&self.world, 17203)
    }
}

/// Answers `/<status>` with this status and 5 bytes.
async fn statuses(world: &World) -> Target {
    Target::start(world.ip(), |mut connection| async move {
        while let Some(seen) = connection.request().await {
            let status = seen.path().trim_start_matches('/').to_owned();
            let answer = format!("HTTP/1.1 {status} Said\r\ncontent-length: 5\r\n\r\nhello");
            if !connection.send(answer.as_bytes()).await {
                return;
            }
        }
    })
    .await
}

/// What the gateway counts of [`visited`].
const OF_GATEWAY: [(&str, f64); 10] = [
    ("octoporty_gateway_requests_total{class=2xx}", 3.0),
    ("octoporty_gateway_requests_total{class=4xx}", 1.0),
    ("octoporty_gateway_requests_total{class=5xx}", 2.0),
    ("octoporty_gateway_failures_total{code=target_refused}", 1.0),
    ("octoporty_gateway_failures_total{code=not_mapped}", 1.0),
    ("octoporty_gateway_request_duration_seconds_count{part=total}", 6.0),
    ("octoporty_gateway_request_duration_seconds_count{part=first_byte}", 5.0),
    ("octoporty_gateway_request_duration_seconds_bucket{le=+Inf,part=total}", 6.0),
    ("octoporty_gateway_mappings{kind=http,verdict=applied}", 2.0),
    ("octoporty_gateway_access_records_dropped_total", 0.0),
];

/// What the agent counts of [`visited`].
fn of_agent(id: &str, down: &str) -> Vec<(String, f64)> {
    let labels = format!("id={id},mapping=app.test");
    let mapping = |family: &str, more: &str| format!("octoporty_agent_mapping_{family}_total{{{more}{labels}}}");
    vec![
        ("octoporty_agent_requests_total{class=2xx}".to_owned(), 3.0),
        ("octoporty_agent_requests_total{class=5xx}".to_owned(), 2.0),
        ("octoporty_agent_failures_total{code=target_refused}".to_owned(), 1.0),
        ("octoporty_agent_request_duration_seconds_count".to_owned(), 6.0),
        (mapping("requests", "class=2xx,"), 3.0),
        (mapping("requests", "class=4xx,"), 1.0),
        (mapping("requests", "class=5xx,"), 1.0),
        (mapping("failed_requests", ""), 1.0),
        (mapping("body_bytes", "direction=to_targets,"), 1000.0),
        (mapping("body_bytes", "direction=to_visitors,"), 25.0),
        (format!("octoporty_agent_target_up{{{labels}}}"), 1.0),
        (format!("octoporty_agent_target_up{{id={down},mapping=says \"down\" \\ é}}"), 0.0),
        ("octoporty_agent_mappings{verdict=applied}".to_owned(), 2.0),
    ]
}

/// Five requests to a mapping that works, one to a mapping whose target is down, one to nobody; gives the mappings' ids.
async fn visited(shown: &Shown) -> (String, String) {
    let world = &shown.world;
    let site = statuses(world).await;
    let id = shown.console.map("app.test", site.address()).await;
    shown.console.applied(&id).await;
    let dead = target::free_address(world.ip());
    let down = serde_json::json!({
        "name": "says \"down\" \\ é", "externalDomain": "down.test", "internalHost": dead.ip().to_string(),
        "internalPort": dead.port(), "internalProtocol": "Http", "isEnabled": true,
    });
    let down = shown.console.map_with(down).await;
    shown.console.applied(&down).await;
    for path in ["/200", "/200", "/404", "/500"] {
        world.get("app.test", path).await;
    }
    let body = "x".repeat(1000);
    let post =
        format!("POST /200 HTTP/1.1\r\nhost: app.test\r\ncontent-length: 1000\r\nconnection: close\r\n\r\n{body}");
    assert_eq!(exchange(world.gateway_address(), post.as_bytes(), "POST").await.status, 200);
    assert_eq!(world.get("down.test", "/").await.status, 502);
    assert_eq!(world.get("nobody.test", "/").await.status, 404);
    (id, down)
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_counted_by_class_code_mapping_time_and_bytes_on_both_sides() {
    let shown = Shown::new().await;
    let (id, down) = visited(&shown).await;
    follow(shown.of_gateway(), "the gateway counts", &OF_GATEWAY).await;
    follow(shown.of_agent(), "the agent counts", &of_agent(&id, &down)).await;
    eventually("bytes are counted on both sides", || async {
        let (gateway, agent) = (figures(shown.of_gateway()).await, figures(shown.of_agent()).await);
        let moved =
            |figures: &Figures, side| of(figures, &format!("octoporty_{side}_bytes_total{{direction=to_targets}}"));
        (moved(&gateway, "gateway") > 1000.0 && moved(&agent, "agent") > 1000.0).then_some(())
    })
    .await;
    let (gateway, agent) = (figures(shown.of_gateway()).await, figures(shown.of_agent()).await);
    documented(&gateway, &agent);
    assert!(of(&gateway, "octoporty_gateway_request_duration_seconds_sum{part=total}") > 0.0);
    assert!(gateway.keys().all(|name| !name.contains(".test")), "no name of a visitor or mapping on the gateway");

    // A mapping that is gone takes its series with it, and the sums stay.
    shown.console.expect(204, "DELETE", &format!("/api/v1/mappings/{id}"), None).await;
    eventually("its series are gone", || async {
        let now = figures(shown.of_agent()).await;
        let gone = !now.keys().any(|name| name.contains(&id));
        (gone && of(&now, "octoporty_agent_requests_total{class=2xx}") == 3.0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_and_links_are_counted_and_sums_survive_the_session() {
    let mut shown = Shown::new().await;
    let site = target::mirror(shown.world.ip()).await;
    let id = shown.console.map("app.test", site.address()).await;
    shown.console.applied(&id).await;
    assert_eq!(shown.world.get("app.test", "/").await.status, 200);
    let connected = [
        ("octoporty_gateway_agents{state=connected}", 1.0),
        ("octoporty_gateway_agents{state=away}", 0.0),
        ("octoporty_gateway_links{transport=websocket}", 2.0),
        ("octoporty_gateway_links_started_total", 2.0),
    ];
    follow(shown.of_gateway(), "connected", &connected).await;
    let before = figures(shown.of_gateway()).await;
    shown.agent.kill().await;
    let away = [("octoporty_gateway_agents{state=connected}", 0.0), ("octoporty_gateway_agents{state=away}", 1.0)];
    follow(shown.of_gateway(), "away", &away).await;
    assert_eq!(shown.world.get("app.test", "/").await.status, 503);
    follow(shown.of_gateway(), "told", &[("octoporty_gateway_failures_total{code=agent_away}", 1.0)]).await;
    let after = figures(shown.of_gateway()).await;
    assert!(!after.contains_key("octoporty_gateway_links{transport=websocket}"), "no link stands");
    for total in ["bytes_total{direction=to_targets}", "bytes_total{direction=to_visitors}", "streams_total"] {
        let name = format!("octoporty_gateway_{total}");
        assert!(of(&before, &name) > 0.0 && of(&after, &name) >= of(&before, &name), "{name} fell");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_counts_its_sessions_attempts_and_links() {
    let mut shown = Shown::new().await;
    let connected = [
        ("octoporty_agent_connection_state{state=connected}", 1.0),
        ("octoporty_agent_connection_state{state=reconnecting}", 0.0),
        ("octoporty_agent_sessions_total", 1.0),
        ("octoporty_agent_dials_total", 1.0),
        ("octoporty_agent_links{transport=websocket}", 2.0),
    ];
    follow(shown.of_agent(), "connected", &connected).await;
    eventually("a round trip was measured", || async {
        let now = figures(shown.of_agent()).await;
        (now.get("octoporty_agent_round_trip_seconds").is_some_and(|trip| *trip > 0.0 && *trip < 5.0)).then_some(())
    })
    .await;
    shown.gateway.kill().await;
    eventually("the loss is counted", || async {
        let now = figures(shown.of_agent()).await;
        let ended: f64 =
            now.iter().filter(|(name, _)| name.contains("sessions_ended_total")).map(|(_, count)| count).sum();
        (ended == 1.0 && of(&now, "octoporty_agent_connection_state{state=reconnecting}") == 1.0).then_some(())
    })
    .await;
    let _gateway = Shown::start_gateway(&shown.world).await;
    follow(shown.of_agent(), "back", &[("octoporty_agent_sessions_total", 2.0)]).await;
    assert!(of(&figures(shown.of_agent()).await, "octoporty_agent_dials_total") >= 2.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_keys_lockouts_connections_and_the_process_are_counted() {
    let shown = Shown::new().await;
    let world = &shown.world;
    let gateway = shown.of_gateway();
    let before = figures(gateway).await;
    for (name, value) in [("octoporty_gateway_wrong_keys_total", 0.0), ("octoporty_gateway_lockouts_total", 0.0)] {
        assert_eq!(of(&before, name), value, "{name}");
    }
    for _ in 0..6 {
        let request = format!(
            "GET /api/v1/status HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}x\r\nconnection: close\r\n\r\n"
        );
        exchange(world.gateway_address(), request.as_bytes(), "GET").await;
    }
    follow(
        gateway,
        "guesses",
        &[
            ("octoporty_gateway_wrong_keys_total", 5.0),
            ("octoporty_gateway_lockouts_total", 1.0),
            ("octoporty_gateway_lockout_refusals_total", 1.0),
            ("octoporty_gateway_locked_sources", 1.0),
        ],
    )
    .await;
    let open = of(&figures(gateway).await, "octoporty_gateway_connections_open");
    let (one, two) = (world.visitor().await, world.visitor().await);
    follow(gateway, "two visitors", &[("octoporty_gateway_connections_open", open + 2.0)]).await;
    drop((one, two));
    follow(gateway, "gone again", &[("octoporty_gateway_connections_open", open)]).await;

    let now = figures(gateway).await;
    assert!(now.keys().any(|name| name.starts_with("octoporty_build_info{role=gateway,version=")), "{now:?}");
    assert!(of(&now, "octoporty_uptime_seconds") > of(&before, "octoporty_uptime_seconds"));
    assert!(of(&now, "process_cpu_seconds_total") >= of(&before, "process_cpu_seconds_total"));
    assert!(of(&now, "process_resident_memory_bytes") > 1e6);
    let pid = shown.gateway.pid();
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("its own").count() as f64;
    assert!((of(&now, "process_open_fds") - open).abs() <= 3.0, "{open} are open");
    assert!(of(&now, "process_max_fds") > open);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_token_or_a_login_shows_figures() {
    let shown = Shown::new().await;
    for address in [shown.of_gateway(), shown.of_agent(), shown.world.console_address()] {
        for token in [None, Some("wrong"), Some(&TOKEN[1..])] {
            let reply = scrape(address, token).await;
            assert_eq!((reply.status, reply.header("www-authenticate")), (401, Some("Bearer")), "{address}");
            assert!(!reply.text().contains("octoporty_agent") && !reply.text().contains("octoporty_gateway"));
        }
        let names: BTreeSet<String> = figures(address).await.into_keys().collect();
        assert!(names.contains("octoporty_uptime_seconds"), "{names:?}");
    }
    // With the console's figures, at either port of the agent.
    for address in [shown.of_agent(), shown.world.console_address()] {
        let now = figures(address).await;
        assert_eq!(of(&now, "octoporty_console_rows_dropped_total"), 0.0);
        assert_eq!(of(&now, "octoporty_console_database_trouble"), 0.0);
    }
    let by_session = shown.console.call("GET", "/metrics", None).await;
    assert_eq!(by_session.status, 200);
    assert!(by_session.text().ends_with("# EOF\n"));
    // The gateway's own port shows nothing, and neither do other paths.
    assert_eq!(scrape(shown.world.gateway_address(), Some(TOKEN)).await.status, 404);
    let other = format!("GET / HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\nconnection: close\r\n\r\n");
    assert_eq!(exchange(shown.of_gateway(), other.as_bytes(), "GET").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_never_ask_do_not_keep_the_scraper_out() {
    let shown = Shown::new().await;
    let mut held = Vec::new();
    for _ in 0..40 {
        let mut socket = tokio::net::TcpStream::connect(shown.of_gateway()).await.expect("the port listens");
        socket.write_all(b"GET /metrics HTTP/1.1\r\nhost:").await.expect("it is taken");
        held.push(socket);
    }
    assert!(of(&figures(shown.of_gateway()).await, "octoporty_uptime_seconds") > 0.0);
    drop(held);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_without_a_console_counts_as_well() {
    let world = World::new();
    let _gateway = world.gateway(&[]).await;
    let site = target::mirror(world.ip()).await;
    {
        let (mut agent, console) = world.agent(&[]).await;
        let id = console.map("app.test", site.address()).await;
        console.applied(&id).await;
        agent.signal("TERM").await;
        agent.wait(Duration::from_secs(20)).await;
    }
    let address = port(&world, 17203);
    let text = address.to_string();
    let settings = [
        ("Agent__Console__Enabled", "false"),
        ("Agent__Metrics__Port", text.as_str()),
        ("Agent__Metrics__Token", TOKEN),
    ];
    let _agent = world.agent_named("agent", world.console_address(), world.gateway_address(), &settings);
    target::listening(address).await;
    eventually("served from the cache", || async { (world.get("app.test", "/").await.status == 200).then_some(()) })
        .await;
    eventually("its requests are counted, by mapping too", || async {
        let now = figures(address).await;
        let mine = now
            .iter()
            .find(|(name, _)| name.contains("mapping_requests_total{class=2xx") && name.contains("mapping=app.test"));
        (mine.is_some_and(|(_, count)| *count >= 1.0) && of(&now, "octoporty_agent_sessions_total") >= 1.0)
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_metrics_port_in_use_is_told_before_anything_has_begun() {
    let world = World::new();
    let taken = std::net::TcpListener::bind(port(&world, 17202)).expect("free");
    let address = taken.local_addr().expect("bound").to_string();
    for (role, key) in [("gateway", "Gateway__Metrics__Port"), ("agent", "Agent__Metrics__Port")] {
        let own = world.gateway_address().to_string();
        let settings = [
            ("Gateway__ApiKey", KEY),
            ("Gateway__Port", own.as_str()),
            ("Agent__ApiKey", KEY),
            ("Agent__GatewayUrl", "ws://127.0.0.1:1/tunnel"),
            ("Agent__Auth__PasswordHash", octoporty_e2e::world::PASSWORD_HASH),
            (key, &address),
        ];
        let output = tokio::time::timeout(Duration::from_secs(20), world.command(&[role], &settings).output())
            .await
            .expect("it ends")
            .expect("it runs");
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(69), "{text}");
        assert!(text.contains(&format!("cannot listen on {address} for /metrics")) && text.contains(key), "{text}");
    }
}

/// What of the history must be the same whenever it is read; the time that was observed goes on.
async fn counted(console: &octoporty_e2e::console::ConsoleClient) -> Vec<serde_json::Value> {
    let mut counted = Vec::new();
    for step in ["minute", "hour", "day"] {
        let history = console.expect(200, "GET", &format!("/api/v1/stats/history?step={step}"), None).await;
        for point in history["points"].as_array().expect("points").iter().filter(|point| point["requests"] != 0) {
            let fields = ["at", "requests", "errors", "classes", "meanMs", "p50Ms", "p95Ms"];
            counted.push(fields.iter().map(|field| point[field].clone()).collect());
        }
    }
    counted
}

async fn day(console: &octoporty_e2e::console::ConsoleClient) -> serde_json::Value {
    console.expect(200, "GET", "/api/v1/stats/summary", None).await["ranges"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_are_equal_after_a_restart_and_after_a_crash() {
    let world = World::new();
    let _gateway = world.gateway(&[]).await;
    let (mut agent, console) = world.agent(&[]).await;
    let site = statuses(&world).await;
    let id = console.map("app.test", site.address()).await;
    console.applied(&id).await;
    for path in ["/200", "/404", "/502"] {
        world.get("app.test", path).await;
    }
    eventually("all are counted", || async { (day(&console).await["requests"] == 3).then_some(()) }).await;
    let first = counted(&console).await;
    assert!(first.len() >= 3, "a point for each step at the least: {first:?}");
    agent.signal("TERM").await;
    agent.wait(Duration::from_secs(20)).await;
    let (mut agent, console) = world.agent(&[]).await;
    assert_eq!(counted(&console).await, first, "after a restart");
    world.get("app.test", "/500").await;
    eventually("the fourth one too", || async { (day(&console).await["requests"] == 4).then_some(()) }).await;
    let second = counted(&console).await;
    agent.kill().await;
    let (_agent, console) = world.agent(&[]).await;
    assert_eq!(counted(&console).await, second, "what was read was written: a crash does not take it");
    let now = day(&console).await;
    assert_eq!((&now["errors"], &now["successRate"]), (&2.into(), &0.5.into()), "{now}");
    assert_eq!(now["successMet"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn uptime_follows_the_tunnel() {
    let world = World::new();
    let mut gateway = world.gateway(&[]).await;
    let (_agent, console) = world.agent(&[]).await;
    let seconds = |range: &serde_json::Value, name: &str| range[name].as_f64().expect("seconds");
    eventually("time passes in a tunnel that stands", || async {
        let now = day(&console).await;
        (seconds(&now, "connectedSeconds") >= 2.0).then_some(())
    })
    .await;
    gateway.kill().await;
    console.connection("Reconnecting").await;
    let lost = day(&console).await;
    eventually("time passes without one", || async {
        let now = day(&console).await;
        let (more, connected) = (
            seconds(&now, "observedSeconds") - seconds(&lost, "observedSeconds"),
            seconds(&now, "connectedSeconds") - seconds(&lost, "connectedSeconds"),
        );
        let uptime = seconds(&now, "connectedSeconds") / seconds(&now, "observedSeconds");
        assert!((now["uptime"].as_f64().expect("a share") - uptime).abs() < 1e-9, "{now}");
        // The look at which the loss was seen ends up to a second of the tunnel's time.
        let falls = now["uptime"].as_f64() < lost["uptime"].as_f64() && now["uptimeMet"] == false;
        (more >= 3.0 && connected <= 1.5 && falls).then_some(())
    })
    .await;
}
