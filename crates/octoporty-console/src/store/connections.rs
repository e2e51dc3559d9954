//! The connection log: one row a session of the agent.

use octoporty_proto::model::{EndReason, SessionRecord};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row};

use super::writer::Durability;
use super::{Store, StoreError, signed, unsigned};

/// Why the row of an earlier process has no end.
const PROCESS_ENDED: &str = "process_ended";

/// A session with its place in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ConnectionRow {
    /// Rises with time.
    pub(crate) id: i64,
    /// Which session.
    pub(crate) session: String,
    /// Unix milliseconds.
    pub(crate) started_ms: u64,
    /// Unix milliseconds; `None` while it stands, or when the process ended without saying so.
    pub(crate) ended_ms: Option<u64>,
    /// Why it ended, as [`EndReason`] is written.
    pub(crate) end_reason: Option<String>,
    /// A sentence about the end.
    pub(crate) end_detail: Option<String>,
    /// Whom it was with.
    pub(crate) gateway_url: String,
    /// The gateway's version.
    pub(crate) gateway_version: String,
    /// The agent's version.
    pub(crate) agent_version: String,
    /// `websocket`.
    pub(crate) transport: String,
    /// Most links at once.
    pub(crate) links: u32,
}

/// Which rows; what is `None` does not narrow.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConnectionFilter {
    /// Began at this moment or later, Unix milliseconds.
    pub(crate) since_ms: Option<u64>,
    /// Began before this moment, Unix milliseconds.
    pub(crate) until_ms: Option<u64>,
    /// With a lower id.
    pub(crate) before_id: Option<i64>,
    /// At most this many.
    pub(crate) count: u32,
}

impl Store {
    /// Writes a session's begin or end; answers the row as it stands.
    pub(crate) async fn record_session(&self, record: SessionRecord) -> Result<ConnectionRow, StoreError> {
        self.writer
            .run(Durability::Logs, move |connection| {
                Box::pin(async move {
                    let row = sqlx::query(
                        "INSERT INTO connection_log (session, started_ms, ended_ms, end_reason, end_detail, \
                         gateway_url, gateway_version, agent_version, transport, links) \
                         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (session) DO UPDATE SET \
                         ended_ms = excluded.ended_ms, end_reason = excluded.end_reason, \
                         end_detail = excluded.end_detail, links = max(links, excluded.links) RETURNING *",
                    )
                    .bind(record.session.to_string())
                    .bind(signed(record.started_ms))
                    .bind(record.ended_ms.map(signed))
                    .bind(record.end.map(end_text))
                    .bind(record.end_detail)
                    .bind(record.gateway_url)
                    .bind(record.gateway_version)
                    .bind(record.agent_version)
                    .bind(record.transport)
                    .bind(i64::from(record.links))
                    .fetch_one(connection)
                    .await?;
                    read_row(&row)
                })
            })
            .await
    }

    /// Marks sessions of an earlier process, which cannot stand any more.
    pub(crate) async fn end_stale_sessions(&self) -> Result<(), StoreError> {
        self.writer
            .run(Durability::Logs, |connection| {
                Box::pin(async move {
                    sqlx::query(
                        "UPDATE connection_log SET end_reason = ?, \
                         end_detail = 'The agent''s process ended without saying so; when is not known.' \
                         WHERE ended_ms IS NULL AND end_reason IS NULL",
                    )
                    .bind(PROCESS_ENDED)
                    .execute(connection)
                    .await?;
                    Ok(())
                })
            })
            .await
    }

    /// Rows of the log, newest first.
    pub(crate) async fn connections(&self, filter: &ConnectionFilter) -> Result<Vec<ConnectionRow>, StoreError> {
        let mut query = QueryBuilder::new("SELECT * FROM connection_log WHERE TRUE");
        if let Some(since) = filter.since_ms {
            query.push(" AND started_ms >= ").push_bind(signed(since));
        }
        if let Some(until) = filter.until_ms {
            query.push(" AND started_ms < ").push_bind(signed(until));
        }
        if let Some(before) = filter.before_id {
            query.push(" AND id < ").push_bind(before);
        }
        query.push(" ORDER BY id DESC LIMIT ").push_bind(i64::from(filter.count));
        let rows = query.build().fetch_all(&self.readers).await?;
        rows.iter().map(read_row).collect()
    }

    /// Deletes sessions that began before a moment and have ended.
    pub(crate) async fn prune_connections(&self, before_ms: u64) -> Result<u64, StoreError> {
        self.writer
            .run(Durability::Logs, move |connection| {
                Box::pin(async move {
                    let done =
                        sqlx::query("DELETE FROM connection_log WHERE started_ms < ? AND end_reason IS NOT NULL")
                            .bind(signed(before_ms))
                            .execute(connection)
                            .await?;
                    Ok(done.rows_affected())
                })
            })
            .await
    }
}

/// The word of the wire, so that one word stands for one thing everywhere.
fn end_text(reason: EndReason) -> String {
    match serde_json::to_value(reason) {
        Ok(serde_json::Value::String(word)) => word,
        _ => "other".to_owned(),
    }
}

fn read_row(row: &SqliteRow) -> Result<ConnectionRow, StoreError> {
    Ok(ConnectionRow {
        id: row.try_get("id")?,
        session: row.try_get("session")?,
        started_ms: unsigned(row.try_get("started_ms")?),
        ended_ms: row.try_get::<Option<i64>, _>("ended_ms")?.map(unsigned),
        end_reason: row.try_get("end_reason")?,
        end_detail: row.try_get("end_detail")?,
        gateway_url: row.try_get("gateway_url")?,
        gateway_version: row.try_get("gateway_version")?,
        agent_version: row.try_get("agent_version")?,
        transport: row.try_get("transport")?,
        links: row.try_get("links")?,
    })
}
