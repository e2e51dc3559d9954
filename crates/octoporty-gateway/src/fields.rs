//! Header fields of a message as they stand on the wire: in their order, with their spelling and their duplicates.
//!
//! What the gateway decides something by is recognised once, when a head is parsed; everything else is bytes.

use std::cell::RefCell;
use std::ops::RangeInclusive;

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

/// Bytes of the longest name, in whole words.
const LONGEST: usize = 24;

/// A name as words, to be compared without looking at each byte: every field of every head is.
#[derive(Debug)]
struct Name {
    /// In small letters, with zeros behind.
    words: [u64; LONGEST / 8],
    /// The bit that makes a letter small, where the name has one.
    small: [u64; LONGEST / 8],
    known: Known,
}

impl Name {
    const fn new(text: &str, known: Known) -> Self {
        let mut padded = [0; LONGEST];
        let mut small = [0; LONGEST];
        let mut at = 0;
        while at < text.len() {
            padded[at] = text.as_bytes()[at];
            small[at] = if padded[at].is_ascii_lowercase() { 0x20 } else { 0 };
            at += 1;
        }
        Self { words: words(&padded), small: words(&small), known }
    }

    fn is(&self, asked: [u64; LONGEST / 8]) -> bool {
        (0..asked.len()).all(|at| asked[at] | self.small[at] == self.words[at])
    }
}

const fn words(padded: &[u8; LONGEST]) -> [u64; LONGEST / 8] {
    let (parts, _) = padded.as_chunks::<8>();
    [u64::from_le_bytes(parts[0]), u64::from_le_bytes(parts[1]), u64::from_le_bytes(parts[2])]
}

/// Names by their length, as most lengths have none.
const fn names(length: usize) -> &'static [Name] {
    match length {
        2 => const { &[Name::new("te", Known::Te)] },
        4 => const { &[Name::new("host", Known::Host), Name::new("date", Known::Date)] },
        6 => {
            const {
                &[
                    Name::new("accept", Known::Accept),
                    Name::new("expect", Known::Expect),
                    Name::new("origin", Known::Origin),
                ]
            }
        }
        7 => const { &[Name::new("upgrade", Known::Upgrade), Name::new("trailer", Known::Trailer)] },
        9 => const { &[Name::new("forwarded", Known::Forwarded), Name::new("x-api-key", Known::ApiKey)] },
        10 => {
            const {
                &[
                    Name::new("connection", Known::Connection),
                    Name::new("user-agent", Known::UserAgent),
                    Name::new("keep-alive", Known::KeepAlive),
                ]
            }
        }
        13 => const { &[Name::new("authorization", Known::Authorization)] },
        14 => const { &[Name::new("content-length", Known::ContentLength)] },
        15 => const { &[Name::new("x-forwarded-for", Known::ForwardedFor)] },
        16 => {
            const {
                &[
                    Name::new("x-forwarded-host", Known::ForwardedHost),
                    Name::new("x-forwarded-port", Known::ForwardedPort),
                    Name::new("proxy-connection", Known::ProxyConnection),
                ]
            }
        }
        17 => {
            const {
                &[
                    Name::new("transfer-encoding", Known::TransferEncoding),
                    Name::new("x-forwarded-proto", Known::ForwardedProto),
                    Name::new("sec-websocket-key", Known::WebSocketKey),
                ]
            }
        }
        18 => const { &[Name::new("proxy-authenticate", Known::ProxyAuthenticate)] },
        19 => const { &[Name::new("proxy-authorization", Known::ProxyAuthorization)] },
        21 => const { &[Name::new("sec-websocket-version", Known::WebSocketVersion)] },
        22 => const { &[Name::new("x-octoporty-request-id", Known::RequestId)] },
        _ => &[],
    }
}

