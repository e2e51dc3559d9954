//! Control messages over a link.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;

use bytes::Bytes;
use octoporty_proto::control::{Control, FIRST_MESSAGE, Hello, Refused, RefusedCode, VERSION};
use octoporty_proto::model::{DesiredState, EndReason, InstanceId, LandingPage, Revision};
use octoporty_tunnel::link::{Incoming, LinkEvents};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::rig::{Bare, Rig, Tasks, dial_to, header, read_head, soon, take};

async fn message(events: &mut LinkEvents) -> Option<Control> {
    soon("a message", async {
        loop {
            match events.next().await {
                Some(Incoming::Control(message)) => return Some(message),
                Some(_) => {}
                None => return None,
            }
        }
    })
    .await
}

/// Text that does not compress.
fn noise(length: usize, seed: u64) -> String {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..length).map(|_| random.alphanumeric()).collect()
}

fn large(request: u64) -> Control {
    let page = LandingPage::new(noise(LandingPage::MAX_BYTES, request)).unwrap();
    let state = DesiredState { revision: Revision(request), mappings: Vec::new(), landing_page: Some(page) };
    Control::Sync { request, state }
}

/// The gateway hears who the agent is.
async fn greet(rig: &mut Rig) {
    let hello = Control::Hello(Hello {
        versions: vec![VERSION],
        features: Vec::new(),
        name: "nas".parse().unwrap(),
        instance: InstanceId::from_uuid(uuid::Uuid::from_u128(1)),
        agent_version: "test".to_owned(),
        session: None,
        gateway_fqdn: Vec::new(),
        bytes_in_flight: None,
        max_streams: None,
    });
    rig.agent.link.send(&hello).await.unwrap();
    assert_eq!(message(&mut rig.gateway.events).await, Some(hello));
}

/// A message of so many bytes, which does not compress.
fn of_size(length: usize) -> Control {
    Control::Drain { reason: noise(length, 1), back_in_s: None }
}

/// All that the agent was given to send is with the gateway's mux: data of a stream comes behind it.
async fn arrived(rig: &mut Rig) {
    let (mut ours, mut theirs) = rig.stream(b"").await;
    theirs.send(Bytes::from_static(b"behind")).await.unwrap();
    assert_eq!(take(&mut ours, 6).await, b"behind");
}

fn drain(number: u32) -> Control {
    Control::Drain { reason: format!("number {number}"), back_in_s: Some(number) }
}

#[tokio::test]
async fn large_messages_arrive_whole_in_order_both_ways_beside_bulk() {
    let mut rig = Rig::new().await;
    greet(&mut rig).await;
    let (mut ours, mut theirs) = rig.stream(b"").await;
    rig.tasks.spawn(async move { while ours.send(vec![0; 60_000].into()).await.is_ok() {} });
    rig.tasks.spawn(async move { while let Ok(Some(_)) = theirs.recv().await {} });
    let (gateway, agent) = (rig.gateway.link.clone(), rig.agent.link.clone());
    let sent = async {
        for request in 0..4 {
            agent.send(&large(request)).await.unwrap();
            gateway.send(&drain(u32::try_from(request).unwrap())).await.unwrap();
            gateway.send(&large(100 + request)).await.unwrap();
        }
    };
    let at_gateway = async {
        for request in 0..4 {
            assert_eq!(message(&mut rig.gateway.events).await, Some(large(request)));
        }
    };
    let at_agent = async {
        for request in 0..4 {
            assert_eq!(message(&mut rig.agent.events).await, Some(drain(u32::try_from(request).unwrap())));
            assert_eq!(message(&mut rig.agent.events).await, Some(large(100 + request)));
        }
    };
    soon("every message", async { tokio::join!(sent, at_gateway, at_agent) }).await;
}

#[tokio::test]
async fn a_peer_that_reads_no_messages_holds_the_sender_and_droppable_ones_are_dropped() {
    let mut rig = Rig::new().await;
    let mut sent = 0;
    while rig.gateway.link.try_send(&large(sent)) {
        sent += 1;
        assert!(sent < 100, "there is no bound");
        tokio::task::yield_now().await;
    }
    assert!(sent > 0);
    let link = rig.gateway.link.clone();
    let waits = async { link.send(&drain(1)).await.unwrap() };
    let reads = async {
        for request in 0..sent {
            assert_eq!(message(&mut rig.agent.events).await, Some(large(request)));
        }
        assert_eq!(message(&mut rig.agent.events).await, Some(drain(1)));
    };
    soon("all of them", async { tokio::join!(waits, reads) }).await;
}

