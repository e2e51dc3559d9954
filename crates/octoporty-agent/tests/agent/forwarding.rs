//! Streams to targets.

use std::time::Duration;

use bytes::Bytes;
use octoporty_proto::control::Control;
use octoporty_proto::model::{DesiredState, MappingId, TargetHealth, TrafficTotals};
use octoporty_proto::wire::{Blame, Reset, ResetCode};
use octoporty_tunnel::stream::Stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use uuid::Uuid;

use crate::gateway::{FakeGateway, GatewayLink, read_all, read_exactly, within};
use crate::uplink::Uplink;
use crate::world::{Target, World, config, mapping, state};

struct Tunnel {
    gateway: FakeGateway,
    world: World,
    link: GatewayLink,
    state: DesiredState,
}

async fn tunnel(target: &str) -> Tunnel {
    let mut gateway = FakeGateway::start().await;
    let mut world = World::start(config(gateway.address), state(1, vec![mapping("a.example", target)]));
    let (link, state) = gateway.connected().await;
    world.connected().await;
    Tunnel { gateway, world, link, state }
}

impl Tunnel {
    fn open(&self, first: &'static [u8]) -> Stream {
        self.link.open(self.state.mappings[0].id, first)
    }
}

async fn reset_of(stream: &mut Stream) -> Reset {
    within("the reset", async {
        loop {
            match stream.recv().await {
                Ok(Some(_)) => {}
                Ok(None) => return stream.was_reset().await,
                Err(reset) => return reset,
            }
        }
    })
    .await
}

#[tokio::test]
async fn bytes_go_both_ways_and_each_direction_ends_by_itself() {
    let target = Target::start().await;
    let mut tunnel = tunnel(&target.url()).await;

    // The visitor ends first; the target answers after that.
    let mut stream = tunnel.open(b"hello ");
    stream.send(Bytes::from_static(b"target")).await.unwrap();
    stream.finish().unwrap();
    let mut socket = target.connection().await;
    let mut asked = Vec::new();
    within("the end of the request", socket.read_to_end(&mut asked)).await.unwrap();
    assert_eq!(asked, b"hello target");
    socket.write_all(b"hello visitor").await.unwrap();
    drop(socket);
    assert_eq!(read_all(&mut stream).await, b"hello visitor");

    let over = |traffic: &TrafficTotals| (traffic.streams_opened, traffic.streams_active) == (1, 0);
    let traffic = tunnel.world.status("the counters", |status| over(&status.traffic)).await.traffic;
    assert_eq!((traffic.bytes_to_targets, traffic.bytes_to_visitors), (12, 13));
}

#[tokio::test]
async fn the_target_may_end_first_and_still_gets_the_rest_of_a_request_under_way() {
    let target = Target::start().await;
    let tunnel = tunnel(&target.url()).await;
    let mut stream = tunnel.open(b"part one, ");
    let mut socket = target.connection().await;
    let mut part = [0; 10];
    socket.read_exact(&mut part).await.unwrap();
    socket.shutdown().await.unwrap();
    assert_eq!(within("the target's end", stream.recv()).await, Ok(None));
    stream.send(Bytes::from_static(b"part two")).await.unwrap();
    stream.finish().unwrap();
    let mut rest = Vec::new();
    within("the rest", socket.read_to_end(&mut rest)).await.unwrap();
    assert_eq!(rest, b"part two");
}

#[tokio::test]
async fn an_upgraded_connection_is_a_pipe_with_half_close() {
    let target = Target::start().await;
    let tunnel = tunnel(&target.url()).await;
    let mut stream = tunnel.open(b"GET / HTTP/1.1\r\nUpgrade: x\r\n\r\n");
    let mut socket = target.connection().await;
    let mut head = [0; 30];
    socket.read_exact(&mut head).await.unwrap();
    socket.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\nhello").await.unwrap();
    socket.shutdown().await.unwrap();
    assert!(read_all(&mut stream).await.ends_with(b"hello"));
    stream.send(Bytes::from_static(b"still here")).await.unwrap();
    stream.finish().unwrap();
    let mut rest = Vec::new();
    within("the visitor's word", socket.read_to_end(&mut rest)).await.unwrap();
    assert_eq!(rest, b"still here");
}

#[tokio::test]
async fn a_request_that_crosses_the_targets_close_is_reported_as_not_delivered() {
    let target = Target::start().await;
    let tunnel = tunnel(&target.url()).await;
    let mut stream = tunnel.open(b"first");
    let mut socket = target.connection().await;
    let mut asked = [0; 5];
    socket.read_exact(&mut asked).await.unwrap();
    socket.write_all(b"answer").await.unwrap();
    assert_eq!(read_exactly(&mut stream, 6).await, b"answer");
    // The target closes its idle connection.
    drop(socket);
    assert_eq!(within("the target's close", stream.recv()).await, Ok(None));
    stream.send(Bytes::from_static(b"second")).await.unwrap();
    let reset = reset_of(&mut stream).await;
    assert_eq!((reset.code, reset.blame), (ResetCode::NotDelivered, Blame::Target));
}

