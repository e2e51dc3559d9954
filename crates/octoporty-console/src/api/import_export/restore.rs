//! `POST /api/v1/import-export/restore`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use octoporty_proto::model::Revision;
use tokio::io::AsyncWriteExt;
use tracing::info;

use super::{Binary, ImportQuery, RESTORE_LIMIT, answer, check_announced, concluded, disk_full};
use crate::api::body::piece;
use crate::api::error::ApiError;
use crate::api::mappings::precondition;
use crate::api::responses::{Busy, CrossSite, Invalid, Stale, TooLarge, TooSlow, Unauthorized, Unavailable, WrongType};
use crate::app::App;
use crate::import::report::{Effect, ImportResult};
use crate::import::{Mode, PageWish, Wanted, WantedMapping};
use crate::listen::pace::Pace;
use crate::store::{Archive, ArchiveError, MappingDraft, Scratch, StoreError, View};

/// What a backup may be sent as.
const TYPES: [&str; 3] = ["application/x-sqlite3", "application/vnd.sqlite3", "application/octet-stream"];

/// Put the settings of a backup back.
///
/// Its mappings and its landing page replace those that there are, at once or not at all. Logs and sessions stay as they
/// are; `octoporty restore` puts a whole file back. With `dryRun=true` the answer tells what would be done.
#[utoipa::path(
    post, path = "/api/v1/import-export/restore", operation_id = "restoreBackup", tag = "import-export",
    security(("cookie" = []), ("bearer" = [])),
    params(ImportQuery, ("If-Match" = Option<String>, Header, description = "`ETag` of the preview.")),
    request_body(
        content = Binary, content_type = "application/octet-stream",
        description = "A backup, at most 1 GiB. `application/x-sqlite3` does as well."
    ),
    responses(
        (status = 200, description = "Restored; or a preview. Its `ETag` is for `If-Match`.", body = ImportResult),
        Invalid, TooSlow, Unauthorized, CrossSite, Stale, TooLarge, WrongType, Busy, Unavailable
    )
)]
pub(crate) async fn restore(
    State(app): State<Arc<App>>,
    Query(query): Query<ImportQuery>,
    request: Request,
) -> Result<Response, ApiError> {
    let effect = query.effect()?;
    check_type(request.headers())?;
    check_announced(request.headers(), RESTORE_LIMIT, too_large)?;
    let turn = app.transfers.incoming()?;
    let condition = precondition(request.headers());
    let scratch = Scratch::beside(app.store.path()).map_err(|error| unwritable(&error))?;
    receive(request.into_body(), &scratch).await?;
    let examined = app.transfers.to_its_end(turn, &app.stopping, Archive::open(scratch)).await;
    let (archive, _turn) = examined.ok_or(StoreError::Closed)?;
    let archive = archive.map_err(|error| refusal(&error))?;
    let wanted = wanted(archive.view);
    match effect {
        Effect::Preview => Ok(answer(&app.store.preview_import(wanted, Mode::Replace).await?, effect)),
        Effect::Stored => {
            let outcome = app.store.import(wanted, Mode::Replace, condition, app.clock.now_ms()).await?;
            let answer = concluded(&app, outcome).await?;
            info!("the settings of a backup were restored");
            Ok(answer)
        }
    }
}

/// Everything that a backup has, under its own ids.
fn wanted(view: View) -> Wanted {
    let View { revision: Revision(_), mappings, landing_page } = view;
    let mappings = mappings.into_iter().enumerate().map(|(index, stored)| WantedMapping {
        index,
        named: Some(stored.mapping.id),
        draft: MappingDraft { mapping: stored.mapping, enabled: stored.enabled },
        unsaid: Vec::new(),
    });
    Wanted { mappings: mappings.collect(), page: landing_page.map_or(PageWish::Default, PageWish::Custom) }
}

/// Writes the body to the disk as it comes.
async fn receive(mut body: Body, scratch: &Scratch) -> Result<(), ApiError> {
    let file = scratch.file().try_clone().map_err(|error| unwritable(&error))?;
    let mut file = tokio::fs::File::from_std(file);
    let (mut pace, mut length) = (Pace::begin(), 0_u64);
    while let Some(bytes) = piece(&mut body, &mut pace).await? {
        length += bytes.len() as u64;
        if length > RESTORE_LIMIT {
            return Err(too_large());
        }
        file.write_all(&bytes).await.map_err(|error| unwritable(&error))?;
    }
    file.flush().await.map_err(|error| unwritable(&error))
}

fn unwritable(error: &std::io::Error) -> ApiError {
    if error.kind() == std::io::ErrorKind::StorageFull {
        return disk_full("this file, which is looked through there");
    }
    StoreError::Unavailable(error.to_string().into()).into()
}

/// Each kind of wrong file in its own words.
fn refusal(error: &ArchiveError) -> ApiError {
    let code = match error {
        ArchiveError::NotSqlite => "not_a_database",
        ArchiveError::Truncated { .. } => "truncated_backup",
        ArchiveError::Damaged(_) | ArchiveError::Row(_) => "damaged_backup",
        ArchiveError::Foreign(_) => "foreign_database",
        ArchiveError::Original => "original_database",
        ArchiveError::Newer { .. } => "newer_database",
        ArchiveError::Full => return disk_full("this file, which is looked through there"),
        ArchiveError::Unreadable(reason) => return StoreError::Unavailable(reason.as_str().into()).into(),
    };
    ApiError::new(StatusCode::BAD_REQUEST, code, format!("The file {error}. Nothing was changed."))
}

/// Forms of other sites can say none of these.
fn check_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(kind) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let kind = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if TYPES.contains(&kind.as_str()) {
        return Ok(());
    }
    let words = "The body has to be the backup's file itself: send it with Content-Type: application/x-sqlite3.";
    Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_sqlite", words))
}

fn too_large() -> ApiError {
    let words = format!(
        "A backup that is uploaded has at most {} GiB. Put a larger one back with `octoporty restore --from FILE`, with \
         the agent stopped.",
        RESTORE_LIMIT >> 30
    );
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", words)
}
