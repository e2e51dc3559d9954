//! `GET /api/v1/capabilities`: what this side's console offers.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::mappings::resource::MappingKind;
use super::responses::Unauthorized;
use crate::Side;
use crate::app::App;

/// Whose console this is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ConsoleSide {
    /// An agent's.
    Agent,
}

/// A room of the console.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Feature {
    /// `/api/v1/mappings`.
    Mappings,
    /// `/api/v1/logs/requests`.
    RequestLog,
    /// `/api/v1/logs/connections`.
    ConnectionLog,
    /// `/api/v1/settings/landing-page`.
    LandingPage,
    /// `/api/v1/import-export`.
    ImportExport,
}

/// What this side's console offers; the page's navigation follows it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Capabilities)]
pub(crate) struct CapabilitiesResource {
    /// Whose console this is.
    pub(crate) side: ConsoleSide,
    /// This release.
    pub(crate) version: String,
    /// Rooms that there are.
    pub(crate) features: Vec<Feature>,
    /// The gateway's public names; may be empty.
    pub(crate) gateway_names: Vec<String>,
    /// Kinds of mappings that can be made.
    pub(crate) mapping_kinds: Vec<MappingKind>,
}

/// What this side's console offers.
#[utoipa::path(
    get, path = "/api/v1/capabilities", operation_id = "getCapabilities", tag = "console",
    security(("cookie" = []), ("bearer" = [])),
    responses((status = 200, description = "What there is.", body = CapabilitiesResource), Unauthorized)
)]
pub(crate) async fn capabilities(State(app): State<Arc<App>>) -> Json<CapabilitiesResource> {
    let side = match app.capabilities.side {
        Side::Agent => ConsoleSide::Agent,
    };
    Json(CapabilitiesResource {
        side,
        version: app.version.clone(),
        features: vec![
            Feature::Mappings,
            Feature::RequestLog,
            Feature::ConnectionLog,
            Feature::LandingPage,
            Feature::ImportExport,
        ],
        gateway_names: app.gateway_names.clone(),
        mapping_kinds: vec![MappingKind::Http],
    })
}
