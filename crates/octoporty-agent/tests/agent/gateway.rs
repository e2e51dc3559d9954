//! A gateway in the hands of a test: it answers upgrades by hand, and the test says what goes over each link.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use octoporty_proto::control::{Control, Hello, Welcome, feature};
use octoporty_proto::model::{Compression, DesiredState, Epoch, MappingId, MappingVerdict, SessionId, SyncReport};
use octoporty_proto::mux::MuxConfig;
use octoporty_proto::wire::{Open, Side};
use octoporty_tunnel::carrier::websocket;
use octoporty_tunnel::link::{self, Incoming, Link, LinkEvents};
use octoporty_tunnel::stream::Stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

/// Never reached when all is right.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// The key that the fake gateway takes.
pub(crate) const KEY: &str = "0123456789abcdef0123456789abcdef";

pub(crate) async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, work).await {
        Ok(done) => done,
        Err(_) => panic!("{what}: not within {DEADLINE:?}"),
    }
}

/// What the gateway answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Takes agents.
    #[default]
    Well,
    /// Every request gets this status.
    Status(u16),
    /// Every connection ends without an answer.
    HangsUp,
    /// `/tunnel` gets this status, `/health` is well.
    Refuses(u16),
}

/// How often it was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) tunnel: u32,
    pub(crate) health: u32,
}

pub(crate) struct FakeGateway {
    pub(crate) address: SocketAddr,
    mood: Arc<Mutex<Mood>>,
    asked: watch::Receiver<Asked>,
    links: mpsc::Receiver<GatewayLink>,
    end: CancellationToken,
}

/// The gateway's end of one link.
pub(crate) struct GatewayLink {
    pub(crate) link: Link,
    pub(crate) events: LinkEvents,
}

impl FakeGateway {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tell_asked, asked) = watch::channel(Asked::default());
        let (tell_link, links) = mpsc::channel(16);
        let mood = Arc::new(Mutex::new(Mood::default()));
        let end = CancellationToken::new();
        let tasks = TaskTracker::new();
        let accept = accept(listener, Arc::clone(&mood), tell_asked, tell_link, end.clone(), tasks.clone());
        let until = end.clone();
        tasks.spawn(async move { until.run_until_cancelled(accept).await });
        Self { address, mood, asked, links, end }
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    pub(crate) fn asked(&self) -> Asked {
        *self.asked.borrow()
    }

    pub(crate) async fn asked_until(&mut self, enough: impl Fn(&Asked) -> bool) -> Asked {
        *within("the gateway is asked", self.asked.wait_for(|asked| enough(asked))).await.unwrap()
    }

    /// The next link, greeted by nobody yet.
    pub(crate) async fn link(&mut self) -> GatewayLink {
        within("a link", self.links.recv()).await.expect("the gateway runs")
    }

    /// Whether no link waits to be taken.
    pub(crate) fn has_no_further_link(&mut self) -> bool {
        self.links.try_recv().is_err()
    }

    /// The next link, welcomed.
    pub(crate) async fn welcomed(&mut self, session: SessionId, links: u8) -> (GatewayLink, Hello) {
        let mut link = self.link().await;
        let hello = link.hello().await;
        link.send(Control::Welcome(welcome(session, links))).await;
        (link, hello)
    }

    /// The next link of a new session, welcomed and synced.
    pub(crate) async fn connected(&mut self) -> (GatewayLink, DesiredState) {
        let (mut link, _) = self.welcomed(session(), 1).await;
        let state = link.acknowledge().await;
        (link, state)
    }
}

impl Drop for FakeGateway {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

impl GatewayLink {
    pub(crate) async fn send(&self, message: Control) {
        within("room for a control message", self.link.send(&message)).await.unwrap();
    }

    pub(crate) async fn control(&mut self) -> Control {
        loop {
            match within("a control message", self.events.next()).await {
                Some(Incoming::Control(message)) => return message,
                Some(_) => {}
                None => panic!("the link ended: {:?}", self.link.ended().await),
            }
        }
    }

    pub(crate) async fn hello(&mut self) -> Hello {
        self.hello_unless_ended().await.expect("a hello before the end of the link")
    }

    /// The hello of a link that the agent may have given up.
    pub(crate) async fn hello_unless_ended(&mut self) -> Option<Hello> {
        loop {
            match within("a hello", self.events.next()).await? {
                Incoming::Control(Control::Hello(hello)) => return Some(hello),
                Incoming::Control(other) => panic!("{other:?} instead of a hello"),
                _ => {}
            }
        }
    }

    pub(crate) async fn sync(&mut self) -> (u64, DesiredState) {
        match self.control().await {
            Control::Sync { request, state } => (request, state),
            other => panic!("{other:?} instead of a sync"),
        }
    }

