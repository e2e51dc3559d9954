//! The request log. Rows lie in blocks (see [`block`]): what a request costs here is a few bytes of a block that is
//! written for hundreds at once. A search reads blocks from the newest on and passes over those that cannot match.

mod block;
mod filter;

use std::collections::HashMap;

use octoporty_proto::model::{AccessRecord, AccessRows, MappingId};
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

use super::writer::Durability;
use super::{Store, StoreError, signed, unsigned};
use block::Block;
pub(crate) use filter::{RequestFilter, StatusClass};

/// Blocks that a search reads before others get their turn: some milliseconds.
const SEARCH_STEP: i64 = 32;

/// Blocks that one job deletes, so that nobody waits long behind a pruning.
const PRUNE_BLOCKS: i64 = 64;

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

impl Store {
    /// Appends records; answers the id of the first, the others follow it.
    pub(crate) async fn append_requests(&self, batches: Vec<AccessRows>) -> Result<i64, StoreError> {
        self.writer
            .run(Durability::Logs, move |connection| Box::pin(async move { append(connection, &batches).await }))
            .await
    }

    /// Rows of the log, newest first.
    pub(crate) async fn requests(&self, filter: &RequestFilter) -> Result<Vec<RequestRow>, StoreError> {
        let wanted = usize::try_from(filter.count).unwrap_or(usize::MAX);
        let mut found = Vec::new();
        let mut before = filter.before_id.unwrap_or(i64::MAX);
        while found.len() < wanted {
            let mut query = filter.blocks_before(before);
            query.push(" ORDER BY first_id DESC LIMIT ").push_bind(SEARCH_STEP);
            let blocks = query.build().fetch_all(&self.readers).await?;
            let Some(last) = blocks.last() else { break };
            before = sqlx::Row::try_get(last, "first_id")?;
            for block in &blocks {
                filter.collect(&Block::read(block)?, &mut found)?;
                if found.len() >= wanted {
                    break;
                }
            }
            // The search of a long log is work without a wait.
            tokio::task::yield_now().await;
        }
        found.truncate(wanted);
        self.name(&mut found).await?;
        Ok(found)
    }

    /// One row of the log.
    pub(crate) async fn request(&self, id: i64) -> Result<Option<RequestRow>, StoreError> {
        let only = RequestFilter {
            before_id: Some(id.saturating_add(1)),
            after_id: Some(id.saturating_sub(1)),
            count: 1,
            ..RequestFilter::default()
        };
        Ok(self.requests(&only).await?.pop())
    }

    /// The id of the newest row; 0 while there was none.
    pub(crate) async fn newest_request(&self) -> Result<i64, StoreError> {
        let next = sqlx::query_scalar::<_, Option<i64>>("SELECT max(first_id + rows) FROM request_blocks");
        Ok(next.fetch_one(&self.readers).await?.map_or(0, |next| next - 1))
    }

    /// Fills in the names of mappings.
    async fn name(&self, rows: &mut [RequestRow]) -> Result<(), StoreError> {
        let names = sqlx::query_as::<_, (String, String)>("SELECT id, name FROM mappings").fetch_all(&self.readers);
        let names: HashMap<MappingId, String> =
            names.await?.into_iter().filter_map(|(id, name)| Some((id.parse().ok()?, name))).collect();
        for row in rows {
            row.mapping_name = names.get(&row.record.mapping).cloned();
        }
        Ok(())
    }

    /// Deletes one portion of what is older than a moment or beyond a number of rows; answers how many went.
    pub(crate) async fn prune_requests(&self, before_ms: u64, keep_rows: u64) -> Result<u64, StoreError> {
        self.writer
            .run(Durability::Logs, move |connection| {
                Box::pin(async move { prune(connection, signed(before_ms), signed(keep_rows)).await })
            })
            .await
    }
}

