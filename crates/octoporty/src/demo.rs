//! `octoporty demo`: a gateway, an agent with its console, and a sample site in one process on loopback.
//!
//! The cast:
//! * `folder`: what is kept from one run to the next.
//! * `site`: the sample site, an ordinary HTTP server that knows nothing of tunnels.
//! * `mapping`: makes the site's mapping through the console's REST API, as a person would.
//!
//! There is no path of its own through any role: what works here works with separate processes.

mod folder;
mod mapping;
mod site;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use octoporty_agent::AgentConfig;
use octoporty_agent::config::{Credential, default_denied_targets};
use octoporty_console::config::PasswordHash;
use octoporty_console::{Capabilities, ConsoleConfig, Side};
use octoporty_gateway::config::{ApiKey, RemoteUpdate, Updates};
use octoporty_gateway::{Gateway, GatewayConfig};
use octoporty_proto::model::Compression;
use thiserror::Error;
use tracing::Level;

use self::folder::{Folder, FolderError};
use self::mapping::MappingError;
use self::site::Site;
use crate::cli::{DemoArgs, loopback};
use crate::exit::Exit;
use crate::settings::VERSION;
use crate::settings::agent::AgentSettings;
use crate::settings::logging::{LogFile, LoggingSettings, Roles};
use crate::settings::value::{self, Format};
use crate::supervise::parts::AgentParts;
use crate::supervise::signals::Signals;
use crate::supervise::{self, StartError};
use crate::telemetry::{self, Logs};
use crate::{complain, say};

/// The public name of the sample site. Names under `localhost` lead to this machine everywhere.
const SITE_NAME: &str = "hello.localhost";

/// A demo has nobody to wait for.
const GRACE: Duration = Duration::from_secs(2);

/// The demo notices a cut within a few seconds.
const HEARTBEAT: Duration = Duration::from_secs(6);

/// Why the demo did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
enum DemoError {
    /// Its folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The gateway's port.
    #[error("cannot listen on {address}: {source}; choose another port with --gateway-port (0 takes a free one)")]
    GatewayPort {
        /// Which address.
        address: SocketAddr,
        /// The system's word.
        source: io::Error,
    },
    /// The console's port.
    #[error("cannot listen on {address}: {source}; choose another port with --console-port (0 takes a free one)")]
    ConsolePort {
        /// Which address.
        address: SocketAddr,
        /// The system's word.
        source: io::Error,
    },
    /// A role.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The sample site.
    #[error("cannot start the sample site: {0}")]
    Site(#[source] io::Error),
    /// The mapping.
    #[error("cannot make the mapping of {SITE_NAME}: {0}")]
    Mapping(#[from] MappingError),
}

impl DemoError {
    fn exit(&self) -> Exit {
        match self {
            Self::Start(error) => error.exit(),
            Self::Site(_) | Self::Mapping(_) => Exit::Internal,
            Self::Folder(_) | Self::GatewayPort { .. } | Self::ConsolePort { .. } => Exit::Unavailable,
        }
    }
}

/// All of it, running.
struct Demo {
    site: Site,
    gateway: Gateway,
    agent: AgentParts,
}

/// Runs the demo until a signal.
pub(crate) fn run(args: DemoArgs) -> Exit {
    let runtime = match supervise::runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("octoporty demo: cannot start: {error}"));
            return Exit::Internal;
        }
    };
    let (flush, logs) = telemetry::start(&logging());
    let outcome = runtime.block_on(until_signal(args, logs));
    runtime.shutdown_background();
    drop(flush);
    outcome.unwrap_or_else(|error| {
        complain(&format!("octoporty demo: {error}"));
        error.exit()
    })
}

async fn until_signal(args: DemoArgs, logs: Logs) -> Result<Exit, DemoError> {
    let mut signals = Signals::listen().map_err(StartError::from)?;
    let folder = Folder::open(&args.data)?;
    let demo = tokio::select! {
        demo = Demo::start(&args, &folder, logs) => demo?,
        _ = signals.next() => return Ok(Exit::Clean),
    };
    demo.introduce(&folder);
    signals.next().await;
    say("\nStopping.");
    Ok(supervise::stop(&mut signals, GRACE, demo.stop()).await)
}

impl Demo {
    /// The order matters only for who waits for whom: the agent would wait for the gateway as well.
    async fn start(args: &DemoArgs, folder: &Folder, logs: Logs) -> Result<Self, DemoError> {
        let site = Site::start().await.map_err(DemoError::Site)?;
        let gateway = Gateway::start(gateway(args, folder), logs.gateway).await.map_err(gateway_error)?;
        let settings = agent(args, folder, gateway.local_addr());
        let agent = AgentParts::start(settings, logs.agent).await.map_err(agent_error)?;
        let demo = Self { site, gateway, agent };
        match mapping::ensure(demo.console(), &folder.password, SITE_NAME, demo.site.address()).await {
            // All the rest of the demo works, and the lock ends by itself.
            Err(error @ MappingError::Locked) => {
                complain(&format!("octoporty demo: {error}; {SITE_NAME} may lead nowhere until the demo starts again"));
            }
            outcome => outcome?,
        }
        Ok(demo)
    }

