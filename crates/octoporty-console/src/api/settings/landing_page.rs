//! `/api/v1/settings/landing-page`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::ETAG;
use http::{HeaderMap, HeaderValue, StatusCode};
use md5::{Digest, Md5};
use octoporty_proto::model::{DEFAULT_LANDING_HTML, LandingPage, LandingPageError};

use super::shapes::{LandingPageInput, LandingPageResource};
use crate::api::body::JsonBody;
use crate::api::error::ApiError;
use crate::api::fields::Mistakes;
use crate::api::if_match;
use crate::api::responses::{CrossSite, Invalid, Stale, TooLarge, TooSlow, Unauthorized, Unavailable};
use crate::app::App;
use crate::store::PageOutcome;

/// The landing page.
#[utoipa::path(
    get, path = "/api/v1/settings/landing-page", operation_id = "getLandingPage", tag = "settings",
    security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 200, description = "The page; its `ETag`, the hash in quotes, is for `If-Match`.", body = LandingPageResource),
        Unauthorized, Unavailable
    )
)]
pub(crate) async fn read(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    let page = app.store.landing_page().await?;
    Ok(answer(page.as_ref()))
}

/// Store a landing page.
#[utoipa::path(
    put, path = "/api/v1/settings/landing-page", operation_id = "putLandingPage", tag = "settings",
    security(("cookie" = []), ("bearer" = [])),
    params(("If-Match" = Option<String>, Header, description = "`ETag` of the page that the change is based on.")),
    request_body = LandingPageInput,
    responses(
        (status = 200, description = "Stored.", body = LandingPageResource),
        Invalid, TooSlow, Unauthorized, CrossSite, Stale, TooLarge, Unavailable
    )
)]
pub(crate) async fn write(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    JsonBody(input): JsonBody<LandingPageInput>,
) -> Result<Response, ApiError> {
    let mut mistakes = Mistakes::default();
    let html = mistakes.optional("html", input.html, "a text").unwrap_or_default();
    let html = mistakes.finish(Some(html))?;
    let page = LandingPage::new(html).map_err(|error| refusal(&error))?;
    change(&app, &headers, Some(page)).await
}

/// Back to the product's own page.
#[utoipa::path(
    delete, path = "/api/v1/settings/landing-page", operation_id = "deleteLandingPage", tag = "settings",
    security(("cookie" = []), ("bearer" = [])),
    params(("If-Match" = Option<String>, Header, description = "`ETag` of the page that is to go.")),
    responses(
        (status = 200, description = "The product's own page.", body = LandingPageResource),
        Unauthorized, CrossSite, Stale, Unavailable
    )
)]
pub(crate) async fn reset(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, ApiError> {
    change(&app, &headers, None).await
}

/// Stores a page, `None` for the product's own, unless the one that is there is another than the client has seen.
async fn change(app: &App, headers: &HeaderMap, page: Option<LandingPage>) -> Result<Response, ApiError> {
    let wanted = if_match(headers).map(str::to_owned);
    let is_base = move |stored: Option<&LandingPage>| wanted.is_none_or(|wanted| wanted == hash(html_of(stored)));
    match app.store.change_landing_page(page.clone(), is_base, app.clock.now_ms()).await? {
        PageOutcome::Stale => return Err(ApiError::stale()),
        PageOutcome::Done => app.desired.changed().await,
    }
    Ok(answer(page.as_ref()))
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

/// The page with its ETag.
fn answer(page: Option<&LandingPage>) -> Response {
    let html = html_of(page);
    let resource = LandingPageResource { html: html.to_owned(), hash: hash(html), is_default: page.is_none() };
    let tag = HeaderValue::try_from(format!("\"{}\"", resource.hash)).expect("digits in quotes");
    ([(ETAG, tag)], Json(resource)).into_response()
}

fn html_of(page: Option<&LandingPage>) -> &str {
    page.map_or(DEFAULT_LANDING_HTML, LandingPage::html)
}

fn hash(html: &str) -> String {
    Md5::digest(html.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
