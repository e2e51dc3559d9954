//! What agents may ask of the gateway.
//!
//! * `caddy`: what the Caddy before the gateway is configured to do.
//! * `log`: lines of the gateway's own log.
//! * `update`: hands a wish for an update to the host's updater.

mod caddy;
pub(crate) mod log;
pub(crate) mod update;

use std::sync::Arc;

use octoporty_proto::model::{Answer, Declined, DeclinedCode, Question, UpdateRequest};

use crate::session::Session;
use crate::shards::ShardContext;

/// Answers one question.
pub(crate) async fn answer(shard: &Arc<ShardContext>, session: &Session, question: Question) -> Answer {
    match question {
        Question::Update(wish) => update(shard, session, wish).await,
        Question::Log(query) => log::page(shard, query).await,
        Question::CaddyConfig => caddy_config(shard).await,
        _ => declined(DeclinedCode::Unsupported, "this gateway does not know the question; update it"),
    }
}

/// Why a question is not looked into at all: what it brings is longer than any that makes sense.
pub(crate) fn refusal(question: &Question) -> Option<Answer> {
    match question {
        Question::Log(query) if query.search.as_ref().is_some_and(|search| search.len() > log::MOST_SEARCH) => {
            Some(declined(DeclinedCode::Failed, "the text to search for is too long"))
        }
        Question::Update(wish) if wish.target_version.len() > update::MOST_VERSION => {
            Some(declined(DeclinedCode::Failed, "a version has 64 characters at most"))
        }
        _ => None,
    }
}

/// What is said while as many questions as may be are being answered.
pub(crate) fn busy() -> Answer {
    declined(DeclinedCode::Busy, "too many questions at a time; repeat this in a moment")
}

fn declined(code: DeclinedCode, text: &str) -> Answer {
    Answer::Declined(Declined { code, text: text.to_owned() })
}

/// Files are written off the data path.
async fn update(shard: &Arc<ShardContext>, session: &Session, wish: UpdateRequest) -> Answer {
    let agent = session.identity().agent.clone();
    let (state, by) = (Arc::clone(&shard.state), agent.clone());
    let work = move || state.updater.take(&wish, &by);
    match shard.tracker.spawn_blocking_on(work, &shard.handle).await {
        Ok(answer) => {
            tracing::info!(%agent, state = ?answer.state, "an update was asked for: {}", answer.message);
            Answer::Update(answer)
        }
        Err(_) => declined(DeclinedCode::Failed, "the gateway is stopping"),
    }
}

/// The request waits on the shard; what is long enough to be felt there, reading a large configuration, does not.
async fn caddy_config(shard: &Arc<ShardContext>) -> Answer {
    let state = Arc::clone(&shard.state);
    let body = match caddy::fetch(&state.config.caddy).await {
        Ok(body) => body,
        Err(told) => return Answer::CaddyConfig(told),
    };
    let work = move || caddy::describe(&state.config.caddy, state.address(), &body);
    match shard.tracker.spawn_blocking_on(work, &shard.handle).await {
        Ok(answer) => Answer::CaddyConfig(answer),
        Err(_) => declined(DeclinedCode::Failed, "the gateway is stopping"),
    }
}
