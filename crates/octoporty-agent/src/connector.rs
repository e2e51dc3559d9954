//! Keeps the tunnel up, for ever. One loop function a state:
//!
//! ```text
//!            carrier stands            Welcome            acknowledged, first pong
//!   Dialing ────────────────▶ Authenticating ───▶ Syncing ─────────────────────────▶ Connected
//!     ▲  │                         │                 │                                   │
//!     │  └───── failed ────────────┴── refused ──────┴── lost ──▶ Waiting ◀── goodbye ───┤
//!     │                                                              │                   │
//!     └───────── back-off over, or the gateway is well again ────────┘                   │
//!     └───────── lost: the first attempt is immediate ───────────────────────────────────┘
//! ```
//!
//! Orders (stop, reconnect) are taken first in every state. The back-off is reset by proof of life alone.

mod keeper;
mod orders;
mod oversize;
mod record;
mod session;
mod verdict;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use octoporty_proto::model::{ConnectionState, DesiredState, EndReason, SessionRecord, SyncReport};
use octoporty_tunnel::backoff::Backoff;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::linker::{Linker, Making, NEWS_QUEUE, News, NewsSender};
use crate::status::{GatewayFacts, StatusBoard};
pub(crate) use orders::{Order, Orders};
use oversize::Told;
use session::{Ending, Session, Step};
use waiting::Wait;

/// Sessions shorter than this count as failed at once: after [`SHORT_LIVED_IN_ROW`] of them the next attempt is no
/// longer immediate.
const SHORT_LIVED: Duration = Duration::from_secs(2);

/// See [`SHORT_LIVED`].
const SHORT_LIVED_IN_ROW: u32 = 3;

/// A session that stood for this long was not contested by another agent of the same name.
const UNCONTESTED: Duration = Duration::from_secs(60);

/// Links of a session that the gateway said goodbye to are kept for this long at most, for what is in flight.
const LEAVING_LIMIT: Duration = Duration::from_secs(3600);

/// Where the connector tells of itself, besides the status.
#[derive(Debug)]
pub(crate) struct Outlets {
    /// The gateway's newest verdicts.
    pub(crate) sync: watch::Sender<Arc<SyncReport>>,
    /// Begun and ended sessions.
    pub(crate) sessions: mpsc::Sender<SessionRecord>,
}

/// What the connector remembers from one attempt to the next.
#[derive(Debug)]
struct Memory {
    /// After attempts that failed.
    backoff: Backoff,
    /// After sessions that another agent of this name took over.
    contest: Backoff,
    /// Sessions in a row that were over at once.
    short_lived: u32,
    /// When the newest attempt began.
    attempt_began: Instant,
    /// Whether the newest wait was ended by a probe.
    ended_by_probe: EndedByProbe,
    /// After a goodbye the gateway is expected back soon: until then it is looked for more often.
    expected_back: Option<Instant>,
}

/// Whether the newest wait was ended by a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EndedByProbe {
    Yes,
    No,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Connector {
    linker: Arc<Linker>,
    desired: watch::Receiver<Arc<DesiredState>>,
    orders: Arc<Orders>,
    board: Arc<StatusBoard>,
    outlets: Outlets,
    told: Told,
    memory: Memory,
    next_request: u64,
    wanted_links: crate::config::LinkCount,
}

/// A carrier that stands and was greeted.
struct Attempt {
    making: Making,
    news: mpsc::Receiver<(crate::linker::LinkKey, News)>,
    tell: NewsSender,
}

enum State {
    Dialing,
    Authenticating(Attempt),
    Syncing(Box<Session>),
    Connected(Box<Session>),
    Waiting(Wait),
    Stopped,
}

/// What a connector needs.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) linker: Arc<Linker>,
    pub(crate) desired: watch::Receiver<Arc<DesiredState>>,
    pub(crate) orders: Arc<Orders>,
    pub(crate) board: Arc<StatusBoard>,
    pub(crate) outlets: Outlets,
    /// First and longest step of the back-off.
    pub(crate) delays: (Duration, Duration),
    pub(crate) wanted_links: crate::config::LinkCount,
}

impl Connector {
    pub(crate) fn new(parts: Parts) -> Self {
        let (first, most) = parts.delays;
        Self {
            linker: parts.linker,
            desired: parts.desired,
            orders: parts.orders,
            board: parts.board,
            outlets: parts.outlets,
            told: Told::default(),
            memory: Memory {
                backoff: Backoff::new(first, most),
                contest: Backoff::new(first, most),
                short_lived: 0,
                attempt_began: Instant::now(),
                ended_by_probe: EndedByProbe::No,
                expected_back: None,
            },
            next_request: 0,
            wanted_links: parts.wanted_links,
        }
    }

    /// Until it is told to stop.
    pub(crate) async fn run(mut self) {
        let mut state = State::Dialing;
        loop {
            state = match state {
                State::Dialing => self.run_dialing().await,
                State::Authenticating(attempt) => self.run_authenticating(attempt).await,
                State::Syncing(session) => self.run_syncing(session).await,
                State::Connected(session) => self.run_connected(session).await,
                State::Waiting(wait) => self.run_waiting(wait).await,
                State::Stopped => break,
            };
        }
        self.board.change(|facts| {
            facts.state = ConnectionState::Disconnected;
            facts.connected_at = None;
            facts.links.clear();
        });
    }

