//! Takes finished requests and sessions from the agent, keeps figures of them, and writes them to the store in batches,
//! off every request's path.
//!
//! The cast: [`figures`] of 15 minutes, in memory; [`rollups`] that are kept for longer, in the database; [`sketch`]
//! times by length.
//!
//! A database that cannot be written delays rows, then drops and counts the oldest; it never
//! stops the recorder.

pub(crate) mod figures;
pub(crate) mod rollups;
pub(crate) mod sketch;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use octoporty_proto::model::{AccessRow, AccessRows, AgentStatus, ConnectionState, MappingId, SessionRecord};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::api::events::shapes::{EventBody, RequestsEvent};
use crate::api::logs::shapes::{ConnectionEntry, RequestEntry};
use crate::app::App;
use crate::config::Retention;
use crate::events::{Replay, Unwritten};
use crate::store::{RequestFilter, RequestRow, StoreError, View};
use figures::Figures;
use rollups::{Rollups, Seen};

/// Longest time that a row waits for its batch to fill.
const BATCH_WAIT: Duration = Duration::from_millis(200);
/// Bytes of one insert's rows, but for the batch that goes over it.
const BATCH_BYTES: usize = 256 * 1024;
/// Bytes of rows that wait for a database that cannot be written: some 25 000 requests.
const WAITING_BYTES: usize = 4 * 1024 * 1024;
/// Session records that wait likewise.
const WAITING_SESSIONS: usize = 1_000;
/// Until a failed write is repeated.
const RETRY: Duration = Duration::from_secs(1);
/// How often old rows are deleted.
const PRUNE_EVERY: Duration = Duration::from_secs(60);
/// Portions that one pruning deletes at most; the rest waits for the next.
const PRUNE_PORTIONS: usize = 50;
/// How often figures are added to their tables: at most so much of them is lost with the process.
const ROLL_UP_EVERY: Duration = Duration::from_secs(30);
/// Readers of history that wait for the newest figures to be written.
const ASKERS: usize = 64;
/// Newest failures that the dashboard shows.
const NEWEST_FAILURES: usize = 10;
/// Rows of the log that are searched for failures at the start.
const SEARCHED_AT_START: u32 = 1_000;
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// Figures, and what became of rows.
pub(crate) struct Recorded {
    figures: Mutex<Figures>,
    rollups: Mutex<Rollups>,
    failures: Mutex<VecDeque<RequestRow>>,
    /// Asks for figures to be written.
    asks: mpsc::Sender<oneshot::Sender<()>>,
    /// Rows that could not be kept. To compare with the rows of the log.
    dropped_rows: AtomicU64,
}

impl Recorded {
    /// With where the recorder is asked to write.
    pub(crate) fn new() -> (Self, Asks) {
        let (asks, asked) = mpsc::channel(ASKERS);
        let recorded = Self {
            figures: Mutex::new(Figures::default()),
            rollups: Mutex::default(),
            asks,
            failures: Mutex::new(VecDeque::with_capacity(NEWEST_FAILURES)),
            dropped_rows: AtomicU64::new(0),
        };
        (recorded, asked)
    }

    /// The figures of the last 15 minutes.
    pub(crate) fn figures(&self) -> MutexGuard<'_, Figures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rollups(&self) -> MutexGuard<'_, Rollups> {
        self.rollups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees to it that what was counted so far is in the tables, if they can be written.
    pub(crate) async fn roll_up(&self) {
        let (told, done) = oneshot::channel();
        if self.asks.send(told).await.is_ok() {
            // A recorder that has ended has written what there was.
            done.await.unwrap_or_default();
        }
    }

    /// Looks at the tunnel. Bytes are counted from the agent's totals: a request's own bytes come only at its end.
    pub(crate) fn look(&self, now_ms: u64, status: &AgentStatus) {
        self.figures().count_traffic(now_ms, status.traffic);
        let seen = if status.state == ConnectionState::Connected { Seen::Connected } else { Seen::Away };
        self.rollups().look(now_ms, seen, status.traffic);
    }

    /// Newest first, with the names that their mappings have now.
    pub(crate) fn newest_failures(&self, view: &View) -> Vec<RequestRow> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let named = |row: &RequestRow| RequestRow { mapping_name: name_of(view, row.record.mapping), ..row.clone() };
        failures.iter().map(named).collect()
    }

