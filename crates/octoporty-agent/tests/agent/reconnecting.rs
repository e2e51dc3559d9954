//! The rules of reconnecting.

use std::time::{Duration, Instant};

use octoporty_proto::control::Control;
use octoporty_proto::model::{ConnectionState, EndReason, InstanceId};
use uuid::Uuid;

use crate::gateway::{FakeGateway, Mood, session, within};
use crate::world::{World, config, state};

#[tokio::test]
async fn a_refused_key_waits_out_the_back_off_and_is_not_probed() {
    let mut gateway = FakeGateway::start().await;
    gateway.set(Mood::Refuses(401));
    let mut config = config(gateway.address);
    // Long enough for a probe to come first, if there were one.
    config.reconnect_delay = Duration::from_secs(5);
    let mut world = World::start(config, state(1, vec![]));
    let asked = gateway.asked_until(|asked| asked.tunnel == 2).await;
    assert_eq!(asked.health, 0);
    let status = world.status("the error", |status| status.last_error.is_some()).await;
    assert!(status.last_error.as_ref().unwrap().contains("Gateway__ApiKey"), "{status:?}");
    assert!(status.reconnect_attempts >= 1);
}

#[tokio::test]
async fn a_firewall_that_forbids_the_way_for_a_moment_costs_seconds() {
    let mut gateway = FakeGateway::start().await;
    gateway.set(Mood::Refuses(403));
    // The back-off is an hour.
    let mut world = World::start(config(gateway.address), state(1, vec![]));
    let status = world.status("the error", |status| status.last_error.is_some()).await;
    assert!(status.last_error.as_ref().unwrap().contains("firewall"), "{status:?}");
    gateway.set(Mood::Well);
    gateway.connected().await;
    world.connected().await;
}

#[tokio::test]
async fn a_lockout_is_waited_out_as_the_gateway_says() {
    let mut gateway = FakeGateway::start().await;
    gateway.set(Mood::Refuses(429));
    let world = World::start(config(gateway.address), state(1, vec![]));
    gateway.asked_until(|asked| asked.tunnel == 1).await;
    let begun = Instant::now();
    // The agent's own back-off is an hour, the gateway's advice a second.
    let asked = gateway.asked_until(|asked| asked.tunnel == 2).await;
    assert!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());
    assert_eq!(asked.health, 0);
    drop(world);
}

#[tokio::test]
async fn a_gateway_that_is_well_again_ends_a_long_back_off() {
    let mut gateway = FakeGateway::start().await;
    gateway.set(Mood::Status(503));
    let mut world = World::start(config(gateway.address), state(1, vec![]));
    gateway.asked_until(|asked| asked.health >= 1).await;
    assert_eq!(gateway.asked().tunnel, 1, "the back-off is an hour");
    assert_eq!(world.news.status.borrow().state, ConnectionState::Reconnecting);
    gateway.set(Mood::Well);
    let recovered = Instant::now();
    gateway.connected().await;
    assert!(recovered.elapsed() < Duration::from_secs(5), "{:?}", recovered.elapsed());
    world.connected().await;
}

#[tokio::test]
async fn health_that_is_well_while_the_upgrade_fails_does_not_make_a_tight_loop() {
    let mut gateway = FakeGateway::start().await;
    gateway.set(Mood::Refuses(502));
    let _world = World::start(config(gateway.address), state(1, vec![]));
    let begun = Instant::now();
    gateway.asked_until(|asked| asked.tunnel == 4).await;
    // The first 200 is believed at once, each later one only some seconds after the attempt before.
    assert!(begun.elapsed() > Duration::from_secs(6), "{:?}", begun.elapsed());
    gateway.set(Mood::Well);
    let recovered = Instant::now();
    gateway.connected().await;
    assert!(recovered.elapsed() < Duration::from_secs(5), "{:?}", recovered.elapsed());
}

#[tokio::test]
async fn a_way_that_breaks_during_the_upgrade_is_looked_for_again() {
    let mut gateway = FakeGateway::start().await;
    gateway.set(Mood::HangsUp);
    let mut world = World::start(config(gateway.address), state(1, vec![]));
    world.status("the failure", |status| status.last_error.is_some()).await;
    // Well again before any probe could fail.
    gateway.set(Mood::Well);
    let recovered = Instant::now();
    gateway.connected().await;
    assert!(recovered.elapsed() < Duration::from_secs(5), "{:?}", recovered.elapsed());
    world.connected().await;
}

