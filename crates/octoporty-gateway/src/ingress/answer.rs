//! Heads of answers, as the visitor gets them, and how their bodies are framed.
//!
//! Invariants: exactly one framing, and none where the method or the status forbids a body; a length that stands in
//! the head is that of the body.

use std::cell::Cell;

use http::header::CONTENT_LENGTH;
use http::{Method, StatusCode, Version};
use time::OffsetDateTime;
use time::format_description::FormatItem;
use time::macros::format_description;

use super::head::Persistence;
use crate::body::{Answer, AnswerBody};
use crate::fields::write_line;
use crate::state::unix_ms;

/// How the visitor knows the end of a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ending {
    /// There is no body.
    Empty,
    /// By its length.
    Length,
    /// By the last chunk.
    Chunks,
    /// By the end of the connection.
    Close,
}

/// What of a request decides on the form of its answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Asked {
    pub(super) version: Version,
    /// Whether the method was HEAD.
    pub(super) head_only: bool,
}

impl Asked {
    pub(super) fn new(version: Version, method: &Method) -> Self {
        Self { version, head_only: *method == Method::HEAD }
    }
}

impl Ending {
    /// Of this answer.
    pub(super) fn of(asked: Asked, answer: &Answer) -> Self {
        match answer.body {
            _ if asked.head_only || is_bodiless(answer.status()) => Self::Empty,
            AnswerBody::Empty | AnswerBody::Full(_) | AnswerBody::Switch(_) => Self::Length,
            AnswerBody::Streamed(_) if answer.passed.length => Self::Length,
            AnswerBody::Streamed(_) if asked.version == Version::HTTP_11 => Self::Chunks,
            AnswerBody::Streamed(_) => Self::Close,
        }
    }
}

/// Whether an answer of this status never has a body.
fn is_bodiless(status: StatusCode) -> bool {
    status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// Writes the head of an answer.
pub(super) fn write_head(
    to: &mut Vec<u8>,
    asked: Asked,
    answer: &Answer,
    (ending, persistence): (Ending, Persistence),
) {
    // Who speaks HTTP/1.0 only is answered in it.
    to.extend_from_slice(if asked.version == Version::HTTP_11 { b"HTTP/1.1 " } else { b"HTTP/1.0 " });
    let status = answer.status();
    to.extend_from_slice(status.as_str().as_bytes());
    to.push(b' ');
    match &answer.reason {
        Some(reason) => to.extend_from_slice(reason.as_bytes()),
        None => to.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes()),
    }
    to.extend_from_slice(b"\r\n");
    to.extend_from_slice(&answer.passed.lines);
    for (name, value) in answer.headers() {
        write_line(to, name.as_str().as_bytes(), value.as_bytes());
    }
    if let Some(id) = &answer.request_id {
        write_line(to, b"x-octoporty-request-id", id.as_bytes());
    }
    let length = answer.passed.length || answer.headers().contains_key(CONTENT_LENGTH);
    match (ending, &answer.body) {
        (Ending::Length, AnswerBody::Full(bytes)) if !length => write_length(to, bytes.len()),
        // HEAD gets what GET would get.
        (Ending::Empty, AnswerBody::Full(bytes)) if !length && !is_bodiless(status) => write_length(to, bytes.len()),
        (Ending::Length, AnswerBody::Empty) if !length => write_length(to, 0),
        (Ending::Chunks, _) => write_line(to, b"transfer-encoding", b"chunked"),
        _ => {}
    }
    match (asked.version, persistence) {
        // Its head says what becomes of the connection.
        _ if status == StatusCode::SWITCHING_PROTOCOLS => {}
        (Version::HTTP_11, Persistence::Close) => write_line(to, b"connection", b"close"),
        (Version::HTTP_11, Persistence::Keep) | (_, Persistence::Close) => {}
        (_, Persistence::Keep) => write_line(to, b"connection", b"keep-alive"),
    }
    if !answer.passed.date {
        write_date(to);
    }
    to.extend_from_slice(b"\r\n");
}

