//! `GET /api/v1/events`.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use utoipa::IntoParams;
use uuid::Uuid;

use super::shapes::{EventBody, ResetEvent};
use crate::api::error::ApiError;
use crate::api::responses::{Unauthorized, Unavailable};
use crate::api::status::shapes::Status;
use crate::app::App;
use crate::auth::guard::Identity;
use crate::events::{Frame, Listener};

/// A comment so often tells proxies and browsers that the stream lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How often a stream looks whether its login was ended.
const CHECK_EVERY: Duration = Duration::from_secs(2);
/// What a browser waits before it comes back.
const RETRY: Duration = Duration::from_secs(2);
/// So long before its token a stream may end, by chance: tabs of one browser must not all refresh at the same moment.
const SPREAD_MS: u64 = 20_000;
/// Tells nginx not to keep events back.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Where to go on.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct ListenQuery {
    /// As `Last-Event-ID`, for a stream that is opened anew by hand; the header wins.
    last_event_id: Option<String>,
}

/// What happens, as server-sent events. `Last-Event-ID` resumes; when what was missed is no longer known, a `reset`
/// event says to fetch anew. The first event is always `status`. The stream ends with the access token, or some seconds
/// before, and when the login is ended: refresh, then open it anew.
#[utoipa::path(
    get, path = "/api/v1/events", operation_id = "events", tag = "events",
    security(("cookie" = []), ("bearer" = [])),
    params(
        ("Last-Event-ID" = Option<String>, Header, description = "Id of the newest event that was seen."),
        ListenQuery
    ),
    responses(
        (status = 200, description = "A stream; each event's name and data are those of `ConsoleEvent`.",
         body = EventBody, content_type = "text/event-stream"),
        Unauthorized, Unavailable
    )
)]
pub(crate) async fn listen(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
    Query(query): Query<ListenQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let by_header = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let last_id = by_header.or(query.last_event_id.as_deref()).filter(|id| !id.is_empty());
    let listener = app.hub.listen(last_id).ok_or_else(|| {
        let detail = "Too many event streams are open; close other tabs.";
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_streams", detail).retry_after(RETRY.as_secs())
    })?;
    let stream = Stream::new(app, &identity, listener);
    let events = stream::unfold(stream, |mut stream| async move {
        let event = stream.next().await?;
        Some((Ok::<_, Infallible>(event), stream))
    });
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    let mut response = Sse::new(events).keep_alive(keep_alive).into_response();
    response.headers_mut().insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    Ok(response)
}

struct Stream {
    app: Arc<App>,
    family: String,
    /// When the access token ends.
    ends: Instant,
    first: VecDeque<Frame>,
    /// Ends when the console stops, behind its last word.
    news: mpsc::Receiver<Frame>,
}

impl Stream {
    /// First the state as it is, under the id of the newest event, so that a stream without news resumes as well.
    fn new(app: Arc<App>, identity: &Identity, listener: Listener) -> Self {
        let left = (identity.claims.exp * 1_000).saturating_sub(app.clock.now_ms());
        let left = left - chance(SPREAD_MS.min(left / 2));
        let frame = |id: Option<String>, body: &EventBody| {
            let (name, data) = body.name_and_json();
            Frame { id, name, data: data.into() }
        };
        let mut first = VecDeque::from(listener.missed);
        if listener.gap {
            let reason = "What happened since the last event is no longer known.".to_owned();
            first.push_front(frame(None, &EventBody::Reset(ResetEvent { reason })));
        }
        let status = EventBody::Status(Box::new(Status::of(&app)));
        first.push_front(frame(None, &status));
        if let Some(last) = first.back_mut() {
            last.id.get_or_insert(listener.cursor);
        }
        Self {
            family: identity.claims.sid.clone(),
            ends: Instant::now() + Duration::from_millis(left),
            first,
            news: listener.news,
            app,
        }
    }

    async fn next(&mut self) -> Option<Event> {
        if let Some(frame) = self.first.pop_front() {
            return Some(event(&frame));
        }
        loop {
            if self.app.auth.is_revoked(&self.family) {
                return None;
            }
            tokio::select! {
                biased;
                () = sleep_until(self.ends) => return None,
                frame = self.news.recv() => return frame.as_ref().map(event),
                () = tokio::time::sleep(CHECK_EVERY) => {}
            }
        }
    }
}

/// A number below a bound, or 0.
fn chance(bound: u64) -> u64 {
    let (random, _) = Uuid::new_v4().as_u64_pair();
    random.checked_rem(bound).unwrap_or(0)
}

fn event(frame: &Frame) -> Event {
    let event = Event::default().event(frame.name).data(frame.data.json()).retry(RETRY);
    match &frame.id {
        Some(id) => event.id(id),
        None => event,
    }
}
