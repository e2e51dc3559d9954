//! REST API, login, store, events and the embedded web page. The same router on either side; [`Capabilities`]
//! says what this side offers.
//!
//! The cast:
//! * `api`: one file a resource and verb group; `ApiError` is the one error at the HTTP edge.
//! * `auth`: password, JWT cookies, refresh families, lockout.
//! * `store`: the database. One writer with its own queue, pooled readers, embedded migrations. No SQL elsewhere.
//! * `events`: one broadcast with replay by id.
//! * `desired`: turns stored mappings into the [`octoporty_proto::model::DesiredState`] that the agent syncs.
//! * `import`: brings mappings and the landing page in from files.
//! * [`maintenance`]: restore and take-over while no console runs.
//! * `recorder`: takes access and session records and writes them in batches.
//! * `listen`: connections, and their orderly end.
//! * `web`: the embedded page.

mod api;
mod app;
mod auth;
mod clock;
pub mod config;
mod desired;
mod events;
mod import;
mod listen;
pub mod maintenance;
pub mod ports;
mod recorder;
mod store;
mod web;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use octoporty_proto::model::LogSource;
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::info;

pub use clock::Clock;
pub use config::ConsoleConfig;
pub use ports::{AgentControl, AgentPorts, ConsoleFigures, MetricsText};

use api::import_export::Transfers;
use api::mappings::live::Verdicts;
use api::turns::Turns;
use app::{App, News};
use auth::{Auth, Credentials};
use desired::Desired;
use events::{Hub, feed, lines};
use listen::Server;
use recorder::{Asks, Recorded, Recorder};
use store::{Store, StoreError};

/// What this side's console offers; the API serves it and the page's navigation follows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Capabilities {
    /// Whose console this is.
    pub side: Side,
}

/// Whose console this is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// An agent's.
    Agent,
}

/// Why a console did not start. Each says what to change.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The port is in use or may not be taken.
    #[error("cannot listen on {address}: {source}; set Agent__Port to a free port")]
    Bind {
        /// Which address.
        address: SocketAddr,
        /// The system's word.
        source: std::io::Error,
    },
    /// The database's folder cannot be made or written.
    #[error(
        "{path} is not writable by uid {uid}: {source}; chown the folder to that user (TrueNAS apps run as 568) or set ConnectionStrings__DefaultConnection"
    )]
    Folder {
        /// The folder.
        path: String,
        /// Whose process this is.
        uid: u32,
        /// The system's word.
        source: std::io::Error,
    },
    /// The database was written by a newer release.
    #[error(
        "{path} was written by a newer release (schema {found}, this one knows {known}); install that release or restore a backup"
    )]
    NewerDatabase {
        /// The file.
        path: String,
        /// Its schema.
        found: i64,
        /// Newest that this release knows.
        known: i64,
    },
    /// The database is another program's.
    #[error(
        "{path} is another program's database (its tables: {tables}) and was not touched; move it away, or name another file in ConnectionStrings__DefaultConnection. If it is the original Octoporty's: `octoporty import --from-octoporty {path}` takes its mappings and landing page over, and keeps the file"
    )]
    ForeignDatabase {
        /// The file.
        path: String,
        /// What it has in it.
        tables: String,
    },
    /// The database cannot be opened.
    #[error("cannot open the database {path}: {reason}")]
    Database {
        /// The file.
        path: String,
        /// What is wrong and what to change.
        reason: String,
    },
}

/// Reads a console's figures, for as long as somebody wants them.
#[derive(Clone)]
pub struct ConsoleGauge(Arc<App>);

impl ConsoleGauge {
    /// The figures as they are now.
    #[must_use]
    pub fn read(&self) -> ConsoleFigures {
        self.0.figures()
    }
}

impl std::fmt::Debug for ConsoleGauge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ConsoleGauge({:?})", self.read())
    }
}

/// A running console.
pub struct Console {
    address: SocketAddr,
    app: Arc<App>,
    server: Server,
    tasks: TaskTracker,
    /// The recorder outlives requests: it stops when nothing can come any more.
    recorder_stop: CancellationToken,
}

