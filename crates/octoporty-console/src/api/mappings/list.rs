//! `GET /api/v1/mappings`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::live::Surroundings;
use super::resource::MappingResource;
use crate::api::error::ApiError;
use crate::api::responses::{Unauthorized, Unavailable};
use crate::app::App;

/// All mappings, by domain and path.
#[utoipa::path(
    get, path = "/api/v1/mappings", operation_id = "listMappings", tag = "mappings",
    security(("cookie" = []), ("bearer" = [])),
    responses((status = 200, description = "All mappings.", body = Vec<MappingResource>), Unauthorized, Unavailable)
)]
pub(crate) async fn list(State(app): State<Arc<App>>) -> Result<Json<Vec<MappingResource>>, ApiError> {
    let mappings = app.store.mappings().await?;
    let surroundings = Surroundings::of(&app);
    Ok(Json(mappings.iter().map(|stored| surroundings.resource_of(stored)).collect()))
}
