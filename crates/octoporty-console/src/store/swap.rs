//! Puts another file in the place of the database, and keeps the old one. Only while nobody else has it open.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteLockingMode};
use sqlx::{ConnectOptions, Connection};
use thiserror::Error;
use time::OffsetDateTime;
use time::macros::format_description;
use tracing::warn;

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
    /// It cannot be taken, for a reason that does not tell whether somebody has it.
    #[error("{path} cannot be taken: {reason}")]
    Untaken {
        /// Which.
        path: String,
        /// What is wrong and what to do.
        reason: String,
    },
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
    /// Whether all of it is in the file itself.
    is_folded: bool,
}

impl Taken {
    /// Takes an existing database, with its write-ahead log folded into it.
    pub(crate) async fn take(database: &Path) -> Result<Self, SwapError> {
        let options = SqliteConnectOptions::new()
            .filename(database)
            .locking_mode(SqliteLockingMode::Exclusive)
            .busy_timeout(Duration::ZERO)
            .disable_statement_logging();
        let mut connection = match options.connect().await {
            Ok(connection) => connection,
            Err(error) => {
                check_nobodys(database, &error)?;
                return Ok(Self { connection: None, is_folded: false });
            }
        };
        // Whoever has the database open in its usual mode holds a lock that this cannot have beside it.
        match sqlx::raw_sql("BEGIN EXCLUSIVE; COMMIT; PRAGMA journal_mode = DELETE").execute(&mut connection).await {
            Ok(_) => Ok(Self { connection: Some(connection), is_folded: true }),
            // It is not closed yet: SQLite would clear the log away, which is still to be kept.
            Err(error) => {
                check_nobodys(database, &error).map(|()| Self { connection: Some(connection), is_folded: false })
            }
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

/// Only what no SQLite can read is nobody's. A full or failing disk says nothing of who else has it.
fn check_nobodys(database: &Path, error: &sqlx::Error) -> Result<(), SwapError> {
    let path = database.display().to_string();
    match open::primary_code(error) {
        Some(5 | 6) => Err(SwapError::InUse(path)),
        Some(11 | 26) => Ok(()),
        _ => Err(SwapError::Untaken { path, reason: open::plain_words(error) }),
    }
}

/// Puts `fresh` in the database's place. What was there is kept under the name that is answered.
pub(crate) async fn replace(
    database: &Path,
    fresh: &Scratch,
    label: &str,
    now_ms: u64,
) -> Result<Option<PathBuf>, SwapError> {
    let folder = folder_of(database);
    fresh.file().sync_all().map_err(failed(fresh.path()))?;
    if !database.exists() {
        put(fresh, &folder, database)?;
        return Ok(None);
    }
    let taken = Taken::take(database).await?;
    if taken.is_folded {
        // What lies beside it is empty.
        drop(["-shm", "-journal"].map(|side| std::fs::remove_file(with_suffix(database, side))));
    }
    let kept = keep(database, label, now_ms);
    let swapped = match &kept {
        Ok(kept) => put(fresh, &kept.name, database),
        Err(_) => Ok(()),
    };
    // Whatever SQLite clears away as it closes, a log that is to be kept has another name by now.
    taken.release().await;
    let kept = kept?;
    if let Err(error) = swapped {
        kept.undo();
        return Err(error);
    }
    Ok(Some(kept.name))
}

/// The old file under its second name.
struct Kept {
    database: PathBuf,
    name: PathBuf,
    /// Whether the old name is its own as well.
    has_both: bool,
    /// Side files that went with it: from where to where.
    moved: Vec<(PathBuf, PathBuf)>,
}

impl Kept {
    /// Everything as it was, as far as the disk lets us: a failure is told of already.
    fn undo(&self) {
        for (from, to) in &self.moved {
            drop(std::fs::rename(to, from));
        }
        drop(if self.has_both {
            std::fs::remove_file(&self.name)
        } else {
            std::fs::rename(&self.name, &self.database)
        });
    }
}

/// A second name for the old file, so that there is a database at every moment; where links are not to be had, it moves.
/// What fails leaves file and log as they were.
fn keep(database: &Path, label: &str, now_ms: u64) -> Result<Kept, SwapError> {
    let stamp = format!(".{label}-{}", stamp(now_ms));
    let names = (1..=MOST_NAMES).map(|number| if number == 1 { stamp.clone() } else { format!("{stamp}-{number}") });
    let mut names = names.map(|suffix| with_suffix(database, &suffix));
    let free = names.find(|name| std::fs::symlink_metadata(name).is_err());
    let name = free.ok_or_else(|| failed(database)(io::Error::from(io::ErrorKind::AlreadyExists)))?;
    let has_both = match std::fs::hard_link(database, &name) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(failed(&name)(error)),
        Err(_) => std::fs::rename(database, &name).map(|()| false).map_err(failed(&name))?,
    };
    let mut kept = Kept { database: database.to_owned(), name, has_both, moved: Vec::new() };
    // A log that could not be folded in belongs to the old file alone.
    for side in SIDE_FILES {
        let (from, to) = (with_suffix(database, side), with_suffix(&kept.name, side));
        match std::fs::rename(&from, &to) {
            Ok(()) => kept.moved.push((from, to)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                kept.undo();
                return Err(failed(&from)(error));
            }
        }
    }
    Ok(kept)
}

/// Root restores what a service runs on: the file has to be that user's, whom `like` tells.
fn put(fresh: &Scratch, like: &Path, database: &Path) -> Result<(), SwapError> {
    let like = std::fs::metadata(like).map_err(failed(like))?;
    fresh.give_to_owner_of(&like).map_err(failed(fresh.path()))?;
    fresh.check_name().map_err(failed(fresh.path()))?;
    std::fs::rename(fresh.path(), database).map_err(failed(database))?;
    // It is there; whether the folder is on the disk yet is all that can be wrong now, and nothing is to be undone.
    let folder = folder_of(database);
    if let Err(error) = std::fs::File::open(&folder).and_then(|folder| folder.sync_all()) {
        warn!(%error, folder = %folder.display(), "the folder of the database cannot be written to the disk at once");
    }
    Ok(())
}

fn stamp(now_ms: u64) -> String {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    let moment = OffsetDateTime::from_unix_timestamp(i64::try_from(now_ms / 1_000).unwrap_or_default());
    moment.ok().and_then(|moment| moment.format(format).ok()).unwrap_or_else(|| now_ms.to_string())
}

#[cfg(test)]
mod tests;
