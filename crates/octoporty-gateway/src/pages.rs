//! What the gateway says by itself: error answers and the landing page.

use http::{HeaderMap, HeaderValue, StatusCode, header};
use octoporty_proto::model::Failure;

use crate::body::{Answer, AnswerBody};
use crate::visitor::RequestId;

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
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let html = headers.get_all(header::ACCEPT).iter().any(|value| {
            value.to_str().is_ok_and(|text| {
                text.split(',').any(|range| {
                    let kind = range.split(';').next().unwrap_or("").trim();
                    kind.eq_ignore_ascii_case("text/html")
                        || kind.eq_ignore_ascii_case("application/xhtml+xml")
                })
            })
        });
        if html { Self::Html } else { Self::Json }
    }
}

/// The answer that tells a visitor of a failure. The private detail is left out.
pub(crate) fn failure_answer(failure: &Failure, request_id: &RequestId, wants: Wants) -> Answer {
    let _ = wants;
    let status =
        StatusCode::from_u16(failure.code.status()).expect("every failure has a legal status");
    let body =
        serde_json::json!({ "code": failure.code.as_str(), "requestId": request_id.as_str() });
    let mut answer = Answer::new(AnswerBody::Full(body.to_string().into()));
    *answer.status_mut() = status;
    let kind = HeaderValue::from_static("application/problem+json");
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    answer
}
