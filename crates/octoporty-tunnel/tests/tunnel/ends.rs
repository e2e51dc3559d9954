//! How links end: cut, frozen, closed, drained, stopped; and that everybody who waits is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use octoporty_proto::model::EndReason;
use octoporty_proto::mux::{MuxConfig, OpenError};
use octoporty_proto::wire::{Blame, ResetCode};
use octoporty_tunnel::link::{Incoming, LinkEnd};

use crate::rig::{DEADLINE, Rig, check_pattern, config, open, pattern, send_pattern, soon};

#[tokio::test]
async fn a_cut_link_wakes_everyone_who_waits_on_it() {
    let mut rig = Rig::new().await;
    let (mut reading, theirs) = rig.stream(b"").await;
    let (mut writing, theirs_too) = rig.stream(b"").await;
    let (watching, theirs_three) = rig.stream(b"").await;
    let cut = async {
        while rig.gateway.link.stats().bytes_sent < 256 * 1024 {
            tokio::task::yield_now().await;
        }
        rig.relay.cut();
    };
    let flood = async { writing.send(pattern(0, 50_000_000)).await };
    let news = async { while rig.gateway.events.next().await.is_some() {} };
    let link = rig.gateway.link.clone();
    let (read, wrote, watched, (), end, ()) = soon("the end for all", async {
        tokio::join!(reading.recv(), flood, watching.was_reset(), news, link.ended(), cut)
    })
    .await;
    for reset in [read.unwrap_err(), wrote.unwrap_err(), watched] {
        assert_eq!((reset.code, reset.blame), (ResetCode::LinkLost, Blame::Link));
        assert_eq!(reset.detail, end.detail);
    }
    assert_eq!(end.reason, EndReason::TransportLost);
    assert!(!link.is_usable());
    assert_eq!(link.open(&open(), Bytes::new()).unwrap_err(), OpenError::Draining);
    assert_eq!(soon("the other end", rig.agent.link.ended()).await.reason, EndReason::TransportLost);
    drop((theirs, theirs_too, theirs_three));
}

#[tokio::test]
async fn bytes_that_came_before_the_cut_are_given_first() {
    let mut rig = Rig::new().await;
    let (ours, mut theirs) = rig.stream(b"came before").await;
    rig.relay.cut();
    soon("the end", rig.agent.link.ended()).await;
    assert_eq!(theirs.recv().await.unwrap().unwrap(), "came before");
    assert_eq!(theirs.recv().await.unwrap_err().code, ResetCode::LinkLost);
    drop(ours);
}

