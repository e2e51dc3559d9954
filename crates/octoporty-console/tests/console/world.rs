//! A console with an agent of the tests' own, on a free port, with its database in a folder that goes with it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use octoporty_console::config::{PasswordHash, Retention, TrustedProxies};
use octoporty_console::{
    AgentControl, AgentPorts, Capabilities, Clock, Console, ConsoleConfig, ConsoleFigures, MetricsText, Side,
    StartError,
};
use octoporty_proto::model::{
    AccessRecord, AccessRows, AgentStatus, Answer as Told, AskError, ConnectionState, DesiredState, LogEntry, LogPage,
    LogPlace, LogQuery, LogSource, MappingId, Probe, ProbeAnswer, ProbeReport, ProbeTiming, ProbeVia, ProbeWay,
    Question, SessionRecord, SyncReport, Target, TargetCheck, TargetHealth, TlsVerification,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};

use crate::client::{Answer, Call, PATIENCE};

pub(crate) const PASSWORD: &str = "eight arms";
/// The tests' clock begins here.
pub(crate) const NOW: u64 = 1_800_000_000_000;

/// What the console asked of its agent.
#[derive(Default)]
pub(crate) struct FakeAgent {
    pub(crate) reconnects: AtomicUsize,
    pub(crate) checks: Mutex<Vec<(Target, TlsVerification)>>,
    pub(crate) health: Mutex<Option<TargetHealth>>,
    pub(crate) questions: Mutex<Vec<Question>>,
    /// What the gateway says next; without one, nobody is connected.
    pub(crate) answer: Mutex<Option<Result<Told, AskError>>>,
    /// The gateway's log, for a gateway that shows it.
    pub(crate) gateway_log: Mutex<Option<Arc<FakeLog>>>,
    pub(crate) probes: Mutex<Vec<Probe>>,
    /// What a probe gives; [`Self::plain_answer`] by default.
    pub(crate) reports: Mutex<Option<ReportOf>>,
    /// Whether probes never end.
    pub(crate) is_stuck: AtomicBool,
}

type ReportOf = Box<dyn Fn(&Probe) -> ProbeReport + Send>;

impl FakeAgent {
    /// A plain answer, with the id of the gateway where it came through that.
    pub(crate) fn plain_answer(probe: &Probe) -> ProbeReport {
        let is_public = matches!(probe.way, ProbeWay::Public { .. });
        let mut headers = vec![("content-type".to_owned(), b"text/plain".to_vec())];
        headers.extend(is_public.then(|| ("x-octoporty-request-id".to_owned(), b"request-1".to_vec())));
        ProbeReport {
            dialled: "http://127.0.0.1:80".to_owned(),
            address: "127.0.0.1:80".parse().ok(),
            via: is_public.then_some(ProbeVia::Dns),
            detour: None,
            timing: ProbeTiming { connect: Some(Duration::from_millis(1)), ..ProbeTiming::default() },
            outcome: Ok(ProbeAnswer {
                status: 200,
                version: "HTTP/1.1",
                headers,
                body: b"hello".to_vec(),
                truncated: false,
                broken: None,
            }),
        }
    }
}

impl AgentControl for FakeAgent {
    fn ask(&self, question: Question) -> Pin<Box<dyn Future<Output = Result<Told, AskError>> + Send + '_>> {
        self.questions.lock().unwrap().push(question);
        let log = self.gateway_log.lock().unwrap().clone();
        if let (Some(log), Some(Question::Log(query))) = (log, self.questions.lock().unwrap().last()) {
            let page = log.page(query);
            return Box::pin(async move { Ok(Told::Log(page)) });
        }
        let answer = self.answer.lock().unwrap().clone().unwrap_or(Err(AskError::NotConnected));
        Box::pin(async move { answer })
    }

    fn reconnect(&self) {
        self.reconnects.fetch_add(1, Ordering::SeqCst);
    }

    fn check_target(
        &self,
        target: Target,
        verification: TlsVerification,
    ) -> Pin<Box<dyn Future<Output = TargetCheck> + Send + '_>> {
        self.checks.lock().unwrap().push((target.clone(), verification));
        let health = self.health.lock().unwrap().clone().unwrap_or(TargetHealth::Up);
        let up = health == TargetHealth::Up;
        Box::pin(async move {
            TargetCheck {
                target,
                verification,
                health,
                address: up.then(|| "127.0.0.1:3000".parse().unwrap()),
                took: Duration::from_micros(1_500),
                status: up.then_some(200),
            }
        })
    }

    fn probe(&self, probe: Probe) -> Pin<Box<dyn Future<Output = ProbeReport> + Send + '_>> {
        let report = self.reports.lock().unwrap().as_ref().map_or_else(|| Self::plain_answer(&probe), |of| of(&probe));
        self.probes.lock().unwrap().push(probe);
        Box::pin(async move {
            if self.is_stuck.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            report
        })
    }
}

