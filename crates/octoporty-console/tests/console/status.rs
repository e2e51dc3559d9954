//! Status, figures, reconnect, health.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use octoporty_proto::model::{
    AgentStatus, ConnectionState, LinkStatus, Revision, SessionId, SyncReport, TrafficTotals,
};
use serde_json::{Value, json};

use crate::world::{NOW, World, access_record, connected, eventually};

fn full_status() -> AgentStatus {
    let link = |ms, streams| LinkStatus {
        transport: "websocket".to_owned(),
        peer: Some("203.0.113.9:443".parse().unwrap()),
        round_trip: Some(Duration::from_micros(ms)),
        streams,
        up_for: Duration::from_millis(61_900),
    };
    AgentStatus {
        state: ConnectionState::Connected,
        gateway_url: "wss://gateway.example.com/tunnel".to_owned(),
        agents_only: false,
        session: Some("11111111-2222-3333-4444-555555555555".parse::<SessionId>().unwrap()),
        gateway_version: Some("0.1.9".to_owned()),
        gateway_uptime: Some(Duration::from_secs(3_600)),
        connected_for: Some(Duration::from_secs(62)),
        last_connected_ms: Some(NOW - 62_000),
        last_disconnected_ms: Some(NOW - 65_000),
        reconnect_attempts: 0,
        last_error: Some("The gateway closed the link.".to_owned()),
        links: vec![link(12_345, 3), link(11_000, 1)],
        traffic: TrafficTotals { bytes_to_targets: 10, bytes_to_visitors: 20, streams_opened: 5, streams_active: 4 },
    }
}

#[tokio::test]
async fn the_status_is_the_agents_own() {
    let world = World::new().await;
    let user = world.user().await;
    user.create("a.example.com").await;
    let id = user.create("b.example.com").await;
    user.send("PATCH", &format!("/api/v1/mappings/{id}/toggle"), &json!({ "enabled": false })).await;
    let revision = world.agent.desired.borrow().revision.0;
    world.agent.status.send_replace(Arc::new(full_status()));
    world.agent.sync.send_replace(Arc::new(SyncReport { revision: Revision(revision - 1), verdicts: Vec::new() }));
    let link = |ms: f64, streams| {
        json!({
            "transport": "websocket", "peer": "203.0.113.9:443", "roundTripMs": ms, "streams": streams, "uptimeSeconds": 61
        })
    };
    let expected = json!({
        "connectionStatus": "Connected", "gatewayUrl": "wss://gateway.example.com/tunnel",
        "sessionId": "11111111-2222-3333-4444-555555555555", "lastConnected": "2027-01-15T07:58:58.000Z",
        "lastDisconnected": "2027-01-15T07:58:55.000Z", "reconnectAttempts": 0, "uptimeSeconds": 62, "version": "0.2.0",
        "activeMappings": 1, "totalMappings": 2, "gatewayVersion": "0.1.9", "lastError": "The gateway closed the link.",
        "gatewayUpdateAvailable": true, "gatewayUptime": 3600, "links": [link(12.345, 3), link(11.0, 1)],
        "transport": "websocket", "roundTripMs": 11.0,
        "traffic": { "bytesToTargets": 10, "bytesToVisitors": 20, "streamsOpened": 5, "streamsActive": 4 },
        "revision": revision, "syncedRevision": revision - 1
    });
    assert_eq!(user.get("/api/v1/status").await.json(), expected);
    assert_eq!(user.get("/api/status").await.json(), expected, "without v1 as well");
}

#[tokio::test]
async fn what_is_not_known_is_null_and_not_invented() {
    let world = World::new().await;
    let user = world.user().await;
    world.agent.status.send_replace(Arc::new(AgentStatus::default()));
    let status = user.get("/api/v1/status").await.json();
    assert_eq!(status["connectionStatus"], "Disconnected");
    for field in [
        "sessionId",
        "lastConnected",
        "lastDisconnected",
        "uptimeSeconds",
        "gatewayVersion",
        "lastError",
        "gatewayUptime",
        "transport",
        "roundTripMs",
    ] {
        assert_eq!(status[field], Value::Null, "{field}");
        assert!(status.as_object().unwrap().contains_key(field), "{field}");
    }
    assert_eq!(status["links"], json!([]));
    assert_eq!(status["gatewayUpdateAvailable"], false);
}

