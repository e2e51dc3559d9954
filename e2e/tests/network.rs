//! A real network between gateway and agent, in two namespaces made for the test: the link goes down, the agent's
//! address changes.
//!
//! Network namespaces are root's to make. The test therefore runs itself again in a user namespace, where it is root of
//! what is its own, and leaves nothing behind on the machine. Where the system keeps user namespaces from ordinary
//! users, it needs real root; it fails without either, and says so.

use std::process::Output;
use std::time::{Duration, Instant};

use octoporty_e2e::process::{Process, binary};
use octoporty_e2e::world::{KEY, PASSWORD_HASH, World};
use octoporty_e2e::{PATIENCE, within};
use tokio::process::Command;

/// Two namespaces joined by a pair of virtual interfaces; gone with the value.
struct Network {
    gateway: String,
    agent: String,
}

const GATEWAY: &str = "192.0.2.1";
const AGENT: &str = "192.0.2.2";
const AGENT_LATER: &str = "192.0.2.77";
const BOUND: Duration = Duration::from_secs(5);

async fn ip(args: &[&str]) {
    let output = Command::new("ip").args(args).output().await.expect("iproute2 is installed");
    assert!(output.status.success(), "ip {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr));
}

impl Network {
    async fn make() -> Self {
        let id = std::process::id();
        let this = Self { gateway: format!("octo-g-{id}"), agent: format!("octo-a-{id}") };
        ip(&["netns", "add", &this.gateway]).await;
        ip(&["netns", "add", &this.agent]).await;
        ip(&[
            "link",
            "add",
            "up0",
            "netns",
            &this.agent,
            "type",
            "veth",
            "peer",
            "name",
            "down0",
            "netns",
            &this.gateway,
        ])
        .await;
        for (namespace, device, address) in [(&this.gateway, "down0", GATEWAY), (&this.agent, "up0", AGENT)] {
            ip(&["-n", namespace, "addr", "add", &format!("{address}/24"), "dev", device]).await;
            ip(&["-n", namespace, "link", "set", device, "up"]).await;
            ip(&["-n", namespace, "link", "set", "lo", "up"]).await;
        }
        this
    }

    fn command(&self, world: &World, namespace: &str, role: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace]).arg(binary()).arg(role).env_clear().current_dir(world.path("."));
        for name in ["PATH", "LANG", "HOME"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command
    }

    async fn visit(&self) -> Option<u16> {
        let output: Output = Command::new("ip")
            .args(["netns", "exec", &self.gateway, "curl", "--silent", "--max-time", "1", "--output", "/dev/null"])
            .args(["--write-out", "%{http_code}", "--header", "Host: app.test", "http://127.0.0.1:17200/"])
            .output()
            .await
            .ok()?;
        String::from_utf8(output.stdout).ok()?.parse().ok()
    }

    async fn until_served(&self, bound: Duration, what: &str) {
        within(bound, what, || async { (self.visit().await == Some(200)).then_some(()) }).await;
    }

    async fn console(&self, method: &str, path: &str, token: &str, body: &str) -> serde_json::Value {
        let output = Command::new("ip")
            .args(["netns", "exec", &self.agent, "curl", "--silent", "--max-time", "5", "--request", method])
            .args(["--header", "Content-Type: application/json", "--header", &format!("Authorization: Bearer {token}")])
            .args(["--data", body, &format!("http://127.0.0.1:17201{path}")])
            .output()
            .await
            .expect("curl is installed");
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for namespace in [&self.gateway, &self.agent] {
            std::process::Command::new("ip").args(["netns", "del", namespace]).status().ok();
        }
    }
}

/// Set for the test that runs in namespaces of its own.
const INSIDE: &str = "OCTOPORTY_E2E_INSIDE_NAMESPACES";
/// `ip netns` keeps the names of namespaces under `/run`.
const SCRIPT: &str = r#"mount -t tmpfs tmpfs /run && exec "$@""#;
const NEEDS: &str = "this test makes network namespaces. Either allow user namespaces to ordinary users \
                     (sysctl kernel.unprivileged_userns_clone=1; on Ubuntu 24.04 and newer \
                     sysctl kernel.apparmor_restrict_unprivileged_userns=0), or run it as root";

