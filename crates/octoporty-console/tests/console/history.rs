//! Figures that outlive the request log and the process, and `/metrics`.

use std::sync::Arc;
use std::time::Duration;

use octoporty_console::config::MetricsToken;
use octoporty_proto::model::{AgentStatus, ConnectionState, TrafficTotals};
use serde_json::Value;

use crate::world::{NOW, User, World, access_record, connected, eventually};

const MINUTE: Duration = Duration::from_secs(60);

async fn get(user: &User<'_>, path: &str) -> Value {
    let answer = user.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {:?}", answer.json());
    answer.json()
}

async fn history(user: &User<'_>, query: &str) -> Value {
    get(user, &format!("/api/v1/stats/history?{query}")).await
}

/// The status as the agent tells it each second, until the console has looked at it.
async fn look(world: &World, user: &User<'_>, status: AgentStatus) {
    let observed = |history: &Value| -> f64 {
        history["points"].as_array().unwrap().iter().map(|point| point["observedSeconds"].as_f64().unwrap()).sum()
    };
    let before = observed(&history(user, "step=minute").await);
    world.advance(Duration::from_secs(30));
    world.agent.status.send_replace(Arc::new(status));
    eventually(async || (observed(&history(user, "step=minute").await) >= before + 30.0).then_some(())).await;
}

async fn first_look(world: &World, user: &User<'_>) {
    // The first look only begins to observe: it is seen by the second one, a moment later.
    let status = connected();
    eventually(async || {
        world.agent.status.send_replace(Arc::new(status.clone()));
        world.advance(Duration::from_millis(1));
        let history = history(user, "step=minute").await;
        (history["points"][0]["observedSeconds"].as_f64() > Some(0.0)).then_some(())
    })
    .await;
}

fn moved(state: ConnectionState, bytes: u64) -> AgentStatus {
    let traffic = TrafficTotals { bytes_to_targets: bytes, bytes_to_visitors: 2 * bytes, ..TrafficTotals::default() };
    AgentStatus { state, traffic, ..connected() }
}

async fn counted(user: &User<'_>, requests: u64) {
    eventually(async || {
        let summary = get(user, "/api/v1/stats/summary").await;
        (summary["ranges"][2]["requests"] == requests).then_some(())
    })
    .await;
}

