//! What the gateway needs to know. Read by the binary, checked there; every default has its reason here.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use http::uri::{Authority, Scheme};
use ipnet::IpNet;
use octoporty_proto::model::{Compression, Hostname};

use crate::certificate::Certificate;

/// A pre-shared key of agents, at least 32 characters. Debug does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// Fewest characters of a key.
    pub const MIN_LEN: usize = 32;

    /// Wraps a key; `None` when it is too short.
    #[must_use]
    pub fn new(key: String) -> Option<Self> {
        (key.chars().count() >= Self::MIN_LEN).then_some(Self(key))
    }

    /// The key. For comparing only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// What a name without a mapping gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Unmapped {
    /// 404 with the landing page for browsers, JSON otherwise.
    #[default]
    Landing,
    /// 404 JSON.
    Json,
    /// The connection is closed.
    Close,
}

/// Finite limits; see `docs/configuration.md`.
#[derive(Clone, Debug)]
pub struct Limits {
    /// A visitor's request head must be there within this. Default 10 s.
    pub header_timeout: Duration,
    /// Most bytes of a request or response head. Default 65536.
    pub header_bytes: usize,
    /// The target's head must begin within this. Default 300 s.
    pub first_byte_timeout: Duration,
    /// No byte either way for this long ends a request, upgraded and streaming too. Default 3600 s.
    pub idle_timeout: Duration,
    /// An idle visitor connection is kept for this long. Default 75 s.
    pub keep_alive: Duration,
    /// Connections of one source address. Default 1024.
    pub connections_per_source: u32,
    /// Streams of one session. Default 4096.
    pub streams_per_session: u32,
    /// Bytes in flight of one link. Default 64 MiB.
    pub bytes_in_flight_per_link: u64,
    /// Sessions of the gateway. Default 10000.
    pub max_sessions: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            header_bytes: 65536,
            first_byte_timeout: Duration::from_secs(300),
            idle_timeout: Duration::from_secs(3600),
            keep_alive: Duration::from_secs(75),
            connections_per_source: 1024,
            streams_per_session: 4096,
            bytes_in_flight_per_link: 64 * 1024 * 1024,
            max_sessions: 10_000,
        }
    }
}

/// Whether agents may ask for an update, and how the host's updater is told.
#[derive(Clone, Debug)]
pub struct Updates {
    /// Whether at all. Default yes.
    pub remote: RemoteUpdate,
    /// File that the updater watches. Default `/data/update-signal`.
    pub signal: PathBuf,
}

/// Whether agents may ask for an update.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RemoteUpdate {
    /// They may.
    #[default]
    Allowed,
    /// They are refused.
    Forbidden,
}

impl Default for Updates {
    fn default() -> Self {
        Self { remote: RemoteUpdate::default(), signal: PathBuf::from("/data/update-signal") }
    }
}

/// Where the admin API of the Caddy before the gateway is: `host:port`, plain HTTP.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CaddyAdmin(Authority);

impl CaddyAdmin {
    /// From `http://host[:port]`; `None` when it is anything else.
    #[must_use]
    pub fn parse(url: &str) -> Option<Self> {
        let parts = url.parse::<Uri>().ok()?.into_parts();
        let plain = parts.scheme == Some(Scheme::HTTP)
            && parts.path_and_query.is_none_or(|path| path.as_str() == "/")
            && parts.authority.as_ref().is_some_and(|at| !at.host().is_empty() && !at.as_str().contains('@'));
        parts.authority.filter(|_| plain).map(Self)
    }

    pub(crate) const fn authority(&self) -> &Authority {
        &self.0
    }
}

/// Caddy's own default.
impl Default for CaddyAdmin {
    fn default() -> Self {
        Self(Authority::from_static("localhost:2019"))
    }
}

impl std::fmt::Display for CaddyAdmin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "http://{}", self.0)
    }
}

/// A listener for agents alone.
#[derive(Clone, Debug)]
pub struct AgentsPort {
    /// Where to listen, as [`GatewayConfig::listen`].
    pub listen: SocketAddr,
    /// Without one it speaks clear HTTP.
    pub certificate: Option<Certificate>,
}

/// The whole of a gateway's configuration.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// Where to listen. An unspecified IPv6 address means dual stack, falling back to IPv4.
    pub listen: SocketAddr,
    /// One more listener, for agents alone.
    pub agents_port: Option<AgentsPort>,
    /// Keys of agents; more than one for rotation.
    pub api_keys: Vec<ApiKey>,
    /// The gateway's own names; empty: what agents say.
    pub gateway_fqdn: Vec<Hostname>,
    /// Proxies whose `X-Forwarded-*` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// What a name without a mapping gets.
    pub unmapped: Unmapped,
    /// CORS of the gateway's own API: `*` or a list.
    pub allowed_origins: Vec<String>,
    /// Updates that agents ask for.
    pub updates: Updates,
    /// The Caddy before it, whose configuration agents may see.
    pub caddy: CaddyAdmin,
    /// Limits.
    pub limits: Limits,
    /// Compression of stream data on links.
    pub compression: Compression,
    /// Probe interval of links is a third of this. Default 30 s.
    pub heartbeat: Duration,
    /// Shards; default: cores, at most 8.
    pub shards: usize,
    /// The release, told to agents.
    pub version: String,
}
