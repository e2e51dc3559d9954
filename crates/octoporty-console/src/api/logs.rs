//! `/api/v1/logs`, and what the logs of processes have in common.

pub(crate) mod connections;
pub(crate) mod csv;
pub(crate) mod lines;
pub(crate) mod requests;
pub(crate) mod shapes;

use std::sync::Arc;

use axum::middleware;
use http::HeaderMap;
use http::header::ACCEPT;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::fields::Mistakes;
use crate::app::App;
use crate::auth::guard;
use crate::clock::parse_rfc3339;

/// Rows of a page, when the client does not say.
const DEFAULT_COUNT: u32 = 1_000;
/// Most rows of a page.
const MAX_COUNT: i64 = 5_000;

/// The lists of the logs: each may be had as a file, which is as long as its log.
pub(crate) fn lists() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(requests::requests))
        .routes(routes!(connections::connections))
        .route_layer(middleware::from_fn(guard::require_own_page))
}

/// Rows that a client wants; what is out of range is the nearest that is in it, what is no number is the default.
fn count(text: Option<&str>) -> u32 {
    let wanted = text.and_then(|text| text.trim().parse::<i64>().ok());
    wanted.map_or(DEFAULT_COUNT, |count| u32::try_from(count.clamp(1, MAX_COUNT)).unwrap_or(DEFAULT_COUNT))
}

/// The cursor; 0 and nothing mean the newest.
fn before_id(mistakes: &mut Mistakes, text: Option<&str>) -> Option<i64> {
    let text = text.map(str::trim).filter(|text| !text.is_empty())?;
    match text.parse::<i64>() {
        Ok(0) => None,
        Ok(id) if id > 0 => Some(id),
        _ => {
            mistakes.add("beforeId", "the id of a row is needed here, such as nextBeforeId of the page before");
            None
        }
    }
}

pub(super) fn moment(mistakes: &mut Mistakes, field: &str, text: Option<&str>) -> Option<u64> {
    let text = text.map(str::trim).filter(|text| !text.is_empty())?;
    let moment = parse_rfc3339(text);
    if moment.is_none() {
        mistakes.add(field, "a time in RFC 3339 is needed here, such as 2026-11-20T19:30:00Z");
    }
    moment
}

/// Whether the client asks for CSV and not for JSON.
fn wants_csv(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut kinds = accept.split(',').map(|kind| kind.split(';').next().unwrap_or_default().trim());
    kinds.find(|kind| matches!(*kind, "text/csv" | "application/json")) == Some("text/csv")
}

/// Cuts the row that was asked for to see whether there are more; answers that, and the next cursor.
fn page<T>(mut rows: Vec<T>, count: u32, id_of: impl Fn(&T) -> i64) -> (Vec<T>, bool, Option<i64>) {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let has_more = rows.len() > count;
    rows.truncate(count);
    let next = rows.last().map(id_of).filter(|_| has_more);
    (rows, has_more, next)
}
