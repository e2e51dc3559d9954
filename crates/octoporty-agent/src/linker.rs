//! Makes links: each is dialled, greeted and then served on one shard's thread.
//!
//! A [`Making`] is a link on its way: first the carrier stands, then the gateway has said Welcome. Dropped, it ends
//! whatever there is of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use octoporty_proto::control::{Control, Hello, Refused, Welcome, WelcomeError, feature};
use octoporty_proto::model::SessionId;
use octoporty_proto::mux::MuxConfig;
use octoporty_proto::wire::{Open, Side};
use octoporty_tunnel::carrier::websocket::{self, Dial, DialError};
use octoporty_tunnel::link::{self, Incoming, Link, LinkEnd, LinkEvents};
use octoporty_tunnel::stream::Stream;
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::access::AccessFunnel;
use crate::asks::Asks;
use crate::config::LinkCount;
use crate::forwarder::Forwarder;
use crate::traffic::Traffic;

/// Bound on Welcome after the carrier stands.
pub(crate) const WELCOME_TIMEOUT: Duration = Duration::from_secs(10);

/// Most links of a session; more than this many shards of a gateway share them.
const MOST_LINKS: u8 = 8;

/// Fewest links of a session whose number is left to the gateway.
const FEWEST_AUTO_LINKS: u8 = 2;

/// Messages that a gateway may say before its Welcome. It has a few to say at most: what it tells the whole session may
/// leave on a link as soon as it took its Hello.
const MOST_EARLY: usize = 64;

/// News of links that wait for the connector. It takes them at once; the bound holds a gateway that talks too much.
pub(crate) const NEWS_QUEUE: usize = 64;

/// Tells the links of one run apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct LinkKey(u64);

/// What a link tells the connector.
#[derive(Debug)]
pub(crate) enum News {
    /// A control message that is not handled on the link's own shard.
    Control(Control),
    /// The first pong.
    Alive,
    /// The link is over. Nothing follows.
    Ended(LinkEnd),
    /// A further link of the session stands.
    Joined(Box<Joined>),
}

/// Where news go.
pub(crate) type NewsSender = mpsc::Sender<(LinkKey, News)>;

/// A link that the gateway has welcomed. Dropped, the link ends.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(crate) key: LinkKey,
    pub(crate) slot: usize,
    pub(crate) link: Link,
    pub(crate) welcome: Welcome,
    pub(crate) since: Instant,
    _ends: DropGuard,
}

/// Why a link that had a carrier was not welcomed.
#[derive(Debug, Error)]
pub(crate) enum GreetError {
    #[error("the gateway refused: {}", .0.text)]
    Refused(Refused),
    #[error("the gateway ended the connection instead of a welcome: {0}")]
    Ended(String),
    #[error("the gateway did not answer within {} s; it may be overloaded, or not a gateway", .0.as_secs())]
    Silent(Duration),
    #[error("the gateway said {MOST_EARLY} other things instead of a welcome; it may not be a gateway")]
    Talkative,
    #[error(transparent)]
    Welcome(#[from] WelcomeError),
    #[error("the agent is stopping")]
    Stopping,
}

/// A link on its way.
#[derive(Debug)]
pub(crate) struct Making {
    carried: oneshot::Receiver<Result<(), DialError>>,
    greeted: oneshot::Receiver<Result<Joined, GreetError>>,
    ends: Option<DropGuard>,
}

/// Makes links.
#[derive(Debug)]
pub(crate) struct Linker {
    pub(crate) dial: DialSettings,
    /// What each link says first; a further link of a session adds the session.
    pub(crate) hello: Hello,
    pub(crate) mux: MuxConfig,
    /// Where each shard's tasks are spawned.
    pub(crate) shards: Vec<Handle>,
    pub(crate) forwarder: Arc<Forwarder>,
    pub(crate) traffic: Traffic,
    pub(crate) access: Arc<AccessFunnel>,
    pub(crate) asks: Arc<Asks>,
    pub(crate) tasks: TaskTracker,
    pub(crate) end: CancellationToken,
    pub(crate) next_key: AtomicU64,
}

/// [`Dial`], without its credential in Debug.
#[derive(Clone)]
pub(crate) struct DialSettings(pub(crate) Dial);

impl std::fmt::Debug for DialSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DialSettings({})", self.0.url)
    }
}

impl Making {
    /// Waits for the carrier. `None` when the agent is stopping. To be called once.
    pub(crate) async fn carried(&mut self) -> Option<Result<(), DialError>> {
        (&mut self.carried).await.ok()
    }

    /// Waits for Welcome, after the carrier stands. To be called once.
    pub(crate) async fn greeted(&mut self) -> Result<Joined, GreetError> {
        let joined = (&mut self.greeted).await.unwrap_or(Err(GreetError::Stopping))?;
        // From here on the link lives as long as what was handed over.
        drop(self.ends.take().map(DropGuard::disarm));
        Ok(joined)
    }
}

impl Linker {
    /// What is dialled, without credentials.
    pub(crate) fn gateway_url(&self) -> String {
        self.dial.0.url.to_string()
    }

    /// How many links a session shall have.
    pub(crate) fn session_links(&self, wanted: LinkCount, welcome: &Welcome) -> usize {
        if !welcome.features.iter().any(|known| known == feature::MULTI_LINK) {
            return 1;
        }
        let links = match wanted {
            // Two at the least: a session outlives the loss of one of them.
            LinkCount::Auto => welcome.links.max(FEWEST_AUTO_LINKS),
            LinkCount::Fixed(links) => links,
        };
        links.clamp(1, MOST_LINKS).into()
    }

