//! Questions to the gateway that wait for their answers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use octoporty_proto::control::Control;
use octoporty_proto::model::{Answer, AskError, DeclinedCode, Question};
use octoporty_tunnel::link::Link;
use tokio::sync::oneshot;

/// Bound on an answer: a page of a log on a slow line takes a second or two.
const PATIENCE: Duration = Duration::from_secs(15);
/// Questions that wait at the same time: a gateway answers a few of them at once, and the console has many visitors.
const MOST_WAITING: usize = 16;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Asks {
    next: AtomicU64,
    waiting: Mutex<HashMap<u64, oneshot::Sender<Answer>>>,
}

/// Forgets a question when whoever asked has gone.
struct Waiting<'a> {
    asks: &'a Asks,
    request: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.asks.waiting().remove(&self.request);
    }
}

impl Asks {
    /// Asks over a link and waits.
    pub(crate) async fn ask(&self, link: &Link, question: Question) -> Result<Answer, AskError> {
        let (request, answer) = self.register()?;
        let _waiting = Waiting { asks: self, request };
        let asking = async {
            link.send(&Control::Ask { request, question }).await.map_err(|_| AskError::Lost)?;
            tokio::select! {
                biased;
                Ok(answer) = answer => Ok(answer),
                _ = link.ended() => Err(AskError::Lost),
            }
        };
        let late = AskError::TimedOut { seconds: PATIENCE.as_secs() };
        match tokio::time::timeout(PATIENCE, asking).await.unwrap_or(Err(late))? {
            Answer::Declined(declined) if declined.code == DeclinedCode::Busy => Err(AskError::Busy),
            Answer::Declined(declined) => Err(AskError::Declined(declined.text)),
            answer => Ok(answer),
        }
    }

    fn register(&self) -> Result<(u64, oneshot::Receiver<Answer>), AskError> {
        let mut waiting = self.waiting();
        if waiting.len() >= MOST_WAITING {
            return Err(AskError::Busy);
        }
        let request = self.next.fetch_add(1, Ordering::Relaxed);
        let (tell, answer) = oneshot::channel();
        waiting.insert(request, tell);
        Ok((request, answer))
    }

    /// An answer came.
    pub(crate) fn answered(&self, request: u64, answer: Answer) {
        let waiting = self.waiting().remove(&request);
        if waiting.is_none_or(|waiting| waiting.send(answer).is_err()) {
            tracing::debug!(request, "an answer that nobody waits for any more");
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<Answer>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
