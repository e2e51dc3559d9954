//! The head of a request, as the target gets it.
//!
//! Invariants: exactly one framing, chosen here and never copied; the request target is a path that begins with `/`
//! (or `*` with OPTIONS); no byte that could end a line comes from a visitor; fields keep their order, their spelling
//! and their duplicates.

use http::{Method, Version};
use octoporty_proto::model::{Endpoint, HostHeader, Mapping, PrefixHandling};
use thiserror::Error;

use super::hop::ConnectionOptions;
use crate::fields::{Field, Fields, Known, write_line};
use crate::forwarded;
use crate::visitor::{Head, RequestId, VisitorInfo};

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
    pub(crate) fn of(head: &Head) -> Self {
        let fields = &head.fields;
        let asked =
            head.version == Version::HTTP_11 && fields.has(Known::Upgrade) && ConnectionOptions::of(fields).upgrade;
        let to_http = |protocol: &[u8]| {
            let name = protocol.split(|byte| *byte == b'/').next().unwrap_or(protocol);
            [&b"h2c"[..], b"h2", b"http"].iter().any(|known| name.eq_ignore_ascii_case(known))
        };
        if asked && !fields.items(Known::Upgrade).any(to_http) { Self::Asked } else { Self::No }
    }
}

/// Everything that a head is made of.
#[derive(Debug)]
pub(crate) struct HeadSource<'a> {
    /// The visitor's request.
    pub(crate) head: &'a Head,
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
        let fields = &self.head.fields;
        let mut head = Vec::with_capacity(fields.head_len() + OWN_FIELDS);
        self.write_request_line(&mut head)?;
        let seen = Seen::of(fields);
        if seen.transfer_encoding && has_unknown_coding(fields) {
            return Err(RequestError::TransferCoding);
        }
        let options = if seen.connection { ConnectionOptions::of(fields) } else { ConnectionOptions::default() };
        let mut own = OwnFields { host: false, framing: self.framing == RequestFraming::None };
        if seen.hosts > 1 {
            return Err(RequestError::Host);
        }
        if seen.hosts == 0 {
            self.write_host(&mut head)?;
            own.host = true;
        }
        for field in fields.iter() {
            match field.known {
                Known::Host if std::mem::replace(&mut own.host, true) => {}
                Known::Host => self.write_host(&mut head)?,
                Known::ContentLength | Known::TransferEncoding if std::mem::replace(&mut own.framing, true) => {}
                Known::ContentLength | Known::TransferEncoding => self.write_framing(&mut head),
                _ if self.passes(field, &options) => field.write(&mut head),
                _ => {}
            }
        }
        if !own.framing {
            self.write_framing(&mut head);
        }
        self.write_connection(seen, &mut head);
        forwarded::write_headers(self.visitor, &mut head);
        write_line(&mut head, b"X-Octoporty-Request-Id", self.request_id.as_bytes());
        head.extend_from_slice(b"\r\n");
        Ok(head)
    }

    fn write_request_line(&self, head: &mut Vec<u8>) -> Result<(), RequestError> {
        let Head { method, uri, .. } = self.head;
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
            HostHeader::Keep => match (self.head.uri.authority(), self.head.fields.get(Known::Host)) {
                (Some(authority), _) => {
                    let text = authority.as_str();
                    let host = text.rsplit_once('@').map_or(text, |(_, host)| host);
                    head.extend_from_slice(host.as_bytes());
                }
                (None, Some(host)) => head.extend_from_slice(host),
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
    fn passes(&self, field: Field<'_>, options: &ConnectionOptions<'_>) -> bool {
        let known = field.known;
        // HTTP/1.0 has no 100 to wait for.
        let unknown_there = known == Known::Expect && self.head.version == Version::HTTP_10;
        let replaced = known.is_hop_by_hop() || known.is_forwarding() || known == Known::RequestId;
        !replaced && !unknown_there && !options.names(field.name)
    }

    /// The fields that concern the hop from here to the target.
    fn write_connection(&self, seen: Seen, head: &mut Vec<u8>) {
        if self.upgrade == Upgrade::Asked {
            head.extend_from_slice(b"Connection: Upgrade\r\n");
            for value in self.head.fields.all(Known::Upgrade) {
                write_line(head, b"Upgrade", value);
            }
        } else if seen.te && wants_trailers(&self.head.fields) {
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
    fn of(fields: &Fields) -> Self {
        let mut seen = Self::default();
        for field in fields.iter() {
            seen.hosts += usize::from(field.known == Known::Host);
            seen.connection |= field.known == Known::Connection;
            seen.te |= field.known == Known::Te;
            seen.transfer_encoding |= field.known == Known::TransferEncoding;
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
fn has_unknown_coding(fields: &Fields) -> bool {
    let mut codings = fields.items(Known::TransferEncoding);
    codings.next().is_some_and(|first| !first.eq_ignore_ascii_case(b"chunked")) || codings.next().is_some()
}

/// Whether `TE` has `trailers`: the only part of it that passes on.
fn wants_trailers(fields: &Fields) -> bool {
    fields.lists(Known::Te, b"trailers")
}

#[cfg(test)]
mod tests;
