//! Heads of visitors' requests: found in whatever cut they come, parsed without copying values.
//!
//! Invariants: the limit holds before anything is stored; at most one framing comes out; what two parsers could read
//! differently (two lengths, a coding behind `chunked`, a length beside it) is refused or ends the connection.

use std::mem::MaybeUninit;

use bytes::{Buf, Bytes, BytesMut};
use http::{Method, Uri, Version};

use crate::fields::{Field, Fields, Known, Span, items};
use crate::upstream::hop::ConnectionOptions;
use crate::upstream::request::RequestFraming;
use crate::upstream::response::has_end;
use crate::visitor::Head;

/// Most header lines of a request; a hundred are too few behind some proxies.
const MAX_FIELDS: usize = 256;

/// Most bytes of a request target that can be held.
const MAX_TARGET: usize = 65_534;

/// Most bytes behind a head that stay in memory with it.
const SHARED: usize = 1024;

/// Why a head is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeadFault {
    /// Over the limit on bytes, or over [`MAX_FIELDS`].
    TooLarge,
    /// Not a request of HTTP/1.x.
    Malformed,
}

/// Whether the connection may carry another request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Persistence {
    /// It may.
    Keep,
    /// It ends with this answer.
    Close,
}

/// Whether the visitor waits for a 100 before it sends its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expectation {
    /// It does.
    Continue,
    /// It does not.
    Nothing,
}

/// One parsed head.
#[derive(Debug)]
pub(super) struct RequestHead {
    /// Request line and fields, as they came.
    pub(super) head: Head,
    /// How the body is framed.
    pub(super) framing: RequestFraming,
    /// What the request says of the connection.
    pub(super) persistence: Persistence,
    /// Whether a 100 is waited for.
    pub(super) expectation: Expectation,
}

/// Collects bytes until a head is whole.
#[derive(Debug)]
pub(super) struct HeadReader {
    /// Beginning of a head that has come in pieces; empty as long as nothing did.
    partial: BytesMut,
    /// Most bytes of a head.
    limit: usize,
}

impl HeadReader {
    /// With a limit in bytes for each head.
    pub(super) fn new(limit: usize) -> Self {
        Self { partial: BytesMut::new(), limit }
    }

    /// Takes bytes. When a head is whole it is returned and `input` holds what follows it; otherwise `input` is
    /// empty afterwards.
    ///
    /// # Errors
    /// The request is refused, and nothing behind it can be understood.
    pub(super) fn read(&mut self, input: &mut Bytes) -> Result<Option<RequestHead>, HeadFault> {
        if self.partial[..] == b"\r"[..] && input.starts_with(b"\n") {
            // An empty line in two pieces.
            self.partial.clear();
            input.advance(1);
        }
        let seen = self.partial.len();
        if seen == 0 {
            input.advance(empty_lines(input));
            if let Some(head) = parse(input, self.limit)? {
                return Ok(Some(head));
            }
        }
        // The size is bounded before it is stored; one byte more than the limit tells that it is over.
        let taken = input.len().min((self.limit + 1).saturating_sub(seen));
        self.partial.extend_from_slice(&input[..taken]);
        if !has_end(&self.partial, seen) {
            if self.partial.len() > self.limit {
                return Err(HeadFault::TooLarge);
            }
            input.clear();
            return Ok(None);
        }
        let mut whole = std::mem::take(&mut self.partial).freeze();
        let head = parse(&mut whole, self.limit)?.ok_or(HeadFault::Malformed)?;
        input.advance(taken - whole.len());
        Ok(Some(head))
    }

    /// Whether a head has begun: empty lines before it are none of it.
    pub(super) fn has_begun(&self) -> bool {
        !matches!(self.partial[..], [] | [b'\r'])
    }
}

/// Bytes of the empty lines before a request line. Some clients send one behind a body; they are no part of a head.
fn empty_lines(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    while let [b'\r', b'\n', behind @ ..] | [b'\n', behind @ ..] = rest {
        rest = behind;
    }
    bytes.len() - rest.len()
}

/// The whole head at the front of `input`, if there is one. For counting what it costs.
#[cfg(feature = "bench")]
pub(crate) fn read_request(input: &mut Bytes, limit: usize) -> Option<Head> {
    parse(input, limit).ok().flatten().map(|read| read.head)
}

