//! Puts another file in the place of the database, and keeps the old one. Only while nobody else has it open.

use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteLockingMode};
use sqlx::{ConnectOptions, Connection};
use thiserror::Error;
use time::OffsetDateTime;
use time::macros::format_description;

use super::open::{self, folder_of};
use super::scratch::{SIDE_FILES, Scratch, with_suffix};

/// Names that are tried when files of the same second are there already.
const MOST_NAMES: usize = 100;

/// Why the database stays as it is.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum SwapError {
    /// Another process has it open.
    #[error("{0} is in use: stop the agent first (systemctl stop octoporty-agent), then repeat this")]
    InUse(String),
    /// A file cannot be moved, linked or read.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// The system's word.
        source: io::Error,
    },
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> SwapError {
    let path = path.display().to_string();
    |source| SwapError::File { path, source }
}

/// The database, closed to everybody else until this is released.
pub(crate) struct Taken {
    /// `None` when the file cannot be opened as a database: then nobody runs on it either.
    connection: Option<SqliteConnection>,
}

impl Taken {
    /// Takes an existing database, with its write-ahead log folded into it.
    pub(crate) async fn take(database: &Path) -> Result<Self, SwapError> {
        let in_use = || SwapError::InUse(database.display().to_string());
        let options = SqliteConnectOptions::new()
            .filename(database)
            .locking_mode(SqliteLockingMode::Exclusive)
            .busy_timeout(Duration::ZERO)
            .disable_statement_logging();
        let mut connection = match options.connect().await {
            Ok(connection) => connection,
            Err(error) if is_locked(&error) => return Err(in_use()),
            Err(_) => return Ok(Self { connection: None }),
        };
        // Whoever has the database open in its usual mode holds a lock that this cannot have beside it.
        match sqlx::raw_sql("BEGIN EXCLUSIVE; COMMIT; PRAGMA journal_mode = DELETE").execute(&mut connection).await {
            Ok(_) => Ok(Self { connection: Some(connection) }),
            Err(error) if is_locked(&error) => Err(in_use()),
            Err(_) => Ok(Self { connection: None }),
        }
    }

    /// Lets others open it.
    pub(crate) async fn release(self) {
        if let Some(connection) = self.connection {
            // What was to be written is written; a lock ends with the connection in any case.
            drop(connection.close().await);
        }
    }
}

fn is_locked(error: &sqlx::Error) -> bool {
    matches!(open::primary_code(error), Some(5 | 6))
}

/// Puts `fresh` in the database's place. What was there is kept under the name that is answered.
pub(crate) async fn replace(
    database: &Path,
    fresh: &Scratch,
    label: &str,
    now_ms: u64,
) -> Result<Option<PathBuf>, SwapError> {
    let folder = folder_of(database);
    std::fs::File::open(fresh.path()).and_then(|file| file.sync_all()).map_err(failed(fresh.path()))?;
    if !database.exists() {
        same_owner(&folder, fresh.path());
        move_over(fresh.path(), database, &folder)?;
        return Ok(None);
    }
    let taken = Taken::take(database).await?;
    if taken.connection.is_some() {
        // Everything is in the file itself now; what lies beside it is empty.
        drop(["-shm", "-journal"].map(|side| std::fs::remove_file(with_suffix(database, side))));
    }
    let swapped = keep_and_replace(database, fresh, label, now_ms);
    taken.release().await;
    swapped.map(Some)
}

fn keep_and_replace(database: &Path, fresh: &Scratch, label: &str, now_ms: u64) -> Result<PathBuf, SwapError> {
    let kept = keep(database, label, now_ms)?;
    same_owner(database, fresh.path());
    move_over(fresh.path(), database, &folder_of(database))?;
    Ok(kept)
}

/// A second name for the old file, so that there is a database at every moment; where links are not to be had, it moves.
fn keep(database: &Path, label: &str, now_ms: u64) -> Result<PathBuf, SwapError> {
    let stamp = format!(".{label}-{}", stamp(now_ms));
    let names = (1..=MOST_NAMES).map(|number| if number == 1 { stamp.clone() } else { format!("{stamp}-{number}") });
    let names = names.map(|suffix| with_suffix(database, &suffix));
    let free = names.into_iter().find(|name| !name.exists());
    let kept = free.ok_or_else(|| failed(database)(io::Error::from(io::ErrorKind::AlreadyExists)))?;
    // A log that could not be folded in belongs to the old file alone.
    for side in SIDE_FILES {
        let (from, to) = (with_suffix(database, side), with_suffix(&kept, side));
        if from.exists() {
            std::fs::rename(&from, &to).map_err(failed(&from))?;
        }
    }
    std::fs::hard_link(database, &kept).or_else(|_| std::fs::rename(database, &kept)).map_err(failed(&kept))?;
    Ok(kept)
}

fn move_over(from: &Path, to: &Path, folder: &Path) -> Result<(), SwapError> {
    std::fs::rename(from, to).map_err(failed(to))?;
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed(folder))
}

/// Root restores what a service runs on: the file has to be that user's. Whoever cannot give files away is that user.
fn same_owner(of: &Path, file: &Path) {
    let Ok(like) = std::fs::metadata(of) else { return };
    drop(std::os::unix::fs::chown(file, Some(like.uid()), Some(like.gid())));
    drop(std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)));
}

fn stamp(now_ms: u64) -> String {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    let moment = OffsetDateTime::from_unix_timestamp(i64::try_from(now_ms / 1_000).unwrap_or_default());
    moment.ok().and_then(|moment| moment.format(format).ok()).unwrap_or_else(|| now_ms.to_string())
}