#[tokio::test]
async fn a_reconnect_reaches_the_agent_in_any_state() {
    let world = World::new().await;
    let user = world.user().await;
    for state in [ConnectionState::Connected, ConnectionState::Disconnected, ConnectionState::Reconnecting] {
        world.agent.status.send_replace(Arc::new(AgentStatus { state, ..connected() }));
        let answer = user.call("POST", "/api/v1/reconnect").send().await;
        assert_eq!(answer.status, 202);
        assert!(answer.json()["message"].is_string());
    }
    assert_eq!(world.agent.control.reconnects.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn figures_are_of_real_requests_and_bytes() {
    let world = World::new().await;
    let user = world.user().await;
    let id = user.create("app.example.com").await;
    let empty = user.get("/api/v1/stats/live").await.json();
    assert_eq!(empty["requests"], 0);
    assert_eq!(empty["successRate"], Value::Null);
    assert_eq!(empty["p95Ms"], Value::Null);
    assert_eq!(empty["buckets"].as_array().unwrap().len(), 180);

    let records = (0..20).map(|at| {
        let mut record = access_record(&id, NOW - 10_000 + at);
        if at == 7 {
            record.status = 502;
            record.error = Some("target_refused".to_owned());
        }
        record
    });
    world.agent.access.send(records.collect()).await.unwrap();
    let traffic = |to_visitors| AgentStatus {
        traffic: TrafficTotals { bytes_to_visitors: to_visitors, ..TrafficTotals::default() },
        ..connected()
    };
    world.agent.status.send_replace(Arc::new(traffic(1_000)));
    let stats = eventually(|| async {
        let stats = user.get("/api/v1/stats/live").await.json();
        (stats["newestFailures"].as_array().unwrap().len() == 1).then_some(stats)
    })
    .await;
    assert_eq!((stats["requests"].as_u64(), stats["errors"].as_u64()), (Some(20), Some(1)));
    assert_eq!(stats["successRate"], 0.95);
    let p95 = stats["p95Ms"].as_f64().unwrap();
    assert!((2.3..2.7).contains(&p95), "{p95}");
    assert_eq!(stats["requestsPerSecond"].as_f64().unwrap(), 20.0 / 60.0);
    assert_eq!(stats["errorsPerSecond"].as_f64().unwrap(), 1.0 / 60.0);
    let failure = &stats["newestFailures"][0];
    assert_eq!((failure["status"].as_u64(), failure["error"].as_str()), (Some(502), Some("target_refused")));
    let bytes = eventually(|| async {
        world.agent.status.send_replace(Arc::new(traffic(3_000)));
        let stats = user.get("/api/v1/stats/live").await.json();
        let newest = stats["buckets"][179]["bytesToVisitors"].as_u64().unwrap();
        (newest > 0).then_some(newest)
    })
    .await;
    assert!(bytes == 2_000 || bytes == 3_000, "{bytes}: growth, not the total since ever");
}

#[tokio::test]
async fn health_says_in_words_what_is_amiss() {
    let mut world = World::new().await;
    let health = world.call("GET", "/health").send().await;
    assert_eq!(health.status, 200);
    assert_eq!(health.json(), json!({ "status": "healthy", "version": "0.2.0", "reasons": [], "droppedLogRows": 0 }));
    let away = AgentStatus { state: ConnectionState::Connecting, ..connected() };
    world.agent.status.send_replace(Arc::new(away));
    let health = world.call("GET", "/health").send().await;
    assert_eq!(health.status, 200);
    assert_eq!(health.json()["status"], "degraded");
    assert_eq!(health.json()["reasons"], json!(["The agent is not connected to its gateway."]));
    let ready = world.call("GET", "/ready").send().await;
    assert_eq!(
        (ready.status.as_u16(), ready.json()),
        (200, json!({ "ready": true })),
        "an absent gateway is no reason"
    );
    world.stop().await;
}
