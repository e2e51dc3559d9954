//! `GET /health` and `GET /ready`, for probes; no login.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use octoporty_proto::model::ConnectionState;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::store;

/// How the agent is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum HealthStatus {
    /// Connected, and the store works.
    Healthy,
    /// Something is amiss; see the reasons.
    Degraded,
}

/// The answer of `/health`; always with status 200.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Health {
    /// In a word.
    pub(crate) status: HealthStatus,
    /// This release.
    pub(crate) version: String,
    /// What is amiss, in sentences.
    pub(crate) reasons: Vec<String>,
    /// Log rows that could not be kept since the start.
    pub(crate) dropped_log_rows: u64,
}

/// The answer of `/ready`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Readiness {
    /// Whether requests are served and changes can be stored.
    pub(crate) ready: bool,
}

/// How the agent is.
#[utoipa::path(
    get, path = "/health", operation_id = "health", tag = "console",
    responses((status = 200, description = "How it is; `degraded` has this status as well.", body = Health))
)]
pub(crate) async fn health(State(app): State<Arc<App>>) -> Json<Health> {
    let mut reasons = Vec::new();
    if app.news.status.borrow().state != ConnectionState::Connected {
        reasons.push("The agent is not connected to its gateway.".to_owned());
    }
    if let Some(trouble) = &*app.store.trouble().borrow() {
        // Anybody may ask: what else it is stands in the log.
        let why = if store::is_full(trouble) { "its disk is full; make room" } else { "the console's log says why" };
        reasons.push(format!("The database cannot be written; {why}."));
    }
    let status = if reasons.is_empty() { HealthStatus::Healthy } else { HealthStatus::Degraded };
    let dropped_log_rows = app.recorded.dropped_rows();
    Json(Health { status, version: app.version.clone(), reasons, dropped_log_rows })
}

/// Whether the console serves and can store.
#[utoipa::path(
    get, path = "/ready", operation_id = "ready", tag = "console",
    responses(
        (status = 200, description = "It serves.", body = Readiness),
        (status = 503, description = "It stops, or cannot store.", body = Readiness)
    )
)]
pub(crate) async fn ready(State(app): State<Arc<App>>) -> (StatusCode, Json<Readiness>) {
    let ready = !app.stopping.is_cancelled() && app.store.trouble().borrow().is_none();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready }))
}
