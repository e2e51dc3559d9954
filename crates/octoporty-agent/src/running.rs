//! A running agent: how its parts are wired, started in order and stopped in reverse.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use octoporty_proto::control::{Hello, feature};
use octoporty_proto::model::{
    Answer, AskError, Compression, DesiredState, FailureCode, Hostname, InstanceId, Probe, ProbeReport, Question,
    SyncReport, Target, TargetCheck, TargetHealth, TlsVerification,
};
use octoporty_tunnel::carrier::websocket::Dial;
use octoporty_tunnel::ending::Ending;
use octoporty_tunnel::trust::{Trust, TrustError, client_config};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use uuid::Uuid;

use crate::access::AccessFunnel;
use crate::asks::Asks;
use crate::cache::Cache;
use crate::config::{AgentConfig, Credential};
use crate::connector::{Connector, Orders, Outlets, Parts};
use crate::desired::{Desired, run_saver};
use crate::forwarder::Forwarder;
use crate::inspect;
use crate::linker::{DialSettings, Linker};
use crate::shard::Shard;
use crate::status::StatusBoard;
use crate::targets::check;
use crate::targets::dial::{DIAL_TIMEOUT, Dialler};
use crate::targets::health::HealthBoard;
use crate::targets::rules::Rules;
use crate::targets::tls::TargetTls;
use crate::traffic::Traffic;
use crate::{AgentFigures, AgentNews, StartError};

/// Bound on resolving, dialling, TLS and upgrade with the gateway.
const GATEWAY_DIAL_TIMEOUT: Duration = Duration::from_secs(10);

/// Session records that wait for the console; a session lasts seconds at the least.
const SESSIONS_QUEUE: usize = 64;

/// Most shards, whatever was asked for: a gateway has at most this many links with an agent.
const MOST_SHARDS: usize = 8;

/// How long tasks may take to end once they are told to, before their threads end under them.
const JOIN_LIMIT: Duration = Duration::from_secs(5);

/// The usual variable for certificates of authorities that this machine trusts besides public ones.
const CA_FILE_VARIABLE: &str = "SSL_CERT_FILE";

/// See the module.
#[derive(Debug)]
pub(crate) struct Running {
    orders: Arc<Orders>,
    forwarder: Arc<Forwarder>,
    board: Arc<StatusBoard>,
    asks: Arc<Asks>,
    /// How the gateway is reached, for the inspector.
    gateway_dial: Arc<DialSettings>,
    access: Arc<AccessFunnel>,
    effective: watch::Receiver<Arc<DesiredState>>,
    data_plane: Vec<Handle>,
    tasks: TaskTracker,
    /// Ends every task.
    end: Ending,
    /// Ends the threads.
    threads_end: CancellationToken,
    /// Cancelled when the connector is done.
    connector_done: CancellationToken,
    threads: Mutex<Vec<Shard>>,
}

/// The parts that tasks share.
struct Wiring {
    linker: Arc<Linker>,
    orders: Arc<Orders>,
    board: Arc<StatusBoard>,
    outlets: Outlets,
    desired: Desired,
    cache: Option<Cache>,
}

