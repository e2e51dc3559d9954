//! `GET /api/v1/status`.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use octoporty_proto::model::{AgentStatus, ConnectionState, LinkStatus, Release, TrafficTotals};

use super::shapes::{ConnectionStatus, Link, Status, Traffic};
use crate::api::responses::Unauthorized;
use crate::app::App;
use crate::clock::rfc3339;
use crate::store::View;

/// The tunnel's state.
#[utoipa::path(
    get, path = "/api/v1/status", operation_id = "getStatus", tag = "status",
    security(("cookie" = []), ("bearer" = [])),
    responses((status = 200, description = "The tunnel's state.", body = Status), Unauthorized)
)]
pub(crate) async fn status(State(app): State<Arc<App>>) -> Json<Status> {
    Json(Status::of(&app))
}

impl Status {
    /// As it is now.
    pub(crate) fn of(app: &App) -> Self {
        let agent = Arc::clone(&app.news.status.borrow());
        let view = app.desired.view();
        let synced = app.news.sync.borrow().revision;
        Self { synced_revision: synced.0, ..Self::made_of(&agent, &view, &app.version) }
    }

    fn made_of(agent: &AgentStatus, view: &View, version: &str) -> Self {
        let best = agent.links.iter().filter_map(|link| link.round_trip).min();
        let newer = |gateway: &String| Release::is_newer(version, gateway);
        Self {
            connection_status: agent.state.into(),
            gateway_url: agent.gateway_url.clone(),
            session_id: agent.session.map(|session| session.to_string()),
            last_connected: agent.last_connected_ms.map(rfc3339),
            last_disconnected: agent.last_disconnected_ms.map(rfc3339),
            reconnect_attempts: agent.reconnect_attempts,
            uptime_seconds: agent.connected_for.map(|time| time.as_secs()),
            version: version.to_owned(),
            active_mappings: view.mappings.iter().filter(|stored| stored.enabled).count() as u64,
            total_mappings: view.mappings.len() as u64,
            gateway_version: agent.gateway_version.clone(),
            last_error: agent.last_error.clone(),
            gateway_update_available: agent.gateway_version.as_ref().is_some_and(newer),
            gateway_uptime: agent.gateway_uptime.map(|time| time.as_secs()),
            links: agent.links.iter().map(Link::from).collect(),
            transport: agent.links.first().map(|link| link.transport.clone()),
            round_trip_ms: best.map(milliseconds),
            traffic: agent.traffic.into(),
            revision: view.revision.0,
            synced_revision: 0,
        }
    }
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}

impl From<ConnectionState> for ConnectionStatus {
    fn from(state: ConnectionState) -> Self {
        match state {
            ConnectionState::Disconnected => Self::Disconnected,
            ConnectionState::Connecting => Self::Connecting,
            ConnectionState::Authenticating => Self::Authenticating,
            ConnectionState::Syncing => Self::Syncing,
            ConnectionState::Connected => Self::Connected,
            ConnectionState::Reconnecting => Self::Reconnecting,
        }
    }
}

impl From<&LinkStatus> for Link {
    fn from(link: &LinkStatus) -> Self {
        Self {
            transport: link.transport.clone(),
            peer: link.peer.map(|peer| peer.to_string()),
            round_trip_ms: link.round_trip.map(milliseconds),
            streams: link.streams,
            uptime_seconds: link.up_for.as_secs(),
        }
    }
}

impl From<TrafficTotals> for Traffic {
    fn from(totals: TrafficTotals) -> Self {
        Self {
            bytes_to_targets: totals.bytes_to_targets,
            bytes_to_visitors: totals.bytes_to_visitors,
            streams_opened: totals.streams_opened,
            streams_active: totals.streams_active,
        }
    }
}