    /// Begins a link for a slot of a session (a new one, when `session` is `None`).
    pub(crate) fn make(self: &Arc<Self>, slot: usize, session: Option<SessionId>, news: NewsSender) -> Making {
        let key = LinkKey(self.next_key.fetch_add(1, Ordering::Relaxed));
        let cancel = self.end.child_token();
        let (tell_carried, carried) = oneshot::channel();
        let (tell_greeted, greeted) = oneshot::channel();
        let shard = slot % self.shards.len();
        let server = Server { key, shard, news, linker: Arc::clone(self), cancel: cancel.clone() };
        let hello = Hello { session, ..self.hello.clone() };
        let work = async move {
            let cancel = server.cancel.clone();
            let made = async {
                match websocket::dial(&server.linker.dial.0).await {
                    Ok(carrier) => {
                        if tell_carried.send(Ok(())).is_ok() {
                            server.greet(carrier, hello, slot, tell_greeted).await;
                        }
                    }
                    // Nobody waits for it any more when the making was dropped.
                    Err(error) => drop(tell_carried.send(Err(error))),
                }
            };
            cancel.run_until_cancelled(made).await;
        };
        let span = tracing::debug_span!("link", key = key.0, slot, shard);
        drop(self.tasks.spawn_on(work.instrument(span), &self.shards[shard]));
        Making { carried, greeted, ends: Some(cancel.drop_guard()) }
    }
}

/// What serves one link on its shard.
struct Server {
    key: LinkKey,
    shard: usize,
    news: NewsSender,
    linker: Arc<Linker>,
    cancel: CancellationToken,
}

/// What came on a link before its Welcome: Open frames overtake messages, and a session's other links do not wait for
/// the Welcome of a new one. It is served once the link is welcome.
struct Early {
    life: Life,
    /// Bounded by the streams that the link takes.
    streams: Vec<(Open, Stream)>,
    /// At most [`MOST_EARLY`].
    messages: Vec<Control>,
}

/// Whether a link works both ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    /// No pong yet.
    Unproven,
    Proven,
}

impl Server {
    async fn greet(
        self,
        carrier: Box<dyn octoporty_tunnel::carrier::Carrier>,
        hello: Hello,
        slot: usize,
        tell: oneshot::Sender<Result<Joined, GreetError>>,
    ) {
        let tasks = self.linker.tasks.clone();
        let (link, mut events) =
            link::start(carrier, Side::Agent, self.linker.mux.clone(), &tasks, self.cancel.clone());
        let mut early = Early { life: Life::Unproven, streams: Vec::new(), messages: Vec::new() };
        let waited = tokio::time::timeout(WELCOME_TIMEOUT, self.welcome(&link, &mut events, hello, &mut early)).await;
        let welcome = waited.unwrap_or(Err(GreetError::Silent(WELCOME_TIMEOUT)));
        let joined = welcome.map(|welcome| Joined {
            key: self.key,
            slot,
            link: link.clone(),
            welcome,
            since: Instant::now(),
            _ends: self.cancel.clone().drop_guard(),
        });
        let welcomed = joined.is_ok();
        if tell.send(joined).is_err() || !welcomed {
            self.cancel.cancel();
            return;
        }
        drop(tasks.spawn(self.serve(link, events, early).in_current_span()));
    }

    async fn welcome(
        &self,
        link: &Link,
        events: &mut LinkEvents,
        hello: Hello,
        early: &mut Early,
    ) -> Result<Welcome, GreetError> {
        link.send(&Control::Hello(hello.clone())).await.map_err(|end| GreetError::Ended(end.detail))?;
        loop {
            match events.next().await {
                Some(Incoming::Control(Control::Welcome(welcome))) => {
                    hello.accepts(&welcome)?;
                    return Ok(welcome);
                }
                Some(Incoming::Control(Control::Refused(refused))) => return Err(GreetError::Refused(refused)),
                Some(Incoming::Alive(_)) => early.life = Life::Proven,
                Some(Incoming::Stream(open, stream)) => early.streams.push((open, stream)),
                Some(Incoming::Control(message)) if early.messages.len() < MOST_EARLY => early.messages.push(message),
                Some(_) => return Err(GreetError::Talkative),
                None => return Err(GreetError::Ended(link.ended().await.detail)),
            }
        }
    }

    /// Streams go to the forwarder on this thread, access records to the console, the rest to the connector.
    async fn serve(self, link: Link, mut events: LinkEvents, early: Early) {
        let traffic = self.linker.traffic.of_shard(self.shard);
        let Early { mut life, streams, messages } = early;
        if life == Life::Proven {
            self.tell(News::Alive).await;
        }
        for (open, stream) in streams {
            self.linker.forwarder.take(open, stream, &traffic);
        }
        for message in messages {
            self.control(message).await;
        }
        while let Some(incoming) = events.next().await {
            match incoming {
                Incoming::Stream(open, stream) => self.linker.forwarder.take(open, stream, &traffic),
                Incoming::Control(message) => self.control(message).await,
                Incoming::Alive(_) if life == Life::Unproven => {
                    life = Life::Proven;
                    self.tell(News::Alive).await;
                }
                _ => {}
            }
        }
        self.tell(News::Ended(link.ended().await)).await;
    }

    async fn control(&self, message: Control) {
        match message {
            Control::Access { rows, dropped } => self.linker.access.offer(rows, dropped),
            Control::Answer { request, answer } => self.linker.asks.answered(request, answer),
            message => self.tell(News::Control(message)).await,
        }
    }

    async fn tell(&self, news: News) {
        if self.news.send((self.key, news)).await.is_err() {
            tracing::trace!("the session of this link is over; its news have no reader");
        }
    }
}
