//! The head of a request, as the target gets it.
//!
//! Invariants: exactly one framing, chosen here and never copied; the request target is a path that begins with `/`
//! (or `*` with OPTIONS); no byte that could end a line comes from a visitor; fields keep their order and their
//! duplicates. hyper lower-cases names and keeps the original spelling to itself, so names are written in the
//! customary form (`Content-Type`), which is what old targets that compare by case expect.

use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, TE, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, Method, Version, request::Parts};
use octoporty_proto::model::{Endpoint, HostHeader, Mapping, PrefixHandling};
use thiserror::Error;

use super::hop::{ConnectionOptions, is_hop_by_hop};
use crate::forwarded;
use crate::visitor::{RequestId, VisitorInfo};

/// The header that carries the id of a request.
const REQUEST_ID: &str = "x-octoporty-request-id";

/// Bytes that the gateway's own fields need at most in the usual case; only a first guess of the head's size.
const OWN_FIELDS: usize = 320;

/// Why a request is not passed on: all of these are the visitor's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum RequestError {
    /// Not `/…`, nor `*` with OPTIONS.
    #[error("the request target does not begin with '/'")]
    Target,
    /// `..` beneath a mapping's path prefix: a target that resolves it would answer for a path that is not mapped.
    #[error("the path climbs out of the mapping's prefix by '..'")]
    Climbs,
    /// A byte in the request target that no URL has.
    #[error("the request target has a space or a control character")]
    TargetByte,
    /// More than one `Host`, or none.
    #[error("the request has no Host or more than one")]
    Host,
    /// A body that is coded before it is cut into chunks: the target would not be told, since the framing is written
    /// anew, and would take the coded bytes for the body.
    #[error("the request body has a transfer coding other than chunked")]
    TransferCoding,
    /// CONNECT: this is no forward proxy.
    #[error("CONNECT is not served")]
    Connect,
}

/// How the body of a request is framed on its way to the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestFraming {
    /// There is no body, and the visitor gave no length.
    None,
    /// Exactly this many bytes.
    Length(u64),
    /// Chunks, then perhaps trailers.
    Chunked,
}

/// Whether the visitor asks to leave HTTP, and whether that is passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Upgrade {
    /// An ordinary request.
    No,
    /// `Connection: upgrade` and `Upgrade` reach the target.
    Asked,
}

impl Upgrade {
    /// Reads a request. An upgrade to HTTP/2 is not one: the requests inside would pass by path prefixes, `Host`
    /// rules and the forwarded headers of the gateway, so the target just sees an HTTP/1.1 request, as RFC 9110
    /// allows.
    pub(crate) fn of(parts: &Parts) -> Self {
        let asked = parts.version == Version::HTTP_11
            && parts.headers.contains_key(UPGRADE)
            && ConnectionOptions::of(&parts.headers).upgrade;
        let to_http = |value: &http::HeaderValue| {
            value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii).any(|protocol| {
                let name = protocol.split(|byte| *byte == b'/').next().unwrap_or(protocol);
                [&b"h2c"[..], b"h2", b"http"].iter().any(|known| name.eq_ignore_ascii_case(known))
            })
        };
        if asked && !parts.headers.get_all(UPGRADE).iter().any(to_http) { Self::Asked } else { Self::No }
    }
}

/// Everything that a head is made of.
#[derive(Debug)]
pub(crate) struct HeadSource<'a> {
    /// The visitor's request.
    pub(crate) parts: &'a Parts,
    /// Where it goes.
    pub(crate) mapping: &'a Mapping,
    /// Who asks.
    pub(crate) visitor: &'a VisitorInfo,
    /// The id of this request.
    pub(crate) request_id: &'a RequestId,
    /// How the body is framed.
    pub(crate) framing: RequestFraming,
    /// Whether the connection is to be taken over.
    pub(crate) upgrade: Upgrade,
}