/// A log that tests write, oldest first. It has no files, and takes a query at its word.
#[derive(Debug, Default)]
pub(crate) struct FakeLog(pub(crate) Mutex<Vec<LogEntry>>);

impl FakeLog {
    pub(crate) fn write(&self, entries: impl IntoIterator<Item = LogEntry>) {
        self.0.lock().unwrap().extend(entries);
    }
}

impl LogSource for FakeLog {
    fn page(&self, query: &LogQuery) -> LogPage {
        let mut all: Vec<LogEntry> =
            self.0.lock().unwrap().iter().filter(|entry| query.wants(entry)).cloned().collect();
        match query.place {
            LogPlace::Newest => all.reverse(),
            LogPlace::Before(id) => {
                all.retain(|entry| entry.id < id);
                all.reverse();
            }
            LogPlace::After(id) => all.retain(|entry| entry.id > id),
        }
        let more = all.len() > query.count as usize;
        all.truncate(query.count as usize);
        let next = all.last().map(|entry| entry.id).filter(|_| more);
        LogPage { entries: all, more, next }
    }

    fn newest(&self) -> u64 {
        self.0.lock().unwrap().last().map_or(0, |entry| entry.id)
    }
}

/// The agent's ends of the channels.
pub(crate) struct AgentSide {
    pub(crate) desired: watch::Receiver<Arc<DesiredState>>,
    pub(crate) status: watch::Sender<Arc<AgentStatus>>,
    pub(crate) sync: watch::Sender<Arc<SyncReport>>,
    pub(crate) targets: watch::Sender<Arc<HashMap<MappingId, TargetHealth>>>,
    pub(crate) access: mpsc::Sender<AccessRows>,
    pub(crate) sessions: mpsc::Sender<SessionRecord>,
    pub(crate) control: Arc<FakeAgent>,
    pub(crate) log: Arc<FakeLog>,
}

impl AgentSide {
    /// Both ends.
    pub(crate) fn pair() -> (Self, AgentPorts) {
        let desired = watch::Sender::new(Arc::default());
        let (status, status_news) = watch::channel(Arc::new(connected()));
        let (sync, sync_news) = watch::channel(Arc::default());
        let (targets, target_news) = watch::channel(Arc::default());
        let (access, access_inbox) = mpsc::channel(16);
        let (sessions, session_inbox) = mpsc::channel(16);
        let (control, log) = (Arc::new(FakeAgent::default()), Arc::new(FakeLog::default()));
        let side = Self {
            desired: desired.subscribe(),
            status,
            sync,
            targets,
            access,
            sessions,
            control: Arc::clone(&control),
            log: Arc::clone(&log),
        };
        let ports = AgentPorts {
            desired,
            status: status_news,
            sync: sync_news,
            targets: target_news,
            access: access_inbox,
            sessions: session_inbox,
            control,
            log,
            metrics: Arc::new(Figures),
        };
        (side, ports)
    }
}

/// What the binary does in earnest.
struct Figures;

impl MetricsText for Figures {
    fn text(&self, console: &ConsoleFigures) -> String {
        format!("listeners {}\n# EOF\n", console.event_listeners)
    }
}

/// An agent that is connected to a gateway on loopback.
pub(crate) fn connected() -> AgentStatus {
    AgentStatus {
        state: ConnectionState::Connected,
        gateway_url: "ws://127.0.0.1:17200/tunnel".to_owned(),
        gateway_version: Some("0.1.0".to_owned()),
        ..AgentStatus::default()
    }
}

/// Hashing takes time; one hash serves all tests.
fn password_hash() -> PasswordHash {
    static HASH: OnceLock<PasswordHash> = OnceLock::new();
    HASH.get_or_init(|| PasswordHash::of_password(PASSWORD)).clone()
}

/// A console's configuration, on a free port.
pub(crate) fn config(database: PathBuf) -> ConsoleConfig {
    ConsoleConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        database,
        username: None,
        password_hash: password_hash(),
        jwt_secret: None,
        metrics_token: None,
        capabilities: Capabilities { side: Side::Agent },
        retention: Retention::default(),
        version: "0.2.0".to_owned(),
        gateway_fqdn: vec!["gateway.example.com".to_owned()],
        trusted_proxies: TrustedProxies::default(),
    }
}

pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) agent: AgentSide,
    pub(crate) address: SocketAddr,
    clock: Arc<AtomicU64>,
    console: Option<Console>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// A console with another configuration.
    pub(crate) async fn with(change: impl FnOnce(&mut ConsoleConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(AtomicU64::new(NOW));
        let (agent, console) = Self::start(&folder, &clock, change).await.unwrap();
        let address = console.local_addr();
        Self { folder, agent, address, clock, console: Some(console) }
    }

    async fn start(
        folder: &TempDir,
        clock: &Arc<AtomicU64>,
        change: impl FnOnce(&mut ConsoleConfig),
    ) -> Result<(AgentSide, Console), StartError> {
        let mut config = config(folder.path().join("data/octoporty.db"));
        change(&mut config);
        let (agent, ports) = AgentSide::pair();
        let clock = Arc::clone(clock);
        let clock = Clock::new(move || clock.load(Ordering::SeqCst));
        let console = Console::start_with_clock(config, ports, clock).await?;
        Ok((agent, console))
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("data/octoporty.db")
    }

    pub(crate) fn advance(&self, time: Duration) {
        self.clock.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }

    pub(crate) fn set_back(&self, time: Duration) {
        self.clock.fetch_sub(u64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> u64 {
        self.clock.load(Ordering::SeqCst)
    }

    pub(crate) async fn stop(&mut self) {
        if let Some(console) = self.console.take() {
            tokio::time::timeout(PATIENCE, console.stop(Duration::from_secs(5))).await.expect("an end in time");
        }
    }

    pub(crate) async fn restart(&mut self) {
        self.restart_with(|_| {}).await;
    }

    /// Starts again with another configuration.
    pub(crate) async fn restart_with(&mut self, change: impl FnOnce(&mut ConsoleConfig)) {
        self.stop().await;
        let (agent, console) = Self::start(&self.folder, &self.clock, change).await.unwrap();
        self.address = console.local_addr();
        self.agent = agent;
        self.console = Some(console);
    }

    pub(crate) fn call(&self, method: &str, path: &str) -> Call {
        Call::new(self.address, method, path)
    }

    /// Logs in from an address, by way of the trusted proxy that the tests are.
    pub(crate) async fn login_from(&self, source: &str, password: &str) -> Answer {
        let call = self.call("POST", "/api/v1/auth/login").header("x-forwarded-for", source);
        call.json(&json!({ "password": password })).send().await
    }

    pub(crate) async fn login(&self) -> Answer {
        let answer = self.login_from("192.0.2.1", PASSWORD).await;
        assert_eq!(answer.status, 200, "{:?}", answer.json());
        answer
    }

    /// Somebody who is logged in.
    pub(crate) async fn user(&self) -> User<'_> {
        let token = self.login().await.json()["token"].as_str().unwrap().to_owned();
        User { world: self, token }
    }
}

/// Makes calls with a bearer token.
pub(crate) struct User<'a> {
    world: &'a World,
    pub(crate) token: String,
}

impl User<'_> {
    pub(crate) fn call(&self, method: &str, path: &str) -> Call {
        self.world.call(method, path).bearer(&self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path).send().await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.call(method, path).json(body).send().await
    }

    /// Creates a mapping and answers its id.
    pub(crate) async fn create(&self, domain: &str) -> String {
        let body = json!({ "externalDomain": domain, "internalHost": "localhost", "internalPort": 3000 });
        let answer = self.send("POST", "/api/v1/mappings", &body).await;
        assert_eq!(answer.status, 201, "{:?}", answer.json());
        answer.json()["id"].as_str().unwrap().to_owned()
    }
}

/// Asks until there is an answer.
pub(crate) async fn eventually<T, W>(mut ask: impl FnMut() -> W) -> T
where
    W: Future<Output = Option<T>>,
{
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("it never became as wanted")
}

pub(crate) fn access_record(mapping: &str, at_ms: u64) -> AccessRecord {
    AccessRecord {
        mapping: mapping.parse().unwrap(),
        request_id: format!("request-{at_ms}"),
        at_ms,
        method: "GET".to_owned(),
        host: "app.example.com".to_owned(),
        path: "/".to_owned(),
        query: None,
        status: 200,
        error: None,
        error_detail: None,
        gateway_us: 300,
        first_byte_us: Some(1_200),
        total_us: 2_500,
        request_bytes: 0,
        response_bytes: 1_024,
        client: "198.51.100.7".parse().unwrap(),
        user_agent: Some("=curl/8".to_owned()),
        tunnel_us: Some(200),
    }
}