    async fn run_dialing(&mut self) -> State {
        self.memory.attempt_began = Instant::now();
        self.board.change(|facts| {
            facts.state = match facts.last_error {
                None => ConnectionState::Connecting,
                Some(_) => ConnectionState::Reconnecting,
            };
            facts.attempts = facts.attempts.saturating_add(1);
            facts.dials += 1;
        });
        let (tell, news) = mpsc::channel(NEWS_QUEUE);
        let mut making = self.linker.make(0, None, tell.clone());
        tokio::select! {
            biased;
            order = self.orders.next() => order.without_session(),
            carried = making.carried() => match carried {
                Some(Ok(())) => State::Authenticating(Attempt { making, news, tell }),
                Some(Err(error)) => self.dial_failed(&error),
                None => State::Stopped,
            },
        }
    }

    async fn run_authenticating(&mut self, attempt: Attempt) -> State {
        self.board.change(|facts| facts.state = ConnectionState::Authenticating);
        let Attempt { mut making, news, tell } = attempt;
        let greeted = tokio::select! {
            biased;
            order = self.orders.next() => return order.without_session(),
            greeted = making.greeted() => greeted,
        };
        match greeted {
            Ok(joined) => State::Syncing(Box::new(Session::new(joined, news, tell))),
            Err(error) => self.greet_failed(&error),
        }
    }

    async fn run_syncing(&mut self, mut session: Box<Session>) -> State {
        self.board.change(|facts| {
            facts.state = ConnectionState::Syncing;
            facts.session = Some(session.id());
            facts.gateway = Some(GatewayFacts {
                version: session.welcome().gateway_version.clone(),
                uptime: Duration::from_secs(session.welcome().gateway_uptime_s),
                agents_only: session.welcome().agents_only,
                said_at: session.since(),
                asking: session.asking(),
            });
            facts.links = session.standing();
        });
        self.send_sync(&mut session);
        while !session.is_ready() {
            match self.turn(&mut session).await {
                Step::Stay => {}
                Step::Order(order) => return self.obey(session, order).await,
                Step::Over(ending) => return self.session_failed(*session, ending),
            }
        }
        State::Connected(session)
    }

    async fn run_connected(&mut self, mut session: Box<Session>) -> State {
        self.connected(&mut session);
        let span = tracing::info_span!("session", id = %session.id());
        loop {
            match tracing::Instrument::instrument(self.turn(&mut session), span.clone()).await {
                Step::Stay => {}
                Step::Order(order) => return self.obey(session, order).await,
                Step::Over(ending) => {
                    let _inside = span.enter();
                    return self.session_ended(*session, ending);
                }
            }
        }
    }

    /// The tunnel is up: acknowledged, and alive in both directions.
    fn connected(&mut self, session: &mut Session) {
        self.memory.backoff.reset();
        self.memory.expected_back = None;
        let links = self.linker.session_links(self.wanted_links, session.welcome());
        session.begin(&self.linker, links);
        let record = session.record(&self.linker);
        tracing::info!(
            session = %session.id(),
            gateway_version = %record.gateway_version,
            transport = %record.transport,
            links,
            round_trip_us = session.round_trip().map(|time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX)),
            "connected"
        );
        self.board.change(|facts| {
            facts.state = ConnectionState::Connected;
            facts.connected_at = Some(session.since());
            facts.last_connected_ms = Some(record.started_ms);
            facts.attempts = 0;
            facts.last_error = None;
            facts.links = session.standing();
        });
        self.tell_session(record);
    }

    /// A session that never got as far as Connected.
    fn session_failed(&mut self, session: Session, ending: Ending) -> State {
        let (reason, sentence) = ending.told();
        tracing::warn!(?reason, "{sentence}; the gateway had not acknowledged the mappings yet");
        session.close(reason, &sentence);
        self.failed(sentence, &ending)
    }

    /// A session that was Connected is over.
    fn session_ended(&mut self, session: Session, ending: Ending) -> State {
        let (reason, sentence) = ending.told();
        let stood = session.stood();
        tracing::warn!(?reason, stood_s = stood.as_secs(), "the session ended: {sentence}");
        self.close_record(&session, reason, &sentence);
        if stood >= UNCONTESTED {
            self.memory.contest.reset();
        }
        self.memory.short_lived = if stood < SHORT_LIVED { self.memory.short_lived + 1 } else { 0 };
        match ending {
            Ending::Drained { .. } => self.leave(session),
            _ => session.close(reason, &sentence),
        }
        match ending {
            Ending::Lost(_) if self.memory.short_lived < SHORT_LIVED_IN_ROW => {
                self.lost(sentence);
                State::Dialing
            }
            ending => self.failed(sentence, &ending),
        }
    }

    /// Holds the links of a session that the gateway said goodbye to, until what is in flight has ended.
    fn leave(&self, mut session: Session) {
        session.leave();
        let end = self.linker.end.clone();
        let held = async move {
            let all = futures_util::future::join_all(session.links().iter().map(|joined| joined.link.ended()));
            let bounded = tokio::time::timeout(LEAVING_LIMIT, all);
            if end.run_until_cancelled(bounded).await.is_some_and(|held| held.is_err()) {
                tracing::warn!("a gateway that said goodbye kept its links; they are closed now");
            }
        };
        drop(self.linker.tasks.spawn(held));
    }

    /// Ends a session by order.
    async fn obey(&mut self, mut session: Box<Session>, order: Order) -> State {
        let detail = match order {
            Order::Redial => "reconnect was asked for",
            Order::Stop(_) => "the agent is stopping",
        };
        if session.has_begun() {
            self.close_record(&session, EndReason::LocalStop, detail);
        }
        tracing::info!("the session ends: {detail}");
        match order {
            Order::Redial => {
                self.lost(detail.to_owned());
                session.close(EndReason::LocalStop, detail);
                State::Dialing
            }
            Order::Stop(grace) => {
                session.say_goodbye(detail, grace).await;
                State::Stopped
            }
        }
    }
}
