//! One agent process that is connected: its links, and what is told to it.

pub(crate) mod access;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use bytes::Bytes;
use octoporty_proto::control::Control;
use octoporty_proto::model::{
    AgentName, EndReason, Epoch, Failure, FailureCode, InstanceId, SessionId, TrafficTotals, TunnelId,
};
use octoporty_proto::mux::OpenError;
use octoporty_proto::wire::Open;
use octoporty_tunnel::link::Link;
use octoporty_tunnel::stream::Stream;
use tokio_util::sync::CancellationToken;

use access::AccessQueue;

/// A link and the shard that its task runs on.
#[derive(Clone, Debug)]
pub(crate) struct SessionLink {
    /// Unique within the process.
    pub serial: u64,
    /// The handle.
    pub link: Link,
    /// Index of the shard.
    pub shard: usize,
    /// Since when it stands.
    pub since: Instant,
}

/// What a session is made of.
#[derive(Clone, Debug)]
pub(crate) struct SessionIdentity {
    /// Made by the gateway, unique.
    pub id: SessionId,
    /// What the agent authenticated for.
    pub tunnel: TunnelId,
    /// Who the agent is within the tunnel.
    pub agent: AgentName,
    /// Orders the sessions of one agent.
    pub epoch: Epoch,
    /// The run of the agent's process.
    pub instance: InstanceId,
    /// The agent's release.
    pub agent_version: String,
}

/// A session. Handles are `Arc`s; the registry decides when it ends.
#[derive(Debug)]
pub(crate) struct Session {
    identity: SessionIdentity,
    started: Instant,
    /// Replaced whole; read without a lock.
    links: ArcSwap<Vec<SessionLink>>,
    /// Most streams open at once over all links.
    max_streams: u32,
    /// The agent said that it stops: no new streams.
    draining: AtomicBool,
    /// Milliseconds after `started` until which streams that were closed to make room may still take it.
    room_until_ms: AtomicU64,
    /// The agent's, shared with the sessions before and after.
    access: Arc<AccessQueue>,
    /// Cancelled when the registry lets go of the session.
    over: CancellationToken,
    /// Microseconds of the newest round trip over any link; 0 until one is measured. Read once a request.
    round_trip_us: AtomicU64,
    /// What links that ended have moved.
    past: Past,
}

/// Sums over links that ended.
#[derive(Debug, Default)]
struct Past {
    bytes_sent: AtomicU64,
    bytes_received: AtomicU64,
    streams_opened: AtomicU64,
}

impl Session {
    /// A session without links.
    pub(crate) fn new(identity: SessionIdentity, max_streams: u32, access: Arc<AccessQueue>) -> Self {
        Self {
            identity,
            started: Instant::now(),
            links: ArcSwap::default(),
            max_streams,
            draining: AtomicBool::new(false),
            room_until_ms: AtomicU64::new(0),
            access,
            over: CancellationToken::new(),
            round_trip_us: AtomicU64::new(0),
            past: Past::default(),
        }
    }

    /// Made by the gateway, unique.
    pub(crate) fn id(&self) -> SessionId {
        self.identity.id
    }

    /// Who is connected.
    pub(crate) fn identity(&self) -> &SessionIdentity {
        &self.identity
    }

    /// When it began.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// The links that stand.
    pub(crate) fn links(&self) -> arc_swap::Guard<Arc<Vec<SessionLink>>> {
        self.links.load()
    }

    /// The queue of access records.
    pub(crate) fn access(&self) -> &AccessQueue {
        &self.access
    }

    /// Notes a round trip over one of its links.
    pub(crate) fn note_round_trip(&self, trip: Duration) {
        let us = u64::try_from(trip.as_micros()).unwrap_or(u64::MAX).max(1);
        self.round_trip_us.store(us, Ordering::Relaxed);
    }

