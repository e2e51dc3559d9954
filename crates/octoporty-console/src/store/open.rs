//! Opening: the folder is writable, the file is ours and not newer, migrations are applied.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};
use tracing::warn;

use super::writer::Writer;
use super::{READERS, Store, scratch};
use crate::StartError;

/// Migrations in their order; the schema's version is how many were applied (`PRAGMA user_version`). Never edit one
/// that was released: append.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001_first_floor.sql"),
    include_str!("../../migrations/0002_request_blocks.sql"),
    include_str!("../../migrations/0003_rollups.sql"),
];

/// `PRAGMA application_id` of our databases, "OCTO": by it they are told from other programs'.
const APPLICATION_ID: i32 = 0x4f43_544f;

/// A table that every schema of ours has, and by which one without the id (they had none at first) is recognised.
const OWN_TABLE: &str = "desired_revision";

/// The table by which the original's databases are recognised, and the one that its landing page is in.
pub(super) const ORIGINAL_TABLE: &str = "PortMappings";
pub(super) const ORIGINAL_SETTINGS: &str = "Settings";
const MARKS: [&str; 3] = [OWN_TABLE, ORIGINAL_TABLE, ORIGINAL_SETTINGS];

/// Names of tables that people are told.
const MOST_NAMED: i64 = 10;

/// How long a statement waits for another process's lock (a backup, a shell) before it fails.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

impl Store {
    /// Opens the database, makes it when it is not there, and brings it to this release's schema.
    pub(crate) async fn open(path: &Path) -> Result<Self, StartError> {
        prepare_folder(path)?;
        prepare_file(path)?;
        let failed =
            |error: sqlx::Error| StartError::Database { path: path.display().to_string(), reason: plain_words(&error) };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .disable_statement_logging();
        let mut connection = options.connect().await.map_err(failed)?;
        // The journal's mode is in the file: it is not touched before it is known to be ours.
        let found = Schema::read(&mut connection).await.map_err(failed)?;
        found.check(path)?;
        sqlx::raw_sql("PRAGMA journal_mode = WAL").execute(&mut connection).await.map_err(failed)?;
        migrate(&mut connection).await.map_err(failed)?;
        if let Err(error) = scratch::sweep(path) {
            warn!(%error, "files that an earlier process left beside the database stay");
        }
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.journal_mode(SqliteJournalMode::Wal).pragma("query_only", "ON"))
            .await
            .map_err(failed)?;
        Ok(Self { readers, writer: Writer::start(connection), path: path.to_owned() })
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

/// What a file has in it.
pub(super) struct Schema {
    /// How many migrations were applied, in a file of ours.
    version: i64,
    application_id: i32,
    /// Those by which a file is recognised.
    marks: Vec<String>,
    /// Some of all, for people.
    tables: Vec<String>,
    count: i64,
}

/// Why a file is not a database for this release.
pub(super) enum SchemaError {
    /// Another program's.
    Foreign,
    /// A later release's.
    Newer {
        /// Its schema.
        found: i64,
        /// Newest that this release knows.
        known: i64,
    },
}

impl Schema {
    pub(super) async fn read(connection: &mut SqliteConnection) -> Result<Self, sqlx::Error> {
        let words =
            "SELECT substr(CAST(name AS TEXT), 1, 64) FROM sqlite_schema WHERE type = 'table' ORDER BY 1 LIMIT ?";
        let marks = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name IN (?, ?, ?)";
        let [own, original, settings] = MARKS;
        Ok(Self {
            version: sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *connection).await?,
            application_id: sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await?,
            marks: sqlx::query_scalar(marks)
                .bind(own)
                .bind(original)
                .bind(settings)
                .fetch_all(&mut *connection)
                .await?,
            tables: sqlx::query_scalar(words).bind(MOST_NAMED).fetch_all(&mut *connection).await?,
            count: sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE type = 'table'")
                .fetch_one(connection)
                .await?,
        })
    }

