//! A session: its links, what it was told, and what it waits for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use octoporty_proto::control::{Control, Welcome, feature};
use octoporty_proto::model::{DesiredState, EndReason, InstanceId, SessionId, SessionRecord};
use octoporty_tunnel::backoff::Backoff;
use octoporty_tunnel::link::LinkEnd;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{Connector, Order, keeper};
use crate::linker::{Joined, LinkKey, Linker, News, NewsSender};
use crate::status::{Asking, StandingLink, unix_ms};

/// Bound on the answer to a sync. The largest state on a slow line needs a few seconds; a gateway that takes longer
/// is stuck, and a new session is the way out.
const SYNC_TIMEOUT: Duration = Duration::from_secs(30);

/// Where the newest sync stands.
#[derive(Debug)]
enum Sync {
    /// Nothing was sent yet.
    Unsent,
    /// This was sent on this link; the answer is due by then.
    Sent { request: u64, on: LinkKey, due: tokio::time::Instant, state: Arc<DesiredState> },
    /// The gateway has answered to this.
    Acknowledged(Arc<DesiredState>),
}

/// Whether the data path has carried a probe both ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Unproven,
    Proven,
}

/// Why a session is over.
#[derive(Debug)]
pub(super) enum Ending {
    /// Its last link ended.
    Lost(LinkEnd),
    /// Another instance of this agent took over.
    TakenOver(InstanceId),
    /// The gateway says goodbye.
    Drained { reason: String, back_in: Option<Duration> },
    /// The gateway did not answer a sync.
    Stuck,
}

/// What one turn of the loop brought.
#[derive(Debug)]
pub(super) enum Step {
    Stay,
    Order(Order),
    Over(Ending),
}

/// See the module. Dropped, its links end.
#[derive(Debug)]
pub(super) struct Session {
    welcome: Welcome,
    since: Instant,
    links: Vec<Joined>,
    /// The link that the session began with: no keeper made it.
    first: LinkKey,
    most_links: usize,
    news: mpsc::Receiver<(LinkKey, News)>,
    tell: NewsSender,
    keepers: JoinSet<()>,
    sync: Sync,
    life: Life,
    began_ms: Option<u64>,
}

impl Session {
    pub(super) fn new(first: Joined, news: mpsc::Receiver<(LinkKey, News)>, tell: NewsSender) -> Self {
        Self {
            welcome: first.welcome.clone(),
            since: first.since,
            first: first.key,
            links: vec![first],
            most_links: 1,
            news,
            tell,
            keepers: JoinSet::new(),
            sync: Sync::Unsent,
            life: Life::Unproven,
            began_ms: None,
        }
    }

    pub(super) fn id(&self) -> SessionId {
        self.welcome.session
    }

    pub(super) fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// Whether the gateway takes questions.
    pub(super) fn asking(&self) -> Asking {
        match self.welcome.features.iter().any(|known| known == feature::ASK) {
            true => Asking::Welcome,
            false => Asking::Unknown,
        }
    }

    pub(super) fn since(&self) -> Instant {
        self.since
    }

    pub(super) fn stood(&self) -> Duration {
        self.since.elapsed()
    }

    pub(super) fn links(&self) -> &[Joined] {
        &self.links
    }

