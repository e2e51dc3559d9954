//! Figures of longer times, as the API shows them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::recorder::rollups::{Requests, Tunnel};

/// Length of the slices that figures are kept in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum HistoryStep {
    /// Kept for 48 hours.
    Minute,
    /// Kept for 35 days.
    Hour,
    /// Of UTC; kept for 2 years.
    Day,
}

/// Answers by class of status.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, ToSchema)]
pub(crate) struct StatusClasses {
    /// Informational: upgraded connections.
    #[serde(rename = "1xx")]
    pub(crate) informational: u64,
    /// Success.
    #[serde(rename = "2xx")]
    pub(crate) success: u64,
    /// Redirection.
    #[serde(rename = "3xx")]
    pub(crate) redirection: u64,
    /// The client's error, and visitors that left.
    #[serde(rename = "4xx")]
    pub(crate) client_error: u64,
    /// The server's error.
    #[serde(rename = "5xx")]
    pub(crate) server_error: u64,
}

/// Figures of one slice of time, or of several together.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Figures {
    /// Requests that ended in it.
    pub(crate) requests: u64,
    /// Of these, failed: status 500 and above, or cut.
    pub(crate) errors: u64,
    /// Requests by class of status.
    pub(crate) classes: StatusClasses,
    /// Bytes from visitors: of streams; of one mapping, of the bodies of finished requests.
    pub(crate) bytes_to_targets: u64,
    /// Bytes to visitors, likewise.
    pub(crate) bytes_to_visitors: u64,
    /// Mean time of a request, milliseconds; null without requests.
    #[schema(required)]
    pub(crate) mean_ms: Option<f64>,
    /// Half of the requests took no longer, milliseconds, right to within 5 %; null without requests.
    #[schema(required)]
    pub(crate) p50_ms: Option<f64>,
    /// 95 of 100 requests took no longer, likewise.
    #[schema(required)]
    pub(crate) p95_ms: Option<f64>,
    /// How long the agent ran in it, seconds.
    pub(crate) observed_seconds: f64,
    /// How long of that its tunnel was connected, seconds.
    pub(crate) connected_seconds: f64,
}

/// A slice of time.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HistoryPoint {
    /// When it began. RFC 3339, UTC.
    #[schema(format = DateTime)]
    pub(crate) at: String,
    /// What happened in it.
    #[serde(flatten)]
    pub(crate) figures: Figures,
}

/// Figures over time.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct History {
    /// When the first slice begins. RFC 3339, UTC.
    #[schema(format = DateTime)]
    pub(crate) from: String,
    /// Slices begin before this. RFC 3339, UTC.
    #[schema(format = DateTime)]
    pub(crate) to: String,
    /// Length of the slices that are kept.
    pub(crate) step: HistoryStep,
    /// So many of these make a point.
    pub(crate) group: u32,
    /// Length of a point, seconds.
    pub(crate) point_seconds: u64,
    /// Of this mapping; null: of all together.
    #[schema(required, format = "uuid")]
    pub(crate) mapping: Option<String>,
    /// Oldest first. Where the agent did not run there is none.
    pub(crate) points: Vec<HistoryPoint>,
}

/// What to compare shares with.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Targets {
    /// Share of requests that did not fail.
    pub(crate) success_rate: f64,
    /// Share of the time in which the tunnel was connected.
    pub(crate) uptime: f64,
}

/// Figures of the last hours or days.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RangeSummary {
    /// `24h`, `7d` or `30d`.
    pub(crate) range: String,
    /// Begin. RFC 3339, UTC.
    #[schema(format = DateTime)]
    pub(crate) from: String,
    /// Share of requests that did not fail, 0 to 1; null without requests.
    #[schema(required)]
    pub(crate) success_rate: Option<f64>,
    /// Whether that is its target or better; null without requests.
    #[schema(required)]
    pub(crate) success_met: Option<bool>,
    /// Share of the time that the agent ran in which its tunnel was connected, 0 to 1; null when it did not run.
    #[schema(required)]
    pub(crate) uptime: Option<f64>,
    /// Whether that is its target or better; null when the agent did not run.
    #[schema(required)]
    pub(crate) uptime_met: Option<bool>,
    /// All of it together.
    #[serde(flatten)]
    pub(crate) figures: Figures,
}

/// Figures of the last day, week and month.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    /// As of when. RFC 3339, UTC.
    #[schema(format = DateTime)]
    pub(crate) now: String,
    /// What to compare with.
    pub(crate) targets: Targets,
    /// Of this mapping; null: of all together.
    #[schema(required, format = "uuid")]
    pub(crate) mapping: Option<String>,
    /// The shortest first.
    pub(crate) ranges: Vec<RangeSummary>,
}

/// Whose bytes a point shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Bytes {
    /// Of streams, as they move.
    Tunnel,
    /// Of the bodies of finished requests: streams are not told apart by mapping.
    Requests,
}

impl Figures {
    /// Puts them together.
    #[expect(clippy::cast_precision_loss, reason = "a mean needs no more than 53 bits")]
    pub(crate) fn of(requests: &Requests, tunnel: Tunnel, bytes: Bytes) -> Self {
        let [informational, success, redirection, client_error, server_error] = requests.by_class;
        let (bytes_to_targets, bytes_to_visitors) = match bytes {
            Bytes::Tunnel => (tunnel.bytes_to_targets, tunnel.bytes_to_visitors),
            Bytes::Requests => (requests.bytes_to_targets, requests.bytes_to_visitors),
        };
        let mean = (requests.requests > 0).then(|| requests.total_us as f64 / requests.requests as f64 / 1_000.0);
        Self {
            requests: requests.requests,
            errors: requests.errors,
            classes: StatusClasses { informational, success, redirection, client_error, server_error },
            bytes_to_targets,
            bytes_to_visitors,
            mean_ms: mean.map(|ms| (ms * 100.0).round() / 100.0),
            p50_ms: requests.times.quantile_ms(50),
            p95_ms: requests.times.quantile_ms(95),
            observed_seconds: tunnel.observed_ms as f64 / 1_000.0,
            connected_seconds: tunnel.connected_ms as f64 / 1_000.0,
        }
    }
}
