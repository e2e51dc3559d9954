//! `GET /api/v1/logs/requests` and `GET /api/v1/logs/requests/{id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use serde::Deserialize;
use utoipa::IntoParams;

use super::shapes::{RequestEntry, RequestPage};
use super::{before_id, count, csv, moment, page, wants_csv};
use crate::api::error::ApiError;
use crate::api::fields::Mistakes;
use crate::api::responses::{CrossSite, Invalid, NotFound, Unauthorized, Unavailable};
use crate::app::App;
use crate::clock::rfc3339;
use crate::store::{RequestFilter, RequestRow, StatusClass, StoreError};

/// Which rows. What is left out does not narrow.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct RequestQuery {
    /// Of this mapping.
    #[param(format = "uuid")]
    mapping_id: Option<String>,
    /// With this method.
    method: Option<String>,
    /// `2xx` … `5xx`, or `2` … `5`.
    status_class: Option<String>,
    /// With this failure: `target_refused` and so on, or `visitor_left`.
    error: Option<String>,
    /// Path begins with this.
    path: Option<String>,
    /// From this address.
    client: Option<String>,
    /// With exactly this `X-Octoporty-Request-Id`.
    request_id: Option<String>,
    /// Host, path or request id contains this.
    search: Option<String>,
    /// Not before this moment. RFC 3339.
    #[param(format = DateTime)]
    since: Option<String>,
    /// Before this moment. RFC 3339.
    #[param(format = DateTime)]
    until: Option<String>,
    /// Only rows with a lower id: `nextBeforeId` of the page before.
    #[param(value_type = Option<i64>)]
    before_id: Option<String>,
    /// Rows of the page: 1 to 5000, default 1000; as CSV, all that there are by default.
    #[param(value_type = Option<i64>)]
    count: Option<String>,
}

/// The request log, newest first; as CSV with `Accept: text/csv`, where a cell that would be a formula begins with `'`.
#[utoipa::path(
    get, path = "/api/v1/logs/requests", operation_id = "listRequests", tag = "logs",
    security(("cookie" = []), ("bearer" = [])),
    params(RequestQuery),
    responses(
        (status = 200, description = "A page.", body = RequestPage),
        Invalid, Unauthorized, CrossSite, Unavailable
    )
)]
pub(crate) async fn requests(
    State(app): State<Arc<App>>,
    Query(query): Query<RequestQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let extent = csv::Extent::of(query.count.as_deref());
    let count = count(query.count.as_deref());
    let filter = query.filter(count + 1)?;
    if wants_csv(&headers) {
        return Ok(table(app, filter, extent).await?);
    }
    let (rows, has_more, next_before_id) = page(app.store.requests(&filter).await?, count, |row| row.id);
    let items = rows.iter().map(RequestEntry::from).collect();
    Ok(Json(RequestPage { items, has_more, next_before_id }).into_response())
}