    pub(super) fn standing(&self) -> Vec<StandingLink> {
        self.links.iter().map(|joined| StandingLink { link: joined.link.clone(), since: joined.since }).collect()
    }

    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.links.first().and_then(|joined| joined.link.stats().round_trip)
    }

    /// Whether it may be called connected.
    pub(super) fn is_ready(&self) -> bool {
        matches!(self.sync, Sync::Acknowledged(_)) && self.life == Life::Proven
    }

    pub(super) fn has_begun(&self) -> bool {
        self.began_ms.is_some()
    }

    /// It is connected: further links are made.
    pub(super) fn begin(&mut self, linker: &Arc<Linker>, links: usize) {
        self.began_ms = Some(unix_ms());
        for slot in 1..links {
            self.keep(linker, slot);
        }
    }

    /// Makes a further link, and makes it anew whenever it is lost.
    fn keep(&mut self, linker: &Arc<Linker>, slot: usize) {
        let backoff = Backoff::new(keeper::FIRST_DELAY, keeper::MOST_DELAY);
        self.keepers.spawn(keeper::keep(Arc::clone(linker), self.id(), slot, self.tell.clone(), backoff));
    }

    /// The session as the connection log shows it.
    pub(super) fn record(&self, linker: &Linker) -> SessionRecord {
        SessionRecord {
            session: self.id(),
            started_ms: self.began_ms.unwrap_or_else(unix_ms),
            ended_ms: None,
            end: None,
            end_detail: None,
            gateway_url: linker.gateway_url(),
            gateway_version: self.welcome.gateway_version.clone(),
            agent_version: linker.hello.agent_version.clone(),
            transport: self.links.first().map_or("websocket", |joined| joined.link.transport()).to_owned(),
            links: u32::try_from(self.most_links).unwrap_or(u32::MAX),
        }
    }

    /// Ends every link.
    pub(super) fn close(&self, reason: EndReason, detail: &str) {
        for joined in &self.links {
            joined.link.close(reason, detail);
        }
    }

    /// No further links, no further news; those that stand go on.
    pub(super) fn leave(&mut self) {
        self.keepers.abort_all();
        self.news.close();
    }

    /// Says goodbye, lets streams finish within `grace`, closes.
    pub(super) async fn say_goodbye(&mut self, reason: &str, grace: Duration) {
        self.leave();
        let goodbye = Control::Drain { reason: reason.to_owned(), back_in_s: None };
        if let Some(joined) = self.links.first()
            && !joined.link.try_send(&goodbye)
        {
            tracing::debug!("no room for a goodbye; the links say it by themselves");
        }
        futures_util::future::join_all(self.links.iter().map(|joined| joined.link.drain(grace))).await;
    }

    fn answer_due(&self) -> Option<tokio::time::Instant> {
        match &self.sync {
            Sync::Sent { due, .. } => Some(*due),
            Sync::Unsent | Sync::Acknowledged(_) => None,
        }
    }
}

impl Ending {
    /// For the record and for people.
    pub(super) fn told(&self) -> (EndReason, String) {
        match self {
            Self::Lost(end) => (end.reason, end.detail.clone()),
            Self::TakenOver(by) => (
                EndReason::TakenOver,
                format!(
                    "another agent with the same name (instance {by}) took over; if both are meant to run, give each \
                     its own Agent__Name"
                ),
            ),
            Self::Drained { reason, .. } => (EndReason::PeerStop, format!("the gateway said goodbye: {reason}")),
            Self::Stuck => (
                EndReason::ProtocolError,
                format!("the gateway did not acknowledge the mappings within {} s", SYNC_TIMEOUT.as_secs()),
            ),
        }
    }
}

