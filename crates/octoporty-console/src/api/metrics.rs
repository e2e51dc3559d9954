//! `GET /metrics`: the figures of the whole process, for Prometheus.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::error::ApiError;
use super::responses::Unauthorized;
use crate::app::App;
use crate::auth::guard;
use crate::ports::METRICS_TYPE;

/// Figures since the start of the process, for Prometheus. Needs `Agent__Metrics__Token` as a bearer token, or a
/// session.
#[utoipa::path(
    get, path = "/metrics", operation_id = "getMetrics", tag = "console",
    security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 200, description = "OpenMetrics 1.0.", body = String,
         content_type = "application/openmetrics-text"),
        Unauthorized
    )
)]
pub(crate) async fn metrics(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let has_token = app.metrics_token.as_ref().is_some_and(|token| token.is_brought_by(&headers));
    if !has_token && guard::identify(&app.auth, &headers).is_none() {
        return refused();
    }
    let text = app.metrics.text(&app.figures());
    let kind = HeaderValue::from_static(METRICS_TYPE);
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, HeaderValue::from_static("no-store"))], text).into_response()
}

fn refused() -> Response {
    let detail = "The figures need the token of Agent__Metrics__Token (Authorization: Bearer …), or a session.";
    let mut answer = ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", detail).into_response();
    answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    answer
}
