//! What the agent needs to know. Read by the binary, checked there; every default has its reason here.

use std::path::PathBuf;
use std::time::Duration;

use octoporty_proto::model::{AgentName, Compression, Hostname};
use octoporty_proto::mux::MuxConfig;
use octoporty_tunnel::trust::Trust;

use crate::targets::rules;
pub use crate::targets::rules::RuleError;

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
    /// As many as the gateway says it has shards, 2 to 8.
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

impl TargetRule {
    /// Whether the text is a rule; the agent checks it again when it starts.
    ///
    /// # Errors
    /// What is wrong with it and how a rule is written.
    pub fn check(&self) -> Result<(), RuleError> {
        rules::check_text(&self.0)
    }
}

/// Addresses at which clouds hand credentials to whoever asks from inside of a machine: AWS, GCP, Azure, Oracle and
/// most others (169.254.169.254), AWS containers and pods, AWS and GCP by IPv6, Alibaba, Azure's wire server, Oracle's
/// older one.
const METADATA_ADDRESSES: [&str; 9] = [
    "169.254.169.254",
    "169.254.170.2",
    "169.254.170.23",
    "fd00:ec2::254",
    "fd00:ec2::23",
    "fd20:ce::254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
];

/// The default of [`AgentConfig::denied_targets`]: cloud metadata addresses.
#[must_use]
pub fn default_denied_targets() -> Vec<TargetRule> {
    METADATA_ADDRESSES.iter().map(|address| TargetRule((*address).to_owned())).collect()
}

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

/// Most streams that a gateway may have open on one link. A gateway has its own, lower limit; this one guards the
/// agent's memory and sockets.
const MAX_STREAMS: u32 = 16_384;

/// Most that a receive window grows to: enough for 1 Gbit/s at 60 ms.
const MAX_WINDOW: u32 = 8 * 1024 * 1024;

/// Bytes in flight on a whole link, each direction; a gateway with less in its `BytesInFlightPerLink` has its way.
const MAX_IN_FLIGHT: u64 = 64 * 1024 * 1024;

/// Bytes queued to be sent for one stream.
const SEND_BUFFER: usize = 256 * 1024;

impl AgentConfig {
    /// Limits of this agent's links.
    pub(crate) fn mux(&self) -> MuxConfig {
        MuxConfig {
            max_streams: MAX_STREAMS,
            max_window: MAX_WINDOW,
            max_in_flight: MAX_IN_FLIGHT,
            send_buffer: SEND_BUFFER,
            probe_interval: self.heartbeat / 3,
            // The window that a stream begins with and its floor are the protocol's.
            ..MuxConfig::default()
        }
    }
}

impl From<&GatewayTrust> for Trust {
    fn from(trust: &GatewayTrust) -> Self {
        match trust {
            GatewayTrust::PublicRoots => Self::PublicRoots,
            GatewayTrust::WithCaFile(file) => Self::WithCaFile(file.clone()),
            GatewayTrust::AcceptInvalid => Self::AcceptInvalid,
        }
    }
}
