//! Hello, sync, verdicts, records, cache.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use octoporty_proto::control::{Control, Refused, RefusedCode};
use octoporty_proto::model::{
    AccessRecord, AccessRows, ConnectionState, DesiredState, EndReason, Endpoint, Mapping, MappingVerdict,
    PrefixHandling, Refusal, RefusalCode, Revision, SyncReport, TargetHealth, TlsVerification,
};

use crate::gateway::{FakeGateway, session, welcome, within};
use crate::world::{World, config, mapping, state};

#[tokio::test]
async fn connects_and_tells_what_is_true() {
    let mut gateway = FakeGateway::start().await;
    let wanted = state(7, vec![mapping("a.example", "http://127.0.0.1:9")]);
    let mut world = World::start(config(gateway.address), wanted.clone());

    let id = session();
    let (mut link, hello) = gateway.welcomed(id, 1).await;
    assert_eq!(hello.name.as_str(), "home");
    assert_eq!(hello.agent_version, "1.2.3");
    assert_eq!(hello.gateway_fqdn, ["gateway.example"]);
    assert!(hello.versions.contains(&1) && hello.session.is_none());
    world.status("syncing", |status| status.state == ConnectionState::Syncing).await;
    assert_eq!(link.acknowledge().await, *wanted);

    let status = world.connected().await;
    assert_eq!(status.session, Some(id));
    assert_eq!(status.gateway_version.as_deref(), Some("9.9.9"));
    assert!(status.gateway_uptime.unwrap() >= Duration::from_secs(1000));
    assert_eq!((status.reconnect_attempts, status.last_error.as_deref()), (0, None));
    assert_eq!(status.links.len(), 1);
    assert_eq!(status.links[0].transport, "websocket");
    assert!(status.links[0].round_trip.is_some(), "connected only after the first pong");
    assert!(!status.gateway_url.contains("0123456789abcdef"));
    world.status("time passes", |status| status.connected_for > Some(Duration::from_millis(500))).await;

    let report = world.news.sync.borrow().clone();
    assert_eq!(report.verdicts, [(wanted.mappings[0].id, MappingVerdict::Applied)]);
    let record = within("the session's record", world.news.sessions.recv()).await.unwrap();
    assert_eq!((record.session, record.ended_ms, record.end), (id, None, None));
    assert_eq!((record.gateway_version.as_str(), record.links), ("9.9.9", 1));
}

#[tokio::test]
async fn the_name_that_is_dialled_is_told_so_that_no_mapping_takes_it() {
    let mut gateway = FakeGateway::start().await;
    let url = format!("ws://LocalHost:{}/tunnel", gateway.address.port()).parse().unwrap();
    let config = octoporty_agent::AgentConfig { gateway_url: url, ..config(gateway.address) };
    let _world = World::start(config, state(1, vec![]));
    let (_link, hello) = gateway.welcomed(session(), 1).await;
    assert_eq!(hello.gateway_fqdn, ["localhost", "gateway.example"]);
}

#[tokio::test]
async fn is_not_connected_before_the_mappings_are_acknowledged() {
    let mut gateway = FakeGateway::start().await;
    let mut world = World::start(config(gateway.address), state(1, vec![]));
    let (mut link, _) = gateway.welcomed(session(), 1).await;
    let (request, wanted) = link.sync().await;
    // An answer to something else is published, and is not the acknowledgement.
    let report = SyncReport { revision: Revision(99), verdicts: Vec::new() };
    link.send(Control::SyncResult { request: None, report }).await;
    within("the report", world.news.sync.wait_for(|report| report.revision == Revision(99))).await.unwrap();
    assert_eq!(world.news.status.borrow().state, ConnectionState::Syncing);
    link.answer(request, &wanted).await;
    world.connected().await;
}

#[tokio::test]
async fn changes_are_synced_at_once_and_coalesced_while_one_is_in_flight() {
    let mut gateway = FakeGateway::start().await;
    let mut world = World::start(config(gateway.address), state(1, vec![]));
    let (mut link, _) = gateway.connected().await;
    world.connected().await;

    world.desired.send_replace(state(2, vec![]));
    let (request, second) = link.sync().await;
    assert_eq!(second.revision, Revision(2));
    for revision in 3..=5 {
        world.desired.send_replace(state(revision, vec![]));
    }
    link.answer(request, &second).await;
    let mut newest = link.acknowledge().await;
    while newest.revision < Revision(5) {
        newest = link.acknowledge().await;
    }
    within("the newest verdicts", world.news.sync.wait_for(|report| report.revision == Revision(5))).await.unwrap();
}

