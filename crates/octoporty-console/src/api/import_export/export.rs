//! `GET /api/v1/import-export/export`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};

use super::stamp;
use crate::api::error::ApiError;
use crate::api::responses::{CrossSite, Unauthorized, Unavailable};
use crate::app::App;
use crate::import::file::ExportFile;

/// All mappings and the landing page as one JSON file.
///
/// An import reads it; the original Octoporty does as well.
#[utoipa::path(
    get, path = "/api/v1/import-export/export", operation_id = "exportDefinitions", tag = "import-export",
    security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 200, description = "A file to keep, named by `Content-Disposition`.", body = ExportFile),
        Unauthorized, CrossSite, Unavailable
    )
)]
pub(crate) async fn export(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    let now_ms = app.clock.now_ms();
    let file = ExportFile::of(&app.store.view().await?, now_ms);
    let json = serde_json::to_vec_pretty(&file).expect("texts and numbers are always JSON");
    let name = format!("attachment; filename=\"octoporty-agent-definitions-{}.json\"", stamp(now_ms));
    Ok(([(CONTENT_TYPE, "application/json".to_owned()), (CONTENT_DISPOSITION, name)], json).into_response())
}
