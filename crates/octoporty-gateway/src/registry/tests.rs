use std::collections::HashMap as Map;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use octoporty_proto::control::{Hello, RefusedCode};
use octoporty_proto::model::{
    Compression, DesiredState, Endpoint, HostHeader, HostnameRef, InstanceId, Mapping, MappingId, MappingVerdict,
    PathPrefix, PrefixHandling, RefusalCode, Revision, TlsVerification,
};
use octoporty_proto::mux::MuxConfig;
use octoporty_proto::wire::Side;
use octoporty_tunnel::carrier::websocket;
use octoporty_tunnel::link::{self, Link};
use proptest::prelude::*;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::*;
use crate::session::SessionLink;

/// A registry and a link that stands (its other end never says anything).
struct Fixture {
    registry: Registry,
    link: Link,
    serial: u64,
    _peer: TcpStream,
    cancel: CancellationToken,
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl Fixture {
    async fn new(max_sessions: u32) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let _peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (socket, peer) = listener.accept().await.unwrap();
        let carrier = websocket::accepted(socket, bytes::Bytes::new(), peer);
        let cancel = CancellationToken::new();
        let (link, _events) =
            link::start(carrier, Side::Gateway, MuxConfig::default(), &TaskTracker::new(), cancel.clone());
        let config = RegistryConfig { max_sessions, max_streams: 10, max_away: 3, own_names: Vec::new() };
        let registry = Registry::new(config, Arc::default(), Arc::default());
        Self { registry, link, serial: 0, _peer, cancel }
    }

    fn arrival(&mut self, name: &str, instance: InstanceId) -> Arrival {
        self.serial += 1;
        let link = SessionLink { serial: self.serial, link: self.link.clone(), shard: 0, since: Instant::now() };
        let hello = Hello {
            versions: vec![octoporty_proto::control::VERSION],
            features: Vec::new(),
            name: name.parse().unwrap(),
            instance,
            agent_version: "0".to_owned(),
            session: None,
            gateway_fqdn: Vec::new(),
            bytes_in_flight: None,
            max_streams: None,
        };
        Arrival { tunnel: TunnelId::shared(), hello, link, now: Instant::now() }
    }

    fn connect(&mut self, name: &str) -> (Arc<Session>, u64) {
        let arrival = self.arrival(name, instance());
        match self.registry.admit(arrival) {
            Admission::Welcome(welcomed) => (welcomed.session, self.serial),
            Admission::Refused(refused) => panic!("{refused:?}"),
        }
    }

    /// Who serves a host: the agent's name, whether it is there.
    fn serving(&self, host: &str) -> Option<(String, bool)> {
        let routing = self.registry.routing.load();
        let route = routing.find(host.parse::<Hostname>().unwrap().borrowed(), "/")?;
        let name = route.mapping.name.as_str().split(' ').next().unwrap().to_owned();
        Some((name, route.serving.session().is_some()))
    }
}

fn instance() -> InstanceId {
    InstanceId::from_uuid(Uuid::new_v4())
}

fn mapping(agent: &str, host: &str) -> Mapping {
    let host: HostPattern = host.parse().unwrap();
    Mapping {
        id: MappingId::from_uuid(Uuid::new_v4()),
        name: format!("{agent} {host}").parse().unwrap(),
        endpoint: Endpoint::Http { host, path: PathPrefix::root(), prefix: PrefixHandling::Keep },
        target: "http://127.0.0.1:80".parse().unwrap(),
        verification: TlsVerification::Strict,
        host_header: HostHeader::Keep,
        compression: Compression::Auto,
    }
}

fn state(revision: u64, agent: &str, hosts: &[&str]) -> DesiredState {
    let mappings = hosts.iter().map(|host| mapping(agent, host)).collect();
    DesiredState { revision: Revision(revision), mappings, landing_page: None }
}

