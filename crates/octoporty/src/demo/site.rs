//! The sample site: a plain HTTP/1.1 server on a free loopback port that shows what a tunnel can carry.
//!
//! The cast:
//! * `page`: the page, its style sheet and script, and two pictures.
//! * `clock`: server-sent events, one a second.
//! * `echo`: a WebSocket that sends back what it gets.
//! * `upload`: counts and hashes what is sent.
//! * `download`: as many bytes as wanted, the same ones each time, with ranges and a checksum.
//! * `trouble`: slow and failing answers.

mod clock;
mod download;
mod echo;
mod page;
mod trouble;
mod upload;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::cli::loopback;

/// How long the site waits after a failed accept (usually: no file descriptor is left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

type Body = UnsyncBoxBody<Bytes, io::Error>;
type Answer = Response<Body>;

/// A running site.
#[derive(Debug)]
pub(super) struct Site {
    address: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// What a handler may know about the connection that it answers on.
#[derive(Clone)]
struct Visit {
    /// Cancelled: the connection is cut with a TCP reset.
    cut: CancellationToken,
    /// Cancelled: the site ends.
    stop: CancellationToken,
    /// Where upgraded connections live.
    tasks: TaskTracker,
}

impl Site {
    /// Listens on a free port and serves.
    pub(super) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(loopback(0)).await?;
        let address = listener.local_addr()?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(accept(listener, stop.clone(), tasks.clone()));
        Ok(Self { address, stop, tasks })
    }

    /// Where it listens.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends every connection.
    pub(super) async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

async fn accept(listener: TcpListener, stop: CancellationToken, tasks: TaskTracker) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, _)) => {
                let visit = Visit { cut: CancellationToken::new(), stop: stop.clone(), tasks: tasks.clone() };
                tasks.spawn(serve(socket, visit));
            }
            Err(error) => {
                tracing::warn!("the sample site cannot accept: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(socket: TcpStream, visit: Visit) {
    let handle = socket.as_fd().try_clone_to_owned();
    let (cut, stop) = (visit.cut.clone(), visit.stop.clone());
    let visit = Arc::new(visit);
    let service = service_fn(move |request| {
        let visit = visit.clone();
        async move { Ok::<_, Infallible>(answer(request, &visit).await) }
    });
    let mut server = http1::Builder::new();
    let connection = server.timer(TokioTimer::new()).serve_connection(TokioIo::new(socket), service).with_upgrades();
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = cut.cancelled() => reset(handle),
        // Visitors come and go as they like.
        outcome = connection => drop(outcome),
    }
}

/// Makes the close that follows a reset instead of an orderly end.
fn reset(handle: io::Result<OwnedFd>) {
    let lingered = handle.and_then(|fd| Ok(rustix::net::sockopt::set_socket_linger(&fd, Some(Duration::ZERO))?));
    if let Err(error) = lingered {
        tracing::warn!("the sample site cannot reset a connection: {error}");
    }
}

async fn answer(request: Request<Incoming>, visit: &Visit) -> Answer {
    let path = request.uri().path().to_owned();
    let reading = matches!(*request.method(), Method::GET | Method::HEAD);
    match path.as_str() {
        "/upload" if matches!(*request.method(), Method::POST | Method::PUT) => upload::answer(request).await,
        "/upload" => text(StatusCode::METHOD_NOT_ALLOWED, "Send something here with POST or PUT.\n"),
        _ if !reading => text(StatusCode::METHOD_NOT_ALLOWED, "This address only answers GET and HEAD.\n"),
        "/events" => clock::answer(&visit.stop),
        "/ws" => echo::answer(request, visit),
        "/download" => download::answer(&request),
        "/download.sha256" => download::checksum(&request).await,
        "/slow" => trouble::slow(&request).await,
        "/headers" => page::headers(&request),
        path if path.starts_with("/fail/") => trouble::fail(&request, visit).await,
        path => page::answer(path),
    }
}

/// A whole body.
fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// A short plain answer.
fn text(status: StatusCode, words: &str) -> Answer {
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
        .body(whole(words.to_owned()))
        .expect("status and header are valid")
}

/// A JSON answer that nobody may keep.
fn json(value: &serde_json::Value) -> Answer {
    Response::builder()
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CACHE_CONTROL, "no-store")
        .body(whole(value.to_string()))
        .expect("header is valid")
}

/// A parameter of the query.
fn parameter<'a, B>(request: &'a Request<B>, name: &str) -> Option<&'a str> {
    let pairs = request.uri().query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests;
