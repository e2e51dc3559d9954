//! One request on a connection of its own, and the answer up to a number of bytes.

use http::header::HOST;
use http::{HeaderName, HeaderValue, Request, Version};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use octoporty_proto::model::{Probe, ProbeAnswer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};

use super::Course;

/// Bytes of a head, as the gateway takes them from targets by default.
const MAX_HEAD: usize = 64 * 1024;

/// Fields of a head, as the gateway takes them.
const MAX_FIELDS: usize = 256;

/// Why no answer came.
#[derive(Debug)]
pub(super) enum ExchangeError {
    /// The connection ended first.
    Closed(String),
    /// What came is not HTTP/1.
    Malformed(String),
    /// Nothing came in time.
    Silent,
}

/// Asks, and reads until the body is as long as it may be, over, broken, or the time is up.
pub(super) async fn exchange<I>(io: I, probe: &Probe, course: &mut Course) -> Result<ProbeAnswer, ExchangeError>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let until = course.until;
    let mut builder = http1::Builder::new();
    builder.max_buf_size(MAX_HEAD).max_headers(MAX_FIELDS);
    let (mut sender, connection) = builder.handshake(TokioIo::new(io)).await.map_err(told)?;
    let asked = Instant::now();
    let first_byte = &mut course.timing.first_byte;
    let answer = async {
        let sent = timeout_at(until, sender.send_request(request(probe)?)).await;
        let response = sent.map_err(|_| ExchangeError::Silent)?.map_err(told)?;
        *first_byte = Some(asked.elapsed());
        let (head, body) = response.into_parts();
        let mut answer = ProbeAnswer {
            status: head.status.as_u16(),
            version: version(head.version),
            headers: head.headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect(),
            body: Vec::new(),
            truncated: false,
            broken: None,
        };
        read(body, (probe.max_body, until), &mut answer).await;
        Ok(answer)
    };
    // The connection is driven beside the answer and ends with it; its own error shows in the answer.
    tokio::pin!(answer, connection);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        _ = &mut connection => answer.await,
    }
}

fn request(probe: &Probe) -> Result<Request<Empty<Bytes>>, ExchangeError> {
    let unusable = |what: &str| ExchangeError::Malformed(format!("the request cannot be written: {what}"));
    let mut request = Request::new(Empty::new());
    *request.method_mut() = probe.method.as_str().parse().map_err(|_| unusable("method"))?;
    *request.uri_mut() = probe.path.parse().map_err(|_| unusable("path"))?;
    let headers = request.headers_mut();
    headers.insert(HOST, HeaderValue::try_from(&probe.authority).map_err(|_| unusable("host"))?);
    for (name, value) in &probe.headers {
        let name = HeaderName::try_from(name).map_err(|_| unusable(name))?;
        headers.append(name, HeaderValue::try_from(value).map_err(|_| unusable(value))?);
    }
    Ok(request)
}

async fn read(mut body: Incoming, (most, until): (usize, Instant), answer: &mut ProbeAnswer) {
    while !body.is_end_stream() {
        match timeout_at(until, body.frame()).await {
            Ok(None) => return,
            Ok(Some(Ok(frame))) => {
                let Ok(bytes) = frame.into_data() else { continue };
                let room = most - answer.body.len();
                answer.body.extend_from_slice(&bytes[..bytes.len().min(room)]);
                if bytes.len() > room {
                    answer.truncated = true;
                    return;
                }
            }
            Ok(Some(Err(error))) => {
                answer.broken = Some(format!("the body broke off: {}", cause(&error)));
                return;
            }
            Err(_) => {
                answer.broken = Some(format!("the body had not ended after {} s", super::PROBE_BOUND.as_secs()));
                return;
            }
        }
    }
}

fn told(error: hyper::Error) -> ExchangeError {
    let text = cause(&error);
    if error.is_parse() || error.is_parse_too_large() {
        ExchangeError::Malformed(text)
    } else {
        ExchangeError::Closed(text)
    }
}

/// The error with what is behind it.
fn cause(error: &hyper::Error) -> String {
    let source = std::error::Error::source(error).map(|source| format!(": {source}"));
    format!("{error}{}", source.unwrap_or_default())
}

const fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        _ => "HTTP/1.1",
    }
}