#[tokio::test]
async fn the_late_end_of_an_old_session_removes_nothing() {
    let mut fixture = Fixture::new(10).await;
    let (old, old_link) = fixture.connect("home");
    fixture.registry.sync(&old, state(1, "home", &["a.x"])).unwrap();
    let (new, _) = fixture.connect("home");
    assert!(new.identity().epoch > old.identity().epoch);
    assert!(old.over().is_cancelled());
    fixture.registry.sync(&new, state(1, "home", &["a.x"])).unwrap();
    assert!(fixture.registry.link_ended(&old, old_link).is_empty());
    assert_eq!(fixture.serving("a.x"), Some(("home".to_owned(), true)));
    assert!(fixture.registry.sync(&old, state(2, "home", &[])).is_none(), "the old session has no say");
    assert_eq!(fixture.serving("a.x"), Some(("home".to_owned(), true)));
    assert_eq!(fixture.registry.sessions().len(), 1);
}

#[tokio::test]
async fn a_session_lasts_as_long_as_one_of_its_links() {
    let mut fixture = Fixture::new(10).await;
    let (session, first) = fixture.connect("home");
    fixture.registry.sync(&session, state(1, "home", &["a.x"])).unwrap();
    let mut further = fixture.arrival("home", session.identity().instance);
    further.hello.session = Some(session.id());
    let Admission::Welcome(welcomed) = fixture.registry.admit(further) else { panic!("refused") };
    assert_eq!(welcomed.session.id(), session.id());
    assert!(!welcomed.first);
    let second = fixture.serial;
    fixture.registry.link_ended(&session, first);
    assert_eq!(fixture.serving("a.x"), Some(("home".to_owned(), true)));
    fixture.registry.link_ended(&session, second);
    assert_eq!(fixture.serving("a.x"), Some(("home".to_owned(), false)), "away, and not forgotten");
    let mut late = fixture.arrival("home", session.identity().instance);
    late.hello.session = Some(session.id());
    let Admission::Refused(refused) = fixture.registry.admit(late) else { panic!("let in") };
    assert_eq!(refused.code, RefusedCode::UnknownSession);
}

#[tokio::test]
async fn no_request_finds_nobody_while_an_agent_takes_over_its_own_session() {
    let mut fixture = Fixture::new(10).await;
    let (session, _) = fixture.connect("home");
    fixture.registry.sync(&session, state(1, "home", &["a.x"])).unwrap();
    let routing = fixture.registry.routing.load_full();
    let serving = routing.find(HostnameRef::from_authority("a.x").unwrap(), "/").unwrap().serving.clone();
    let done = CancellationToken::new();
    let asks = {
        let done = done.clone();
        std::thread::spawn(move || {
            let mut gaps = 0_u32;
            while !done.is_cancelled() {
                gaps += u32::from(serving.session().is_none());
            }
            gaps
        })
    };
    for _ in 0..20_000 {
        let again = fixture.arrival("home", session.identity().instance);
        assert!(matches!(fixture.registry.admit(again), Admission::Welcome(_)));
    }
    done.cancel();
    assert_eq!(asks.join().unwrap(), 0, "requests that would have got 503");
}

#[tokio::test]
async fn a_session_has_no_more_links_than_it_may_and_room_again_when_one_ends() {
    let mut fixture = Fixture::new(10).await;
    let (session, first) = fixture.connect("home");
    let joins = |fixture: &mut Fixture| {
        let mut further = fixture.arrival("home", session.identity().instance);
        further.hello.session = Some(session.id());
        matches!(fixture.registry.admit(further), Admission::Welcome(_))
    };
    for _ in 1..admit::MAX_LINKS {
        assert!(joins(&mut fixture));
    }
    assert!(!joins(&mut fixture), "one too many");
    assert_eq!(session.links().len(), admit::MAX_LINKS);
    fixture.registry.link_ended(&session, first);
    assert!(joins(&mut fixture));
}

#[tokio::test]
async fn how_many_are_there_follows_the_sessions() {
    let mut fixture = Fixture::new(10).await;
    let counts = |fixture: &Fixture| {
        let _busy = fixture.registry.lock();
        (fixture.registry.present().sessions(), fixture.registry.present().tunnels())
    };
    let (first, link) = fixture.connect("first");
    let (second, second_link) = fixture.connect("second");
    assert_eq!(counts(&fixture), (2, 1));
    let (again, again_link) = fixture.connect("first");
    fixture.registry.link_ended(&first, link);
    assert_eq!(counts(&fixture), (2, 1), "a takeover is no further session");
    fixture.registry.link_ended(&again, again_link);
    fixture.registry.link_ended(&second, second_link);
    assert_eq!(counts(&fixture), (0, 0));
}

