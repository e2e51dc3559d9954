//! `GET /tunnel`: where agents come in.
//!
//! The credential is judged before the upgrade, so that a refused peer costs nothing; then the connection leaves
//! HTTP and moves to the shard where its link will live.

pub(crate) mod keys;
pub(crate) mod lockout;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Parts};
use hyper_util::rt::TokioIo;
use octoporty_proto::model::{FailureCode, TunnelId};
use octoporty_tunnel::carrier::websocket;
use thiserror::Error;
use tokio::net::TcpStream;

use crate::body::{Answer, AnswerBody};
use crate::ingress::io::VisitorIo;
use crate::links::{self, Authenticated};
use crate::pages::{self, Problem, Wants, failure_answer};
use crate::shards::ShardContext;
use crate::state::GatewayState;
use crate::visitor::VisitorRequest;
use lockout::Standing;

/// How long the bytes of a 101 may take to leave.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);
const SEC_WEBSOCKET_KEY: HeaderName = header::SEC_WEBSOCKET_KEY;

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
    pub(crate) fn answer(self, request: &VisitorRequest) -> Answer {
        let (status, code, title) = match self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized", "The key is not right."),
            Self::LockedOut(_) => (StatusCode::TOO_MANY_REQUESTS, "locked_out", "Too many wrong keys."),
        };
        let detail = self.to_string();
        let mut answer = pages::problem(Problem { status, code, title, detail: &detail }, &request.request_id);
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
pub(crate) fn authenticate(state: &GatewayState, headers: &HeaderMap, source: IpAddr) -> Result<(), AuthError> {
    let now = Instant::now();
    let standing = state.lockout.standing(source, now);
    if let Standing::Locked(wait) = standing {
        return Err(AuthError::LockedOut(wait));
    }
    // No guess: a browser, a probe, an agent without its setting.
    let Some(key) = keys::presented(headers) else {
        tracing::debug!(%source, "no key");
        return Err(AuthError::Unauthorized);
    };
    if state.keys.accept(key) {
        state.lockout.succeeded(source, now);
        return Ok(());
    }
    if let Standing::Doubted(wait) = standing {
        return Err(AuthError::LockedOut(wait));
    }
    if let Some(wait) = state.lockout.failed(source, now) {
        tracing::warn!(%source, wait_s = wait.as_secs(), "source locked out after wrong keys");
    } else {
        tracing::warn!(%source, "wrong key");
    }
    Err(AuthError::Unauthorized)
}

/// Answers a request for `/tunnel`, and sees the connection off to its shard.
pub(crate) fn tunnel(shard: &Arc<ShardContext>, mut request: VisitorRequest) -> Answer {
    let source = request.visitor.client;
    let headers = request.request.headers();
    if let Err(error) = authenticate(&shard.state, headers, source) {
        return error.answer(&request);
    }
    if shard.draining.is_cancelled() {
        let wants = Wants::of(headers);
        let mut answer = failure_answer(&FailureCode::GatewayDraining.into(), &request.request_id, wants);
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        return answer;
    }
    let Some(accept) = accept_key(&request.request) else {
        return not_an_upgrade(&request);
    };
    let upgrade = hyper::upgrade::on(&mut request.request);
    let tunnel = TunnelId::shared();
    shard.tracker.spawn_on(take_over(shard.clone(), upgrade, source, tunnel), &shard.handle);
    let mut answer = Answer::new(AnswerBody::Empty);
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    answer
}

/// `Sec-WebSocket-Accept`, if the request is a WebSocket upgrade of the one version there is.
fn accept_key(request: &Request<Incoming>) -> Option<HeaderValue> {
    let headers = request.headers();
    let has = |name: HeaderName, token: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .any(|value| value.split(',').any(|item| item.trim().eq_ignore_ascii_case(token)))
    };
    let is_upgrade = request.method() == http::Method::GET
        && has(header::CONNECTION, "upgrade")
        && has(header::UPGRADE, "websocket")
        && has(header::SEC_WEBSOCKET_VERSION, "13");
    let key = headers.get(SEC_WEBSOCKET_KEY)?.to_str().ok()?;
    // 16 bytes in base64.
    if !is_upgrade || key.len() != 24 {
        return None;
    }
    HeaderValue::from_str(&websocket::accept_key(key)).ok()
}

fn not_an_upgrade(request: &VisitorRequest) -> Answer {
    let problem = Problem {
        status: StatusCode::UPGRADE_REQUIRED,
        code: "upgrade_required",
        title: "This is where agents connect.",
        detail: "GET /tunnel takes a WebSocket upgrade (version 13); does a proxy in front drop the Upgrade header?",
    };
    let mut answer = pages::problem(problem, &request.request_id);
    answer.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    answer.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    answer
}

/// Why an upgraded connection was lost before its link began.
#[derive(Debug, Error)]
enum TakeOverError {
    #[error("the upgrade did not come about: {0}")]
    Upgrade(#[from] hyper::Error),
    #[error("the upgrade took too long")]
    Timeout,
    #[error("the socket cannot move to its shard: {0}")]
    Socket(#[from] std::io::Error),
}

async fn take_over(shard: Arc<ShardContext>, upgrade: OnUpgrade, source: IpAddr, tunnel: TunnelId) {
    match hand_over(&shard, upgrade, source, tunnel).await {
        Ok(()) => {}
        Err(error) => tracing::debug!(%source, %error, "agent's connection lost before its link began"),
    }
}

async fn hand_over(
    shard: &Arc<ShardContext>,
    upgrade: OnUpgrade,
    source: IpAddr,
    tunnel: TunnelId,
) -> Result<(), TakeOverError> {
    let upgraded = tokio::time::timeout(UPGRADE_TIMEOUT, upgrade).await.map_err(|_| TakeOverError::Timeout)??;
    let Parts { io, read_buf, .. } =
        upgraded.downcast::<TokioIo<VisitorIo>>().expect("every connection's socket is a VisitorIo");
    // The link does not count among its source's visitors, from here on and not only once it has ended.
    let (socket, permit) = io.into_inner().into_socket();
    drop(permit);
    let peer = socket.peer_addr()?;
    let place = shard.state.placement.place(source);
    let target = shard.state.shard(place.shard).unwrap_or_else(|| shard.clone());
    let in_good = shard.state.lockout.stands(source, Instant::now());
    let authenticated = Authenticated { tunnel, source, place, in_good };
    if target.index == shard.index {
        begin(target, socket, read_buf, authenticated, peer).await;
        return Ok(());
    }
    let socket = socket.into_std()?;
    let work = {
        let target = target.clone();
        async move {
            match TcpStream::from_std(socket) {
                Ok(socket) => begin(target, socket, read_buf, authenticated, peer).await,
                Err(error) => tracing::warn!(%error, "a link's socket could not move to its shard"),
            }
        }
    };
    target.tracker.spawn_on(work, &target.handle);
    Ok(())
}

async fn begin(
    shard: Arc<ShardContext>,
    socket: TcpStream,
    read_already: Bytes,
    authenticated: Authenticated,
    peer: std::net::SocketAddr,
) {
    let carrier = websocket::accepted(socket, read_already, peer);
    links::run(shard, carrier, authenticated).await;
}
