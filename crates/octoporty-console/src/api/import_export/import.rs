//! `POST /api/v1/import-export/import`.

use std::sync::Arc;

use axum::extract::{Query, Request, State};
use axum::response::Response;
use http::StatusCode;

use super::{IMPORT_LIMIT, ImportQuery, answer, check_announced, concluded, refused};
use crate::api::body::json_bytes;
use crate::api::error::ApiError;
use crate::api::mappings::precondition;
use crate::api::responses::{Busy, CrossSite, Invalid, Stale, TooLarge, TooSlow, Unauthorized, Unavailable, WrongType};
use crate::app::App;
use crate::import::Mode;
use crate::import::file::{self, ImportFile};
use crate::import::plan::Plan;
use crate::import::report::{Effect, ImportResult};

/// Merge definitions.
///
/// Mappings are found again by id, else by domain and path; none is deleted; what differs is updated. All of the file is
/// stored, or nothing. With `dryRun=true` the answer tells what would be done, mistakes too.
#[utoipa::path(
    post, path = "/api/v1/import-export/import", operation_id = "importDefinitions", tag = "import-export",
    security(("cookie" = []), ("bearer" = [])),
    params(ImportQuery, ("If-Match" = Option<String>, Header, description = "`ETag` of the preview.")),
    request_body = ImportFile,
    responses(
        (status = 200, description = "Stored; or a preview. Its `ETag` is for `If-Match`.", body = ImportResult),
        Invalid, TooSlow, Unauthorized, CrossSite, Stale, TooLarge, WrongType, Busy, Unavailable
    )
)]
pub(crate) async fn import(
    State(app): State<Arc<App>>,
    Query(query): Query<ImportQuery>,
    request: Request,
) -> Result<Response, ApiError> {
    let effect = query.effect()?;
    check_announced(request.headers(), IMPORT_LIMIT as u64, too_large)?;
    let _turn = app.transfers.incoming()?;
    let condition = precondition(request.headers());
    let bytes = json_bytes(request).await.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        _ => error,
    })?;
    let (wanted, mistakes) = file::read(&bytes, &app.version)?;
    drop(bytes);
    match effect {
        Effect::Preview => {
            let mut plan = app.store.preview_import(wanted, Mode::Merge).await?;
            plan.mistakes.splice(0..0, mistakes);
            Ok(answer(&plan, effect))
        }
        Effect::Stored if mistakes.is_empty() => {
            let outcome = app.store.import(wanted, Mode::Merge, condition, app.clock.now_ms()).await?;
            concluded(&app, outcome).await
        }
        Effect::Stored => {
            let plan = app.store.preview_import(wanted, Mode::Merge).await?;
            Err(refused(&Plan { mistakes: mistakes.into_iter().chain(plan.mistakes).collect(), ..Plan::default() }))
        }
    }
}

fn too_large() -> ApiError {
    let words = format!(
        "A file of definitions has at most {} MiB. Is this a backup of the database? Then restore it; else split the \
         list of mappings over several files.",
        IMPORT_LIMIT >> 20
    );
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", words)
}