/// More than a held-up line takes: a window of each of these streams.
const FILLERS: usize = 8;

#[tokio::test]
async fn an_early_answer_gets_through_a_slow_uplink_and_is_not_called_undelivered() {
    const ANSWER: &[u8] = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nnope";
    let target = Target::start().await;
    let mut gateway = FakeGateway::start().await;
    let uplink = Uplink::start(gateway.address);
    let mut world = World::start(config(uplink.address), state(1, vec![mapping("a.example", &target.url())]));
    let (link, desired) = gateway.connected().await;
    world.connected().await;
    let mapping = desired.mappings[0].id;

    let mut stream = link.open(mapping, b"POST ");
    let mut socket = target.connection().await;
    let mut asked = [0; 5];
    socket.read_exact(&mut asked).await.unwrap();

    uplink.hold_up();
    let mut fillers = tokio::task::JoinSet::new();
    let mut filled = Vec::new();
    for _ in 0..FILLERS {
        filled.push(link.open(mapping, b"more"));
        let mut filler = target.connection().await;
        fillers.spawn(async move {
            // Held up, or cut at the end of the test.
            drop(filler.write_all(&vec![0; 1 << 20]).await);
        });
    }
    let (moved, stands) = (std::cell::Cell::new(0), 1 << 20);
    let full = world.status("a full line", |status| {
        let before = moved.replace(status.traffic.bytes_to_visitors);
        before >= stands && before == moved.get()
    });
    let full = full.await.traffic.bytes_to_visitors;

    // The target answers in the middle of the upload and ends; more of the upload comes.
    socket.write_all(ANSWER).await.unwrap();
    socket.shutdown().await.unwrap();
    let answered = full + u64::try_from(ANSWER.len()).unwrap();
    world.status("the answer is read", |status| status.traffic.bytes_to_visitors == answered).await;
    stream.send(Bytes::from_static(b"a body")).await.unwrap();
    let closed = tokio::time::timeout(Duration::from_millis(500), socket.read(&mut asked)).await;
    assert!(closed.is_err(), "the stream has ended with its answer unsent: {closed:?}");

    uplink.let_go();
    assert_eq!(read_exactly(&mut stream, ANSWER.len()).await, ANSWER);
}

#[tokio::test]
async fn a_target_that_breaks_in_the_middle_of_an_answer_is_blamed() {
    let target = Target::start().await;
    let tunnel = tunnel(&target.url()).await;
    let mut stream = tunnel.open(b"question");
    let mut socket = target.connection().await;
    let mut asked = [0; 8];
    socket.read_exact(&mut asked).await.unwrap();
    socket.write_all(b"half an an").await.unwrap();
    assert_eq!(read_exactly(&mut stream, 10).await, b"half an an");
    socket.set_zero_linger().unwrap();
    drop(socket);
    let reset = reset_of(&mut stream).await;
    assert_eq!((reset.code, reset.blame), (ResetCode::TargetReset, Blame::Target));
}

