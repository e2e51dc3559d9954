//! `/api/v1/stats`: `GET …/live` here, what is kept for longer in [`history`] and [`summary`].

pub(crate) mod history;
pub(crate) mod shapes;
pub(crate) mod summary;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::logs::shapes::RequestEntry;
use super::responses::Unauthorized;
use super::status::shapes::{LiveStats, StatsBucket};
use crate::app::App;
use crate::clock::rfc3339;
use crate::recorder::figures::{BUCKET_MS, Bucket, Summary};

/// Figures of the last 15 minutes, since the console's start at the most.
#[utoipa::path(
    get, path = "/api/v1/stats/live", operation_id = "getLiveStats", tag = "status",
    security(("cookie" = []), ("bearer" = [])),
    responses((status = 200, description = "Figures.", body = LiveStats), Unauthorized)
)]
pub(crate) async fn live(State(app): State<Arc<App>>) -> Json<LiveStats> {
    let now = app.clock.now_ms();
    let summary = app.recorded.figures().summary(now);
    let newest_failures = app.recorded.newest_failures(&app.desired.view()).iter().map(RequestEntry::from).collect();
    Json(stats(now, summary, newest_failures))
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no more than 53 bits")]
fn stats(now_ms: u64, summary: Summary, newest_failures: Vec<RequestEntry>) -> LiveStats {
    let good = summary.requests.saturating_sub(summary.errors);
    LiveStats {
        now: rfc3339(now_ms),
        bucket_seconds: BUCKET_MS / 1_000,
        requests_per_second: summary.requests_per_second,
        errors_per_second: summary.errors_per_second,
        bytes_per_second: summary.bytes_per_second,
        p95_ms: summary.p95_ms,
        success_rate: (summary.requests > 0).then(|| good as f64 / summary.requests as f64),
        requests: summary.requests,
        errors: summary.errors,
        buckets: summary.buckets.iter().map(StatsBucket::from).collect(),
        newest_failures,
    }
}

impl From<&Bucket> for StatsBucket {
    fn from(bucket: &Bucket) -> Self {
        Self {
            at: rfc3339(bucket.begin_ms()),
            requests: bucket.requests,
            errors: bucket.errors,
            bytes_to_targets: bucket.bytes_to_targets,
            bytes_to_visitors: bucket.bytes_to_visitors,
            p95_ms: bucket.p95_ms(),
        }
    }
}
