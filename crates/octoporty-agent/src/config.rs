//! What the agent needs to know. Read by the binary, checked there; every default has its reason here.

use std::path::PathBuf;
use std::time::Duration;

use octoporty_proto::model::{AgentName, Compression, Hostname};

/// The gateway's key or a tunnel's token. Debug does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential(String);

impl Credential {
    /// Wraps it.
    #[must_use]
    pub const fn new(secret: String) -> Self {
        Self(secret)
    }

    /// The secret. For the upgrade's header only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credential(…)")
    }
}

/// How many links a session has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LinkCount {
    /// As many as the gateway says it has shards, 1 to 8.
    #[default]
    Auto,
    /// This many.
    Fixed(u8),
}

/// Whether the gateway's certificate is checked.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum GatewayTrust {
    /// Public roots.
    #[default]
    PublicRoots,
    /// Public roots and the certificates of this PEM file.
    WithCaFile(PathBuf),
    /// No check at all.
    AcceptInvalid,
}

/// A rule about targets: a host (or name suffix `.local`) or CIDR, with optional port or range.
/// Text form: `192.168.0.0/16`, `nas:80`, `10.0.0.5:8000-8999`, `*`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TargetRule(pub String);

/// The whole of an agent's configuration.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// `ws://` or `wss://`, with path `/tunnel`; no credential in it.
    pub gateway_url: http::Uri,
    /// Names that the gateway shall treat as its own (landing page).
    pub gateway_fqdn: Vec<Hostname>,
    /// Key or token.
    pub credential: Credential,
    /// Who this agent is.
    pub name: AgentName,
    /// Probe interval of links is a third of this. Default 30 s.
    pub heartbeat: Duration,
    /// First back-off step. Default 5 s.
    pub reconnect_delay: Duration,
    /// Cap of back-off. Default 300 s.
    pub max_reconnect_delay: Duration,
    /// Links of a session.
    pub links: LinkCount,
    /// The gateway's certificate.
    pub trust: GatewayTrust,
    /// HTTP CONNECT or SOCKS5 proxy.
    pub proxy: Option<http::Uri>,
    /// Targets that may be dialled; empty: all.
    pub allowed_targets: Vec<TargetRule>,
    /// Targets that may not, even if allowed. Default: cloud metadata addresses.
    pub denied_targets: Vec<TargetRule>,
    /// Compression of stream data on links.
    pub compression: Compression,
    /// Where the desired state is cached; `None`: not at all.
    pub cache_file: Option<PathBuf>,
    /// Runtimes for the data plane; default: cores, at most 8.
    pub shards: usize,
    /// The release, told to the gateway.
    pub version: String,
}