impl Console {
    /// Opens the store, publishes the desired state to the agent, binds, serves.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(config: ConsoleConfig, ports: AgentPorts) -> Result<Self, StartError> {
        Self::start_with_clock(config, ports, Clock::system()).await
    }

    /// As [`Self::start`], with another clock for lockouts, expiry and figures.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start_with_clock(config: ConsoleConfig, ports: AgentPorts, clock: Clock) -> Result<Self, StartError> {
        let listener = listen::bind(config.listen)
            .and_then(|listener| Ok((listener.local_addr()?, listener)))
            .map_err(|source| StartError::Bind { address: config.listen, source });
        let (address, listener) = listener?;
        let (listen, retention) = (config.listen, config.retention);
        let AgentPorts { desired, status, sync, targets, access, sessions, control, log, metrics } = ports;
        let role = Role { news: News { status, sync, targets }, control, log, metrics };
        let (app, asks) = open(config, desired, role, clock).await?;
        let server = Server::new(api::router(Arc::clone(&app)), app.stopping.clone());
        let (tasks, recorder_stop) = (TaskTracker::new(), CancellationToken::new());
        let recorder = Recorder::new(Arc::clone(&app), access, sessions, asks, retention);
        recorder.begin().await;
        tasks.spawn(recorder.run(recorder_stop.clone()));
        tasks.spawn(feed::run(Arc::clone(&app)));
        tasks.spawn(lines::follow_own(Arc::clone(&app)));
        tasks.spawn(lines::follow_gateway(Arc::clone(&app)));
        let republisher = Arc::clone(&app);
        tasks.spawn(async move { republisher.desired.run(republisher.stopping.clone()).await });
        tasks.spawn(server.clone().accept(listener));
        tasks.close();
        info!(%address, asked = %listen, "the console listens");
        Ok(Self { address, app, server, tasks, recorder_stop })
    }

    /// Where it listens.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Where its figures are read.
    #[must_use]
    pub fn gauge(&self) -> ConsoleGauge {
        ConsoleGauge(Arc::clone(&self.app))
    }

    /// Stops accepting, ends event streams, writes what is queued, closes the store.
    pub async fn stop(self, grace: Duration) {
        self.app.stopping.cancel();
        self.server.drain(grace).await;
        self.recorder_stop.cancel();
        self.tasks.wait().await;
        self.app.store.close().await;
    }
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console").field("address", &self.address).finish_non_exhaustive()
    }
}

/// What the role that the console belongs to gave it.
struct Role {
    news: News,
    control: Arc<dyn AgentControl>,
    log: Arc<dyn LogSource>,
    metrics: Arc<dyn MetricsText>,
}

/// Everything but the listener.
async fn open(
    config: ConsoleConfig,
    desired: tokio::sync::watch::Sender<Arc<octoporty_proto::model::DesiredState>>,
    role: Role,
    clock: Clock,
) -> Result<(Arc<App>, Asks), StartError> {
    let store = Arc::new(Store::open(&config.database).await?);
    let unreadable = |error: StoreError| StartError::Database {
        path: config.database.display().to_string(),
        reason: error.to_string(),
    };
    let key = auth::secret::key(config.jwt_secret, &config.database)?;
    let credentials =
        Credentials { hash: config.password_hash, username: config.username, key: key.as_bytes().to_vec() };
    let auth = Auth::load(Arc::clone(&store), clock.clone(), credentials).await.map_err(unreadable)?;
    let desired = Desired::start(Arc::clone(&store), desired).await.map_err(unreadable)?;
    let (recorded, asks) = Recorded::new();
    let app = Arc::new(App {
        store,
        auth,
        desired,
        hub: Hub::new(),
        recorded: Arc::new(recorded),
        news: role.news,
        control: role.control,
        log: role.log,
        metrics: role.metrics,
        metrics_token: config.metrics_token,
        clock,
        trusted: config.trusted_proxies,
        capabilities: config.capabilities,
        version: config.version,
        gateway_names: config.gateway_fqdn,
        verdicts: Verdicts::default(),
        probes: Semaphore::new(api::inspector::MOST_PROBES),
        turns: Turns::default(),
        transfers: Transfers::default(),
        stopping: CancellationToken::new(),
    });
    Ok((app, asks))
}
