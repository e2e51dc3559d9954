//! `GET /api/v1/gateway/logs`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use octoporty_proto::model::{Answer, AskError, Question};

use crate::api::error::ApiError;
use crate::api::logs::lines::{LinePage, LineQuery};
use crate::api::responses::{BadGateway, GatewayAway, GatewayTimeout, Invalid, Unauthorized};
use crate::app::App;

/// Most bytes of lines in an answer, which crosses the tunnel; the next page has the rest.
const MOST_BYTES: u32 = 256 * 1024;

/// The gateway's own log, newest first, asked over the tunnel. A page may have fewer lines than were asked for, and more
/// behind it.
#[utoipa::path(
    get, path = "/api/v1/gateway/logs", operation_id = "listGatewayLogs", tag = "logs",
    security(("cookie" = []), ("bearer" = [])),
    params(LineQuery),
    responses(
        (status = 200, description = "A page.", body = LinePage),
        Invalid, Unauthorized, BadGateway, GatewayAway, GatewayTimeout
    )
)]
pub(crate) async fn logs(
    State(app): State<Arc<App>>,
    Query(query): Query<LineQuery>,
) -> Result<Json<LinePage>, ApiError> {
    let query = query.parse(MOST_BYTES)?;
    match app.control.ask(Question::Log(query)).await? {
        Answer::Log(page) => Ok(Json(page.into())),
        _ => Err(AskError::Declined("it answered something else".to_owned()).into()),
    }
}
