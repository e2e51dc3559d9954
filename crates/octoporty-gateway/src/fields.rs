//! Header fields of a message as they stand on the wire: in their order, with their spelling and their duplicates.
//!
//! What the gateway decides something by is recognised once, when a head is parsed; everything else is bytes.

use bytes::Bytes;

/// Most fields of a trailer section.
const MAX_TRAILERS: usize = 64;

/// The fields that the gateway decides something by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Known {
    Accept,
    ApiKey,
    Authorization,
    Connection,
    ContentLength,
    Date,
    Expect,
    Forwarded,
    ForwardedFor,
    ForwardedHost,
    ForwardedPort,
    ForwardedProto,
    Host,
    KeepAlive,
    Origin,
    ProxyAuthenticate,
    ProxyAuthorization,
    ProxyConnection,
    RequestId,
    Te,
    Trailer,
    TransferEncoding,
    Upgrade,
    UserAgent,
    WebSocketKey,
    WebSocketVersion,
    /// All others.
    Other,
}

/// Names by their length, as most lengths have none.
const fn names(length: usize) -> &'static [(&'static str, Known)] {
    match length {
        2 => &[("te", Known::Te)],
        4 => &[("host", Known::Host), ("date", Known::Date)],
        6 => &[("accept", Known::Accept), ("expect", Known::Expect), ("origin", Known::Origin)],
        7 => &[("upgrade", Known::Upgrade), ("trailer", Known::Trailer)],
        9 => &[("forwarded", Known::Forwarded), ("x-api-key", Known::ApiKey)],
        10 => &[("connection", Known::Connection), ("user-agent", Known::UserAgent), ("keep-alive", Known::KeepAlive)],
        13 => &[("authorization", Known::Authorization)],
        14 => &[("content-length", Known::ContentLength)],
        15 => &[("x-forwarded-for", Known::ForwardedFor)],
        16 => &[
            ("x-forwarded-host", Known::ForwardedHost),
            ("x-forwarded-port", Known::ForwardedPort),
            ("proxy-connection", Known::ProxyConnection),
        ],
        17 => &[
            ("transfer-encoding", Known::TransferEncoding),
            ("x-forwarded-proto", Known::ForwardedProto),
            ("sec-websocket-key", Known::WebSocketKey),
        ],
        18 => &[("proxy-authenticate", Known::ProxyAuthenticate)],
        19 => &[("proxy-authorization", Known::ProxyAuthorization)],
        21 => &[("sec-websocket-version", Known::WebSocketVersion)],
        22 => &[("x-octoporty-request-id", Known::RequestId)],
        _ => &[],
    }
}

impl Known {
    /// Recognises a name in any spelling.
    pub(crate) fn of(name: &[u8]) -> Self {
        // Most names differ in their first letter.
        let begins = |known: &str| known.as_bytes().first().zip(name.first()).is_some_and(|(a, b)| *a == b | 0x20);
        let is = |known: &str| begins(known) && name.eq_ignore_ascii_case(known.as_bytes());
        names(name.len()).iter().find(|(known, _)| is(known)).map_or(Self::Other, |(_, known)| *known)
    }

    /// Whether a field belongs to one hop only, whatever `Connection` says (RFC 9110, 7.6.1).
    pub(crate) const fn is_hop_by_hop(self) -> bool {
        matches!(
            self,
            Self::Connection
                | Self::KeepAlive
                | Self::ProxyAuthenticate
                | Self::ProxyAuthorization
                | Self::ProxyConnection
                | Self::Te
                | Self::TransferEncoding
                | Self::Upgrade
        )
    }

    /// Whether a field tells of the way that a request came: a visitor's own never goes to a target as it came.
    pub(crate) const fn is_forwarding(self) -> bool {
        matches!(
            self,
            Self::Forwarded | Self::ForwardedFor | Self::ForwardedHost | Self::ForwardedPort | Self::ForwardedProto
        )
    }

    /// Whether a field of a trailer section passes on: what frames, routes, or authorises a message does not, since it
    /// would speak of one that is already under way. What else may not stand there is for the ends to judge.
    pub(crate) const fn may_trail(self) -> bool {
        let speaks_of_the_message = self.is_hop_by_hop() || self.is_forwarding();
        !speaks_of_the_message
            && !matches!(self, Self::Authorization | Self::ContentLength | Self::Host | Self::RequestId | Self::Trailer)
    }
}

