//! One request: host, route, answer.

use std::sync::Arc;
use std::time::Instant;

use http::{Method, StatusCode};
use octoporty_proto::model::{Failure, FailureCode, Hostname};
use thiserror::Error;

use super::body::RequestBody;
use super::connection::{Connection, Trust};
use super::early::EarlyWriter;
use super::head::{Persistence, RequestHead};
use super::{authority, own};
use crate::body::Answer;
use crate::fields::Known;
use crate::pages::{Wants, failure_answer};
use crate::proxy;
use crate::state::{GatewayState, unix_ms};
use crate::visitor::{Head, RequestId, VisitorRequest};
use crate::{forwarded, routing};

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

/// Answers one request of a connection, whose wire knows that it has begun.
pub(super) async fn answer(connection: Arc<Connection>, head: RequestHead) -> Result<Answer, Hangup> {
    let arrived = Instant::now();
    let RequestHead { head, framing, expectation, .. } = head;
    let body = RequestBody::new(Arc::clone(&connection), framing, expectation);
    let request_id = request_id(&connection, &head);
    let early = EarlyWriter::new(&connection, head.version);
    let mut answer = match judge(&connection, &head) {
        Ok((visitor, destination)) => {
            let request = VisitorRequest { head, body, visitor, request_id, arrived, early };
            match destination {
                Destination::Route(route) => proxy::serve(&connection.shard, request, &route).await,
                Destination::UnmappedPath => own::unmapped(&connection.shard, &request).ok_or(Hangup)?,
                Destination::Own(host) => own::answer(&connection.shard, request, host).await.ok_or(Hangup)?,
            }
        }
        Err(failure) => {
            connection.shard.counters().failed(failure.code);
            failure_answer(&failure, &request_id, Wants::of(&head.fields))
        }
    };
    finish(&connection, &mut answer, request_id);
    Ok(answer)
}

fn judge(connection: &Connection, head: &Head) -> Result<(crate::visitor::VisitorInfo, Destination), Failure> {
    if head.method == Method::CONNECT {
        return Err(bad_request("CONNECT is not for a reverse proxy"));
    }
    let authority =
        authority::of(&head.uri, &head.fields, head.version).map_err(|error| bad_request(&error.to_string()))?;
    let state = &connection.shard.state;
    let is_trusted = |address| connection.trust == Trust::Proxy && state.is_trusted(address);
    let (host, port) = authority::split(authority);
    let visitor =
        forwarded::visitor(&head.fields, connection.peer, is_trusted, forwarded::Asked { authority, host, port });
    let name = Hostname::from_authority(authority);
    Ok((visitor, destination(state, name, head.uri.path())))
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
fn request_id(connection: &Connection, head: &Head) -> RequestId {
    let given = match connection.trust {
        Trust::Proxy => head.fields.get(Known::RequestId).and_then(RequestId::parse),
        Trust::Stranger => None,
    };
    given.unwrap_or_else(|| RequestId::new(unix_ms()))
}

fn finish(connection: &Connection, answer: &mut Answer, request_id: RequestId) {
    let status = answer.status();
    answer.request_id = Some(request_id);
    if status != StatusCode::SWITCHING_PROTOCOLS && connection.shard.draining.is_cancelled() {
        answer.persistence = Persistence::Close;
    }
    connection.shard.counters().answered(status);
}
