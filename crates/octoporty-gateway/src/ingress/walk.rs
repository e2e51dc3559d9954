//! One request: host, route, answer.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use http::{Method, StatusCode};
use octoporty_proto::model::{Failure, FailureCode, Hostname, HostnameRef};
use thiserror::Error;

use super::body::RequestBody;
use super::connection::{Connection, Trust};
use super::early::EarlyWriter;
use super::head::{Persistence, RequestHead};
use super::{authority, own};
use crate::body::Answer;
use crate::fields::Known;
use crate::pages::{Wants, failure_answer};
use crate::proxy::{self, Later, Passage};
use crate::state::{GatewayState, unix_ms_of};
use crate::visitor::{Head, RequestId, Visit, VisitorInfo, VisitorRequest};
use crate::{forwarded, routing};

/// Most rooms that a thread keeps; some 1.1 KiB each.
const MOST_ROOMS: usize = 256;

/// Room for a passage.
type Room = Box<Option<Passage>>;

thread_local! {
    /// Rooms that nobody is in.
    static ROOMS: RefCell<Vec<Room>> = const { RefCell::new(Vec::new()) };
}

/// The connection is closed without an answer, as configured for names without a mapping.
#[derive(Debug, Error)]
#[error("nothing is published under this name")]
pub(super) struct Hangup;

/// Where a request goes.
enum Destination {
    /// Through the tunnel.
    Route(routing::Route),
    /// Nowhere: the host is mapped, but not this path of it.
    UnmappedPath,
    /// To the gateway itself; with the name, if it is one.
    Own(Option<Hostname>),
}

/// A request on its way to an answer.
pub(super) struct Walk {
    course: Course,
    /// Every answer gets it.
    request_id: RequestId,
}

/// How far it is.
enum Course {
    /// Through the tunnel.
    Tunnel(Seat),
    /// Something that is seldom, and large.
    Later(Pin<Box<dyn Future<Output = Option<Answer>> + Send>>),
    /// There.
    Over(Option<Box<Answer>>),
}

/// Where a request through the tunnel sits. An idle connection does without its memory, and the next request of any
/// connection of the thread takes it.
struct Seat(Option<Room>);

impl Seat {
    fn free() -> Self {
        Self(Some(ROOMS.with_borrow_mut(Vec::pop).unwrap_or_default()))
    }

    fn get(&mut self) -> &mut Option<Passage> {
        self.0.as_mut().expect("only a dropped one has none")
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some(mut seat) = self.0.take() else { return };
        *seat = None;
        ROOMS.with_borrow_mut(|rooms| {
            if rooms.len() < MOST_ROOMS {
                rooms.push(seat);
            }
        });
    }
}

impl Walk {
    /// One request of a connection, whose wire knows that it has begun.
    pub(super) fn begin(connection: &Arc<Connection>, head: RequestHead) -> Self {
        let arrived = Instant::now();
        let arrived_ms = unix_ms_of(arrived);
        let RequestHead { head, framing, expectation, .. } = head;
        let body = RequestBody::new(Arc::clone(connection), framing, expectation);
        let request_id = request_id(connection.trust, &head, arrived_ms);
        let course = match judge(connection, &head) {
            Ok((visitor, destination)) => {
                let early = EarlyWriter::new(connection, head.version);
                let visit = Visit { head, visitor, request_id, arrived, arrived_ms };
                Course::towards(connection, VisitorRequest { visit, body, early }, destination)
            }
            Err(failure) => {
                connection.shard.counters().failed(failure.code);
                Course::over(Some(failure_answer(&failure, &request_id, Wants::of(&head.fields))))
            }
        };
        Self { course, request_id }
    }

    /// Not to be polled any more once it gave its answer.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, connection: &Connection) -> Poll<Result<Answer, Hangup>> {
        let mut answer = match ready!(self.course.poll(cx)) {
            Some(answer) => answer,
            None => return Poll::Ready(Err(Hangup)),
        };
        answer.request_id = Some(self.request_id);
        let status = answer.status();
        if status != StatusCode::SWITCHING_PROTOCOLS && connection.shard.draining.has_begun() {
            answer.persistence = Persistence::Close;
        }
        connection.shard.counters().answered(status);
        Poll::Ready(Ok(answer))
    }
}