impl HeadSource<'_> {
    /// Writes the head, its empty line included.
    ///
    /// # Errors
    /// The visitor's request cannot be passed on.
    pub(crate) fn serialise(&self) -> Result<Vec<u8>, RequestError> {
        let mut head = Vec::with_capacity(self.size_guess());
        self.write_request_line(&mut head)?;
        let seen = Seen::of(&self.parts.headers);
        if seen.transfer_encoding && has_unknown_coding(&self.parts.headers) {
            return Err(RequestError::TransferCoding);
        }
        let options =
            if seen.connection { ConnectionOptions::of(&self.parts.headers) } else { ConnectionOptions::default() };
        let mut own = OwnFields { host: false, framing: self.framing == RequestFraming::None };
        if seen.hosts > 1 {
            return Err(RequestError::Host);
        }
        if seen.hosts == 0 {
            self.write_host(&mut head)?;
            own.host = true;
        }
        for (name, value) in &self.parts.headers {
            if *name == HOST {
                if !std::mem::replace(&mut own.host, true) {
                    self.write_host(&mut head)?;
                }
            } else if *name == CONTENT_LENGTH || *name == TRANSFER_ENCODING {
                if !std::mem::replace(&mut own.framing, true) {
                    self.write_framing(&mut head);
                }
            } else if self.passes(name, &options) {
                write_field(&mut head, name, value.as_bytes());
            }
        }
        if !own.framing {
            self.write_framing(&mut head);
        }
        self.write_connection(seen, &mut head);
        forwarded::write_headers(self.visitor, &mut head);
        head.extend_from_slice(b"X-Octoporty-Request-Id: ");
        head.extend_from_slice(self.request_id.header().as_bytes());
        head.extend_from_slice(b"\r\n\r\n");
        Ok(head)
    }

    fn size_guess(&self) -> usize {
        let fields: usize = self.parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        let target = self.parts.uri.path_and_query().map_or(1, |target| target.as_str().len());
        fields + target + OWN_FIELDS
    }

    fn write_request_line(&self, head: &mut Vec<u8>) -> Result<(), RequestError> {
        let Parts { method, uri, .. } = self.parts;
        if *method == Method::CONNECT {
            return Err(RequestError::Connect);
        }
        let path = match uri.path() {
            "*" if *method == Method::OPTIONS => "*",
            path if path.starts_with('/') => self.path_for_target(path)?,
            _ => return Err(RequestError::Target),
        };
        let query = uri.query();
        let legal = |text: &str| text.bytes().all(|byte| byte > b' ' && byte != 0x7f);
        if !legal(path) || !query.is_none_or(legal) {
            return Err(RequestError::TargetByte);
        }
        head.extend_from_slice(method.as_str().as_bytes());
        head.push(b' ');
        if !path.starts_with(['/', '*']) {
            head.push(b'/');
        }
        head.extend_from_slice(path.as_bytes());
        if let Some(query) = query {
            head.push(b'?');
            head.extend_from_slice(query.as_bytes());
        }
        head.extend_from_slice(b" HTTP/1.1\r\n");
        Ok(())
    }

    /// The path without the mapping's prefix where that is to be stripped. May be empty, which stands for `/`.
    fn path_for_target<'p>(&self, path: &'p str) -> Result<&'p str, RequestError> {
        let Endpoint::Http { path: prefix, prefix: handling, .. } = &self.mapping.endpoint else { return Ok(path) };
        if prefix.is_root() {
            return Ok(path);
        }
        if climbs(path) {
            return Err(RequestError::Climbs);
        }
        match handling {
            PrefixHandling::Strip if prefix.matches(path) => Ok(&path[prefix.as_str().len()..]),
            PrefixHandling::Strip | PrefixHandling::Keep => Ok(path),
        }
    }

    fn write_host(&self, head: &mut Vec<u8>) -> Result<(), RequestError> {
        head.extend_from_slice(b"Host: ");
        match &self.mapping.host_header {
            HostHeader::Custom(name) => head.extend_from_slice(name.as_str().as_bytes()),
            HostHeader::Target => head.extend_from_slice(self.mapping.target.authority().as_bytes()),
            // An absolute request target outranks the field (RFC 9112, 3.2.2).
            HostHeader::Keep => match (self.parts.uri.authority(), self.parts.headers.get(HOST)) {
                (Some(authority), _) => {
                    let text = authority.as_str();
                    let host = text.rsplit_once('@').map_or(text, |(_, host)| host);
                    head.extend_from_slice(host.as_bytes());
                }
                (None, Some(host)) => head.extend_from_slice(host.as_bytes()),
                (None, None) => return Err(RequestError::Host),
            },
        }
        head.extend_from_slice(b"\r\n");
        Ok(())
    }

    fn write_framing(&self, head: &mut Vec<u8>) {
        match self.framing {
            RequestFraming::None => {}
            RequestFraming::Length(length) => {
                use std::io::Write as _;
                write!(head, "Content-Length: {length}\r\n").expect("writing to a vector cannot fail");
            }
            RequestFraming::Chunked => head.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        }
    }

    /// Whether a field of the visitor reaches the target as it is.
    fn passes(&self, name: &HeaderName, options: &ConnectionOptions<'_>) -> bool {
        if is_hop_by_hop(name) || forwarded::is_replaced(name) || options.names(name) || name.as_str() == REQUEST_ID {
            return false;
        }
        // HTTP/1.0 has no 100 to wait for.
        !(*name == EXPECT && self.parts.version == Version::HTTP_10)
    }

    /// The fields that concern the hop from here to the target.
    fn write_connection(&self, seen: Seen, head: &mut Vec<u8>) {
        if self.upgrade == Upgrade::Asked {
            head.extend_from_slice(b"Connection: Upgrade\r\n");
            for value in self.parts.headers.get_all(UPGRADE) {
                write_field(head, &UPGRADE, value.as_bytes());
            }
        } else if seen.te && wants_trailers(&self.parts.headers) {
            head.extend_from_slice(b"TE: trailers\r\nConnection: TE\r\n");
        }
    }
}

