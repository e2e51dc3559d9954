//! `/api/v1/auth`.

pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod me;
pub(crate) mod refresh;
pub(crate) mod shapes;

use axum::Json;
use axum::response::{IntoResponse, Response};

use crate::auth::visitor::Visitor;
use crate::auth::{Tokens, cookies};
use crate::clock::rfc3339;
use shapes::SessionAnswer;

/// The tokens in the body and as cookies.
fn answer(tokens: &Tokens, visitor: &Visitor) -> Response {
    let body = SessionAnswer {
        token: tokens.access.clone(),
        expires_at: rfc3339(tokens.access_expires_ms),
        refresh_token: tokens.refresh.clone(),
        refresh_expires_at: rfc3339(tokens.refresh_expires_ms),
    };
    let mut response = Json(body).into_response();
    cookies::set(response.headers_mut(), tokens, visitor);
    response
}
