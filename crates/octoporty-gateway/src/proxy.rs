//! One request of a visitor through the tunnel to its target.

use std::sync::Arc;

use octoporty_proto::model::FailureCode;

use crate::body::Answer;
use crate::pages::{Wants, failure_answer};
use crate::routing::Route;
use crate::shards::ShardContext;
use crate::visitor::VisitorRequest;

/// Carries a request to the route's target and its answer back.
pub(crate) async fn serve(
    ctx: &Arc<ShardContext>,
    request: VisitorRequest,
    route: &Route,
) -> Answer {
    let _ = (ctx, route);
    let wants = Wants::of(request.request.headers());
    failure_answer(&FailureCode::AgentAway.into(), &request.request_id, wants)
}
