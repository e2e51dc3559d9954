//! What the gateway answers by itself, for names that are not mapped and at the agents' port.

use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode, header};
use octoporty_proto::model::{FailureCode, Hostname};

use crate::body::{Answer, AnswerBody};
use crate::config::Unmapped;
use crate::endpoint::Admitted;
use crate::fields::Known;
use crate::pages::{self, Wants, failure_answer};
use crate::registry::Registry;
use crate::shards::{Door, ShardContext};
use crate::visitor::Visit;
use crate::{endpoint, links, status};

/// What becomes of a request for one of the gateway's own paths.
pub(super) enum Own {
    /// It is answered.
    Answer(Answer),
    /// It begins a link.
    Agent(Admitted),
}

/// A request for a path that is the gateway's own on every port; `None` if it is not.
pub(super) async fn paths(shard: &Arc<ShardContext>, visit: &Visit) -> Option<Own> {
    let is_read = matches!(visit.head.method, Method::GET | Method::HEAD);
    match visit.head.uri.path() {
        "/tunnel" => Some(endpoint::judge(shard, visit).map_or_else(|answer| Own::Answer(*answer), Own::Agent)),
        "/health" if is_read => Some(Own::Answer(with_cors(shard, visit, status::health(&shard.state)))),
        "/api/v1/status" => Some(Own::Answer(api_status(shard, visit).await)),
        _ => None,
    }
}

/// Answers a request to a name that is not mapped; `None`: the connection is closed without an answer.
pub(super) async fn answer(shard: &Arc<ShardContext>, visit: &Visit, host: Option<Hostname>) -> Option<Answer> {
    match paths(shard, visit).await {
        Some(Own::Answer(answer)) => return Some(answer),
        Some(Own::Agent(admitted)) => return Some(link(shard, admitted)),
        None => {}
    }
    let path = visit.head.uri.path();
    if path == "/api" || path.starts_with("/api/") {
        shard.counters().failed(FailureCode::NotMapped);
        return Some(failure_answer(&FailureCode::NotMapped.into(), &visit.request_id, Wants::Json));
    }
    let is_read = matches!(visit.head.method, Method::GET | Method::HEAD);
    let site = shard.state.site.load();
    if host.is_some_and(|host| site.names.contains(&host)) && is_read {
        if path == "/" {
            return Some(pages::landing(site.landing.clone(), StatusCode::OK));
        }
        return Some(redirect_home());
    }
    unmapped(shard, visit)
}

/// The 101 behind which the connection is a link.
fn link(shard: &Arc<ShardContext>, admitted: Admitted) -> Answer {
    let mut answer = admitted.answer(AnswerBody::Empty);
    let shard = Arc::clone(shard);
    answer.body = AnswerBody::Switch(Box::new(move |agent| admitted.take_over(&shard, agent, Door::Visitors)));
    answer
}

/// The answer for what nobody has published; `None`: the connection is closed without one.
pub(super) fn unmapped(shard: &Arc<ShardContext>, visit: &Visit) -> Option<Answer> {
    let wants = Wants::of(&visit.head.fields);
    let failure = FailureCode::NotMapped.into();
    shard.counters().failed(FailureCode::NotMapped);
    match shard.state.config.unmapped {
        Unmapped::Close => None,
        Unmapped::Json => Some(failure_answer(&failure, &visit.request_id, Wants::Json)),
        Unmapped::Landing if wants == Wants::Html => {
            let landing = shard.state.site.load().landing.clone();
            Some(pages::landing(landing, StatusCode::NOT_FOUND))
        }
        Unmapped::Landing => Some(failure_answer(&failure, &visit.request_id, Wants::Json)),
    }
}

fn redirect_home() -> Answer {
    let mut answer = Answer::new(AnswerBody::Empty);
    *answer.status_mut() = StatusCode::FOUND;
    answer.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/"));
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

async fn api_status(shard: &Arc<ShardContext>, visit: &Visit) -> Answer {
    let answer = match visit.head.method {
        Method::OPTIONS => preflight(),
        Method::GET | Method::HEAD => {
            match endpoint::authenticate(&shard.state, &visit.head.fields, visit.visitor.client) {
                // Looking through all claims takes the registry's lock: not on the thread of the data.
                Ok(()) => {
                    let sessions = links::control(shard, Registry::sessions).await.unwrap_or_default();
                    status::status(&shard.state, &sessions)
                }
                Err(error) => error.answer(visit),
            }
        }
        _ => {
            let problem = pages::Problem {
                status: StatusCode::METHOD_NOT_ALLOWED,
                code: "method_not_allowed",
                title: "The status is read by GET.",
                detail: "GET /api/v1/status, with the gateway's key as a bearer token.",
            };
            let mut answer = pages::problem(problem, &visit.request_id);
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"));
            answer
        }
    };
    with_cors(shard, visit, answer)
}

fn preflight() -> Answer {
    let mut answer = Answer::new(AnswerBody::Empty);
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, OPTIONS"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("authorization, x-api-key"));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    answer
}

/// Lets pages of the allowed origins read the answer.
fn with_cors(shard: &ShardContext, visit: &Visit, mut answer: Answer) -> Answer {
    let allowed = &shard.state.config.allowed_origins;
    let headers = answer.headers_mut();
    if allowed.iter().any(|origin| origin == "*") {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        return answer;
    }
    headers.insert(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = visit.head.fields.get(Known::Origin)
        && allowed.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(origin))
        && let Ok(origin) = HeaderValue::from_bytes(origin)
    {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    answer
}
