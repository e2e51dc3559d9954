//! `GET /api/v1/logs/connections`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use serde::Deserialize;
use utoipa::IntoParams;

use super::shapes::{ConnectionEntry, ConnectionPage};
use super::{before_id, count, csv, moment, page, wants_csv};
use crate::api::error::ApiError;
use crate::api::fields::Mistakes;
use crate::api::responses::{CrossSite, Invalid, Unauthorized, Unavailable};
use crate::app::App;
use crate::clock::rfc3339;
use crate::store::{ConnectionFilter, ConnectionRow, StoreError};

/// Which rows. What is left out does not narrow.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct ConnectionQuery {
    /// Began not before this moment. RFC 3339.
    #[param(format = DateTime)]
    since: Option<String>,
    /// Began before this moment. RFC 3339.
    #[param(format = DateTime)]
    until: Option<String>,
    /// Only rows with a lower id: `nextBeforeId` of the page before.
    #[param(value_type = Option<i64>)]
    before_id: Option<String>,
    /// Rows of the page: 1 to 5000, default 1000; as CSV, all that there are by default.
    #[param(value_type = Option<i64>)]
    count: Option<String>,
}

/// The connection log, newest first; as CSV with `Accept: text/csv`, where a cell that would be a formula begins with
/// `'`.
#[utoipa::path(
    get, path = "/api/v1/logs/connections", operation_id = "listConnections", tag = "logs",
    security(("cookie" = []), ("bearer" = [])),
    params(ConnectionQuery),
    responses(
        (status = 200, description = "A page.", body = ConnectionPage),
        Invalid, Unauthorized, CrossSite, Unavailable
    )
)]
pub(crate) async fn connections(
    State(app): State<Arc<App>>,
    Query(query): Query<ConnectionQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let extent = csv::Extent::of(query.count.as_deref());
    let count = count(query.count.as_deref());
    let mut mistakes = Mistakes::default();
    let filter = ConnectionFilter {
        since_ms: moment(&mut mistakes, "since", query.since.as_deref()),
        until_ms: moment(&mut mistakes, "until", query.until.as_deref()),
        before_id: before_id(&mut mistakes, query.before_id.as_deref()),
        count: count + 1,
    };
    let filter = mistakes.finish(Some(filter))?;
    if wants_csv(&headers) {
        return Ok(table(app, filter, extent).await?);
    }
    let (rows, has_more, next_before_id) = page(app.store.connections(&filter).await?, count, |row| row.id);
    let items = rows.into_iter().map(ConnectionEntry::from).collect();
    Ok(Json(ConnectionPage { items, has_more, next_before_id }).into_response())
}

impl From<ConnectionRow> for ConnectionEntry {
    fn from(row: ConnectionRow) -> Self {
        let duration = row.ended_ms.map(|ended| duration_seconds(row.started_ms, ended));
        Self {
            id: row.id,
            session_id: row.session,
            started_at: rfc3339(row.started_ms),
            ended_at: row.ended_ms.map(rfc3339),
            duration_seconds: duration,
            end_reason: row.end_reason,
            end_detail: row.end_detail,
            gateway_url: row.gateway_url,
            gateway_version: row.gateway_version,
            agent_version: row.agent_version,
            transport: row.transport,
            links: row.links,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of centuries fit 53 bits")]
fn duration_seconds(started_ms: u64, ended_ms: u64) -> f64 {
    ended_ms.saturating_sub(started_ms) as f64 / 1_000.0
}

const COLUMNS: [&str; 12] = [
    "id",
    "sessionId",
    "startedAt",
    "endedAt",
    "durationSeconds",
    "endReason",
    "endDetail",
    "gatewayUrl",
    "gatewayVersion",
    "agentVersion",
    "transport",
    "links",
];

async fn table(app: Arc<App>, filter: ConnectionFilter, extent: csv::Extent) -> Result<Response, StoreError> {
    csv::stream("octoporty-connections.csv", &COLUMNS, move |before| {
        let (app, mut filter) = (Arc::clone(&app), filter.clone());
        async move {
            let count = extent.portion(filter.count - 1);
            filter.before_id = before.or(filter.before_id);
            filter.count = count + 1;
            let (rows, _, next) = page(app.store.connections(&filter).await?, count, |row| row.id);
            let mut part = csv::Table::default();
            rows.into_iter().map(ConnectionEntry::from).for_each(|item| part.row(cells(item)));
            Ok((part, extent.next(next)))
        }
    })
    .await
}

fn cells(item: ConnectionEntry) -> [String; COLUMNS.len()] {
    [
        item.id.to_string(),
        item.session_id,
        item.started_at,
        csv::text(item.ended_at),
        csv::text(item.duration_seconds),
        csv::text(item.end_reason),
        csv::text(item.end_detail),
        item.gateway_url,
        item.gateway_version,
        item.agent_version,
        item.transport,
        item.links.to_string(),
    ]
}
