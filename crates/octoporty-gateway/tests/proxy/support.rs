//! A gateway over real sockets, a scripted agent on its link, a scripted target behind that, and a raw visitor.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use octoporty_gateway::config::{ApiKey, Limits, Unmapped};
use octoporty_gateway::{Gateway, GatewayConfig};
use octoporty_proto::control::{Control, Hello, VERSION};
use octoporty_proto::model::{
    AccessRecord, Compression, DesiredState, Endpoint, HostHeader, InstanceId, Mapping, MappingId, PathPrefix,
    PrefixHandling, Revision, Scheme, Target, TlsVerification,
};
use octoporty_proto::mux::MuxConfig;
use octoporty_proto::wire::{Blame, Open, Reset, ResetCode, Side};
use octoporty_tunnel::carrier::websocket::{self, Dial};
use octoporty_tunnel::duplex::{DuplexConfig, duplex};
use octoporty_tunnel::link::{self, Incoming, Link, LinkEvents};
use octoporty_tunnel::stream::Stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

/// Never reached when all is right.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Name of the mapped site.
pub(crate) const HOST: &str = "site.example";

const KEY: &str = "0123456789abcdef0123456789abcdef";

pub(crate) async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, work).await {
        Ok(done) => done,
        Err(_) => panic!("{what}: not within {DEADLINE:?}"),
    }
}

/// Looks until something is so.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    within(what, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// What the agent does with the streams that the gateway opens; counts from 0.
type OnStream = Arc<dyn Fn(usize, &Open) -> Option<Reset> + Send + Sync>;

/// How a world is to be.
pub(crate) struct Setup {
    pub(crate) limits: Limits,
    pub(crate) prefix: &'static str,
    pub(crate) handling: PrefixHandling,
    pub(crate) on_stream: OnStream,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            prefix: "/",
            handling: PrefixHandling::Keep,
            on_stream: Arc::new(|_, _| None),
        }
    }
}

/// All of it, running. Tasks end when it is dropped.
pub(crate) struct World {
    gateway: Option<Gateway>,
    pub(crate) address: SocketAddr,
    pub(crate) target: ScriptedTarget,
    pub(crate) link: Link,
    records: mpsc::Receiver<AccessRecord>,
    streams: Arc<Mutex<usize>>,
    end: CancellationToken,
}

impl World {
    pub(crate) async fn new(script: impl Script) -> Self {
        Self::with(Setup::default(), script).await
    }

    pub(crate) async fn with(setup: Setup, script: impl Script) -> Self {
        let end = CancellationToken::new();
        let target = ScriptedTarget::start(script, &end).await;
        Self::before(setup, target, end).await
    }

    /// A world whose target is there already (or is not: a bare address does as well).
    pub(crate) async fn before(setup: Setup, target: ScriptedTarget, end: CancellationToken) -> Self {
        let gateway = Gateway::start(config(setup.limits), Arc::new(octoporty_proto::model::NoLog)).await.unwrap();
        let address = gateway.local_addr();
        let mapping = mapping(target.address, setup.prefix, setup.handling);
        let tasks = TaskTracker::new();
        let (link, events) = connect(address, &mapping, &tasks, &end).await;
        let (tell, records) = mpsc::channel(4096);
        let streams = Arc::new(Mutex::new(0));
        let agent = Agent {
            target: target.address,
            on_stream: setup.on_stream,
            streams: Arc::clone(&streams),
            records: tell,
            tasks: tasks.clone(),
        };
        let until = end.clone();
        tasks.spawn(async move { until.run_until_cancelled(agent.run(events)).await });
        Self { gateway: Some(gateway), address, target, link, records, streams, end }
    }

    pub(crate) async fn visitor(&self) -> Visitor {
        Visitor { socket: TcpStream::connect(self.address).await.unwrap(), read: Vec::new() }
    }

    /// Sends one request over a connection of its own and reads the answer.
    pub(crate) async fn ask(&self, request: &str) -> Reply {
        let mut visitor = self.visitor().await;
        visitor.send(request).await;
        visitor.reply(method_of(request)).await
    }

