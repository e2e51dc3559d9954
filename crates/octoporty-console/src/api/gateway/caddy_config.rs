//! `GET /api/v1/gateway/caddy-config`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use octoporty_proto::model::{Answer, AskError, CaddyDestination, CaddyRoute, Question};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::error::ApiError;
use crate::api::responses::{BadGateway, GatewayAway, GatewayTimeout, Unauthorized};
use crate::app::App;

/// What Caddy told the gateway.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CaddyConfig {
    /// Whether Caddy answered.
    success: bool,
    /// Why it did not, and what to change.
    error: Option<String>,
    /// Its whole configuration: JSON as a text. Secrets are masked.
    config_json: Option<String>,
    /// Those of its routes that end in a proxy.
    routes: Vec<RouteView>,
}

/// A route of Caddy's that ends in a proxy.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = CaddyRoute)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RouteView {
    /// Where it stands in the configuration: a JSON pointer.
    pointer: String,
    /// Names that it is for; empty for all.
    hosts: Vec<String>,
    /// Whom Caddy dials.
    dials: Vec<String>,
    /// Whether that is this gateway.
    leads_here: bool,
}

impl From<CaddyRoute> for RouteView {
    fn from(route: CaddyRoute) -> Self {
        let leads_here = route.destination == CaddyDestination::Gateway;
        Self { pointer: route.pointer, hosts: route.hosts, dials: route.dials, leads_here }
    }
}

/// The configuration of the Caddy before the gateway.
#[utoipa::path(
    get, path = "/api/v1/gateway/caddy-config", operation_id = "getCaddyConfig", tag = "gateway",
    security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 200, description = "What Caddy says, or why it says nothing.", body = CaddyConfig),
        Unauthorized, BadGateway, GatewayAway, GatewayTimeout
    )
)]
pub(crate) async fn caddy_config(State(app): State<Arc<App>>) -> Result<Json<CaddyConfig>, ApiError> {
    match app.control.ask(Question::CaddyConfig).await? {
        Answer::CaddyConfig(told) => Ok(Json(CaddyConfig {
            success: told.json.is_some(),
            error: told.error,
            config_json: told.json,
            routes: told.routes.into_iter().map(RouteView::from).collect(),
        })),
        _ => Err(AskError::Declined("it answered something else".to_owned()).into()),
    }
}
