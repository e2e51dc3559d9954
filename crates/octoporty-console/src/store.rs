//! The database: SQLite with one writer and pooled readers. No SQL stands anywhere else.
//!
//! The cast:
//! * [`open`]: the folder, the file, migrations.
//! * [`writer`]: the one task that writes; batches what waits and answers when it is committed.
//! * one file a table: `mappings`, `settings`, `requests`, `connections`, `rollups`, `tokens`, `lockouts`.
//! * [`transfer`]: imports, all or nothing. [`backup`]: a copy while writes go on. [`archive`]: such a copy, looked
//!   through before it is put back. [`swap`]: puts it in the database's place. [`original`]: reads the original's
//!   database. [`scratch`]: the files that these work on.
//!
//! Invariants: an answered change survives power loss (settings are committed with `synchronous=FULL`); rows of the
//! logs may lose the newest moments to power loss, never to the end of the process; what fails is a state
//! ([`Store::trouble`]) and not the end of the console.

mod archive;
mod backup;
mod connections;
mod lockouts;
mod mappings;
mod open;
pub(crate) mod original;
mod requests;
mod rollups;
mod scratch;
mod settings;
pub(crate) mod swap;
mod tokens;
mod transfer;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::SqlitePool;
use thiserror::Error;
use tokio::sync::watch;

pub(crate) use archive::{Archive, ArchiveError};
pub(crate) use backup::BackupError;
pub(crate) use connections::{ConnectionFilter, ConnectionRow};
pub(crate) use lockouts::LockoutRow;
pub(crate) use mappings::{MappingDraft, Occupied, Precondition, ReplaceOutcome, StoredMapping, View};
pub(crate) use requests::{RequestFilter, RequestRow, StatusClass};
pub(crate) use rollups::Slices;
pub(crate) use scratch::Scratch;
pub(crate) use settings::PageOutcome;
pub(crate) use tokens::{Rotation, TokenHash};
pub(crate) use transfer::ImportOutcome;

pub(crate) use open::folder_of;
use writer::Writer;

/// Readers of the database. Lists are short queries; four keep a slow CSV from delaying a page.
const READERS: u32 = 4;

/// Why the store did not do what was asked.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub(crate) enum StoreError {
    /// The database cannot be read or written at the moment.
    #[error("the database is not available: {0}")]
    Unavailable(Arc<str>),
    /// The console is stopping.
    #[error("the store is closed")]
    Closed,
    /// A row is not what this release writes.
    #[error("the database has a row that is not legal: {0}")]
    Corrupt(Arc<str>),
}

impl StoreError {
    /// Whether there is no room to write.
    pub(crate) fn is_full(&self) -> bool {
        matches!(self, Self::Unavailable(reason) if is_full(reason))
    }
}

/// Whether it is for want of room that the database cannot be written.
pub(crate) fn is_full(reason: &str) -> bool {
    reason == open::DISK_FULL
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolClosed => Self::Closed,
            error => Self::Unavailable(open::plain_words(&error).into()),
        }
    }
}

/// The open database.
pub(crate) struct Store {
    readers: SqlitePool,
    writer: Writer,
    path: PathBuf,
}

impl Store {
    /// What is wrong with writing at the moment; `None` when the newest write worked.
    pub(crate) fn trouble(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.writer.trouble()
    }

    /// Counts what was stored, log rows aside: whoever gave the job may be gone when it is done.
    pub(crate) fn committed(&self) -> watch::Receiver<u64> {
        self.writer.committed()
    }

    /// The database's file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what is queued, then closes.
    pub(crate) async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }
}

/// SQLite has signed integers only; what does not fit has its end.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The way back; a negative number (written by nobody) is 0.
fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

#[cfg(test)]
mod tests;