/// What has been read of a segment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Segment {
    /// So many dots and nothing else.
    Dots(u8),
    /// Its parameters, behind its `;`, after two dots.
    Climbed,
    /// Something else: it is a name.
    Name,
}

/// Whether a segment of the path is `..` for any target: dots and separators may be percent-encoded, some take `\` for
/// a separator, and some leave out what stands behind a `;`.
fn climbs(path: &str) -> bool {
    let mut rest = path.as_bytes();
    let mut segment = Segment::Dots(0);
    while let Some(byte) = next_byte(&mut rest) {
        segment = match (byte, segment) {
            (b'/' | b'\\', Segment::Dots(2) | Segment::Climbed) => return true,
            (b'/' | b'\\', _) => Segment::Dots(0),
            (b'.', Segment::Dots(dots)) => Segment::Dots((dots + 1).min(3)),
            (b';', Segment::Dots(2)) => Segment::Climbed,
            (_, Segment::Climbed) => Segment::Climbed,
            _ => Segment::Name,
        };
    }
    matches!(segment, Segment::Dots(2) | Segment::Climbed)
}

/// Takes the first byte off the front, decoded once.
fn next_byte(rest: &mut &[u8]) -> Option<u8> {
    if let [b'%', high, low, left @ ..] = *rest
        && let (Some(high), Some(low)) = (char::from(*high).to_digit(16), char::from(*low).to_digit(16))
    {
        *rest = left;
        return u8::try_from(high * 16 + low).ok();
    }
    let (first, left) = rest.split_first()?;
    *rest = left;
    Some(*first)
}

/// Which fields there are, found in one pass: a look-up each costs more than all of them together.
#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
struct Seen {
    hosts: usize,
    connection: bool,
    te: bool,
    transfer_encoding: bool,
}

impl Seen {
    fn of(headers: &HeaderMap) -> Self {
        let mut seen = Self::default();
        for (name, _) in headers {
            seen.hosts += usize::from(*name == HOST);
            seen.connection |= *name == CONNECTION;
            seen.te |= *name == TE;
            seen.transfer_encoding |= *name == TRANSFER_ENCODING;
        }
        seen
    }
}

/// Which of the fields that this side decides on are written already.
struct OwnFields {
    host: bool,
    framing: bool,
}

/// Whether `Transfer-Encoding` names more than one `chunked`.
fn has_unknown_coding(headers: &HeaderMap) -> bool {
    let values = headers.get_all(TRANSFER_ENCODING).iter();
    let codings = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii));
    let mut codings = codings.filter(|coding| !coding.is_empty());
    codings.next().is_some_and(|first| !first.eq_ignore_ascii_case(b"chunked")) || codings.next().is_some()
}

/// Whether `TE` has `trailers`: the only part of it that passes on.
fn wants_trailers(headers: &HeaderMap) -> bool {
    headers.get_all(TE).iter().any(|value| {
        let mut codings = value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        codings.any(|coding| coding.eq_ignore_ascii_case(b"trailers"))
    })
}

/// One line, the name in its customary spelling.
fn write_field(head: &mut Vec<u8>, name: &HeaderName, value: &[u8]) {
    match name.as_str() {
        "etag" => head.extend_from_slice(b"ETag"),
        "dnt" => head.extend_from_slice(b"DNT"),
        "sec-websocket-key" => head.extend_from_slice(b"Sec-WebSocket-Key"),
        "sec-websocket-version" => head.extend_from_slice(b"Sec-WebSocket-Version"),
        "sec-websocket-protocol" => head.extend_from_slice(b"Sec-WebSocket-Protocol"),
        "sec-websocket-extensions" => head.extend_from_slice(b"Sec-WebSocket-Extensions"),
        other => {
            let start = head.len();
            head.extend_from_slice(other.as_bytes());
            let mut begins = true;
            for byte in &mut head[start..] {
                if begins {
                    byte.make_ascii_uppercase();
                }
                begins = *byte == b'-';
            }
        }
    }
    head.extend_from_slice(b": ");
    head.extend_from_slice(value);
    head.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests;
