//! `POST /api/v1/auth/refresh`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};

use super::answer;
use super::shapes::{RefreshInput, SessionAnswer};
use crate::api::body::JsonBody;
use crate::api::error::ApiError;
use crate::api::fields::Mistakes;
use crate::api::responses::{CrossSite, Invalid, SessionOver, TooSlow, Unavailable};
use crate::app::App;
use crate::auth::cookies;
use crate::auth::visitor::Visitor;

/// New tokens for a refresh token, which is used up. A token that comes a second time ends its login, unless the answer
/// seems to be lost: within 10 s, while its successor is unused, it gives another successor. Whoever shares a token
/// between tabs or threads has to let one of them refresh for all.
#[utoipa::path(
    post, path = "/api/v1/auth/refresh", operation_id = "refresh", tag = "auth",
    request_body = Option<RefreshInput>,
    responses(
        (status = 200, description = "New tokens; sets both cookies.", body = SessionAnswer),
        Invalid, TooSlow, SessionOver, CrossSite, Unavailable
    )
)]
pub(crate) async fn refresh(
    State(app): State<Arc<App>>,
    Extension(visitor): Extension<Visitor>,
    headers: HeaderMap,
    JsonBody(input): JsonBody<RefreshInput>,
) -> Result<Response, ApiError> {
    let mut mistakes = Mistakes::default();
    let given = mistakes.optional("refreshToken", input.refresh_token, "a text");
    mistakes.finish(Some(()))?;
    let token = cookies::read(&headers, cookies::REFRESH).map(str::to_owned).or(given);
    let tokens = match token {
        Some(token) => app.auth.refresh(&token).await?,
        None => None,
    };
    if let Some(tokens) = tokens {
        return Ok(answer(&tokens, &visitor));
    }
    let over = ApiError::new(StatusCode::UNAUTHORIZED, "session_over", "The session is over; log in again.");
    let mut response = over.into_response();
    cookies::clear(response.headers_mut(), &visitor);
    Ok(response)
}