    /// The next access record.
    pub(crate) async fn record(&mut self) -> AccessRecord {
        within("an access record", self.records.recv()).await.expect("the agent runs")
    }

    /// How many streams the gateway has opened.
    pub(crate) fn streams(&self) -> usize {
        *self.streams.lock().unwrap()
    }

    pub(crate) async fn stop(mut self) {
        if let Some(gateway) = self.gateway.take() {
            within("the gateway stops", gateway.stop(Duration::from_secs(1))).await;
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

fn config(limits: Limits) -> GatewayConfig {
    GatewayConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        agents_port: None,
        api_keys: vec![ApiKey::new(KEY.to_owned()).unwrap()],
        gateway_fqdn: Vec::new(),
        trusted_proxies: Vec::new(),
        unmapped: Unmapped::Json,
        allowed_origins: Vec::new(),
        updates: octoporty_gateway::config::Updates::default(),
        caddy: octoporty_gateway::config::CaddyAdmin::default(),
        limits,
        compression: Compression::Off,
        heartbeat: Duration::from_secs(30),
        shards: 1,
        version: "test".to_owned(),
    }
}

fn mapping(target: SocketAddr, prefix: &str, handling: PrefixHandling) -> Mapping {
    Mapping {
        id: MappingId::from_uuid(Uuid::from_u128(7)),
        name: "site".parse().unwrap(),
        endpoint: Endpoint::Http {
            host: HOST.parse().unwrap(),
            path: prefix.parse::<PathPrefix>().unwrap(),
            prefix: handling,
        },
        target: Target::new(Scheme::Http, &target.ip().to_string(), target.port().into()).unwrap(),
        verification: TlsVerification::Strict,
        host_header: HostHeader::Keep,
        compression: Compression::Off,
    }
}

/// Shakes hands and syncs the one mapping.
async fn connect(
    gateway: SocketAddr,
    mapping: &Mapping,
    tasks: &TaskTracker,
    end: &CancellationToken,
) -> (Link, LinkEvents) {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let dial = Dial {
        url: format!("ws://{gateway}/tunnel").parse().unwrap(),
        authorization: format!("Bearer {KEY}").parse().unwrap(),
        tls: Arc::new(tls),
        proxy: None,
        timeout: DEADLINE,
    };
    let carrier = websocket::dial(&dial).await.unwrap();
    let (link, mut events) = link::start(carrier, Side::Agent, MuxConfig::default(), tasks, end.clone());
    let hello = Hello {
        versions: vec![VERSION],
        features: Vec::new(),
        name: "scripted".parse().unwrap(),
        instance: InstanceId::from_uuid(Uuid::from_u128(1)),
        agent_version: "test".to_owned(),
        session: None,
        gateway_fqdn: Vec::new(),
        bytes_in_flight: None,
        max_streams: None,
    };
    link.send(&Control::Hello(hello)).await.unwrap();
    let state = DesiredState { revision: Revision(1), mappings: vec![mapping.clone()], landing_page: None };
    within("the gateway greets and syncs", async {
        loop {
            match events.next().await.expect("the link stands") {
                Incoming::Control(Control::Welcome(_)) => {
                    link.send(&Control::Sync { request: 1, state: state.clone() }).await.unwrap();
                }
                Incoming::Control(Control::SyncResult { request: Some(1), .. }) => break,
                Incoming::Control(Control::Refused(refused)) => panic!("{refused:?}"),
                _ => {}
            }
        }
    })
    .await;
    (link, events)
}

/// Dials and copies, as the real one does.
struct Agent {
    target: SocketAddr,
    on_stream: OnStream,
    streams: Arc<Mutex<usize>>,
    records: mpsc::Sender<AccessRecord>,
    tasks: TaskTracker,
}

impl Agent {
    async fn run(self, mut events: LinkEvents) {
        while let Some(news) = events.next().await {
            match news {
                Incoming::Stream(open, stream) => self.take(&open, stream),
                Incoming::Control(Control::Access { rows, .. }) => {
                    for row in rows.iter() {
                        self.records.try_send(row.to_record()).unwrap();
                    }
                }
                _ => {}
            }
        }
    }

    fn take(&self, open: &Open, stream: Stream) {
        let number = {
            let mut streams = self.streams.lock().unwrap();
            *streams += 1;
            *streams - 1
        };
        if let Some(reset) = (self.on_stream)(number, open) {
            return stream.reset(reset);
        }
        let target = self.target;
        self.tasks.spawn(async move {
            match TcpStream::connect(target).await {
                Ok(socket) => {
                    socket.set_nodelay(true).unwrap();
                    duplex(socket, stream, bytes::Bytes::new(), DuplexConfig::target()).await;
                }
                Err(_) => stream.reset(Reset::new(ResetCode::TargetRefused, Blame::Target)),
            }
        });
    }
}

/// What a target does with one connection, of which it is told the number.
pub(crate) trait Script: Fn(Connection) -> Acting + Send + Sync + 'static {}
impl<F> Script for F where F: Fn(Connection) -> Acting + Send + Sync + 'static {}

/// A script at work.
pub(crate) type Acting = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// A raw TCP server whose connections are played by a script.
pub(crate) struct ScriptedTarget {
    pub(crate) address: SocketAddr,
    connections: Arc<Mutex<usize>>,
    closed: Arc<Mutex<usize>>,
}

impl ScriptedTarget {
    pub(crate) async fn start(script: impl Script, end: &CancellationToken) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, closed) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)));
        let tasks = TaskTracker::new();
        let (count, ended) = (Arc::clone(&connections), Arc::clone(&closed));
        let until = end.clone();
        let children = tasks.clone();
        tasks.spawn(async move {
            let accept = async {
                loop {
                    let (socket, _) = listener.accept().await.unwrap();
                    socket.set_nodelay(true).unwrap();
                    let number = {
                        let mut count = count.lock().unwrap();
                        *count += 1;
                        *count - 1
                    };
                    let acting = script(Connection { socket, number, read: Vec::new() });
                    let (until, ended) = (until.clone(), Arc::clone(&ended));
                    children.spawn(async move {
                        until.run_until_cancelled(acting).await;
                        *ended.lock().unwrap() += 1;
                    });
                }
            };
            until.run_until_cancelled(accept).await;
        });
        Self { address, connections, closed }
    }

    /// Connections accepted so far.
    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }

    /// Scripts that have come to their end.
    pub(crate) fn closed(&self) -> usize {
        *self.closed.lock().unwrap()
    }
}

