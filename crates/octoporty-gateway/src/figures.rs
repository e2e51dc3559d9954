//! What a gateway counts, as plain numbers for whoever exports them. Everything that is a total counts since the start
//! of the process and never falls.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use octoporty_proto::model::FailureCode;
use octoporty_tunnel::link::Link;

use crate::counters::{BOUNDS_US, ShardCounters};
use crate::state::GatewayState;

/// See the fields.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct GatewayFigures {
    /// How long the gateway has run.
    pub uptime: Duration,
    /// Whether it is stopping.
    pub draining: bool,
    /// Visitors' connections accepted.
    pub connections: u64,
    /// Visitors' connections open now.
    pub connections_open: u64,
    /// Connections refused because their source had too many. Compare with `connections`.
    pub connections_refused: u64,
    /// Everything that was answered at the gateway's port, by the first digit of the status, 1 to 5: mappings, landing
    /// page, health, agents that come in (1).
    pub answers: [u64; 5],
    /// Requests.
    pub requests: RequestFigures,
    /// Agents and what they serve.
    pub registry: RegistryFigures,
    /// Links of agents.
    pub links: LinkFigures,
    /// Keys of agents.
    pub keys: KeyFigures,
}

/// Requests to mappings, at their end.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct RequestFigures {
    /// By the first digit of the status, 1 to 5. A visitor that left before an answer counts as 4.
    pub by_class: [u64; 5],
    /// What the gateway answered or cut by itself, every code there is; those without a mapping too.
    pub failures: Vec<(FailureCode, u64)>,
    /// Visitors that left before the answer was whole; no failure.
    pub visitors_left: u64,
    /// Access records for which there was no room; the requests themselves were served. Compare with `by_class`.
    pub records_dropped: u64,
    /// From arrival until the head was on its way: the gateway's own share.
    pub gateway: DurationFigures,
    /// From there to the first byte of the answer: tunnel, agent and target. Compare with the agent's round trip.
    pub first_byte: DurationFigures,
    /// From arrival to end.
    pub total: DurationFigures,
}

/// Times by length.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct DurationFigures {
    /// How many are in each bin of [`DurationFigures::bounds`], and last those that are longer. Not cumulative.
    pub bins: Vec<u64>,
    /// All of them together.
    pub sum: Duration,
}

impl DurationFigures {
    /// The upper ends of the bins.
    pub fn bounds() -> impl Iterator<Item = Duration> {
        BOUNDS_US.iter().map(|bound| Duration::from_micros(*bound))
    }
}

/// Agents and what they serve.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct RegistryFigures {
    /// Agents that are connected: sessions that stand.
    pub connected: usize,
    /// Agents that are known and away; their names answer 503.
    pub away: usize,
    /// Mappings by kind and verdict (`applied` or the code of the refusal), of agents connected and away.
    pub mappings: BTreeMap<(&'static str, &'static str), u64>,
}

/// Links of agents.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct LinkFigures {
    /// Links that stand, by transport; with those that have not shaken hands yet.
    pub standing: BTreeMap<&'static str, u64>,
    /// Links that came.
    pub started: u64,
    /// Streams open now.
    pub streams_open: u64,
    /// Streams opened.
    pub streams_opened: u64,
    /// Bytes of streams sent to agents: from visitors to targets.
    pub bytes_to_targets: u64,
    /// Bytes of streams received from agents: from targets to visitors.
    pub bytes_to_visitors: u64,
}

/// Keys of agents.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct KeyFigures {
    /// Wrong keys.
    pub wrong: u64,
    /// Times that a source was locked out. Compare with `wrong`: five lead to one.
    pub lockouts: u64,
    /// Requests that were refused while their source was locked out.
    pub refused: u64,
    /// Sources that are locked out now.
    pub locked_sources: usize,
}

/// Every link that stands, and what those that ended have moved: together they never fall.
#[derive(Debug, Default)]
pub(crate) struct LinkBook {
    pages: Mutex<LinkPages>,
    /// Counts links, and gives each its key.
    started: AtomicU64,
}

#[derive(Debug, Default)]
struct LinkPages {
    standing: BTreeMap<u64, Link>,
    streams_opened: u64,
    bytes_to_targets: u64,
    bytes_to_visitors: u64,
}

impl LinkBook {
    fn lock(&self) -> MutexGuard<'_, LinkPages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A link stands from now on; gives what [`Self::leave`] wants.
    pub(crate) fn enter(&self, link: &Link) -> u64 {
        let key = self.started.fetch_add(1, Ordering::Relaxed);
        self.lock().standing.insert(key, link.clone());
        key
    }

    /// A link has ended.
    pub(crate) fn leave(&self, key: u64) {
        let mut pages = self.lock();
        let Some(link) = pages.standing.remove(&key) else { return };
        let stats = link.stats();
        pages.streams_opened += stats.streams_opened;
        pages.bytes_to_targets += stats.bytes_sent;
        pages.bytes_to_visitors += stats.bytes_received;
    }

    fn figures(&self) -> LinkFigures {
        let pages = self.lock();
        let mut figures = LinkFigures {
            started: self.started.load(Ordering::Relaxed),
            streams_opened: pages.streams_opened,
            bytes_to_targets: pages.bytes_to_targets,
            bytes_to_visitors: pages.bytes_to_visitors,
            ..LinkFigures::default()
        };
        for link in pages.standing.values() {
            let stats = link.stats();
            *figures.standing.entry(link.transport()).or_default() += 1;
            figures.streams_open += u64::from(stats.streams_active);
            figures.streams_opened += stats.streams_opened;
            figures.bytes_to_targets += stats.bytes_sent;
            figures.bytes_to_visitors += stats.bytes_received;
        }
        figures
    }
}

impl GatewayFigures {
    /// Reads all of it. Looks through every mapping under the registry's lock: not for a thread of the data plane.
    pub(crate) fn of(state: &GatewayState) -> Self {
        let totals = ShardCounters::sum(&state.counters);
        Self {
            uptime: state.started.elapsed(),
            draining: state.draining.has_begun(),
            connections: totals.connections,
            connections_open: totals.connections_open,
            connections_refused: totals.refused,
            answers: totals.by_class,
            requests: ShardCounters::requests(&state.counters),
            registry: state.registry.figures(),
            links: state.link_book.figures(),
            keys: state.lockout.figures(std::time::Instant::now()),
        }
    }
}
