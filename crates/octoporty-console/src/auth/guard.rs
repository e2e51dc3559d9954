//! Lets requests in: every route behind it needs a session.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::tokens::Claims;
use super::visitor::Visitor;
use super::{Auth, cookies, origin};
use crate::api::auth::shapes::Credential;
use crate::api::error::ApiError;
use crate::app::App;

/// Who is asking, as a request's extension.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// What the access token says.
    pub(crate) claims: Claims,
    /// By what it was let in.
    pub(crate) credential: Credential,
}

/// Reads the access token: the cookie first, as browsers send it, else the bearer's.
pub(crate) fn identify(auth: &Auth, headers: &HeaderMap) -> Option<Identity> {
    let by_cookie = cookies::read(headers, cookies::ACCESS).and_then(|token| auth.check(token));
    if let Some(claims) = by_cookie {
        return Some(Identity { claims, credential: Credential::Cookie });
    }
    let claims = bearer(headers).and_then(|token| auth.check(token))?;
    Some(Identity { claims, credential: Credential::Bearer })
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Refuses what has no session, and what a browser sends from another site's page.
pub(crate) async fn require_session(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let Some(identity) = identify(&app.auth, request.headers()) else {
        return ApiError::unauthorized().into_response();
    };
    if identity.credential == Credential::Cookie && is_cross_site(&request) {
        return ApiError::cross_site().into_response();
    }
    request.extensions_mut().insert(identity);
    next.run(request).await
}

/// Refuses what a browser sends from another site's page, where a session is not needed but cookies are used.
pub(crate) async fn require_same_site(request: Request, next: Next) -> Response {
    if is_cross_site(&request) {
        return ApiError::cross_site().into_response();
    }
    next.run(request).await
}

/// Refuses what a browser sends from another site's page though it changes nothing: some answers cost so much that an
/// image there would keep everybody from them. Behind [`require_session`].
pub(crate) async fn require_own_page(request: Request, next: Next) -> Response {
    let by_cookie =
        request.extensions().get::<Identity>().is_none_or(|identity| identity.credential == Credential::Cookie);
    if by_cookie && is_foreign(&request) {
        return ApiError::cross_site().into_response();
    }
    next.run(request).await
}

fn is_cross_site(request: &Request) -> bool {
    origin::changes_state(request.method()) && is_foreign(request)
}

fn is_foreign(request: &Request) -> bool {
    let visitor = request.extensions().get::<Visitor>();
    visitor.is_none_or(|visitor| origin::of(request.headers(), visitor) == origin::Origin::Other)
}
