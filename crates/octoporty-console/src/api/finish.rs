//! Goes round every request: gives it an id, tells handlers where it comes from, writes the bodies of errors, and sets
//! the headers that every answer has.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue, StatusCode};
use tracing::{Instrument, debug_span};
use uuid::Uuid;

use super::error::ApiError;
use crate::app::App;
use crate::auth::visitor::Visitor;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-octoporty-request-id");
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// The other end of the connection that a request came on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Whether a path belongs to the API, where every error is a problem in JSON.
pub(crate) fn is_api(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/")
}

/// Every documented path answers without its `v1` as well.
pub(crate) fn with_version(path: &str) -> Option<String> {
    let rest = path.strip_prefix("/api/")?;
    let as_it_is = rest.is_empty() || rest == "v1" || rest.starts_with("v1/") || rest == "openapi.json";
    (!as_it_is).then(|| format!("/api/v1/{rest}"))
}

/// See the module.
pub(crate) async fn finish(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let id = Uuid::now_v7().simple().to_string();
    let peer = request.extensions().get::<Peer>().copied().expect("the listener tells the peer of each request");
    let visitor = Visitor::of(peer.0, request.headers(), &app.trusted);
    let turn = app.turns.take(visitor.source);
    request.extensions_mut().insert(visitor);
    let api = is_api(request.uri().path());
    let span = debug_span!("console_request", id, method = %request.method(), path = request.uri().path());
    let mut response = match turn {
        Some(_turn) => next.run(request).instrument(span).await,
        None => ApiError::too_many().into_response(),
    };
    if let Some(error) = response.extensions_mut().remove::<Arc<ApiError>>() {
        write_problem(&mut response, &error, &id);
    } else if is_bare_error(&response, api) {
        let error = ApiError::of_status(response.status());
        write_problem(&mut response, &error, &id);
    }
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, HeaderValue::try_from(id).expect("hex digits"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// An error that no handler of ours wrote: by the router, a limit, or a panic.
fn is_bare_error(response: &Response, api: bool) -> bool {
    let status = response.status();
    let ours = [&PROBLEM_JSON, &HeaderValue::from_static("application/json")];
    let written = response.headers().get(CONTENT_TYPE).is_some_and(|kind| ours.contains(&kind));
    (status.is_client_error() || status.is_server_error()) && !written && (api || status.is_server_error())
}

fn write_problem(response: &mut Response, error: &ApiError, request_id: &str) {
    let body = serde_json::to_vec(&error.problem(request_id)).expect("texts and numbers are always JSON");
    *response.body_mut() = Body::from(body);
    *response.status_mut() = error.status();
    let headers = response.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.insert(CONTENT_TYPE, PROBLEM_JSON);
    if let Some(seconds) = error.retry_after_seconds() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if error.status() == StatusCode::REQUEST_TIMEOUT {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if error.status() == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
}
