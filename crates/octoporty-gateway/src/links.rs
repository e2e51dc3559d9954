//! One link of an agent on the gateway: handshake, then its messages until it ends.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use octoporty_proto::control::{Control, Hello, Refused, RefusedCode, Welcome};
use octoporty_proto::model::{DesiredState, EndReason, Question, SessionId};
use octoporty_proto::mux::MuxConfig;
use octoporty_proto::wire::{Blame, Reset, ResetCode, Side};
use octoporty_tunnel::carrier::Carrier;
use octoporty_tunnel::link::{self, Incoming, Link, LinkEvents};
use tokio::sync::Semaphore;

use crate::answers;
use crate::endpoint::lockout::InGood;
use crate::registry::{Admission, Arrival, Notice, Registry, Welcomed};
use crate::session::{Session, SessionLink};
use crate::shards::placement::Place;
use crate::shards::{Door, ShardContext};
use crate::state::GatewayState;

/// An authenticated peer says hello within this, or its link is closed.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a message to a peer that does not read may wait before the link counts as broken.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// A session that was taken over, or a peer that was refused, has so long to read why.
const GOODBYE: Duration = Duration::from_secs(2);
/// When no link took a batch of access records, it is tried again after this.
const RETRY_ACCESS: Duration = Duration::from_secs(1);
/// Streams that an agent may open towards the gateway: it has no reason to, and what it opens is reset.
const STREAMS_OF_AGENT: u32 = 8;
/// Questions of one link that are answered at the same time: a console asks few, and each may hold a page of a log.
const ASKING: usize = 4;

/// A peer whose credential was right.
#[derive(Debug)]
pub(crate) struct Authenticated {
    /// What the credential is for.
    pub tunnel: octoporty_proto::model::TunnelId,
    /// Where it came from.
    pub source: IpAddr,
    /// Where it came in.
    pub door: Door,
    /// Its place on a shard, as long as the link lasts.
    pub place: Place,
    /// Its source is right, as long as the link lasts.
    pub in_good: InGood,
}

/// A link that is part of a session.
struct Joined {
    session: Arc<Session>,
    serial: u64,
    link: Link,
    /// Questions that may be answered at the same time.
    asking: Arc<Semaphore>,
}

fn mux_config(state: &GatewayState) -> MuxConfig {
    MuxConfig {
        max_streams: STREAMS_OF_AGENT,
        max_in_flight: state.config.limits.bytes_in_flight_per_link,
        probe_interval: state.config.heartbeat / 3,
        ..MuxConfig::default()
    }
}

/// Runs a link from its first byte to its end.
pub(crate) async fn run(shard: Arc<ShardContext>, carrier: Box<dyn Carrier>, peer: Authenticated) {
    let config = mux_config(&shard.state);
    let cancel = shard.cancel.child_token();
    let (link, mut events) = link::start(carrier, Side::Gateway, config, &shard.tracker, cancel);
    let entry = shard.state.link_book.enter(&link);
    // Boxed, as links stand in `serve`, which needs little: what is short or rare would lie in the memory of each.
    if let Some(joined) = Box::pin(begin(&shard, &link, &mut events, &peer)).await {
        serve(&shard, &joined, &mut events).await;
        Box::pin(leave(&shard, &joined)).await;
    }
    shard.state.link_book.leave(entry);
    // The place on the shard is free only now.
    drop((peer.place, peer.in_good));
}

/// Waits for the hello, and shakes hands.
async fn begin(
    shard: &Arc<ShardContext>,
    link: &Link,
    events: &mut LinkEvents,
    peer: &Authenticated,
) -> Option<Joined> {
    let Ok(hello) = tokio::time::timeout(HELLO_TIMEOUT, hello(events)).await else {
        link.close(EndReason::ProtocolError, "no hello came in time");
        return None;
    };
    let Some(hello) = hello else {
        reject(link, "the first message was not a hello");
        return None;
    };
    handshake(shard, link, hello, peer).await
}

