//! One request of a visitor, as the gateway understood it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use http::HeaderValue;

use crate::ingress::early::EarlyWriter;

/// `X-Octoporty-Request-Id`: in every answer, every record and every log line of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    /// Most bytes of an id that a trusted proxy gives.
    const MAX_LEN: usize = 64;

    /// A new id: a UUID of version 7 for this time.
    pub(crate) fn new(unix_ms: u64) -> Self {
        let mut random = [0_u8; 10];
        fastrand::fill(&mut random);
        let id = uuid::Builder::from_unix_timestamp_millis(unix_ms, &random).into_uuid();
        let mut text = [0_u8; uuid::fmt::Hyphenated::LENGTH];
        let text = id.hyphenated().encode_lower(&mut text);
        Self(HeaderValue::from_str(text).expect("a UUID is visible ASCII"))
    }

    /// The id that a trusted proxy gave, if it is well-formed: letters, digits, `-`, `_` and `.`.
    pub(crate) fn parse(value: &HeaderValue) -> Option<Self> {
        let bytes = value.as_bytes();
        let legal = (8..=Self::MAX_LEN).contains(&bytes.len())
            && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        legal.then(|| Self(value.clone()))
    }

    /// As text.
    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().expect("checked or made as visible ASCII")
    }

    /// As the value of a header.
    pub(crate) fn header(&self) -> &HeaderValue {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How the visitor came, as far as the gateway believes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PublicScheme {
    /// Plain HTTP.
    Http,
    /// TLS, ended by the edge in front.
    Https,
}

impl PublicScheme {
    /// As in a URL.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that a URL of this scheme leaves out.
    pub(crate) const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Who asks, after the headers of trusted proxies were taken into account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct VisitorInfo {
    /// The other end of the connection: the visitor, or the proxy in front.
    pub peer: SocketAddr,
    /// The visitor.
    pub client: IpAddr,
    /// Addresses from the visitor's on to the peer's, for `X-Forwarded-For`; only the peer's when nothing stands between.
    pub chain: Vec<IpAddr>,
    /// The scheme that the visitor used.
    pub scheme: PublicScheme,
    /// The host that the visitor asked for, as it was written, without a port.
    pub host: String,
    /// The port that the visitor used.
    pub port: u16,
    /// The authority for `X-Forwarded-Host`: the host as the visitor asked for it, with a port if it had one.
    pub authority: String,
}

/// One request and all that is known of it.
#[derive(Debug)]
pub(crate) struct VisitorRequest {
    /// Head and body. The URI is as hyper gave it (origin form, or absolute form).
    pub request: http::Request<hyper::body::Incoming>,
    /// Who asks.
    pub visitor: VisitorInfo,
    /// The id of this request. Answers carry it; the ingress adds it to every one.
    pub request_id: RequestId,
    /// When the head had arrived.
    pub arrived: Instant,
    /// For 1xx answers.
    pub early: EarlyWriter,
}