    pub(crate) async fn answer(&self, request: u64, state: &DesiredState) {
        let verdicts = state.mappings.iter().map(|mapping| (mapping.id, MappingVerdict::Applied)).collect();
        let report = SyncReport { revision: state.revision, verdicts };
        self.send(Control::SyncResult { request: Some(request), report }).await;
    }

    /// Takes a sync and says yes to all of it.
    pub(crate) async fn acknowledge(&mut self) -> DesiredState {
        let (request, state) = self.sync().await;
        self.answer(request, &state).await;
        state
    }

    pub(crate) fn open(&self, mapping: MappingId, first: &'static [u8]) -> Stream {
        let open = Open { mapping, visitor: None, compression: Compression::Off };
        self.link.open(&open, Bytes::from_static(first)).unwrap()
    }

    /// Waits for the end of the link, whatever comes before it.
    pub(crate) async fn ended(mut self) -> octoporty_tunnel::link::LinkEnd {
        within("the end of a link", async {
            while self.events.next().await.is_some() {}
            self.link.ended().await
        })
        .await
    }
}

pub(crate) fn session() -> SessionId {
    SessionId::from_uuid(Uuid::new_v4())
}

/// Of a gateway that takes this many links a session; one that takes only one does not have the feature.
pub(crate) fn welcome(session: SessionId, links: u8) -> Welcome {
    let feature = (links > 1).then(|| feature::MULTI_LINK.to_owned());
    Welcome {
        version: 1,
        features: feature.into_iter().collect(),
        session,
        epoch: Epoch(1),
        gateway_version: "9.9.9".to_owned(),
        gateway_uptime_s: 1000,
        links,
        max_streams: 100,
        revision: None,
        bytes_in_flight: None,
        agents_only: false,
    }
}

/// Everything up to the end of the peer's direction.
pub(crate) async fn read_all(stream: &mut Stream) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(bytes) = within("bytes of a stream", stream.recv()).await.unwrap() {
        all.extend_from_slice(&bytes);
    }
    all
}

/// So many bytes.
pub(crate) async fn read_exactly(stream: &mut Stream, length: usize) -> Vec<u8> {
    let mut all = Vec::new();
    while all.len() < length {
        let bytes = within("bytes of a stream", stream.recv()).await.unwrap().expect("more bytes");
        all.extend_from_slice(&bytes);
    }
    all
}

async fn accept(
    listener: TcpListener,
    mood: Arc<Mutex<Mood>>,
    asked: watch::Sender<Asked>,
    links: mpsc::Sender<GatewayLink>,
    end: CancellationToken,
    tasks: TaskTracker,
) {
    loop {
        let (socket, peer) = listener.accept().await.unwrap();
        let mood = *mood.lock().unwrap();
        let serve = serve(socket, peer, mood, asked.clone(), links.clone(), (end.clone(), tasks.clone()));
        tasks.spawn(serve);
    }
}

async fn serve(
    mut socket: TcpStream,
    peer: SocketAddr,
    mood: Mood,
    asked: watch::Sender<Asked>,
    links: mpsc::Sender<GatewayLink>,
    (end, tasks): (CancellationToken, TaskTracker),
) {
    let Some(head) = read_head(&mut socket).await else { return };
    let is_tunnel = head.starts_with("GET /tunnel ");
    asked.send_modify(|asked| if is_tunnel { asked.tunnel += 1 } else { asked.health += 1 });
    let status = match mood {
        Mood::Well if is_tunnel && !head.contains(&format!("Bearer {KEY}")) => 401,
        Mood::Well => 200,
        Mood::HangsUp => return,
        Mood::Status(status) => status,
        Mood::Refuses(status) if is_tunnel => status,
        Mood::Refuses(_) => 200,
    };
    if !is_tunnel || status != 200 {
        let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: close\r\n\r\n");
        // The agent may have gone; the test sees that by itself.
        drop(socket.write_all(answer.as_bytes()).await);
        return;
    }
    let key = header(&head, "sec-websocket-key").expect("a WebSocket upgrade");
    let accept = websocket::accept_key(key);
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    if socket.write_all(answer.as_bytes()).await.is_err() {
        return;
    }
    let carrier = websocket::accepted(socket, Bytes::new(), peer);
    let (link, events) = link::start(carrier, Side::Gateway, mux(), &tasks, end);
    drop(links.send(GatewayLink { link, events }).await);
}

async fn read_head(socket: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, v)| v)
}

fn mux() -> MuxConfig {
    MuxConfig {
        max_streams: 100,
        initial_window: 256 * 1024,
        max_window: 8 * 1024 * 1024,
        max_in_flight: 64 * 1024 * 1024,
        stream_floor: 16 * 1024,
        send_buffer: 256 * 1024,
        probe_interval: Duration::from_secs(10),
    }
}