/// The first control message, if it is a hello.
async fn hello(events: &mut LinkEvents) -> Option<Hello> {
    loop {
        match events.next().await? {
            Incoming::Control(Control::Hello(hello)) => return Some(hello),
            Incoming::Control(Control::Unknown) | Incoming::Alive(_) => {}
            Incoming::Control(_) => return None,
            Incoming::Stream(_, stream) => stream.reset(Reset::new(ResetCode::TooManyStreams, Blame::Agent)),
            _ => {}
        }
    }
}

/// Tells a peer that it is not understood, and ends its link. One whose first message could not be read at all was told
/// by the link.
fn reject(link: &Link, text: &str) {
    let refused = Refused { code: RefusedCode::Malformed, text: text.to_owned(), retry_after_s: None };
    if !link.try_send(&Control::Refused(refused)) {
        tracing::debug!("the peer's link ended before it was refused");
    }
    link.close(EndReason::ProtocolError, text);
}

async fn handshake(shard: &Arc<ShardContext>, link: &Link, hello: Hello, peer: &Authenticated) -> Option<Joined> {
    let serial = shard.state.next_serial();
    let known = SessionLink { serial, link: link.clone(), shard: shard.index, since: Instant::now() };
    let arrival = Arrival { tunnel: peer.tunnel.clone(), hello, link: known, now: Instant::now() };
    if shard.draining.has_begun() {
        let text = "the gateway is stopping".to_owned();
        refuse(link, Refused { code: RefusedCode::Draining, text, retry_after_s: Some(1) }).await;
        return None;
    }
    let name = arrival.hello.name.clone();
    // Before the session knows the link: nobody may open more than the agent takes.
    let max_streams = arrival.hello.streams().min(shard.state.config.limits.streams_per_session);
    link.set_stream_limit(max_streams);
    match control(shard, move |registry| registry.admit(arrival)).await? {
        Admission::Refused(refused) => {
            tracing::warn!(agent = %name, source = %peer.source, code = ?refused.code, "agent refused: {}", refused.text);
            refuse(link, refused).await;
            None
        }
        Admission::Welcome(welcomed) => {
            let joined = Joined {
                session: welcomed.session.clone(),
                serial,
                link: link.clone(),
                asking: Arc::new(Semaphore::new(ASKING)),
            };
            if welcome(shard, link, (max_streams, peer.door), *welcomed).await {
                return Some(joined);
            }
            leave(shard, &joined).await;
            None
        }
    }
}

async fn refuse(link: &Link, refused: Refused) {
    let text = refused.text.clone();
    if tokio::time::timeout(GOODBYE, link.send(&Control::Refused(refused))).await.is_ok() {
        // Closing in order lets the refusal through before the end.
        link.drain(GOODBYE).await;
    }
    link.close(EndReason::LocalStop, &text);
}

/// Greets a link, and does what follows from a new session.
async fn welcome(shard: &Arc<ShardContext>, link: &Link, (max_streams, door): (u32, Door), welcomed: Welcomed) -> bool {
    let state = &shard.state;
    let identity = welcomed.session.identity();
    let message = Control::Welcome(Welcome {
        version: welcomed.common.version,
        features: welcomed.common.features,
        session: identity.id,
        epoch: identity.epoch,
        gateway_version: state.config.version.clone(),
        gateway_uptime_s: state.started.elapsed().as_secs(),
        links: u8::try_from(state.config.shards).unwrap_or(u8::MAX),
        max_streams,
        revision: welcomed.revision,
        bytes_in_flight: Some(state.config.limits.bytes_in_flight_per_link),
        agents_only: door == Door::Agents,
    });
    if let Some(replaced) = welcomed.replaced {
        farewell(shard, replaced, identity.instance);
    }
    if welcomed.first {
        tracing::info!(
            agent = %identity.agent, tunnel = %identity.tunnel, session = %identity.id, epoch = identity.epoch.0,
            version = %identity.agent_version, "agent connected"
        );
        let session = welcomed.session.clone();
        let flush = flush_access(shard.clone(), session);
        shard.tracker.spawn_on(flush, &shard.handle);
    }
    notify(shard, welcomed.notices);
    matches!(tokio::time::timeout(SEND_TIMEOUT, link.send(&message)).await, Ok(Ok(())))
}

