//! One request that the owner asks to see what answers: straight of a target, or by a public name.

use std::net::SocketAddr;
use std::time::Duration;

use super::{Scheme, Target, TlsVerification};

/// What may be asked: a probe changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ProbeMethod {
    /// The whole answer.
    #[default]
    Get,
    /// Its head.
    Head,
}

impl ProbeMethod {
    /// As it stands in a request.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
        }
    }
}

/// How a public name is reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ProbeVia {
    /// By its address, and where it has none or nobody answers there, by the gateway's.
    #[default]
    Auto,
    /// By the address that the name resolves to, as visitors go.
    Dns,
    /// By the host and port that the agent dials its gateway at.
    Gateway,
}

/// Whom a probe asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProbeWay {
    /// A target, as a stream of the gateway's is forwarded to it.
    Straight {
        /// Whom to dial.
        target: Target,
        /// How its certificate is treated.
        verification: TlsVerification,
    },
    /// A public name, as a visitor asks for it.
    Public {
        /// Of the URL.
        scheme: Scheme,
        /// A name or a literal address, without brackets.
        host: String,
        /// Of the URL, or of its scheme.
        port: u16,
        /// How it is reached.
        via: ProbeVia,
    },
}

/// A request to make.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Probe {
    /// Whom to ask.
    pub way: ProbeWay,
    /// Method.
    pub method: ProbeMethod,
    /// `Host`.
    pub authority: String,
    /// Path and query; ASCII, begins with `/`.
    pub path: String,
    /// Fields besides `Host`; legal names and values.
    pub headers: Vec<(String, String)>,
    /// Most bytes of the answer's body that are read.
    pub max_body: usize,
}

/// How long the steps of a probe took; `None` for a step that there was not.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ProbeTiming {
    /// Looking the name up.
    pub dns: Option<Duration>,
    /// From there until TCP stood (a proxy's way included).
    pub connect: Option<Duration>,
    /// The TLS handshake.
    pub tls: Option<Duration>,
    /// From the first byte of the request until the head of the answer.
    pub first_byte: Option<Duration>,
    /// All of it, to the last byte that was read or the failure.
    pub total: Duration,
}

/// An answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProbeAnswer {
    /// Status.
    pub status: u16,
    /// `HTTP/1.1` or `HTTP/1.0`.
    pub version: &'static str,
    /// Names in lower case, values as they came.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, up to what was asked for.
    pub body: Vec<u8>,
    /// Whether there is more of it.
    pub truncated: bool,
    /// Why it ended before its end, if it did.
    pub broken: Option<String>,
}

/// Why there is no answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProbeFailure {
    /// Stable: a failure's or a target's code (`target_refused` …), or one of the public way (`public_dns` …).
    pub code: String,
    /// What happened, for the owner.
    pub reason: String,
}

/// What became of a probe.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProbeReport {
    /// Whom it dialled: `scheme://host:port`.
    pub dialled: String,
    /// The address that took the connection.
    pub address: Option<SocketAddr>,
    /// Which way a public name was reached; never `Auto`. `None` for targets.
    pub via: Option<ProbeVia>,
    /// Why it was not the way that visitors go.
    pub detour: Option<String>,
    /// How long its steps took.
    pub timing: ProbeTiming,
    /// The answer.
    pub outcome: Result<ProbeAnswer, ProbeFailure>,
}
