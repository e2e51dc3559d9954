//! `GET /api/v1/mappings/{id}`.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;

use super::resource::MappingResource;
use super::{answer, parse_id};
use crate::api::error::ApiError;
use crate::api::responses::{Invalid, NotFound, Unauthorized, Unavailable};
use crate::app::App;

/// One mapping.
#[utoipa::path(
    get, path = "/api/v1/mappings/{id}", operation_id = "getMapping", tag = "mappings",
    security(("cookie" = []), ("bearer" = [])),
    params(("id" = String, Path, format = "uuid", description = "The mapping's id.")),
    responses(
        (status = 200, description = "The mapping; its `ETag` is for `If-Match`.", body = MappingResource),
        Invalid, Unauthorized, NotFound, Unavailable
    )
)]
pub(crate) async fn read(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Response, ApiError> {
    let stored = app.store.mapping(parse_id(&id)?).await?;
    let stored = stored.ok_or_else(|| ApiError::not_found("mapping"))?;
    Ok(answer(&app, &stored))
}
