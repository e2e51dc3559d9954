//! Answers that are slow, wrong or never come: what a tunnel must survive and explain.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tokio_util::sync::CancellationToken;

use super::{Answer, Visit, parameter, text};

/// Longest delay of `/slow`.
const MOST_SECONDS: f64 = 600.0;

/// Bytes that `/fail/half` promises; half of them come.
const PROMISED: usize = 1 << 20;

/// Between the first half of a body and the reset: what is unsent when a reset comes is thrown away.
const BEFORE_RESET: Duration = Duration::from_millis(200);

/// Which half of a body is next.
enum Half {
    First,
    Never,
}

/// `/slow?seconds=N`: answers after N seconds, 2 by default.
pub(super) async fn slow<B>(request: &Request<B>) -> Answer {
    let seconds: f64 = parameter(request, "seconds").and_then(|seconds| seconds.parse().ok()).unwrap_or(2.0);
    let delay = Duration::try_from_secs_f64(seconds.min(MOST_SECONDS));
    match delay {
        Ok(delay) => {
            tokio::time::sleep(delay).await;
            text(StatusCode::OK, &format!("This took {} s.\n", delay.as_secs_f64()))
        }
        Err(_) => text(StatusCode::BAD_REQUEST, "seconds must be a number from 0 to 600.\n"),
    }
}

/// `/fail/reset`, `/fail/half`, `/fail/hang`, `/fail/status/N`.
pub(super) async fn fail<B>(request: &Request<B>, visit: &Visit) -> Answer {
    match request.uri().path().trim_start_matches("/fail/") {
        "reset" => {
            visit.cut.cancel();
            std::future::pending().await
        }
        "half" => half(visit.cut.clone()),
        "hang" => std::future::pending().await,
        path => {
            let status = path.strip_prefix("status/").and_then(|status| status.parse::<u16>().ok());
            match status
                .filter(|status| (400..=599).contains(status))
                .and_then(|status| StatusCode::from_u16(status).ok())
            {
                Some(status) => text(status, &format!("The sample site answers {status}, as asked.\n")),
                None => text(
                    StatusCode::NOT_FOUND,
                    "There is /fail/reset, /fail/half, /fail/hang and /fail/status/400 to 599.\n",
                ),
            }
        }
    }
}

/// The head and half of the body, and, once these are on their way, a reset.
fn half(cut: CancellationToken) -> Answer {
    let body = stream::unfold(Half::First, move |half| {
        let cut = cut.clone();
        async move {
            if matches!(half, Half::First) {
                let first = Bytes::from(vec![b'.'; PROMISED / 2]);
                return Some((Ok::<_, io::Error>(Frame::data(first)), Half::Never));
            }
            tokio::time::sleep(BEFORE_RESET).await;
            cut.cancel();
            std::future::pending().await
        }
    });
    Response::builder()
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(header::CONTENT_LENGTH, PROMISED)
        .body(StreamBody::new(body).boxed_unsync())
        .expect("headers are valid")
}
