//! One small request at a time to a server of this machine: the health check, and the demo's use of the console's API.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::TcpStream;

/// Most bytes of an answer; health and API answers of the demo are far smaller.
const MOST_ANSWER: usize = 4 << 20;

/// Why a request has no answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum ClientError {
    /// The URL is not usable.
    #[error("{0} is not an http:// URL with a host")]
    Url(String),
    /// Nobody listens.
    #[error("cannot connect to {authority}: {source}")]
    Connect {
        /// Whom.
        authority: String,
        /// The system's word.
        source: std::io::Error,
    },
    /// The connection broke or what came is not HTTP.
    #[error("no valid answer from {authority}: {source}")]
    Http {
        /// From whom.
        authority: String,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Too slow.
    #[error("no answer from {authority} within {} s", bound.as_secs())]
    Timeout {
        /// From whom.
        authority: String,
        /// The bound.
        bound: Duration,
    },
}

/// A request with an optional body, to `http://` alone.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    /// Method.
    pub(crate) method: http::Method,
    /// Absolute URL.
    pub(crate) url: &'a str,
    /// Bearer token.
    pub(crate) bearer: Option<&'a str>,
    /// On whose behalf, as a proxy says it.
    pub(crate) forwarded_for: Option<IpAddr>,
    /// JSON.
    pub(crate) json: Option<serde_json::Value>,
}

/// Sends it on a connection of its own and reads the whole answer within `bound`.
pub(crate) async fn send(ask: Ask<'_>, bound: Duration) -> Result<Response<Bytes>, ClientError> {
    let uri: Uri = ask.url.parse().map_err(|_| ClientError::Url(ask.url.to_owned()))?;
    let host = uri.host().filter(|_| uri.scheme_str() == Some("http"));
    let host = host.ok_or_else(|| ClientError::Url(ask.url.to_owned()))?;
    let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = uri.port_u16().unwrap_or(80);
    let authority = format!("{host}:{port}");
    let request = request(&uri, &authority, ask);
    match tokio::time::timeout(bound, exchange(bare, port, request, authority.clone())).await {
        Ok(answer) => answer,
        Err(_) => Err(ClientError::Timeout { authority, bound }),
    }
}

/// The status of a `GET`.
pub(crate) async fn status(url: &str, bound: Duration) -> Result<StatusCode, ClientError> {
    let ask = Ask { method: http::Method::GET, url, bearer: None, forwarded_for: None, json: None };
    Ok(send(ask, bound).await?.status())
}

fn request(uri: &Uri, authority: &str, ask: Ask<'_>) -> Request<Full<Bytes>> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut builder = Request::builder().method(ask.method).uri(path).header(header::HOST, authority);
    if let Some(token) = ask.bearer {
        builder = builder.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    if let Some(visitor) = ask.forwarded_for {
        builder = builder.header("x-forwarded-for", visitor.to_string());
    }
    let body = match ask.json {
        Some(json) => {
            builder = builder.header(header::CONTENT_TYPE, "application/json");
            Bytes::from(json.to_string())
        }
        None => Bytes::new(),
    };
    builder.body(Full::new(body)).expect("method, path and headers come from parsed values")
}

async fn exchange(
    host: String,
    port: u16,
    request: Request<Full<Bytes>>,
    authority: String,
) -> Result<Response<Bytes>, ClientError> {
    let socket = TcpStream::connect((host, port)).await;
    let socket = socket.map_err(|source| ClientError::Connect { authority: authority.clone(), source })?;
    let broken = |source| ClientError::Http { authority: authority.clone(), source };
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await;
    let (mut sender, connection) = handshake.map_err(|error| broken(error.into()))?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(|error| broken(error.into()))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MOST_ANSWER).collect().await.map_err(broken)?;
        Ok(Response::from_parts(head, body.to_bytes()))
    };
    // The connection is driven beside the answer and ends with it; its own error shows in the answer.
    tokio::pin!(answer, connection);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        _ = &mut connection => answer.await,
    }
}
