//! `POST /api/v1/auth/login`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::answer;
use super::shapes::{LoginInput, SessionAnswer};
use crate::api::body::JsonBody;
use crate::api::error::ApiError;
use crate::api::fields::Mistakes;
use crate::api::responses::{CrossSite, Invalid, Locked, TooSlow, Unavailable, WrongPassword};
use crate::app::App;
use crate::auth::LoginError;
use crate::auth::visitor::Visitor;

/// Log in.
#[utoipa::path(
    post, path = "/api/v1/auth/login", operation_id = "login", tag = "auth",
    request_body = LoginInput,
    responses(
        (status = 200, description = "Logged in; sets both cookies.", body = SessionAnswer),
        Invalid, TooSlow, WrongPassword, CrossSite, Locked, Unavailable
    )
)]
pub(crate) async fn login(
    State(app): State<Arc<App>>,
    Extension(visitor): Extension<Visitor>,
    JsonBody(input): JsonBody<LoginInput>,
) -> Result<Response, ApiError> {
    let mut mistakes = Mistakes::default();
    let password = mistakes.optional("password", input.password, "a text");
    let username = mistakes.optional("username", input.username, "a text");
    if password.is_none() {
        mistakes.add("password", "a password is needed");
    }
    if app.auth.wants_username() && username.is_none() {
        mistakes.add("username", "a user name is needed");
    }
    let password = mistakes.finish(password)?;
    let tokens = app.auth.login(visitor.source, username, password).await.map_err(refusal)?;
    Ok(answer(&tokens, &visitor))
}

fn refusal(error: LoginError) -> ApiError {
    match error {
        LoginError::Wrong => ApiError::new(StatusCode::UNAUTHORIZED, "wrong_password", "The password is wrong."),
        LoginError::Locked(locked) => {
            let seconds = locked.for_ms.div_ceil(1_000).max(1);
            let detail = format!("Too many failed logins. Try again in {}.", duration_words(seconds));
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, "locked", detail).retry_after(seconds)
        }
        LoginError::Store(error) => error.into(),
    }
}

fn duration_words(seconds: u64) -> String {
    let plural = |count: u64| if count == 1 { "" } else { "s" };
    if seconds < 60 {
        return format!("{seconds} second{}", plural(seconds));
    }
    let minutes = seconds.div_ceil(60);
    format!("{minutes} minute{}", plural(minutes))
}