impl Running {
    pub(crate) fn start(
        config: AgentConfig,
        console: watch::Receiver<Arc<DesiredState>>,
    ) -> Result<(Self, AgentNews), StartError> {
        let dialler = dialler(&config)?;
        let dial = gateway_dial(&config)?;
        let gateway_dial = Arc::new(DialSettings(dial.clone()));
        let (tasks, end, threads_end) = (TaskTracker::new(), Ending::new(), CancellationToken::new());
        let (threads, control, data_plane) = threads(&config, &threads_end).inspect_err(|_| threads_end.cancel())?;

        let (health, targets) = HealthBoard::new();
        let forwarder = Arc::new(Forwarder::new(dialler, health, tasks.clone(), end.clone()));
        let traffic = Traffic::new(data_plane.len());
        let (board, status) = StatusBoard::new(config.gateway_url.to_string(), traffic.clone());
        let (funnel, access) = AccessFunnel::new();
        let funnel = Arc::new(funnel);
        let cache = config.cache_file.clone().map(Cache::new);
        let (desired, effective) = Desired::new(console, cache.as_ref(), Arc::clone(&forwarder));
        let (sync_out, sync) = watch::channel(Arc::new(SyncReport::default()));
        let (sessions_out, sessions) = mpsc::channel(SESSIONS_QUEUE);
        let asks = Arc::<Asks>::default();
        let linker = Arc::new(Linker {
            dial: DialSettings(dial),
            hello: hello(&config),
            mux: config.mux(),
            shards: data_plane.clone(),
            forwarder: Arc::clone(&forwarder),
            traffic,
            asks: Arc::clone(&asks),
            access: Arc::clone(&funnel),
            tasks: tasks.clone(),
            end: end.token().clone(),
            next_key: AtomicU64::new(0),
        });
        let running = Self {
            orders: Arc::default(),
            forwarder,
            board: Arc::clone(&board),
            asks,
            gateway_dial,
            access: funnel,
            effective,
            data_plane,
            tasks,
            end,
            threads_end,
            connector_done: CancellationToken::new(),
            threads: Mutex::new(threads),
        };
        let wiring = Wiring {
            linker,
            orders: Arc::clone(&running.orders),
            board,
            outlets: Outlets { sync: sync_out, sessions: sessions_out },
            desired,
            cache,
        };
        running.start_tasks(&control, &config, wiring);
        Ok((running, AgentNews { status, sync, targets, access, sessions }))
    }

    fn start_tasks(&self, control: &Handle, config: &AgentConfig, wiring: Wiring) {
        drop(self.tasks.spawn_on(wiring.desired.run(self.end.token().clone()), control));
        if let Some(cache) = wiring.cache {
            drop(self.tasks.spawn_on(run_saver(cache, self.effective.clone(), self.end.token().clone()), control));
        }
        drop(self.tasks.spawn_on(Arc::clone(&wiring.board).run(self.end.token().clone()), control));
        let connector = Connector::new(Parts {
            linker: wiring.linker,
            desired: self.effective.clone(),
            orders: wiring.orders,
            board: wiring.board,
            outlets: wiring.outlets,
            delays: (config.reconnect_delay, config.max_reconnect_delay),
            wanted_links: config.links,
        });
        let done = self.connector_done.clone().drop_guard();
        let end = self.end.token().clone();
        let connect = async move {
            let _done = done;
            end.run_until_cancelled(connector.run()).await;
        };
        drop(self.tasks.spawn_on(connect, control));
    }

    pub(crate) fn figures(&self) -> AgentFigures {
        let (records_dropped, records_dropped_by_gateway) = self.access.dropped();
        AgentFigures {
            dials: self.board.dials(),
            records_dropped,
            records_dropped_by_gateway,
            desired: Arc::clone(&self.effective.borrow()),
        }
    }

    pub(crate) fn reconnect(&self) {
        self.orders.redial();
    }

    pub(crate) async fn check_target(&self, target: Target, verification: TlsVerification) -> TargetCheck {
        let forwarder = Arc::clone(&self.forwarder);
        let tried = target.clone();
        let work = async move { check::check_target(forwarder.dialler(), tried, verification).await };
        match self.tasks.spawn_on(work, &self.data_plane[0]).await {
            Ok(check) => check,
            Err(_) => TargetCheck {
                target,
                verification,
                health: TargetHealth::Down {
                    code: FailureCode::Internal.as_str().to_owned(),
                    reason: "the agent is stopping, so the target was not tried".to_owned(),
                },
                address: None,
                took: Duration::ZERO,
                status: None,
            },
        }
    }

    pub(crate) async fn ask(&self, question: Question) -> Result<Answer, AskError> {
        let way = self.board.way_to_ask()?;
        self.asks.ask(&way, question).await
    }

    pub(crate) async fn probe(&self, probe: Probe) -> ProbeReport {
        let (forwarder, dial) = (Arc::clone(&self.forwarder), Arc::clone(&self.gateway_dial));
        let work = async move { inspect::probe(forwarder.dialler(), &dial.0, probe).await };
        // Whoever asks and goes away ends it: the console bounds how many there are at once.
        match AbortOnDropHandle::new(self.tasks.spawn_on(work, &self.data_plane[0])).await {
            Ok(report) => report,
            Err(_) => inspect::stopping(),
        }
    }

