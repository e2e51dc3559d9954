//! `POST /api/v1/mappings`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::LOCATION;
use octoporty_proto::model::MappingId;
use uuid::Uuid;

use super::input::MappingInput;
use super::resource::MappingResource;
use super::{answer, occupied};
use crate::api::body::JsonBody;
use crate::api::error::ApiError;
use crate::api::responses::{Conflict, CrossSite, Invalid, TooLarge, TooSlow, Unauthorized, Unavailable};
use crate::app::App;

/// Create a mapping. Answers once it is stored; `sync` says what the gateway makes of it.
#[utoipa::path(
    post, path = "/api/v1/mappings", operation_id = "createMapping", tag = "mappings",
    security(("cookie" = []), ("bearer" = [])),
    request_body = MappingInput,
    responses(
        (status = 201, description = "Stored; `Location` is its path.", body = MappingResource),
        Invalid, TooSlow, Unauthorized, CrossSite, Conflict, TooLarge, Unavailable
    )
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    JsonBody(input): JsonBody<MappingInput>,
) -> Result<Response, ApiError> {
    let draft = input.parse(MappingId::from_uuid(Uuid::new_v4()))?;
    let endpoint = draft.mapping.endpoint.clone();
    let created = app.store.create_mapping(draft, app.clock.now_ms()).await?;
    let stored = created.map_err(|holder| occupied(&holder, Some(&endpoint)))?;
    app.desired.changed().await;
    let location = format!("/api/v1/mappings/{}", stored.mapping.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], answer(&app, &stored)).into_response())
}
