//! Whether the rows leave room for what comes next: a number at the end of its range would end the log, or every change.

use sqlx::sqlite::SqliteConnection;

use super::ArchiveError;

/// What is illegal of a file of this release's schema, by the table and what is wrong with it. Numbers end where a
/// browser still counts exactly (2^53); no console gets there.
const ILLEGAL: [(&str, &str); 8] = [
    (
        "desired_revision has no number that can rise",
        "SELECT count(*) <> 1 OR max(value) NOT BETWEEN 0 AND 9007199254740991 FROM desired_revision",
    ),
    (
        "mappings has a revision or a time that cannot be",
        "SELECT EXISTS (SELECT * FROM mappings WHERE revision NOT BETWEEN 0 AND 9007199254740991 \
         OR created_ms NOT BETWEEN 0 AND 9007199254740991 OR updated_ms NOT BETWEEN 0 AND 9007199254740991)",
    ),
    // Five times as many as a gateway serves; they are held in memory.
    ("mappings has more than 100000 rows", "SELECT count(*) > 100000 FROM mappings"),
    // The largest is the landing page, of 1 MiB.
    (
        "settings has a value of more than 4 MiB",
        "SELECT EXISTS (SELECT * FROM settings WHERE octet_length(value) > 4194304)",
    ),
    (
        "request_blocks has a row number that leaves no room",
        "SELECT EXISTS (SELECT * FROM request_blocks WHERE first_id NOT BETWEEN 0 AND 9007199254740991 \
         OR rows NOT BETWEEN 0 AND 4294967295)",
    ),
    (
        "connection_log has a row number that leaves no room",
        "SELECT EXISTS (SELECT * FROM connection_log WHERE id NOT BETWEEN 0 AND 9007199254740991)",
    ),
    (
        "sqlite_sequence has a number for connection_log that leaves no room",
        "SELECT EXISTS (SELECT * FROM sqlite_sequence WHERE name = 'connection_log' \
         AND (typeof(seq) <> 'integer' OR seq NOT BETWEEN 0 AND 9007199254740991))",
    ),
    (
        "tunnel_rollups has a time that cannot be",
        "SELECT EXISTS (SELECT * FROM tunnel_rollups WHERE observed_ms NOT BETWEEN 0 AND 9007199254740991 \
         OR connected_ms NOT BETWEEN 0 AND 9007199254740991 OR bytes_to_targets NOT BETWEEN 0 AND 9007199254740991 \
         OR bytes_to_visitors NOT BETWEEN 0 AND 9007199254740991)",
    ),
];

/// Refuses the first that is found.
pub(super) async fn check(connection: &mut SqliteConnection) -> Result<(), ArchiveError> {
    for (words, question) in ILLEGAL {
        if sqlx::query_scalar::<_, bool>(question).fetch_one(&mut *connection).await? {
            return Err(ArchiveError::Row(words.to_owned()));
        }
    }
    Ok(())
}