    /// Whether nobody has written to it yet.
    pub(super) fn is_fresh(&self) -> bool {
        self.count == 0 && self.version == 0 && self.application_id == 0
    }

    /// How many migrations were applied.
    pub(super) const fn version(&self) -> i64 {
        self.version
    }

    /// Whether it has one of the tables by which files are recognised.
    pub(super) fn has_table(&self, name: &str) -> bool {
        self.marks.iter().any(|table| table == name)
    }

    /// Whether it is the original Octoporty's, whose tables EF Core makes.
    pub(super) fn is_original(&self) -> bool {
        self.has_table(ORIGINAL_TABLE)
    }

    /// For people, who need not see the tables of a whole library.
    pub(super) fn table_names(&self) -> String {
        let more = self.count - i64::try_from(self.tables.len()).unwrap_or(i64::MAX);
        let names = self.tables.join(", ");
        if more > 0 { format!("{names} and {more} more") } else { names }
    }

    /// Refuses what is another program's, and what this release is too old for.
    pub(super) fn judge(&self) -> Result<(), SchemaError> {
        let is_ours = self.application_id == APPLICATION_ID || (self.application_id == 0 && self.has_table(OWN_TABLE));
        if !self.is_fresh() && !is_ours {
            return Err(SchemaError::Foreign);
        }
        if self.version > known() {
            return Err(SchemaError::Newer { found: self.version, known: known() });
        }
        Ok(())
    }

    fn check(&self, path: &Path) -> Result<(), StartError> {
        let path = path.display().to_string();
        match self.judge() {
            Ok(()) => Ok(()),
            Err(SchemaError::Foreign) => Err(StartError::ForeignDatabase { path, tables: self.table_names() }),
            Err(SchemaError::Newer { found, known }) => Err(StartError::NewerDatabase { path, found, known }),
        }
    }
}

/// The schema of this release.
fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).expect("migrations are few")
}

/// Applies what is missing, all in one transaction.
pub(super) async fn migrate(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    migrate_to(connection, known()).await
}

/// The same up to a schema of an earlier release.
pub(super) async fn migrate_to(connection: &mut SqliteConnection, version: i64) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    // Read again: another process may have been quicker.
    let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *transaction).await?;
    let until = usize::try_from(version).unwrap_or(0);
    for migration in MIGRATIONS.iter().take(until).skip(usize::try_from(found).unwrap_or(0)) {
        sqlx::raw_sql(*migration).execute(&mut *transaction).await?;
    }
    // A pragma takes no bound value.
    let stamp = format!("PRAGMA user_version = {}; PRAGMA application_id = {APPLICATION_ID}", version.max(found));
    sqlx::raw_sql(sqlx::AssertSqlSafe(stamp)).execute(&mut *transaction).await?;
    transaction.commit().await
}

/// The one failure that its owner can mend without the log.
pub(super) const DISK_FULL: &str = "the disk is full; make room";

/// SQLite's primary result code.
pub(super) fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<i32>().ok());
    code.map(|extended| extended & 0xff)
}

/// Whether the disk has no more room.
pub(super) fn is_full(error: &sqlx::Error) -> bool {
    primary_code(error) == Some(13)
}

/// SQLite's error with what to change, by its primary code.
pub(super) fn plain_words(error: &sqlx::Error) -> String {
    match primary_code(error) {
        Some(5 | 6) => "another process has it locked; stop that process".to_owned(),
        Some(8) => "it is read-only; make the file and its folder writable".to_owned(),
        Some(10) => format!("the disk failed ({error}); look at the system's log"),
        Some(11) => format!("it is damaged ({error}); restore a backup"),
        Some(13) => DISK_FULL.to_owned(),
        Some(14) => "it cannot be opened; check the rights of the file and its folder".to_owned(),
        Some(26) => "it is not an SQLite database; move the file away or restore a backup".to_owned(),
        _ => error.to_string(),
    }
}
