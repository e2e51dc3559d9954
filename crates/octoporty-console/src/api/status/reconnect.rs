//! `POST /api/v1/reconnect`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;

use super::shapes::Accepted;
use crate::api::responses::{CrossSite, Unauthorized};
use crate::app::App;

/// Drop the session and dial anew, from any state.
#[utoipa::path(
    post, path = "/api/v1/reconnect", operation_id = "reconnect", tag = "status",
    security(("cookie" = []), ("bearer" = [])),
    responses((status = 202, description = "Under way.", body = Accepted), Unauthorized, CrossSite)
)]
pub(crate) async fn reconnect(State(app): State<Arc<App>>) -> (StatusCode, Json<Accepted>) {
    app.control.reconnect();
    (StatusCode::ACCEPTED, Json(Accepted { message: "The agent drops its session and dials anew.".to_owned() }))
}
