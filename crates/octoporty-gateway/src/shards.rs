//! The data plane: one single-threaded runtime a core, each with its listener, links and pools.

mod accept;
mod listen;
pub(crate) mod placement;
pub(crate) mod sources;
mod spare;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use octoporty_tunnel::ending::Ending;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use self::accept::Door;
use self::spare::Spare;
use crate::StartError;
use crate::certificate::Served;
use crate::config::GatewayConfig;
use crate::counters::ShardCounters;
use crate::ingress::connection::Connection;
use crate::ingress::roster::{self, Roster};
use crate::state::GatewayState;
use crate::upstream::Upstream;

/// Threads of a shard for work off the data path (the registry): it is under one lock anyhow.
const BLOCKING_THREADS: usize = 2;
/// How long the last tasks may take after they were cancelled; they only have to be dropped.
const JOIN_TIMEOUT: Duration = Duration::from_secs(5);

/// One shard, as its tasks see it.
#[derive(Debug)]
pub(crate) struct ShardContext {
    /// Which one.
    pub index: usize,
    /// Its runtime.
    pub handle: Handle,
    /// Owner of every task on it but those below.
    pub tracker: TaskTracker,
    /// Owner of its accept loops, which end when the gateway drains.
    pub doors: TaskTracker,
    /// Owner of the visitors' connections: what a stop waits for.
    pub visitors: TaskTracker,
    /// Ends every task on it.
    pub cancel: CancellationToken,
    /// The gateway stops: no new connections; those that stand end with what is in flight.
    pub draining: Ending,
    /// Shared by all shards.
    pub state: Arc<GatewayState>,
    /// Warm streams of this shard.
    pub upstream: Upstream,
    /// Visitors' connections of this shard.
    pub roster: Roster,
    /// Tasks that have served one.
    pub spare: Spare<Arc<Connection>>,
}

impl ShardContext {
    /// Its figures.
    pub(crate) fn counters(&self) -> &ShardCounters {
        &self.state.counters[self.index]
    }
}

/// A visitor's connection: open, in the figures, until this is dropped.
#[derive(Debug)]
pub(crate) struct Counted(Arc<ShardContext>);

impl Counted {
    /// It was accepted.
    pub(crate) fn begin(shard: &Arc<ShardContext>) -> Self {
        ShardCounters::count(&shard.counters().connections);
        Self(Arc::clone(shard))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        ShardCounters::count(&self.0.counters().connections_ended);
    }
}

/// Where a gateway listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addresses {
    /// For everybody.
    pub visitors: SocketAddr,
    /// For agents alone.
    pub agents: Option<SocketAddr>,
}

/// What a shard listens on.
#[derive(Debug)]
struct Listeners {
    visitors: TcpListener,
    agents: Option<TcpListener>,
}

/// All shards, running.
#[derive(Debug)]
pub(crate) struct Shards {
    contexts: Vec<Arc<ShardContext>>,
    threads: Vec<std::thread::JoinHandle<()>>,
    /// Cancelling it ends everything.
    cancel: CancellationToken,
}

impl Shards {
    /// Binds, and starts a thread for each shard. Gives the addresses that were bound.
    pub(crate) fn start(state: &Arc<GatewayState>) -> Result<(Self, Addresses), StartError> {
        let count = state.config.shards;
        let (listeners, addresses) = bind(&state.config)?;
        let certificates = state.config.agents_port.as_ref().and_then(|port| port.certificate.clone());
        let certificates = certificates.map(Served::new).transpose()?;
        let tls = certificates.as_ref().map(|served| Arc::clone(&served.tls));
        let cancel = CancellationToken::new();
        let mut shards = Self { contexts: Vec::with_capacity(count), threads: Vec::with_capacity(count), cancel };
        let mut runtimes = Vec::with_capacity(count);
        for index in 0..count {
            let runtime = runtime(index).map_err(StartError::Worker)?;
            shards.contexts.push(Arc::new(shards.context(index, &runtime, state)));
            runtimes.push(runtime);
        }
        state.introduce(&shards.contexts, addresses.visitors, tls);
        if let (Some(served), Some(shard)) = (certificates, shards.contexts.first()) {
            shard.tracker.spawn_on(served.keep_fresh(Arc::clone(shard)), &shard.handle);
        }
        for ((runtime, listeners), context) in runtimes.into_iter().zip(listeners).zip(shards.contexts.clone()) {
            let name = format!("gateway-{}", context.index);
            let thread = std::thread::Builder::new().name(name).spawn(move || run(&runtime, listeners, &context));
            shards.threads.push(thread.map_err(StartError::Worker)?);
        }
        Ok((shards, addresses))
    }