#[test]
fn health_is_answered_while_the_registry_is_busy() {
    let config = crate::config::GatewayConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        agents_port: None,
        api_keys: Vec::new(),
        gateway_fqdn: Vec::new(),
        trusted_proxies: Vec::new(),
        unmapped: crate::config::Unmapped::Landing,
        allowed_origins: Vec::new(),
        updates: crate::config::Updates::default(),
        caddy: crate::config::CaddyAdmin::default(),
        limits: crate::config::Limits::default(),
        compression: Compression::Auto,
        heartbeat: Duration::from_secs(30),
        shards: 1,
        version: "0".to_owned(),
    };
    let state = Arc::new(crate::state::GatewayState::new(config, Arc::new(octoporty_proto::model::NoLog)));
    let busy = state.registry.lock();
    let (tell, told) = std::sync::mpsc::sync_channel(1);
    let asked = Arc::clone(&state);
    let asking = std::thread::spawn(move || tell.send(crate::status::health(&asked).status()));
    let answer = told.recv_timeout(Duration::from_secs(20));
    drop(busy);
    asking.join().unwrap().unwrap();
    assert_eq!(answer.expect("an answer while the lock is held"), http::StatusCode::OK);
}

#[tokio::test]
async fn an_agent_that_comes_back_serves_what_is_held_of_the_same_run_and_nothing_of_another() {
    let mut fixture = Fixture::new(10).await;
    let (session, link) = fixture.connect("home");
    fixture.registry.sync(&session, state(9, "home", &["a.x"])).unwrap();
    fixture.registry.link_ended(&session, link);
    let same = fixture.arrival("home", session.identity().instance);
    let Admission::Welcome(welcomed) = fixture.registry.admit(same) else { panic!("refused") };
    assert_eq!(welcomed.revision, Some(Revision(9)));
    assert_eq!(fixture.serving("a.x"), Some(("home".to_owned(), true)));
    let (other, _) = fixture.connect("home");
    assert_eq!(fixture.serving("a.x"), Some(("home".to_owned(), false)));
    fixture.registry.sync(&other, state(1, "home", &["b.x"])).unwrap();
    assert_eq!(fixture.serving("a.x"), None);
    assert_eq!(fixture.serving("b.x"), Some(("home".to_owned(), true)));
}

#[tokio::test]
async fn an_agent_that_drains_passes_its_names_on_at_once() {
    let mut fixture = Fixture::new(10).await;
    let (first, _) = fixture.connect("first");
    let (second, _) = fixture.connect("second");
    fixture.registry.sync(&first, state(1, "first", &["a.x"])).unwrap();
    let report = fixture.registry.sync(&second, state(1, "second", &["a.x"])).unwrap().report;
    let MappingVerdict::Refused(refusal) = &report.verdicts[0].1 else { panic!("applied") };
    assert_eq!(refusal.code, RefusalCode::Taken);
    assert!(refusal.reason.contains("\"first\""), "{}", refusal.reason);
    let notices = fixture.registry.agent_drains(&first);
    assert_eq!(fixture.serving("a.x"), Some(("second".to_owned(), true)));
    let told: Vec<_> = notices.iter().map(|(session, _)| session.identity().agent.as_str()).collect();
    assert!(told.contains(&"second"), "{told:?}");
}

#[tokio::test]
async fn nothing_is_kept_of_an_agent_that_held_nothing() {
    let mut fixture = Fixture::new(10).await;
    for number in 0..50 {
        let (session, link) = fixture.connect(&format!("agent-{number}"));
        fixture.registry.link_ended(&session, link);
    }
    let inner = fixture.registry.lock();
    assert_eq!((inner.agents.len(), inner.by_name.len(), inner.sessions.len()), (0, 0, 0));
}

