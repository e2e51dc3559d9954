//! `/events`: the time, once a second, as server-sent events.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{Response, header};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use serde_json::json;
use time::OffsetDateTime;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::Answer;

/// Between two events.
const BEAT: Duration = Duration::from_secs(1);

/// An event at once, and then one a second until the visitor leaves or the site ends.
pub(super) fn answer(stop: &CancellationToken) -> Answer {
    let mut ticks = interval(BEAT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let events = stream::unfold((ticks, 0_u64, stop.clone()), next);
    Response::builder()
        .header(header::CONTENT_TYPE, "text/event-stream")
        .header(header::CACHE_CONTROL, "no-cache")
        .body(StreamBody::new(events).boxed_unsync())
        .expect("headers are valid")
}

type State = (Interval, u64, CancellationToken);

async fn next((mut ticks, number, stop): State) -> Option<(std::io::Result<Frame<Bytes>>, State)> {
    tokio::select! {
        biased;
        () = stop.cancelled() => None,
        _ = ticks.tick() => {
            let event = event(number, OffsetDateTime::now_utc());
            Some((Ok(Frame::data(Bytes::from(event))), (ticks, number + 1, stop)))
        }
    }
}

fn event(number: u64, now: OffsetDateTime) -> String {
    let clock = now.time();
    let time = format!("{:02}:{:02}:{:02}.{:03}", clock.hour(), clock.minute(), clock.second(), clock.millisecond());
    let data = json!({ "number": number, "time": time, "unixMs": now.unix_timestamp_nanos() / 1_000_000 });
    format!("id: {number}\nevent: clock\ndata: {data}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_ends_with_an_empty_line_and_carries_json() {
        let event = event(7, OffsetDateTime::UNIX_EPOCH);
        assert!(event.starts_with("id: 7\nevent: clock\ndata: {"), "{event}");
        assert!(event.ends_with("}\n\n"), "{event}");
        assert!(event.contains("\"time\":\"00:00:00.000\""), "{event}");
    }
}
