//! A backup that is to be put back: looked through before anything is touched. Every check is made on a copy of our own,
//! so that the file stays as it is. Whoever made it may mean harm: nothing of its schema is evaluated before it is known
//! to be the very schema that our migrations make.
//!
//! The cast: [`shape`] compares the schema, [`room`] looks whether the rows leave room for what comes next.

mod room;
mod shape;

use std::fs::File;
use std::io::{self, Read, Seek};

use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;
use thiserror::Error;

use super::open::{self, Schema, SchemaError};
use super::scratch::Scratch;
use super::{StoreError, View, backup, mappings};

/// What every SQLite database begins with.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// Bytes of the header.
const HEADER_BYTES: usize = 100;
/// Faults that SQLite looks for before it gives up: one is enough to refuse.
const INTEGRITY_CHECK: &str = "PRAGMA integrity_check(1)";

/// Why a file cannot be put back. Each says what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum ArchiveError {
    /// Something else altogether.
    #[error("is not an SQLite database: give the file that Download SQLite backup made")]
    NotSqlite,
    /// It ends too early.
    #[error("was cut off: it has {have} of {wants} bytes. Download or copy it again")]
    Truncated {
        /// Bytes that are there.
        have: u64,
        /// Bytes that its header tells of.
        wants: u64,
    },
    /// Its pages contradict each other.
    #[error("is damaged ({0}): use another backup")]
    Damaged(String),
    /// Another program's.
    #[error("is another program's database (its tables: {0}): use a backup that Octoporty made")]
    Foreign(String),
    /// The original's.
    #[error(
        "is a database of the original Octoporty, not a backup: stop the agent and take its mappings over with `octoporty import --from-octoporty FILE`"
    )]
    Original,
    /// Of a later release.
    #[error("was made by a newer release (schema {found}, this one knows {known}): install that release first")]
    Newer {
        /// Its schema.
        found: i64,
        /// Newest that this release knows.
        known: i64,
    },
    /// A row that no release of ours writes.
    #[error("has a row that is not legal ({0}): use another backup")]
    Row(String),
    /// No room for the copy.
    #[error("cannot be looked through: the disk of the database is full. Make room")]
    Full,
    /// The copy cannot be read or written.
    #[error("cannot be looked through: {0}")]
    Unreadable(String),
}

impl From<io::Error> for ArchiveError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::StorageFull { Self::Full } else { Self::Unreadable(error.to_string()) }
    }
}

impl From<sqlx::Error> for ArchiveError {
    fn from(error: sqlx::Error) -> Self {
        match open::primary_code(&error) {
            // A table or a column is not there, or the pages contradict each other.
            Some(1 | 11) => Self::Damaged(error.to_string()),
            Some(13) => Self::Full,
            Some(26) => Self::NotSqlite,
            _ => Self::Unreadable(open::plain_words(&error)),
        }
    }
}

impl From<StoreError> for ArchiveError {
    fn from(error: StoreError) -> Self {
        Self::Damaged(error.to_string())
    }
}

/// A backup that is whole, ours, and of this release's schema.
#[derive(Debug)]
pub(crate) struct Archive {
    /// Without sessions, brought to this release's schema, in one file.
    pub(crate) file: Scratch,
    /// Its settings.
    pub(crate) view: View,
}

impl Archive {
    /// Looks through a copy, and makes it ready to be the database.
    pub(crate) async fn open(file: Scratch) -> Result<Self, ArchiveError> {
        check_header(file.file())?;
        let mut connection = backup::open_private(&file).await?;
        let view = examine(&mut connection).await;
        // Whatever it is, nothing may hold its side files when it is deleted.
        let closed = connection.close().await;
        let view = view?;
        closed?;
        Ok(Self { file, view })
    }
}

async fn examine(connection: &mut SqliteConnection) -> Result<View, ArchiveError> {
    let schema = Schema::read(connection).await?;
    match schema.judge() {
        Ok(()) if schema.is_fresh() => return Err(ArchiveError::Foreign("none".to_owned())),
        Ok(()) => {}
        Err(SchemaError::Foreign) if schema.is_original() => return Err(ArchiveError::Original),
        Err(SchemaError::Foreign) => return Err(ArchiveError::Foreign(schema.table_names())),
        Err(SchemaError::Newer { found, known }) => return Err(ArchiveError::Newer { found, known }),
    }
    shape::check(connection, schema.version()).await?;
    let verdict: String = sqlx::query_scalar(INTEGRITY_CHECK).fetch_one(&mut *connection).await?;
    if verdict != "ok" {
        return Err(ArchiveError::Damaged(verdict));
    }
    sqlx::raw_sql("PRAGMA journal_mode = DELETE").execute(&mut *connection).await?;
    open::migrate(connection).await?;
    room::check(connection).await?;
    if let Some(error) = mappings::first_illegal(connection).await? {
        return Err(ArchiveError::Row(error.to_string()));
    }
    backup::strip(connection).await?;
    Ok(mappings::view(connection).await?)
}

/// What can be told from the first bytes and the length: SQLite itself calls a cut file damaged, or not at all.
fn check_header(mut file: &File) -> Result<(), ArchiveError> {
    file.rewind()?;
    let have = file.metadata()?.len();
    let mut header = Vec::with_capacity(HEADER_BYTES);
    file.take(HEADER_BYTES as u64).read_to_end(&mut header)?;
    let begins = header.len().min(MAGIC.len());
    if header.is_empty() || header[..begins] != MAGIC[..begins] {
        return Err(ArchiveError::NotSqlite);
    }
    if header.len() < HEADER_BYTES {
        return Err(ArchiveError::Truncated { have, wants: HEADER_BYTES as u64 });
    }
    let page = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        bytes => u64::from(bytes),
    };
    let word = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    // The count of pages is only good if it was written with the newest change.
    let wants = if word(24) == word(92) { u64::from(word(28)) * page } else { 0 };
    if have < wants { Err(ArchiveError::Truncated { have, wants }) } else { Ok(()) }
}
