//! An agent under test, its mappings, and targets.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use octoporty_agent::config::{Credential, GatewayTrust, LinkCount, default_denied_targets};
use octoporty_agent::{Agent, AgentConfig, AgentNews};
use octoporty_proto::model::{
    AgentStatus, Compression, ConnectionState, DesiredState, Endpoint, HostHeader, Mapping, MappingId, PathPrefix,
    PrefixHandling, Revision, TlsVerification,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use uuid::Uuid;

use crate::gateway::{KEY, within};

/// Longer than any test: whoever waits for this has failed.
pub(crate) const FOR_EVER: Duration = Duration::from_secs(3600);

pub(crate) struct World {
    pub(crate) agent: Agent,
    pub(crate) news: AgentNews,
    pub(crate) desired: watch::Sender<Arc<DesiredState>>,
}

pub(crate) fn config(gateway: SocketAddr) -> AgentConfig {
    AgentConfig {
        gateway_url: format!("ws://{gateway}/tunnel").parse().unwrap(),
        gateway_fqdn: vec!["gateway.example".parse().unwrap()],
        credential: Credential::new(KEY.to_owned()),
        name: "home".parse().unwrap(),
        heartbeat: Duration::from_secs(30),
        reconnect_delay: FOR_EVER,
        max_reconnect_delay: FOR_EVER,
        links: LinkCount::Auto,
        trust: GatewayTrust::PublicRoots,
        proxy: None,
        allowed_targets: Vec::new(),
        denied_targets: default_denied_targets(),
        compression: Compression::Auto,
        cache_file: None,
        shards: 2,
        version: "1.2.3".to_owned(),
    }
}

pub(crate) fn mapping(host: &str, target: &str) -> Mapping {
    Mapping {
        id: MappingId::from_uuid(Uuid::new_v4()),
        name: host.parse().unwrap(),
        endpoint: Endpoint::Http {
            host: host.parse().unwrap(),
            path: PathPrefix::root(),
            prefix: PrefixHandling::Keep,
        },
        target: target.parse().unwrap(),
        verification: TlsVerification::Strict,
        host_header: HostHeader::Keep,
        compression: Compression::Off,
    }
}

pub(crate) fn state(revision: u64, mappings: Vec<Mapping>) -> Arc<DesiredState> {
    Arc::new(DesiredState { revision: Revision(revision), mappings, landing_page: None })
}

impl World {
    pub(crate) fn start(config: AgentConfig, first: Arc<DesiredState>) -> Self {
        let (desired, wanted) = watch::channel(first);
        let (agent, news) = Agent::start(config, wanted).unwrap();
        Self { agent, news, desired }
    }

    pub(crate) async fn status(&mut self, what: &str, right: impl Fn(&AgentStatus) -> bool) -> Arc<AgentStatus> {
        let status = within(what, self.news.status.wait_for(|status| right(status))).await.unwrap();
        Arc::clone(&status)
    }

    pub(crate) async fn connected(&mut self) -> Arc<AgentStatus> {
        self.status("connected", |status| status.state == ConnectionState::Connected).await
    }
}

/// A target that takes connections by hand.
pub(crate) struct Target {
    listener: TcpListener,
}

impl Target {
    pub(crate) async fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.listener.local_addr().unwrap())
    }

    pub(crate) async fn connection(&self) -> TcpStream {
        within("a connection to the target", self.listener.accept()).await.unwrap().0
    }
}
