//! A block of the request log: rows one behind the other, compressed, with what is needed to pass it over unread.

use octoporty_proto::model::{AccessRow, AccessRows};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::super::{StoreError, unsigned};

/// Bytes of rows at which a block is full and the next one begins. On a quiet site each row makes its block be written
/// anew, so it is a few pages of the file; on a busy one whole batches of the gateway, twice as large, are blocks.
const FULL: usize = 32 * 1024;

/// Most bytes of a block's rows: a block that is not full and the largest batch that may come. What says more is not ours.
const MOST: usize = 16 * 1024 * 1024;

/// Rows with their place in the log.
#[derive(Debug)]
pub(super) struct Block {
    /// Id of the first row, or of the next one to come if there is none.
    pub(super) first_id: i64,
    pub(super) rows: i64,
    pub(super) oldest_ms: i64,
    pub(super) newest_ms: i64,
    pub(super) classes: i64,
    raw: Vec<u8>,
}

impl Block {
    /// One without rows.
    pub(super) fn empty(first_id: i64) -> Self {
        Self { first_id, rows: 0, oldest_ms: i64::MAX, newest_ms: 0, classes: 0, raw: Vec::new() }
    }

    /// Reads a row of the table.
    pub(super) fn read(row: &SqliteRow) -> Result<Self, StoreError> {
        let corrupt = || StoreError::Corrupt("request_blocks.body".into());
        let length = usize::try_from(unsigned(row.try_get("raw_bytes")?)).unwrap_or(usize::MAX);
        if length > MOST {
            return Err(corrupt());
        }
        let body: &[u8] = row.try_get("body")?;
        Ok(Self {
            first_id: row.try_get("first_id")?,
            rows: row.try_get("rows")?,
            oldest_ms: row.try_get("oldest_ms")?,
            newest_ms: row.try_get("newest_ms")?,
            classes: row.try_get("classes")?,
            raw: lz4_flex::block::decompress(body, length).map_err(|_| corrupt())?,
        })
    }

    /// The one that rows go to which come now: the newest, or the one behind it if that is full.
    pub(super) async fn newest(connection: &mut SqliteConnection) -> Result<Self, StoreError> {
        // What will not be added to is not unpacked.
        let newest = sqlx::query(
            "SELECT first_id, rows, oldest_ms, newest_ms, classes, raw_bytes, \
             CASE WHEN raw_bytes < ? THEN body END AS body FROM request_blocks ORDER BY first_id DESC LIMIT 1",
        );
        let full = i64::try_from(FULL).unwrap_or(i64::MAX);
        match newest.bind(full).fetch_optional(connection).await? {
            None => Ok(Self::empty(1)),
            Some(row) if row.try_get::<i64, _>("raw_bytes")? < full => Self::read(&row),
            Some(row) => Ok(Self::empty(row.try_get::<i64, _>("first_id")?.saturating_add(row.try_get("rows")?))),
        }
    }

    /// Id of the first row behind it.
    pub(super) fn end(&self) -> i64 {
        self.first_id.saturating_add(self.rows)
    }

    pub(super) fn is_full(&self) -> bool {
        self.raw.len() >= FULL
    }

    pub(super) fn raw_bytes(&self) -> i64 {
        i64::try_from(self.raw.len()).unwrap_or(i64::MAX)
    }

    /// Adds rows behind its own.
    pub(super) fn extend(&mut self, rows: &AccessRows) {
        rows.moments().for_each(|(at_ms, status)| self.note(at_ms, status));
        self.raw.extend_from_slice(rows.bytes());
    }

    fn note(&mut self, at_ms: u64, status: u16) {
        let at = super::super::signed(at_ms);
        self.rows += 1;
        self.oldest_ms = self.oldest_ms.min(at);
        self.newest_ms = self.newest_ms.max(at);
        self.classes |= 1 << (status / 100).min(9);
    }

    /// Its rows, oldest first.
    pub(super) fn rows(&self) -> Result<Vec<AccessRow<'_>>, StoreError> {
        let rows: Result<Vec<_>, _> = AccessRow::all_in(&self.raw).collect();
        let rows = rows.map_err(|error| StoreError::Corrupt(format!("request_blocks.body: {error}").into()))?;
        if rows.len() as u64 == unsigned(self.rows) {
            Ok(rows)
        } else {
            Err(StoreError::Corrupt("request_blocks.rows".into()))
        }
    }

    /// What is left of it without the oldest rows.
    pub(super) fn without(&self, oldest: usize) -> Result<Self, StoreError> {
        let rows = self.rows()?;
        let kept: AccessRows = rows.into_iter().skip(oldest).collect();
        let dropped = i64::try_from(oldest).unwrap_or(i64::MAX);
        let mut block = Self::empty(self.first_id.saturating_add(dropped.min(self.rows)));
        block.extend(&kept);
        Ok(block)
    }

    /// As it is stored.
    pub(super) fn body(&self) -> Vec<u8> {
        lz4_flex::block::compress(&self.raw)
    }
}
