//! Follows the logs of agent and gateway while somebody listens, and tells the lines in batches. Log calls do not know of
//! it: it looks into what is kept anyway, so a burst costs listeners some lines (which their routes still have) and the
//! writers nothing.

use std::sync::Arc;
use std::time::Duration;

use octoporty_proto::model::{
    Answer, AskError, ConnectionState, LogEntry, LogPage, LogPlace, LogQuery, Question, SessionId,
};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::Replay;
use crate::api::events::shapes::{EventBody, LogEvent};
use crate::api::logs::lines::{Line, LineSource};
use crate::app::App;

/// How often the agent's own log is looked at.
const OWN_EVERY: Duration = Duration::from_millis(250);
/// How often the gateway is asked for its newest lines.
const GATEWAY_EVERY: Duration = Duration::from_secs(1);
/// Lines of one event.
const BATCH_LINES: u32 = 500;
/// Bytes of one event: a listener may have 256 of them waiting.
const BATCH_BYTES: u32 = 64 * 1024;
/// Lines that the gateway is asked for when somebody begins to listen: what it wrote between a page's reading and the
/// first look is among them.
const FIRST_LINES: u32 = 50;

fn query(place: LogPlace, count: u32) -> LogQuery {
    LogQuery { place, count, level: None, search: None, bytes: BATCH_BYTES }
}

fn ticks(every: Duration) -> Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Runs until the console stops.
pub(crate) async fn follow_own(app: Arc<App>) {
    let mut ticks = ticks(OWN_EVERY);
    let mut seen = app.log.newest();
    loop {
        tokio::select! {
            biased;
            () = app.stopping.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let newest = app.log.newest();
        if newest == seen {
            continue;
        }
        if !app.hub.has_listeners() {
            seen = newest;
            continue;
        }
        // Upwards it reads memory only.
        let page = app.log.page(&query(LogPlace::After(seen), BATCH_LINES));
        seen = page.entries.last().map_or(newest, |entry| entry.id);
        tell(&app, LineSource::Agent, page.entries);
    }
}

/// Where the gateway's log was seen up to.
#[derive(Default)]
struct Gateway {
    seen: Option<u64>,
    /// A session whose gateway knows of no such question.
    without: Option<SessionId>,
}

/// Runs until the console stops.
pub(crate) async fn follow_gateway(app: Arc<App>) {
    let mut ticks = ticks(GATEWAY_EVERY);
    let mut gateway = Gateway::default();
    loop {
        tokio::select! {
            biased;
            () = app.stopping.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if !app.hub.has_listeners() {
            gateway.seen = None;
            continue;
        }
        tokio::select! {
            biased;
            () = app.stopping.cancelled() => return,
            () = gateway.look(&app) => {}
        }
    }
}

impl Gateway {
    async fn look(&mut self, app: &App) {
        let status = Arc::clone(&app.news.status.borrow());
        if status.state != ConnectionState::Connected || (self.without.is_some() && self.without == status.session) {
            return;
        }
        let asked = match self.seen {
            None => query(LogPlace::Newest, FIRST_LINES),
            Some(seen) => query(LogPlace::After(seen), BATCH_LINES),
        };
        match app.control.ask(Question::Log(asked)).await {
            Ok(Answer::Log(page)) => self.take(app, page),
            Ok(_) | Err(AskError::Unsupported { .. } | AskError::Declined(_)) => self.without = status.session,
            // The next look asks again.
            Err(_) => {}
        }
    }

    fn take(&mut self, app: &App, mut page: LogPage) {
        if self.seen.is_none() {
            page.entries.reverse();
        }
        let newest = page.entries.last().map(|entry| entry.id);
        self.seen = newest.or(self.seen).or(Some(0));
        tell(app, LineSource::Gateway, page.entries);
    }
}

fn tell(app: &App, source: LineSource, entries: Vec<LogEntry>) {
    if !entries.is_empty() {
        let items = entries.into_iter().map(Line::from).collect();
        app.hub.publish(&EventBody::Log(LogEvent { source, items }), Replay::Never);
    }
}