#[tokio::test]
async fn a_sender_that_waits_for_room_learns_of_the_end() {
    let rig = Rig::new().await;
    let link = rig.gateway.link.clone();
    let flood = async {
        loop {
            if let Err(end) = link.send(&large(1)).await {
                return end;
            }
        }
    };
    let cut = async {
        while rig.gateway.link.try_send(&large(1)) {
            tokio::task::yield_now().await;
        }
        rig.relay.cut();
    };
    let (end, ()) = soon("the end", async { tokio::join!(flood, cut) }).await;
    assert_eq!(end.reason, EndReason::TransportLost);
    assert!(!link.try_send(&drain(1)));
}

#[tokio::test]
async fn the_last_words_before_a_close_are_heard() {
    for _ in 0..20 {
        let mut rig = Rig::new().await;
        let refused = Control::Refused(Refused {
            code: RefusedCode::NameContested,
            text: "two agents are called nas".into(),
            retry_after_s: Some(60),
        });
        rig.gateway.link.send(&refused).await.unwrap();
        rig.gateway.link.close(EndReason::LocalStop, "refused");
        assert_eq!(message(&mut rig.agent.events).await, Some(refused));
        assert_eq!(message(&mut rig.agent.events).await, None);
        assert_eq!(rig.agent.link.ended().await.reason, EndReason::PeerStop);
    }
}

#[tokio::test]
async fn messages_are_heard_by_a_receiver_that_comes_after_the_end() {
    let mut rig = Rig::new().await;
    let by = InstanceId::from_uuid(uuid::Uuid::from_u128(5));
    rig.gateway.link.send(&Control::TakenOver { by }).await.unwrap();
    rig.gateway.link.close(EndReason::TakenOver, "taken over");
    soon("the end", rig.agent.link.ended()).await;
    assert_eq!(message(&mut rig.agent.events).await, Some(Control::TakenOver { by }));
    assert_eq!(message(&mut rig.agent.events).await, None);
}

/// A link to a peer that upgrades and then sends these bytes as one binary message.
async fn answered_with(payload: Vec<u8>, opcode: u8) -> octoporty_tunnel::link::LinkEnd {
    let tasks = Tasks::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dial = dial_to(&format!("ws://{}/tunnel", listener.local_addr().unwrap()));
    tasks.spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let (head, _) = read_head(&mut socket).await;
        let accept = octoporty_tunnel::carrier::websocket::accept_key(header(&head, "sec-websocket-key").unwrap());
        let mut answer = format!("HTTP/1.1 101 Hello\r\nSec-WebSocket-Accept: {accept}\r\n\r\n").into_bytes();
        answer.extend([0x80 | opcode, 126]);
        answer.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
        answer.extend(payload);
        socket.write_all(&answer).await.unwrap();
        std::future::pending::<()>().await;
    });
    let carrier = soon("a link", octoporty_tunnel::carrier::websocket::dial(&dial)).await.unwrap();
    let side = octoporty_proto::wire::Side::Agent;
    let (link, mut events) =
        octoporty_tunnel::link::start(carrier, side, crate::rig::config(), &tasks.tracker, tasks.cancel.child_token());
    soon("the end of news", async { while events.next().await.is_some() {} }).await;
    link.ended().await
}

#[tokio::test]
async fn bytes_that_are_no_frames_end_the_link_as_a_protocol_error() {
    let end = answered_with(vec![0xff; 200], 2).await;
    assert_eq!(end.reason, EndReason::ProtocolError, "{end:?}");
}

#[tokio::test]
async fn text_messages_end_the_link() {
    let end = answered_with(vec![b'x'; 200], 1).await;
    assert_eq!(end.reason, EndReason::ProtocolError);
    assert!(end.detail.contains("text message"), "{end:?}");
}

