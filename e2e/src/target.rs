//! Targets: scripted ones that show and do exactly what a test needs, and nginx and Python as ones that are not ours.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::process::Process;

type Handler = Arc<dyn Fn(Peer) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// A scripted target: one function a connection.
#[derive(Debug)]
pub struct Target {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    stop: CancellationToken,
    tracker: TaskTracker,
}

impl Target {
    /// Listens on a free port of `ip` and gives each connection to `handler`.
    ///
    /// # Panics
    /// If it cannot listen.
    pub async fn start<F, Fut>(ip: IpAddr, handler: F) -> Self
    where
        F: Fn(Peer) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self::start_at(SocketAddr::new(ip, 0), handler).await
    }

    /// As [`Self::start`], at this address.
    ///
    /// # Panics
    /// If it cannot listen.
    pub async fn start_at<F, Fut>(address: SocketAddr, handler: F) -> Self
    where
        F: Fn(Peer) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |peer| Box::pin(handler(peer)));
        let socket = if address.is_ipv4() { tokio::net::TcpSocket::new_v4() } else { tokio::net::TcpSocket::new_v6() };
        let socket = socket.expect("a socket");
        socket.set_reuseaddr(true).expect("SO_REUSEADDR");
        socket.bind(address).expect("a free port");
        let listener = socket.listen(1024).expect("listen");
        let target = Self {
            address: listener.local_addr().expect("bound"),
            connections: Arc::default(),
            stop: CancellationToken::new(),
            tracker: TaskTracker::new(),
        };
        let accept = accept(listener, handler, target.connections.clone(), target.stop.clone(), target.tracker.clone());
        target.tracker.spawn(accept);
        target
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections taken so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Closes the listener and every connection.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(
    listener: TcpListener,
    handler: Handler,
    connections: Arc<AtomicUsize>,
    stop: CancellationToken,
    tracker: TaskTracker,
) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((socket, _)) = accepted else { continue };
        socket.set_nodelay(true).ok();
        connections.fetch_add(1, Ordering::SeqCst);
        let run = handler(Peer { io: BufReader::new(socket) });
        let stop = stop.clone();
        tracker.spawn(async move {
            tokio::select! { () = stop.cancelled() => {}, () = run => {} }
        });
    }
}

/// A request as the target saw it.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Method, target and version as they stood.
    pub line: String,
    /// Headers in their order.
    pub headers: Vec<(String, String)>,
    /// Body without its framing.
    pub body: Vec<u8>,
    /// Trailers.
    pub trailers: Vec<(String, String)>,
}

impl Seen {
    /// All values of a header.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str()).collect()
    }

    /// First value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    /// The request target.
    #[must_use]
    pub fn path(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &str {
        self.line.split(' ').next().unwrap_or_default()
    }
}

/// One connection at a target.
#[derive(Debug)]
pub struct Peer {
    io: BufReader<TcpStream>,
}

impl Peer {
    /// Reads a request's head; `None` when the connection ended.
    pub async fn head(&mut self) -> Option<Seen> {
        let mut line = String::new();
        if self.io.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        Some(Seen { line: line.trim_end().to_owned(), headers: self.fields().await?, ..Seen::default() })
    }

    async fn fields(&mut self) -> Option<Vec<(String, String)>> {
        let mut fields = Vec::new();
        loop {
            let mut line = String::new();
            if self.io.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            let line = line.trim_end_matches(['\r', '\n']);
            if line.is_empty() {
                return Some(fields);
            }
            let (name, value) = line.split_once(':')?;
            fields.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    /// Reads a whole request.
    pub async fn request(&mut self) -> Option<Seen> {
        let mut seen = self.head().await?;
        self.body(&mut seen).await?;
        Some(seen)
    }

    /// Reads the body that a head announces.
    pub async fn body(&mut self, seen: &mut Seen) -> Option<()> {
        if seen.header("transfer-encoding").is_some() {
            loop {
                let mut line = String::new();
                self.io.read_line(&mut line).await.ok().filter(|n| *n > 0)?;
                let size = usize::from_str_radix(line.trim(), 16).ok()?;
                if size == 0 {
                    seen.trailers = self.fields().await?;
                    return Some(());
                }
                let start = seen.body.len();
                seen.body.resize(start + size, 0);
                self.io.read_exact(&mut seen.body[start..]).await.ok()?;
                self.io.read_exact(&mut [0; 2]).await.ok()?;
            }
        }
        let length: usize = seen.header("content-length").and_then(|n| n.parse().ok()).unwrap_or(0);
        seen.body.resize(length, 0);
        self.io.read_exact(&mut seen.body).await.ok()?;
        Some(())
    }

    /// One chunk of a chunked body; empty for the last one (its trailers are read and dropped).
    pub async fn chunk(&mut self) -> Option<Vec<u8>> {
        let mut line = String::new();
        self.io.read_line(&mut line).await.ok().filter(|n| *n > 0)?;
        let size = usize::from_str_radix(line.trim(), 16).ok()?;
        if size == 0 {
            self.fields().await?;
            return Some(Vec::new());
        }
        let mut chunk = vec![0; size];
        self.io.read_exact(&mut chunk).await.ok()?;
        self.io.read_exact(&mut [0; 2]).await.ok()?;
        Some(chunk)
    }

    /// Sends bytes as they are; `false` when the connection broke.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        self.io.get_mut().write_all(bytes).await.is_ok()
    }

    /// A plain 200 with this body, kept alive.
    pub async fn ok(&mut self, body: &str) -> bool {
        self.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).await
    }