/// One connection of a target.
pub(crate) struct Connection {
    pub(crate) socket: TcpStream,
    pub(crate) number: usize,
    read: Vec<u8>,
}

impl Connection {
    /// The next request's head; `None` when the gateway's side closed.
    pub(crate) async fn head(&mut self) -> Option<String> {
        loop {
            if let Some(end) = find(&self.read, b"\r\n\r\n") {
                let head = self.read.drain(..end + 4).collect::<Vec<_>>();
                return Some(String::from_utf8(head).unwrap());
            }
            if self.more().await == 0 {
                return None;
            }
        }
    }

    /// So many bytes of a body.
    pub(crate) async fn body(&mut self, length: usize) -> Vec<u8> {
        while self.read.len() < length {
            assert_ne!(self.more().await, 0, "the body is short");
        }
        self.read.drain(..length).collect()
    }

    /// Everything up to and with these bytes.
    pub(crate) async fn read_until(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = find(&self.read, end.as_bytes()) {
                let text = self.read.drain(..at + end.len()).collect::<Vec<_>>();
                return String::from_utf8(text).unwrap();
            }
            assert_ne!(self.more().await, 0, "the other side closed before {end:?}");
        }
    }

    /// Reads once; how much came. A reset counts as an end.
    pub(crate) async fn more(&mut self) -> usize {
        self.socket.read_buf(&mut self.read).await.unwrap_or(0)
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.send_bytes(text.as_bytes()).await;
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        // The other side may have gone; what the visitor saw of it is what counts.
        if self.socket.write_all(bytes).await.is_err() {
            self.read.clear();
        }
    }

    /// Waits for the other side to close.
    pub(crate) async fn closed(&mut self) {
        while self.more().await > 0 {
            self.read.clear();
        }
    }
}