#[tokio::test]
async fn starts_without_a_gateway_and_connects_when_it_comes() {
    let gateway = FakeGateway::start().await;
    let address = gateway.address;
    drop(gateway);
    let mut config = config(address);
    config.reconnect_delay = Duration::from_millis(20);
    let mut world = World::start(config, state(1, vec![]));
    let status = world.status("an attempt", |status| status.reconnect_attempts >= 3).await;
    assert!(status.last_error.is_some());
    within("the stop", world.agent.stop(Duration::ZERO)).await;
}

#[tokio::test]
async fn the_first_attempt_after_a_loss_is_immediate() {
    let mut gateway = FakeGateway::start().await;
    let mut world = World::start(config(gateway.address), state(1, vec![]));
    let (link, _) = gateway.connected().await;
    world.connected().await;
    link.link.close(EndReason::TransportLost, "cut by the test");
    link.ended().await;
    let (_link, _) = gateway.connected().await;
    let begun = within("a record", world.news.sessions.recv()).await.unwrap();
    let ended = within("a record", world.news.sessions.recv()).await.unwrap();
    assert_eq!(ended.session, begun.session);
    assert!(ended.end.is_some() && ended.ended_ms >= Some(begun.started_ms));
    assert_eq!(gateway.asked().health, 0);
}

#[tokio::test]
async fn reconnect_drops_the_session_and_dials_at_once() {
    let mut gateway = FakeGateway::start().await;
    let mut world = World::start(config(gateway.address), state(1, vec![]));
    let (old, _) = gateway.connected().await;
    world.connected().await;
    world.agent.reconnect();
    old.ended().await;
    let (_new, _) = gateway.connected().await;
    world.connected().await;
    let _begun = within("a record", world.news.sessions.recv()).await.unwrap();
    assert_eq!(within("a record", world.news.sessions.recv()).await.unwrap().end, Some(EndReason::LocalStop));
}

#[tokio::test]
async fn reconnect_ends_a_wait() {
    let mut gateway = FakeGateway::start().await;
    gateway.set(Mood::Refuses(401));
    let mut world = World::start(config(gateway.address), state(1, vec![]));
    world.status("the wait", |status| status.last_error.is_some()).await;
    gateway.set(Mood::Well);
    world.agent.reconnect();
    gateway.connected().await;
    world.connected().await;
}

#[tokio::test]
async fn a_session_that_was_taken_over_waits_and_says_why() {
    let mut gateway = FakeGateway::start().await;
    let mut config = config(gateway.address);
    config.reconnect_delay = Duration::from_secs(2);
    let mut world = World::start(config, state(1, vec![]));
    let (link, _) = gateway.connected().await;
    world.connected().await;
    link.send(Control::TakenOver { by: InstanceId::from_uuid(Uuid::new_v4()) }).await;
    let begun = Instant::now();
    let status = world.status("the takeover", |status| status.last_error.is_some()).await;
    assert!(status.last_error.as_ref().unwrap().contains("Agent__Name"), "{status:?}");
    link.ended().await;
    gateway.connected().await;
    // Half of a back-off step is certain, and the gateway's good health does not shorten it.
    assert!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());
    let _begun = within("a record", world.news.sessions.recv()).await.unwrap();
    assert_eq!(within("a record", world.news.sessions.recv()).await.unwrap().end, Some(EndReason::TakenOver));
}

#[tokio::test]
async fn an_agent_that_takes_over_its_own_old_session_is_not_kept_waiting() {
    let mut gateway = FakeGateway::start().await;
    let mut world = World::start(config(gateway.address), state(1, vec![]));
    let (mut link, hello) = gateway.welcomed(session(), 1).await;
    link.acknowledge().await;
    world.connected().await;
    link.send(Control::TakenOver { by: hello.instance }).await;
    gateway.connected().await;
}

#[tokio::test]
async fn a_gateway_that_restarts_finds_its_agents_back_soon() {
    let mut gateway = FakeGateway::start().await;
    let mut world = World::start(config(gateway.address), state(1, vec![]));
    let (link, _) = gateway.connected().await;
    world.connected().await;
    gateway.set(Mood::Status(503));
    link.send(Control::Drain { reason: "restarting".to_owned(), back_in_s: Some(1) }).await;
    link.link.go_away();
    gateway.asked_until(|asked| asked.tunnel == 2 && asked.health >= 1).await;
    gateway.set(Mood::Well);
    let back = Instant::now();
    gateway.connected().await;
    assert!(back.elapsed() < Duration::from_secs(2), "{:?}", back.elapsed());
    world.connected().await;
    let _begun = within("a record", world.news.sessions.recv()).await.unwrap();
    assert_eq!(within("a record", world.news.sessions.recv()).await.unwrap().end, Some(EndReason::PeerStop));
}