fn write_length(to: &mut Vec<u8>, length: usize) {
    write_line(to, b"content-length", length.to_string().as_bytes());
}

/// RFC 9110, 5.6.7.
const HTTP_DATE: &[FormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// Bytes of a date in that form.
const DATE_LEN: usize = 29;

thread_local! {
    /// The second that was written last, and how.
    static LAST_DATE: Cell<(u64, [u8; DATE_LEN])> = const { Cell::new((0, [b' '; DATE_LEN])) };
}

/// The field `Date`, of now.
pub(crate) fn write_date(to: &mut Vec<u8>) {
    let now = unix_ms() / 1000;
    let (second, mut text) = LAST_DATE.get();
    if second != now {
        let Some(fresh) = http_date(now) else { return };
        text = fresh;
        LAST_DATE.set((now, text));
    }
    write_line(to, b"date", &text);
}

/// `None` beyond the year 9999.
fn http_date(second: u64) -> Option<[u8; DATE_LEN]> {
    let time = OffsetDateTime::from_unix_timestamp(i64::try_from(second).ok()?).ok()?;
    time.format(HTTP_DATE).ok()?.into_bytes().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::HeaderValue;

    fn written(asked: Asked, answer: &Answer, persistence: Persistence) -> (Ending, String) {
        let ending = Ending::of(asked, answer);
        let mut to = Vec::new();
        write_head(&mut to, asked, answer, (ending, persistence));
        let text = String::from_utf8(to).unwrap();
        let date = text.find("date: ").expect("every answer has a date");
        (ending, format!("{}{}", &text[..date], &text[date + 6 + DATE_LEN + 2..]))
    }

    const GET: Asked = Asked { version: Version::HTTP_11, head_only: false };
    const OLD: Asked = Asked { version: Version::HTTP_10, head_only: false };

    #[test]
    fn an_answer_that_is_here_has_a_length() {
        let full = || Answer::new(AnswerBody::Full(Bytes::from_static(b"abc")));
        let expected = (Ending::Length, "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n".to_owned());
        assert_eq!(written(GET, &full(), Persistence::Keep), expected);
        let mut said = full();
        said.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("3"));
        assert_eq!(written(GET, &said, Persistence::Keep), expected);
        let empty = Answer::new(AnswerBody::Empty);
        assert_eq!(written(GET, &empty, Persistence::Keep).1, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    }

    #[test]
    fn what_has_no_body_says_only_what_its_head_says() {
        for (status, head_only) in [(204, false), (304, false), (200, true)] {
            let mut answer = Answer::new(AnswerBody::Empty);
            *answer.status_mut() = StatusCode::from_u16(status).unwrap();
            let (ending, text) = written(Asked { head_only, ..GET }, &answer, Persistence::Keep);
            assert_eq!(ending, Ending::Empty);
            assert!(!text.contains("content-length"), "{status}: {text}");
        }
    }

    #[test]
    fn the_connection_is_spoken_of_where_the_version_asks_for_it() {
        let answer = Answer::new(AnswerBody::Full(Bytes::from_static(b"a")));
        let frame = "content-length: 1\r\n";
        for (asked, persistence, expected) in [
            (GET, Persistence::Keep, format!("HTTP/1.1 200 OK\r\n{frame}\r\n")),
            (GET, Persistence::Close, format!("HTTP/1.1 200 OK\r\n{frame}connection: close\r\n\r\n")),
            (OLD, Persistence::Keep, format!("HTTP/1.0 200 OK\r\n{frame}connection: keep-alive\r\n\r\n")),
            (OLD, Persistence::Close, format!("HTTP/1.0 200 OK\r\n{frame}\r\n")),
        ] {
            assert_eq!(written(asked, &answer, persistence).1, expected);
        }
    }

    #[test]
    fn dates_are_those_of_http() {
        assert_eq!(&http_date(784_111_777).unwrap(), b"Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(&http_date(0).unwrap(), b"Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
