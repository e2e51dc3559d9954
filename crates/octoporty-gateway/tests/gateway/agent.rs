//! An agent made of the tunnel's own parts: it serves each stream with a small HTTP answer of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use octoporty_proto::control::{Control, Hello, Refused, Welcome};
use octoporty_proto::model::{
    AccessRecord, DesiredState, Endpoint, InstanceId, LandingPage, Mapping, MappingId, MappingVerdict, Revision,
    SessionId, SyncReport,
};
use octoporty_proto::mux::MuxConfig;
use octoporty_proto::wire::Side;
use octoporty_tunnel::carrier::websocket::{self, Dial, DialError};
use octoporty_tunnel::link::{self, Incoming, Link};
use octoporty_tunnel::stream::Stream;
use octoporty_tunnel::trust::{Trust, client_config};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::{DEADLINE, KEY, in_time};

/// Who an agent says that it is.
#[derive(Clone)]
pub(crate) struct Who {
    pub(crate) name: &'static str,
    pub(crate) instance: InstanceId,
    pub(crate) session: Option<SessionId>,
    pub(crate) fqdn: Vec<String>,
    pub(crate) versions: Vec<u16>,
    /// Most streams that it takes on a link.
    pub(crate) streams: Option<u32>,
}

impl Who {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            instance: InstanceId::from_uuid(Uuid::new_v4()),
            session: None,
            fqdn: Vec::new(),
            versions: Hello::offered_versions(),
            streams: None,
        }
    }

    pub(crate) fn joining(&self, session: SessionId) -> Self {
        Self { session: Some(session), ..self.clone() }
    }
}

/// One link of an agent.
pub(crate) struct Agent {
    pub(crate) link: Link,
    controls: mpsc::Receiver<Control>,
    tracker: TaskTracker,
    cancel: CancellationToken,
    requests: u64,
    /// Requests whose head has come.
    pub(crate) seen: Arc<AtomicU32>,
    /// A permit lets one `/slow` or `/hints` request be answered.
    pub(crate) go_on: Arc<Semaphore>,
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

pub(crate) async fn dial(
    gateway: SocketAddr,
    key: &str,
) -> Result<Box<dyn octoporty_tunnel::carrier::Carrier>, DialError> {
    let dial = Dial {
        url: format!("ws://{gateway}/tunnel").parse().unwrap(),
        authorization: format!("Bearer {key}").parse().unwrap(),
        tls: client_config(&Trust::PublicRoots).unwrap(),
        proxy: None,
        timeout: DEADLINE,
    };
    websocket::dial(&dial).await
}

impl Agent {
    /// Connects, says hello, and gives the gateway's answer.
    pub(crate) async fn knock(gateway: SocketAddr, who: &Who) -> (Self, Control) {
        let carrier = dial(gateway, KEY).await.unwrap();
        let (tracker, cancel) = (TaskTracker::new(), CancellationToken::new());
        let (link, mut events) = link::start(carrier, Side::Agent, MuxConfig::default(), &tracker, cancel.clone());
        let (sender, controls) = mpsc::channel(64);
        let name = who.name;
        let inner = tracker.clone();
        let seen = Arc::new(AtomicU32::new(0));
        let go_on = Arc::new(Semaphore::new(0));
        let (counter, gate) = (Arc::clone(&seen), Arc::clone(&go_on));
        tracker.spawn(async move {
            while let Some(incoming) = events.next().await {
                match incoming {
                    Incoming::Control(control) => {
                        let heard = sender.send(control).await;
                        if heard.is_err() {
                            return;
                        }
                    }
                    Incoming::Stream(_, stream) => {
                        inner.spawn(serve(stream, name, Arc::clone(&counter), Arc::clone(&gate)));
                    }
                    _ => {}
                }
            }
        });
        let mut agent = Self { link, controls, tracker, cancel, requests: 0, seen, go_on };
        let hello = Hello {
            versions: who.versions.clone(),
            features: vec!["lz4".to_owned(), "multi_link".to_owned(), "ask".to_owned(), "of the future".to_owned()],
            name: who.name.parse().unwrap(),
            instance: who.instance,
            agent_version: "0.0.0-test".to_owned(),
            session: who.session,
            gateway_fqdn: who.fqdn.clone(),
            bytes_in_flight: None,
            max_streams: who.streams,
        };
        agent.link.send(&Control::Hello(hello)).await.unwrap();
        let answer = agent.next_control().await;
        (agent, answer)
    }

