//! One request of a visitor, as the gateway understood it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use http::{Method, Uri, Version};

use crate::fields::{Fields, Text};
use crate::ingress::body::RequestBody;
use crate::ingress::early::EarlyWriter;

/// The head of a visitor's request, as it came.
#[derive(Debug)]
pub(crate) struct Head {
    /// The method.
    pub method: Method,
    /// In origin form, or in absolute form.
    pub uri: Uri,
    /// HTTP/1.0 or HTTP/1.1.
    pub version: Version,
    /// The fields.
    pub fields: Fields,
}

/// Bytes of a UUID as text.
const UUID_LEN: u8 = 36;

/// Where its bytes stand in that, with the dashes between them.
const UUID_PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/// Each byte as two digits: every request's id is written, and the general way takes thrice as long.
const HEX: [[u8; 2]; 256] = {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < pairs.len() {
        pairs[byte] = [DIGITS[byte >> 4], DIGITS[byte & 0xf]];
        byte += 1;
    }
    pairs
};

/// `X-Octoporty-Request-Id`: in every answer, every record and every log line of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestId {
    /// Visible ASCII, as far as the length says.
    text: [u8; RequestId::MAX_LEN],
    length: u8,
}

impl RequestId {
    /// Most bytes of an id that a trusted proxy gives.
    const MAX_LEN: usize = 64;

    /// A new id: a UUID of version 7 for this time.
    pub(crate) fn new(unix_ms: u64) -> Self {
        let mut random = [0_u8; 10];
        fastrand::fill(&mut random);
        let id = uuid::Builder::from_unix_timestamp_millis(unix_ms, &random).into_uuid();
        let mut text = [0; Self::MAX_LEN];
        text[..usize::from(UUID_LEN)].fill(b'-');
        for (byte, at) in id.as_bytes().iter().zip(UUID_PLACES) {
            text[at..at + 2].copy_from_slice(&HEX[usize::from(*byte)]);
        }
        Self { text, length: UUID_LEN }
    }

    /// The id that a trusted proxy gave, if it is well-formed: letters, digits, `-`, `_` and `.`.
    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        let legal = (8..=Self::MAX_LEN).contains(&value.len())
            && value.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        if !legal {
            return None;
        }
        let mut text = [0; Self::MAX_LEN];
        text[..value.len()].copy_from_slice(value);
        Some(Self { text, length: u8::try_from(value.len()).ok()? })
    }

    /// As it stands in a head.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.text[..usize::from(self.length)]
    }

    /// As text.
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("checked or made as visible ASCII")
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({self})")
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
    /// Addresses behind the visitor's, on to the peer's; none when nothing stands between.
    pub proxies: Vec<IpAddr>,
    /// The scheme that the visitor used.
    pub scheme: PublicScheme,
    /// The port that the visitor used.
    pub port: u16,
    /// The authority for `X-Forwarded-Host`: the host as the visitor asked for it, with a port if it had one.
    pub authority: Text,
    /// Bytes of it that are the host.
    pub host_len: usize,
}

impl VisitorInfo {
    /// Addresses from the visitor's on to the peer's, for `X-Forwarded-For`.
    pub(crate) fn chain(&self) -> impl Iterator<Item = IpAddr> {
        std::iter::once(self.client).chain(self.proxies.iter().copied())
    }

    /// The host that the visitor asked for, as it was written, without a port.
    pub(crate) fn host(&self) -> &str {
        &self.authority.as_str()[..self.host_len]
    }
}

/// One request, but for its body.
#[derive(Debug)]
pub(crate) struct Visit {
    /// The head.
    pub head: Head,
    /// Who asks.
    pub visitor: VisitorInfo,
    /// The id of this request. Answers carry it; the ingress adds it to every one.
    pub request_id: RequestId,
    /// When the head had arrived.
    pub arrived: Instant,
    /// The same by the clock on the wall, in ms since 1970.
    pub arrived_ms: u64,
}

/// One request and all that is known of it.
#[derive(Debug)]
pub(crate) struct VisitorRequest {
    /// What was asked, by whom.
    pub visit: Visit,
    /// The body.
    pub body: RequestBody,
    /// For 1xx answers.
    pub early: EarlyWriter,
}