#[tokio::test]
async fn of_too_many_agents_that_are_away_the_one_gone_longest_loses_its_names() {
    let mut fixture = Fixture::new(10).await;
    for number in 0..4 {
        let (session, link) = fixture.connect(&format!("agent-{number}"));
        fixture.registry.sync(&session, state(1, "away", &[&format!("h{number}.x")])).unwrap();
        fixture.registry.link_ended(&session, link);
    }
    assert_eq!(fixture.serving("h0.x"), None);
    for host in ["h1.x", "h2.x", "h3.x"] {
        assert_eq!(fixture.serving(host), Some(("away".to_owned(), false)), "{host}");
    }
    assert_eq!(fixture.registry.lock().by_name.len(), 3);
}

#[tokio::test]
async fn mappings_over_the_limit_are_refused_one_by_one() {
    let mut fixture = Fixture::new(10).await;
    let (session, _) = fixture.connect("home");
    let hosts: Vec<String> = (0..sync::MAX_MAPPINGS + 2).map(|number| format!("h{number}.x")).collect();
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let report = fixture.registry.sync(&session, state(1, "home", &hosts)).unwrap().report;
    let refused: Vec<_> = report.verdicts.iter().filter(|(_, verdict)| *verdict != MappingVerdict::Applied).collect();
    assert_eq!(refused.len(), 2);
    assert!(matches!(&refused[0].1, MappingVerdict::Refused(refusal) if refusal.code == RefusalCode::Limit));
    assert_eq!(fixture.serving("h0.x"), Some(("home".to_owned(), true)));
}

#[tokio::test]
async fn the_newest_landing_page_is_shown_and_the_one_before_it_when_that_is_reset() {
    let mut fixture = Fixture::new(10).await;
    let page = |text: &str| Some(octoporty_proto::model::LandingPage::new(text.to_owned()).unwrap());
    let (first, _) = fixture.connect("first");
    let (second, _) = fixture.connect("second");
    let shown = |fixture: &Fixture| fixture.registry.site.load().landing.clone();
    fixture.registry.sync(&first, DesiredState { landing_page: page("one"), ..state(1, "first", &[]) }).unwrap();
    fixture.registry.sync(&second, DesiredState { landing_page: page("two"), ..state(1, "second", &[]) }).unwrap();
    fixture.registry.sync(&first, DesiredState { landing_page: page("one"), ..state(2, "first", &["a.x"]) }).unwrap();
    assert_eq!(shown(&fixture).as_deref(), Some(&b"two"[..]), "a page that did not change is not newer");
    fixture.registry.sync(&second, state(2, "second", &[])).unwrap();
    assert_eq!(shown(&fixture).as_deref(), Some(&b"one"[..]));
    fixture.registry.sync(&first, state(3, "first", &[])).unwrap();
    assert_eq!(shown(&fixture), None);
}

const AGENTS: [&str; 3] = ["one", "two", "three"];
const HOSTS: [&str; 4] = ["a.x", "b.x", "*.x", "c.x"];

#[derive(Clone, Debug)]
enum Step {
    Connect(usize),
    Lose(usize),
    Sync(usize, Vec<usize>),
    Drain(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..3_usize).prop_map(Step::Connect),
        (0..3_usize).prop_map(Step::Lose),
        (0..3_usize, prop::collection::vec(0..4_usize, 0..4)).prop_map(|(agent, hosts)| Step::Sync(agent, hosts)),
        (0..3_usize).prop_map(Step::Drain),
    ]
}

/// What an agent that is there was told last.
type Told = Map<usize, SyncReport>;

struct Run {
    fixture: Fixture,
    live: Map<usize, (Arc<Session>, u64)>,
    wants: Map<usize, Vec<&'static str>>,
    told: Told,
    revision: u64,
}

