//! Lines of the gateway's own log, for the consoles of its agents.

use std::sync::Arc;

use octoporty_proto::model::{Answer, DeclinedCode, LogPage, LogPlace, LogQuery, LogSource};
use tokio::sync::Semaphore;

use super::{busy, declined};
use crate::shards::ShardContext;

/// Most lines of an answer.
const MOST_LINES: u32 = 5_000;
/// Most bytes of lines in an answer: it is one control message, and a longer one would hold up those behind it. Whoever
/// wants more asks for the next page.
const MOST_BYTES: u32 = 256 * 1024;
/// Most bytes of what is searched for.
pub(super) const MOST_SEARCH: usize = 1024;
/// Questions that wait for their turn, of all agents together: the last of them waits for some seconds.
const MOST_WAITING: usize = 16;

/// Reads the log for agents, one at a time: a page may cost a look through megabytes of files, on threads that the
/// registry needs as well.
#[derive(Debug)]
pub(crate) struct LogDesk {
    source: Arc<dyn LogSource>,
    turn: Semaphore,
    room: Semaphore,
}

impl LogDesk {
    pub(crate) fn new(source: Arc<dyn LogSource>) -> Self {
        Self { source, turn: Semaphore::new(1), room: Semaphore::new(MOST_WAITING) }
    }
}

/// A page. Whoever follows the log and has seen all of it is told so at once.
pub(super) async fn page(shard: &Arc<ShardContext>, mut query: LogQuery) -> Answer {
    let desk = &shard.state.log_desk;
    query.count = query.count.min(MOST_LINES);
    query.bytes = query.bytes.min(MOST_BYTES);
    if matches!(query.place, LogPlace::After(id) if desk.source.newest() <= id) {
        return Answer::Log(LogPage::default());
    }
    let Ok(_place) = desk.room.try_acquire() else { return busy() };
    let Ok(_turn) = desk.turn.acquire().await else { return declined(DeclinedCode::Failed, "the gateway is stopping") };
    let source = Arc::clone(&desk.source);
    match shard.tracker.spawn_blocking_on(move || source.page(&query), &shard.handle).await {
        Ok(page) => Answer::Log(page),
        Err(_) => declined(DeclinedCode::Failed, "the log could not be read"),
    }
}
