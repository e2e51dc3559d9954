//! `/api/v1/settings/landing-page`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use md5::{Digest, Md5};
use octoporty_proto::model::{DEFAULT_LANDING_HTML, LandingPage, LandingPageError};

use super::shapes::{LandingPageInput, LandingPageResource};
use crate::api::body::JsonBody;
use crate::api::error::ApiError;
use crate::api::fields::Mistakes;
use crate::api::responses::{CrossSite, Invalid, TooLarge, TooSlow, Unauthorized, Unavailable};
use crate::app::App;

/// The landing page.
#[utoipa::path(
    get, path = "/api/v1/settings/landing-page", operation_id = "getLandingPage", tag = "settings",
    security(("cookie" = []), ("bearer" = [])),
    responses((status = 200, description = "The page.", body = LandingPageResource), Unauthorized, Unavailable)
)]
pub(crate) async fn read(State(app): State<Arc<App>>) -> Result<Json<LandingPageResource>, ApiError> {
    let page = app.store.landing_page().await?;
    Ok(Json(resource(page.as_ref())))
}

/// Store a landing page.
#[utoipa::path(
    put, path = "/api/v1/settings/landing-page", operation_id = "putLandingPage", tag = "settings",
    security(("cookie" = []), ("bearer" = [])),
    request_body = LandingPageInput,
    responses(
        (status = 200, description = "Stored.", body = LandingPageResource),
        Invalid, TooSlow, Unauthorized, CrossSite, TooLarge, Unavailable
    )
)]
pub(crate) async fn write(
    State(app): State<Arc<App>>,
    JsonBody(input): JsonBody<LandingPageInput>,
) -> Result<Json<LandingPageResource>, ApiError> {
    let mut mistakes = Mistakes::default();
    let html = mistakes.optional("html", input.html, "a text").unwrap_or_default();
    let html = mistakes.finish(Some(html))?;
    let page = LandingPage::new(html).map_err(|error| refusal(&error))?;
    app.store.set_landing_page(Some(page.clone()), app.clock.now_ms()).await?;
    app.desired.changed().await;
    Ok(Json(resource(Some(&page))))
}

/// Back to the product's own page.
#[utoipa::path(
    delete, path = "/api/v1/settings/landing-page", operation_id = "deleteLandingPage", tag = "settings",
    security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 200, description = "The product's own page.", body = LandingPageResource),
        Unauthorized, CrossSite, Unavailable
    )
)]
pub(crate) async fn reset(State(app): State<Arc<App>>) -> Result<Json<LandingPageResource>, ApiError> {
    app.store.set_landing_page(None, app.clock.now_ms()).await?;
    app.desired.changed().await;
    Ok(Json(resource(None)))
}

fn refusal(error: &LandingPageError) -> ApiError {
    let mut mistakes = Mistakes::default();
    match error {
        LandingPageError::TooLarge(_) => {
            let detail = format!("The landing page is too large: {error}.");
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail).at_field("html")
        }
        _ => {
            mistakes.add("html", &error.to_string());
            mistakes.into_error().expect("a mistake was noted")
        }
    }
}

fn resource(page: Option<&LandingPage>) -> LandingPageResource {
    let html = page.map_or(DEFAULT_LANDING_HTML, LandingPage::html);
    let hash = Md5::digest(html.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    LandingPageResource { html: html.to_owned(), hash, is_default: page.is_none() }
}
