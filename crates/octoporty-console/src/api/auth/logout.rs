//! `POST /api/v1/auth/logout`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};

use super::shapes::RefreshInput;
use crate::api::body::JsonBody;
use crate::api::error::ApiError;
use crate::api::fields::Mistakes;
use crate::api::responses::{CrossSite, Invalid, TooSlow, Unavailable};
use crate::app::App;
use crate::auth::visitor::Visitor;
use crate::auth::{cookies, guard};

/// Revoke the session: its refresh tokens, its access tokens, its event streams. Without a session nothing happens.
#[utoipa::path(
    post, path = "/api/v1/auth/logout", operation_id = "logout", tag = "auth",
    request_body = Option<RefreshInput>,
    responses((status = 204, description = "Revoked; both cookies expire."), Invalid, TooSlow, CrossSite, Unavailable)
)]
pub(crate) async fn logout(
    State(app): State<Arc<App>>,
    Extension(visitor): Extension<Visitor>,
    headers: HeaderMap,
    JsonBody(input): JsonBody<RefreshInput>,
) -> Result<Response, ApiError> {
    let mut mistakes = Mistakes::default();
    let given = mistakes.optional("refreshToken", input.refresh_token, "a text");
    mistakes.finish(Some(()))?;
    let token = cookies::read(&headers, cookies::REFRESH).or(given.as_deref());
    let identity = guard::identify(&app.auth, &headers);
    app.auth.logout(token, identity.as_ref().map(|identity| &identity.claims)).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    cookies::clear(response.headers_mut(), &visitor);
    Ok(response)
}