#[tokio::test]
async fn who_waits_for_the_end_of_a_link_is_not_woken_by_every_batch_of_bytes() {
    let mut rig = Rig::new().await;
    let (mut ours, mut theirs) = rig.stream(b"").await;
    let looks = Arc::new(AtomicU32::new(0));
    let (link, looked) = (rig.gateway.link.clone(), Arc::clone(&looks));
    rig.tasks.spawn(async move {
        let mut ended = std::pin::pin!(link.ended());
        std::future::poll_fn(|cx| {
            looked.fetch_add(1, Ordering::Relaxed);
            ended.as_mut().poll(cx)
        })
        .await;
    });
    let total = 20 * 1024 * 1024;
    soon("the bytes", async { tokio::join!(send_pattern(&mut ours, total), check_pattern(&mut theirs, total)) }).await;
    assert_eq!(looks.load(Ordering::Relaxed), 1, "it looked once, and waits");
    rig.gateway.link.close(EndReason::LocalStop, "stop");
    soon("the end", rig.gateway.link.ended()).await;
    soon("the one who waits", async {
        while looks.load(Ordering::Relaxed) < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_frozen_link_is_found_by_both_sides_within_two_probe_intervals() {
    let interval = Duration::from_millis(500);
    let mut rig = Rig::with(MuxConfig { probe_interval: interval, ..config() }).await;
    let (mut ours, theirs) = rig.stream(b"").await;
    rig.relay.freeze();
    let frozen = Instant::now();
    let (here, there) =
        soon("both ends", async { tokio::join!(rig.gateway.link.ended(), rig.agent.link.ended()) }).await;
    let took = frozen.elapsed();
    assert_eq!((here.reason, there.reason), (EndReason::Silent, EndReason::Silent));
    // What comes on top is a loaded machine, not the product: the exact bound is proved on a virtual clock.
    assert!(took < 2 * interval + Duration::from_secs(5), "{took:?}");
    assert_eq!(ours.recv().await.unwrap_err().code, ResetCode::LinkLost);
    drop(theirs);
}

#[tokio::test]
async fn an_idle_link_lives_on_by_its_probes() {
    let interval = Duration::from_millis(100);
    let mut rig = Rig::with(MuxConfig { probe_interval: interval, ..config() }).await;
    let mut seen = 0;
    soon("ten pongs", async {
        while seen < 10 {
            match rig.agent.events.next().await {
                Some(Incoming::Alive(round_trip)) => {
                    assert!(round_trip < DEADLINE);
                    seen += 1;
                }
                other => panic!("{other:?}"),
            }
        }
    })
    .await;
    assert!(rig.agent.link.is_usable());
    assert!(rig.agent.link.stats().round_trip.is_some());
    assert_eq!(rig.agent.link.transport(), "websocket");
    assert_eq!(rig.agent.link.peer(), Some(rig.relay.address));
}

#[tokio::test]
async fn closing_tells_this_side_its_reason_and_the_other_that_the_peer_stopped() {
    let mut rig = Rig::new().await;
    let (ours, theirs) = rig.stream(b"").await;
    rig.gateway.link.close(EndReason::TakenOver, "a newer session took over");
    let end = soon("the end", rig.gateway.link.ended()).await;
    assert_eq!(end, LinkEnd::new(EndReason::TakenOver, "a newer session took over"));
    assert_eq!(soon("the other end", rig.agent.link.ended()).await.reason, EndReason::PeerStop);
    assert_eq!(soon("the reset", ours.was_reset()).await.code, ResetCode::LinkLost);
    assert_eq!(soon("the reset", theirs.was_reset()).await.code, ResetCode::LinkLost);
    // A second reason comes too late.
    rig.gateway.link.close(EndReason::LocalStop, "again");
    assert_eq!(rig.gateway.link.ended().await.reason, EndReason::TakenOver);
}

#[tokio::test]
async fn cancelling_the_owner_ends_the_link_and_its_task() {
    let rig = Rig::new().await;
    rig.tasks.cancel.cancel();
    assert_eq!(soon("the end", rig.gateway.link.ended()).await.reason, EndReason::LocalStop);
    rig.tasks.tracker.close();
    soon("every task", rig.tasks.tracker.wait()).await;
}

#[tokio::test]
async fn draining_lets_what_stands_finish_and_takes_nothing_new() {
    let mut rig = Rig::new().await;
    let (mut ours, mut theirs) = rig.stream(b"in flight").await;
    let link = rig.gateway.link.clone();
    rig.tasks.spawn(async move { link.drain(DEADLINE).await });
    soon("the agent to hear of it", async {
        while rig.agent.link.is_usable() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(rig.gateway.link.open(&open(), Bytes::new()).unwrap_err(), OpenError::Draining);
    assert_eq!(rig.agent.link.open(&open(), Bytes::new()).unwrap_err(), OpenError::Draining);
    let body = 300_000;
    let finished = async {
        assert_eq!(theirs.recv().await.unwrap().unwrap(), "in flight");
        theirs.send(pattern(0, body)).await.unwrap();
        theirs.finish().unwrap();
        assert_eq!(theirs.recv().await, Ok(None));
        drop(theirs);
    };
    let asked = async {
        ours.finish().unwrap();
        let mut at = 0;
        while let Some(bytes) = ours.recv().await.unwrap() {
            assert_eq!(bytes, pattern(at, bytes.len()));
            at += bytes.len() as u64;
        }
        assert_eq!(at, body as u64);
        drop(ours);
    };
    soon("the last stream", async { tokio::join!(finished, asked) }).await;
    let end = soon("the end", rig.gateway.link.ended()).await;
    assert_eq!(end, LinkEnd::new(EndReason::LocalStop, "drained"));
    assert_eq!(soon("the other end", rig.agent.link.ended()).await.reason, EndReason::PeerStop);
}

#[tokio::test]
async fn draining_ends_with_its_grace_though_a_stream_stands() {
    let mut rig = Rig::new().await;
    let (ours, theirs) = rig.stream(b"").await;
    soon("the end of the grace", rig.gateway.link.drain(Duration::from_millis(50))).await;
    let end = rig.gateway.link.ended().await;
    assert_eq!(end, LinkEnd::new(EndReason::LocalStop, "the time to drain was over"));
    assert_eq!(soon("the reset", theirs.was_reset()).await.code, ResetCode::LinkLost);
    drop(ours);
}

#[tokio::test]
async fn a_link_whose_runtime_is_gone_still_tells_its_streams() {
    let (made, taken) = std::sync::mpsc::sync_channel(1);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let elsewhere = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let mut rig = Rig::new().await;
            let streams = rig.stream(b"").await;
            made.send((rig.gateway.link.clone(), streams.0)).unwrap();
            stopped.await.unwrap();
            // Neither cancelled nor awaited: the runtime drops the link's task where it stands.
            std::mem::forget(rig);
        });
    });
    let (link, stream) = tokio::task::spawn_blocking(move || taken.recv().unwrap()).await.unwrap();
    stop.send(()).unwrap();
    assert_eq!(soon("the reset", stream.was_reset()).await.code, ResetCode::LinkLost);
    assert_eq!(soon("the end", link.ended()).await.reason, EndReason::LocalStop);
    elsewhere.join().unwrap();
}
