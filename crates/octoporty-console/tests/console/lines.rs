//! The logs of agent and gateway, by their routes and live.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use octoporty_proto::model::{
    AgentStatus, AskError, ConnectionState, LogEntry, LogLevel, LogPlace, LogQuery, Question, SessionId,
};
use serde_json::{Value, json};

use crate::events::{Listening, listen};
use crate::world::{FakeLog, User, World, connected, eventually};

const AGENT: &str = "/api/v1/agent/logs";
const GATEWAY: &str = "/api/v1/gateway/logs";

fn entry(id: u64, level: LogLevel, message: &str) -> LogEntry {
    let fields = [("target".to_owned(), "octoporty_agent::connector".to_owned())].into();
    LogEntry { id, at_ms: 1_800_000_000_000 + id % 1_000, level, message: message.to_owned(), fields }
}

fn info(ids: std::ops::RangeInclusive<u64>) -> impl Iterator<Item = LogEntry> {
    ids.map(|id| entry(id, LogLevel::Info, &format!("line {id}")))
}

fn ids(page: &Value) -> Vec<u64> {
    page["logs"].as_array().unwrap().iter().map(|line| line["id"].as_u64().unwrap()).collect()
}

fn gateway_log(world: &World) -> Arc<FakeLog> {
    let log = Arc::new(FakeLog::default());
    *world.agent.control.gateway_log.lock().unwrap() = Some(Arc::clone(&log));
    log
}

async fn page(user: &User<'_>, path: &str) -> Value {
    let answer = user.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {:?}", answer.json());
    answer.json()
}

#[tokio::test]
async fn a_line_has_the_shape_of_the_contract_whatever_stands_in_it() {
    let world = World::new().await;
    let user = world.user().await;
    let text = "<script>alert(1)</script> \u{202e}\u{1b}[31m & \"quotes\"";
    world.agent.log.write([entry(1_800_000_000_000_120, LogLevel::Warn, text)]);
    for path in [AGENT, "/api/agent/logs"] {
        let answer = user.get(path).await;
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        let line = json!({
            "id": 1_800_000_000_000_120_u64, "timestamp": "2027-01-15T08:00:00.120Z", "level": "warn",
            "message": text, "fields": { "target": "octoporty_agent::connector" }
        });
        let expected =
            json!({ "success": true, "error": null, "logs": [line], "hasMore": false, "nextBeforeId": null });
        assert_eq!(answer.json(), expected);
    }
}

#[tokio::test]
async fn times_have_milliseconds() {
    let world = World::new().await;
    let user = world.user().await;
    world.agent.log.write([LogEntry { at_ms: 1_800_000_000_000, ..entry(5, LogLevel::Info, "x") }]);
    assert_eq!(page(&user, AGENT).await["logs"][0]["timestamp"], "2027-01-15T08:00:00.000Z");
}

