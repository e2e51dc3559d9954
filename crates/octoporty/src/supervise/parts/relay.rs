//! Hands the agent's news on to the console, which was there first.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use octoporty_agent::{Agent, AgentNews};
use octoporty_proto::model::{AccessRows, AgentStatus, MappingId, SessionRecord, SyncReport, TargetHealth};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::metrics::tally::Tally;

/// Batches and records on their way to the console. Small, because the agent's own queue before it has the room.
const ON_THE_WAY: usize = 4;

/// How long the last records may take to reach the console's queue once the agent has ended.
const DRAIN_BOUND: Duration = Duration::from_secs(2);

/// The ends that the relay writes to.
pub(super) struct Outlets {
    status: watch::Sender<Arc<AgentStatus>>,
    sync: watch::Sender<Arc<SyncReport>>,
    targets: watch::Sender<Arc<HashMap<MappingId, TargetHealth>>>,
    access: mpsc::Sender<AccessRows>,
    sessions: mpsc::Sender<SessionRecord>,
}

/// Running tasks, one a channel.
#[derive(Debug)]
pub(super) struct Relay {
    states: JoinSet<()>,
    records: JoinSet<()>,
    /// The agent has ended, and its last records are through.
    ended: CancellationToken,
    /// Keeps the console's handle to the agent alive.
    _agent: watch::Sender<Option<Agent>>,
}

/// Channels with nothing in them yet.
pub(super) fn channels() -> (Outlets, AgentNews) {
    let (status, status_reader) = watch::channel(Arc::default());
    let (sync, sync_reader) = watch::channel(Arc::default());
    let (targets, targets_reader) = watch::channel(Arc::default());
    let (access, access_reader) = mpsc::channel(ON_THE_WAY);
    let (sessions, sessions_reader) = mpsc::channel(ON_THE_WAY);
    let news = AgentNews {
        status: status_reader,
        sync: sync_reader,
        targets: targets_reader,
        access: access_reader,
        sessions: sessions_reader,
    };
    (Outlets { status, sync, targets, access, sessions }, news)
}

impl Relay {
    /// Starts handing on.
    pub(super) fn start(
        news: AgentNews,
        outlets: Outlets,
        tally: Arc<Tally>,
        agent: watch::Sender<Option<Agent>>,
    ) -> Self {
        let (mut states, mut records, ended) = (JoinSet::new(), JoinSet::new(), CancellationToken::new());
        states.spawn(state(news.status, outlets.status, ended.clone()));
        states.spawn(state(news.sync, outlets.sync, ended.clone()));
        states.spawn(state(news.targets, outlets.targets, ended.clone()));
        let sessions = Arc::clone(&tally);
        records.spawn(items(news.access, outlets.access, move |rows| tally.requests(rows)));
        records.spawn(items(news.sessions, outlets.sessions, move |record| sessions.session(record)));
        Self { states, records, ended, _agent: agent }
    }

    /// Counts what comes, for nobody to keep.
    pub(super) fn alone(mut news: AgentNews, tally: Arc<Tally>, agent: watch::Sender<Option<Agent>>) -> Self {
        let (states, mut records, ended) = (JoinSet::new(), JoinSet::new(), CancellationToken::new());
        let sessions = Arc::clone(&tally);
        records.spawn(async move {
            while let Some(rows) = news.access.recv().await {
                tally.requests(&rows);
            }
        });
        records.spawn(async move {
            while let Some(record) = news.sessions.recv().await {
                sessions.session(&record);
            }
        });
        Self { states, records, ended, _agent: agent }
    }

    /// Lets the last news through; the agent has ended, so that the channels of its records close behind them.
    pub(super) async fn stop(mut self) {
        let drained = async { while self.records.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN_BOUND, drained).await.is_err() {
            tracing::warn!("the newest records did not reach the console in time");
        }
        self.ended.cancel();
        while self.states.join_next().await.is_some() {}
    }
}

/// The newest value counts, and the last one most.
async fn state<T: Clone>(mut from: watch::Receiver<T>, to: watch::Sender<T>, ended: CancellationToken) {
    from.mark_changed();
    loop {
        tokio::select! {
            biased;
            Ok(()) = from.changed() => {}
            () = ended.cancelled() => return,
        }
        to.send_replace(from.borrow_and_update().clone());
    }
}

/// Every item counts, and is counted; a console that is slow makes the agent's own queue fill.
async fn items<T>(mut from: mpsc::Receiver<T>, to: mpsc::Sender<T>, count: impl Fn(&T)) {
    while let Some(item) = from.recv().await {
        count(&item);
        if to.send(item).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_newest_state_and_every_record_arrive() {
        let (source, from_agent) = channels();
        let (outlets, mut to_console) = channels();
        let (place, agent) = watch::channel(None);
        let relay = Relay::start(from_agent, outlets, Arc::new(Tally::new(agent)), place);
        for attempts in 1..=3 {
            source
                .status
                .send_replace(Arc::new(AgentStatus { reconnect_attempts: attempts, ..AgentStatus::default() }));
        }
        to_console.status.wait_for(|status| status.reconnect_attempts == 3).await.unwrap();
        let reader = async {
            let mut batches = 0;
            while to_console.access.recv().await.is_some() {
                batches += 1;
            }
            batches
        };
        let writer = async {
            for _ in 0..50 {
                source.access.send(AccessRows::default()).await.unwrap();
            }
            let last = AgentStatus { reconnect_attempts: 9, ..AgentStatus::default() };
            source.status.send_replace(Arc::new(last));
            // Whoever has the agent's handle keeps the channels of its states open.
            drop((source.access, source.sessions));
            let begin = tokio::time::Instant::now();
            relay.stop().await;
            assert!(begin.elapsed() < DRAIN_BOUND, "nothing was waited for in vain");
        };
        let (batches, ()) = tokio::join!(reader, writer);
        assert_eq!(batches, 50);
        assert_eq!(to_console.status.borrow().reconnect_attempts, 9);
    }
}