    fn console(&self) -> SocketAddr {
        self.agent.console_addr().expect("the demo's agent has a console")
    }

    fn introduce(&self, folder: &Folder) {
        let port = self.gateway.local_addr().port();
        say(&format!(
            "Octoporty {VERSION} demo: visitors -> gateway -> tunnel -> agent -> sample site, all on this machine.\n"
        ));
        say(&format!("  Sample site  http://{SITE_NAME}:{port}/"));
        say(&format!("  Console      http://localhost:{}/", self.console().port()));
        say(&format!("  Password     {}", folder.password));
        say(&format!("  Data         {}\n", folder.path.display()));
        say(&format!("  curl    http://{SITE_NAME}:{port}/"));
        say(&format!("  curl -N http://{SITE_NAME}:{port}/events"));
        say("\nCtrl-C ends it.");
    }

    /// In reverse.
    async fn stop(self) {
        self.agent.stop(GRACE).await;
        self.gateway.stop(GRACE).await;
        self.site.stop().await;
    }
}

fn gateway_error(error: octoporty_gateway::StartError) -> DemoError {
    match error {
        octoporty_gateway::StartError::Bind { address, source, .. } => DemoError::GatewayPort { address, source },
        other => StartError::from(other).into(),
    }
}

fn agent_error(error: StartError) -> DemoError {
    match error {
        StartError::Console(octoporty_console::StartError::Bind { address, source }) => {
            DemoError::ConsolePort { address, source }
        }
        other => other.into(),
    }
}

fn gateway(args: &DemoArgs, folder: &Folder) -> GatewayConfig {
    GatewayConfig {
        listen: loopback(args.gateway_port),
        agents_port: None,
        api_keys: vec![ApiKey::new(folder.api_key.clone()).expect("the demo's key is long enough")],
        gateway_fqdn: vec!["localhost".parse().expect("localhost is a host name")],
        trusted_proxies: Vec::new(),
        unmapped: octoporty_gateway::config::Unmapped::default(),
        allowed_origins: vec!["*".to_owned()],
        updates: Updates { remote: RemoteUpdate::Forbidden, ..Updates::default() },
        caddy: octoporty_gateway::config::CaddyAdmin::default(),
        limits: octoporty_gateway::config::Limits::default(),
        compression: Compression::Auto,
        heartbeat: HEARTBEAT,
        shards: 1,
        version: VERSION.to_owned(),
    }
}

fn agent(args: &DemoArgs, folder: &Folder, gateway: SocketAddr) -> AgentSettings {
    let dial = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), gateway.port());
    let agent = AgentConfig {
        gateway_url: value::gateway_url(&format!("ws://{dial}/tunnel")).expect("an address makes a URL"),
        gateway_fqdn: Vec::new(),
        credential: Credential::new(folder.api_key.clone()),
        name: "demo".parse().expect("demo is a name"),
        heartbeat: HEARTBEAT,
        reconnect_delay: Duration::from_secs(1),
        max_reconnect_delay: Duration::from_secs(5),
        links: octoporty_agent::config::LinkCount::Auto,
        trust: octoporty_agent::config::GatewayTrust::PublicRoots,
        proxy: None,
        allowed_targets: Vec::new(),
        denied_targets: default_denied_targets(),
        compression: Compression::Auto,
        cache_file: None,
        shards: 1,
        version: VERSION.to_owned(),
    };
    let console = ConsoleConfig {
        listen: loopback(args.console_port),
        database: folder.path.join("octoporty.db"),
        username: None,
        password_hash: PasswordHash::of_plain_setting(&folder.password),
        jwt_secret: None,
        metrics_token: None,
        capabilities: Capabilities { side: Side::Agent },
        retention: octoporty_console::config::Retention::default(),
        version: VERSION.to_owned(),
        gateway_fqdn: vec!["localhost".to_owned()],
        trusted_proxies: octoporty_console::config::TrustedProxies::default(),
    };
    AgentSettings { agent, console: Some(console) }
}

/// Only what goes wrong, so that the addresses stay on the screen; the console shows the rest.
fn logging() -> LoggingSettings {
    LoggingSettings {
        level: Level::WARN,
        kept: Level::INFO,
        roles: Roles::Both,
        format: Some(Format::Text),
        file: LogFile::Off,
        retained: 1,
        size_limit: u64::MAX,
    }
}
