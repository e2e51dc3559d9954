//! `POST /api/v1/mappings/test-target`.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use octoporty_proto::model::{FailureCode, TargetCheck, TargetHealth};
use tokio::time::timeout;

use super::input::TestTargetInput;
use super::resource::{CheckState, TargetCheckResource};
use crate::api::body::JsonBody;
use crate::api::error::ApiError;
use crate::api::responses::{CrossSite, Invalid, TooSlow, Unauthorized, Unavailable};
use crate::app::App;

/// The agent has time-outs of its own for each step of a dial; this is for an agent that does not answer at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the agent sees of a target: it dials it as a visitor's request would.
#[utoipa::path(
    post, path = "/api/v1/mappings/test-target", operation_id = "testTarget", tag = "mappings",
    security(("cookie" = []), ("bearer" = [])),
    request_body = TestTargetInput,
    responses(
        (status = 200, description = "What the agent saw; a target that is down is `success: false`.", body = TargetCheckResource),
        Invalid, TooSlow, Unauthorized, CrossSite, Unavailable
    )
)]
pub(crate) async fn test_target(
    State(app): State<Arc<App>>,
    JsonBody(input): JsonBody<TestTargetInput>,
) -> Result<Json<TargetCheckResource>, ApiError> {
    let (target, verification) = input.parse()?;
    let check = timeout(PATIENCE, app.control.check_target(target, verification)).await.map_err(|_| {
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "agent_silent", "The agent did not finish the test in a minute.")
    })?;
    Ok(Json(check.into()))
}

impl From<TargetCheck> for TargetCheckResource {
    fn from(check: TargetCheck) -> Self {
        let (state, code, message) = match check.health {
            TargetHealth::Up => (CheckState::Up, None, up_message(check.status)),
            TargetHealth::Down { code, reason } => (CheckState::Down, Some(code), reason),
            TargetHealth::Unknown => (CheckState::Unknown, None, "The agent could not tell.".to_owned()),
        };
        let hint = code.as_deref().and_then(FailureCode::from_code).map(|code| code.hint().to_owned());
        Self {
            success: state == CheckState::Up,
            state,
            code,
            message,
            hint,
            target: check.target.to_string(),
            address: check.address.map(|address| address.to_string()),
            http_status: check.status,
            duration_ms: check.took.as_secs_f64() * 1_000.0,
        }
    }
}

fn up_message(status: Option<u16>) -> String {
    match status {
        Some(status) => format!("The target answered HEAD / with status {status}."),
        None => "The target accepted the connection.".to_owned(),
    }
}