#[tokio::test]
async fn a_visitor_that_leaves_makes_the_target_see_an_abort_at_once() {
    let target = Target::start().await;
    let tunnel = tunnel(&target.url()).await;
    let stream = tunnel.open(b"question");
    let mut socket = target.connection().await;
    let mut asked = [0; 8];
    socket.read_exact(&mut asked).await.unwrap();
    stream.reset(Reset::new(ResetCode::Cancelled, Blame::Visitor));
    let seen = within("the abort", socket.read(&mut asked)).await;
    assert_eq!(seen.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_target_that_is_not_there_resets_with_its_code_and_is_down() {
    let target = Target::start().await;
    let url = target.url();
    drop(target);
    let mut tunnel = tunnel(&url).await;
    let mut stream = tunnel.open(b"hello?");
    let reset = reset_of(&mut stream).await;
    assert_eq!((reset.code, reset.blame), (ResetCode::TargetRefused, Blame::Target));
    let id = tunnel.state.mappings[0].id;
    let targets = within("health", tunnel.world.news.targets.wait_for(|seen| seen.contains_key(&id))).await.unwrap();
    assert!(matches!(&targets[&id], TargetHealth::Down { code, .. } if code == "target_refused"), "{targets:?}");
}

#[tokio::test]
async fn a_target_that_answers_http_in_tls_is_told_apart_until_it_speaks_http() {
    let target = Target::start().await;
    let mut tunnel = tunnel(&target.url()).await;
    let id = tunnel.state.mappings[0].id;
    let _stream = tunnel.open(b"GET / HTTP/1.1\r\n\r\n");
    let mut socket = target.connection().await;
    socket.write_all(&[0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x0a]).await.unwrap();
    let is_tls = |health: Option<&TargetHealth>| matches!(health, Some(TargetHealth::Down { code, .. }) if code == "target_speaks_tls");
    within("tls", tunnel.world.news.targets.wait_for(|seen| is_tls(seen.get(&id)))).await.unwrap();
    // That it takes another connection does not make it well; an answer does.
    let _another = tunnel.open(b"GET / HTTP/1.1\r\n\r\n");
    let mut socket = target.connection().await;
    let mut asked = [0; 18];
    within("the question", socket.read_exact(&mut asked)).await.unwrap();
    assert!(is_tls(tunnel.world.news.targets.borrow().get(&id)));
    socket.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    within("up", tunnel.world.news.targets.wait_for(|seen| seen.get(&id) == Some(&TargetHealth::Up))).await.unwrap();
}

#[tokio::test]
async fn health_follows_the_newest_connection_and_is_forgotten_with_the_target() {
    let target = Target::start().await;
    let mut tunnel = tunnel(&target.url()).await;
    let id = tunnel.state.mappings[0].id;
    let _stream = tunnel.open(b"hello");
    let _socket = target.connection().await;
    within("up", tunnel.world.news.targets.wait_for(|seen| seen.get(&id) == Some(&TargetHealth::Up))).await.unwrap();
    let mut moved = tunnel.state.mappings[0].clone();
    moved.target = "http://127.0.0.1:9".parse().unwrap();
    tunnel.world.desired.send_replace(state(2, vec![moved]));
    within("forgotten", tunnel.world.news.targets.wait_for(|seen| !seen.contains_key(&id))).await.unwrap();
}

#[tokio::test]
async fn a_mapping_that_the_agent_does_not_have_is_refused() {
    let tunnel = tunnel("http://127.0.0.1:9").await;
    let mut stream = tunnel.link.open(MappingId::from_uuid(Uuid::new_v4()), b"hello");
    let reset = reset_of(&mut stream).await;
    assert_eq!((reset.code, reset.blame), (ResetCode::MappingUnknown, Blame::Agent));
}

#[tokio::test]
async fn a_target_that_the_rules_forbid_is_refused() {
    let tunnel = tunnel("http://169.254.169.254").await;
    let mut stream = tunnel.open(b"GET /latest/meta-data HTTP/1.1\r\n\r\n");
    let reset = reset_of(&mut stream).await;
    assert_eq!((reset.code, reset.blame), (ResetCode::TargetDenied, Blame::Agent));
    assert!(reset.detail.contains("169.254.169.254"), "{}", reset.detail);
}

#[tokio::test]
async fn what_is_in_flight_goes_on_while_the_gateway_drains() {
    let target = Target::start().await;
    let mut tunnel = tunnel(&target.url()).await;
    let mut stream = tunnel.open(b"question");
    let mut socket = target.connection().await;
    tunnel.link.send(Control::Drain { reason: "stopping".to_owned(), back_in_s: None }).await;
    tunnel.link.link.go_away();
    let (_new, _) = tunnel.gateway.connected().await;

    let mut asked = [0; 8];
    within("the question", socket.read_exact(&mut asked)).await.unwrap();
    socket.write_all(b"answer").await.unwrap();
    assert_eq!(read_exactly(&mut stream, 6).await, b"answer");
    drop(stream);
    within("the old link's drain", tunnel.link.link.drain(Duration::from_secs(20))).await;
}

#[tokio::test]
async fn what_is_in_flight_goes_on_while_the_agent_stops() {
    let target = Target::start().await;
    let tunnel = tunnel(&target.url()).await;
    let mut stream = tunnel.open(b"question");
    let mut socket = target.connection().await;
    let agent = tunnel.world.agent.clone();
    let answered = async {
        let mut asked = [0; 8];
        socket.read_exact(&mut asked).await.unwrap();
        socket.write_all(b"answer").await.unwrap();
        assert_eq!(read_exactly(&mut stream, 6).await, b"answer");
        stream.finish().unwrap();
        drop(socket);
        assert_eq!(read_all(&mut stream).await, b"");
        drop(stream);
        tunnel.link.ended().await;
    };
    within("the stop", async { tokio::join!(agent.stop(Duration::from_secs(20)), answered) }).await;
}