#[tokio::test]
async fn pages_go_back_to_the_oldest_line_and_counts_are_clamped() {
    let world = World::new().await;
    let user = world.user().await;
    world.agent.log.write(info(1..=6_000));
    for (query, newest, length) in [
        ("", 6_000, 1_000),
        ("?count=0", 6_000, 1),
        ("?count=99999", 6_000, 5_000),
        ("?count=x", 6_000, 1_000),
        ("?beforeId=0&count=3", 6_000, 3),
        ("?beforeId=100&count=3", 99, 3),
        ("?beforeId=3", 2, 2),
    ] {
        let page = page(&user, &format!("{AGENT}{query}")).await;
        assert_eq!((ids(&page)[0], ids(&page).len()), (newest, length), "{query}");
        assert_eq!(page["hasMore"], ids(&page).last() != Some(&1), "{query}");
    }
    let (mut seen, mut path) = (Vec::new(), format!("{AGENT}?count=2500"));
    loop {
        let page = page(&user, &path).await;
        seen.extend(ids(&page));
        let Some(next) = page["nextBeforeId"].as_u64() else { break };
        path = format!("{AGENT}?count=2500&beforeId={next}");
    }
    assert_eq!(seen, (1..=6_000).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn level_and_search_narrow_and_bad_ones_are_told_by_field() {
    let world = World::new().await;
    let user = world.user().await;
    let levels = LogLevel::ALL.into_iter().zip(1..);
    world.agent.log.write(levels.map(|(level, id)| entry(id, level, &format!("This Is {level}"))));
    for (query, expected) in [
        ("level=trace", vec![5, 4, 3, 2, 1]),
        ("level=Warning", vec![5, 4]),
        ("level=error", vec![5]),
        ("level=", vec![5, 4, 3, 2, 1]),
        ("search=IS+INFO", vec![3]),
        ("search=connector&level=info", vec![5, 4, 3]),
        ("search=nowhere", vec![]),
    ] {
        assert_eq!(ids(&page(&user, &format!("{AGENT}?{query}")).await), expected, "{query}");
    }
    gateway_log(&world);
    for path in [AGENT, GATEWAY] {
        let query = format!("?level=loud&beforeId=x&search={}", "x".repeat(257));
        let problem = user.get(&format!("{path}{query}")).await.problem(400, "validation_failed");
        let level = problem["errors"]["level"][0].as_str().unwrap();
        assert!(LogLevel::ALL.iter().all(|name| level.contains(name.as_str())), "{level}");
        assert!(
            problem["errors"]["beforeId"][0].is_string() && problem["errors"]["search"][0].is_string(),
            "{problem}"
        );
    }
}

#[tokio::test]
async fn nobody_reads_a_log_without_a_session() {
    let world = World::new().await;
    world.agent.log.write(info(1..=3));
    for path in [AGENT, GATEWAY] {
        world.call("GET", path).send().await.problem(401, "unauthorized");
    }
}

#[tokio::test]
async fn the_gateways_log_is_asked_for_over_the_tunnel_with_the_same_query() {
    let world = World::new().await;
    let user = world.user().await;
    gateway_log(&world).write(info(1..=20));
    let page = page(&user, &format!("{GATEWAY}?beforeId=15&count=4&level=info&search=line")).await;
    assert_eq!(ids(&page), [14, 13, 12, 11]);
    assert_eq!((&page["hasMore"], &page["nextBeforeId"]), (&json!(true), &json!(11)));
    let asked = world.agent.control.questions.lock().unwrap().last().cloned();
    let Some(Question::Log(LogQuery { place, count, level, search, bytes })) = asked else { panic!("{asked:?}") };
    assert_eq!((place, count), (LogPlace::Before(15), 4));
    assert_eq!((level, search.as_deref()), (Some(LogLevel::Info), Some("line")));
    assert!(bytes <= 256 * 1024, "it crosses the tunnel as one message");
}

#[tokio::test]
async fn a_gateway_that_is_away_or_too_old_is_a_problem_that_says_so() {
    let world = World::new().await;
    let user = world.user().await;
    let too_old = AskError::Unsupported { gateway_version: "0.1.0".to_owned() };
    for (error, status, code) in [
        (AskError::NotConnected, 503, "gateway_away"),
        (AskError::TimedOut { seconds: 15 }, 504, "gateway_timeout"),
        (too_old, 502, "gateway_too_old"),
    ] {
        *world.agent.control.answer.lock().unwrap() = Some(Err(error));
        user.get(GATEWAY).await.problem(status, code);
    }
}

/// Ids of the next lines of a source, and the whole data.
async fn told(stream: &mut Listening, source: &str) -> Vec<u64> {
    loop {
        let event = stream.named("log").await;
        assert_eq!(event.id, None, "lines are not replayed");
        if event.data["source"] == source {
            let items = event.data["items"].as_array().unwrap();
            return items.iter().map(|line| line["id"].as_u64().unwrap()).collect();
        }
    }
}

#[tokio::test]
async fn lines_are_told_live_in_batches_as_the_route_has_them() {
    let world = World::new().await;
    let user = world.user().await;
    world.agent.log.write(info(1..=5));
    // Nobody listens: these lines are the route's alone.
    tokio::time::sleep(Duration::from_millis(600)).await;
    let mut stream = listen(&user).await;
    world.agent.log.write(info(6..=1_205));
    let first = stream.named("log").await;
    assert_eq!(first.data["source"], "agent");
    let mut seen: Vec<u64> =
        first.data["items"].as_array().unwrap().iter().map(|l| l["id"].as_u64().unwrap()).collect();
    let by_route = page(&user, &format!("{AGENT}?beforeId=7&count=1")).await;
    assert_eq!(first.data["items"][0], by_route["logs"][0]);
    let mut events = 1;
    while seen.len() < 1_200 {
        seen.extend(told(&mut stream, "agent").await);
        events += 1;
    }
    assert_eq!(seen, (6..=1_205).collect::<Vec<_>>(), "oldest first, none twice, none left out");
    assert!(events <= 6, "{events} events");
}

#[tokio::test]
async fn the_gateways_lines_are_told_live_over_a_lost_session_too() {
    let world = World::new().await;
    let user = world.user().await;
    let log = gateway_log(&world);
    log.write(info(1..=3));
    let mut stream = listen(&user).await;
    assert_eq!(told(&mut stream, "gateway").await, [1, 2, 3], "the newest, in case a page was read just before them");
    log.write(info(4..=5));
    assert_eq!(told(&mut stream, "gateway").await, [4, 5]);
    world.agent.status.send_replace(Arc::new(AgentStatus { state: ConnectionState::Reconnecting, ..connected() }));
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let asked = world.agent.control.questions.lock().unwrap().len();
    log.write(info(6..=7));
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(world.agent.control.questions.lock().unwrap().len(), asked, "who is away is not asked");
    world.agent.status.send_replace(Arc::new(connected()));
    assert_eq!(told(&mut stream, "gateway").await, [6, 7]);
}

#[tokio::test]
async fn the_gateway_is_asked_only_while_somebody_listens_and_not_again_if_it_cannot_answer() {
    let world = World::new().await;
    let user = world.user().await;
    let questions = || world.agent.control.questions.lock().unwrap().len();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(questions(), 0);
    let too_old = AskError::Unsupported { gateway_version: "0.1.0".to_owned() };
    *world.agent.control.answer.lock().unwrap() = Some(Err(too_old));
    let session = |byte| Some(SessionId::from_uuid(uuid::Uuid::from_bytes([byte; 16])));
    world.agent.status.send_replace(Arc::new(AgentStatus { session: session(1), ..connected() }));
    let _stream = listen(&user).await;
    eventually(|| async { (questions() == 1).then_some(()) }).await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(questions(), 1);
    world.agent.status.send_replace(Arc::new(AgentStatus { session: session(2), ..connected() }));
    eventually(|| async { (questions() == 2).then_some(()) }).await;
    assert_eq!(world.agent.control.reconnects.load(Ordering::SeqCst), 0);
}
