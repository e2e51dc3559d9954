//! Whether a file has the schema of our migrations, to the letter. Reading `sqlite_schema` evaluates nothing; a CHECK, a
//! computed column or the expression of an index is evaluated by the first look at its table.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

use super::ArchiveError;
use crate::store::open;

/// Parts that are read: many times as many as our largest schema has.
const MOST_PARTS: i64 = 1_000;

/// What SQLite itself adds when somebody runs ANALYZE.
const STATISTICS: [(&str, &str); 2] = [
    ("sqlite_stat1", "CREATE TABLE sqlite_stat1(tbl,idx,stat)"),
    ("sqlite_stat4", "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)"),
];

/// Bytes at which a definition is cut: several times as long as our longest, so that a cut one is none of ours.
const PARTS: &str = "SELECT substr(CAST(type AS TEXT), 1, 64), substr(CAST(name AS TEXT), 1, 64), \
                     substr(CAST(tbl_name AS TEXT), 1, 64), substr(CAST(sql AS TEXT), 1, 16384) \
                     FROM sqlite_schema LIMIT ?";

/// Kind and name, table, definition.
type Part = ((String, String), (String, Option<String>));

/// Compares a file with a database that was made by the same migrations.
pub(super) async fn check(connection: &mut SqliteConnection, version: i64) -> Result<(), ArchiveError> {
    let ours = made_by_us(version).await?;
    let parts = read(connection).await?;
    if let Some(((kind, name), _)) = parts.iter().find(|((kind, _), _)| kind == "trigger" || kind == "view") {
        return Err(damaged(format!("it has a trigger or view, {name}, that Octoporty never makes: a {kind}")));
    }
    let mut seen = BTreeSet::new();
    for (key, definition) in parts {
        let (kind, name) = &key;
        if ours.get(&key) != Some(&definition) && !is_statistics(&key, &definition) {
            return Err(damaged(format!("the {kind} {name} is not as Octoporty makes it")));
        }
        if !seen.insert(key.clone()) {
            return Err(damaged(format!("it has the {kind} {name} twice")));
        }
    }
    match ours.keys().find(|key| !seen.contains(*key)) {
        Some((kind, name)) => Err(damaged(format!("it has no {kind} {name}"))),
        None => Ok(()),
    }
}

fn damaged(reason: String) -> ArchiveError {
    ArchiveError::Damaged(reason)
}

fn is_statistics((kind, name): &(String, String), (table, sql): &(String, Option<String>)) -> bool {
    kind == "table"
        && table == name
        && STATISTICS.iter().any(|known| (known.0, Some(known.1)) == (name, sql.as_deref()))
}

async fn made_by_us(version: i64) -> Result<BTreeMap<(String, String), (String, Option<String>)>, ArchiveError> {
    if version < 1 {
        return Err(damaged(format!("its schema has the version {version}")));
    }
    let mut connection = SqliteConnectOptions::new().in_memory(true).disable_statement_logging().connect().await?;
    open::migrate_to(&mut connection, version).await?;
    let parts = read(&mut connection).await?;
    connection.close().await?;
    Ok(parts.into_iter().collect())
}

async fn read(connection: &mut SqliteConnection) -> Result<Vec<Part>, ArchiveError> {
    let rows = sqlx::query_as::<_, (Option<String>, Option<String>, Option<String>, Option<String>)>(PARTS);
    let rows = rows.bind(MOST_PARTS).fetch_all(connection).await.map_err(|error| match error {
        // Not even text.
        error @ sqlx::Error::ColumnDecode { .. } => damaged(error.to_string()),
        error => error.into(),
    })?;
    let text = Option::unwrap_or_default;
    Ok(rows.into_iter().map(|(kind, name, table, sql)| ((text(kind), text(name)), (text(table), sql))).collect())
}
