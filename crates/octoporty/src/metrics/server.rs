//! The port of its own on which figures are shown. It listens before its role starts, so that a port in use is told
//! before anything has begun, and answers until the role has ended.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use octoporty_console::config::MetricsToken;
use octoporty_console::ports::METRICS_TYPE;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Source;
use crate::settings::metrics::MetricsSettings;

/// Connections at a time: a few scrapers. Others wait to be accepted.
const MAX_CONNECTIONS: usize = 32;
/// The head of a request must be there within this: whoever has no token may hold a place for no longer.
const HEAD: Duration = Duration::from_secs(5);
/// A connection serves one request, and lasts no longer than this: a scraper that reads slowly has made its point.
const WHOLE: Duration = Duration::from_secs(30);
/// How long to wait after a failed accept (usually: no file descriptor is left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why figures cannot be shown.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} for /metrics: {source}; set {key} to a free port, or unset it")]
pub(crate) struct MetricsError {
    key: &'static str,
    address: SocketAddr,
    source: io::Error,
}

/// A port that is taken; who connects already waits.
#[derive(Debug)]
pub(crate) struct Bound {
    listener: TcpListener,
    token: Option<MetricsToken>,
}

/// A port that answers.
#[derive(Debug)]
pub(crate) struct Server {
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Takes the port, if there shall be one.
///
/// # Errors
/// It is in use or may not be taken.
pub(crate) async fn bind(settings: &MetricsSettings) -> Result<Option<Bound>, MetricsError> {
    let Some(address) = settings.listen else { return Ok(None) };
    let listener = match TcpListener::bind(address).await {
        // A machine without IPv6.
        Err(_) if address.ip().is_unspecified() && address.is_ipv6() => {
            TcpListener::bind((IpAddr::from(Ipv4Addr::UNSPECIFIED), address.port())).await
        }
        bound => bound,
    };
    let listener = listener.map_err(|source| MetricsError { key: settings.port_key, address, source })?;
    Ok(Some(Bound { listener, token: settings.token.clone() }))
}

impl Bound {
    /// Begins to answer.
    pub(crate) fn serve(self, source: Source) -> Server {
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        if let Ok(address) = self.listener.local_addr() {
            tracing::info!(%address, "figures are shown at /metrics");
        }
        let page = Arc::new(Page { source, token: self.token });
        tasks.spawn(accept(self.listener, page, stop.clone(), tasks.clone()));
        Server { stop, tasks }
    }
}

impl Server {
    /// Ends every connection.
    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// What is answered, and to whom.
struct Page {
    source: Source,
    token: Option<MetricsToken>,
}

async fn accept(listener: TcpListener, page: Arc<Page>, stop: CancellationToken, tasks: TaskTracker) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = async {
                let permit = Arc::clone(&room).acquire_owned().await;
                (listener.accept().await, permit)
            } => accepted,
        };
        match accepted {
            (Ok((socket, _)), permit) => {
                let serve = serve(socket, Arc::clone(&page), stop.clone());
                tasks.spawn(async move {
                    serve.await;
                    drop(permit);
                });
            }
            (Err(error), _) => {
                tracing::warn!("figures: cannot accept: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(socket: TcpStream, page: Arc<Page>, stop: CancellationToken) {
    let service = service_fn(move |request| {
        let page = Arc::clone(&page);
        async move { Ok::<_, Infallible>(page.answer(&request).await) }
    });
    let mut server = http1::Builder::new();
    let server = server.timer(TokioTimer::new()).header_read_timeout(HEAD).keep_alive(false);
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        ended = tokio::time::timeout(WHOLE, server.serve_connection(TokioIo::new(socket), service)) => match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a reader of figures went away"),
            Err(_) => tracing::debug!("a reader of figures took too long"),
        },
    }
}

impl Page {
    async fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if request.uri().path() != "/metrics" {
            return plain(StatusCode::NOT_FOUND, "The figures are at /metrics.\n".to_owned());
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "The figures are read by GET.\n".to_owned());
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        if self.token.as_ref().is_some_and(|token| !token.is_brought_by(request.headers())) {
            let text = "A token is needed: Authorization: Bearer, with that of Metrics__Token.\n".to_owned();
            let mut answer = plain(StatusCode::UNAUTHORIZED, text);
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            return answer;
        }
        let mut answer = plain(StatusCode::OK, (self.source)().await);
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(METRICS_TYPE));
        answer
    }
}

fn plain(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from(text)));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
