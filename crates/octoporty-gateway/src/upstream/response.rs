//! Heads of a target's answers: found in whatever cut they come, parsed without copying values.
//!
//! Invariants: at most one framing comes out; what two parsers could read differently (folded lines, two lengths, an
//! unknown transfer coding) is malformed; the limit holds before anything is stored.

use std::mem::MaybeUninit;

use bytes::{Buf as _, Bytes, BytesMut};
use http::{Method, StatusCode};
use thiserror::Error;

use super::hop::{ConnectionOptions, TooManyNamed};
use crate::fields::{Known, Span, items, write_line};

/// Most header fields of an answer.
const MAX_FIELDS: usize = 256;

/// What ends a line.
const LINE_END: &[u8] = b"\r\n";

/// Why a head cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum HeadError {
    /// A TLS record instead of HTTP.
    #[error("the target answered with TLS")]
    Tls,
    /// Not HTTP/1.x.
    #[error("the answer is not HTTP/1.x")]
    NotHttp,
    /// Over the limit on bytes.
    #[error("the answer's head is larger than Gateway__Limits__HeaderBytes")]
    TooLarge,
    /// Over [`MAX_FIELDS`].
    #[error("the answer has more than {MAX_FIELDS} header fields")]
    TooManyFields,
    /// A status line or a field that is not valid.
    #[error("the answer's head is malformed: {0}")]
    Malformed(&'static str),
    /// More hop-by-hop fields than anybody needs.
    #[error("the answer's head is malformed: {0}")]
    Connection(#[from] TooManyNamed),
    /// Interim heads (1xx) without end.
    #[error("the answer's interim heads (1xx) together are larger than Gateway__Limits__HeaderBytes")]
    InterimTooLarge,
    /// Lengths that contradict each other.
    #[error("the answer's Content-Length is not one number")]
    ContentLength,
    /// A transfer coding other than chunked.
    #[error("the answer has a transfer coding other than chunked")]
    TransferCoding,
}

/// How an answer's body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// There is none.
    Empty,
    /// After this many bytes.
    Length(u64),
    /// With the last chunk.
    Chunked,
    /// When the target closes.
    UntilClose,
}

/// Whether the connection may carry another request after this answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// It may.
    Allowed,
    /// HTTP/1.0, `Connection: close`, an end that only a close tells, or an answer behind which a body may stray.
    Never,
}

/// The reason phrase of an answer, where it is not the usual one of the status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason(Bytes);

impl Reason {
    /// Nothing that could end the line.
    fn new(phrase: Bytes) -> Option<Self> {
        let legal = |byte: &u8| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f);
        phrase.iter().all(legal).then_some(Self(phrase))
    }

    /// As it stands in the status line.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Fields that pass from a target to a visitor, in their order and spelling.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Passed {
    /// As lines, each with its end.
    pub(crate) lines: Vec<u8>,
    /// Whether there is a `Content-Length`.
    pub(crate) length: bool,
    /// Whether there is a `Date`.
    pub(crate) date: bool,
}

/// One parsed head. Hop-by-hop fields are gone; the others stand in their order.
#[derive(Debug)]
pub(crate) struct ResponseHead {
    /// The status.
    pub(crate) status: StatusCode,
    /// Only if it is not the usual one of the status.
    pub(crate) reason: Option<Reason>,
    /// End-to-end fields, and `Upgrade` with status 101.
    pub(crate) passed: Passed,
    /// How the body ends.
    pub(crate) framing: Framing,
    /// Whether the stream is of use afterwards.
    pub(crate) reuse: Reuse,
}

/// Collects bytes until a head is whole.
#[derive(Debug)]
pub(crate) struct HeadReader {
    /// Beginning of a head that has come in pieces; empty as long as nothing did.
    partial: BytesMut,
    /// Most bytes of a head.
    limit: usize,
}

impl HeadReader {
    /// With a limit in bytes for each head.
    pub(crate) fn new(limit: usize) -> Self {
        Self { partial: BytesMut::new(), limit }
    }

    /// Takes bytes. When a head is whole it is returned and `input` holds what follows it; otherwise `input` is
    /// empty afterwards.
    ///
    /// # Errors
    /// The answer is of no use.
    pub(crate) fn read(&mut self, input: &mut Bytes, method: &Method) -> Result<Option<ResponseHead>, HeadError> {
        let seen = self.partial.len();
        if seen == 0 {
            check_beginning(input)?;
            if let Some(head) = parse(input, method, self.limit)? {
                return Ok(Some(head));
            }
        }
        // The size is bounded before it is stored; one byte more than the limit tells that it is over.
        let room = (self.limit + 1).saturating_sub(seen);
        self.partial.extend_from_slice(&input[..input.len().min(room)]);
        check_beginning(&self.partial)?;
        if !has_end(&self.partial, seen) {
            if self.partial.len() > self.limit {
                return Err(HeadError::TooLarge);
            }
            input.clear();
            return Ok(None);
        }
        let mut whole = std::mem::take(&mut self.partial).freeze();
        let stored = whole.len() - seen;
        let Some(head) = parse(&mut whole, method, self.limit)? else {
            // An empty line before the status line: httparse skips it, so the head goes on.
            self.partial = BytesMut::from(&whole[..]);
            input.clear();
            return Ok(None);
        };
        let _taken = input.split_to(stored - whole.len());
        Ok(Some(head))
    }
}

