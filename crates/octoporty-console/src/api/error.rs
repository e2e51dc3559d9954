//! The one error at the HTTP edge: a stable code, a public sentence, a private cause that is logged once and never
//! sent. The body is written by [`super::finish`], which knows the request's id.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use octoporty_proto::model::AskError;
use tracing::error;

use super::problem::{Fields, Holder, Problem};
use crate::store::StoreError;

/// Seconds after which another try makes sense when the database is away.
const STORE_RETRY_SECONDS: u64 = 5;
/// And when the gateway is: an agent is back within about this.
const GATEWAY_RETRY_SECONDS: u64 = 5;

/// Why a request was not done.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    particulars: Box<Particulars>,
}

#[derive(Debug, Default)]
struct Particulars {
    detail: String,
    fields: Fields,
    retry_after_seconds: Option<u64>,
    holder: Option<Holder>,
    cause: Option<String>,
}

impl ApiError {
    /// Any error, without particulars.
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let particulars = Particulars { detail: detail.into(), ..Particulars::default() };
        Self { status, code, particulars: Box::new(particulars) }
    }

    /// The body is not what was asked for.
    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", detail)
    }

    /// Fields are not legal; each says what to change.
    pub(crate) fn invalid(fields: Fields) -> Self {
        let detail = fields.values().flatten().next().cloned().unwrap_or_else(|| "Something is not legal.".to_owned());
        let mut error = Self::new(StatusCode::BAD_REQUEST, "validation_failed", detail);
        error.particulars.fields = fields;
        error
    }

    /// One field is not legal.
    pub(crate) fn invalid_field(field: &str, message: impl Into<String>) -> Self {
        Self::invalid(Fields::from([(field.to_owned(), vec![message.into()])]))
    }

    /// There is no such thing.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("There is no such {what}."))
    }

    /// Nobody is logged in.
    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "Log in first, or refresh the session.")
    }

    /// A browser sent this from another site's page.
    pub(crate) fn cross_site() -> Self {
        let detail = "This was sent from another site's page and was not done. Behind a proxy, have it pass on the \
                      Host header, or set X-Forwarded-Host and trust the proxy.";
        Self::new(StatusCode::FORBIDDEN, "cross_site", detail)
    }

    /// Somebody else changed it in between.
    pub(crate) fn stale() -> Self {
        let detail = "This was changed in between; load it anew and repeat your change.";
        Self::new(StatusCode::PRECONDITION_FAILED, "stale", detail)
    }

    /// What is asked for belongs to another.
    pub(crate) fn occupied(holder: Holder, fields: Fields, detail: String) -> Self {
        let mut error = Self::new(StatusCode::CONFLICT, "duplicate_endpoint", detail);
        error.particulars.fields = fields;
        error.particulars.holder = Some(holder);
        error
    }

    /// The body does not come.
    pub(crate) fn too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", "The body did not arrive in time.")
    }

    /// Too many requests of this visitor are being worked at.
    pub(crate) fn too_many() -> Self {
        let detail = "Too many requests of yours are being worked at; repeat this one in a moment.";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail).retry_after(1)
    }

    /// The same in other words.
    pub(crate) fn detailed(mut self, detail: String) -> Self {
        self.particulars.detail = detail;
        self
    }

    /// Not before so many seconds.
    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.particulars.retry_after_seconds = Some(seconds);
        self
    }

    /// The field that a form shall show it at.
    pub(crate) fn at_field(mut self, field: &str) -> Self {
        let detail = self.particulars.detail.clone();
        self.particulars.fields.entry(field.to_owned()).or_default().push(detail);
        self
    }

    /// Writes the answer's body, and the cause to the log.
    pub(crate) fn problem(&self, request_id: &str) -> Problem {
        if let Some(cause) = &self.particulars.cause {
            error!(request_id, code = self.code, %cause, "a request failed");
        }
        Problem {
            kind: "about:blank".to_owned(),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.particulars.detail.clone(),
            code: self.code.to_owned(),
            request_id: request_id.to_owned(),
            message: self.particulars.detail.clone(),
            errors: self.particulars.fields.clone(),
            retry_after_seconds: self.particulars.retry_after_seconds,
            holder: self.particulars.holder.clone(),
        }
    }

    /// The error of an answer that somebody below the handlers made.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::METHOD_NOT_ALLOWED => {
                Self::new(status, "method_not_allowed", "This path does not take this method.")
            }
            StatusCode::PAYLOAD_TOO_LARGE => Self::new(status, "body_too_large", "The body is too large."),
            StatusCode::NOT_FOUND => Self::new(status, "not_found", "There is nothing at this path."),
            status if status.is_server_error() => {
                let detail = "The console failed; its log has the particulars under this request id.";
                Self::new(status, "internal", detail)
            }
            status => Self::new(status, "refused", "The request was refused."),
        }
    }

    /// Messages by field.
    pub(crate) const fn fields(&self) -> &Fields {
        &self.particulars.fields
    }

    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) const fn retry_after_seconds(&self) -> Option<u64> {
        self.particulars.retry_after_seconds
    }
}

/// The gateway, which has the answer, did not give one.
impl From<AskError> for ApiError {
    fn from(error: AskError) -> Self {
        let (status, code, retry) = match error {
            AskError::NotConnected => (StatusCode::SERVICE_UNAVAILABLE, "gateway_away", Some(GATEWAY_RETRY_SECONDS)),
            AskError::Lost => (StatusCode::SERVICE_UNAVAILABLE, "gateway_lost", Some(GATEWAY_RETRY_SECONDS)),
            AskError::Busy => (StatusCode::SERVICE_UNAVAILABLE, "gateway_busy", Some(1)),
            AskError::TimedOut { .. } => (StatusCode::GATEWAY_TIMEOUT, "gateway_timeout", None),
            AskError::Unsupported { .. } => (StatusCode::BAD_GATEWAY, "gateway_too_old", None),
            _ => (StatusCode::BAD_GATEWAY, "gateway_declined", None),
        };
        let answer = Self::new(status, code, error.to_string());
        match retry {
            Some(seconds) => answer.retry_after(seconds),
            None => answer,
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let mut answer = match &error {
            full if full.is_full() => {
                let detail = "The disk of the console's database is full: make room on it. Nothing was changed, and the \
                              tunnel goes on.";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "disk_full", detail).retry_after(STORE_RETRY_SECONDS)
            }
            StoreError::Unavailable(_) => {
                let detail = "The console cannot read or write its database at the moment; its log says why. Nothing \
                              was changed.";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", detail).retry_after(STORE_RETRY_SECONDS)
            }
            StoreError::Closed => {
                let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", "The console is stopping.");
                error.retry_after(STORE_RETRY_SECONDS)
            }
            StoreError::Corrupt(_) => Self::of_status(StatusCode::INTERNAL_SERVER_ERROR),
        };
        answer.particulars.cause = Some(error.to_string());
        answer
    }
}

/// Carries the error to [`super::finish`].
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}
