//! A gateway's end and an agent's end of one link over real TCP and WebSocket, with a relay between that can be
//! frozen and cut.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use octoporty_proto::control::{Control, Decoder};
use octoporty_proto::model::{Compression, MappingId};
use octoporty_proto::mux::{Mux, MuxConfig};
use octoporty_proto::wire::{Open, Side};
use octoporty_tunnel::carrier::websocket::{self, Dial};
use octoporty_tunnel::carrier::{Carrier, Farewell};
use octoporty_tunnel::link::{self, Incoming, Link, LinkEvents};
use octoporty_tunnel::stream::Stream;
use octoporty_tunnel::trust::{Trust, client_config};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Never reached when things are right, whatever the machine does besides.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) const SECRET: &str = "Bearer 0123456789abcdef0123456789abcdef";

/// Waits for something that must come.
pub(crate) async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, work).await {
        Ok(done) => done,
        Err(_) => panic!("{what} did not come within {DEADLINE:?}"),
    }
}

/// Tasks that end with the test.
pub(crate) struct Tasks {
    pub(crate) tracker: TaskTracker,
    pub(crate) cancel: CancellationToken,
}

impl Tasks {
    pub(crate) fn new() -> Self {
        Self { tracker: TaskTracker::new(), cancel: CancellationToken::new() }
    }

    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let cancel = self.cancel.clone();
        self.tracker.spawn(async move {
            tokio::select! {
                () = cancel.cancelled() => {}
                () = work => {}
            }
        });
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

pub(crate) struct End {
    pub(crate) link: Link,
    pub(crate) events: LinkEvents,
}

impl End {
    /// The next stream that the peer opens.
    pub(crate) async fn stream(&mut self) -> (Open, Stream) {
        soon("a stream", async {
            loop {
                match self.events.next().await {
                    Some(Incoming::Stream(open, stream)) => return (open, stream),
                    Some(_) => {}
                    None => panic!("the link ended: {:?}", self.link.ended().await),
                }
            }
        })
        .await
    }
}

pub(crate) struct Rig {
    pub(crate) tasks: Tasks,
    pub(crate) gateway: End,
    pub(crate) agent: End,
    pub(crate) relay: Relay,
}

pub(crate) fn config() -> MuxConfig {
    MuxConfig::default()
}

impl Rig {
    pub(crate) async fn new() -> Self {
        Self::with(config()).await
    }

    pub(crate) async fn with(config: MuxConfig) -> Self {
        let tasks = Tasks::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let relay = Relay::start(&tasks, listener.local_addr().unwrap()).await;
        let dial = dial_to(&format!("ws://{}/tunnel", relay.address));
        let (dialled, accepted) = soon("a link", async {
            tokio::join!(websocket::dial(&dial), async { accept(listener.accept().await.unwrap().0).await })
        })
        .await;
        let start = |carrier, side| {
            let (link, events) = link::start(carrier, side, config.clone(), &tasks.tracker, tasks.cancel.child_token());
            End { link, events }
        };
        let (gateway, agent) = (start(accepted, Side::Gateway), start(dialled.unwrap(), Side::Agent));
        Self { tasks, gateway, agent, relay }
    }

    /// A stream opened by the gateway, and its other end.
    pub(crate) async fn stream(&mut self, first: &'static [u8]) -> (Stream, Stream) {
        let ours = self.gateway.link.open(&open(), Bytes::from_static(first)).unwrap();
        let (_, theirs) = self.agent.stream().await;
        (ours, theirs)
    }
}

/// An agent's end without a link's task: what it sends, and when, is the test's.
pub(crate) struct Bare {
    carrier: Box<dyn Carrier>,
    mux: Mux,
    decoder: Decoder,
}

impl Bare {
    /// With the gateway's end of the same link.
    pub(crate) async fn new(tasks: &Tasks) -> (Self, End) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dial = dial_to(&format!("ws://{}/tunnel", listener.local_addr().unwrap()));
        let (dialled, accepted) = soon("a link", async {
            tokio::join!(websocket::dial(&dial), async { accept(listener.accept().await.unwrap().0).await })
        })
        .await;
        let cancel = tasks.cancel.child_token();
        let (link, events) = link::start(accepted, Side::Gateway, config(), &tasks.tracker, cancel);
        let mux = Mux::new(Side::Agent, config(), Instant::now());
        (Self { carrier: dialled.unwrap(), mux, decoder: Decoder::default() }, End { link, events })
    }

    /// Queues bytes of stream 0 and writes what may go.
    pub(crate) async fn send_control(&mut self, bytes: Vec<u8>) {
        assert!(self.mux.send_control(bytes.into()));
        self.flush().await;
    }

    async fn flush(&mut self) {
        let mut frames = Vec::new();
        self.mux.transmit(Instant::now(), usize::MAX, &mut frames);
        self.carrier.start_send(&mut frames).unwrap();
        soon("a write", std::future::poll_fn(|cx| self.carrier.poll_flush(cx))).await.unwrap();
    }