impl Known {
    /// Recognises a name in any spelling.
    pub(crate) fn of(name: &[u8]) -> Self {
        let names = names(name.len());
        if names.is_empty() {
            return Self::Other;
        }
        let mut padded = [0; LONGEST];
        padded[..name.len()].copy_from_slice(name);
        let asked = words(&padded);
        names.iter().find(|known| known.is(asked)).map_or(Self::Other, |name| name.known)
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
    lines: Lines,
}

/// Most lists that a thread keeps for heads to come, and for how many lines those are: some 160 KiB at most.
const LISTS_KEPT: usize = 128;
const LINES_KEPT: RangeInclusive<usize> = 16..=64;

thread_local! {
    /// Lists that no head has: each request needs one for a short time.
    static LISTS: RefCell<Vec<Vec<Line>>> = const { RefCell::new(Vec::new()) };
}

/// The lines of one head.
#[derive(Clone, Default, Debug)]
struct Lines(Vec<Line>);

impl Lines {
    fn with_room(lines: usize) -> Self {
        let mut list = LISTS.with_borrow_mut(Vec::pop).unwrap_or_default();
        list.reserve(lines.max(*LINES_KEPT.start()));
        Self(list)
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let mut list = std::mem::take(&mut self.0);
        if !LINES_KEPT.contains(&list.capacity()) {
            return;
        }
        list.clear();
        // A thread that ends keeps nothing.
        let _ended = LISTS.try_with(|lists| {
            let mut lists = lists.borrow_mut();
            if lists.len() < LISTS_KEPT {
                lists.push(list);
            }
        });
    }
}

impl Fields {
    /// Of lines that were parsed in `bytes`, of which `head` is the front or a copy of it; `None` where it is beyond all
    /// limits.
    pub(crate) fn new(head: Bytes, bytes: &[u8], parsed: &[httparse::Header<'_>]) -> Option<Self> {
        let line = |field: &httparse::Header<'_>| {
            let name = field.name.as_bytes();
            Some(Line { name: Span::of(name, bytes)?, value: Span::of(field.value, bytes)?, known: Known::of(name) })
        };
        let mut lines = Lines::with_room(parsed.len());
        for field in parsed {
            lines.0.push(line(field)?);
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
        self.lines.0.iter().map(|line| self.field(*line))
    }

    fn lines_of(&self, known: Known) -> impl Iterator<Item = &Line> {
        self.lines.0.iter().filter(move |line| line.known == known)
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
        self.lines.0.retain(|line| line.known == known);
        self.lines.0.shrink_to_fit();
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
            for Name { words, known, .. } in names(length) {
                let padded = words.map(u64::to_le_bytes).concat();
                let name = std::str::from_utf8(&padded).unwrap().trim_end_matches('\0');
                assert_eq!(name.len(), length, "{name}");
                assert_eq!(Known::of(name.to_uppercase().as_bytes()), *known, "{name}");
                // Each byte counts, whatever bit of it is another.
                for (at, bit) in (0..length).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
                    let mut other = name.as_bytes().to_vec();
                    other[at] ^= 1 << bit;
                    let same = other.eq_ignore_ascii_case(name.as_bytes());
                    assert_eq!(Known::of(&other) == *known, same, "{name} {at} {bit}");
                }
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
    fn lists_of_lines_are_used_again_and_hold_nothing_of_the_head_before() {
        let kept = || LISTS.with_borrow(|lists| lists.iter().map(Vec::capacity).collect::<Vec<_>>());
        drop(fields(&[("Host", "a"), ("X", "b")]));
        let [capacity] = kept()[..] else { panic!("{:?}", kept()) };
        let again = fields(&[("Host", "c")]);
        assert!(kept().is_empty());
        assert_eq!((again.lines.0.capacity(), again.iter().count()), (capacity, 1));
        let mut settled = again.clone();
        settled.keep(Known::Host);
        drop((again, settled));
        assert_eq!(kept(), [capacity], "one that was cut down is not worth keeping");
        let many = vec![("X", "y"); MAX_TRAILERS - 1];
        let all: Vec<_> = (0..2 * LISTS_KEPT).map(|_| fields(&many)).collect();
        drop(all);
        assert_eq!(kept().len(), LISTS_KEPT);
        assert!(kept().iter().all(|lines| LINES_KEPT.contains(lines)));
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