#[tokio::test]
async fn history_and_summary_follow_requests_and_tunnel_and_are_equal_after_a_restart() {
    let mut world = World::new().await;
    let user = world.user().await;
    let (one, other) = (user.create("a.example.com").await, user.create("b.example.com").await);
    assert_eq!(history(&user, "step=minute").await["points"], Value::Array(Vec::new()), "nothing was seen yet");
    let unseen = get(&user, "/api/v1/stats/summary").await["ranges"][0].clone();
    assert_eq!((&unseen["uptime"], &unseen["uptimeMet"]), (&Value::Null, &Value::Null));
    first_look(&world, &user).await;
    let begin = world.now();
    let mut failed = access_record(&one, begin);
    failed.status = 502;
    failed.error = Some("target_refused".to_owned());
    let mut slow = access_record(&other, begin);
    slow.total_us = 4_000_000;
    world.advance(Duration::from_secs(4));
    world.agent.access.send([access_record(&one, begin), failed, slow].into_iter().collect()).await.unwrap();
    counted(&user, 3).await;
    look(&world, &user, moved(ConnectionState::Connected, 1_000)).await;
    let connected = get(&user, "/api/v1/stats/summary").await["ranges"][0].clone();
    assert_eq!((&connected["uptime"], &connected["uptimeMet"]), (&1.0.into(), &true.into()), "{connected}");
    look(&world, &user, moved(ConnectionState::Reconnecting, 1_500)).await;
    look(&world, &user, moved(ConnectionState::Connected, 1_500)).await;

    let summary = get(&user, "/api/v1/stats/summary").await;
    assert_eq!((&summary["targets"]["successRate"], &summary["targets"]["uptime"]), (&0.995.into(), &0.999.into()));
    for range in summary["ranges"].as_array().unwrap() {
        assert_eq!((&range["requests"], &range["errors"]), (&3.into(), &1.into()), "{range}");
        assert_eq!(range["successMet"], false);
        assert!((range["successRate"].as_f64().unwrap() - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!(range["classes"]["2xx"], 2);
        assert_eq!(range["classes"]["5xx"], 1);
        assert_eq!((&range["bytesToTargets"], &range["bytesToVisitors"]), (&1_500.into(), &3_000.into()));
        let (observed, connected) =
            (range["observedSeconds"].as_f64().unwrap(), range["connectedSeconds"].as_f64().unwrap());
        assert!((observed - connected - 30.0).abs() < 0.01, "away for one look of 30 s: {range}");
        assert_eq!(range["uptimeMet"], false);
        let p95 = range["p95Ms"].as_f64().unwrap();
        assert!((p95 / 4_000.0 - 1.0).abs() < 0.05, "{p95}");
        assert!((range["p50Ms"].as_f64().unwrap() / 2.5 - 1.0).abs() < 0.05);
    }
    let of_one = history(&user, &format!("step=hour&mapping={one}")).await;
    assert_eq!((&of_one["points"][0]["requests"], &of_one["points"][0]["errors"]), (&2.into(), &1.into()));
    assert_eq!(of_one["points"][0]["bytesToVisitors"], 2_048, "of bodies: streams are not told apart");

    let ranges = ["step=minute", "step=hour", "step=day", "step=minute&group=5"];
    let mut before = Vec::new();
    for query in ranges {
        before.push(history(&user, &format!("{query}&to={}", moment(world.now() + 1))).await);
    }
    let to = moment(world.now() + 1);
    world.restart().await;
    let user = world.user().await;
    for (query, before) in ranges.iter().zip(before) {
        let after = history(&user, &format!("{query}&to={to}")).await;
        assert_eq!(after, before, "{query}");
    }
    assert_eq!(get(&user, "/api/v1/stats/summary").await["ranges"], summary["ranges"]);
}

#[tokio::test]
async fn what_nobody_has_read_is_written_at_an_orderly_stop() {
    let mut world = World::new().await;
    let user = world.user().await;
    let id = user.create("a.example.com").await;
    world.agent.access.send([access_record(&id, world.now())].into_iter().collect()).await.unwrap();
    eventually(async || {
        let live = get(&user, "/api/v1/stats/live").await;
        (live["requests"] == 1).then_some(())
    })
    .await;
    world.restart().await;
    let user = world.user().await;
    assert_eq!(history(&user, "step=day").await["points"][0]["requests"], 1);
}

fn moment(ms: u64) -> String {
    let since = i128::from(ms) * 1_000_000;
    let moment = time::OffsetDateTime::from_unix_timestamp_nanos(since).unwrap();
    moment.format(&time::format_description::well_known::Rfc3339).unwrap()
}

#[tokio::test]
async fn a_time_in_which_the_agent_did_not_run_has_no_points_and_points_of_a_group_are_joined() {
    let mut world = World::new().await;
    let user = world.user().await;
    first_look(&world, &user).await;
    look(&world, &user, connected()).await;
    world.restart().await;
    world.advance(10 * MINUTE);
    let user = world.user().await;
    world.agent.status.send_replace(Arc::new(connected()));
    let id = user.create("a.example.com").await;
    world.agent.access.send([access_record(&id, world.now())].into_iter().collect()).await.unwrap();
    counted(&user, 1).await;
    let minutes = history(&user, "step=minute").await;
    let at: Vec<_> = minutes["points"].as_array().unwrap().iter().map(|point| point["at"].clone()).collect();
    assert_eq!(minutes["pointSeconds"], 60);
    assert!(at.len() <= 4, "ten minutes without a look have no points: {at:?}");
    assert_eq!(minutes["points"].as_array().unwrap().last().unwrap()["requests"], 1);
    let grouped = history(&user, "step=minute&group=60").await;
    let hours = history(&user, "step=hour").await;
    assert_eq!((&grouped["pointSeconds"], &grouped["points"]), (&3_600.into(), &hours["points"]));
}

#[tokio::test]
async fn what_cannot_be_answered_is_told_with_what_to_change() {
    let world = World::new().await;
    let user = world.user().await;
    let cases = [
        ("from=yesterday", "from", "RFC 3339"),
        ("from=2027-01-15T09:00:00Z&to=2027-01-15T08:00:00Z", "from", "before"),
        ("step=week", "step", "minute, hour, day"),
        ("group=0", "group", "from 1 to 1000"),
        ("mapping=app", "mapping", "id of a mapping"),
        ("from=2026-01-01T00:00:00Z&step=minute", "step", "at most 3000"),
        ("from=2026-01-01T00:00:00Z&step=minute&group=1000", "step", "at most 10000"),
    ];
    for (query, field, words) in cases {
        let answer = user.get(&format!("/api/v1/stats/history?{query}")).await;
        let problem = answer.json();
        assert_eq!(answer.status, 400, "{query}: {problem}");
        let text = problem["errors"][field][0].as_str().unwrap_or_default();
        assert!(text.contains(words), "{query}: {problem}");
    }
    let nobody = "11111111-2222-3333-4444-555555555555";
    for path in ["history", "summary"] {
        assert_eq!(user.get(&format!("/api/v1/stats/{path}?mapping={nobody}")).await.status, 404);
        assert_eq!(world.call("GET", &format!("/api/v1/stats/{path}")).send().await.status, 401);
    }
    assert_eq!(user.get("/api/v1/stats/summary?mapping=app").await.status, 400);
    assert!(history(&user, "").await["from"].as_str().unwrap() < moment(NOW).as_str());
}

#[tokio::test]
async fn figures_for_prometheus_want_the_token_or_a_session() {
    let token = "a-metrics-token-for-tests-of-40-characte";
    let world = World::with(|config| config.metrics_token = MetricsToken::new(token)).await;
    let user = world.user().await;
    let anonymous = world.call("GET", "/metrics").send().await.problem(401, "unauthorized");
    assert!(anonymous["detail"].as_str().unwrap().contains("Agent__Metrics__Token"));
    assert_eq!(world.call("GET", "/metrics").bearer("wrong").send().await.status, 401);
    assert_eq!(world.call("GET", "/metrics").bearer(token).send().await.status, 200);
    let page = user.get("/metrics").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.body, "listeners 0\n# EOF\n");
    assert_eq!(world.call("GET", "/api/v1/status").bearer(token).send().await.status, 401, "it is for figures alone");
    let without = World::new().await;
    assert_eq!(without.call("GET", "/metrics").bearer(token).send().await.status, 401);
    assert_eq!(without.user().await.get("/metrics").await.status, 200);
}
