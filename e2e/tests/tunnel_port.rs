//! The gateway's port for agents alone: TLS of its own, nothing that is mapped, and certificates that are renewed while
//! links stand.

use std::net::SocketAddr;

use octoporty_e2e::console::ConsoleClient;
use octoporty_e2e::process::Process;
use octoporty_e2e::target::{self, Target};
use octoporty_e2e::tls::Certificates;
use octoporty_e2e::visitor::{Reply, curl};
use octoporty_e2e::world::World;

/// A gateway with its port for agents, and what a client of it needs.
struct Port {
    world: World,
    files: [String; 3],
    address: SocketAddr,
}

impl Port {
    fn new() -> Self {
        let world = World::new();
        let certificates = Certificates::make();
        let files = certificates.files(&world.path("."), &["gateway.test", &world.ip().to_string()]);
        let address = SocketAddr::new(world.ip(), 8443);
        Self { world, files, address }
    }

    /// With TLS.
    async fn gateway(&self) -> Process {
        let [_, chain, key] = &self.files;
        let listen = self.address.to_string();
        let settings = [
            ("Gateway__TunnelPort", listen.as_str()),
            ("Gateway__Tls__CertificateFile", chain),
            ("Gateway__Tls__KeyFile", key),
        ];
        let gateway = self.world.gateway(&settings).await;
        target::listening(self.address).await;
        gateway
    }

    fn agent_url(&self) -> String {
        format!("wss://{}/tunnel", self.address)
    }

    /// An agent that dials the port and is connected.
    async fn agent(&self) -> (Process, ConsoleClient) {
        self.world.agent(&[("Agent__GatewayUrl", &self.agent_url()), ("Agent__CaFile", &self.files[0])]).await
    }

    /// curl's answer over TLS, for which it trusts the private CA.
    async fn curl(&self, args: &[&str], path: &str) -> Reply {
        let url = format!("https://{}{path}", self.address);
        let fixed = ["--cacert", &self.files[0], "--include", &url];
        read(&curl(&[args, &fixed].concat()).await)
    }
}

/// An answer as `curl --include` prints it.
fn read(printed: &[u8]) -> Reply {
    let end = printed.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8_lossy(&printed[..end]);
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
    let headers = lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.into(), value.into()));
    let (headers, body) = (headers.collect(), printed[end + 4..].to_vec());
    Reply { status: status.expect("a status"), headers, body, ..Reply::default() }
}

/// A target that gives back what it is sent.
async fn echo(world: &World) -> Target {
    Target::start(world.ip(), |mut peer| async move {
        while let Some(seen) = peer.request().await {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", seen.body.len());
            if !(peer.send(head.as_bytes()).await && peer.send(&seen.body).await) {
                return;
            }
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_comes_over_tls_without_a_proxy_and_its_sites_are_served_at_the_main_port() {
    let port = Port::new();
    let _gateway = port.gateway().await;
    let (_agent, console) = port.agent().await;
    assert_eq!(console.status().await["gatewayUrl"], port.agent_url().as_str());
    let target = echo(&port.world).await;
    let id = console.map("app.test", target.address()).await;
    console.applied(&id).await;
    let mut bytes = vec![0; 5_000_000];
    fastrand::fill(&mut bytes);
    let upload = port.world.path("upload");
    std::fs::write(&upload, &bytes).expect("writable");
    let upload = format!("@{}", upload.display());
    let url = format!("http://{}/", port.world.gateway_address());
    let came = curl(&["--header", "Host: app.test", "--data-binary", &upload, &url]).await;
    assert!(came == bytes, "{} bytes came back of {}", came.len(), bytes.len());
    let mapped = port.curl(&["--header", "Host: app.test"], "/").await;
    assert_eq!(mapped.status, 404, "what is mapped is not served to agents: {}", mapped.text());
    assert_eq!(mapped.json()["code"], "agents_only");
}
