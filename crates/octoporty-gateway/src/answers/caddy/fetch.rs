//! `GET /config/` of Caddy's admin API: one request on a connection of its own, bounded in time and size. A redirect is
//! not followed.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::config::CaddyAdmin;

/// The only path that is asked for.
const PATH: &str = "/config/";
/// Caddy answers from memory, within milliseconds; an agent waits for 15 s.
const BOUND: Duration = Duration::from_secs(5);
/// Bytes of a configuration: some thousand sites of a Caddyfile.
const MOST: usize = 1 << 20;
/// What `http://` without a port means.
const HTTP_PORT: u16 = 80;

/// Why there is no configuration.
#[derive(Debug)]
pub(super) enum FetchError {
    /// Nobody listens, or there is no such name.
    Connect(io::Error),
    /// The connection broke, or what came is no HTTP.
    Broken(String),
    /// Not a 200.
    Status(StatusCode),
    /// Over [`MOST`].
    TooLarge,
    /// Over [`BOUND`].
    Late,
    /// Somebody else answered.
    NotJson,
}

impl FetchError {
    /// What to change.
    pub(super) fn told(&self, admin: &CaddyAdmin) -> String {
        const SET: &str = "set Gateway__CaddyAdminUrl to its admin API";
        match self {
            Self::Connect(error) => {
                let why = match error.kind() {
                    kind @ io::ErrorKind::ConnectionRefused => kind.to_string(),
                    _ => error.to_string(),
                };
                format!("No Caddy answers at {admin}: {why}; start it, or {SET}.")
            }
            Self::Late => format!("Caddy at {admin} did not answer within {} s; {SET}.", BOUND.as_secs()),
            Self::Broken(why) => format!("What answers at {admin} speaks no HTTP ({why}); {SET}."),
            Self::Status(StatusCode::FORBIDDEN) => format!(
                "Caddy at {admin} answered 403: it does not take this name for its own; add it to `origins` of `admin` in \
                 the Caddyfile, or {SET}."
            ),
            Self::Status(status) => {
                format!("What answers at {admin} answered {} to GET {PATH}; {SET}.", status.as_u16())
            }
            Self::TooLarge => {
                format!("Caddy's configuration at {admin} is larger than {} MiB; read it there.", MOST >> 20)
            }
            Self::NotJson => format!("What answers at {admin} is no Caddy: GET {PATH} gave no JSON; {SET}."),
        }
    }
}

/// The body of the answer.
pub(super) async fn config(admin: &CaddyAdmin) -> Result<Vec<u8>, FetchError> {
    tokio::time::timeout(BOUND, exchange(admin)).await.unwrap_or(Err(FetchError::Late))
}

async fn exchange(admin: &CaddyAdmin) -> Result<Vec<u8>, FetchError> {
    let at = admin.authority();
    let host = at.host().trim_start_matches('[').trim_end_matches(']');
    let socket = TcpStream::connect((host, at.port_u16().unwrap_or(HTTP_PORT))).await.map_err(FetchError::Connect)?;
    let broken = |error: hyper::Error| FetchError::Broken(error.to_string());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.map_err(broken)?;
    let request = Request::get(PATH)
        .header(header::HOST, at.as_str())
        .header(header::ACCEPT, "application/json")
        .body(Empty::<Bytes>::new())
        .expect("a path and an authority make a request");
    let answer = async {
        let response = sender.send_request(request).await.map_err(broken)?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status()));
        }
        let body = Limited::new(response.into_body(), MOST).collect().await.map_err(|error| match error
            .downcast_ref::<LengthLimitError>()
        {
            Some(_) => FetchError::TooLarge,
            None => FetchError::Broken(error.to_string()),
        })?;
        Ok(body.to_bytes().to_vec())
    };
    // The connection is driven beside the answer and ends with it; its own error shows in the answer.
    tokio::pin!(answer, connection);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        _ = &mut connection => answer.await,
    }
}