#[tokio::test]
async fn a_peer_whose_first_message_cannot_be_read_is_told_so() {
    let tasks = Tasks::new();
    let (mut agent, mut gateway) = Bare::new(&tasks).await;
    // A hello without its fields.
    agent.send_control([&[0, 0, 0, 12, 0x81, 0xa4][..], b"type", &[0xa5], b"hello"].concat()).await;
    let next = async { gateway.events.next().await };
    let told = async {
        loop {
            match agent.next().await {
                Ok(Control::Refused(refused)) => return refused,
                Ok(_) => {}
                Err(farewell) => panic!("closed without a refusal: {farewell:?}"),
            }
        }
    };
    let (_, refused) = soon("the refusal", async { tokio::join!(next, told) }).await;
    assert_eq!(refused.code, RefusedCode::Malformed);
    assert!(refused.text.contains("missing field"), "{refused:?}");
    let farewell = agent.next().await.unwrap_err().unwrap();
    assert_eq!(farewell.code, Some(1002));
    assert!(farewell.reason.contains("missing field"), "{farewell:?}");
    assert_eq!(gateway.link.ended().await.reason, EndReason::ProtocolError);
}

#[tokio::test]
async fn why_a_link_was_closed_is_told_to_its_peer() {
    let rig = Rig::new().await;
    let long = format!("{}ü and more", "x".repeat(122));
    rig.gateway.link.close(EndReason::LocalStop, &long);
    let end = soon("the end", rig.agent.link.ended()).await;
    assert_eq!(end.reason, EndReason::PeerStop);
    assert_eq!(end.detail, format!("the peer closed the link: {} (code 1001)", "x".repeat(122)));
}

#[tokio::test]
async fn a_stranger_does_not_make_the_gateway_wait_for_or_unpack_a_large_message() {
    let unpacked = u32::try_from(FIRST_MESSAGE + 1).unwrap();
    let bomb = [&[1, 0, 4, 4][..], &unpacked.to_be_bytes(), &[0; 1024]].concat();
    // Of the first there is no more than its head.
    for bytes in [vec![0, 0xff, 0xff, 0xff], bomb] {
        let tasks = Tasks::new();
        let (mut agent, mut gateway) = Bare::new(&tasks).await;
        agent.send_control(bytes).await;
        let next = async { while gateway.events.next().await.is_some() {} };
        let told = async {
            match agent.next().await {
                Ok(Control::Refused(refused)) => refused,
                other => panic!("{other:?}"),
            }
        };
        let ((), refused) = soon("the refusal", async { tokio::join!(next, told) }).await;
        assert_eq!(refused.code, RefusedCode::Malformed);
        assert!(refused.text.contains("before the hello"), "{refused:?}");
    }
}

#[tokio::test]
async fn a_large_message_of_one_tunnel_is_not_decoded_in_the_turn_of_all_others() {
    let mut rig = Rig::new().await;
    greet(&mut rig).await;
    let mut waited = 0;
    for _ in 0..5 {
        rig.agent.link.send(&of_size(200_000)).await.unwrap();
        arrived(&mut rig).await;
        // It is all there, and still not given at once. (It may be: when the other thread was faster than this one.)
        loop {
            let looked =
                std::future::poll_fn(|cx| Poll::Ready(std::pin::pin!(rig.gateway.events.next()).poll(cx))).await;
            match looked {
                Poll::Ready(Some(Incoming::Alive(_))) => {}
                Poll::Ready(_) => break,
                Poll::Pending => {
                    waited += 1;
                    assert_eq!(message(&mut rig.gateway.events).await, Some(of_size(200_000)));
                    break;
                }
            }
        }
    }
    assert!(waited > 0, "each of them was decoded in one turn");
}

#[tokio::test]
async fn many_messages_of_one_tunnel_leave_turns_to_all_others() {
    let mut rig = Rig::new().await;
    greet(&mut rig).await;
    for _ in 0..24 {
        rig.agent.link.send(&of_size(10_000)).await.unwrap();
    }
    arrived(&mut rig).await;
    let turns = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&turns);
    rig.tasks.spawn(async move {
        loop {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    for _ in 0..24 {
        assert_eq!(message(&mut rig.gateway.events).await, Some(of_size(10_000)));
    }
    let turns = turns.load(Ordering::Relaxed);
    assert!(turns >= 2, "others had {turns} turns while 240 kB of messages were decoded");
}
