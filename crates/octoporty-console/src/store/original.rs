//! Reads a database of the original Octoporty (EF Core's tables). It is opened for reading alone.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{ConnectOptions, Connection, Row};
use thiserror::Error;

use octoporty_proto::model::MappingName;

use super::open::{self, Schema};
use crate::api::loose::Loose;
use crate::api::mappings::input::MappingInput;
use crate::import::file::{EntryInput, Read, take};
use crate::import::{Mistake, PageWish};

/// Most rows that are read; the original's console would not show as many.
const MOST_ROWS: i64 = 100_000;

/// Why there is nothing to take over.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum OriginalError {
    /// No such file.
    #[error("there is no file {0}")]
    Missing(String),
    /// A database of this Octoporty.
    #[error("this is a database of this Octoporty already; put a backup back with `octoporty restore --from FILE`")]
    Ours,
    /// Another program's.
    #[error("this is not a database of the original Octoporty: it has no table PortMappings (its tables: {0})")]
    Foreign(String),
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
}

impl From<sqlx::Error> for OriginalError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unreadable(open::plain_words(&error))
    }
}

/// Mappings and landing page, and what of them cannot be taken over; mistakes name rows by their domain.
pub(crate) async fn read(path: &Path) -> Result<Read, OriginalError> {
    if !path.exists() {
        return Err(OriginalError::Missing(path.display().to_string()));
    }
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .busy_timeout(open::BUSY_TIMEOUT)
        .pragma("trusted_schema", "OFF")
        .disable_statement_logging();
    let mut connection = options.connect().await?;
    let found = collect(&mut connection).await;
    connection.close().await?;
    found
}

async fn collect(connection: &mut SqliteConnection) -> Result<Read, OriginalError> {
    let schema = Schema::read(connection).await?;
    if !schema.is_original() {
        let is_ours = !schema.is_fresh() && schema.judge().is_ok();
        return Err(if is_ours { OriginalError::Ours } else { OriginalError::Foreign(schema.table_names()) });
    }
    // The original's columns have the types that EF Core gives them; whatever is in them comes as a text or a number.
    let rows = sqlx::query(
        "SELECT CAST(Id AS TEXT) AS id, CAST(ExternalDomain AS TEXT) AS domain, CAST(InternalHost AS TEXT) AS host, \
         CAST(InternalPort AS INTEGER) AS port, CAST(InternalUseTls AS INTEGER) AS tls, \
         CAST(AllowSelfSignedCerts AS INTEGER) AS any_certificate, CAST(IsEnabled AS INTEGER) AS enabled, \
         CAST(Description AS TEXT) AS description FROM PortMappings ORDER BY ExternalDomain LIMIT ?",
    )
    .bind(MOST_ROWS)
    .fetch_all(&mut *connection)
    .await?;
    let mut read: Read = Default::default();
    for (index, row) in rows.iter().enumerate() {
        take(index, entry(row)?, &mut read);
    }
    name_rows(&rows, &mut read.1)?;
    if schema.has_table(open::ORIGINAL_SETTINGS) {
        let html: Option<String> =
            sqlx::query_scalar("SELECT CAST(Value AS TEXT) FROM Settings WHERE Key = 'LandingPageHtml'")
                .fetch_optional(connection)
                .await?
                .flatten();
        if let Some(html) = html.filter(|html| !html.trim().is_empty()) {
            match octoporty_proto::model::LandingPage::new(html) {
                Ok(page) => read.0.page = PageWish::Custom(page),
                Err(error) => read.1.push(Mistake::elsewhere("landing page", error.to_string())),
            }
        }
    }
    Ok(read)
}

fn entry(row: &SqliteRow) -> Result<EntryInput, sqlx::Error> {
    let flag = |column: &str| Ok::<_, sqlx::Error>(Loose::Given(row.try_get::<i64, _>(column)? != 0));
    let description = row.try_get::<Option<String>, _>("description")?.map(|text| one_line(&text));
    let mapping = MappingInput {
        external_domain: Loose::Given(row.try_get::<String, _>("domain")?.trim().to_owned()),
        internal_host: Loose::Given(row.try_get::<String, _>("host")?.trim().to_owned()),
        internal_port: Loose::Given(row.try_get("port")?),
        internal_use_tls: flag("tls")?,
        allow_self_signed_certs: flag("any_certificate")?,
        is_enabled: flag("enabled")?,
        description: description.map_or(Loose::Absent, Loose::Given),
        ..MappingInput::default()
    };
    Ok(EntryInput { id: Loose::Given(row.try_get("id")?), mapping })
}

/// The original takes descriptions of any length and with line breaks; a name is one short line.
fn one_line(text: &str) -> String {
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    words.join(" ").chars().take(MappingName::MAX_LEN).collect()
}

/// Rows of a table have no place that a person could look up: their domains stand in for it.
fn name_rows(rows: &[SqliteRow], mistakes: &mut [Mistake]) -> Result<(), sqlx::Error> {
    for mistake in mistakes {
        if let Some(row) = mistake.index.and_then(|index| rows.get(index)) {
            mistake.field = row.try_get("domain")?;
        }
    }
    Ok(())
}