/// Tells a session that it was taken over, and closes its links.
fn farewell(shard: &Arc<ShardContext>, replaced: Arc<Session>, by: octoporty_proto::model::InstanceId) {
    let context = shard.clone();
    let work = async move {
        let identity = replaced.identity();
        tracing::info!(agent = %identity.agent, session = %identity.id, "session taken over by a newer one");
        for known in replaced.links().iter() {
            if !known.link.try_send(&Control::TakenOver { by }) {
                tracing::debug!(agent = %identity.agent, "the old session could not be told that it was taken over");
            }
            known.link.go_away();
        }
        close_warm_streams(&context, identity.id);
        let links = replaced.links().clone();
        let mut goodbyes = tokio::task::JoinSet::new();
        for known in links.iter().cloned() {
            goodbyes.spawn(async move { known.link.drain(GOODBYE).await });
        }
        while goodbyes.join_next().await.is_some() {}
        replaced.close(EndReason::TakenOver, "a newer session of this agent took over");
    };
    shard.tracker.spawn_on(work, &shard.handle);
}

/// Tells agents of verdicts that changed without their doing.
fn notify(shard: &Arc<ShardContext>, notices: Vec<Notice>) {
    for (session, report) in notices {
        let work = async move {
            let agent = session.identity().agent.clone();
            let message = Control::SyncResult { request: None, report };
            match tokio::time::timeout(SEND_TIMEOUT, session.send(&message)).await {
                Ok(true) => {}
                Ok(false) | Err(_) => tracing::debug!(%agent, "agent could not be told of changed verdicts"),
            }
        };
        shard.tracker.spawn_on(work, &shard.handle);
    }
}

/// Handles what the agent says until the link ends.
async fn serve(shard: &Arc<ShardContext>, joined: &Joined, events: &mut LinkEvents) {
    // The first probe is often answered before the hello is.
    if let Some(trip) = joined.link.stats().round_trip {
        joined.session.note_round_trip(trip);
    }
    while let Some(incoming) = events.next().await {
        match incoming {
            Incoming::Control(Control::Sync { request, state }) => {
                Box::pin(sync(shard, joined, request, state)).await;
            }
            Incoming::Control(Control::Ask { request, question }) => ask(shard, joined, request, question),
            Incoming::Control(Control::Drain { reason, .. }) => {
                tracing::info!(agent = %joined.session.identity().agent, %reason, "agent stops");
                Box::pin(agent_drains(shard, joined)).await;
            }
            Incoming::Control(Control::Hello(_)) => {
                joined.link.close(EndReason::ProtocolError, "a second hello on one link");
            }
            Incoming::Alive(trip) => joined.session.note_round_trip(trip),
            Incoming::Stream(_, stream) => stream.reset(Reset::new(ResetCode::TooManyStreams, Blame::Agent)),
            // Messages of newer agents are ignored, and so are those that only a gateway sends.
            _ => {}
        }
    }
}

async fn sync(shard: &Arc<ShardContext>, joined: &Joined, request: u64, state: DesiredState) {
    let session = joined.session.clone();
    let outcome = control(shard, move |registry| registry.sync(&session, state)).await.flatten();
    let Some(outcome) = outcome else { return };
    notify(shard, outcome.notices);
    let answer = Control::SyncResult { request: Some(request), report: outcome.report };
    match tokio::time::timeout(SEND_TIMEOUT, joined.link.send(&answer)).await {
        Ok(Ok(())) => {}
        Ok(Err(_)) | Err(_) => joined.link.close(EndReason::Silent, "the agent takes no answers"),
    }
}

