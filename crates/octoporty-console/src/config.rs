//! What a console needs to know.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;

use crate::Capabilities;

mod metrics_token;
mod password;

pub use metrics_token::MetricsToken;
pub use password::{MAX_PASSWORD_BYTES, PasswordHash, PasswordHashError};

/// The HMAC key of access tokens, at least 32 characters. Debug does not show it.
#[derive(Clone)]
pub struct JwtSecret(String);

impl JwtSecret {
    /// Fewest characters.
    pub const MIN_LEN: usize = 32;

    /// Wraps a secret; `None` when it is too short.
    #[must_use]
    pub fn new(secret: String) -> Option<Self> {
        (secret.chars().count() >= Self::MIN_LEN).then_some(Self(secret))
    }

    /// The key's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl std::fmt::Debug for JwtSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JwtSecret(…)")
    }
}

/// How long and how much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Days of the request log. Default 30.
    pub request_days: u32,
    /// Rows of the request log. Default 1000000.
    pub request_rows: u64,
    /// Days of the connection log. Default 180.
    pub connection_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { request_days: 30, request_rows: 1_000_000, connection_days: 180 }
    }
}

/// The whole of a console's configuration.
#[derive(Clone, Debug)]
pub struct ConsoleConfig {
    /// Where to listen. An unspecified IPv6 address means dual stack, falling back to IPv4.
    pub listen: SocketAddr,
    /// SQLite file.
    pub database: PathBuf,
    /// Username, if one is configured (older form); `None`: password only.
    pub username: Option<String>,
    /// The password's hash.
    pub password_hash: PasswordHash,
    /// Key of access tokens; `None`: made once and kept beside the database.
    pub jwt_secret: Option<JwtSecret>,
    /// What lets a scraper read `/metrics` without a session, if anything does.
    pub metrics_token: Option<MetricsToken>,
    /// What this side offers.
    pub capabilities: Capabilities,
    /// How long logs are kept.
    pub retention: Retention,
    /// This release.
    pub version: String,
    /// The gateway's public names, to show public URLs; may be empty.
    pub gateway_fqdn: Vec<String>,
    /// Whose `X-Forwarded-*` headers are believed. Default: loopback.
    pub trusted_proxies: TrustedProxies,
}

/// Whose `X-Forwarded-For`, `-Proto` and `-Host` are believed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Trusts these networks and nobody else.
    #[must_use]
    pub const fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether this peer's headers are believed. An IPv4 address in IPv6 clothes is taken as IPv4.
    #[must_use]
    pub fn contains(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.0.iter().any(|network| network.contains(&peer))
    }
}

/// Loopback, both families.
impl Default for TrustedProxies {
    fn default() -> Self {
        Self(vec![
            IpNet::new_assert(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
            IpNet::new_assert(IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
        ])
    }
}