/// Where something stands in a head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// `None` where a head is larger than any that is read.
    pub(crate) fn of(part: &[u8], whole: &[u8]) -> Option<Self> {
        let start = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
        let end = start + part.len();
        Some(Self { start: u32::try_from(start).ok()?, end: u32::try_from(end).ok()? })
    }

    pub(crate) fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

#[derive(Clone, Copy, Debug)]
struct Line {
    name: Span,
    value: Span,
    known: Known,
}

/// One field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Field<'a> {
    /// As it was spelled.
    pub(crate) name: &'a [u8],
    /// Without blanks around it.
    pub(crate) value: &'a [u8],
    /// Which it is.
    pub(crate) known: Known,
}

impl Field<'_> {
    /// As a line.
    pub(crate) fn write(&self, to: &mut Vec<u8>) {
        write_line(to, self.name, self.value);
    }
}

/// One line of a head.
pub(crate) fn write_line(to: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    to.extend_from_slice(name);
    to.extend_from_slice(b": ");
    to.extend_from_slice(value);
    to.extend_from_slice(b"\r\n");
}

/// The fields of one head.
#[derive(Clone, Default, Debug)]
pub(crate) struct Fields {
    head: Bytes,
    lines: Vec<Line>,
}

impl Fields {
    /// Of lines that were parsed in `bytes`, of which `head` is the front or a copy of it; `None` where it is beyond all
    /// limits.
    pub(crate) fn new(head: Bytes, bytes: &[u8], parsed: &[httparse::Header<'_>]) -> Option<Self> {
        let line = |field: &httparse::Header<'_>| {
            let name = field.name.as_bytes();
            Some(Line { name: Span::of(name, bytes)?, value: Span::of(field.value, bytes)?, known: Known::of(name) })
        };
        let mut lines = Vec::with_capacity(parsed.len());
        for field in parsed {
            lines.push(line(field)?);
        }
        Some(Self { head, lines })
    }

    /// Of a whole section of lines with the empty one behind them; `None` if they are not fields.
    pub(crate) fn parse(section: Bytes) -> Option<Self> {
        let mut parsed = [httparse::EMPTY_HEADER; MAX_TRAILERS];
        match httparse::parse_headers(&section, &mut parsed) {
            Ok(httparse::Status::Complete((_, parsed))) => Self::new(section.clone(), &section, parsed),
            _ => None,
        }
    }

    fn field(&self, line: Line) -> Field<'_> {
        Field { name: &self.head[line.name.range()], value: &self.head[line.value.range()], known: line.known }
    }

    /// All, in their order.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = Field<'_>> {
        self.lines.iter().map(|line| self.field(*line))
    }

    fn lines_of(&self, known: Known) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(move |line| line.known == known)
    }

    /// The values of one field.
    pub(crate) fn all(&self, known: Known) -> impl Iterator<Item = &[u8]> {
        self.lines_of(known).map(|line| &self.head[line.value.range()])
    }

    /// The first value of a field.
    pub(crate) fn get(&self, known: Known) -> Option<&[u8]> {
        self.all(known).next()
    }

    /// Whether there is such a field.
    pub(crate) fn has(&self, known: Known) -> bool {
        self.lines_of(known).next().is_some()
    }

    /// Whether a list (all values of the field, cut at commas) has this item, in any spelling.
    pub(crate) fn lists(&self, known: Known, item: &[u8]) -> bool {
        self.items(known).any(|found| found.eq_ignore_ascii_case(item))
    }

    /// The items of a list that are not empty, without blanks.
    pub(crate) fn items(&self, known: Known) -> impl Iterator<Item = &[u8]> {
        self.all(known).flat_map(items)
    }

    /// Forgets all but one of them.
    pub(crate) fn keep(&mut self, known: Known) {
        self.lines.retain(|line| line.known == known);
        self.lines.shrink_to_fit();
    }

    /// A part of the head, or a copy of what stands elsewhere.
    pub(crate) fn text_of(&self, part: &str) -> Text {
        let within = Span::of(part.as_bytes(), &self.head).filter(|span| span.range().end <= self.head.len());
        Text(within.map_or_else(|| Bytes::copy_from_slice(part.as_bytes()), |span| self.head.slice(span.range())))
    }

    /// Bytes of the head that they stand in.
    pub(crate) fn head_len(&self) -> usize {
        self.head.len()
    }
}

/// Text that shares the memory of a head.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Text(Bytes);