/// Runs a test of this file again, in a network and a file system of its own.
fn again_inside(test: &str) {
    let mut unshare = std::process::Command::new("unshare");
    unshare.args(["--net", "--mount"]);
    if !is_root() {
        unshare.args(["--user", "--map-root-user"]);
    }
    let own = std::env::current_exe().expect("a test has a path");
    let output = unshare
        .args(["sh", "-c", SCRIPT, "sh"])
        .arg(own)
        .args([test, "--exact", "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .expect("unshare (util-linux) is installed");
    // Behind a mark, so that nobody counts the inner test's result as one more.
    let text = [output.stdout, output.stderr].concat();
    for line in String::from_utf8_lossy(&text).lines() {
        println!("| {line}");
    }
    assert!(output.status.success(), "the test inside failed, or could not begin: {NEEDS}");
}

fn is_root() -> bool {
    let output = std::process::Command::new("id").arg("-u").output().expect("id is installed");
    output.stdout.trim_ascii() == b"0"
}

#[test]
fn the_tunnel_survives_a_link_that_goes_down_and_an_address_that_changes() {
    if std::env::var_os(INSIDE).is_none() {
        return again_inside("the_tunnel_survives_a_link_that_goes_down_and_an_address_that_changes");
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(link_and_address());
}

async fn link_and_address() {
    let world = World::new();
    let network = Network::make().await;
    let mut gateway = network.command(&world, &network.gateway, "gateway");
    gateway.env("Gateway__ApiKey", KEY).env("Gateway__HeartbeatIntervalSeconds", "3");
    let _gateway = Process::spawn("gateway", &world.path("."), &mut gateway);
    let mut agent = network.command(&world, &network.agent, "agent");
    agent
        .env("Agent__GatewayUrl", format!("ws://{GATEWAY}:17200/tunnel"))
        .env("Agent__ApiKey", KEY)
        .env("Agent__Auth__PasswordHash", PASSWORD_HASH)
        .env("Agent__HeartbeatIntervalSeconds", "3")
        .env("ConnectionStrings__DefaultConnection", format!("Data Source={}", world.path("agent.db").display()));
    let _agent = Process::spawn("agent", &world.path("."), &mut agent);
    let mut site = Command::new("ip");
    site.args(["netns", "exec", &network.agent, "python3", "-m", "http.server", "8000", "--bind", "127.0.0.1"])
        .current_dir(world.path("."));
    let _site = Process::spawn("site", &world.path("."), &mut site);
    let token = within(PATIENCE, "the console answers", || async {
        let answer = network.console("POST", "/api/v1/auth/login", "", r#"{"password":"correct horse battery"}"#).await;
        answer["token"].as_str().map(str::to_owned)
    })
    .await;
    let mapping = r#"{"name":"app","externalDomain":"app.test","internalHost":"127.0.0.1","internalPort":8000}"#;
    assert!(network.console("POST", "/api/v1/mappings", &token, mapping).await["id"].is_string());
    network.until_served(PATIENCE, "the tunnel serves").await;

    for round in 0..3 {
        ip(&["-n", &network.agent, "link", "set", "up0", "down"]).await;
        within(PATIENCE, "the loss is noticed", || async { (network.visit().await != Some(200)).then_some(()) }).await;
        ip(&["-n", &network.agent, "link", "set", "up0", "up"]).await;
        let recovered = Instant::now();
        network.until_served(BOUND, &format!("round {round}: after the link came up")).await;
        println!("round {round}: {} ms after the link came up", recovered.elapsed().as_millis());

        let (old, new) = if round % 2 == 0 { (AGENT, AGENT_LATER) } else { (AGENT_LATER, AGENT) };
        ip(&["-n", &network.agent, "addr", "del", &format!("{old}/24"), "dev", "up0"]).await;
        ip(&["-n", &network.agent, "addr", "add", &format!("{new}/24"), "dev", "up0"]).await;
        let changed = Instant::now();
        network.until_served(BOUND, &format!("round {round}: after the address changed")).await;
        println!("round {round}: {} ms after the address changed", changed.elapsed().as_millis());
    }
}

/// Gateway, agent and a site behind it, each in its namespace; the agent dials `name`.
async fn served_by_name(world: &World, network: &Network, name: &str) -> [Process; 3] {
    let mut gateway = network.command(world, &network.gateway, "gateway");
    gateway.env("Gateway__ApiKey", KEY).env("Gateway__HeartbeatIntervalSeconds", "3");
    let mut agent = network.command(world, &network.agent, "agent");
    agent
        .env("Agent__GatewayUrl", format!("ws://{name}:17200/tunnel"))
        .env("Agent__ApiKey", KEY)
        .env("Agent__Auth__PasswordHash", PASSWORD_HASH)
        .env("Agent__HeartbeatIntervalSeconds", "3")
        .env("ConnectionStrings__DefaultConnection", format!("Data Source={}", world.path("agent.db").display()));
    let mut site = Command::new("ip");
    site.args(["netns", "exec", &network.agent, "python3", "-m", "http.server", "8000", "--bind", "127.0.0.1"])
        .current_dir(world.path("."));
    let started = [("gateway", &mut gateway), ("agent", &mut agent), ("site", &mut site)]
        .map(|(what, command)| Process::spawn(what, &world.path("."), command));
    let token = within(PATIENCE, "the console answers", || async {
        let answer = network.console("POST", "/api/v1/auth/login", "", r#"{"password":"correct horse battery"}"#).await;
        answer["token"].as_str().map(str::to_owned)
    })
    .await;
    let mapping = r#"{"name":"app","externalDomain":"app.test","internalHost":"127.0.0.1","internalPort":8000}"#;
    assert!(network.console("POST", "/api/v1/mappings", &token, mapping).await["id"].is_string());
    network.until_served(PATIENCE, "the tunnel serves").await;
    started
}

#[test]
fn a_gateway_whose_name_leads_to_another_address_now_is_found_there() {
    if std::env::var_os(INSIDE).is_none() {
        return again_inside("a_gateway_whose_name_leads_to_another_address_now_is_found_there");
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(another_address());
}

async fn another_address() {
    let world = World::new();
    let network = Network::make().await;
    let hosts = world.path("hosts");
    let leads_to = |address: &str| std::fs::write(&hosts, format!("{address} gateway.test\n")).expect("writable");
    leads_to(GATEWAY);
    // The file system is the test's own.
    let mounted = Command::new("mount").arg("--bind").arg(&hosts).arg("/etc/hosts").status().await.expect("mount runs");
    assert!(mounted.success());
    let _processes = served_by_name(&world, &network, "gateway.test").await;
    let moved = "192.0.2.9";
    ip(&["-n", &network.gateway, "addr", "del", &format!("{GATEWAY}/24"), "dev", "down0"]).await;
    within(PATIENCE, "the loss is noticed", || async { (network.visit().await != Some(200)).then_some(()) }).await;
    ip(&["-n", &network.gateway, "addr", "add", &format!("{moved}/24"), "dev", "down0"]).await;
    leads_to(moved);
    network.until_served(BOUND, "after the name leads to the new address").await;
}