/// A visitor that speaks HTTP by hand.
pub(crate) struct Visitor {
    pub(crate) socket: TcpStream,
    read: Vec<u8>,
}

/// How an answer's body ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    /// As its framing says.
    Whole,
    /// The connection ended before.
    Cut,
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// The trailer section as it came.
    pub(crate) trailers: String,
    pub(crate) ending: Ending,
}

impl Reply {
    pub(crate) fn status(&self) -> u16 {
        self.head[9..12].parse().unwrap()
    }

    /// Values of a field, in their order.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let lines = self.head.split("\r\n").skip(1).filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    /// The body as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

fn method_of(request: &str) -> &str {
    request.split(' ').next().unwrap()
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

impl Visitor {
    pub(crate) async fn send(&mut self, text: &str) {
        self.socket.write_all(text.as_bytes()).await.unwrap();
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn ask(&mut self, request: &str) -> Reply {
        self.send(request).await;
        self.reply(method_of(request)).await
    }

    /// The next head, interim ones too.
    pub(crate) async fn head(&mut self) -> String {
        within("a head", async {
            loop {
                if let Some(end) = find(&self.read, b"\r\n\r\n") {
                    return String::from_utf8(self.read.drain(..end + 4).collect()).unwrap();
                }
                assert_ne!(self.more().await, 0, "closed within a head: {:?}", String::from_utf8_lossy(&self.read));
            }
        })
        .await
    }

    /// The next answer to a request of this method; interim ones are left out.
    pub(crate) async fn reply(&mut self, method: &str) -> Reply {
        let mut head = self.head().await;
        while head.as_bytes()[9] == b'1' && &head[9..12] != "101" {
            head = self.head().await;
        }
        let mut reply = Reply { head, body: Vec::new(), trailers: String::new(), ending: Ending::Whole };
        let bodiless = method == "HEAD" || matches!(reply.status(), 101 | 204 | 304);
        let length = reply.values("content-length").first().map(|length| length.parse::<usize>().unwrap());
        let chunked = !reply.values("transfer-encoding").is_empty();
        within("a body", async {
            match (bodiless, chunked, length) {
                (true, ..) => {}
                (false, true, _) => self.chunks(&mut reply).await,
                (false, false, length) => self.bytes(&mut reply, length).await,
            }
        })
        .await;
        reply
    }

    async fn bytes(&mut self, reply: &mut Reply, length: Option<usize>) {
        while self.read.len() < length.unwrap_or(usize::MAX) {
            if self.more().await == 0 {
                reply.ending = if length.is_some() { Ending::Cut } else { Ending::Whole };
                break;
            }
        }
        let end = self.read.len().min(length.unwrap_or(usize::MAX));
        reply.body = self.read.drain(..end).collect();
    }

    async fn chunks(&mut self, reply: &mut Reply) {
        while let Some(line) = self.line().await {
            let size = usize::from_str_radix(line.trim_end(), 16).unwrap();
            if size == 0 {
                while let Some(line) = self.line().await {
                    if line == "\r\n" {
                        return;
                    }
                    reply.trailers.push_str(&line);
                }
                break;
            }
            while self.read.len() < size + 2 && self.more().await > 0 {}
            let end = size.min(self.read.len());
            reply.body.extend(self.read.drain(..end));
            let line_end = 2.min(self.read.len());
            self.read.drain(..line_end);
        }
        reply.ending = Ending::Cut;
    }

    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = find(&self.read, b"\r\n") {
                return Some(String::from_utf8(self.read.drain(..end + 2).collect()).unwrap());
            }
            if self.more().await == 0 {
                return None;
            }
        }
    }

    /// Reads once, a reset counting as an end; how much came.
    pub(crate) async fn more(&mut self) -> usize {
        self.socket.read_buf(&mut self.read).await.unwrap_or(0)
    }

    /// Bytes behind what was read as heads and bodies.
    pub(crate) async fn raw(&mut self, length: usize) -> Vec<u8> {
        within("raw bytes", async {
            while self.read.len() < length {
                assert_ne!(self.more().await, 0, "closed early");
            }
            self.read.drain(..length).collect()
        })
        .await
    }
}