    /// The newest round trip.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        Some(self.round_trip_us.load(Ordering::Relaxed)).filter(|us| *us > 0).map(Duration::from_micros)
    }

    /// Cancelled when the session is over: it ended, or a newer one took over.
    pub(crate) fn over(&self) -> &CancellationToken {
        &self.over
    }

    /// Adds a link that has shaken hands.
    pub(crate) fn add_link(&self, link: SessionLink) {
        self.links.rcu(|links| {
            let mut links = Vec::clone(links);
            links.push(link.clone());
            links
        });
    }

    /// Forgets a link that has ended. Returns how many are left.
    pub(crate) fn remove_link(&self, serial: u64) -> usize {
        if let Some(ended) = self.links.load().iter().find(|known| known.serial == serial) {
            let stats = ended.link.stats();
            self.past.bytes_sent.fetch_add(stats.bytes_sent, Ordering::Relaxed);
            self.past.bytes_received.fetch_add(stats.bytes_received, Ordering::Relaxed);
            self.past.streams_opened.fetch_add(stats.streams_opened, Ordering::Relaxed);
        }
        self.links.rcu(|links| links.iter().filter(|known| known.serial != serial).cloned().collect::<Vec<_>>());
        self.links.load().len()
    }

    /// What the session has moved, over all its links.
    pub(crate) fn traffic(&self) -> TrafficTotals {
        let mut sum = TrafficTotals {
            bytes_to_targets: self.past.bytes_sent.load(Ordering::Relaxed),
            bytes_to_visitors: self.past.bytes_received.load(Ordering::Relaxed),
            streams_opened: self.past.streams_opened.load(Ordering::Relaxed),
            streams_active: 0,
        };
        for known in self.links.load().iter() {
            let stats = known.link.stats();
            sum.bytes_to_targets += stats.bytes_sent;
            sum.bytes_to_visitors += stats.bytes_received;
            sum.streams_opened += stats.streams_opened;
            sum.streams_active += stats.streams_active;
        }
        sum
    }

    /// The agent opens no more; what stands goes on.
    pub(crate) fn start_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether the agent said that it stops.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Idle streams were closed to make room, which is there within this time.
    pub(crate) fn makes_room(&self, within: Duration) {
        let until = self.started.elapsed() + within;
        self.room_until_ms.store(u64::try_from(until.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Whether room was made that may not be there yet: for whoever comes meanwhile, too.
    pub(crate) fn has_room_coming(&self) -> bool {
        self.started.elapsed().as_millis() < u128::from(self.room_until_ms.load(Ordering::Relaxed))
    }

    /// Whether a link stands that takes streams.
    pub(crate) fn is_alive(&self) -> bool {
        self.links.load().iter().any(|known| known.link.is_usable())
    }

    /// Opens a stream: on the least loaded link of the caller's shard, else on the least loaded one of all.
    ///
    /// # Errors
    /// [`FailureCode::AgentAway`] when no link takes streams, [`FailureCode::AgentBusy`] at the limit.
    pub(crate) fn open(&self, shard: usize, open: &Open, first: Bytes) -> Result<(Stream, Link), Failure> {
        if self.is_draining() {
            return Err(failure(FailureCode::AgentAway, "the agent is stopping"));
        }
        let links = self.links.load();
        let mut usable: Vec<(bool, u32, &Link)> = links
            .iter()
            .filter(|known| known.link.is_usable())
            .map(|known| (known.shard != shard, known.link.load(), &known.link))
            .collect();
        let streams = usable.iter().fold(0_u32, |sum, (_, load, _)| sum.saturating_add(*load));
        if streams >= self.max_streams {
            return Err(failure(FailureCode::AgentBusy, "the session has as many streams as it may have"));
        }
        usable.sort_by_key(|(elsewhere, load, _)| (*elsewhere, *load));
        let mut refused = failure(FailureCode::AgentAway, "the session has no link that takes streams");
        for (_, _, link) in usable {
            match link.open(open, first.clone()) {
                Ok(stream) => return Ok((stream, link.clone())),
                Err(OpenError::TooManyStreams) => {
                    refused = failure(FailureCode::AgentBusy, "the agent allows no more streams");
                }
                Err(_) => {}
            }
        }
        Err(refused)
    }

    /// Sends a control message over any link; tries the others when one ends. `false` when none took it.
    pub(crate) async fn send(&self, message: &Control) -> bool {
        let links = self.links.load_full();
        for known in links.iter() {
            if known.link.send(message).await.is_ok() {
                return true;
            }
        }
        false
    }

    /// Ends every link at once.
    pub(crate) fn close(&self, reason: EndReason, detail: &str) {
        for known in self.links.load().iter() {
            known.link.close(reason, detail);
        }
    }
}

fn failure(code: FailureCode, detail: &str) -> Failure {
    Failure { code, detail: Some(detail.to_owned()) }
}
