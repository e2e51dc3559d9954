//! `GET /tunnel`: where agents come in.
//!
//! The credential is judged before the upgrade, so that a refused peer costs nothing; then the connection leaves
//! HTTP and moves to the shard where its link will live.

pub(crate) mod keys;
pub(crate) mod lockout;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderValue, Method, StatusCode, header};
use octoporty_proto::model::{FailureCode, TunnelId};
use octoporty_tunnel::carrier::websocket::{self, Accepted};
use thiserror::Error;

use crate::body::{Answer, AnswerBody, Switched};
use crate::fields::{Fields, Known, text};
use crate::links::{self, Authenticated};
use crate::pages::{self, Problem, Wants, failure_answer};
use crate::shards::{Door, ShardContext};
use crate::state::GatewayState;
use crate::visitor::{Head, Visit};
use lockout::Standing;

/// Why a credential is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum AuthError {
    /// None, or a wrong one.
    #[error("a key is needed: Authorization: Bearer, or X-Api-Key, with one of the gateway's keys (Gateway__ApiKey)")]
    Unauthorized,
    /// Too many wrong ones.
    #[error("too many wrong keys came from this address; wait {} s and correct the key", .0.as_secs() + 1)]
    LockedOut(Duration),
}

impl AuthError {
    /// As an answer.
    pub(crate) fn answer(self, visit: &Visit) -> Answer {
        let (status, code, title) = match self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized", "The key is not right."),
            Self::LockedOut(_) => (StatusCode::TOO_MANY_REQUESTS, "locked_out", "Too many wrong keys."),
        };
        let detail = self.to_string();
        let mut answer = pages::problem(Problem { status, code, title, detail: &detail }, &visit.request_id);
        match self {
            Self::Unauthorized => {
                answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::LockedOut(wait) => {
                answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1));
            }
        }
        answer
    }
}

/// Judges the credential of a request from this source.
pub(crate) fn authenticate(state: &GatewayState, fields: &Fields, source: IpAddr) -> Result<(), AuthError> {
    let now = Instant::now();
    let standing = state.lockout.standing(source, now);
    if let Standing::Locked(wait) = standing {
        state.lockout.refused();
        return Err(AuthError::LockedOut(wait));
    }
    // No guess: a browser, a probe, an agent without its setting.
    let Some(key) = keys::presented(fields) else {
        tracing::debug!(%source, "no key");
        return Err(AuthError::Unauthorized);
    };
    if state.keys.accept(key) {
        state.lockout.succeeded(source, now);
        return Ok(());
    }
    if let Standing::Doubted(wait) = standing {
        state.lockout.refused();
        return Err(AuthError::LockedOut(wait));
    }
    if let Some(wait) = state.lockout.failed(source, now) {
        tracing::warn!(%source, wait_s = wait.as_secs(), "source locked out after wrong keys");
    } else {
        tracing::warn!(%source, "wrong key");
    }
    Err(AuthError::Unauthorized)
}

/// A request that has its upgrade.
#[derive(Debug)]
pub(crate) struct Admitted {
    source: IpAddr,
    tunnel: TunnelId,
    /// `Sec-WebSocket-Accept`.
    accept: HeaderValue,
}

/// Judges a request for `/tunnel`; the answer of one that is refused.
pub(crate) fn judge(shard: &ShardContext, visit: &Visit) -> Result<Admitted, Box<Answer>> {
    let source = visit.visitor.client;
    let fields = &visit.head.fields;
    if let Err(error) = authenticate(&shard.state, fields, source) {
        return Err(Box::new(error.answer(visit)));
    }
    if shard.draining.has_begun() {
        let wants = Wants::of(fields);
        let mut answer = failure_answer(&FailureCode::GatewayDraining.into(), &visit.request_id, wants);
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        return Err(Box::new(answer));
    }
    let accept = accept_key(&visit.head).ok_or_else(|| Box::new(not_an_upgrade(visit)))?;
    Ok(Admitted { source, tunnel: TunnelId::shared(), accept })
}

impl Admitted {
    /// The head of its 101, with what follows.
    pub(crate) fn answer(&self, body: AnswerBody) -> Answer {
        let mut answer = Answer::new(body);
        *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = answer.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, self.accept.clone());
        answer
    }

    /// Leaves the agent's connection to the shard where its link will live. All of the 101 has been written.
    pub(crate) fn take_over(self, shard: &Arc<ShardContext>, agent: Switched<impl Accepted>, door: Door) {
        let source = self.source;
        if let Err(error) = self.hand_over(shard, agent, door) {
            tracing::debug!(%source, %error, "agent's connection lost before its link began");
        }
    }

    fn hand_over(self, shard: &Arc<ShardContext>, agent: Switched<impl Accepted>, door: Door) -> io::Result<()> {
        let Self { source, tunnel, .. } = self;
        let Switched { socket, read_ahead, permit, counted } = agent;
        // The link does not count among its source's visitors, from here on and not only once it has ended.
        drop((permit, counted));
        let peer = socket.socket()?.peer_addr()?;
        let place = shard.state.placement.place(source);
        let target = shard.state.shard(place.shard).unwrap_or_else(|| shard.clone());
        let in_good = shard.state.lockout.stands(source, Instant::now());
        let authenticated = Authenticated { tunnel, source, door, place, in_good };
        let socket = if target.index == shard.index { socket } else { moved_to(&target, socket)? };
        let carrier = websocket::accepted(socket, read_ahead, peer);
        // A task of its own: what the way here needed is not kept for the life of the link.
        target.tracker.spawn_on(links::run(target.clone(), carrier, authenticated), &target.handle);
        Ok(())
    }
}

/// `Sec-WebSocket-Accept`, if the request is a WebSocket upgrade of the one version there is.
fn accept_key(head: &Head) -> Option<HeaderValue> {
    let fields = &head.fields;
    let is_upgrade = head.method == Method::GET
        && fields.lists(Known::Connection, b"upgrade")
        && fields.lists(Known::Upgrade, b"websocket")
        && fields.lists(Known::WebSocketVersion, b"13");
    let key = text(fields.get(Known::WebSocketKey)?)?;
    // 16 bytes in base64.
    if !is_upgrade || key.len() != 24 {
        return None;
    }
    HeaderValue::from_str(&websocket::accept_key(key)).ok()
}

fn not_an_upgrade(visit: &Visit) -> Answer {
    let problem = Problem {
        status: StatusCode::UPGRADE_REQUIRED,
        code: "upgrade_required",
        title: "This is where agents connect.",
        detail: "GET /tunnel takes a WebSocket upgrade (version 13); does a proxy in front drop the Upgrade header?",
    };
    let mut answer = pages::problem(problem, &visit.request_id);
    answer.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    answer.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    answer
}

/// The connection, with its readiness told to another shard's runtime.
fn moved_to<S: Accepted>(shard: &ShardContext, socket: S) -> io::Result<S> {
    socket
        .moved_to(&shard.handle)
        .inspect_err(|error| tracing::warn!(%error, "a link's socket could not move to its shard"))
}