impl Text {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("made of text")
    }
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_str().fmt(f)
    }
}

/// The items of a list that are not empty, without blanks.
pub(crate) fn items(value: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|item| !item.is_empty())
}

/// A value as text, if it is ASCII without control characters.
pub(crate) fn text(value: &[u8]) -> Option<&str> {
    let legal = value.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
    if legal { std::str::from_utf8(value).ok() } else { None }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Fields of these lines.
    pub(crate) fn fields(lines: &[(&str, &str)]) -> Fields {
        let mut section = Vec::new();
        for (name, value) in lines {
            write_line(&mut section, name.as_bytes(), value.as_bytes());
        }
        section.extend_from_slice(b"\r\n");
        Fields::parse(section.into()).unwrap()
    }

    #[test]
    fn every_name_is_found_under_its_length_in_any_spelling() {
        let mut found = 0;
        for length in 0..40 {
            for (name, known) in names(length) {
                assert_eq!(name.len(), length, "{name}");
                assert_eq!(Known::of(name.to_uppercase().as_bytes()), *known, "{name}");
                found += 1;
            }
        }
        assert_eq!(found, Known::Other as usize, "all but the last are reachable");
        assert_eq!(Known::of(b"hosts"), Known::Other);
    }

    #[test]
    fn order_spelling_and_duplicates_stay() {
        let fields = fields(&[("X-One", "1"), ("cookie", "a"), ("HOST", "b"), ("Cookie", "c"), ("TE", "x, y ,, Z")]);
        let lines: Vec<_> = fields.iter().map(|field| (field.name, field.value)).collect();
        let expected: [(&[u8], &[u8]); 5] =
            [(b"X-One", b"1"), (b"cookie", b"a"), (b"HOST", b"b"), (b"Cookie", b"c"), (b"TE", b"x, y ,, Z")];
        assert_eq!(lines, expected);
        assert_eq!(fields.get(Known::Host), Some(&b"b"[..]));
        assert_eq!(fields.items(Known::Te).collect::<Vec<_>>(), [&b"x"[..], b"y", b"Z"]);
        assert!(fields.lists(Known::Te, b"z") && !fields.lists(Known::Te, b""));
        assert!(!fields.has(Known::Date));
    }

    #[test]
    fn all_but_one_can_be_forgotten() {
        let mut fields = fields(&[("Host", "a"), ("User-Agent", "b"), ("Accept", "c")]);
        fields.keep(Known::UserAgent);
        assert_eq!(fields.get(Known::UserAgent), Some(&b"b"[..]));
        assert_eq!(fields.iter().count(), 1);
    }

    #[test]
    fn trailers_cannot_reframe_a_message() {
        for name in ["transfer-encoding", "Content-Length", "host", "connection", "authorization", "x-forwarded-for"] {
            assert!(!Known::of(name.as_bytes()).may_trail(), "{name}");
        }
        for name in ["grpc-status", "x-checksum", "set-cookie", "content-type", "etag"] {
            assert!(Known::of(name.as_bytes()).may_trail(), "{name}");
        }
    }

    #[test]
    fn hop_by_hop_fields_are_known() {
        for name in [
            "connection",
            "keep-alive",
            "proxy-connection",
            "proxy-authenticate",
            "proxy-authorization",
            "te",
            "transfer-encoding",
            "upgrade",
        ] {
            assert!(Known::of(name.as_bytes()).is_hop_by_hop(), "{name}");
        }
        for name in ["trailer", "content-length", "cookie", "authorization", "sec-websocket-key"] {
            assert!(!Known::of(name.as_bytes()).is_hop_by_hop(), "{name}");
        }
    }

    #[test]
    fn a_part_of_a_head_is_shared_and_anything_else_copied() {
        let fields = fields(&[("Host", "a.example:81")]);
        let inside = text(fields.get(Known::Host).unwrap()).unwrap();
        let shared = fields.text_of(inside);
        assert_eq!((shared.as_str(), shared.0.as_ptr()), ("a.example:81", inside.as_ptr()));
        for elsewhere in ["", "b.example"] {
            assert_eq!(fields.text_of(elsewhere).as_str(), elsewhere);
        }
    }

    #[test]
    fn text_is_ascii() {
        assert_eq!(text(b"a b"), Some("a b"));
        assert_eq!(text("é".as_bytes()), None);
        assert_eq!(text(b"a\x7f"), None);
    }
}