/// More mappings with the longest texts than fit into one sync, after these.
fn too_much(revision: u64, first: &[Mapping]) -> Arc<DesiredState> {
    let label = "x".repeat(63);
    let long = format!("{label}.{label}.{label}");
    let more = (0..11_000).map(|number| {
        let mut mapping = mapping(&format!("a{number}.example"), &format!("http://{long}:{}", 1 + number % 60_000));
        let path = format!("/{}", "p".repeat(1000)).parse().unwrap();
        let host = format!("a{number}.{long}").parse().unwrap();
        mapping.endpoint = Endpoint::Http { host, path, prefix: PrefixHandling::Keep };
        mapping
    });
    state(revision, first.iter().cloned().chain(more).collect())
}

fn is_left_out(verdict: &MappingVerdict, how: &str) -> bool {
    matches!(verdict, MappingVerdict::Refused(refusal)
        if refusal.code == RefusalCode::Limit && refusal.reason.contains("too large") && refusal.reason.ends_with(how))
}

#[tokio::test]
async fn more_than_fits_into_one_sync_takes_nothing_down_and_is_told_for_each_mapping() {
    let mut gateway = FakeGateway::start().await;
    let (kept, mut changed) = (mapping("a.example", "http://127.0.0.1:9"), mapping("b.example", "http://127.0.0.1:9"));
    let mut world = World::start(config(gateway.address), state(1, vec![kept.clone(), changed.clone()]));
    let (link, _) = gateway.connected().await;
    world.connected().await;

    changed.target = "http://127.0.0.1:10".parse().unwrap();
    let wanted = too_much(2, &[kept.clone(), changed]);
    world.desired.send_replace(Arc::clone(&wanted));
    let told =
        within("the verdicts", world.news.sync.wait_for(|seen| seen.revision == Revision(2))).await.unwrap().clone();
    assert_eq!(told.verdicts.len(), wanted.mappings.len());
    assert_eq!(told.verdicts[0], (kept.id, MappingVerdict::Applied));
    assert!(is_left_out(&told.verdicts[1].1, "as it was before its change"), "{:?}", told.verdicts[1]);
    assert!(told.verdicts[2..].iter().all(|(_, verdict)| is_left_out(verdict, "it is not served")));
    assert_eq!(world.news.status.borrow().state, ConnectionState::Connected);

    // A lost session comes back with what it had.
    link.link.close(EndReason::TransportLost, "cut by the test");
    let (mut link, had) = gateway.connected().await;
    assert_eq!(had.revision, Revision(1));
    let fits = state(3, vec![kept]);
    world.desired.send_replace(Arc::clone(&fits));
    assert_eq!(link.acknowledge().await, *fits);
    within("the verdicts", world.news.sync.wait_for(|seen| seen.revision == Revision(3))).await.unwrap();
}

#[tokio::test]
async fn an_agent_that_starts_with_more_than_fits_serves_what_does() {
    let mut gateway = FakeGateway::start().await;
    let kept = mapping("a.example", "http://127.0.0.1:9");
    let wanted = too_much(2, std::slice::from_ref(&kept));
    let mut world = World::start(config(gateway.address), Arc::clone(&wanted));
    let (_link, served) = gateway.connected().await;
    world.connected().await;
    let count = served.mappings.len();
    assert!(count > wanted.mappings.len() / 2, "{count} mappings");
    assert_eq!(served.mappings, wanted.mappings[..count]);
    let told =
        within("the verdicts", world.news.sync.wait_for(|seen| seen.revision == Revision(2))).await.unwrap().clone();
    let verdicts: Vec<_> = told.verdicts.iter().map(|(_, verdict)| verdict).collect();
    assert!(verdicts[..count].iter().all(|verdict| **verdict == MappingVerdict::Applied));
    assert!(verdicts[count..].iter().all(|verdict| is_left_out(verdict, "it is not served")));
}

#[tokio::test]
async fn a_verdict_that_changes_by_itself_is_published() {
    let mut gateway = FakeGateway::start().await;
    let wanted = state(1, vec![mapping("a.example", "http://127.0.0.1:9")]);
    let mut world = World::start(config(gateway.address), wanted.clone());
    let (link, _) = gateway.connected().await;
    world.connected().await;
    let refusal = Refusal { code: RefusalCode::Taken, reason: "agent office serves a.example".to_owned() };
    let verdicts = vec![(wanted.mappings[0].id, MappingVerdict::Refused(refusal))];
    let report = SyncReport { revision: Revision(1), verdicts };
    link.send(Control::SyncResult { request: None, report: report.clone() }).await;
    within("the verdict", world.news.sync.wait_for(|seen| **seen == report)).await.unwrap();
}

#[tokio::test]
async fn serves_what_the_last_run_knew_until_the_console_has_spoken() {
    let folder = tempfile::tempdir().unwrap();
    let mut gateway = FakeGateway::start().await;
    let mut config = config(gateway.address);
    config.cache_file = Some(folder.path().join("desired.json"));
    let wanted = state(4, vec![mapping("a.example", "http://127.0.0.1:9")]);

    let world = World::start(config.clone(), wanted.clone());
    let (_link, _) = gateway.connected().await;
    world.agent.stop(Duration::ZERO).await;

    let silent_console = state(0, vec![]);
    let world = World::start(config, silent_console);
    let (mut link, known) = gateway.connected().await;
    assert_eq!(known, *wanted);
    let spoken = state(5, vec![]);
    world.desired.send_replace(spoken.clone());
    assert_eq!(link.acknowledge().await, *spoken);
}

