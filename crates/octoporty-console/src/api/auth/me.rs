//! `GET /api/v1/auth/me`.

use axum::{Extension, Json};

use super::shapes::Me;
use crate::api::responses::Unauthorized;
use crate::auth::guard::Identity;
use crate::clock::rfc3339;

/// Who is logged in.
#[utoipa::path(
    get, path = "/api/v1/auth/me", operation_id = "me", tag = "auth",
    security(("cookie" = []), ("bearer" = [])),
    responses((status = 200, description = "Logged in.", body = Me), Unauthorized)
)]
pub(crate) async fn me(Extension(identity): Extension<Identity>) -> Json<Me> {
    Json(Me {
        username: identity.claims.sub,
        credential: identity.credential,
        expires_at: rfc3339(identity.claims.exp * 1_000),
    })
}
