//! `GET /health` and `GET /ready`, for probes; no login.

use serde::Serialize;
use utoipa::ToSchema;

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
