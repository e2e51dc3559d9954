//! `DELETE /api/v1/mappings/{id}`.

use std::sync::Arc;

use axum::extract::{Path, State};
use http::{HeaderMap, StatusCode};

use super::{changed, parse_id, precondition};
use crate::api::error::ApiError;
use crate::api::responses::{CrossSite, Invalid, NotFound, Stale, Unauthorized, Unavailable};
use crate::app::App;

/// Delete a mapping. Its rows in the request log stay until they are old.
#[utoipa::path(
    delete, path = "/api/v1/mappings/{id}", operation_id = "deleteMapping", tag = "mappings",
    security(("cookie" = []), ("bearer" = [])),
    params(
        ("id" = String, Path, format = "uuid", description = "The mapping's id."),
        ("If-Match" = Option<String>, Header, description = "`ETag` of what is to be deleted.")
    ),
    responses(
        (status = 204, description = "Deleted."),
        Invalid, Unauthorized, CrossSite, NotFound, Stale, Unavailable
    )
)]
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let outcome = app.store.delete_mapping(parse_id(&id)?, precondition(&headers)).await?;
    changed(outcome, None)?;
    app.desired.changed().await;
    Ok(StatusCode::NO_CONTENT)
}
