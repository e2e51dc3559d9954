//! The request log.

use octoporty_proto::model::{AccessRecord, MappingId};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite};

use super::writer::Durability;
use super::{Store, StoreError, signed, unsigned};

/// Rows that one job deletes, so that nobody waits long behind a pruning.
const PRUNE_ROWS: i64 = 2_000;

/// A row with its place in the log.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct RequestRow {
    /// Rises with time.
    pub(crate) id: i64,
    /// Name of its mapping, while that is there.
    pub(crate) mapping_name: Option<String>,
    /// What happened.
    pub(crate) record: AccessRecord,
}

/// `2xx` and its like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct StatusClass(u16);

impl StatusClass {
    /// `2`, `2xx`; 1 to 5.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digit = text.strip_suffix("xx").or_else(|| text.strip_suffix("XX")).unwrap_or(text);
        match digit.parse() {
            Ok(class @ 1..=5) if digit.len() == 1 => Some(Self(class)),
            _ => None,
        }
    }
}

/// Which rows; what is `None` does not narrow.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestFilter {
    /// Of this mapping.
    pub(crate) mapping: Option<MappingId>,
    /// With this method.
    pub(crate) method: Option<String>,
    /// With such a status.
    pub(crate) status: Option<StatusClass>,
    /// Path begins with this.
    pub(crate) path: Option<String>,
    /// From this address.
    pub(crate) client: Option<String>,
    /// Host, path or request id contains this.
    pub(crate) search: Option<String>,
    /// At this moment or later, Unix milliseconds.
    pub(crate) since_ms: Option<u64>,
    /// Before this moment, Unix milliseconds.
    pub(crate) until_ms: Option<u64>,
    /// With a lower id.
    pub(crate) before_id: Option<i64>,
    /// At most this many.
    pub(crate) count: u32,
}

impl Store {
    /// Appends records; answers the id of the first, the others follow it.
    pub(crate) async fn append_requests(&self, records: Vec<AccessRecord>) -> Result<i64, StoreError> {
        let count = i64::try_from(records.len()).expect("a batch fits");
        let last = self
            .writer
            .run(Durability::Logs, move |connection| {
                Box::pin(async move {
                    let mut insert = insert_statement(&records);
                    let done = insert.build().execute(connection).await?;
                    Ok(done.last_insert_rowid())
                })
            })
            .await?;
        // One statement of the one writer: the ids of its rows have no gaps.
        Ok(last - count + 1)
    }

    /// Rows of the log, newest first.
    pub(crate) async fn requests(&self, filter: &RequestFilter) -> Result<Vec<RequestRow>, StoreError> {
        let mut query = QueryBuilder::new(
            "SELECT request_log.*, mappings.name AS mapping_name FROM request_log \
             LEFT JOIN mappings ON mappings.id = request_log.mapping WHERE TRUE",
        );
        narrow(&mut query, filter);
        query.push(" ORDER BY request_log.id DESC LIMIT ").push_bind(i64::from(filter.count));
        let rows = query.build().fetch_all(&self.readers).await?;
        rows.iter().map(read_row).collect()
    }

    /// Deletes one portion of what is older than a moment or beyond a number of rows; answers how many went.
    pub(crate) async fn prune_requests(&self, before_ms: u64, keep_rows: u64) -> Result<u64, StoreError> {
        self.writer
            .run(Durability::Logs, move |connection| {
                Box::pin(async move {
                    let done = sqlx::query(
                        "DELETE FROM request_log WHERE id IN (SELECT id FROM request_log WHERE at_ms < ? \
                         OR id <= (SELECT COALESCE(MAX(id), 0) FROM request_log) - ? LIMIT ?)",
                    )
                    .bind(signed(before_ms))
                    .bind(signed(keep_rows))
                    .bind(PRUNE_ROWS)
                    .execute(connection)
                    .await?;
                    Ok(done.rows_affected())
                })
            })
            .await
    }
}