/// One row of the request log.
#[utoipa::path(
    get, path = "/api/v1/logs/requests/{id}", operation_id = "getRequest", tag = "logs",
    security(("cookie" = []), ("bearer" = [])),
    params(("id" = i64, Path, description = "The row's id.")),
    responses(
        (status = 200, description = "The row.", body = RequestEntry),
        Invalid, Unauthorized, NotFound, Unavailable
    )
)]
pub(crate) async fn request(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<RequestEntry>, ApiError> {
    let id = id.parse().map_err(|_| ApiError::invalid_field("id", "The id of a row is needed here: a number."))?;
    let row = app.store.request(id).await?;
    let row = row.ok_or_else(|| ApiError::not_found("row in the request log; it may have been pruned"))?;
    Ok(Json(RequestEntry::from(&row)))
}

impl RequestQuery {
    fn filter(self, count: u32) -> Result<RequestFilter, ApiError> {
        let mut mistakes = Mistakes::default();
        let given = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let mapping = given(self.mapping_id).and_then(|text| {
            text.parse().inspect_err(|_| mistakes.add("mappingId", "the id of a mapping is needed here: a UUID")).ok()
        });
        let status = given(self.status_class).and_then(|text| {
            let class = StatusClass::parse(&text);
            if class.is_none() {
                mistakes.add("statusClass", "one of 1xx, 2xx, 3xx, 4xx and 5xx is needed here");
            }
            class
        });
        let filter = RequestFilter {
            mapping,
            method: given(self.method),
            status,
            error: given(self.error),
            request_id: given(self.request_id),
            path: given(self.path),
            client: given(self.client),
            search: given(self.search),
            since_ms: moment(&mut mistakes, "since", self.since.as_deref()),
            until_ms: moment(&mut mistakes, "until", self.until.as_deref()),
            before_id: before_id(&mut mistakes, self.before_id.as_deref()),
            after_id: None,
            count,
        };
        mistakes.finish(Some(filter))
    }
}

impl From<&RequestRow> for RequestEntry {
    fn from(row: &RequestRow) -> Self {
        let record = &row.record;
        let target_us = record.first_byte_us.zip(record.tunnel_us).map(|(whole, tunnel)| whole.saturating_sub(tunnel));
        Self {
            id: row.id,
            mapping_id: record.mapping.to_string(),
            mapping_name: row.mapping_name.clone(),
            request_id: record.request_id.clone(),
            at: rfc3339(record.at_ms),
            method: record.method.clone(),
            host: record.host.clone(),
            path: record.path.clone(),
            query: record.query.clone(),
            status: record.status,
            error: record.error.clone(),
            error_detail: record.error_detail.clone(),
            gateway_ms: milliseconds(record.gateway_us),
            first_byte_ms: record.first_byte_us.map(milliseconds),
            tunnel_ms: record.tunnel_us.map(milliseconds),
            target_ms: target_us.map(milliseconds),
            total_ms: milliseconds(record.total_us),
            request_bytes: record.request_bytes,
            response_bytes: record.response_bytes,
            client: record.client.to_string(),
            user_agent: record.user_agent.clone(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of centuries fit 53 bits")]
fn milliseconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1_000.0
}

const COLUMNS: [&str; 21] = [
    "id",
    "at",
    "mappingId",
    "mappingName",
    "requestId",
    "method",
    "host",
    "path",
    "query",
    "status",
    "error",
    "errorDetail",
    "gatewayMs",
    "firstByteMs",
    "totalMs",
    "requestBytes",
    "responseBytes",
    "client",
    "userAgent",
    // Newer columns stand behind, so that old scripts find theirs.
    "tunnelMs",
    "targetMs",
];

async fn table(app: Arc<App>, filter: RequestFilter, extent: csv::Extent) -> Result<Response, StoreError> {
    csv::stream("octoporty-requests.csv", &COLUMNS, move |before| {
        let (app, mut filter) = (Arc::clone(&app), filter.clone());
        async move {
            let count = extent.portion(filter.count - 1);
            filter.before_id = before.or(filter.before_id);
            filter.count = count + 1;
            let (rows, _, next) = page(app.store.requests(&filter).await?, count, |row| row.id);
            let mut part = csv::Table::default();
            rows.iter().map(RequestEntry::from).for_each(|item| part.row(cells(item)));
            Ok((part, extent.next(next)))
        }
    })
    .await
}

fn cells(item: RequestEntry) -> [String; COLUMNS.len()] {
    [
        item.id.to_string(),
        item.at,
        item.mapping_id,
        csv::text(item.mapping_name),
        item.request_id,
        item.method,
        item.host,
        item.path,
        csv::text(item.query),
        item.status.to_string(),
        csv::text(item.error),
        csv::text(item.error_detail),
        item.gateway_ms.to_string(),
        csv::text(item.first_byte_ms),
        item.total_ms.to_string(),
        item.request_bytes.to_string(),
        item.response_bytes.to_string(),
        item.client,
        csv::text(item.user_agent),
        csv::text(item.tunnel_ms),
        csv::text(item.target_ms),
    ]
}
