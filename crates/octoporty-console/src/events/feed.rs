//! Watches what the agent says and what is stored, and tells listeners what changed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use octoporty_proto::model::{AgentStatus, ConnectionState, MappingId, Revision, SessionId};
use tokio::time::{MissedTickBehavior, interval};

use super::Replay;
use crate::api::events::shapes::{EventBody, MappingStatusEvent, MappingsChangedEvent};
use crate::api::mappings::live;
use crate::api::mappings::resource::MappingState;
use crate::api::status::shapes::Status;
use crate::app::App;

/// How often figures that change all the time (uptime, round trip, bytes) are told.
const FIGURES_EVERY: Duration = Duration::from_secs(5);

/// What of the tunnel's state is news at once.
#[derive(Clone, PartialEq, Debug)]
struct Headline {
    state: ConnectionState,
    session: Option<SessionId>,
    links: usize,
    attempts: u32,
    last_error: Option<String>,
    gateway_version: Option<String>,
    synced: Revision,
    revision: Revision,
}

struct Feed {
    app: Arc<App>,
    headline: Option<Headline>,
    revision: Revision,
    states: HashMap<MappingId, MappingState>,
}

/// Runs until the console stops.
pub(crate) async fn run(app: Arc<App>) {
    let mut status = app.news.status.clone();
    let mut sync = app.news.sync.clone();
    let mut targets = app.news.targets.clone();
    let mut views = app.desired.subscribe();
    let stopping = app.stopping.clone();
    let mut ticks = interval(FIGURES_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let revision = app.desired.view().revision;
    let mut feed = Feed { app, headline: None, revision, states: HashMap::new() };
    feed.look();
    loop {
        // A channel whose sender is gone (the agent stopped before its console) says nothing more.
        tokio::select! {
            biased;
            () = stopping.cancelled() => break,
            Ok(()) = views.changed() => {}
            Ok(()) = sync.changed() => {}
            Ok(()) = targets.changed() => {}
            Ok(()) = status.changed() => {
                feed.look_at_tunnel();
                // Every second the figures move and nothing else: no mapping's state hangs on them.
                if feed.has_told_headline() {
                    continue;
                }
            }
            _ = ticks.tick() => {
                feed.tell_figures();
                continue;
            }
        }
        feed.look();
    }
    // The last word, such as that the agent has left its gateway.
    feed.look();
    feed.app.hub.close();
}

impl Feed {
    /// Compares everything with what was told last.
    fn look(&mut self) {
        self.tell_changes();
        self.tell_states();
        let status = Arc::clone(&self.app.news.status.borrow());
        let headline = self.headline_of(&status);
        if self.headline.as_ref() != Some(&headline) {
            self.headline = Some(headline);
            self.tell_status(Replay::Superseded);
        }
    }

    fn has_told_headline(&self) -> bool {
        let status = Arc::clone(&self.app.news.status.borrow());
        self.headline.as_ref() == Some(&self.headline_of(&status))
    }

    fn headline_of(&self, status: &AgentStatus) -> Headline {
        Headline {
            state: status.state,
            session: status.session,
            links: status.links.len(),
            attempts: status.reconnect_attempts,
            last_error: status.last_error.clone(),
            gateway_version: status.gateway_version.clone(),
            synced: self.app.news.sync.borrow().revision,
            revision: self.revision,
        }
    }

    fn tell_changes(&mut self) {
        let revision = self.app.desired.view().revision;
        if revision != self.revision {
            self.revision = revision;
            let event = EventBody::MappingsChanged(MappingsChangedEvent { revision: revision.0 });
            self.app.hub.publish(&event, Replay::Kept);
        }
    }

    fn tell_states(&mut self) {
        let view = self.app.desired.view();
        let known = live::Surroundings::of(&self.app);
        let states: HashMap<_, _> =
            view.mappings.iter().map(|stored| (stored.mapping.id, known.state_of(stored))).collect();
        let mut mappings: Vec<_> = states
            .iter()
            .filter(|(id, state)| self.states.get(id) != Some(state))
            .map(|(_, state)| state.clone())
            .collect();
        self.states = states;
        if !mappings.is_empty() {
            mappings.sort_by(|one, two| one.id.cmp(&two.id));
            let event = EventBody::MappingStatus(MappingStatusEvent { mappings });
            self.app.hub.publish(&event, Replay::Kept);
        }
    }

    fn tell_figures(&self) {
        if self.app.hub.has_listeners() {
            self.tell_status(Replay::Superseded);
        }
    }

    fn tell_status(&self, replay: Replay) {
        self.app.hub.publish(&EventBody::Status(Box::new(Status::of(&self.app))), replay);
    }

    fn look_at_tunnel(&self) {
        let status = Arc::clone(&self.app.news.status.borrow());
        self.app.recorded.look(self.app.clock.now_ms(), &status);
    }
}
