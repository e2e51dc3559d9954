//! A door for `bench/micro`, which counts the instructions of parts that nothing outside may name. Behind the feature
//! `bench`, which the shipped binary is built without; no part of the API.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, StatusCode};
use octoporty_proto::model::{HostPattern, Hostname, Mapping, PathPrefix};

use crate::forwarded::{self, Asked};
use crate::ingress::head::read_request;
use crate::routing::{AgentSlot, Route, RoutingSnapshot, Serving};
use crate::upstream::request::{HeadSource, RequestFraming, Upgrade};
use crate::upstream::response::HeadReader;
use crate::visitor::{self, Head, VisitorInfo};

/// As `Gateway__Limits__HeaderBytes` has it by default.
const HEAD_LIMIT: usize = 64 * 1024;

/// A snapshot of routes.
#[derive(Debug)]
pub struct Routes(RoutingSnapshot);

impl Routes {
    /// Every prefix of every pattern leads to one mapping of an agent that is away.
    #[must_use]
    pub fn new(patterns: impl Iterator<Item = (HostPattern, Vec<PathPrefix>)>, mapping: &Arc<Mapping>) -> Self {
        let slot = Arc::new(AgentSlot::new("home".parse().expect("a legal name")));
        let route = Route { mapping: Arc::clone(mapping), serving: Serving::new(slot) };
        let changes = patterns.map(|(host, paths)| {
            let routes = paths.into_iter().map(|path| (path, route.clone()));
            (host, routes.collect())
        });
        Self(RoutingSnapshot::default().with(changes.collect()))
    }

    /// The look-up.
    #[must_use]
    pub fn find(&self, host: &Hostname, path: &str) -> Option<&Arc<Mapping>> {
        self.0.find(host.borrowed(), path).map(|route| &route.mapping)
    }
}

/// Whom a connection comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Peer {
    /// Its word on forwarding counts for nothing.
    Stranger,
    /// It is believed.
    TrustedProxy,
}

/// The head of a request.
#[derive(Debug)]
pub struct RequestHead(Head);

impl RequestHead {
    /// Parses a whole head; `None` if it is none.
    #[must_use]
    pub fn read(wire: &Bytes) -> Option<Self> {
        read_request(&mut wire.clone(), HEAD_LIMIT).map(Self)
    }
}

/// Who asks.
#[derive(Debug)]
pub struct Visitor(VisitorInfo);

impl Visitor {
    /// Reads the fields of a request, as far as the peer is believed.
    #[must_use]
    pub fn read(head: &RequestHead, peer: SocketAddr, trust: Peer, authority: &str) -> Self {
        let is_trusted = |address| trust == Peer::TrustedProxy && address == peer.ip();
        Self(forwarded::visitor(&head.0.fields, peer, is_trusted, Asked { authority, host: authority, port: None }))
    }
}

/// The id of a request.
#[derive(Debug)]
pub struct RequestId(visitor::RequestId);

/// A new id.
#[must_use]
pub fn new_request_id(unix_ms: u64) -> RequestId {
    RequestId(visitor::RequestId::new(unix_ms))
}

/// The head of a request without a body, as the target gets it; `None` if it does not pass on.
#[must_use]
pub fn request_head(head: &RequestHead, mapping: &Mapping, visitor: &Visitor, id: &RequestId) -> Option<Vec<u8>> {
    let upgrade = Upgrade::of(&head.0);
    let framing = RequestFraming::None;
    HeadSource { head: &head.0, mapping, visitor: &visitor.0, request_id: &id.0, framing, upgrade }.serialise().ok()
}

/// Reads the head of an answer that comes in these pieces; gives the lines that pass on.
#[must_use]
pub fn response_head(pieces: &[Bytes], method: &Method) -> Option<(StatusCode, Vec<u8>)> {
    let mut reader = HeadReader::new(HEAD_LIMIT);
    let head = pieces.iter().find_map(|piece| reader.read(&mut piece.clone(), method).ok().flatten())?;
    Some((head.status, head.passed.lines))
}
