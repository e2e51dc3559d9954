//! Keeps one further link of a session: makes it, waits for its end, makes it anew. The session ends it.

use std::sync::Arc;
use std::time::Duration;

use octoporty_proto::model::SessionId;
use octoporty_tunnel::backoff::Backoff;
use octoporty_tunnel::link::LinkEnd;
use tokio::time::Instant;

use crate::linker::{Linker, News, NewsSender};

/// First step of a further link's own back-off: the session stands, so nobody waits for it.
pub(super) const FIRST_DELAY: Duration = Duration::from_secs(1);

/// Longest step of it.
pub(super) const MOST_DELAY: Duration = Duration::from_secs(60);

/// A link that stood for this long is made anew at once when it is lost.
const STOOD_LONG: Duration = Duration::from_secs(5);

/// How one life of a link went.
enum Life {
    /// It stood and was lost.
    Stood(Duration, LinkEnd),
    /// It never stood; a sentence.
    Failed(String),
    /// Nobody wants it any more.
    Unwanted,
}

/// See the module.
pub(super) async fn keep(linker: Arc<Linker>, session: SessionId, slot: usize, news: NewsSender, mut backoff: Backoff) {
    loop {
        match live(&linker, session, slot, &news).await {
            Life::Unwanted => return,
            Life::Stood(stood, end) => {
                tracing::debug!(slot, reason = ?end.reason, stood_s = stood.as_secs(), "a further link was lost");
                if stood >= STOOD_LONG {
                    backoff.reset();
                    continue;
                }
            }
            Life::Failed(why) => tracing::info!(slot, attempt = backoff.attempts(), %why, "no further link yet"),
        }
        tokio::time::sleep(backoff.next_delay()).await;
    }
}

async fn live(linker: &Arc<Linker>, session: SessionId, slot: usize, news: &NewsSender) -> Life {
    let mut making = linker.make(slot, Some(session), news.clone());
    match making.carried().await {
        None => return Life::Unwanted,
        Some(Err(error)) => return Life::Failed(error.to_string()),
        Some(Ok(())) => {}
    }
    let joined = match making.greeted().await {
        Ok(joined) if joined.welcome.session == session => joined,
        Ok(_) => return Life::Failed("the gateway made it a session of its own".to_owned()),
        Err(error) => return Life::Failed(error.to_string()),
    };
    let (link, key, since) = (joined.link.clone(), joined.key, Instant::now());
    if news.send((key, News::Joined(Box::new(joined)))).await.is_err() {
        return Life::Unwanted;
    }
    let end = link.ended().await;
    Life::Stood(since.elapsed(), end)
}
