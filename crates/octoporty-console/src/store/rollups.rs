//! Figures by minute, hour and day. What comes is added to all three in one job, so that they always agree.

use std::collections::BTreeMap;

use octoporty_proto::model::MappingId;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{QueryBuilder, Row, Sqlite};

use super::writer::Durability;
use super::{Store, StoreError, signed, unsigned};
use crate::recorder::rollups::{Requests, Step, Tunnel, Waiting};
use crate::recorder::sketch::Sketch;

/// Which slices.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slices {
    /// Of which length.
    pub(crate) step: Step,
    /// Those that begin at this moment or later, Unix milliseconds.
    pub(crate) from_ms: u64,
    /// Those that begin before this moment, Unix milliseconds.
    pub(crate) to_ms: u64,
}

impl Store {
    /// Adds what has come since the last time.
    pub(crate) async fn add_rollups(&self, news: Waiting) -> Result<(), StoreError> {
        self.writer
            .run(Durability::Logs, move |connection| {
                Box::pin(async move {
                    for step in Step::ALL {
                        add(connection, step, &news.in_steps_of(step)).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Requests of a mapping, or of all together, by the begin of their slice.
    pub(crate) async fn request_rollups(
        &self,
        slices: Slices,
        mapping: Option<MappingId>,
    ) -> Result<BTreeMap<u64, Requests>, StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM rollups WHERE step_s = ? AND begin_ms >= ? AND begin_ms < ? AND mapping = ? \
             ORDER BY begin_ms",
        )
        .bind(signed(slices.step.seconds()))
        .bind(signed(slices.from_ms))
        .bind(signed(slices.to_ms))
        .bind(text_of(mapping))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|row| Ok((unsigned(row.try_get("begin_ms")?), read_requests(row)?))).collect()
    }

    /// The tunnel, by the begin of the slice.
    pub(crate) async fn tunnel_rollups(&self, slices: Slices) -> Result<BTreeMap<u64, Tunnel>, StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM tunnel_rollups WHERE step_s = ? AND begin_ms >= ? AND begin_ms < ? ORDER BY begin_ms",
        )
        .bind(signed(slices.step.seconds()))
        .bind(signed(slices.from_ms))
        .bind(signed(slices.to_ms))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|row| Ok((unsigned(row.try_get("begin_ms")?), read_tunnel(row)?))).collect()
    }

    /// Deletes slices that are older than they are kept; answers how many rows went.
    pub(crate) async fn prune_rollups(&self, now_ms: u64) -> Result<u64, StoreError> {
        self.writer
            .run(Durability::Logs, move |connection| {
                Box::pin(async move {
                    let mut gone = 0;
                    for step in Step::ALL {
                        let oldest = step.begin(now_ms.saturating_sub(step.kept_ms()));
                        for table in ["rollups", "tunnel_rollups"] {
                            let mut query = QueryBuilder::<Sqlite>::new("DELETE FROM ");
                            query.push(table).push(" WHERE step_s = ").push_bind(signed(step.seconds()));
                            query.push(" AND begin_ms < ").push_bind(signed(oldest));
                            gone += query.build().execute(&mut *connection).await?.rows_affected();
                        }
                    }
                    Ok(gone)
                })
            })
            .await
    }
}

fn text_of(mapping: Option<MappingId>) -> String {
    mapping.map(|mapping| mapping.to_string()).unwrap_or_default()
}

async fn add(connection: &mut SqliteConnection, step: Step, news: &Waiting) -> Result<(), StoreError> {
    for ((begin, mapping), requests) in &news.requests {
        add_requests(connection, (step, *begin, text_of(*mapping)), requests).await?;
    }
    for (begin, tunnel) in &news.tunnel {
        sqlx::query(
            "INSERT INTO tunnel_rollups (step_s, begin_ms, observed_ms, connected_ms, bytes_to_targets, \
             bytes_to_visitors) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET \
             observed_ms = observed_ms + excluded.observed_ms, connected_ms = connected_ms + excluded.connected_ms, \
             bytes_to_targets = bytes_to_targets + excluded.bytes_to_targets, \
             bytes_to_visitors = bytes_to_visitors + excluded.bytes_to_visitors",
        )
        .bind(signed(step.seconds()))
        .bind(signed(*begin))
        .bind(signed(tunnel.observed_ms))
        .bind(signed(tunnel.connected_ms))
        .bind(signed(tunnel.bytes_to_targets))
        .bind(signed(tunnel.bytes_to_visitors))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// A histogram cannot be added to by a statement: the row is read, and written as a whole. Nobody else writes.
async fn add_requests(
    connection: &mut SqliteConnection,
    (step, begin, mapping): (Step, u64, String),
    news: &Requests,
) -> Result<(), StoreError> {
    let known = sqlx::query("SELECT * FROM rollups WHERE step_s = ? AND begin_ms = ? AND mapping = ?")
        .bind(signed(step.seconds()))
        .bind(signed(begin))
        .bind(&mapping)
        .fetch_optional(&mut *connection)
        .await?;
    let mut sum = news.clone();
    if let Some(row) = known {
        // A row that was damaged by hand must not stop all others from being written: it begins anew.
        match read_requests(&row) {
            Ok(known) => sum.add(&known),
            Err(error) => tracing::error!(%error, "figures of a slice begin anew"),
        }
    }
    let mut query = sqlx::query(
        "INSERT OR REPLACE INTO rollups (step_s, begin_ms, mapping, requests, errors, answers_1xx, answers_2xx, \
         answers_3xx, answers_4xx, answers_5xx, bytes_to_targets, bytes_to_visitors, total_us, times) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(signed(step.seconds()))
    .bind(signed(begin))
    .bind(mapping)
    .bind(signed(sum.requests))
    .bind(signed(sum.errors));
    for count in sum.by_class {
        query = query.bind(signed(count));
    }
    query
        .bind(signed(sum.bytes_to_targets))
        .bind(signed(sum.bytes_to_visitors))
        .bind(signed(sum.total_us))
        .bind(sum.times.to_bytes())
        .execute(connection)
        .await?;
    Ok(())
}

fn read_requests(row: &SqliteRow) -> Result<Requests, StoreError> {
    let number = |name: &str| -> Result<u64, StoreError> { Ok(unsigned(row.try_get(name)?)) };
    let mut by_class = [0; 5];
    for (count, name) in
        by_class.iter_mut().zip(["answers_1xx", "answers_2xx", "answers_3xx", "answers_4xx", "answers_5xx"])
    {
        *count = number(name)?;
    }
    let times = Sketch::from_bytes(row.try_get("times")?);
    Ok(Requests {
        requests: number("requests")?,
        errors: number("errors")?,
        by_class,
        bytes_to_targets: number("bytes_to_targets")?,
        bytes_to_visitors: number("bytes_to_visitors")?,
        total_us: number("total_us")?,
        times: times.ok_or_else(|| StoreError::Corrupt("rollups.times".into()))?,
    })
}

fn read_tunnel(row: &SqliteRow) -> Result<Tunnel, StoreError> {
    Ok(Tunnel {
        observed_ms: unsigned(row.try_get("observed_ms")?),
        connected_ms: unsigned(row.try_get("connected_ms")?),
        bytes_to_targets: unsigned(row.try_get("bytes_to_targets")?),
        bytes_to_visitors: unsigned(row.try_get("bytes_to_visitors")?),
    })
}
