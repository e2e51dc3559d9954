//! `GET /api/v1/agent/logs`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use http::StatusCode;

use crate::api::error::ApiError;
use crate::api::logs::lines::{LinePage, LineQuery};
use crate::api::responses::{Invalid, Unauthorized, Unavailable};
use crate::app::App;

/// Most bytes of lines in an answer; the next page has the rest.
const MOST_BYTES: u32 = 4 << 20;

/// The agent's own log, newest first; older lines come from the log's files, where there are any.
#[utoipa::path(
    get, path = "/api/v1/agent/logs", operation_id = "listAgentLogs", tag = "logs",
    security(("cookie" = []), ("bearer" = [])),
    params(LineQuery),
    responses(
        (status = 200, description = "A page.", body = LinePage),
        Invalid, Unauthorized, Unavailable
    )
)]
pub(crate) async fn logs(
    State(app): State<Arc<App>>,
    Query(query): Query<LineQuery>,
) -> Result<Json<LinePage>, ApiError> {
    let query = query.parse(MOST_BYTES)?;
    let log = Arc::clone(&app.log);
    let reading = tokio::task::spawn_blocking(move || log.page(&query));
    let page = reading.await.map_err(|_| ApiError::of_status(StatusCode::INTERNAL_SERVER_ERROR))?;
    Ok(Json(page.into()))
}