/// Parses a whole head off the front of `input`; `None` if it is not whole.
fn parse(input: &mut Bytes, limit: usize) -> Result<Option<RequestHead>, HeadFault> {
    let mut fields = [const { MaybeUninit::<httparse::Header<'_>>::uninit() }; MAX_FIELDS];
    let mut parsed = httparse::Request::new(&mut []);
    let bytes = input.clone();
    let result = httparse::ParserConfig::default().parse_request_with_uninit_headers(&mut parsed, &bytes, &mut fields);
    let length = match result {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(HeadFault::TooLarge),
        Err(_) => return Err(HeadFault::Malformed),
    };
    if length > limit {
        return Err(HeadFault::TooLarge);
    }
    let head = input.split_to(length);
    // A head is not to hold what was read behind it for as long as its request takes.
    let head = if bytes.len() > length + SHARED { Bytes::copy_from_slice(&head) } else { head };
    build(&parsed, &bytes, head).map(Some)
}

/// `head` is the front of `bytes`, in which it was parsed.
fn build(parsed: &httparse::Request<'_, '_>, bytes: &[u8], head: Bytes) -> Result<RequestHead, HeadFault> {
    let (Some(method), Some(target), Some(minor)) = (parsed.method, parsed.path, parsed.version) else {
        return Err(HeadFault::Malformed);
    };
    if target.len() > MAX_TARGET {
        return Err(HeadFault::TooLarge);
    }
    let version = if minor == 0 { Version::HTTP_10 } else { Version::HTTP_11 };
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| HeadFault::Malformed)?;
    let target = Span::of(target.as_bytes(), bytes).ok_or(HeadFault::TooLarge)?;
    let uri = Uri::from_maybe_shared(head.slice(target.range())).map_err(|_| HeadFault::Malformed)?;
    let fields = Fields::new(head, bytes, parsed.headers).ok_or(HeadFault::TooLarge)?;
    let mut said = Said::default();
    for field in fields.iter() {
        said.note(field)?;
    }
    let framing = said.framing(version)?;
    let (persistence, expectation) = (said.persistence(version), said.expectation(version));
    Ok(RequestHead { head: Head { method, uri, version, fields }, framing, persistence, expectation })
}

/// What is gathered while the fields are read.
#[derive(Default)]
struct Said<'a> {
    options: ConnectionOptions<'a>,
    length: Option<u64>,
    coding: Option<Coding>,
    /// More than one coding.
    odd_coding: bool,
    expects: bool,
}

/// What the last transfer coding is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Coding {
    Chunked,
    Other,
}

impl<'a> Said<'a> {
    fn note(&mut self, field: Field<'a>) -> Result<(), HeadFault> {
        match field.known {
            Known::ContentLength => {
                let length = parse_length(field.value).ok_or(HeadFault::Malformed)?;
                if self.length.replace(length).is_some_and(|before| before != length) {
                    return Err(HeadFault::Malformed);
                }
            }
            Known::TransferEncoding => {
                self.odd_coding |= self.coding.is_some() || items(field.value).count() > 1;
                let chunked =
                    items(field.value).next_back().is_some_and(|coding| coding.eq_ignore_ascii_case(b"chunked"));
                self.coding = Some(if chunked { Coding::Chunked } else { Coding::Other });
            }
            Known::Connection => self.options.read(field.value).map_err(|_| HeadFault::Malformed)?,
            Known::Expect => self.expects |= field.value.eq_ignore_ascii_case(b"100-continue"),
            _ => {}
        }
        Ok(())
    }

    /// RFC 9112, 6.3.
    fn framing(&self, version: Version) -> Result<RequestFraming, HeadFault> {
        match (self.coding, self.length) {
            (Some(Coding::Chunked), _) if version == Version::HTTP_11 => Ok(RequestFraming::Chunked),
            (Some(_), _) => Err(HeadFault::Malformed),
            (None, Some(length)) => Ok(RequestFraming::Length(length)),
            (None, None) => Ok(RequestFraming::None),
        }
    }

    fn persistence(&self, version: Version) -> Persistence {
        // Both framings at once, or codings in a row: what follows could be read as two different things.
        let ambiguous = self.odd_coding || (self.coding.is_some() && self.length.is_some());
        let asked = version == Version::HTTP_11 || self.options.keep_alive;
        if self.options.close || ambiguous || !asked { Persistence::Close } else { Persistence::Keep }
    }

