//! The one task that writes. It takes what waits in the queue as one transaction, each job in a savepoint of its own,
//! and answers all of them when the transaction is committed: an answer is a promise.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info};

use super::{StoreError, open};

/// Jobs that wait: more than the console's concurrent requests would queue is refused service by waiting, in order.
const QUEUE: usize = 256;
/// Jobs of one transaction: enough to share a flush, few enough that nobody waits long for it.
const BATCH: usize = 64;

/// What power loss may take.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Durability {
    /// The newest moments. For logs: a flush to disk for each batch of rows would cost more than they are worth.
    Logs,
    /// Nothing. For everything that somebody was told is stored.
    Settings,
}

/// Tells whoever gave a job how it went, once the transaction has ended. Dropped unused, it says that the database is
/// not available.
type Settle = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
type Work = Box<dyn for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Worked> + Send>;

/// A job's end within the transaction.
struct Worked {
    /// Why its changes are undone; `None`: they are kept.
    failure: Option<Arc<str>>,
    settle: Settle,
}

struct Job {
    durability: Durability,
    work: Work,
}

/// Jobs of one transaction. It is dropped after the trouble was noted, so that nobody hears of a failure before its
/// reason is known.
#[derive(Default)]
struct Batch {
    jobs: VecDeque<Job>,
    settles: Vec<Settle>,
    /// Of the first job that failed.
    failure: Option<Arc<str>>,
}

/// Gives jobs to the writing task.
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
    trouble: watch::Receiver<Option<Arc<str>>>,
    committed: watch::Receiver<u64>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Writer {
    pub(super) fn start(connection: SqliteConnection) -> Self {
        let (jobs, inbox) = mpsc::channel(QUEUE);
        let (trouble_sender, trouble) = watch::channel(None);
        let (committed_sender, committed) = watch::channel(0);
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let task = Task {
            connection,
            inbox,
            trouble: trouble_sender,
            committed: committed_sender,
            stop: stop.clone(),
            synced: Durability::Settings,
        };
        tasks.spawn(task.run());
        tasks.close();
        Self { jobs, trouble, committed, stop, tasks }
    }

    /// Counts the transactions that had something other than log rows in them.
    pub(super) fn committed(&self) -> watch::Receiver<u64> {
        self.committed.clone()
    }

    pub(super) fn trouble(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.trouble.clone()
    }

    /// Runs a job in a transaction; the answer comes when it is committed.
    pub(super) async fn run<T, F>(&self, durability: Durability, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let work: Work = Box::new(move |connection| {
            Box::pin(async move {
                let outcome = job(connection).await;
                let failure = match &outcome {
                    Err(StoreError::Unavailable(reason)) => Some(Arc::clone(reason)),
                    Err(error) => Some(error.to_string().into()),
                    Ok(_) => None,
                };
                let settle: Settle = Box::new(move |committed: Result<(), StoreError>| {
                    // Whoever asked may have left; the change stands all the same.
                    drop(reply.send(committed.and(outcome)));
                });
                Worked { failure, settle }
            })
        });
        self.jobs.send(Job { durability, work }).await.map_err(|_| StoreError::Closed)?;
        answer.await.unwrap_or_else(|_| {
            let reason = self.trouble.borrow().clone().unwrap_or_else(|| "the writer gave up".into());
            Err(StoreError::Unavailable(reason))
        })
    }

    pub(super) async fn close(&self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

struct Task {
    connection: SqliteConnection,
    inbox: mpsc::Receiver<Job>,
    trouble: watch::Sender<Option<Arc<str>>>,
    committed: watch::Sender<u64>,
    stop: CancellationToken,
    /// What the connection's `synchronous` stands at.
    synced: Durability,
}

impl Task {
    async fn run(mut self) {
        loop {
            let first = tokio::select! {
                biased;
                () = self.stop.cancelled(), if !self.inbox.is_closed() => {
                    self.inbox.close();
                    continue;
                }
                job = self.inbox.recv() => job,
            };
            let Some(first) = first else { break };
            let mut batch = Batch { jobs: VecDeque::from([first]), ..Batch::default() };
            while batch.jobs.len() < BATCH {
                let Ok(job) = self.inbox.try_recv() else { break };
                batch.jobs.push_back(job);
            }
            let committed = self.commit(&mut batch).await;
            // A failed job says more than what it did to the transaction.
            match batch.failure.take().or(committed.err()) {
                None => self.recovered(),
                Some(reason) => self.failed(&reason),
            }
        }
        if let Err(error) = self.connection.close().await {
            error!(%error, "the database did not close cleanly; the next start recovers it");
        }
    }

    /// One transaction. On an error nothing of it is stored.
    async fn commit(&mut self, batch: &mut Batch) -> Result<(), Arc<str>> {
        let outcome = self.transact(batch).await;
        let outcome = outcome.map_err(|error| Arc::<str>::from(open::plain_words(&error)));
        if outcome.is_err() {
            // SQLite may have ended the transaction by itself; then there is nothing to roll back.
            drop(sqlx::query("ROLLBACK").execute(&mut self.connection).await);
            return outcome;
        }
        // The transaction was made as durable as the job in it that needs most.
        if self.synced == Durability::Settings {
            self.committed.send_modify(|count| *count += 1);
        }
        for settle in batch.settles.drain(..) {
            settle(Ok(()));
        }
        Ok(())
    }

    async fn transact(&mut self, batch: &mut Batch) -> Result<(), sqlx::Error> {
        let durability = batch.jobs.iter().map(|job| job.durability).max().unwrap_or(Durability::Logs);
        self.set_durability(durability).await?;
        sqlx::query("BEGIN IMMEDIATE").execute(&mut self.connection).await?;
        while let Some(job) = batch.jobs.pop_front() {
            sqlx::query("SAVEPOINT job").execute(&mut self.connection).await?;
            let worked = (job.work)(&mut self.connection).await;
            batch.settles.push(worked.settle);
            if let Some(failure) = worked.failure {
                batch.failure.get_or_insert(failure);
                sqlx::query("ROLLBACK TO job").execute(&mut self.connection).await?;
            }
            sqlx::query("RELEASE job").execute(&mut self.connection).await?;
        }
        sqlx::query("COMMIT").execute(&mut self.connection).await?;
        Ok(())
    }

    /// `synchronous` can be changed between transactions at no cost.
    async fn set_durability(&mut self, wanted: Durability) -> Result<(), sqlx::Error> {
        if self.synced == wanted {
            return Ok(());
        }
        let pragma = match wanted {
            Durability::Logs => "PRAGMA synchronous = NORMAL",
            Durability::Settings => "PRAGMA synchronous = FULL",
        };
        sqlx::query(pragma).execute(&mut self.connection).await?;
        self.synced = wanted;
        Ok(())
    }

    fn recovered(&self) {
        if self.trouble.send_if_modified(|trouble| trouble.take().is_some()) {
            info!("the database can be written again");
        }
    }

    fn failed(&self, reason: &Arc<str>) {
        let news = self.trouble.send_if_modified(|trouble| {
            let news = trouble.as_ref() != Some(reason);
            *trouble = Some(Arc::clone(reason));
            news
        });
        if news {
            error!(%reason, "the database cannot be written; changes are refused until it can");
        }
    }
}