    /// Goodbye, grace, cancel, join.
    pub(crate) async fn stop(&self, grace: Duration) {
        self.orders.stop(grace);
        self.connector_done.cancelled().await;
        self.end.begin();
        self.tasks.close();
        if tokio::time::timeout(JOIN_LIMIT, self.tasks.wait()).await.is_err() {
            tracing::warn!(tasks = self.tasks.len(), "some tasks did not end in time; their threads end under them");
        }
        self.threads_end.cancel();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let joined = tokio::task::spawn_blocking(move || threads.into_iter().for_each(Shard::join));
        if joined.await.is_err() {
            tracing::error!("the agent's threads could not be joined");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end.begin();
        self.threads_end.cancel();
    }
}

/// The threads, where the connector runs, and where the shards are.
type Threads = (Vec<Shard>, Handle, Vec<Handle>);

fn threads(config: &AgentConfig, end: &CancellationToken) -> Result<Threads, StartError> {
    let control = Shard::start("agent", end.clone()).map_err(StartError::Worker)?;
    let control_handle = control.handle().clone();
    let mut threads = vec![control];
    let mut handles = Vec::new();
    for number in 0..config.shards.clamp(1, MOST_SHARDS) {
        let shard = Shard::start(&format!("agent-{number}"), end.clone()).map_err(StartError::Worker)?;
        handles.push(shard.handle().clone());
        threads.push(shard);
    }
    Ok((threads, control_handle, handles))
}

fn dialler(config: &AgentConfig) -> Result<Dialler, StartError> {
    let rules = Rules::parse(&config.allowed_targets, &config.denied_targets)
        .map_err(|(rule, reason)| StartError::Rule { rule: rule.0, reason })?;
    let ca_file = std::env::var_os(CA_FILE_VARIABLE).map(PathBuf::from);
    let tls = TargetTls::new(ca_file.as_deref()).or_else(|error| {
        // The variable is this machine's and not the agent's own setting: not a reason not to start.
        tracing::warn!(%error, "{CA_FILE_VARIABLE} is ignored for the certificates of targets");
        TargetTls::new(None)
    });
    Ok(Dialler { rules, tls: tls.map_err(start_error)?, bound: DIAL_TIMEOUT })
}

fn gateway_dial(config: &AgentConfig) -> Result<Dial, StartError> {
    Ok(Dial {
        url: config.gateway_url.clone(),
        authorization: authorization(&config.credential)?,
        tls: client_config(&Trust::from(&config.trust)).map_err(start_error)?,
        proxy: config.proxy.clone(),
        timeout: GATEWAY_DIAL_TIMEOUT,
    })
}

fn authorization(credential: &Credential) -> Result<HeaderValue, StartError> {
    let text = format!("Bearer {}", credential.expose());
    let mut value = HeaderValue::try_from(text).map_err(|_| StartError::Credential)?;
    value.set_sensitive(true);
    Ok(value)
}

fn start_error(error: TrustError) -> StartError {
    match error {
        TrustError::CaFile { path, reason } => StartError::File { path, reason },
        other => StartError::Tls(other.to_string()),
    }
}

/// What the gateway shall treat as its own names: first the one that is dialled, since a mapping that takes it would
/// lock this agent out.
fn gateway_names(config: &AgentConfig) -> Vec<Hostname> {
    let host = config.gateway_url.host().unwrap_or_default();
    let dialled = Hostname::from_authority(host).filter(|_| host.parse::<IpAddr>().is_err());
    let told = config.gateway_fqdn.iter().filter(|name| Some(*name) != dialled.as_ref()).cloned();
    dialled.iter().cloned().chain(told).collect()
}

fn hello(config: &AgentConfig) -> Hello {
    let mux = config.mux();
    let mut features = vec![feature::MULTI_LINK.to_owned(), feature::ASK.to_owned()];
    if config.compression != Compression::Off {
        features.push(feature::LZ4.to_owned());
    }
    Hello {
        versions: Hello::offered_versions(),
        features,
        name: config.name.clone(),
        instance: InstanceId::from_uuid(Uuid::new_v4()),
        agent_version: config.version.clone(),
        session: None,
        gateway_fqdn: gateway_names(config).iter().map(ToString::to_string).collect(),
        bytes_in_flight: Some(mux.max_in_flight),
        max_streams: Some(mux.max_streams),
    }
}
