//! What the shards share.

use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use octoporty_proto::model::LogSource;
use octoporty_tunnel::ending::Ending;
use rustls::ServerConfig;

use crate::answers::log::LogDesk;
use crate::answers::update::Updater;
use crate::config::GatewayConfig;
use crate::counters::ShardCounters;
use crate::endpoint::keys::Keys;
use crate::endpoint::lockout::Lockout;
use crate::figures::LinkBook;
use crate::registry::{MAX_AWAY, Registry, RegistryConfig};
use crate::routing::RoutingSnapshot;
use crate::shards::ShardContext;
use crate::shards::placement::Placement;
use crate::shards::sources::Sources;
use crate::site::Site;

/// Read by every shard, without a lock where a request passes.
#[derive(Debug)]
pub(crate) struct GatewayState {
    /// As it was given.
    pub config: GatewayConfig,
    /// When the gateway started.
    pub started: Instant,
    /// Routes; replaced whole.
    pub routing: Arc<ArcSwap<RoutingSnapshot>>,
    /// Own names and landing page; replaced whole.
    pub site: Arc<ArcSwap<Site>>,
    /// Agents, sessions and claims.
    pub registry: Registry,
    /// Keys of agents.
    pub keys: Keys,
    /// Sources that gave wrong keys.
    pub lockout: Lockout,
    /// Connections by source.
    pub sources: Sources,
    /// Links by source and shard.
    pub placement: Placement,
    /// Hands wishes for an update to the host.
    pub updater: Updater,
    /// Reads the log for agents.
    pub log_desk: LogDesk,
    /// Links that stand and what the others have moved.
    pub link_book: LinkBook,
    /// One a shard, summed on read.
    pub counters: Vec<ShardCounters>,
    /// Begins when the gateway stops: listeners close, visitors' connections end with what is in flight.
    pub draining: Ending,
    serials: AtomicU64,
    shards: OnceLock<Vec<Weak<ShardContext>>>,
    address: OnceLock<SocketAddr>,
    agents_tls: OnceLock<Arc<ServerConfig>>,
}

impl GatewayState {
    /// The state of a gateway that starts now.
    pub(crate) fn new(config: GatewayConfig, log: Arc<dyn LogSource>) -> Self {
        let routing = Arc::new(ArcSwap::from_pointee(RoutingSnapshot::default()));
        let site = Site { names: config.gateway_fqdn.iter().cloned().collect(), landing: None };
        let site = Arc::new(ArcSwap::from_pointee(site));
        let registry_config = RegistryConfig {
            max_sessions: config.limits.max_sessions,
            max_streams: config.limits.streams_per_session,
            max_away: MAX_AWAY,
            own_names: config.gateway_fqdn.clone(),
        };
        Self {
            started: Instant::now(),
            registry: Registry::new(registry_config, routing.clone(), site.clone()),
            routing,
            site,
            keys: Keys::new(&config.api_keys),
            lockout: Lockout::default(),
            sources: Sources::new(config.limits.connections_per_source),
            placement: Placement::new(config.shards),
            updater: Updater::new(config.updates.clone(), config.version.clone()),
            log_desk: LogDesk::new(log),
            counters: (0..config.shards).map(|_| ShardCounters::default()).collect(),
            link_book: LinkBook::default(),
            draining: Ending::new(),
            serials: AtomicU64::new(0),
            shards: OnceLock::new(),
            address: OnceLock::new(),
            agents_tls: OnceLock::new(),
            config,
        }
    }

    /// A number that no other link of this process has.
    pub(crate) fn next_serial(&self) -> u64 {
        self.serials.fetch_add(1, Ordering::Relaxed)
    }

    /// Makes the shards, where they listen, and how agents alone are spoken to, known to each other; once.
    pub(crate) fn introduce(
        &self,
        shards: &[Arc<ShardContext>],
        address: SocketAddr,
        agents_tls: Option<Arc<ServerConfig>>,
    ) {
        let weak = shards.iter().map(Arc::downgrade).collect();
        let first = self.shards.set(weak).is_ok() && self.address.set(address).is_ok();
        let first = first && agents_tls.is_none_or(|tls| self.agents_tls.set(tls).is_ok());
        assert!(first, "the shards are introduced once, by the start of the gateway");
    }

    /// Where the gateway listens: the real port when 0 was asked for.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address.get().copied().unwrap_or(self.config.listen)
    }

    /// How agents are spoken to at their own port; `None`: in the clear.
    pub(crate) fn agents_tls(&self) -> Option<&Arc<ServerConfig>> {
        self.agents_tls.get()
    }

    /// A shard, as long as the gateway runs.
    pub(crate) fn shard(&self, index: usize) -> Option<Arc<ShardContext>> {
        self.shards.get()?.get(index)?.upgrade()
    }

    /// Whether the peer's word about visitors is believed.
    pub(crate) fn is_trusted(&self, peer: std::net::IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.config.trusted_proxies.iter().any(|net| net.contains(&peer))
    }
}

/// Milliseconds since 1970.
pub(crate) fn unix_ms() -> u64 {
    millis(since_1970())
}

/// The same of a moment that was read just now. The time of day is asked for once in [`CLOCKS_APART`] by each thread.
pub(crate) fn unix_ms_of(now: Instant) -> u64 {
    let known = BOTH_CLOCKS.get().and_then(|(then, since_1970)| {
        let passed = now.checked_duration_since(then)?;
        (passed < CLOCKS_APART).then(|| since_1970 + passed)
    });
    millis(known.unwrap_or_else(|| {
        let since_1970 = since_1970();
        BOTH_CLOCKS.set(Some((now, since_1970)));
        since_1970
    }))
}

/// So long it is not noticed that the two clocks went apart: one was set, or the machine slept, or this thread was held up
/// between its looks at the two.
const CLOCKS_APART: Duration = Duration::from_millis(100);

thread_local! {
    /// A moment by both clocks.
    static BOTH_CLOCKS: Cell<Option<(Instant, Duration)>> = const { Cell::new(None) };
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_of_a_moment_is_the_systems_whether_it_is_asked_or_not() {
        // To within a millisecond, where the test's thread is not held up between two readings.
        let close = || {
            let before = unix_ms();
            let told = unix_ms_of(Instant::now());
            (before..=unix_ms() + 1).contains(&(told + 1))
        };
        assert!((0..1000).any(|_| close() && close()));
        // A clock that was set back by a day is not noticed at once, but soon.
        let (now, ahead) = (Instant::now(), since_1970() + Duration::from_hours(24));
        let hour = 60 * 60 * 1_000;
        BOTH_CLOCKS.set(Some((now, ahead)));
        assert_eq!(unix_ms_of(now + CLOCKS_APART / 2), millis(ahead + CLOCKS_APART / 2));
        assert!(unix_ms_of(now + CLOCKS_APART) < millis(ahead) - hour);
        // The moment that is known now is later than this one.
        assert!(unix_ms_of(now) < millis(ahead) - hour);
    }
}