    /// Rows that could not be kept since the start.
    pub(crate) fn dropped_rows(&self) -> u64 {
        self.dropped_rows.load(Ordering::Relaxed)
    }

    /// Oldest first.
    fn remember_failures(&self, rows: impl Iterator<Item = RequestRow>) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        for row in rows {
            failures.push_front(row);
            failures.truncate(NEWEST_FAILURES);
        }
    }

    fn drop_rows(&self, count: usize) {
        self.dropped_rows.fetch_add(count as u64, Ordering::Relaxed);
    }
}

/// Who waits for the newest figures to be written.
pub(crate) type Asks = mpsc::Receiver<oneshot::Sender<()>>;

type Written = (Vec<AccessRows>, Result<i64, StoreError>);

fn bytes_of(rows: &VecDeque<AccessRows>) -> usize {
    rows.iter().map(|rows| rows.bytes().len()).sum()
}

fn name_of(view: &View, id: MappingId) -> Option<String> {
    let found = view.mappings.iter().find(|stored| stored.mapping.id == id);
    found.map(|stored| stored.mapping.name.to_string())
}

/// Rows that have their ids, as the event stream tells of them.
struct StoredRows {
    first: i64,
    batch: Vec<AccessRows>,
    view: Arc<View>,
}

impl StoredRows {
    /// The rows that are wanted, oldest first.
    fn rows(&self, is_wanted: impl Fn(&AccessRow<'_>) -> bool) -> Vec<RequestRow> {
        let rows = (self.first..).zip(self.batch.iter().flat_map(AccessRows::iter));
        let rows = rows.filter(|(_, row)| is_wanted(row));
        let named = |(id, row): (i64, AccessRow<'_>)| {
            let mapping_name = name_of(&self.view, row.mapping);
            RequestRow { id, mapping_name, record: row.to_record() }
        };
        rows.map(named).collect()
    }
}

impl Unwritten for StoredRows {
    fn write(&self) -> String {
        let items = self.rows(|_| true).iter().map(RequestEntry::from).collect();
        EventBody::Requests(RequestsEvent { items }).name_and_json().1
    }

    fn size(&self) -> usize {
        self.batch.iter().map(|rows| rows.bytes().len()).sum()
    }
}

/// The task that writes.
pub(crate) struct Recorder {
    app: Arc<App>,
    access: mpsc::Receiver<AccessRows>,
    sessions: mpsc::Receiver<SessionRecord>,
    asks: Asks,
    retention: Retention,
    rows: VecDeque<AccessRows>,
    waiting_sessions: VecDeque<SessionRecord>,
    /// When what waits is written, at the latest; `None`: nothing waits.
    due: Option<Instant>,
    /// After a failed write: nothing is tried before.
    not_before: Option<Instant>,
    writing: Option<BoxFuture<'static, Written>>,
}

/// What woke the recorder.
enum Woken {
    Access(AccessRows),
    Session(SessionRecord),
    Written(Written),
    Due,
    Asked(oneshot::Sender<()>),
    RollUp,
    Prune,
    Stop,
}

impl Recorder {
    pub(crate) fn new(
        app: Arc<App>,
        access: mpsc::Receiver<AccessRows>,
        sessions: mpsc::Receiver<SessionRecord>,
        asks: Asks,
        retention: Retention,
    ) -> Self {
        Self {
            app,
            access,
            sessions,
            asks,
            retention,
            rows: VecDeque::new(),
            waiting_sessions: VecDeque::new(),
            due: None,
            not_before: None,
            writing: None,
        }
    }

