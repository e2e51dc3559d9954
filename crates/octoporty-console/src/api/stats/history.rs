//! `GET /api/v1/stats/history`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use octoporty_proto::model::MappingId;
use serde::Deserialize;
use utoipa::IntoParams;

use super::shapes::{Bytes, Figures, History, HistoryPoint, HistoryStep};
use crate::api::error::ApiError;
use crate::api::fields::Mistakes;
use crate::api::logs::moment;
use crate::api::responses::{Invalid, NotFound, Unauthorized, Unavailable};
use crate::app::App;
use crate::clock::rfc3339;
use crate::recorder::rollups::{Requests, Step, Tunnel};
use crate::store::Slices;

/// Most points of an answer: all minutes that are kept, and some to spare.
const MAX_POINTS: u64 = 3_000;
/// Most slices that are read for an answer: they are joined in memory.
const MAX_SLICES: u64 = 10_000;
/// Most slices of a point.
const MAX_GROUP: u32 = 1_000;
/// How far back an answer goes when the client does not say.
const DEFAULT_RANGE_MS: u64 = 24 * 60 * 60 * 1_000;

/// Which figures.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryQuery {
    /// Begin. RFC 3339. Default: 24 hours before `to`.
    #[param(format = DateTime)]
    from: Option<String>,
    /// End. RFC 3339. Default: now.
    #[param(format = DateTime)]
    to: Option<String>,
    /// `minute` (kept for 48 hours), `hour` (35 days) or `day` (2 years, of UTC). Default `hour`.
    #[param(value_type = Option<HistoryStep>)]
    step: Option<String>,
    /// So many of these make a point: 1 to 1000, default 1.
    #[param(value_type = Option<u32>)]
    group: Option<String>,
    /// Of this mapping alone, by its id.
    #[param(format = "uuid")]
    mapping: Option<String>,
}

/// What was asked for.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    slices: Slices,
    group: u32,
    mapping: Option<MappingId>,
}

/// Figures over time, from the tables that outlive the request log. At most 3000 points.
#[utoipa::path(
    get, path = "/api/v1/stats/history", operation_id = "getStatsHistory", tag = "status",
    security(("cookie" = []), ("bearer" = [])),
    params(HistoryQuery),
    responses((status = 200, description = "Figures.", body = History), Invalid, Unauthorized, NotFound, Unavailable)
)]
pub(crate) async fn history(
    State(app): State<Arc<App>>,
    Query(query): Query<HistoryQuery>,
) -> Result<Json<History>, ApiError> {
    let wanted = query.read(app.clock.now_ms())?;
    app.recorded.roll_up().await;
    let requests = app.store.request_rollups(wanted.slices, wanted.mapping).await?;
    known(&app, wanted.mapping, &requests)?;
    let tunnel = app.store.tunnel_rollups(wanted.slices).await?;
    Ok(Json(wanted.answer(&requests, &tunnel)))
}

/// A mapping that was deleted keeps its history; one that never was has none.
pub(super) fn known(app: &App, mapping: Option<MappingId>, requests: &BTreeMap<u64, Requests>) -> Result<(), ApiError> {
    let Some(id) = mapping else { return Ok(()) };
    let is_there = app.desired.view().mappings.iter().any(|stored| stored.mapping.id == id);
    if is_there || !requests.is_empty() { Ok(()) } else { Err(ApiError::not_found("mapping")) }
}

/// The id in a query.
pub(super) fn mapping(mistakes: &mut Mistakes, text: Option<&str>) -> Option<MappingId> {
    let text = text.map(str::trim).filter(|text| !text.is_empty())?;
    let id = text.parse().ok();
    if id.is_none() {
        mistakes.add("mapping", "the id of a mapping is needed here, such as GET /api/v1/mappings tells");
    }
    id
}

