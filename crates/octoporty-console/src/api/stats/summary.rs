//! `GET /api/v1/stats/summary`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use octoporty_proto::model::MappingId;
use serde::Deserialize;
use utoipa::IntoParams;

use super::history::{known, mapping};
use super::shapes::{Bytes, Figures, RangeSummary, Summary, Targets};
use crate::api::error::ApiError;
use crate::api::fields::Mistakes;
use crate::api::responses::{Invalid, NotFound, Unauthorized, Unavailable};
use crate::app::App;
use crate::clock::rfc3339;
use crate::recorder::rollups::{Requests, Step, Tunnel};
use crate::store::Slices;

/// What the product is to reach: 99.5 % of requests answered, 99.9 % of the time connected.
const TARGETS: Targets = Targets { success_rate: 0.995, uptime: 0.999 };
const HOUR_MS: u64 = 60 * 60 * 1_000;
/// The ranges, and the finest slices that are kept for the whole of each.
const RANGES: [(&str, u64, Step); 3] =
    [("24h", 24 * HOUR_MS, Step::Minute), ("7d", 7 * 24 * HOUR_MS, Step::Hour), ("30d", 30 * 24 * HOUR_MS, Step::Hour)];

/// Which figures.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SummaryQuery {
    /// Of this mapping alone, by its id. Uptime is the tunnel's all the same.
    #[param(format = "uuid")]
    mapping: Option<String>,
}

/// Success rate, uptime and other figures of the last 24 hours, 7 days and 30 days.
#[utoipa::path(
    get, path = "/api/v1/stats/summary", operation_id = "getStatsSummary", tag = "status",
    security(("cookie" = []), ("bearer" = [])),
    params(SummaryQuery),
    responses((status = 200, description = "Figures.", body = Summary), Invalid, Unauthorized, NotFound, Unavailable)
)]
pub(crate) async fn summary(
    State(app): State<Arc<App>>,
    Query(query): Query<SummaryQuery>,
) -> Result<Json<Summary>, ApiError> {
    let mut mistakes = Mistakes::default();
    let mapping = mapping(&mut mistakes, query.mapping.as_deref());
    let mapping = mistakes.finish(Some(mapping))?;
    app.recorded.roll_up().await;
    let now = app.clock.now_ms();
    let mut ranges = Vec::with_capacity(RANGES.len());
    for range in RANGES {
        ranges.push(of_range(&app, now, mapping, range).await?);
    }
    let mapping = mapping.map(|mapping| mapping.to_string());
    Ok(Json(Summary { now: rfc3339(now), targets: TARGETS, mapping, ranges }))
}

async fn of_range(
    app: &App,
    now: u64,
    mapping: Option<MappingId>,
    (name, length, step): (&str, u64, Step),
) -> Result<RangeSummary, ApiError> {
    // A slice that has begun before the range counts as a whole: it is right to within one slice.
    let slices = Slices { step, from_ms: step.begin(now.saturating_sub(length)), to_ms: now.saturating_add(1) };
    let by_slice = app.store.request_rollups(slices, mapping).await?;
    if name == "30d" {
        known(app, mapping, &by_slice)?;
    }
    let (mut requests, mut tunnel) = (Requests::default(), Tunnel::default());
    by_slice.values().for_each(|slice| requests.add(slice));
    app.store.tunnel_rollups(slices).await?.values().for_each(|slice| tunnel.add(slice));
    let success_rate = share(requests.requests.saturating_sub(requests.errors), requests.requests);
    let uptime = share(tunnel.connected_ms, tunnel.observed_ms);
    let bytes = if mapping.is_some() { Bytes::Requests } else { Bytes::Tunnel };
    Ok(RangeSummary {
        range: name.to_owned(),
        from: rfc3339(slices.from_ms),
        success_rate,
        success_met: success_rate.map(|share| share >= TARGETS.success_rate),
        uptime,
        uptime_met: uptime.map(|share| share >= TARGETS.uptime),
        figures: Figures::of(&requests, tunnel, bytes),
    })
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no more than 53 bits")]
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