    pub(crate) async fn connect(gateway: SocketAddr, who: &Who) -> (Self, Welcome) {
        match Self::knock(gateway, who).await {
            (agent, Control::Welcome(welcome)) => (agent, welcome),
            (_, other) => panic!("{} was not welcome: {other:?}", who.name),
        }
    }

    pub(crate) async fn refused(gateway: SocketAddr, who: &Who) -> Refused {
        match Self::knock(gateway, who).await {
            (_, Control::Refused(refused)) => refused,
            (_, other) => panic!("{} was not refused: {other:?}", who.name),
        }
    }

    /// The next control message.
    pub(crate) async fn next_control(&mut self) -> Control {
        in_time("a control message", self.controls.recv()).await.expect("the link stands")
    }

    pub(crate) async fn sync(&mut self, state: DesiredState) -> SyncReport {
        self.requests += 1;
        let request = self.requests;
        self.link.send(&Control::Sync { request, state }).await.unwrap();
        loop {
            if let Control::SyncResult { request: Some(of), report } = self.next_control().await {
                assert_eq!(of, request);
                return report;
            }
        }
    }

    /// The next report that was not asked for.
    pub(crate) async fn notice(&mut self) -> SyncReport {
        loop {
            if let Control::SyncResult { request: None, report } = self.next_control().await {
                return report;
            }
        }
    }

    /// Access records until `wanted` came.
    pub(crate) async fn records(&mut self, wanted: usize) -> Vec<AccessRecord> {
        let mut records = Vec::new();
        while records.len() < wanted {
            if let Control::Access { rows, dropped } = self.next_control().await {
                assert_eq!(dropped, 0);
                records.extend(rows.iter().map(|row| row.to_record()));
            }
        }
        records
    }

    /// Ends the connection without a word, as a crash does, and waits until its tasks are gone.
    pub(crate) async fn crash(self) {
        self.cancel.cancel();
        self.tracker.close();
        in_time("the agent's end", self.tracker.wait()).await;
    }
}

/// Answers every request on a stream with who serves it.
async fn serve(mut stream: Stream, name: &'static str, seen: Arc<AtomicU32>, go_on: Arc<Semaphore>) {
    let mut head = Vec::new();
    while let Ok(Some(bytes)) = stream.recv().await {
        head.extend_from_slice(&bytes);
        while let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&head[..end]).into_owned();
            head.drain(..end + 4);
            seen.fetch_add(1, Ordering::Relaxed);
            if text.starts_with("GET /hints") {
                let hints = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n";
                if stream.send(Bytes::from_static(hints)).await.is_err() {
                    return;
                }
            }
            if text.starts_with("GET /slow") || text.starts_with("GET /hints") {
                go_on.acquire().await.unwrap().forget();
            }
            let body = format!("served by {name}\n{text}");
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            if stream.send(Bytes::from(answer)).await.is_err() {
                return;
            }
        }
    }
}

pub(crate) fn mapping(host: &str, path: &str) -> Mapping {
    Mapping {
        id: MappingId::from_uuid(Uuid::new_v4()),
        name: format!("{host}{path}").parse().unwrap(),
        endpoint: Endpoint::Http {
            host: host.parse().unwrap(),
            path: path.parse().unwrap(),
            prefix: octoporty_proto::model::PrefixHandling::Keep,
        },
        target: "http://127.0.0.1:1".parse().unwrap(),
        verification: octoporty_proto::model::TlsVerification::Strict,
        host_header: octoporty_proto::model::HostHeader::Keep,
        compression: octoporty_proto::model::Compression::Off,
    }
}

pub(crate) fn state(revision: u64, mappings: &[Mapping]) -> DesiredState {
    DesiredState { revision: Revision(revision), mappings: mappings.to_vec(), landing_page: None }
}

pub(crate) fn landing(html: &str) -> Option<LandingPage> {
    Some(LandingPage::new(html.to_owned()).unwrap())
}

/// `applied`, or the code and text of the refusal.
pub(crate) fn verdicts(report: &SyncReport) -> Vec<String> {
    let text = |verdict: &MappingVerdict| match verdict {
        MappingVerdict::Applied => "applied".to_owned(),
        MappingVerdict::Refused(refusal) => format!("{:?}: {}", refusal.code, refusal.reason),
    };
    report.verdicts.iter().map(|(_, verdict)| text(verdict)).collect()
}
