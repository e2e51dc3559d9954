//! The request log and the connection log.

use octoporty_proto::model::{EndReason, SessionRecord};
use serde_json::{Value, json};

use crate::world::{NOW, User, World, access_record, eventually};

const REQUESTS: &str = "/api/v1/logs/requests";
const CONNECTIONS: &str = "/api/v1/logs/connections";

async fn rows(user: &User<'_>, path: &str, count: usize) -> Vec<Value> {
    eventually(|| async {
        let items = user.get(path).await.json()["items"].as_array().unwrap().clone();
        (items.len() >= count).then_some(items)
    })
    .await
}

fn ids(page: &Value) -> Vec<i64> {
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn finished_requests_are_kept_with_all_that_is_known() {
    let mut world = World::new().await;
    let user = world.user().await;
    let id = user.create("app.example.com").await;
    let mut record = access_record(&id, NOW - 1_000);
    record.query = Some("a=1".to_owned());
    record.status = 504;
    record.error = Some("first_byte_timeout".to_owned());
    record.error_detail = Some("10.0.0.5:80 said nothing".to_owned());
    record.first_byte_us = None;
    record.tunnel_us = None;
    world.agent.access.send([record].into_iter().collect()).await.unwrap();
    let found = rows(&user, REQUESTS, 1).await;
    let expected = json!({
        "id": 1, "mappingId": id, "mappingName": "app.example.com", "requestId": "request-1799999999000",
        "at": "2027-01-15T07:59:59.000Z", "method": "GET", "host": "app.example.com", "path": "/", "query": "a=1",
        "status": 504, "error": "first_byte_timeout", "errorDetail": "10.0.0.5:80 said nothing", "gatewayMs": 0.3,
        "firstByteMs": null, "totalMs": 2.5, "requestBytes": 0, "responseBytes": 1024, "client": "198.51.100.7",
        "userAgent": "=curl/8", "tunnelMs": null, "targetMs": null
    });
    assert_eq!(found, std::slice::from_ref(&expected));
    user.call("DELETE", &format!("/api/v1/mappings/{id}")).send().await;
    let orphan = &rows(&user, REQUESTS, 1).await[0];
    assert_eq!(
        (&orphan["mappingName"], &orphan["mappingId"]),
        (&Value::Null, &json!(id)),
        "the log outlives its mapping"
    );
    world.restart().await;
    let user = world.user().await;
    assert_eq!(rows(&user, REQUESTS, 1).await[0]["requestId"], expected["requestId"]);
    let failures = user.get("/api/v1/stats/live").await.json()["newestFailures"].clone();
    assert_eq!(failures.as_array().unwrap().len(), 1, "newest failures are known after a restart");
}

#[tokio::test]
async fn what_came_just_before_the_end_is_written() {
    let mut world = World::new().await;
    let id = world.user().await.create("app.example.com").await;
    let batch = (0..1_200).map(|at| access_record(&id, NOW - 5_000 + at));
    world.agent.access.send(batch.collect()).await.unwrap();
    world.restart().await;
    let page = world.user().await.get(&format!("{REQUESTS}?count=5000")).await.json();
    assert_eq!(ids(&page), (1..=1_200).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_overlap() {
    let world = World::new().await;
    let user = world.user().await;
    let id = user.create("app.example.com").await;
    world.agent.access.send((0..25).map(|at| access_record(&id, NOW - 100 + at)).collect()).await.unwrap();
    rows(&user, REQUESTS, 25).await;
    let mut seen = Vec::new();
    let mut path = format!("{REQUESTS}?count=10");
    for expected in [10, 10, 5] {
        let page = user.get(&path).await.json();
        let ids = ids(&page);
        assert_eq!(ids.len(), expected);
        assert_eq!(page["hasMore"], expected == 10);
        seen.extend(ids);
        path = format!("{REQUESTS}?count=10&beforeId={}", page["nextBeforeId"]);
    }
    assert!(path.ends_with("null"));
    assert_eq!(seen, (1..=25).rev().collect::<Vec<_>>());
    let exact = user.get(&format!("{REQUESTS}?count=25&beforeId=0")).await.json();
    assert_eq!((ids(&exact).len(), exact["hasMore"].as_bool()), (25, Some(false)));
    for (count, expected) in [("0", 1), ("-5", 1), ("999999", 25), ("many", 25), ("", 25)] {
        let page = user.get(&format!("{REQUESTS}?count={count}")).await.json();
        assert_eq!(ids(&page).len(), expected, "count={count}");
    }
}

#[tokio::test]
async fn rows_are_found_by_everything_that_they_have() {
    let world = World::new().await;
    let user = world.user().await;
    let (one, two) = (user.create("one.example.com").await, user.create("two.example.com").await);
    let mut records: Vec<_> = (0..6).map(|at| access_record(&one, NOW + at * 1_000)).collect();
    records[0].mapping = two.parse().unwrap();
    records[1].method = "POST".to_owned();
    records[2].status = 404;
    records[2].error = Some("target_refused".to_owned());
    records[3].path = "/api/100%_sure".to_owned();
    records[4].client = "2001:db8::7".parse().unwrap();
    records[5].host = "needle.example.com".to_owned();
    world.agent.access.send(records.into_iter().collect()).await.unwrap();
    rows(&user, REQUESTS, 6).await;
    for (query, expected) in [
        (format!("mappingId={two}"), vec![1]),
        (format!("mappingId={one}&method=post"), vec![2]),
        ("method=PUT".to_owned(), vec![]),
        ("statusClass=4xx".to_owned(), vec![3]),
        ("statusClass=4".to_owned(), vec![3]),
        ("path=/api/100%25_".to_owned(), vec![4]),
        ("path=/api/1000".to_owned(), vec![]),
        ("client=2001:db8::7".to_owned(), vec![5]),
        ("requestId=request-1800000001000".to_owned(), vec![2]),
        ("requestId=request-180000000100".to_owned(), vec![]),
        ("error=target_refused".to_owned(), vec![3]),
        ("error=target".to_owned(), vec![]),
        ("search=needle".to_owned(), vec![6]),
        ("search=00%25_s".to_owned(), vec![4]),
        ("search=request-1800000001000".to_owned(), vec![2]),
        ("since=2027-01-15T08:00:02Z&until=2027-01-15T08:00:04.000Z".to_owned(), vec![4, 3]),
        ("since=2027-01-15T09:00:05%2B01:00".to_owned(), vec![6]),
    ] {
        let page = user.get(&format!("{REQUESTS}?{query}")).await.json();
        assert_eq!(ids(&page), expected, "{query}");
    }
    let wrong = "mappingId=x&statusClass=9xx&since=today&until=1&beforeId=-3";
    let problem = user.get(&format!("{REQUESTS}?{wrong}")).await.problem(400, "validation_failed");
    let fields: Vec<_> = problem["errors"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(fields, ["beforeId", "mappingId", "since", "statusClass", "until"]);
}

#[tokio::test]
async fn the_request_log_is_a_table_as_well() {
    let world = World::new().await;
    let user = world.user().await;
    let id = user.create("app.example.com").await;
    let mut record = access_record(&id, NOW);
    record.path = "/a,\"b\"".to_owned();
    world.agent.access.send([record].into_iter().collect()).await.unwrap();
    rows(&user, REQUESTS, 1).await;
    let csv = user.call("GET", REQUESTS).header("accept", "text/csv").send().await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(csv.header("content-disposition"), "attachment; filename=\"octoporty-requests.csv\"");
    let text = String::from_utf8(csv.body.to_vec()).unwrap();
    let lines: Vec<_> = text.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with("id,at,mappingId,mappingName,requestId,method,host,path,query,status,"));
    let row = format!(
        "1,2027-01-15T08:00:00.000Z,{id},app.example.com,request-{NOW},GET,app.example.com,\"/a,\"\"b\"\"\",,200,,,0.3,1.2,2.5,0,1024,\
         198.51.100.7,'=curl/8,0.2,1"
    );
    assert_eq!(lines[1], row);
    let json = user.call("GET", REQUESTS).header("accept", "application/json, text/csv").send().await;
    assert_eq!(json.header("content-type"), "application/json");
}

#[tokio::test]
async fn an_export_has_every_row_however_many_pages_that_are() {
    let world = World::new().await;
    let user = world.user().await;
    let id = user.create("app.example.com").await;
    for batch in 0..3 {
        let records = (0..850).map(|at| access_record(&id, NOW + batch * 1_000 + at));
        world.agent.access.send(records.collect()).await.unwrap();
    }
    rows(&user, &format!("{REQUESTS}?count=5000"), 2_550).await;
    let csv = async |query: &str| {
        let answer = user.call("GET", &format!("{REQUESTS}{query}")).header("accept", "text/csv").send().await;
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        text.split_terminator("\r\n").skip(1).map(|line| line.split(',').next().unwrap().parse().unwrap()).collect()
    };
    let all: Vec<i64> = csv("").await;
    assert_eq!(all, (1..=2_550).rev().collect::<Vec<_>>());
    let older: Vec<i64> = csv("?beforeId=2001").await;
    assert_eq!(older, (1..=2_000).rev().collect::<Vec<_>>());
    let counted: Vec<i64> = csv("?count=3").await;
    assert_eq!(counted, [2_550, 2_549, 2_548]);
}

#[tokio::test]
async fn one_row_is_found_by_its_id() {
    let world = World::new().await;
    let user = world.user().await;
    let id = user.create("app.example.com").await;
    world.agent.access.send((0..3).map(|at| access_record(&id, NOW + at)).collect()).await.unwrap();
    let all = rows(&user, REQUESTS, 3).await;
    assert_eq!(
        (&all[0]["firstByteMs"], &all[0]["tunnelMs"], &all[0]["targetMs"]),
        (&json!(1.2), &json!(0.2), &json!(1.0))
    );
    for row in &all {
        assert_eq!(user.get(&format!("{REQUESTS}/{}", row["id"])).await.json(), *row);
    }
    user.get(&format!("{REQUESTS}/4")).await.problem(404, "not_found");
    user.get(&format!("{REQUESTS}/0")).await.problem(404, "not_found");
    user.get(&format!("{REQUESTS}/x")).await.problem(400, "validation_failed");
}

fn session(number: u128, started_ms: u64) -> SessionRecord {
    SessionRecord {
        session: format!("{number:032x}").parse().unwrap(),
        started_ms,
        ended_ms: None,
        end: None,
        end_detail: None,
        gateway_url: "wss://gateway.example.com/tunnel".to_owned(),
        gateway_version: "0.1.0".to_owned(),
        agent_version: "0.2.0".to_owned(),
        transport: "websocket".to_owned(),
        links: 1,
    }
}

#[tokio::test]
async fn a_session_has_one_row_from_begin_to_end() {
    let world = World::new().await;
    let user = world.user().await;
    world.agent.sessions.send(session(1, NOW)).await.unwrap();
    let standing = rows(&user, CONNECTIONS, 1).await;
    assert_eq!((&standing[0]["endedAt"], &standing[0]["endReason"]), (&Value::Null, &Value::Null));
    let ended = SessionRecord {
        ended_ms: Some(NOW + 90_500),
        end: Some(EndReason::TransportLost),
        end_detail: Some("The connection was reset.".to_owned()),
        links: 4,
        ..session(1, NOW)
    };
    world.agent.sessions.send(ended).await.unwrap();
    world.agent.sessions.send(session(2, NOW + 91_000)).await.unwrap();
    let rows = rows(&user, CONNECTIONS, 2).await;
    assert_eq!(
        rows[1],
        json!({
            "id": 1, "sessionId": "00000000-0000-0000-0000-000000000001", "startedAt": "2027-01-15T08:00:00.000Z",
            "endedAt": "2027-01-15T08:01:30.500Z", "durationSeconds": 90.5, "endReason": "transport_lost",
            "endDetail": "The connection was reset.", "gatewayUrl": "wss://gateway.example.com/tunnel",
            "gatewayVersion": "0.1.0", "agentVersion": "0.2.0", "transport": "websocket", "links": 4
        })
    );
    let since = user.get(&format!("{CONNECTIONS}?since=2027-01-15T08:00:01.000Z")).await.json();
    assert_eq!(since["items"].as_array().unwrap().len(), 1);
    let first = user.get(&format!("{CONNECTIONS}?count=1")).await.json();
    let second = user.get(&format!("{CONNECTIONS}?count=1&beforeId={}", first["nextBeforeId"])).await.json();
    assert_eq!(second["items"][0]["sessionId"], rows[1]["sessionId"]);
    let csv = user.call("GET", CONNECTIONS).header("accept", "text/csv").send().await;
    assert!(csv.body.starts_with(b"id,sessionId,startedAt,endedAt,"));
    assert_eq!(csv.body.iter().filter(|byte| **byte == b'\n').count(), 3);
}

#[tokio::test]
async fn a_session_of_a_process_that_was_killed_is_not_said_to_stand() {
    let mut world = World::new().await;
    let user = world.user().await;
    world.agent.sessions.send(session(1, NOW)).await.unwrap();
    rows(&user, CONNECTIONS, 1).await;
    world.restart().await;
    let user = world.user().await;
    // No event tells of it, so the first answer has it.
    let row = &user.get(CONNECTIONS).await.json()["items"][0];
    assert_eq!((&row["endReason"], &row["endedAt"]), (&json!("process_ended"), &Value::Null));
}

#[tokio::test]
async fn old_rows_go_by_age_and_by_number() {
    let mut world = World::new().await;
    let user = world.user().await;
    let id = user.create("app.example.com").await;
    let day = 24 * 60 * 60 * 1_000;
    let mut records: Vec<_> = (0..10).map(|at| access_record(&id, NOW - at)).collect();
    records[0].at_ms = NOW - 31 * day;
    world.agent.access.send(records.into_iter().collect()).await.unwrap();
    world.agent.sessions.send(session(1, NOW - 200 * day)).await.unwrap();
    rows(&user, REQUESTS, 10).await;
    rows(&user, CONNECTIONS, 1).await;
    // A start prunes at once.
    world.stop().await;
    let folder = world.folder.path().to_owned();
    let config_of = |config: &mut octoporty_console::ConsoleConfig| {
        config.database = folder.join("data/octoporty.db");
        config.retention.request_rows = 4;
    };
    let pruned = World::with(config_of).await;
    let user = pruned.user().await;
    let left = eventually(|| async {
        let page = user.get(REQUESTS).await.json();
        let gone = user.get(CONNECTIONS).await.json()["items"].as_array().unwrap().is_empty();
        (ids(&page).len() == 4 && gone).then(|| ids(&page))
    })
    .await;
    assert_eq!(left, [10, 9, 8, 7], "the newest stay");
}