    /// Runs until told to stop, then writes what has come. [`Self::begin`] has been before.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let (mut prunes, mut roll_ups) = (interval(PRUNE_EVERY), interval(ROLL_UP_EVERY));
        prunes.set_missed_tick_behavior(MissedTickBehavior::Delay);
        roll_ups.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // While a write is under way its end is what is waited for.
            let due = self.due.filter(|_| self.writing.is_none());
            let woken = tokio::select! {
                biased;
                () = stop.cancelled() => Woken::Stop,
                Some(written) = next_written(&mut self.writing) => Woken::Written(written),
                Some(session) = self.sessions.recv() => Woken::Session(session),
                Some(rows) = self.access.recv() => Woken::Access(rows),
                Some(asker) = self.asks.recv() => Woken::Asked(asker),
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => Woken::Due,
                _ = roll_ups.tick() => Woken::RollUp,
                _ = prunes.tick() => Woken::Prune,
            };
            match woken {
                Woken::Access(rows) => self.take(rows),
                Woken::Session(session) => self.take_session(session).await,
                Woken::Written(written) => self.written(written),
                Woken::Due => self.write_sessions().await,
                Woken::Asked(asker) => self.answer(asker).await,
                Woken::RollUp => self.roll_up().await,
                Woken::Prune => self.prune().await,
                Woken::Stop => break,
            }
            self.write();
        }
        self.finish().await;
    }

    /// Sets in order what an earlier run left. No event tells of it, so it is done before anybody can ask.
    pub(crate) async fn begin(&self) {
        if let Err(error) = self.app.store.end_stale_sessions().await {
            error!(%error, "sessions of an earlier run could not be marked");
        }
        let newest = RequestFilter { count: SEARCHED_AT_START, ..RequestFilter::default() };
        match self.app.store.requests(&newest).await {
            Ok(rows) => {
                let failures = rows.into_iter().rev().filter(|row| row.record.as_row().is_failure());
                self.app.recorded.remember_failures(failures);
            }
            Err(error) => error!(%error, "the request log could not be read"),
        }
    }

    fn take(&mut self, rows: AccessRows) {
        let now = self.app.clock.now_ms();
        let mut figures = self.app.recorded.figures();
        let mut rollups = self.app.recorded.rollups();
        rollups.count_requests(now, rows.figures().inspect(|row| figures.count_request(now, row)));
        drop((figures, rollups));
        self.rows.push_back(rows);
        self.drop_surplus();
        self.due.get_or_insert_with(|| Instant::now() + BATCH_WAIT);
    }

    /// Drops and counts the oldest rows beyond what may wait.
    fn drop_surplus(&mut self) -> usize {
        let mut bytes = bytes_of(&self.rows);
        let mut surplus = 0;
        while bytes > WAITING_BYTES {
            let Some(oldest) = self.rows.pop_front() else { break };
            bytes -= oldest.bytes().len();
            surplus += oldest.len();
        }
        if surplus > 0 {
            self.app.recorded.drop_rows(surplus);
        }
        surplus
    }

    /// The oldest rows that wait, as many as go into one insert.
    fn next_insert(&mut self) -> Vec<AccessRows> {
        let (mut insert, mut bytes) = (Vec::new(), 0);
        while bytes < BATCH_BYTES
            && let Some(rows) = self.rows.pop_front()
        {
            bytes += rows.bytes().len();
            insert.push(rows);
        }
        insert
    }

    /// Begins a write when a batch is full or due, and none is under way.
    fn write(&mut self) {
        let now = Instant::now();
        if self.writing.is_some() {
            return;
        }
        if let Some(not_before) = self.not_before.filter(|not_before| *not_before > now) {
            self.due = Some(not_before);
            return;
        }
        let is_due = self.due.is_some_and(|due| due <= now);
        if self.rows.is_empty() {
            self.due = self.due.filter(|_| !is_due);
            return;
        }
        if !is_due && bytes_of(&self.rows) < BATCH_BYTES {
            return;
        }
        let batch = self.next_insert();
        self.due = (!self.rows.is_empty()).then(|| now + BATCH_WAIT);
        let store = Arc::clone(&self.app.store);
        self.writing = Some(Box::pin(async move {
            let written = store.append_requests(batch.clone()).await;
            (batch, written)
        }));
    }

    /// Nothing more for a while.
    fn pause(&mut self) {
        self.not_before = Some(Instant::now() + RETRY);
    }

    fn written(&mut self, (batch, outcome): Written) {
        match outcome {
            Ok(first) => self.publish(first, batch),
            Err(error) => {
                for rows in batch.into_iter().rev() {
                    self.rows.push_front(rows);
                }
                let dropped = self.drop_surplus();
                let waiting: usize = self.rows.iter().map(AccessRows::len).sum();
                warn!(%error, waiting, dropped, "log rows wait for the database");
                self.pause();
            }
        }
    }

    fn publish(&self, first: i64, batch: Vec<AccessRows>) {
        let news = StoredRows { first, batch, view: self.app.desired.view() };
        if news.batch.iter().any(AccessRows::has_failure) {
            self.app.recorded.remember_failures(news.rows(|row| row.is_failure()).into_iter());
        }
        self.app.hub.publish_later("requests", Arc::new(news), Replay::Kept);
    }

    /// Sessions are few: each is written at once, and waits only when the database is away.
    async fn take_session(&mut self, session: SessionRecord) {
        self.waiting_sessions.push_back(session);
        if self.waiting_sessions.len() > WAITING_SESSIONS {
            self.waiting_sessions.pop_front();
            self.app.recorded.drop_rows(1);
        }
        self.write_sessions().await;
    }

    async fn write_sessions(&mut self) {
        while let Some(session) = self.waiting_sessions.front() {
            match self.app.store.record_session(session.clone()).await {
                Ok(row) => {
                    self.waiting_sessions.pop_front();
                    let entry = ConnectionEntry::from(row);
                    self.app.hub.publish(&EventBody::Connection(Box::new(entry)), Replay::Kept);
                }
                Err(error) => {
                    warn!(%error, waiting = self.waiting_sessions.len(), "session records wait for the database");
                    self.pause();
                    return;
                }
            }
        }
    }

    /// Adds what has come to the tables. What cannot be written waits for the next time.
    async fn roll_up(&mut self) {
        let news = self.app.recorded.rollups().take();
        if news.is_empty() {
            return;
        }
        if let Err(error) = self.app.store.add_rollups(news.clone()).await {
            warn!(%error, "figures wait for the database");
            self.app.recorded.rollups().put_back(news);
        }
    }

    async fn answer(&mut self, asker: oneshot::Sender<()>) {
        let mut askers = vec![asker];
        while let Ok(asker) = self.asks.try_recv() {
            askers.push(asker);
        }
        self.roll_up().await;
        for asker in askers {
            // One that went away needs no answer.
            asker.send(()).unwrap_or_default();
        }
    }

    async fn prune(&mut self) {
        if let Err(error) = self.try_prune().await {
            warn!(%error, "old rows could not be deleted");
        }
    }

    async fn try_prune(&mut self) -> Result<(), StoreError> {
        let now = self.app.clock.now_ms();
        let before = |days: u32| now.saturating_sub(u64::from(days) * DAY_MS);
        for _ in 0..PRUNE_PORTIONS {
            let oldest = before(self.retention.request_days);
            if self.app.store.prune_requests(oldest, self.retention.request_rows).await? == 0 {
                break;
            }
        }
        self.app.store.prune_rollups(now).await?;
        self.app.store.prune_connections(before(self.retention.connection_days)).await?;
        self.app.auth.prune().await
    }

    /// The end: what is under way, what waits, what still lies in the queues.
    async fn finish(&mut self) {
        if let Some(written) = next_written(&mut self.writing).await {
            self.written(written);
        }
        self.access.close();
        self.sessions.close();
        while let Ok(rows) = self.access.try_recv() {
            self.take(rows);
        }
        while let Ok(session) = self.sessions.try_recv() {
            self.waiting_sessions.push_back(session);
        }
        self.write_sessions().await;
        self.roll_up().await;
        self.asks.close();
        while !self.rows.is_empty() {
            let batch = self.next_insert();
            let lost: usize = batch.iter().chain(&self.rows).map(AccessRows::len).sum();
            if let Err(error) = self.app.store.append_requests(batch).await {
                error!(%error, lost, "the newest log rows are lost");
                return;
            }
        }
    }
}

/// The end of the write that is under way, once; never when there is none.
async fn next_written(writing: &mut Option<BoxFuture<'static, Written>>) -> Option<Written> {
    let written = writing.as_mut()?.await;
    *writing = None;
    Some(written)
}
