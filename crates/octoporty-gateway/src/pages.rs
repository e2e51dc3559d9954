//! What the gateway says by itself: error answers and the landing page.
//!
//! A failure's private detail is never in an answer. Whatever is put into HTML is escaped.

mod error_page;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use octoporty_proto::model::{DEFAULT_LANDING_HTML, Failure, FailureCode};
use serde_json::json;

use crate::body::{Answer, AnswerBody};
use crate::fields::{Fields, Known, text};
use crate::ingress::answer::write_date;
use crate::visitor::RequestId;

/// The mark: eight strokes that leave one ring.
const MARK: &str = include_str!("pages/mark.svg");

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// What the visitor can show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wants {
    /// A browser: it asks for `text/html`.
    Html,
    /// Anything else.
    Json,
}

impl Wants {
    /// Reads `Accept`.
    pub(crate) fn of(fields: &Fields) -> Self {
        let mut ranges = fields.all(Known::Accept).filter_map(text);
        if ranges.any(|line| line.split(',').any(is_html)) { Self::Html } else { Self::Json }
    }
}

fn is_html(range: &str) -> bool {
    let mut parts = range.split(';').map(str::trim);
    let kind = parts.next().unwrap_or("");
    let html = kind.eq_ignore_ascii_case("text/html") || kind.eq_ignore_ascii_case("application/xhtml+xml");
    html && !parts.any(|parameter| matches!(parameter, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
}

/// Something that is not one of the visitor's failures: the gateway's own API says no.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Problem<'a> {
    /// HTTP status.
    pub status: StatusCode,
    /// For machines.
    pub code: &'a str,
    /// What is wrong, in a sentence.
    pub title: &'a str,
    /// What to change.
    pub detail: &'a str,
}

/// RFC 9457, as JSON.
pub(crate) fn problem(problem: Problem<'_>, request_id: &RequestId) -> Answer {
    let body = json!({
        "type": problem_type(problem.code),
        "title": problem.title,
        "status": problem.status.as_u16(),
        "detail": problem.detail,
        "code": problem.code,
        "requestId": request_id.as_str(),
        "message": problem.detail,
    });
    whole(problem.status, PROBLEM, body.to_string().into())
}

/// The answer that tells a visitor of a failure. The private detail is left out.
pub(crate) fn failure_answer(failure: &Failure, request_id: &RequestId, wants: Wants) -> Answer {
    let code = failure.code;
    match wants {
        Wants::Html => whole(status(code), HTML, error_page::render(code, request_id).into()),
        Wants::Json => whole(status(code), PROBLEM, failure_json(code, request_id).into()),
    }
}

/// The same as bytes of a whole HTTP/1.1 answer that ends its connection, for where there is no request to answer.
pub(crate) fn raw_failure(code: FailureCode, request_id: &RequestId) -> Vec<u8> {
    let status = status(code);
    let body = failure_json(code, request_id);
    let reason = status.canonical_reason().unwrap_or("Error");
    let (number, length) = (status.as_u16(), body.len());
    let mut answer = format!(
        "HTTP/1.1 {number} {reason}\r\ncontent-type: application/problem+json\r\ncache-control: no-store\r\n\
         x-octoporty-request-id: {request_id}\r\ncontent-length: {length}\r\nconnection: close\r\n"
    )
    .into_bytes();
    write_date(&mut answer);
    answer.extend_from_slice(b"\r\n");
    answer.extend_from_slice(body.as_bytes());
    answer
}

/// The landing page: custom HTML, or the product's own.
pub(crate) fn landing(custom: Option<Bytes>, status: StatusCode) -> Answer {
    whole(status, HTML, custom.unwrap_or(Bytes::from_static(DEFAULT_LANDING_HTML.as_bytes())))
}

fn failure_json(code: FailureCode, request_id: &RequestId) -> String {
    json!({
        "type": problem_type(code.as_str()),
        "title": code.cause(),
        "status": code.status(),
        "detail": code.cause(),
        "code": code.as_str(),
        "hop": code.hop(),
        "hint": code.hint(),
        "requestId": request_id.as_str(),
        "message": code.cause(),
    })
    .to_string()
}

fn problem_type(code: &str) -> String {
    format!("urn:octoporty:problem:{code}")
}

fn status(code: FailureCode) -> StatusCode {
    StatusCode::from_u16(code.status()).expect("every failure has a legal status")
}

fn whole(status: StatusCode, kind: HeaderValue, body: Bytes) -> Answer {
    let length = HeaderValue::from(body.len());
    let mut answer = Answer::new(AnswerBody::Full(body));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CONTENT_LENGTH, length);
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if matches!(status, StatusCode::SERVICE_UNAVAILABLE) {
        // Agents are back within seconds of whatever took them away.
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    answer
}

#[cfg(test)]
mod tests;
