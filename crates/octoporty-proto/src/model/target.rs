//! The internal service that a mapping leads to.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How the target is spoken to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Plain HTTP/1.1.
    Http,
    /// HTTP/1.1 in TLS.
    Https,
}

impl Scheme {
    /// The scheme as it stands in a URL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that a URL of this scheme leaves out.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Whether the certificate of an `https` target is checked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsVerification {
    /// Chain, name and time must be right.
    #[default]
    Strict,
    /// Any certificate does: expired, other name, private or no CA.
    AcceptInvalid,
}

/// A host that an agent dials: an address, or a name that the agent's own network resolves (it may be a single
/// label such as `nas`, or have an underscore).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum TargetHost {
    /// A literal address.
    Address(IpAddr),
    /// A name, lower-case ASCII.
    Name(Box<str>),
}

/// Why a text is not a target.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TargetError {
    /// Nothing there.
    #[error("a host is needed, such as localhost or 192.168.1.10")]
    EmptyHost,
    /// Not a host.
    #[error("{0:?} is not a host: give a name or an IP address without scheme, port, user or path")]
    Host(String),
    /// Longer than DNS allows.
    #[error("a host has at most 253 characters, this one has {0}")]
    TooLong(usize),
    /// Not a port.
    #[error("a port is a number from 1 to 65535, this one is {0}")]
    Port(String),
    /// Not a known scheme.
    #[error("{0:?} is not a protocol for a target; use http or https")]
    Scheme(String),
}

impl FromStr for TargetHost {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.is_empty() {
            return Err(TargetError::EmptyHost);
        }
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Ok(Self::Address(address));
        }
        let wrong = || TargetError::Host(text.to_owned());
        if text.contains(['/', ':', '@', '?', '#', '[', ']', '\\', ' ', '%']) {
            return Err(wrong());
        }
        let ascii = if text.is_ascii() {
            text.to_ascii_lowercase()
        } else {
            idna::domain_to_ascii_strict(text).map_err(|_| wrong())?
        };
        let ascii = ascii.strip_suffix('.').unwrap_or(&ascii);
        if ascii.len() > 253 {
            return Err(TargetError::TooLong(ascii.len()));
        }
        let label_is_legal = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        };
        let digits_only_end = ascii.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
        if !ascii.split('.').all(label_is_legal) || digits_only_end {
            return Err(wrong());
        }
        Ok(Self::Name(ascii.into()))
    }
}

impl TryFrom<String> for TargetHost {
    type Error = TargetError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<TargetHost> for String {
    fn from(host: TargetHost) -> Self {
        match host {
            TargetHost::Address(address) => address.to_string(),
            TargetHost::Name(name) => name.into_string(),
        }
    }
}

/// As in a URL: an IPv6 address stands in brackets.
impl fmt::Display for TargetHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Where an agent forwards a mapping's streams.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Target {
    /// How it is spoken to.
    pub scheme: Scheme,
    /// Whom to dial.
    pub host: TargetHost,
    /// At which port.
    pub port: NonZeroU16,
}

impl Target {
    /// Makes a target of parts as a form gives them.
    ///
    /// # Errors
    /// The first part that is not legal.
    pub fn new(scheme: Scheme, host: &str, port: u32) -> Result<Self, TargetError> {
        let host = host.parse()?;
        let number = u16::try_from(port).ok().and_then(NonZeroU16::new);
        let port = number.ok_or_else(|| TargetError::Port(port.to_string()))?;
        Ok(Self { scheme, host, port })
    }

    /// `host:port`, as a `Host` header has it (the scheme's own port left out).
    #[must_use]
    pub fn authority(&self) -> String {
        if self.port.get() == self.scheme.default_port() {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme.as_str(), self.host, self.port)
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, rest) = match text.split_once("://") {
            Some(("http", rest)) => (Scheme::Http, rest),
            Some(("https", rest)) => (Scheme::Https, rest),
            Some((other, _)) => return Err(TargetError::Scheme(other.to_owned())),
            None => (Scheme::Http, text),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let has_port = rest.rfind(':').filter(|colon| !rest[*colon..].contains(']'));
        let (host, port) = match has_port {
            Some(colon) => (&rest[..colon], &rest[colon + 1..]),
            None => return Self::new(scheme, rest, scheme.default_port().into()),
        };
        let digits = port.bytes().all(|b| b.is_ascii_digit());
        let port = port.parse::<u32>().ok().filter(|_| digits).ok_or_else(|| TargetError::Port(port.to_owned()))?;
        Self::new(scheme, host, port)
    }
}
