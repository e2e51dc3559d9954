//! One request: host, route, answer.

use std::sync::Arc;
use std::time::Instant;

use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use octoporty_proto::model::{Failure, FailureCode, Hostname};
use thiserror::Error;

use super::connection::{Connection, TrackedBody, Trust};
use super::early::EarlyWriter;
use super::{authority, own};
use crate::body::Answer;
use crate::pages::{Wants, failure_answer};
use crate::proxy;
use crate::state::{GatewayState, unix_ms};
use crate::visitor::{RequestId, VisitorRequest};
use crate::{forwarded, routing};

/// In every answer.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-octoporty-request-id");

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

/// Answers one request of a connection.
pub(super) async fn answer(
    connection: Arc<Connection>,
    request: Request<Incoming>,
) -> Result<Response<TrackedBody>, Hangup> {
    let arrived = Instant::now();
    connection.state.request_begins();
    connection.state.note_version(request.version());
    let request_id = request_id(&connection, &request);
    let early = EarlyWriter::new(connection.state.early.clone(), request.version());
    let mut answer = match judge(&connection, &request) {
        Ok((visitor, destination)) => {
            let request = VisitorRequest { request, visitor, request_id: request_id.clone(), arrived, early };
            match destination {
                Destination::Route(route) => proxy::serve(&connection.shard, request, &route).await,
                Destination::UnmappedPath => own::unmapped(&connection.shard, &request).ok_or(Hangup)?,
                Destination::Own(host) => own::answer(&connection.shard, request, host).await.ok_or(Hangup)?,
            }
        }
        Err(failure) => failure_answer(&failure, &request_id, Wants::of(request.headers())),
    };
    finish(&connection, &mut answer, &request_id);
    let (head, body) = answer.into_parts();
    Ok(Response::from_parts(head, TrackedBody::new(body, connection.state.clone())))
}

fn judge(
    connection: &Connection,
    request: &Request<Incoming>,
) -> Result<(crate::visitor::VisitorInfo, Destination), Failure> {
    if request.method() == Method::CONNECT {
        return Err(bad_request("CONNECT is not for a reverse proxy"));
    }
    let authority = authority::of(request.uri(), request.headers(), request.version())
        .map_err(|error| bad_request(&error.to_string()))?;
    let state = &connection.shard.state;
    let is_trusted = |address| connection.trust == Trust::Proxy && state.is_trusted(address);
    let (host, port) = authority::split(authority);
    let visitor =
        forwarded::visitor(request.headers(), connection.peer, is_trusted, forwarded::Asked { authority, host, port });
    let name = Hostname::from_authority(authority);
    Ok((visitor, destination(state, name, request.uri().path())))
}

/// The gateway's own names come before every mapping: agents must find their way in, whatever a wildcard takes.
fn destination(state: &GatewayState, name: Option<Hostname>, path: &str) -> Destination {
    let Some(known) = &name else { return Destination::Own(None) };
    if state.site.load().names.contains(known) {
        return Destination::Own(name);
    }
    let routing = state.routing.load();
    match routing.find(known, path) {
        Some(route) => Destination::Route(route.clone()),
        None if routing.has(known) => Destination::UnmappedPath,
        None => Destination::Own(name),
    }
}

fn bad_request(detail: &str) -> Failure {
    Failure { code: FailureCode::BadRequest, detail: Some(detail.to_owned()) }
}

/// The id that a trusted proxy gave, else a new one.
fn request_id(connection: &Connection, request: &Request<Incoming>) -> RequestId {
    let given = match connection.trust {
        Trust::Proxy => request.headers().get(REQUEST_ID).and_then(RequestId::parse),
        Trust::Stranger => None,
    };
    given.unwrap_or_else(|| RequestId::new(unix_ms()))
}

fn finish(connection: &Connection, answer: &mut Answer, request_id: &RequestId) {
    let status = answer.status();
    answer.headers_mut().insert(REQUEST_ID, request_id.header().clone());
    if status == StatusCode::SWITCHING_PROTOCOLS {
        connection.state.upgraded();
    } else if connection.shard.draining.is_cancelled() {
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    connection.state.early.final_head_follows();
    let shard = &connection.shard;
    shard.state.counters[shard.index].answered(status);
}
