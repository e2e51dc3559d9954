//! A consistent copy of the whole database while it is written to, without what sessions are made of.

use std::path::PathBuf;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use thiserror::Error;
use tokio::fs::File;
use tokio::io::AsyncSeekExt;

use super::scratch::Scratch;
use super::{Store, StoreError, open, settings};

/// A copy to be sent. Its file has no name any more: whatever becomes of the reader, the disk gets its room back.
#[derive(Debug)]
pub(crate) struct Backup {
    /// From its beginning.
    pub(crate) file: File,
    /// Its length.
    pub(crate) bytes: u64,
}

/// Why there is no copy.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum BackupError {
    /// No room beside the database.
    #[error("the disk of the database is full")]
    Full,
    /// The copy cannot be made.
    #[error("the backup failed: {0}")]
    Failed(String),
}

impl From<sqlx::Error> for BackupError {
    fn from(error: sqlx::Error) -> Self {
        if open::is_full(&error) { Self::Full } else { Self::Failed(open::plain_words(&error)) }
    }
}

impl From<StoreError> for BackupError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<std::io::Error> for BackupError {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::StorageFull { Self::Full } else { Self::Failed(error.to_string()) }
    }
}

impl Store {
    /// Copies what is stored at one moment. Writers are not held up: the copy is a reader.
    pub(crate) async fn backup(&self) -> Result<Backup, BackupError> {
        let scratch = Scratch::beside(&self.path)?;
        let mut source = SqliteConnectOptions::new()
            .filename(&self.path)
            .read_only(true)
            .busy_timeout(open::BUSY_TIMEOUT)
            .disable_statement_logging()
            .connect()
            .await?;
        let path = utf8(scratch.path().to_owned())?;
        sqlx::query("VACUUM INTO ?").bind(path).execute(&mut source).await?;
        source.close().await?;
        let mut copy = open_private(&scratch).await?;
        strip(&mut copy).await?;
        copy.close().await?;
        let mut file = File::from_std(scratch.file().try_clone()?);
        file.rewind().await?;
        let bytes = file.metadata().await?.len();
        Ok(Backup { file, bytes })
    }
}

/// SQLite takes paths as text.
fn utf8(path: PathBuf) -> Result<String, BackupError> {
    let words = "the database's path is not UTF-8; move the database";
    path.into_os_string().into_string().map_err(|_| BackupError::Failed(words.to_owned()))
}

/// A file that nobody else knows of: no log of its own, no waiting for the disk.
pub(super) async fn open_private(scratch: &Scratch) -> Result<SqliteConnection, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(scratch.path())
        .busy_timeout(open::BUSY_TIMEOUT)
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        .pragma("secure_delete", "ON")
        .disable_statement_logging();
    options.connect().await
}

/// Takes out what logs somebody in or keeps somebody out: a backup in the wrong hands, or one that is put back later,
/// must not bring sessions back that have ended.
pub(super) async fn strip(copy: &mut SqliteConnection) -> Result<(), StoreError> {
    sqlx::raw_sql("DELETE FROM refresh_tokens; DELETE FROM lockouts").execute(&mut *copy).await?;
    settings::forget_credentials(copy).await
}
