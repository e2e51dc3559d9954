//! REST: one file a resource and verb group. The document at `/api/openapi.json` is made of the same annotations that
//! mount the handlers, so that it cannot tell of a route that is not there.
//!
//! The cast: [`error`] the one error; [`problem`] its body; [`body`], [`loose`] and [`fields`] take bodies; [`finish`]
//! goes round every request, which [`turns`] counts; the rest are routes.

pub(crate) mod agent;
pub(crate) mod auth;
pub(crate) mod body;
pub(crate) mod capabilities;
pub(crate) mod error;
pub(crate) mod events;
pub(crate) mod fields;
pub(crate) mod finish;
pub(crate) mod gateway;
pub(crate) mod health;
pub(crate) mod import_export;
pub(crate) mod inspector;
pub(crate) mod logs;
pub(crate) mod loose;
pub(crate) mod mappings;
pub(crate) mod metrics;
pub(crate) mod openapi;
pub(crate) mod problem;
pub(crate) mod responses;
pub(crate) mod settings;
pub(crate) mod stats;
pub(crate) mod status;
pub(crate) mod turns;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use http::header::IF_MATCH;
use http::{HeaderMap, StatusCode};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::guard;
use crate::web;

/// Bytes of a body: far more than any but a landing page has.
const BODY_LIMIT: usize = 64 * 1_024;

/// Routes that need no session.
fn open_routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(auth::login::login))
        .routes(routes!(auth::refresh::refresh))
        .routes(routes!(auth::logout::logout))
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
        .routes(routes!(metrics::metrics))
        .layer(middleware::from_fn(guard::require_same_site))
}

/// Routes that need one.
fn guarded_routes() -> OpenApiRouter<Arc<App>> {
    let landing_page =
        routes!(settings::landing_page::read, settings::landing_page::write, settings::landing_page::reset);
    OpenApiRouter::new()
        .routes(routes!(auth::me::me))
        .routes(routes!(mappings::list::list, mappings::create::create))
        .routes(routes!(mappings::test_target::test_target))
        .routes(routes!(mappings::read::read, mappings::replace::replace, mappings::delete::delete))
        .routes(routes!(mappings::toggle::toggle))
        .routes(routes!(status::read::status))
        .routes(routes!(status::reconnect::reconnect))
        .routes(routes!(gateway::caddy_config::caddy_config))
        .routes(routes!(gateway::update::update))
        .routes(routes!(gateway::logs::logs))
        .routes(routes!(agent::logs::logs))
        .routes(routes!(stats::live))
        .routes(routes!(stats::history::history))
        .routes(routes!(stats::summary::summary))
        .routes(routes!(events::listen::listen))
        .merge(logs::lists())
        .routes(routes!(logs::requests::request))
        .routes(routes!(inspector::diagnose::diagnose))
        .routes(routes!(capabilities::capabilities))
        .routes(routes!(openapi::document))
        .merge(import_export::routes())
        .merge(OpenApiRouter::new().routes(landing_page).layer(DefaultBodyLimit::max(settings::BODY_LIMIT)))
}

/// Everything that the console answers.
pub(crate) fn router(app: Arc<App>) -> Router {
    let guard = middleware::from_fn_with_state(Arc::clone(&app), guard::require_session);
    let guarded = guarded_routes().route_layer(guard);
    let (routes, _) = open_routes().merge(guarded).split_for_parts();
    routes
        .fallback(elsewhere)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(CatchPanicLayer::new())
        .layer(middleware::from_fn_with_state(Arc::clone(&app), finish::finish))
        .with_state(app)
}

/// What is between the quotes of `If-Match`; `None` when any state is good enough.
fn if_match(headers: &HeaderMap) -> Option<&str> {
    let tag = headers.get(IF_MATCH)?.to_str().unwrap_or_default().trim();
    (tag != "*").then(|| tag.trim_start_matches("W/").trim_matches('"'))
}

/// What is asked for under `/api` and is not there is an error, never the web page.
async fn elsewhere(request: Request) -> Response {
    if finish::is_api(request.uri().path()) {
        return error::ApiError::of_status(StatusCode::NOT_FOUND).into_response();
    }
    web::serve(&request)
}
