//! Opening: the folder is writable, the file is ours and not newer, migrations are applied.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};

use super::writer::Writer;
use super::{READERS, Store};
use crate::StartError;

/// Migrations in their order; the schema's version is how many were applied (`PRAGMA user_version`). Never edit one
/// that was released: append.
const MIGRATIONS: &[&str] =
    &[include_str!("../../migrations/0001_first_floor.sql"), include_str!("../../migrations/0002_request_blocks.sql")];

/// How long a statement waits for another process's lock (a backup, a shell) before it fails.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

impl Store {
    /// Opens the database, makes it when it is not there, and brings it to this release's schema.
    pub(crate) async fn open(path: &Path) -> Result<Self, StartError> {
        prepare_folder(path)?;
        prepare_file(path)?;
        let failed =
            |error: sqlx::Error| StartError::Database { path: path.display().to_string(), reason: plain_words(&error) };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .disable_statement_logging();
        let mut connection = options.connect().await.map_err(failed)?;
        migrate(&mut connection, path).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.pragma("query_only", "ON"))
            .await
            .map_err(failed)?;
        Ok(Self { readers, writer: Writer::start(connection) })
    }
}

/// The folder that a database lies in.
pub(crate) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Makes the folder and tries to write in it: SQLite needs to make files beside its own.
fn prepare_folder(path: &Path) -> Result<(), StartError> {
    let folder = folder_of(path);
    let failed = |source: io::Error| StartError::Folder {
        path: folder.display().to_string(),
        uid: rustix::process::getuid().as_raw(),
        source,
    };
    DirBuilder::new().recursive(true).mode(0o750).create(&folder).map_err(failed)?;
    let probe = folder.join(format!(".octoporty-write-probe-{}", std::process::id()));
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&probe).map_err(failed)?;
    std::fs::remove_file(&probe).map_err(failed)
}

/// The file is made with mode 0600 before SQLite sees it (which gives its own side files the same mode).
fn prepare_file(path: &Path) -> Result<(), StartError> {
    let opened = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path);
    opened.map(drop).map_err(|error| StartError::Database {
        path: path.display().to_string(),
        reason: format!("{error}; make the file readable and writable for uid {}", rustix::process::getuid().as_raw()),
    })
}

/// Applies what is missing, all in one transaction.
async fn migrate(connection: &mut SqliteConnection, path: &Path) -> Result<(), StartError> {
    let failed =
        |error: sqlx::Error| StartError::Database { path: path.display().to_string(), reason: plain_words(&error) };
    let known = i64::try_from(MIGRATIONS.len()).expect("migrations are few");
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *transaction).await.map_err(failed)?;
    if found > known {
        return Err(StartError::NewerDatabase { path: path.display().to_string(), found, known });
    }
    let applied = usize::try_from(found).unwrap_or(0);
    for migration in &MIGRATIONS[applied..] {
        sqlx::raw_sql(*migration).execute(&mut *transaction).await.map_err(failed)?;
    }
    if found < known {
        // A pragma takes no bound value.
        let stamp = sqlx::AssertSqlSafe(format!("PRAGMA user_version = {known}"));
        sqlx::raw_sql(stamp).execute(&mut *transaction).await.map_err(failed)?;
    }
    transaction.commit().await.map_err(failed)
}

/// SQLite's error with what to change, by its primary code.
pub(super) fn plain_words(error: &sqlx::Error) -> String {
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<i32>().ok());
    match code.map(|extended| extended & 0xff) {
        Some(5 | 6) => "another process has it locked; stop that process".to_owned(),
        Some(8) => "it is read-only; make the file and its folder writable".to_owned(),
        Some(10) => format!("the disk failed ({error}); look at the system's log"),
        Some(11) => format!("it is damaged ({error}); restore a backup"),
        Some(13) => "the disk is full; make room".to_owned(),
        Some(14) => "it cannot be opened; check the rights of the file and its folder".to_owned(),
        Some(26) => "it is not an SQLite database; move the file away or restore a backup".to_owned(),
        _ => error.to_string(),
    }
}
