//! Failed logins, so that a restart does not forgive them.

use super::writer::Durability;
use super::{Store, StoreError, signed, unsigned};

/// One source or account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct LockoutRow {
    /// `source:…` or `account:…`.
    pub(crate) key: String,
    /// Failures since the newest lock or success.
    pub(crate) failures: u32,
    /// Locks since the newest success.
    pub(crate) locks: u32,
    /// Unix milliseconds; 0: not locked.
    pub(crate) locked_until_ms: u64,
    /// Unix milliseconds; 0: never.
    pub(crate) last_failure_ms: u64,
    /// Unix milliseconds; 0: never.
    pub(crate) last_success_ms: u64,
}

impl Store {
    /// All that is known.
    pub(crate) async fn lockouts(&self) -> Result<Vec<LockoutRow>, StoreError> {
        let rows: Vec<(String, u32, u32, i64, i64, i64)> = sqlx::query_as(
            "SELECT key, failures, locks, locked_until_ms, last_failure_ms, last_success_ms FROM lockouts",
        )
        .fetch_all(&self.readers)
        .await?;
        let read = |(key, failures, locks, until, failure, success)| LockoutRow {
            key,
            failures,
            locks,
            locked_until_ms: unsigned(until),
            last_failure_ms: unsigned(failure),
            last_success_ms: unsigned(success),
        };
        Ok(rows.into_iter().map(read).collect())
    }

    /// Writes rows and forgets keys.
    pub(crate) async fn save_lockouts(&self, rows: Vec<LockoutRow>, gone: Vec<String>) -> Result<(), StoreError> {
        self.writer
            .run(Durability::Settings, move |connection| {
                Box::pin(async move {
                    for row in rows {
                        sqlx::query("INSERT OR REPLACE INTO lockouts VALUES (?, ?, ?, ?, ?, ?)")
                            .bind(row.key)
                            .bind(i64::from(row.failures))
                            .bind(i64::from(row.locks))
                            .bind(signed(row.locked_until_ms))
                            .bind(signed(row.last_failure_ms))
                            .bind(signed(row.last_success_ms))
                            .execute(&mut *connection)
                            .await?;
                    }
                    for key in gone {
                        sqlx::query("DELETE FROM lockouts WHERE key = ?").bind(key).execute(&mut *connection).await?;
                    }
                    Ok(())
                })
            })
            .await
    }
}