    fn context(&self, index: usize, runtime: &Runtime, state: &Arc<GatewayState>) -> ShardContext {
        ShardContext {
            index,
            handle: runtime.handle().clone(),
            tracker: TaskTracker::new(),
            doors: TaskTracker::new(),
            visitors: TaskTracker::new(),
            cancel: self.cancel.child_token(),
            draining: state.draining.branch(),
            state: state.clone(),
            upstream: Upstream::default(),
            roster: Roster::default(),
            spare: Spare::default(),
        }
    }

    /// Waits for the visitors' connections to end, those too that wait to be accepted while the gateway begins to drain.
    pub(crate) async fn visitors_gone(&self) {
        for shard in &self.contexts {
            shard.doors.close();
            shard.doors.wait().await;
            shard.visitors.close();
            shard.visitors.wait().await;
        }
    }

    /// Ends every task and joins the threads.
    pub(crate) async fn end(mut self) {
        self.cancel.cancel();
        let threads = std::mem::take(&mut self.threads);
        let joined = tokio::task::spawn_blocking(move || {
            threads.into_iter().for_each(|thread| {
                if thread.join().is_err() {
                    tracing::error!("a shard's thread panicked; this is a defect");
                }
            });
        });
        if let Err(error) = joined.await {
            tracing::error!(%error, "the shards' threads could not be joined");
        }
    }
}

impl Drop for Shards {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// The listeners of each shard.
fn bind(config: &GatewayConfig) -> Result<(Vec<Listeners>, Addresses), StartError> {
    let (visitors, address) = listen::bind("Gateway__Port", config.listen, config.shards)?;
    let mut addresses = Addresses { visitors: address, agents: None };
    let mut listeners: Vec<_> = visitors.into_iter().map(|visitors| Listeners { visitors, agents: None }).collect();
    if let Some(port) = &config.agents_port {
        let (agents, address) = listen::bind("Gateway__TunnelPort", port.listen, config.shards)?;
        addresses.agents = Some(address);
        for (shard, listener) in listeners.iter_mut().zip(agents) {
            shard.agents = Some(listener);
        }
    }
    Ok((listeners, addresses))
}

fn runtime(index: usize) -> std::io::Result<Runtime> {
    Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_name(format!("gateway-{index}-control"))
        .build()
}

fn run(runtime: &Runtime, listeners: Listeners, shard: &Arc<ShardContext>) {
    runtime.block_on(async {
        shard.doors.spawn_on(accept::run(shard.clone(), listeners.visitors, Door::Visitors), &shard.handle);
        if let Some(listener) = listeners.agents {
            shard.doors.spawn_on(accept::run(shard.clone(), listener, Door::Agents), &shard.handle);
        }
        let sweeper = shard.clone();
        shard.tracker.spawn_on(async move { sweeper.upstream.keep_swept(&sweeper.cancel).await }, &shard.handle);
        shard.tracker.spawn_on(roster::look_after(shard.clone()), &shard.handle);
        shard.cancel.cancelled().await;
        let owners = [&shard.doors, &shard.visitors, &shard.tracker];
        let joined = async {
            for owner in owners {
                owner.close();
                owner.wait().await;
            }
        };
        if tokio::time::timeout(JOIN_TIMEOUT, joined).await.is_err() {
            let left: usize = owners.iter().map(|owner| owner.len()).sum();
            tracing::warn!(shard = shard.index, left, "tasks did not end when cancelled and are dropped");
        }
    });
}