async fn append(connection: &mut SqliteConnection, batches: &[AccessRows]) -> Result<i64, StoreError> {
    let mut block = Block::newest(connection).await?;
    let first = block.end();
    for rows in batches.iter().filter(|rows| !rows.is_empty()) {
        if block.is_full() {
            let next = Block::empty(block.end());
            if block.end() > first {
                put(connection, &block).await?;
            }
            block = next;
        }
        block.extend(rows);
    }
    if block.end() > first {
        put(connection, &block).await?;
    }
    Ok(first)
}

/// Stores a block in the place of the one that began with the same row.
async fn put(connection: &mut SqliteConnection, block: &Block) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT OR REPLACE INTO request_blocks (first_id, rows, oldest_ms, newest_ms, classes, raw_bytes, body) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(block.first_id)
    .bind(block.rows)
    .bind(block.oldest_ms)
    .bind(block.newest_ms)
    .bind(block.classes)
    .bind(block.raw_bytes())
    .bind(block.body())
    .execute(connection)
    .await?;
    Ok(())
}

/// Whole blocks first; then the oldest one that is left is cut. The newest block stays, without rows if need be: it
/// knows which id comes next.
async fn prune(connection: &mut SqliteConnection, before_ms: i64, keep_rows: i64) -> Result<u64, StoreError> {
    let newest =
        sqlx::query_scalar::<_, i64>("SELECT first_id + rows FROM request_blocks ORDER BY first_id DESC LIMIT 1");
    let Some(next_id) = newest.fetch_optional(&mut *connection).await? else { return Ok(0) };
    let kept_from = next_id.saturating_sub(keep_rows);
    let mut query = QueryBuilder::<Sqlite>::new(
        "DELETE FROM request_blocks WHERE first_id IN (SELECT first_id FROM request_blocks WHERE (newest_ms < ",
    );
    query.push_bind(before_ms).push(" OR first_id + rows <= ").push_bind(kept_from);
    query.push(") AND first_id < (SELECT MAX(first_id) FROM request_blocks) ORDER BY first_id LIMIT ");
    query.push_bind(PRUNE_BLOCKS).push(") RETURNING rows");
    let gone = query.build_query_scalar::<i64>().fetch_all(&mut *connection).await?;
    let rows = unsigned(gone.iter().sum());
    // After a full portion the next one goes on with whole blocks.
    let is_full = unsigned(PRUNE_BLOCKS) == gone.len() as u64;
    Ok(if is_full { rows } else { rows + cut_oldest(connection, before_ms, kept_from).await? })
}

async fn cut_oldest(connection: &mut SqliteConnection, before_ms: i64, kept_from: i64) -> Result<u64, StoreError> {
    let oldest =
        sqlx::query("SELECT * FROM request_blocks WHERE oldest_ms < ? OR first_id < ? ORDER BY first_id LIMIT 1");
    let Some(row) = oldest.bind(before_ms).bind(kept_from).fetch_optional(&mut *connection).await? else {
        return Ok(0);
    };
    let block = Block::read(&row)?;
    let is_over =
        |(id, row): (i64, &octoporty_proto::model::AccessRow<'_>)| id < kept_from || signed(row.at_ms) < before_ms;
    let cut = (block.first_id..).zip(block.rows()?.iter()).take_while(|found| is_over(*found)).count();
    if cut == 0 {
        return Ok(0);
    }
    let left = block.without(cut)?;
    sqlx::query("DELETE FROM request_blocks WHERE first_id = ?").bind(block.first_id).execute(&mut *connection).await?;
    // Without rows it stands for the next id, if it is the newest; the place of another block is that block's.
    let others = sqlx::query_scalar::<_, i64>("SELECT EXISTS (SELECT * FROM request_blocks WHERE first_id > ?)");
    if left.rows > 0 || others.bind(block.first_id).fetch_one(&mut *connection).await? == 0 {
        put(connection, &left).await?;
    }
    Ok(cut as u64)
}
