//! `PATCH /api/v1/mappings/{id}/toggle`.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;

use super::input::ToggleInput;
use super::resource::MappingResource;
use super::{answer, changed, parse_id, precondition};
use crate::api::body::JsonBody;
use crate::api::error::ApiError;
use crate::api::responses::{CrossSite, Invalid, NotFound, Stale, TooSlow, Unauthorized, Unavailable};
use crate::app::App;

/// Enable or disable a mapping.
#[utoipa::path(
    patch, path = "/api/v1/mappings/{id}/toggle", operation_id = "toggleMapping", tag = "mappings",
    security(("cookie" = []), ("bearer" = [])),
    params(
        ("id" = String, Path, format = "uuid", description = "The mapping's id."),
        ("If-Match" = Option<String>, Header, description = "`ETag` of what the change is based on.")
    ),
    request_body = ToggleInput,
    responses(
        (status = 200, description = "Stored.", body = MappingResource),
        Invalid, TooSlow, Unauthorized, CrossSite, NotFound, Stale, Unavailable
    )
)]
pub(crate) async fn toggle(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonBody(input): JsonBody<ToggleInput>,
) -> Result<Response, ApiError> {
    let (id, enabled) = (parse_id(&id)?, input.parse()?);
    let outcome = app.store.toggle_mapping(id, enabled, precondition(&headers), app.clock.now_ms()).await?;
    let stored = changed(outcome, None)?;
    app.desired.changed().await;
    Ok(answer(&app, &stored))
}