    /// Ends the sending direction.
    pub async fn finish(&mut self) {
        self.io.get_mut().shutdown().await.ok();
    }

    /// Reads bytes as they come; empty at the end or when it broke.
    pub async fn read_some(&mut self) -> Vec<u8> {
        let mut buffer = vec![0; 65536];
        let n = self.io.read(&mut buffer).await.unwrap_or(0);
        buffer.truncate(n);
        buffer
    }

    /// Waits until the other side closes or resets; throws away what comes.
    pub async fn closed(&mut self) {
        while !self.read_some().await.is_empty() {}
    }

    /// Closes with a reset.
    pub fn abort(self) {
        let socket = self.io.into_inner();
        socket2::SockRef::from(&socket).set_linger(Some(std::time::Duration::ZERO)).ok();
    }

    /// The socket.
    #[must_use]
    pub fn into_socket(self) -> TcpStream {
        self.io.into_inner()
    }
}

/// A target that answers every request with what it saw, as JSON.
pub async fn mirror(ip: IpAddr) -> Target {
    Target::start(ip, |mut peer| async move {
        while let Some(seen) = peer.request().await {
            let document = serde_json::json!({
                "line": seen.line, "headers": seen.headers, "trailers": seen.trailers,
                "body": String::from_utf8_lossy(&seen.body), "length": seen.body.len(),
            })
            .to_string();
            if !peer.ok(&document).await {
                return;
            }
        }
    })
    .await
}

/// nginx with this server block, at a free port of `ip`; the block's `LISTEN` is replaced by the address.
///
/// # Panics
/// If nginx is not installed or does not start.
pub async fn nginx(dir: &Path, ip: IpAddr, server: &str) -> (Process, SocketAddr) {
    let address = free_address(ip);
    let root = dir.join("nginx");
    std::fs::create_dir_all(&root).expect("the test's folder is writable");
    let config = format!(
        "daemon off; master_process off; pid {root}/pid; error_log {root}/error.log; worker_processes 1; events {{}}\n\
         http {{ access_log off; client_body_temp_path {root}/b; proxy_temp_path {root}/p; fastcgi_temp_path {root}/f;\n\
         uwsgi_temp_path {root}/u; scgi_temp_path {root}/s; client_max_body_size 0;\n\
         server {{ {server} }} }}\n",
        root = root.display(),
        server = server.replace("LISTEN", &address.to_string()),
    );
    let file = root.join("nginx.conf");
    std::fs::write(&file, config).expect("writable");
    let mut command = Command::new("nginx");
    command.arg("-c").arg(&file).arg("-p").arg(&root).arg("-e").arg(root.join("error.log"));
    let process = Process::spawn("nginx", dir, &mut command);
    listening(address).await;
    (process, address)
}

/// A port of `ip` that was free a moment ago. Tests have loopback addresses of their own, so nobody else takes it.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn free_address(ip: IpAddr) -> SocketAddr {
    let probe = std::net::TcpListener::bind((ip, 0)).expect("a free port");
    probe.local_addr().expect("bound")
}

/// Waits until somebody listens there.
pub async fn listening(address: SocketAddr) {
    crate::eventually(&format!("somebody listens on {address}"), || async {
        TcpStream::connect(address).await.ok().map(drop)
    })
    .await;
}

/// A Python that has the tests' packages: `OCTOPORTY_PYTHON`, or the environment that `make setup` makes.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn python() -> std::path::PathBuf {
    let path = std::env::var_os("OCTOPORTY_PYTHON")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/python/bin/python"), Into::into);
    assert!(path.exists(), "{} is not there: run `make setup` first", path.display());
    path
}
