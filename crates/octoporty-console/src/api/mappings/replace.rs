//! `PUT /api/v1/mappings/{id}`.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;

use super::input::MappingInput;
use super::resource::MappingResource;
use super::{answer, changed, parse_id, precondition};
use crate::api::body::JsonBody;
use crate::api::error::ApiError;
use crate::api::responses::{
    Conflict, CrossSite, Invalid, NotFound, Stale, TooLarge, TooSlow, Unauthorized, Unavailable,
};
use crate::app::App;

/// Replace a mapping wholly: what is left out gets its default.
#[utoipa::path(
    put, path = "/api/v1/mappings/{id}", operation_id = "replaceMapping", tag = "mappings",
    security(("cookie" = []), ("bearer" = [])),
    params(
        ("id" = String, Path, format = "uuid", description = "The mapping's id."),
        ("If-Match" = Option<String>, Header, description = "`ETag` of what the change is based on.")
    ),
    request_body = MappingInput,
    responses(
        (status = 200, description = "Stored.", body = MappingResource),
        Invalid, TooSlow, Unauthorized, CrossSite, NotFound, Conflict, Stale, TooLarge, Unavailable
    )
)]
pub(crate) async fn replace(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonBody(input): JsonBody<MappingInput>,
) -> Result<Response, ApiError> {
    let draft = input.parse(parse_id(&id)?)?;
    let endpoint = draft.mapping.endpoint.clone();
    let outcome = app.store.replace_mapping(draft, precondition(&headers), app.clock.now_ms()).await?;
    let stored = changed(outcome, Some(&endpoint))?;
    app.desired.changed().await;
    Ok(answer(&app, &stored))
}
