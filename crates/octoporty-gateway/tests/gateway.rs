//! The gateway over real sockets, with agents made of the tunnel's own parts.

#![expect(clippy::unwrap_used, reason = "what helps a test fails by panicking")]

#[path = "gateway/agent.rs"]
mod agent;
#[path = "gateway/agents.rs"]
mod agents;
#[path = "gateway/http.rs"]
mod http;
#[path = "gateway/logs.rs"]
mod logs;
#[path = "gateway/own.rs"]
mod own;
#[path = "gateway/visitor.rs"]
mod visitor;

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use octoporty_gateway::config::{ApiKey, Limits, Unmapped};
use octoporty_gateway::{Gateway, GatewayConfig};
use octoporty_proto::model::{Compression, LogSource, NoLog};

/// Never reached when all is right.
const DEADLINE: Duration = Duration::from_secs(20);
const KEY: &str = "a-key-for-tests-with-40-characters-in-it";

/// Fails when `work` is not done by the deadline.
async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, work).await.unwrap_or_else(|_| panic!("{what} did not come in time"))
}

/// Waits until `holds` gives something.
async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut holds: impl FnMut() -> F) -> T {
    in_time(what, async {
        loop {
            if let Some(found) = holds().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
}

fn config() -> GatewayConfig {
    GatewayConfig {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        agents_port: None,
        api_keys: vec![ApiKey::new(KEY.to_owned()).unwrap()],
        gateway_fqdn: vec!["gateway.example.com".parse().unwrap()],
        trusted_proxies: Vec::new(),
        unmapped: Unmapped::Landing,
        allowed_origins: vec!["*".to_owned()],
        updates: octoporty_gateway::config::Updates::default(),
        caddy: octoporty_gateway::config::CaddyAdmin::default(),
        limits: Limits::default(),
        compression: Compression::Off,
        heartbeat: Duration::from_secs(30),
        shards: 2,
        version: "0.0.0-test".to_owned(),
    }
}

async fn start(config: GatewayConfig) -> (Gateway, SocketAddr) {
    start_with_log(config, Arc::new(NoLog)).await
}

/// A gateway whose agents may read this log.
async fn start_with_log(config: GatewayConfig, log: Arc<dyn LogSource>) -> (Gateway, SocketAddr) {
    let gateway = Gateway::start(config, log).await.unwrap();
    let address = gateway.local_addr();
    (gateway, address)
}
