use std::collections::VecDeque as Queue;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use bytes::Bytes;
use octoporty_proto::model::{
    Compression, Endpoint, Epoch, HostHeader, InstanceId, PrefixHandling, Scheme, Target, TlsVerification, TunnelId,
};
use octoporty_proto::mux::MuxConfig;
use octoporty_proto::wire::{Open, Side};
use octoporty_tunnel::carrier::Carrier;
use octoporty_tunnel::link::{self, Incoming, Link, LinkEvents};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::trust::{DOUBT, PROOF_IDLE};
use super::*;
use crate::session::SessionIdentity;

/// A transport without a socket.
struct Channel {
    incoming: mpsc::Receiver<Bytes>,
    outgoing: mpsc::Sender<Bytes>,
    waiting: Queue<Bytes>,
}

impl Carrier for Channel {
    fn transport(&self) -> &'static str {
        "channel"
    }

    fn peer(&self) -> Option<SocketAddr> {
        None
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        self.incoming.poll_recv(cx).map(|bytes| bytes.map(Ok))
    }

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(&mut self, frames: &mut Vec<Bytes>) -> io::Result<()> {
        self.waiting.extend(frames.drain(..));
        Ok(())
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(bytes) = self.waiting.pop_front() {
            self.outgoing.try_send(bytes).map_err(|_| io::ErrorKind::BrokenPipe)?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_close(&mut self, _: &mut Context<'_>, _: &link::LinkEnd) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Both ends of a link, and a pool on the gateway's.
struct Bench {
    gateway: Link,
    agent: LinkEvents,
    _links: (Link, LinkEvents),
    pool: Pool,
    lane: Lane,
    opened_for: Repeat,
    end: CancellationToken,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

fn mapping(id: u128, port: u32) -> Arc<Mapping> {
    Arc::new(Mapping {
        id: MappingId::from_uuid(Uuid::from_u128(id)),
        name: "site".parse().unwrap(),
        endpoint: Endpoint::Http {
            host: "site.example".parse().unwrap(),
            path: "/".parse().unwrap(),
            prefix: PrefixHandling::Keep,
        },
        target: Target::new(Scheme::Http, "localhost", port).unwrap(),
        verification: TlsVerification::Strict,
        host_header: HostHeader::Keep,
        compression: Compression::Off,
    })
}

fn session(id: u128) -> Arc<Session> {
    let identity = SessionIdentity {
        id: SessionId::from_uuid(Uuid::from_u128(id)),
        tunnel: TunnelId::shared(),
        agent: "test".parse().unwrap(),
        epoch: Epoch(1),
        instance: InstanceId::from_uuid(Uuid::from_u128(id)),
        agent_version: "test".to_owned(),
    };
    Arc::new(Session::new(identity, 4096, Arc::default()))
}

impl Bench {
    fn new() -> Self {
        let (one, other) = (mpsc::channel(100_000), mpsc::channel(100_000));
        let carrier = |incoming, outgoing| Box::new(Channel { incoming, outgoing, waiting: Queue::new() });
        let (tasks, end) = (TaskTracker::new(), CancellationToken::new());
        let config = MuxConfig { max_streams: 100_000, ..MuxConfig::default() };
        let (gateway, gateway_events) =
            link::start(carrier(one.1, other.0), Side::Gateway, config.clone(), &tasks, end.clone());
        let (agent_link, agent) = link::start(carrier(other.1, one.0), Side::Agent, config, &tasks, end.clone());
        gateway.set_stream_limit(100_000);
        let lane = Lane { session: session(1), mapping: mapping(1, 80) };
        Self {
            gateway,
            agent,
            _links: (agent_link, gateway_events),
            pool: Pool::default(),
            lane,
            opened_for: Repeat::Safe,
            end,
        }
    }

    /// A fresh stream, and its other end.
    async fn stream(&mut self) -> (Warm, Stream) {
        let open = Open { mapping: self.lane.mapping.id, visitor: None, compression: Compression::Off };
        let stream = self.gateway.open(&open, Bytes::from_static(b"x")).unwrap();
        loop {
            if let Incoming::Stream(_, mut other) = self.agent.next().await.unwrap() {
                assert_eq!(other.recv().await.unwrap().unwrap(), "x");
                let watchdog = Watchdog::new(tokio::time::Instant::now());
                return (Warm { stream, watchdog, since: Instant::now(), opened_for: self.opened_for }, other);
            }
        }
    }

    async fn give(&mut self) -> Stream {
        let (warm, other) = self.stream().await;
        self.pool.give(&self.lane, warm);
        other
    }

    /// Lets what stands idle seem to stand for so much longer.
    fn pass(&self, time: Duration) {
        let mut shelves = self.pool.lock();
        for row in shelves.rows.values_mut() {
            row.idle.iter_mut().for_each(|idle| idle.warm.since -= time);
            if let Trust::Refuted(last) = &mut row.trust {
                *last -= time;
            }
        }
    }

    /// What was sent on other streams before has arrived once this is over.
    async fn settle(&mut self) {
        let (mut mark, mut other) = self.stream().await;
        other.send(Bytes::from_static(b"!")).await.unwrap();
        mark.stream.recv().await.unwrap();
    }

    fn takes(&self, repeat: Repeat) -> bool {
        self.pool.take(&self.lane, repeat).is_some()
    }
}

#[tokio::test]
async fn the_stream_returned_last_is_taken_first() {
    let mut bench = Bench::new();
    let (_first, second) = (bench.give().await, bench.give().await);
    assert_eq!(bench.pool.idle(), 2);
    let taken = bench.pool.take(&bench.lane, Repeat::Safe).unwrap();
    assert_eq!(taken.stream.id(), second.id());
    assert_eq!(bench.pool.idle(), 1);
}

#[tokio::test]
async fn a_stream_that_the_other_side_touched_is_never_taken() {
    let mut bench = Bench::new();
    let (mut finished, mut spoke, reset) = (bench.give().await, bench.give().await, bench.give().await);
    finished.finish().unwrap();
    spoke.send(Bytes::from_static(b"408")).await.unwrap();
    drop(reset);
    // The last to be seen: what was sent before has arrived as well.
    bench.settle().await;
    assert!(bench.pool.take(&bench.lane, Repeat::Safe).is_none());
    assert_eq!(bench.pool.idle(), 0);
}

#[tokio::test]
async fn a_changed_mapping_takes_no_stream_to_its_old_target() {
    let mut bench = Bench::new();
    let _others = (bench.give().await, bench.give().await);
    let same = Lane { mapping: mapping(1, 80), ..bench.lane.clone() };
    assert!(bench.pool.take(&same, Repeat::Safe).is_some(), "a sync that changes nothing closes nothing");
    let moved = Lane { mapping: mapping(1, 81), ..bench.lane.clone() };
    assert!(bench.pool.take(&moved, Repeat::Safe).is_none());
    let another = Lane { session: session(2), ..bench.lane.clone() };
    assert!(bench.pool.take(&another, Repeat::Safe).is_none());
}

#[tokio::test]
async fn bounds_hold_and_the_oldest_go_first() {
    let mut bench = Bench::new();
    let mut others = Vec::new();
    for _ in 0..PER_KEY + 3 {
        others.push(bench.give().await);
    }
    assert_eq!(bench.pool.idle(), PER_KEY);
    within(others[2].was_reset()).await;
    assert!(bench.pool.take(&bench.lane, Repeat::Safe).is_some());

    for id in 2..5 {
        bench.lane = Lane { mapping: mapping(id, 80), ..bench.lane.clone() };
        for _ in 0..PER_KEY {
            others.push(bench.give().await);
            assert!(bench.pool.idle() <= TOTAL);
        }
    }
    assert!(bench.pool.idle() > TOTAL - EVICTED_AT_ONCE);
    let first = Lane { mapping: mapping(1, 80), ..bench.lane.clone() };
    assert!(bench.pool.take(&first, Repeat::Safe).is_none(), "the first mapping's were the oldest");
    assert!(bench.pool.take(&bench.lane, Repeat::Safe).is_some());
}

#[tokio::test]
async fn after_a_burst_what_nobody_needs_goes_and_what_is_in_use_stays() {
    let mut bench = Bench::new();
    let mut others = Vec::new();
    for _ in 0..KEPT + 20 {
        others.push(bench.give().await);
    }
    let now = Instant::now();
    bench.pool.sweep(now);
    assert_eq!(bench.pool.idle(), KEPT + 20, "they have only just come");
    // Ten at once: so many are in need, but for the others nobody asked.
    let taken: Vec<_> = (0..10).map(|_| bench.pool.take(&bench.lane, Repeat::Safe).unwrap()).collect();
    taken.into_iter().for_each(|warm| bench.pool.give(&bench.lane, warm));
    bench.pool.sweep(now);
    assert_eq!(bench.pool.idle(), KEPT);
    within(others[0].was_reset()).await;
    bench.pool.sweep(now);
    bench.pool.sweep(now);
    assert_eq!(bench.pool.idle(), KEPT, "so many stay for their time");

    for _ in 0..20 {
        others.push(bench.give().await);
    }
    for _ in 0..3 {
        let all = std::iter::from_fn(|| bench.pool.take(&bench.lane, Repeat::Safe)).collect::<Vec<_>>();
        assert_eq!(all.len(), KEPT + 20, "a busy row keeps what it needs");
        all.into_iter().for_each(|warm| bench.pool.give(&bench.lane, warm));
        bench.pool.sweep(now);
    }
    // Some of those that were not needed close by themselves: no others go in their place.
    let oldest = others.split_off(others.len() - 5);
    drop(oldest);
    bench.settle().await;
    bench.pool.sweep(now);
    assert_eq!(bench.pool.idle(), KEPT);
}

#[tokio::test]
async fn a_sweep_closes_what_is_old_or_was_closed() {
    let mut bench = Bench::new();
    let (kept, closed) = (bench.give().await, bench.give().await);
    drop(closed);
    bench.settle().await;
    bench.pool.sweep(Instant::now());
    assert_eq!(bench.pool.idle(), 1);
    bench.pool.sweep(Instant::now() + IDLE_AGE);
    assert_eq!(bench.pool.idle(), 0);
    within(kept.was_reset()).await;
}

#[tokio::test]
async fn an_agent_that_stops_finds_its_idle_streams_closed() {
    let mut bench = Bench::new();
    let other = bench.give().await;
    bench.lane.session.start_draining();
    bench.pool.forget(bench.lane.session.id());
    within(other.was_reset()).await;
    let late = bench.give().await;
    assert_eq!(bench.pool.idle(), 0);
    within(late.was_reset()).await;
}

#[tokio::test]
async fn a_post_takes_a_warm_stream_once_the_target_has_kept_one_for_a_while() {
    let mut bench = Bench::new();
    let _others = (bench.give().await, bench.give().await);
    bench.pass(PROOF_IDLE / 2);
    assert!(!bench.takes(Repeat::Unsafe));
    bench.pass(PROOF_IDLE / 2);
    let _newer = (bench.give().await, bench.give().await);
    assert!(bench.takes(Repeat::Unsafe), "the oldest vouches for the newest");
    bench.lane.mapping = mapping(1, 80);
    assert!(bench.takes(Repeat::Unsafe), "a sync that changes nothing forgets nothing");
    bench.lane.mapping = mapping(1, 81);
    let _moved = bench.give().await;
    assert!(!bench.takes(Repeat::Unsafe), "another target vouches for nothing");
    bench.pass(SAFE_IDLE);
    assert!(!bench.takes(Repeat::Unsafe));
    assert!(bench.takes(Repeat::Safe));
}

#[tokio::test]
async fn while_the_target_is_yet_to_prove_itself_few_of_the_streams_that_posts_open_are_kept() {
    let mut bench = Bench::new();
    bench.opened_for = Repeat::Unsafe;
    let mut others = Vec::new();
    for _ in 0..KEPT {
        others.push(bench.give().await);
    }
    let late = bench.give().await;
    within(late.was_reset()).await;
    bench.opened_for = Repeat::Safe;
    others.push(bench.give().await);
    assert_eq!(bench.pool.idle(), KEPT + 1);
    bench.opened_for = Repeat::Unsafe;
    bench.pass(PROOF_IDLE);
    let _newest = bench.give().await;
    let warm = bench.pool.take(&bench.lane, Repeat::Unsafe).expect("the oldest was let stand");
    let _newest = bench.give().await;
    bench.pool.give(&bench.lane, warm);
    assert_eq!(bench.pool.idle(), KEPT + 2);
}

#[tokio::test]
async fn a_target_that_closed_at_once_gets_posts_on_fresh_streams_for_a_minute() {
    for found_by_post in [true, false] {
        let mut bench = Bench::new();
        let closed = bench.give().await;
        bench.pass(PROOF_IDLE);
        let _quiet = bench.give().await;
        assert!(bench.takes(Repeat::Unsafe));
        let _quiet = bench.give().await;
        let newest = bench.give().await;
        drop(newest);
        bench.settle().await;
        // A cancelled stream is not the target's doing.
        assert!(bench.takes(Repeat::Unsafe));
        let _quiet = bench.give().await;
        let mut newest = bench.give().await;
        newest.finish().unwrap();
        bench.settle().await;
        let repeat = if found_by_post { Repeat::Unsafe } else { Repeat::Safe };
        assert_eq!(bench.takes(repeat), !found_by_post, "what is left is no better than what was found closed");
        let _quiet = bench.give().await;
        bench.pass(PROOF_IDLE);
        assert!(!bench.takes(Repeat::Unsafe), "nothing counts as proof for now");
        bench.pass(DOUBT);
        let _quiet = bench.give().await;
        assert!(bench.takes(Repeat::Unsafe), "what stood all the while is proof");
        drop(closed);
    }
}

#[tokio::test]
async fn streams_found_closed_count_only_if_they_had_hardly_become_idle() {
    let mut bench = Bench::new();
    let _old = bench.give().await;
    bench.pass(PROOF_IDLE);
    let mut late = bench.give().await;
    late.finish().unwrap();
    bench.settle().await;
    bench.pass(SAFE_IDLE);
    bench.pool.sweep(Instant::now());
    bench.pool.target_closed(&bench.lane, SAFE_IDLE);
    let _quiet = bench.give().await;
    assert!(bench.takes(Repeat::Unsafe), "targets close after some seconds");

    // Each way of finding a stream closed soon.
    for way in 0..3 {
        let mut bench = Bench::new();
        let _old = bench.give().await;
        bench.pass(PROOF_IDLE);
        match way {
            0 => bench.pool.target_closed(&bench.lane, Duration::ZERO),
            1 => {
                let (warm, mut other) = bench.stream().await;
                other.finish().unwrap();
                bench.settle().await;
                bench.pool.give(&bench.lane, warm);
            }
            _ => {
                let mut other = bench.give().await;
                other.finish().unwrap();
                bench.settle().await;
                bench.pool.sweep(Instant::now());
            }
        }
        let _quiet = bench.give().await;
        assert!(!bench.takes(Repeat::Unsafe), "way {way}");
        assert!(bench.takes(Repeat::Safe));
    }
}

#[tokio::test]
async fn what_is_known_of_targets_is_forgotten_when_it_is_of_no_use() {
    let mut bench = Bench::new();
    let rows = |bench: &Bench| bench.pool.lock().rows.len();
    let _other = bench.give().await;
    bench.pass(PROOF_IDLE);
    assert!(bench.takes(Repeat::Unsafe));
    let now = Instant::now();
    bench.pool.sweep(now);
    assert_eq!(rows(&bench), 1, "a busy row may be empty at the moment");
    bench.pool.sweep(now);
    assert_eq!(rows(&bench), 0);
    bench.pool.target_closed(&bench.lane, Duration::ZERO);
    bench.pool.forget(bench.lane.session.id());
    bench.pool.sweep(now);
    assert_eq!(rows(&bench), 1);
    bench.pool.sweep(now + DOUBT + Duration::from_secs(1));
    assert_eq!(rows(&bench), 0);

    for id in 0..=TOTAL as u128 {
        let lane = Lane { mapping: mapping(id, 80), ..bench.lane.clone() };
        bench.pool.target_closed(&lane, Duration::ZERO);
    }
    bench.pool.sweep(now);
    assert_eq!(rows(&bench), 0, "there is room for so many only");
}

async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), work).await.expect("the other end hears of it")
}