impl HistoryQuery {
    fn read(&self, now_ms: u64) -> Result<Wanted, ApiError> {
        let mut mistakes = Mistakes::default();
        let to_ms = moment(&mut mistakes, "to", self.to.as_deref()).unwrap_or(now_ms);
        let from_ms = moment(&mut mistakes, "from", self.from.as_deref());
        let from_ms = from_ms.unwrap_or_else(|| to_ms.saturating_sub(DEFAULT_RANGE_MS));
        let step = self.step(&mut mistakes);
        let group = self.group(&mut mistakes);
        let mapping = mapping(&mut mistakes, self.mapping.as_deref());
        let wanted = Wanted { slices: Slices { step, from_ms, to_ms }.aligned(group), group, mapping };
        if from_ms >= to_ms {
            mistakes.add("from", "it must be before `to`");
        } else {
            wanted.check_size(&mut mistakes);
        }
        mistakes.finish(Some(wanted))
    }

    fn step(&self, mistakes: &mut Mistakes) -> Step {
        match self.step.as_deref().map(str::trim) {
            Some("minute") => Step::Minute,
            None | Some("" | "hour") => Step::Hour,
            Some("day") => Step::Day,
            Some(_) => {
                mistakes.add("step", "one of minute, hour, day is needed here");
                Step::Hour
            }
        }
    }

    fn group(&self, mistakes: &mut Mistakes) -> u32 {
        let Some(text) = self.group.as_deref().map(str::trim).filter(|text| !text.is_empty()) else { return 1 };
        text.parse().ok().filter(|group| (1..=MAX_GROUP).contains(group)).unwrap_or_else(|| {
            mistakes.add("group", "a whole number from 1 to 1000 is needed here");
            1
        })
    }
}

impl Slices {
    /// From the begin of the point that the first moment lies in.
    fn aligned(self, group: u32) -> Self {
        let point = self.step.ms() * u64::from(group);
        Self { from_ms: self.from_ms - self.from_ms % point, ..self }
    }
}

impl Wanted {
    fn point_ms(&self) -> u64 {
        self.slices.step.ms() * u64::from(self.group)
    }

    fn check_size(&self, mistakes: &mut Mistakes) {
        let range = self.slices.to_ms - self.slices.from_ms;
        let (points, slices) = (range.div_ceil(self.point_ms()), range.div_ceil(self.slices.step.ms()));
        if points > MAX_POINTS {
            mistakes.add(
                "step",
                &format!("this range has {points} points, at most {MAX_POINTS} are told at once; take a longer step, a larger group or a shorter range"),
            );
        } else if slices > MAX_SLICES {
            mistakes.add(
                "step",
                &format!("this range has {slices} slices, at most {MAX_SLICES} are joined at once; take a longer step or a shorter range"),
            );
        }
    }

    fn answer(&self, requests: &BTreeMap<u64, Requests>, tunnel: &BTreeMap<u64, Tunnel>) -> History {
        let bytes = if self.mapping.is_some() { Bytes::Requests } else { Bytes::Tunnel };
        let mut points: BTreeMap<u64, (Requests, Tunnel)> = BTreeMap::new();
        let point = |begin: &u64| begin - begin % self.point_ms();
        for (begin, slice) in requests {
            points.entry(point(begin)).or_default().0.add(slice);
        }
        for (begin, slice) in tunnel {
            points.entry(point(begin)).or_default().1.add(slice);
        }
        let points = points.into_iter().map(|(begin, (requests, tunnel))| HistoryPoint {
            at: rfc3339(begin),
            figures: Figures::of(&requests, tunnel, bytes),
        });
        History {
            from: rfc3339(self.slices.from_ms),
            to: rfc3339(self.slices.to_ms),
            step: self.slices.step.into(),
            group: self.group,
            point_seconds: self.point_ms() / 1_000,
            mapping: self.mapping.map(|mapping| mapping.to_string()),
            points: points.collect(),
        }
    }
}

impl From<Step> for HistoryStep {
    fn from(step: Step) -> Self {
        match step {
            Step::Minute => Self::Minute,
            Step::Hour => Self::Hour,
            Step::Day => Self::Day,
        }
    }
}
