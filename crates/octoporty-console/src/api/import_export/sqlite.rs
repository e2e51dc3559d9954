//! `GET /api/v1/import-export/sqlite`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use tokio_util::io::ReaderStream;
use tracing::info;

use super::{Binary, disk_full, stamp};
use crate::api::error::ApiError;
use crate::api::responses::{Busy, CrossSite, Unauthorized, Unavailable};
use crate::app::App;
use crate::store::{BackupError, StoreError};

/// Bytes that are read from the disk at a time.
const PIECE: usize = 64 * 1_024;

/// A backup of the whole database.
///
/// All of one moment, logs too; writing goes on meanwhile. Sessions and lockouts are not in it.
#[utoipa::path(
    get, path = "/api/v1/import-export/sqlite", operation_id = "downloadBackup", tag = "import-export",
    security(("cookie" = []), ("bearer" = [])),
    responses(
        (
            status = 200, description = "An SQLite database, named by `Content-Disposition`.",
            body = Binary, content_type = "application/x-sqlite3"
        ),
        Unauthorized, CrossSite, Busy, Unavailable
    )
)]
pub(crate) async fn sqlite(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    let turn = app.transfers.backup()?;
    let backup = app.store.backup().await.map_err(|error| match error {
        BackupError::Full => disk_full("a backup, which needs as much as the database"),
        BackupError::Failed(reason) => ApiError::from(StoreError::Unavailable(reason.into())),
    })?;
    info!(bytes = backup.bytes, "a backup of the database is downloaded");
    let name = format!("attachment; filename=\"octoporty-agent-backup-{}.db\"", stamp(app.clock.now_ms()));
    // The turn is over when the last byte is away or the client is.
    let pieces = ReaderStream::with_capacity(backup.file, PIECE).map(move |piece| {
        let _ = &turn;
        piece
    });
    let headers = [
        (CONTENT_TYPE, "application/x-sqlite3".to_owned()),
        (CONTENT_LENGTH, backup.bytes.to_string()),
        (CONTENT_DISPOSITION, name),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}