#[tokio::test]
async fn access_records_reach_the_console() {
    let mut gateway = FakeGateway::start().await;
    let wanted = state(1, vec![mapping("a.example", "http://127.0.0.1:9")]);
    let mut world = World::start(config(gateway.address), wanted.clone());
    let (link, _) = gateway.connected().await;
    let record = AccessRecord {
        mapping: wanted.mappings[0].id,
        request_id: "r1".to_owned(),
        at_ms: 1,
        method: "GET".to_owned(),
        host: "a.example".to_owned(),
        path: "/".to_owned(),
        query: None,
        status: 200,
        error: None,
        error_detail: None,
        gateway_us: 1,
        first_byte_us: Some(2),
        total_us: 3,
        request_bytes: 0,
        response_bytes: 4,
        client: IpAddr::from([192, 0, 2, 1]),
        user_agent: None,
        tunnel_us: None,
    };
    let rows: AccessRows = [&record].into_iter().collect();
    link.send(Control::Access { rows: rows.clone(), dropped: 0 }).await;
    assert_eq!(within("the records", world.news.access.recv()).await.unwrap(), rows);
}

#[tokio::test]
async fn a_refusal_of_the_gateway_is_told_and_its_advice_to_wait_is_followed() {
    let mut gateway = FakeGateway::start().await;
    let mut world = World::start(config(gateway.address), state(1, vec![]));
    let mut link = gateway.link().await;
    link.hello().await;
    let text = "two agents named home take over each other; give one another name".to_owned();
    link.send(Control::Refused(Refused {
        code: RefusedCode::NameContested,
        text: text.clone(),
        retry_after_s: Some(1),
    }))
    .await;
    let refused_at = std::time::Instant::now();
    let status = world.status("the refusal", |status| status.last_error.is_some()).await;
    assert!(status.last_error.as_ref().unwrap().contains(&text), "{status:?}");
    // The agent's own back-off is an hour; the gateway said a second.
    gateway.connected().await;
    assert!(refused_at.elapsed() >= Duration::from_millis(900), "{:?}", refused_at.elapsed());
    world.connected().await;
}

#[tokio::test]
async fn a_version_that_was_not_offered_is_refused_by_the_agent() {
    let mut gateway = FakeGateway::start().await;
    let mut world = World::start(config(gateway.address), state(1, vec![]));
    let mut link = gateway.link().await;
    link.hello().await;
    link.send(Control::Welcome(octoporty_proto::control::Welcome { version: 77, ..welcome(session(), 1) })).await;
    let status = world.status("the error", |status| status.last_error.is_some()).await;
    assert!(status.last_error.as_ref().unwrap().contains("77"), "{status:?}");
    link.ended().await;
}

#[tokio::test]
async fn a_feature_that_was_not_offered_is_refused_by_the_agent() {
    let mut gateway = FakeGateway::start().await;
    let mut world = World::start(config(gateway.address), state(1, vec![]));
    let mut link = gateway.link().await;
    link.hello().await;
    let features = vec!["warp".to_owned()];
    link.send(Control::Welcome(octoporty_proto::control::Welcome { features, ..welcome(session(), 1) })).await;
    let status = world.status("the error", |status| status.last_error.is_some()).await;
    assert!(status.last_error.as_ref().unwrap().contains("\"warp\""), "{status:?}");
    link.ended().await;
}

#[tokio::test]
async fn stop_says_goodbye_and_closes_the_record() {
    let mut gateway = FakeGateway::start().await;
    let mut world = World::start(config(gateway.address), state(1, vec![]));
    let (mut link, _) = gateway.connected().await;
    world.connected().await;
    let agent = world.agent.clone();
    let stop = agent.stop(Duration::from_secs(20));
    let goodbye = async {
        let message = link.control().await;
        assert!(matches!(message, Control::Drain { .. }), "{message:?}");
        link.ended().await
    };
    let ((), _) = within("the stop", async { tokio::join!(stop, goodbye) }).await;
    assert_eq!(world.news.status.borrow().state, ConnectionState::Disconnected);
    let _begun = world.news.sessions.recv().await.unwrap();
    let ended = world.news.sessions.recv().await.unwrap();
    assert_eq!(ended.end, Some(EndReason::LocalStop));
    assert!(ended.ended_ms.is_some());
    // Stopping again does no harm.
    within("a second stop", world.agent.stop(Duration::ZERO)).await;
    let check = world.agent.check_target("http://127.0.0.1:9".parse().unwrap(), TlsVerification::Strict);
    let check = within("a check of a stopped agent", check).await;
    assert!(matches!(check.health, TargetHealth::Down { ref reason, .. } if reason.contains("stopping")), "{check:?}");
}
