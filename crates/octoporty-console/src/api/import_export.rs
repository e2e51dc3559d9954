//! `/api/v1/import-export`: definitions as JSON both ways, a backup of the database, and its way back.
//!
//! The cast: [`export`] and [`import`] for definitions; [`sqlite`] and [`restore`] for backups; [`Transfers`], which
//! bounds what they need at once.

pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod restore;
pub(crate) mod sqlite;

use std::sync::Arc;

use axum::Json;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_LENGTH, ETAG};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;
use time::OffsetDateTime;
use time::macros::format_description;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::ApiError;
use crate::app::App;
use crate::auth::guard;
use crate::import::plan::Plan;
use crate::import::report::{Effect, ImportResult, summary};
use crate::store::ImportOutcome;

/// Bytes of a file of definitions: 20 000 mappings of the longest names that people give, with a landing page of 1 MB.
const IMPORT_LIMIT: usize = 32 * 1_024 * 1_024;
/// Bytes of a backup that is put back over the network: thirty times a log of a million requests. The command line has
/// no limit.
const RESTORE_LIMIT: u64 = 1_024 * 1_024 * 1_024;
/// Files that come in at once: each is held in memory or on the disk until it is looked through.
const MOST_INCOMING: usize = 1;
/// Backups at once: each needs as much room on the disk as the database.
const MOST_BACKUPS: usize = 2;
/// Seconds until another try makes sense when there are too many.
const BUSY_RETRY_SECONDS: u64 = 5;

/// The routes, without the limit that other bodies have.
pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    let definitions = OpenApiRouter::new().routes(routes!(import::import)).layer(DefaultBodyLimit::max(IMPORT_LIMIT));
    // It counts by itself as it writes the body to the disk.
    let backup = OpenApiRouter::new().routes(routes!(restore::restore)).layer(DefaultBodyLimit::disable());
    let downloads = OpenApiRouter::new()
        .routes(routes!(export::export))
        .routes(routes!(sqlite::sqlite))
        .route_layer(middleware::from_fn(guard::require_own_page));
    OpenApiRouter::new().merge(downloads).merge(definitions).merge(backup)
}

/// How many transfers there may be.
pub(crate) struct Transfers {
    incoming: Arc<Semaphore>,
    backups: Arc<Semaphore>,
    /// What goes on though its client has left.
    tasks: TaskTracker,
}

impl Default for Transfers {
    fn default() -> Self {
        Self {
            incoming: Arc::new(Semaphore::new(MOST_INCOMING)),
            backups: Arc::new(Semaphore::new(MOST_BACKUPS)),
            tasks: TaskTracker::new(),
        }
    }
}

impl Transfers {
    fn take(of: &Arc<Semaphore>, what: &str) -> Result<OwnedSemaphorePermit, ApiError> {
        Arc::clone(of).try_acquire_owned().map_err(|_| {
            let words = format!("{what} is under way; try again when it is over.");
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, "busy", words).retry_after(BUSY_RETRY_SECONDS)
        })
    }

    fn incoming(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        Self::take(&self.incoming, "Another import or restore")
    }

    /// Does work that cannot be broken off, and holds the turn until it is over, whether the client waits or not. `None`:
    /// the console is stopping.
    async fn to_its_end<T: Send + 'static>(
        &self,
        turn: OwnedSemaphorePermit,
        stopping: &CancellationToken,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<(T, OwnedSemaphorePermit)> {
        let stopping = stopping.clone();
        let task = self.tasks.spawn(async move { Some((stopping.run_until_cancelled(work).await?, turn)) });
        task.await.ok().flatten()
    }

    fn backup(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        Self::take(&self.backups, "Another backup")
    }
}

/// A file, for the contract: bytes and not a list of numbers.
pub(crate) enum Binary {}

impl PartialSchema for Binary {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::Binary);
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
    }
}

impl ToSchema for Binary {}

/// Whether it is only to be looked at.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportQuery {
    /// `true`: tell what would be done, and do nothing. Default false.
    #[param(value_type = Option<bool>)]
    dry_run: Option<String>,
}

impl ImportQuery {
    /// What is neither yes nor no is refused: a preview that imports would be worse.
    fn effect(&self) -> Result<Effect, ApiError> {
        match self.dry_run.as_deref().map(str::trim) {
            None | Some("false" | "0") => Ok(Effect::Stored),
            Some("" | "true" | "1") => Ok(Effect::Preview),
            Some(other) => Err(ApiError::invalid_field(
                "dryRun",
                format!("{other:?} is neither true nor false; nothing was done."),
            )),
        }
    }
}

/// Refuses a body whose announced length is over a limit, before any of it is read.
fn check_announced(headers: &HeaderMap, limit: u64, refusal: fn() -> ApiError) -> Result<(), ApiError> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit) { Err(refusal()) } else { Ok(()) }
}

/// What an import did or would do, with the tag that an import may name.
fn answer(plan: &Plan, effect: Effect) -> Response {
    let tag = HeaderValue::try_from(format!("\"{}\"", plan.revision.0)).expect("digits in quotes");
    ([(ETAG, tag)], Json(ImportResult::of(plan, effect))).into_response()
}

/// What became of an import that was to be stored.
async fn concluded(app: &App, outcome: ImportOutcome) -> Result<Response, ApiError> {
    match outcome {
        ImportOutcome::Done(plan) => {
            app.desired.changed().await;
            Ok(answer(&plan, Effect::Stored))
        }
        ImportOutcome::Refused(plan) => Err(refused(&plan)),
        ImportOutcome::Stale => {
            let words = "The settings were changed since the preview, and nothing was stored. Look at a new preview, \
                         then apply that one.";
            Err(ApiError::new(StatusCode::PRECONDITION_FAILED, "stale", words))
        }
    }
}

/// Everything that is wrong, at its place in the file.
fn refused(plan: &Plan) -> ApiError {
    ApiError::invalid(ImportResult::mistakes_of(plan)).detailed(summary(plan.mistakes.len()))
}

/// No room for what was asked.
fn disk_full(what: &str) -> ApiError {
    let words = format!("The disk of the database has no room for {what}. Make room there; nothing was changed.");
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "disk_full", words).retry_after(BUSY_RETRY_SECONDS)
}

/// A moment as file names have it.
fn stamp(now_ms: u64) -> String {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    let moment = OffsetDateTime::from_unix_timestamp(i64::try_from(now_ms / 1_000).unwrap_or_default());
    moment.ok().and_then(|moment| moment.format(format).ok()).unwrap_or_else(|| now_ms.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_turn_lasts_as_long_as_the_work_though_the_client_hangs_up() {
        let (transfers, stopping) = (Transfers::default(), CancellationToken::new());
        let (done, work) = tokio::sync::oneshot::channel::<()>();
        let turn = transfers.incoming().unwrap();
        let mut asked = Box::pin(transfers.to_its_end(turn, &stopping, work));
        assert!(futures_util::poll!(&mut asked).is_pending());
        drop(asked);
        tokio::task::yield_now().await;
        assert!(transfers.incoming().is_err(), "the work goes on");
        done.send(()).unwrap();
        transfers.tasks.close();
        transfers.tasks.wait().await;
        assert!(transfers.incoming().is_ok());
    }

    #[tokio::test]
    async fn a_console_that_stops_waits_for_no_examination() {
        let (transfers, stopping) = (Transfers::default(), CancellationToken::new());
        stopping.cancel();
        let turn = transfers.incoming().unwrap();
        assert!(transfers.to_its_end(turn, &stopping, std::future::pending::<()>()).await.is_none());
        assert!(transfers.incoming().is_ok());
    }
}
