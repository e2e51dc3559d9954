//! `POST /api/v1/gateway/update`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use octoporty_proto::model::{
    Answer, AskError, ConnectionState, Insistence, Question, Release, UpdateRequest, UpdateState,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::body::JsonBody;
use crate::api::error::ApiError;
use crate::api::responses::{BadGateway, CrossSite, GatewayAway, GatewayTimeout, Invalid, TooSlow, Unauthorized};
use crate::app::App;

/// What is wanted.
#[derive(Clone, Copy, Default, Debug, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct UpdateInput {
    /// Whether the gateway shall be updated even if its release is not older than the agent's.
    force: bool,
}

/// What became of the wish.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = GatewayUpdateState)]
pub(crate) enum UpdateOutcome {
    /// The host's updater finds the request.
    Queued,
    /// The gateway refused; the message says why.
    Rejected,
    /// The updater has not taken the last request yet.
    AlreadyQueued,
}

/// The answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GatewayUpdate {
    /// Whether an update is on its way.
    success: bool,
    /// A sentence.
    message: String,
    /// The same when it is none.
    error: Option<String>,
    /// This agent's release: what the gateway is asked to become.
    agent_version: String,
    /// The gateway's.
    gateway_version: Option<String>,
    /// What became of it; null when the gateway was not asked, since it is not older.
    status: Option<UpdateOutcome>,
}

/// Asks the gateway to have itself updated to this agent's release.
#[utoipa::path(
    post, path = "/api/v1/gateway/update", operation_id = "updateGateway", tag = "gateway",
    security(("cookie" = []), ("bearer" = [])),
    request_body = UpdateInput,
    responses(
        (status = 200, description = "The gateway's word, or why it was not asked.", body = GatewayUpdate),
        Invalid, TooSlow, Unauthorized, CrossSite, BadGateway, GatewayAway, GatewayTimeout
    )
)]
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    JsonBody(input): JsonBody<UpdateInput>,
) -> Result<Json<GatewayUpdate>, ApiError> {
    let agent = Arc::clone(&app.news.status.borrow());
    if let Some(version) = agent.gateway_version.as_ref()
        && agent.state == ConnectionState::Connected
        && !input.force
        && !Release::is_newer(&app.version, version)
    {
        let message = format!("No update is needed: the gateway runs {version}, this agent {}.", app.version);
        return Ok(Json(answer(&app, Some(version.clone()), None, message)));
    }
    let insistence = if input.force { Insistence::Always } else { Insistence::IfNewer };
    let wish = UpdateRequest { target_version: app.version.clone(), insistence };
    match app.control.ask(Question::Update(wish)).await? {
        Answer::Update(told) => {
            let state = match told.state {
                UpdateState::Queued => UpdateOutcome::Queued,
                UpdateState::AlreadyQueued => UpdateOutcome::AlreadyQueued,
                UpdateState::Rejected => UpdateOutcome::Rejected,
            };
            Ok(Json(answer(&app, Some(told.current_version), Some(state), told.message)))
        }
        _ => Err(AskError::Declined("it answered something else".to_owned()).into()),
    }
}

fn answer(app: &App, gateway_version: Option<String>, status: Option<UpdateOutcome>, message: String) -> GatewayUpdate {
    let success = matches!(status, Some(UpdateOutcome::Queued | UpdateOutcome::AlreadyQueued));
    GatewayUpdate {
        success,
        error: (!success).then(|| message.clone()),
        message,
        agent_version: app.version.clone(),
        gateway_version,
        status,
    }
}