fn insert_statement(records: &[AccessRecord]) -> QueryBuilder<Sqlite> {
    let mut insert = QueryBuilder::new(
        "INSERT INTO request_log (mapping, request_id, at_ms, method, host, path, query, status, error, error_detail, \
         gateway_us, first_byte_us, total_us, request_bytes, response_bytes, client, user_agent) ",
    );
    insert.push_values(records, |mut row, record| {
        row.push_bind(record.mapping.to_string())
            .push_bind(record.request_id.clone())
            .push_bind(signed(record.at_ms))
            .push_bind(record.method.clone())
            .push_bind(record.host.clone())
            .push_bind(record.path.clone())
            .push_bind(record.query.clone())
            .push_bind(i64::from(record.status))
            .push_bind(record.error.clone())
            .push_bind(record.error_detail.clone())
            .push_bind(signed(record.gateway_us))
            .push_bind(record.first_byte_us.map(signed))
            .push_bind(signed(record.total_us))
            .push_bind(signed(record.request_bytes))
            .push_bind(signed(record.response_bytes))
            .push_bind(record.client.to_string())
            .push_bind(record.user_agent.clone());
    });
    insert
}

fn narrow(query: &mut QueryBuilder<Sqlite>, filter: &RequestFilter) {
    if let Some(mapping) = filter.mapping {
        query.push(" AND request_log.mapping = ").push_bind(mapping.to_string());
    }
    if let Some(method) = &filter.method {
        query.push(" AND request_log.method = ").push_bind(method.to_ascii_uppercase());
    }
    if let Some(StatusClass(class)) = filter.status {
        let from = i64::from(class) * 100;
        query.push(" AND request_log.status >= ").push_bind(from);
        query.push(" AND request_log.status < ").push_bind(from + 100);
    }
    if let Some(path) = &filter.path {
        query.push(" AND substr(request_log.path, 1, ").push_bind(signed(path.chars().count() as u64));
        query.push(") = ").push_bind(path.clone());
    }
    if let Some(client) = &filter.client {
        query.push(" AND request_log.client = ").push_bind(client.clone());
    }
    if let Some(search) = &filter.search {
        for (before, column) in [(" AND (instr(", "host"), (" OR instr(", "path"), (" OR instr(", "request_id")] {
            query.push(before).push("request_log.").push(column).push(", ").push_bind(search.clone()).push(") > 0");
        }
        query.push(")");
    }
    if let Some(since) = filter.since_ms {
        query.push(" AND request_log.at_ms >= ").push_bind(signed(since));
    }
    if let Some(until) = filter.until_ms {
        query.push(" AND request_log.at_ms < ").push_bind(signed(until));
    }
    if let Some(before) = filter.before_id {
        query.push(" AND request_log.id < ").push_bind(before);
    }
}

fn read_row(row: &SqliteRow) -> Result<RequestRow, StoreError> {
    let corrupt = |column: &str| StoreError::Corrupt(format!("request_log.{column}").into());
    let number = |column: &'static str| row.try_get::<i64, _>(column).map(unsigned);
    let mapping: String = row.try_get("mapping")?;
    let client: String = row.try_get("client")?;
    let record = AccessRecord {
        mapping: mapping.parse().map_err(|_| corrupt("mapping"))?,
        request_id: row.try_get("request_id")?,
        at_ms: number("at_ms")?,
        method: row.try_get("method")?,
        host: row.try_get("host")?,
        path: row.try_get("path")?,
        query: row.try_get("query")?,
        status: u16::try_from(number("status")?).map_err(|_| corrupt("status"))?,
        error: row.try_get("error")?,
        error_detail: row.try_get("error_detail")?,
        gateway_us: number("gateway_us")?,
        first_byte_us: row.try_get::<Option<i64>, _>("first_byte_us")?.map(unsigned),
        total_us: number("total_us")?,
        request_bytes: number("request_bytes")?,
        response_bytes: number("response_bytes")?,
        client: client.parse().map_err(|_| corrupt("client"))?,
        user_agent: row.try_get("user_agent")?,
    };
    Ok(RequestRow { id: row.try_get("id")?, mapping_name: row.try_get("mapping_name")?, record })
}