/// Answers a question beside whatever else the link does. What is not answered is told so at once, if there is room to:
/// nothing of a question waits for a peer that does not read.
fn ask(shard: &Arc<ShardContext>, joined: &Joined, request: u64, question: Question) {
    let declined = answers::refusal(&question)
        .map_or_else(|| Arc::clone(&joined.asking).try_acquire_owned().map_err(|_| answers::busy()), Err);
    let permit = match declined {
        Ok(permit) => permit,
        Err(answer) => {
            if !joined.link.try_send(&Control::Answer { request, answer }) {
                tracing::debug!(request, "a question was left without an answer: the agent does not read");
            }
            return;
        }
    };
    let (context, session, link) = (Arc::clone(shard), Arc::clone(&joined.session), joined.link.clone());
    let work = async move {
        let answer = answers::answer(&context, &session, question).await;
        match tokio::time::timeout(SEND_TIMEOUT, link.send(&Control::Answer { request, answer })).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => tracing::debug!(request, "an answer could not be sent"),
        }
        drop(permit);
    };
    shard.tracker.spawn_on(work, &shard.handle);
}

async fn agent_drains(shard: &Arc<ShardContext>, joined: &Joined) {
    let session = joined.session.clone();
    let notices = control(shard, move |registry| registry.agent_drains(&session)).await;
    notify(shard, notices.unwrap_or_default());
    close_warm_streams(shard, joined.session.id());
}

/// An agent that stops waits for its streams to end, and idle ones end only by being closed.
fn close_warm_streams(shard: &ShardContext, session: SessionId) {
    let shards = (0..shard.state.config.shards).filter_map(|index| shard.state.shard(index));
    shards.for_each(|known| {
        known.upstream.pool().forget(session);
    });
}

/// Closes a session's idle streams to make room, which is there within this time. Gives whether there is room to wait for:
/// that which somebody else has just made is for all who come meanwhile.
pub(crate) fn make_room(shard: &ShardContext, session: &Session, within: Duration) -> bool {
    let mut shards = (0..shard.state.config.shards).filter_map(|index| shard.state.shard(index));
    if !shards.any(|known| known.upstream.pool().has_idle(session.id())) {
        return session.has_room_coming();
    }
    // Told before they are gone: who finds none idle any more finds this.
    session.makes_room(within);
    close_warm_streams(shard, session.id());
    true
}

/// The link has ended.
async fn leave(shard: &Arc<ShardContext>, joined: &Joined) {
    let end = joined.link.ended().await;
    let agent = &joined.session.identity().agent;
    let (session, serial) = (joined.session.clone(), joined.serial);
    let notices = control(shard, move |registry| registry.link_ended(&session, serial)).await;
    let links_left = joined.session.links().len();
    tracing::info!(%agent, session = %joined.session.id(), reason = ?end.reason, detail = %end.detail, links_left, "link ended");
    if links_left == 0 {
        close_warm_streams(shard, joined.session.id());
    }
    notify(shard, notices.unwrap_or_default());
}

/// Sends the agent's access records over the session until it is over.
async fn flush_access(shard: Arc<ShardContext>, session: Arc<Session>) {
    let over = session.over();
    while let Some(batch) = over.run_until_cancelled(session.access().next_batch()).await {
        let message = batch.message();
        match tokio::time::timeout(SEND_TIMEOUT, session.send(&message)).await {
            Ok(true) => {}
            Ok(false) | Err(_) => {
                // The links are ending, and the session with them: the next one sends it.
                let dropped = session.access().put_back(batch);
                shard.counters().records_dropped.fetch_add(dropped, Ordering::Relaxed);
                if over.run_until_cancelled(tokio::time::sleep(RETRY_ACCESS)).await.is_none() {
                    return;
                }
            }
        }
    }
}

/// Runs work on the registry off the data path, and waits for it. `None` when the gateway ends meanwhile.
pub(crate) async fn control<R: Send + 'static>(
    shard: &Arc<ShardContext>,
    work: impl FnOnce(&Registry) -> R + Send + 'static,
) -> Option<R> {
    let state = shard.state.clone();
    let done = shard.tracker.spawn_blocking_on(move || work(&state.registry), &shard.handle).await;
    match done {
        Ok(result) => Some(result),
        Err(error) if error.is_panic() => {
            tracing::error!("the registry panicked; this is a defect");
            None
        }
        Err(_) => None,
    }
}