impl Connector {
    /// Waits for one thing to happen in a session.
    pub(super) async fn turn(&mut self, session: &mut Session) -> Step {
        let due = session.answer_due();
        let late = async {
            match due {
                Some(due) => tokio::time::sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        let desired = &mut self.desired;
        let changed = async {
            if desired.changed().await.is_err() {
                // Whoever wants something served is gone: nothing will change any more.
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            order = self.orders.next() => Step::Order(order),
            () = late => Step::Over(Ending::Stuck),
            Some((key, news)) = session.news.recv() => self.take_news(session, key, news),
            () = changed, if due.is_none() => {
                self.send_sync(session);
                Step::Stay
            }
        }
    }

    /// Sends the newest desired state. One is in flight at a time; what changes meanwhile goes when it is answered.
    pub(super) fn send_sync(&mut self, session: &mut Session) {
        let Some(joined) = session.links.iter().min_by_key(|joined| joined.slot) else { return };
        let wanted = self.desired.borrow_and_update().clone();
        let state = self.told.fit(&wanted);
        if self.told.is_too_large() && matches!(&session.sync, Sync::Acknowledged(known) if Arc::ptr_eq(known, &state))
        {
            return self.publish_unsent();
        }
        self.next_request += 1;
        let request = self.next_request;
        let (link, on) = (joined.link.clone(), joined.key);
        let due = tokio::time::Instant::now() + SYNC_TIMEOUT;
        session.sync = Sync::Sent { request, on, due, state: Arc::clone(&state) };
        tracing::debug!(request, revision = state.revision.0, mappings = state.mappings.len(), "syncing");
        // Its own task: a link that takes nothing now must not keep the connector from its news.
        let send = async move {
            let message = Control::Sync { request, state: DesiredState::clone(&state) };
            match link.send(&message).await {
                Ok(()) => {}
                Err(end) => tracing::debug!(reason = ?end.reason, detail = %end.detail, "the sync could not be sent"),
            }
        };
        drop(self.linker.tasks.spawn(send));
    }

    fn take_news(&mut self, session: &mut Session, key: LinkKey, news: News) -> Step {
        match news {
            News::Alive => session.life = Life::Proven,
            News::Joined(joined) => self.link_joined(session, *joined),
            News::Ended(end) => return self.link_ended(session, key, end),
            News::Control(Control::SyncResult { request, report }) => {
                if let Sync::Sent { request: awaited, state, .. } = &session.sync
                    && request == Some(*awaited)
                {
                    let state = Arc::clone(state);
                    self.told.acknowledge(Arc::clone(&state));
                    session.sync = Sync::Acknowledged(state);
                }
                self.publish_verdicts(report);
            }
            News::Control(Control::Drain { reason, back_in_s }) => {
                let back_in = back_in_s.map(|seconds| Duration::from_secs(seconds.into()));
                return Step::Over(Ending::Drained { reason, back_in });
            }
            News::Control(Control::TakenOver { by }) => {
                return Step::Over(if by == self.linker.hello.instance {
                    let detail = "a newer session of this same agent took over";
                    Ending::Lost(LinkEnd { reason: EndReason::TakenOver, detail: detail.to_owned() })
                } else {
                    Ending::TakenOver(by)
                });
            }
            News::Control(other) => tracing::debug!(message = ?other, "a message that an agent has no use for"),
        }
        Step::Stay
    }

    fn link_joined(&self, session: &mut Session, joined: Joined) {
        if !joined.link.is_usable() {
            return;
        }
        tracing::info!(slot = joined.slot, peer = ?joined.link.peer(), "a further link joined the session");
        session.links.push(joined);
        if session.links.len() > session.most_links {
            session.most_links = session.links.len();
            // The log of connections has how many they are while the session stands, too.
            self.tell_session(session.record(&self.linker));
        }
        self.board.change(|facts| facts.links = session.standing());
    }

    fn link_ended(&mut self, session: &mut Session, key: LinkKey, end: LinkEnd) -> Step {
        let Some(at) = session.links.iter().position(|joined| joined.key == key) else { return Step::Stay };
        let gone = session.links.remove(at);
        if session.links.is_empty() {
            return Step::Over(Ending::Lost(end));
        }
        tracing::info!(
            slot = gone.slot, left = session.links.len(), reason = ?end.reason, detail = %end.detail,
            "a link was lost; the session goes on over the others"
        );
        self.board.change(|facts| facts.links = session.standing());
        // Every other link has a keeper, which makes it anew.
        if key == session.first && session.has_begun() {
            session.keep(&self.linker, gone.slot);
        }
        if matches!(session.sync, Sync::Sent { on, .. } if on == key) {
            self.send_sync(session);
        }
        Step::Stay
    }
}