impl Run {
    fn hear(&mut self, notices: Vec<Notice>) {
        for (session, report) in notices {
            let agent = AGENTS.iter().position(|name| *name == session.identity().agent.as_str()).unwrap();
            self.told.insert(agent, report);
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Connect(agent) => {
                let arrival = self.fixture.arrival(AGENTS[*agent], instance());
                let Admission::Welcome(welcomed) = self.fixture.registry.admit(arrival) else { panic!("refused") };
                self.live.insert(*agent, (welcomed.session, self.fixture.serial));
                self.told.remove(agent);
                self.hear(welcomed.notices);
            }
            Step::Lose(agent) => {
                let Some((session, serial)) = self.live.remove(agent) else { return };
                self.told.remove(agent);
                let notices = self.fixture.registry.link_ended(&session, serial);
                self.hear(notices);
            }
            Step::Sync(agent, hosts) => {
                let Some((session, _)) = self.live.get(agent).cloned() else { return };
                self.revision += 1;
                let mut hosts: Vec<&str> = hosts.iter().map(|host| HOSTS[*host]).collect();
                hosts.sort_unstable();
                hosts.dedup();
                let wanted = state(self.revision, AGENTS[*agent], &hosts);
                let outcome = self.fixture.registry.sync(&session, wanted).unwrap();
                self.wants.insert(*agent, hosts);
                self.told.insert(*agent, outcome.report);
                self.hear(outcome.notices);
            }
            Step::Drain(agent) => {
                let Some((session, _)) = self.live.get(agent).cloned() else { return };
                let notices = self.fixture.registry.agent_drains(&session);
                self.hear(notices);
            }
        }
    }

    fn is_live(&self, agent: usize) -> bool {
        self.live.get(&agent).is_some_and(|(session, _)| !session.is_draining())
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let inner = self.fixture.registry.lock();
        let routing = self.fixture.registry.routing.load();
        for host in HOSTS {
            let claimants: Vec<usize> =
                (0..3).filter(|agent| self.wants.get(agent).is_some_and(|hosts| hosts.contains(&host))).collect();
            let pattern: HostPattern = host.parse().unwrap();
            let holders: Vec<_> = inner.claims.holders(&pattern).collect();
            prop_assert_eq!(holders.len(), usize::from(!claimants.is_empty()), "holders of {}", host);
            let asked: Hostname = host.replace('*', "other").parse().unwrap();
            let route = routing.find(asked.borrowed(), "/");
            let Some((_, holder)) = holders.first() else {
                prop_assert!(
                    route.is_none_or(|route| route.mapping.name.as_str().ends_with("*.x")),
                    "{} is routed",
                    host
                );
                continue;
            };
            let name = inner.agents[&holder.agent].slot.agent.clone();
            let held_by = AGENTS.iter().position(|agent| *agent == name.as_str()).unwrap();
            prop_assert!(claimants.contains(&held_by));
            let live = claimants.iter().any(|agent| self.is_live(*agent));
            prop_assert_eq!(self.is_live(held_by), live, "{} is held by {}", host, name);
            prop_assert!(route.is_some_and(|route| Arc::ptr_eq(&route.mapping, &holder.mapping)), "route of {}", host);
        }
        for (agent, report) in &self.told {
            let id = inner.by_name[&(TunnelId::shared(), AGENTS[*agent].parse().unwrap())];
            prop_assert_eq!(report, &inner.report(id), "{} was told of every change", AGENTS[*agent]);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_agents_do_names_are_held_by_live_claimants_and_everybody_is_told(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let fixture = Fixture::new(10).await;
            let mut run = Run { fixture, live: Map::new(), wants: Map::new(), told: Map::new(), revision: 0 };
            for step in &steps {
                run.take(step);
                run.check()?;
            }
            Ok::<(), TestCaseError>(())
        })?;
    }
}

#[tokio::test]
async fn a_contest_is_judged_by_the_registry_and_forgotten_with_time() {
    let mut fixture = Fixture::new(10).await;
    let (a, b) = (instance(), instance());
    let mut now = Instant::now();
    let knock = |fixture: &mut Fixture, who: InstanceId, now: Instant| {
        let arrival = Arrival { now, ..fixture.arrival("twin", who) };
        matches!(fixture.registry.admit(arrival), Admission::Welcome(_))
    };
    for who in [a, b, a, b] {
        assert!(knock(&mut fixture, who, now));
    }
    assert!(!knock(&mut fixture, a, now), "the fourth takeover within a minute");
    assert!(knock(&mut fixture, b, now), "the holder itself always gets in");
    now += Duration::from_secs(61);
    assert!(knock(&mut fixture, a, now));
}
