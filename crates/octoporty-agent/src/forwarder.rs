//! Takes the streams that the gateway opens, dials their targets and copies.
//!
//! The agent's own table decides where a stream goes; the gateway only names a mapping. The agent parses no HTTP:
//! a stream is a byte pipe, and [`exchange`] watches just enough of it to say truly whether bytes reached the target.

pub(crate) mod exchange;

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use arc_swap::ArcSwap;
use bytes::Bytes;
use octoporty_proto::model::{DesiredState, Mapping, MappingId, TargetHealth};
use octoporty_proto::wire::{Blame, Open, Reset, ResetCode};
use octoporty_tunnel::duplex::{Counters, DuplexCause, DuplexConfig, duplex};
use octoporty_tunnel::ending::Ending;
use octoporty_tunnel::stream::Stream;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use self::exchange::{FirstWord, TargetSocket};
use crate::targets::dial::Dialler;
use crate::targets::health::{self, HealthBoard};
use crate::targets::io::TargetIo;
use crate::traffic::ShardTraffic;

/// Where the streams of each mapping go.
pub(crate) type Table = HashMap<MappingId, Arc<Mapping>>;

/// Shared by all shards.
#[derive(Debug)]
pub(crate) struct Forwarder {
    table: ArcSwap<Table>,
    dialler: Dialler,
    health: HealthBoard,
    tasks: TaskTracker,
    end: Ending,
}

impl Forwarder {
    /// Its tasks belong to `tasks`; `end` cuts them.
    pub(crate) fn new(dialler: Dialler, health: HealthBoard, tasks: TaskTracker, end: Ending) -> Self {
        Self { table: ArcSwap::default(), dialler, health, tasks, end }
    }

    /// The dialler, for "Test target".
    pub(crate) fn dialler(&self) -> &Dialler {
        &self.dialler
    }

    /// Serves `now` instead of `before`. Streams that stand go on.
    pub(crate) fn serve(&self, before: &DesiredState, now: &DesiredState) {
        let table = now.mappings.iter().map(|mapping| (mapping.id, Arc::new(mapping.clone()))).collect();
        self.table.store(Arc::new(table));
        self.health.forget_changed(before, now);
    }

    /// Takes a stream over, on the current runtime.
    pub(crate) fn take(self: &Arc<Self>, open: Open, stream: Stream, traffic: &Arc<ShardTraffic>) {
        let Some(mapping) = self.table.load().get(&open.mapping).map(Arc::clone) else {
            tracing::debug!(mapping = %open.mapping, "a stream for a mapping that is not in the agent's table");
            stream.reset(Reset::new(ResetCode::MappingUnknown, Blame::Agent));
            return;
        };
        let span =
            tracing::debug_span!("stream", id = stream.id().0, mapping = %mapping.name, target = %mapping.target);
        let forwarder = Arc::clone(self);
        let active = traffic.stream();
        let counters = traffic.counters();
        let task = async move {
            // On the way out the stream is dropped, which resets it.
            until_cancelled(&forwarder.end, forwarder.forward(&mapping, stream, counters)).await;
            drop(active);
        };
        drop(self.tasks.spawn(task.instrument(span)));
    }

    async fn forward(&self, mapping: &Mapping, stream: Stream, counters: Arc<Counters>) {
        // A stream may stand for days, and dialling takes six times its memory.
        let Some((stream, io)) = Box::pin(self.dial(mapping, stream)).await else { return };
        let note = |word| self.note_first_word(mapping, word);
        copy(stream, TargetSocket::new(io, note), counters).await;
    }

    /// The stream with its target's connection; `None` when that is not to be had, or nobody waits for it any more.
    async fn dial(&self, mapping: &Mapping, stream: Stream) -> Option<(Stream, TargetIo)> {
        let dialled = tokio::select! {
            biased;
            reset = stream.was_reset() => {
                tracing::debug!(code = ?reset.code, "the stream was reset while its target was dialled");
                return None;
            }
            dialled = self.dialler.dial(&mapping.target, mapping.verification) => dialled,
        };
        let connection = match dialled {
            Ok(connection) => connection,
            Err(error) => {
                // Told once a change: a busy name whose target is away must not fill the log.
                if self.health.note(mapping.id, health::down(&error)) {
                    tracing::warn!(code = error.code().name(), %error, "the target cannot be dialled");
                }
                stream.reset(error.reset());
                return None;
            }
        };
        if self.health.note_connected(mapping) {
            tracing::info!(address = %connection.address, "the target takes connections");
        }
        Some((stream, connection.io))
    }

    /// A target that answers in the mapping's own protocol is up; one that answers HTTP with a TLS alert is not.
    fn note_first_word(&self, mapping: &Mapping, word: FirstWord) {
        let health = match word {
            FirstWord::TlsAlert => health::speaks_tls(&mapping.target),
            FirstWord::Other => TargetHealth::Up,
        };
        if self.health.note(mapping.id, health) && word == FirstWord::TlsAlert {
            tracing::warn!("the mapping is http and its target speaks TLS; change the mapping's protocol to https");
        }
    }
}

/// Polls `work` to its end or to that of `end`. To be awaited by a task of the runtime as a whole, which has one waker
/// for its life: it has to be known but once, and after that a look at the flag does.
async fn until_cancelled(end: &Ending, work: impl Future<Output = ()>) {
    let (mut cancelled, mut work) = (pin!(end.begun()), pin!(work));
    let mut listens = false;
    poll_fn(|cx| {
        let is_over = if listens { end.has_begun() } else { cancelled.as_mut().poll(cx).is_ready() };
        listens = true;
        if is_over { Poll::Ready(()) } else { work.as_mut().poll(cx) }
    })
    .await;
}

/// Copies until both have ended.
async fn copy(stream: Stream, mut socket: TargetSocket<'_>, counters: Arc<Counters>) {
    let config = DuplexConfig { counters: Some(counters), ..DuplexConfig::target() };
    let end = duplex(&mut socket, stream, Bytes::new(), config).await;
    if let DuplexCause::StreamReset(_) = &end.cause {
        socket.abort_on_close();
    }
    tracing::debug!(
        bytes_to_visitor = end.to_stream, bytes_to_target = end.to_socket, cause = ?end.cause, "the stream ended"
    );
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::time::Duration;

    use tokio::task::JoinSet;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn work_that_waits_is_cut_at_the_end_however_often_it_was_polled_before() {
        for polls in 0..3 {
            let end = Ending::new();
            let token = end.clone();
            let mut task = JoinSet::new();
            task.spawn(async move {
                let work = async {
                    for _ in 0..polls {
                        tokio::task::yield_now().await;
                    }
                    pending().await
                };
                until_cancelled(&token, work).await;
            });
            tokio::task::yield_now().await;
            assert!(task.try_join_next().is_none());
            end.begin();
            timeout(Duration::from_secs(10), task.join_all()).await.expect("it is cut");
        }
    }

    #[tokio::test]
    async fn work_ends_by_itself_and_is_not_begun_after_the_end() {
        let end = Ending::new();
        until_cancelled(&end, tokio::task::yield_now()).await;
        end.begin();
        until_cancelled(&end, async { unreachable!("the end was before") }).await;
    }
}