    fn expectation(&self, version: Version) -> Expectation {
        if self.expects && version == Version::HTTP_11 { Expectation::Continue } else { Expectation::Nothing }
    }
}

/// Digits and nothing else.
fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.len() > 19 || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(value.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: usize = 1024;

    fn read(head: &str) -> Result<RequestHead, HeadFault> {
        let mut input = Bytes::copy_from_slice(head.as_bytes());
        HeadReader::new(LIMIT).read(&mut input).map(|head| head.expect("the head is whole"))
    }

    fn with(fields: &str) -> Result<RequestHead, HeadFault> {
        read(&format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"))
    }

    #[test]
    fn request_line_and_fields_come_as_they_stand() {
        let read = read("GET /a?b=c HTTP/1.1\r\nHost: a\r\nX: 1\r\nCookie: a=é\r\nx:2 \r\n\r\n").unwrap();
        let Head { method, uri, version, fields } = read.head;
        assert_eq!((method, uri.to_string(), version), (Method::GET, "/a?b=c".to_owned(), Version::HTTP_11));
        let lines: Vec<_> = fields.iter().map(|field| [field.name, field.value]).collect();
        assert_eq!(lines, [[&b"Host"[..], b"a"], [b"X", b"1"], [b"Cookie", "a=é".as_bytes()], [b"x", b"2"]]);
        assert_eq!((read.framing, read.persistence), (RequestFraming::None, Persistence::Keep));
    }

    #[test]
    fn a_request_that_names_more_fields_than_anybody_needs_is_refused() {
        assert!(with(&format!("Connection: {}\r\n", "a,".repeat(64))).is_ok());
        for over in [format!("Connection: {}\r\n", "a,".repeat(65)), "Connection: a\r\n".repeat(65)] {
            assert_eq!(with(&over).unwrap_err(), HeadFault::Malformed);
        }
    }

    proptest! {
        #[test]
        fn a_head_is_found_in_any_cut_and_what_follows_stays(cut in 1_usize..80, behind in "[a-z]{0,40}") {
            let head = "\r\nGET /path HTTP/1.1\r\nHost: example.com\r\nX-Long: abcdefghijklmnop\r\n\r\n";
            let wire = Bytes::from(format!("{head}{behind}"));
            let mut reader = HeadReader::new(LIMIT);
            let mut found = None;
            let mut rest = Vec::new();
            for piece in wire.chunks(cut) {
                let mut input = Bytes::copy_from_slice(piece);
                if found.is_none() {
                    found = reader.read(&mut input).unwrap();
                }
                if found.is_some() {
                    rest.extend_from_slice(&input);
                } else {
                    prop_assert!(input.is_empty());
                }
            }
            let found = found.unwrap();
            prop_assert_eq!(found.head.uri.path(), "/path");
            prop_assert_eq!(rest, behind.as_bytes());
        }

        #[test]
        fn no_bytes_break_it(wire in proptest::collection::vec(any::<u8>(), 0..200), cut in 1_usize..50) {
            let mut reader = HeadReader::new(LIMIT);
            for piece in wire.chunks(cut) {
                if reader.read(&mut Bytes::copy_from_slice(piece)).is_err() {
                    break;
                }
            }
        }
    }

    #[test]
    fn the_limit_holds_whatever_the_cut() {
        let head = |bytes: usize| format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(bytes));
        let frame = head(0).len();
        assert!(read(&head(LIMIT - frame)).is_ok());
        assert_eq!(read(&head(LIMIT - frame + 1)).unwrap_err(), HeadFault::TooLarge);
        let endless = "GET / HTTP/1.1\r\nX: ".to_owned() + &"x".repeat(5000);
        let mut reader = HeadReader::new(LIMIT);
        let fault =
            endless.as_bytes().chunks(100).find_map(|piece| reader.read(&mut Bytes::copy_from_slice(piece)).err());
        assert_eq!(fault, Some(HeadFault::TooLarge));
    }

    #[test]
    fn empty_lines_before_a_head_are_no_part_of_it() {
        let head = format!("GET / HTTP/1.1\r\nX: {}\r\nY: {}\r\n\r\n", "a".repeat(LIMIT / 2), "b".repeat(LIMIT / 3));
        let wire = "\r\n".repeat(LIMIT) + "\n" + &head;
        let empty = wire.len() - head.len();
        for cut in [1, 3, 1000, wire.len() - 1, wire.len()] {
            let mut reader = HeadReader::new(LIMIT);
            let (mut found, mut read) = (Vec::new(), 0);
            let (first, rest) = wire.as_bytes().split_at(1);
            for piece in std::iter::once(first).chain(rest.chunks(cut)) {
                found.extend(reader.read(&mut Bytes::copy_from_slice(piece)).unwrap());
                read += piece.len();
                assert!(read >= empty || !reader.has_begun(), "they are not kept");
            }
            let [head] = &found[..] else { panic!("{} heads in cuts of {cut}", found.len()) };
            let lengths: Vec<_> = head.head.fields.iter().map(|field| field.value.len()).collect();
            assert_eq!(lengths, [LIMIT / 2, LIMIT / 3], "cut {cut}");
        }
    }

    #[test]
    fn a_head_does_not_hold_what_was_read_behind_it() {
        let mut input = Bytes::from("GET /a HTTP/1.1\r\nHost: b\r\n\r\n".to_owned() + &"x".repeat(100_000));
        let head = HeadReader::new(LIMIT).read(&mut input).unwrap().unwrap().head;
        assert_eq!((head.uri.path(), head.fields.get(Known::Host)), ("/a", Some(&b"b"[..])));
        let address = head.fields.get(Known::Host).unwrap().as_ptr().addr();
        assert!(input.as_ptr().addr().abs_diff(address) > 100, "it is a copy");
        assert_eq!(input.len(), 100_000);
    }

    #[test]
    fn lengths_and_codings_that_could_be_read_in_two_ways_are_refused() {
        for fields in [
            "Content-Length: 1\r\nContent-Length: 2\r\n",
            "Content-Length: 1, 1\r\n",
            "Content-Length: +1\r\n",
            "Content-Length: 0x1\r\n",
            "Content-Length: \r\n",
            "Content-Length: 99999999999999999999\r\n",
            "Transfer-Encoding: gzip\r\n",
            "Transfer-Encoding: chunked, gzip\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
            "Transfer-Encoding: xchunked\r\n",
            "X : y\r\n",
            "X: y\r\n folded\r\n",
        ] {
            assert_eq!(with(fields).map(|_| ()).unwrap_err(), HeadFault::Malformed, "{fields:?}");
        }
        let old = read("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n");
        assert_eq!(old.map(|_| ()).unwrap_err(), HeadFault::Malformed);
    }

    #[test]
    fn framings() {
        assert_eq!(with("Content-Length: 5\r\nContent-Length: 5\r\n").unwrap().framing, RequestFraming::Length(5));
        assert_eq!(with("Content-Length: 0\r\n").unwrap().framing, RequestFraming::Length(0));
        assert_eq!(with("Transfer-Encoding: Chunked\r\n").unwrap().framing, RequestFraming::Chunked);
        let both = with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n").unwrap();
        assert_eq!((both.framing, both.persistence), (RequestFraming::Chunked, Persistence::Close));
        for codings in ["chunked\r\nTransfer-Encoding: chunked", "gzip, chunked", "chunked, chunked"] {
            let several = with(&format!("Transfer-Encoding: {codings}\r\n")).unwrap();
            assert_eq!(several.persistence, Persistence::Close, "{codings:?}");
        }
    }

    #[test]
    fn what_the_connection_may_carry() {
        assert_eq!(with("Connection: x, Close\r\n").unwrap().persistence, Persistence::Close);
        let old = |fields: &str| read(&format!("GET / HTTP/1.0\r\n{fields}\r\n")).unwrap().persistence;
        assert_eq!(old(""), Persistence::Close);
        assert_eq!(old("Connection: Keep-Alive\r\n"), Persistence::Keep);
    }

    #[test]
    fn an_expectation_is_one_of_http_1_1() {
        assert_eq!(with("Expect: 100-Continue\r\n").unwrap().expectation, Expectation::Continue);
        assert_eq!(with("Expect: other\r\n").unwrap().expectation, Expectation::Nothing);
        let old = read("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").unwrap();
        assert_eq!(old.expectation, Expectation::Nothing);
    }
}
