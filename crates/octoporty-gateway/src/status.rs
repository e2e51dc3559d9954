//! `/health` and `/api/v1/status`: figures as they are at this moment.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, header};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::body::{Answer, AnswerBody};
use crate::counters::ShardCounters;
use crate::session::Session;
use crate::state::GatewayState;

/// The first four fields are PicoTunnel's.
#[derive(Serialize)]
struct Health<'a> {
    /// `healthy` when an agent is connected, else `degraded`.
    status: &'static str,
    timestamp: String,
    version: &'a str,
    connected_tunnels: usize,
    tunnels: usize,
    sessions: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status<'a> {
    status: &'static str,
    timestamp: String,
    version: &'a str,
    uptime_seconds: u64,
    draining: bool,
    shards: usize,
    connections: Connections,
    answers: Answers,
    sessions: Vec<SessionStatus>,
}

/// Of visitors.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Connections {
    open: u64,
    accepted: u64,
    refused: u64,
}

/// By class of status, since the start.
#[derive(Serialize)]
struct Answers {
    #[serde(rename = "1xx")]
    informational: u64,
    #[serde(rename = "2xx")]
    success: u64,
    #[serde(rename = "3xx")]
    redirection: u64,
    #[serde(rename = "4xx")]
    client_error: u64,
    #[serde(rename = "5xx")]
    server_error: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionStatus {
    id: String,
    tunnel: String,
    agent: String,
    agent_version: String,
    instance: String,
    epoch: u64,
    connected_seconds: u64,
    mappings: usize,
    streams_open: u32,
    streams_opened: u64,
    bytes_to_targets: u64,
    bytes_to_visitors: u64,
    /// The shortest of its links; `null` before the first answer to a probe.
    round_trip_ms: Option<f64>,
    links: Vec<LinkFigures>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LinkFigures {
    transport: &'static str,
    peer: Option<String>,
    shard: usize,
    up_seconds: u64,
    streams_open: u32,
    round_trip_ms: Option<f64>,
}

/// Answers `/health`: 200 as long as the gateway runs. Anybody may ask, so it waits for no lock.
pub(crate) fn health(state: &GatewayState) -> Answer {
    let present = state.registry.present();
    let (sessions, tunnels) = (present.sessions(), present.tunnels());
    json(&Health {
        status: word(sessions),
        timestamp: now(),
        version: &state.config.version,
        connected_tunnels: tunnels,
        tunnels,
        sessions,
    })
}

/// Answers `/api/v1/status` with these sessions of the registry.
pub(crate) fn status(state: &GatewayState, sessions: &[(Arc<Session>, usize)]) -> Answer {
    let totals = ShardCounters::sum(&state.counters);
    let [informational, success, redirection, client_error, server_error] = totals.by_class;
    json(&Status {
        status: word(sessions.len()),
        timestamp: now(),
        version: &state.config.version,
        uptime_seconds: state.started.elapsed().as_secs(),
        draining: state.draining.has_begun(),
        shards: state.config.shards,
        connections: Connections {
            open: totals.connections_open,
            accepted: totals.connections,
            refused: totals.refused,
        },
        answers: Answers { informational, success, redirection, client_error, server_error },
        sessions: sessions.iter().map(|(session, mappings)| session_status(session, *mappings)).collect(),
    })
}

fn session_status(session: &Session, mappings: usize) -> SessionStatus {
    let identity = session.identity();
    let links: Vec<LinkFigures> = session
        .links()
        .iter()
        .map(|known| {
            let stats = known.link.stats();
            LinkFigures {
                transport: known.link.transport(),
                peer: known.link.peer().map(|peer| peer.to_string()),
                shard: known.shard,
                up_seconds: known.since.elapsed().as_secs(),
                streams_open: stats.streams_active,
                round_trip_ms: stats.round_trip.map(|trip| trip.as_secs_f64() * 1000.0),
            }
        })
        .collect();
    let traffic = session.traffic();
    SessionStatus {
        id: identity.id.to_string(),
        tunnel: identity.tunnel.to_string(),
        agent: identity.agent.to_string(),
        agent_version: identity.agent_version.clone(),
        instance: identity.instance.to_string(),
        epoch: identity.epoch.0,
        connected_seconds: session.started().elapsed().as_secs(),
        mappings,
        streams_open: traffic.streams_active,
        streams_opened: traffic.streams_opened,
        bytes_to_targets: traffic.bytes_to_targets,
        bytes_to_visitors: traffic.bytes_to_visitors,
        round_trip_ms: links.iter().filter_map(|link| link.round_trip_ms).reduce(f64::min),
        links,
    }
}

const fn word(sessions: usize) -> &'static str {
    if sessions > 0 { "healthy" } else { "degraded" }
}

fn now() -> String {
    let now = OffsetDateTime::now_utc();
    let whole = now.replace_nanosecond(0).unwrap_or(now);
    whole.format(&Rfc3339).expect("the present year has four digits")
}

fn json(value: &impl Serialize) -> Answer {
    let body = serde_json::to_vec(value).expect("plain structures always serialise");
    let mut answer = Answer::new(AnswerBody::Full(Bytes::from(body)));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