impl Course {
    fn over(answer: Option<Answer>) -> Self {
        Self::Over(answer.map(Box::new))
    }

    fn towards(connection: &Connection, request: VisitorRequest, destination: Destination) -> Self {
        let shard = &connection.shard;
        match destination {
            Destination::Route(route) => {
                let mut seat = Seat::free();
                match proxy::set_out(seat.get(), shard, request, route) {
                    Ok(()) => Self::Tunnel(seat),
                    Err(answer) => Self::Over(Some(answer)),
                }
            }
            Destination::UnmappedPath => Self::over(own::unmapped(shard, &request.visit)),
            Destination::Own(host) => {
                let shard = Arc::clone(shard);
                Self::Later(Box::pin(async move { own::answer(&shard, &request.visit, host).await }))
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Answer>> {
        loop {
            match self {
                Self::Tunnel(seat) => match ready!(Passage::poll(seat.get(), cx)) {
                    Later::No(answer) => {
                        // Somebody else may sit there while the answer passes.
                        *self = Self::Over(None);
                        return Poll::Ready(Some(answer));
                    }
                    Later::Yes(answer) => *self = Self::Later(Box::pin(async move { Some(answer.await) })),
                },
                Self::Later(answer) => return answer.as_mut().poll(cx),
                Self::Over(answer) => return Poll::Ready(answer.take().map(|answer| *answer)),
            }
        }
    }
}

fn judge(connection: &Connection, head: &Head) -> Result<(VisitorInfo, Destination), Failure> {
    let state = &connection.shard.state;
    let (visitor, authority) = visitor(state, (connection.peer, connection.trust), head)?;
    let read;
    let name = match HostnameRef::from_authority(authority) {
        None => {
            read = Hostname::from_authority(authority);
            read.as_ref().map(Hostname::borrowed)
        }
        name => name,
    };
    Ok((visitor, destination(state, name, head.uri.path())))
}

/// Who asks, and for which authority.
pub(super) fn visitor<'h>(
    state: &GatewayState,
    (peer, trust): (SocketAddr, Trust),
    head: &'h Head,
) -> Result<(VisitorInfo, &'h str), Failure> {
    if head.method == Method::CONNECT {
        return Err(bad_request("CONNECT is not for a reverse proxy"));
    }
    let authority =
        authority::of(&head.uri, &head.fields, head.version).map_err(|error| bad_request(&error.to_string()))?;
    let is_trusted = |address| trust == Trust::Proxy && state.is_trusted(address);
    let (host, port) = authority::split(authority);
    let asked = forwarded::Asked { authority, host, port };
    Ok((forwarded::visitor(&head.fields, peer, is_trusted, asked), authority))
}

/// The gateway's own names come before every mapping: agents must find their way in, whatever a wildcard takes.
fn destination(state: &GatewayState, name: Option<HostnameRef<'_>>, path: &str) -> Destination {
    let Some(known) = name else { return Destination::Own(None) };
    if state.site.load().names.contains(known.as_str()) {
        return Destination::Own(Some(known.to_hostname()));
    }
    let routing = state.routing.load();
    match routing.find(known, path) {
        Some(route) => Destination::Route(route.clone()),
        None if routing.has(known) => Destination::UnmappedPath,
        None => Destination::Own(Some(known.to_hostname())),
    }
}

fn bad_request(detail: &str) -> Failure {
    Failure { code: FailureCode::BadRequest, detail: Some(detail.to_owned()) }
}

/// The id that a trusted proxy gave, else a new one.
pub(super) fn request_id(trust: Trust, head: &Head, unix_ms: u64) -> RequestId {
    let given = match trust {
        Trust::Proxy => head.fields.get(Known::RequestId).and_then(RequestId::parse),
        Trust::Stranger => None,
    };
    given.unwrap_or_else(|| RequestId::new(unix_ms))
}