/// Tells at the first bytes what is not HTTP, without waiting for an end that may never come.
fn check_beginning(bytes: &[u8]) -> Result<(), HeadError> {
    const RECORD_ALERT: u8 = 0x15;
    const RECORD_HANDSHAKE: u8 = 0x16;
    match bytes {
        [RECORD_ALERT | RECORD_HANDSHAKE, 3, ..] | [RECORD_ALERT | RECORD_HANDSHAKE] => return Err(HeadError::Tls),
        _ => {}
    }
    let bytes = match bytes {
        [b'\r', b'\n', rest @ ..] | [b'\n', rest @ ..] => rest,
        [b'\r'] => &[],
        whole => whole,
    };
    let known = bytes.len().min(7);
    if bytes[..known] == b"HTTP/1."[..known] { Ok(()) } else { Err(HeadError::NotHttp) }
}

/// Whether an empty line stands in the bytes, of which the first `seen` were looked at before. Without this each
/// byte of a slow head would cost a parse of all before it.
pub(crate) fn has_end(bytes: &[u8], seen: usize) -> bool {
    let from = seen.saturating_sub(3);
    bytes[from..].windows(2).any(|pair| pair == b"\n\n") || bytes[from..].windows(3).any(|three| three == b"\n\r\n")
}

/// Parses a whole head off the front of `input`; `None` if it is not whole.
fn parse(input: &mut Bytes, method: &Method, limit: usize) -> Result<Option<ResponseHead>, HeadError> {
    let mut fields = [const { MaybeUninit::<httparse::Header<'_>>::uninit() }; MAX_FIELDS];
    let mut parsed = httparse::Response::new(&mut []);
    let result = httparse::ParserConfig::default().parse_response_with_uninit_headers(&mut parsed, input, &mut fields);
    let length = match result {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(HeadError::TooManyFields),
        Err(httparse::Error::Version) => return Err(HeadError::NotHttp),
        Err(httparse::Error::Status) => return Err(HeadError::Malformed("the status line")),
        Err(_) => return Err(HeadError::Malformed("a header field")),
    };
    if length > limit {
        return Err(HeadError::TooLarge);
    }
    // Borrowed: all that the head keeps of these bytes is copied, so nothing counts who holds them.
    let head = build(&parsed, &input[..length], method)?;
    if length == input.len() {
        // Nothing is left to hold them for.
        *input = Bytes::new();
    } else {
        input.advance(length);
    }
    Ok(Some(head))
}

/// `bytes` are those that were parsed.
fn build(parsed: &httparse::Response<'_, '_>, bytes: &[u8], method: &Method) -> Result<ResponseHead, HeadError> {
    let code = parsed.code.ok_or(HeadError::Malformed("the status line"))?;
    let status = StatusCode::from_u16(code).map_err(|_| HeadError::Malformed("the status"))?;
    let reason = reason_of(status, parsed.reason.unwrap_or(""))?;
    let mut said = Said::default();
    let mut known = [Known::Other; MAX_FIELDS];
    for (known, field) in known.iter_mut().zip(parsed.headers.iter()) {
        *known = Known::of(field.name.as_bytes());
        said.note(*known, field.value)?;
    }
    let switching = status == StatusCode::SWITCHING_PROTOCOLS;
    let framing = said.framing(status, method);
    let passed = said.passed(&known, (parsed.headers, bytes), status);
    let http_1_0 = parsed.version == Some(0);
    // Both framings at once: the length is ignored, and nothing more is trusted on this connection.
    let ambiguous = said.chunked && said.length.is_some();
    let strays = said.may_stray(status, method);
    let closes = said.options.close || http_1_0 || ambiguous || strays || framing == Framing::UntilClose;
    let reuse = if closes || switching { Reuse::Never } else { Reuse::Allowed };
    Ok(ResponseHead { status, reason, passed, framing, reuse })
}

/// The phrase as the target wrote it, where it is not what the gateway would write anyway.
fn reason_of(status: StatusCode, reason: &str) -> Result<Option<Reason>, HeadError> {
    if status.canonical_reason() == Some(reason) {
        return Ok(None);
    }
    Reason::new(Bytes::copy_from_slice(reason.as_bytes())).map(Some).ok_or(HeadError::Malformed("the reason phrase"))
}

/// What is gathered while the fields are read.
#[derive(Default)]
struct Said<'a> {
    options: ConnectionOptions<'a>,
    length: Option<u64>,
    chunked: bool,
}

impl<'a> Said<'a> {
    /// Notes what frames the message.
    fn note(&mut self, known: Known, value: &'a [u8]) -> Result<(), HeadError> {
        match known {
            Known::ContentLength => {
                let length = parse_length(value).ok_or(HeadError::ContentLength)?;
                if self.length.replace(length).is_some_and(|before| before != length) {
                    return Err(HeadError::ContentLength);
                }
            }
            Known::TransferEncoding => {
                for coding in items(value) {
                    if coding.eq_ignore_ascii_case(b"chunked") && !self.chunked {
                        self.chunked = true;
                    } else if !coding.eq_ignore_ascii_case(b"identity") {
                        return Err(HeadError::TransferCoding);
                    }
                }
            }
            Known::Connection => self.options.read(value)?,
            _ => {}
        }
        Ok(())
    }

    /// The fields that pass on. Of several lengths that say the same one is kept.
    fn passed(&self, known: &[Known], (parsed, bytes): (&[httparse::Header<'_>], &[u8]), status: StatusCode) -> Passed {
        // A length may not stand with these statuses, nor beside chunks.
        let lengthless = status == StatusCode::NO_CONTENT || status.is_informational() || self.chunked;
        let switching = status == StatusCode::SWITCHING_PROTOCOLS;
        let mut passed = Passed::default();
        let mut lines = Lines::new(bytes);
        for (known, field) in known.iter().zip(parsed) {
            let name = field.name.as_bytes();
            match *known {
                Known::ContentLength if lengthless || std::mem::replace(&mut passed.length, true) => {}
                Known::ContentLength => match self.length.filter(|_| field.value.contains(&b',')) {
                    Some(length) => lines.put(name, length.to_string().as_bytes()),
                    None => lines.pass(name, field.value),
                },
                Known::Connection | Known::Upgrade if switching => lines.pass(name, field.value),
                // The gateway's own says what stands in its records.
                Known::RequestId => {}
                _ if known.is_hop_by_hop() || self.options.names(name) => {}
                _ => {
                    passed.date |= *known == Known::Date;
                    lines.pass(name, field.value);
                }
            }
        }
        passed.lines = lines.finish();
        passed
    }

    /// Whether a body that the rules forbid may still come: many a small server writes one after a HEAD or a 204, or
    /// an empty one in chunks after a 304. It would be read as the answer to the next request, and that may be another visitor's.
    fn may_stray(&self, status: StatusCode, method: &Method) -> bool {
        let announced = self.chunked || self.length.is_some_and(|length| length > 0);
        match status {
            StatusCode::NO_CONTENT => announced,
            StatusCode::NOT_MODIFIED if self.chunked => true,
            _ => *method == Method::HEAD && self.length != Some(0),
        }
    }

    /// RFC 9112, 6.3.
    fn framing(&self, status: StatusCode, method: &Method) -> Framing {
        let bodiless = status.is_informational()
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
            || *method == Method::HEAD;
        match (bodiless, self.chunked, self.length) {
            (true, ..) => Framing::Empty,
            (false, true, _) => Framing::Chunked,
            (false, false, Some(0)) => Framing::Empty,
            (false, false, Some(length)) => Framing::Length(length),
            (false, false, None) => Framing::UntilClose,
        }
    }
}

/// Lines that pass on. Those that stand one behind the other, as they would be written anyway, are copied at once.
struct Lines<'a> {
    /// What the fields were parsed in.
    bytes: &'a [u8],
    /// The part of it that is yet to be copied.
    run: std::ops::Range<usize>,
    written: Vec<u8>,
}

impl<'a> Lines<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, run: 0..0, written: Vec::with_capacity(bytes.len()) }
    }

    /// A field as it stands.
    fn pass(&mut self, name: &[u8], value: &[u8]) {
        match self.place_of(name, value) {
            Some(line) if line.start == self.run.end => self.run.end = line.end,
            Some(line) => {
                self.copy_run();
                self.run = line;
            }
            None => self.put(name, value),
        }
    }

    /// Where the line stands, if it does just as it would be written.
    fn place_of(&self, name: &[u8], value: &[u8]) -> Option<std::ops::Range<usize>> {
        let (name, value) = (Span::of(name, self.bytes)?.range(), Span::of(value, self.bytes)?.range());
        let is_plain = self.bytes.get(name.end..value.start)? == b": "
            && self.bytes.get(value.end..value.end + LINE_END.len())? == LINE_END;
        is_plain.then_some(name.start..value.end + LINE_END.len())
    }

    /// A field with another value.
    fn put(&mut self, name: &[u8], value: &[u8]) {
        self.copy_run();
        write_line(&mut self.written, name, value);
    }

    fn copy_run(&mut self) {
        self.written.extend_from_slice(&self.bytes[std::mem::take(&mut self.run)]);
    }

    fn finish(mut self) -> Vec<u8> {
        self.copy_run();
        self.written
    }
}

/// Digits and nothing else; a list of one and the same number is that number.
fn parse_length(value: &[u8]) -> Option<u64> {
    let mut found = None;
    for part in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
        if part.is_empty() || part.len() > 19 || !part.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let number = part.iter().fold(0_u64, |sum, digit| sum * 10 + u64::from(digit - b'0'));
        if found.replace(number).is_some_and(|before| before != number) {
            return None;
        }
    }
    found
}

#[cfg(test)]
mod tests;