    /// The next control message; `Err`: the gateway closed, and what it said.
    pub(crate) async fn next(&mut self) -> Result<Control, Option<Farewell>> {
        loop {
            if let Some(message) = self.decoder.next().unwrap() {
                return Ok(message);
            }
            match soon("bytes", std::future::poll_fn(|cx| self.carrier.poll_receive(cx))).await {
                Some(bytes) => self.mux.receive(Instant::now(), bytes.unwrap()).unwrap(),
                None => return Err(self.carrier.farewell().cloned()),
            }
            while let Some(bytes) = self.mux.recv_control() {
                self.decoder.feed(&bytes);
            }
            self.flush().await;
        }
    }
}

pub(crate) fn open() -> Open {
    Open { mapping: MappingId::from_uuid(uuid::Uuid::from_u128(7)), visitor: None, compression: Compression::Off }
}

pub(crate) fn dial_to(url: &str) -> Dial {
    let mut authorization = http::HeaderValue::from_static(SECRET);
    authorization.set_sensitive(true);
    Dial {
        url: url.parse().unwrap(),
        authorization,
        tls: client_config(&Trust::PublicRoots).unwrap(),
        proxy: None,
        timeout: DEADLINE,
    }
}

/// Reads a request's head, and what came behind it.
pub(crate) async fn read_head(socket: &mut TcpStream) -> (String, Bytes) {
    let mut buffer = BytesMut::new();
    loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = buffer.split_to(end + 4);
            return (String::from_utf8(head.to_vec()).unwrap(), buffer.freeze());
        }
        assert_ne!(socket.read_buf(&mut buffer).await.unwrap(), 0, "closed in the middle of a head: {buffer:?}");
    }
}

pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// Answers an upgrade as a gateway does.
pub(crate) async fn accept(mut socket: TcpStream) -> Box<dyn Carrier> {
    let (head, rest) = read_head(&mut socket).await;
    assert!(head.starts_with("GET /tunnel HTTP/1.1\r\n"), "{head}");
    assert_eq!(header(&head, "authorization"), Some(SECRET));
    let accept = websocket::accept_key(header(&head, "sec-websocket-key").unwrap());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    socket.write_all(answer.as_bytes()).await.unwrap();
    let peer = socket.peer_addr().unwrap();
    websocket::accepted(socket, rest, peer)
}

/// Copies between whoever connects and `to`, until it is told otherwise.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    flow: Arc<watch::Sender<Flow>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Flow {
    Open,
    Frozen,
    Cut,
}

impl Relay {
    pub(crate) async fn start(tasks: &Tasks, to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let flow = Arc::new(watch::Sender::new(Flow::Open));
        let (tracker, cancel) = (tasks.tracker.clone(), tasks.cancel.clone());
        let told = Arc::clone(&flow);
        tasks.spawn(async move {
            while let Ok((here, _)) = listener.accept().await {
                let there = TcpStream::connect(to).await.unwrap();
                let (here_in, here_out) = here.into_split();
                let (there_in, there_out) = there.into_split();
                for (from, into) in [(here_in, there_out), (there_in, here_out)] {
                    let (flow, cancel) = (told.subscribe(), cancel.clone());
                    tracker.spawn(async move {
                        tokio::select! {
                            () = cancel.cancelled() => {}
                            () = pump(from, into, flow) => {}
                        }
                    });
                }
            }
        });
        Self { address, flow }
    }

    pub(crate) fn freeze(&self) {
        self.flow.send_replace(Flow::Frozen);
    }

    pub(crate) fn thaw(&self) {
        self.flow.send_replace(Flow::Open);
    }

    pub(crate) fn cut(&self) {
        self.flow.send_replace(Flow::Cut);
    }
}

async fn pump(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut into: tokio::net::tcp::OwnedWriteHalf,
    mut flow: watch::Receiver<Flow>,
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = tokio::select! {
            biased;
            _ = flow.wait_for(|flow| *flow == Flow::Cut) => return,
            length = from.read(&mut buffer) => length.unwrap_or(0),
        };
        if flow.wait_for(|flow| *flow != Flow::Frozen).await.is_err() || *flow.borrow() == Flow::Cut {
            return;
        }
        if length == 0 {
            into.shutdown().await.ok();
            return;
        }
        if into.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

/// Byte number `at` of a test's body: no two pieces that are swapped, lost or doubled look right.
pub(crate) fn pattern(at: u64, length: usize) -> Bytes {
    (at..at + length as u64).map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect()
}

/// Sends `total` bytes of the pattern and finishes.
pub(crate) async fn send_pattern(stream: &mut Stream, total: u64) {
    let mut at = 0;
    while at < total {
        let length = usize::try_from((total - at).min(60_000)).unwrap();
        stream.send(pattern(at, length)).await.unwrap();
        at += length as u64;
    }
    stream.finish().unwrap();
}

/// Receives to the end; every byte must be the pattern's.
pub(crate) async fn check_pattern(stream: &mut Stream, total: u64) {
    let mut at = 0;
    while let Some(bytes) = stream.recv().await.unwrap() {
        assert!(bytes == pattern(at, bytes.len()), "wrong bytes behind byte {at}");
        at += bytes.len() as u64;
    }
    assert_eq!(at, total);
}

/// Takes exactly `length` bytes.
pub(crate) async fn take(stream: &mut Stream, length: usize) -> Vec<u8> {
    let mut taken = vec![0; length];
    soon("bytes", stream.read_exact(&mut taken)).await.unwrap();
    taken
}
