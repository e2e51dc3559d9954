//! The configuration of a real Caddy before the gateway, as the console shows it.

use std::net::SocketAddr;

use octoporty_e2e::console::ConsoleClient;
use octoporty_e2e::process::Process;
use octoporty_e2e::target::{self, mirror};
use octoporty_e2e::visitor::Visitor;
use octoporty_e2e::world::World;
use octoporty_e2e::{PATIENCE, eventually};
use serde_json::{Value, json};
use tokio::process::Command;

const CADDY: &str = "/api/v1/gateway/caddy-config";
const SECRET: &str = "t0p-s3cret-of-caddys-owner";

/// Where the test's Caddy has its admin API, and its site.
struct Caddy {
    admin: SocketAddr,
    site: SocketAddr,
}

impl Caddy {
    fn of(world: &World) -> Self {
        Self { admin: SocketAddr::new(world.ip(), 2019), site: SocketAddr::new(world.ip(), 8080) }
    }

    fn config(&self, gateway: SocketAddr) -> Value {
        let proxy = json!({ "handler": "reverse_proxy", "upstreams": [{ "dial": gateway.to_string() }] });
        let credential =
            json!({ "handler": "headers", "response": { "set": { "Authorization": [SECRET], "X-Caddy": ["yes"] } } });
        json!({
            "admin": { "listen": self.admin.to_string(), "config": { "persist": false } },
            "apps": { "http": { "servers": { "front": {
                "listen": [self.site.to_string()],
                "automatic_https": { "disable": true },
                "routes": [{ "match": [{ "host": ["app.test"] }], "handle": [credential, proxy] }]
            } } } }
        })
    }

    /// Starts the system's Caddy and waits until both of its ports answer.
    async fn run(&self, world: &World) -> Process {
        let file = world.path("caddy.json");
        std::fs::write(&file, self.config(world.gateway_address()).to_string()).expect("a writable folder");
        let mut command = Command::new("caddy");
        command.arg("run").arg("--config").arg(&file).env("HOME", world.path("caddy")).env_remove("XDG_CONFIG_HOME");
        let process = Process::spawn("caddy", &world.path(""), command.env_remove("XDG_DATA_HOME"));
        target::listening(self.admin).await;
        target::listening(self.site).await;
        process
    }

    /// Adds a route as whoever runs Caddy would.
    async fn add(&self, route: Value) {
        let url = format!("http://{}/config/apps/http/servers/front/routes", self.admin);
        let mut curl = Command::new("curl");
        curl.args(["--fail", "--silent", "--show-error", "-X", "POST", "-H", "Content-Type: application/json", "-d"]);
        let done = curl.arg(route.to_string()).arg(&url).output().await.expect("curl runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

async fn seen(console: &ConsoleClient) -> Value {
    console.expect(200, "GET", CADDY, None).await
}

#[tokio::test]
async fn the_console_follows_what_caddy_is_configured_to_do_and_never_shows_its_secrets() {
    let world = World::new();
    let caddy = Caddy::of(&world);
    let admin = format!("http://{}", caddy.admin);
    let mut gateway = world.gateway(&[("Gateway__CaddyAdminUrl", &admin)]).await;
    let (_agent, console) = world.agent(&[]).await;
    let none = seen(&console).await;
    assert_eq!((&none["success"], &none["configJson"], &none["routes"]), (&json!(false), &Value::Null, &json!([])));
    let error = none["error"].as_str().expect("it says why");
    assert!(error.starts_with(&format!("No Caddy answers at {admin}: connection refused")), "{error}");
    assert!(error.contains("Gateway__CaddyAdminUrl"), "{error}");

    let mut process = caddy.run(&world).await;
    let target = mirror(world.ip()).await;
    let id = console.map("app.test", target.address()).await;
    console.applied(&id).await;
    let visitor = Visitor::try_get(caddy.site, "app.test", "/through").await.expect("Caddy answers");
    assert_eq!((visitor.status, visitor.header("x-caddy")), (200, Some("yes")), "Caddy leads to the gateway");

    let shown = seen(&console).await;
    assert_eq!((&shown["success"], &shown["error"]), (&json!(true), &Value::Null));
    let text = shown["configJson"].as_str().expect("a text");
    assert!(!text.contains(SECRET), "a credential left the gateway");
    let config: Value = serde_json::from_str(text).expect("JSON");
    let route = &config["apps"]["http"]["servers"]["front"]["routes"][0];
    assert_eq!(route["handle"][0]["response"]["set"], json!({ "Authorization": ["****"], "X-Caddy": ["****"] }));
    let gateway_address = world.gateway_address().to_string();
    let ours = json!({
        "pointer": "/apps/http/servers/front/routes/0", "hosts": ["app.test"], "dials": [gateway_address],
        "leadsHere": true
    });
    assert_eq!(shown["routes"], json!([ours]));

    let proxy = json!({ "handler": "reverse_proxy", "upstreams": [{ "dial": target.address().to_string() }] });
    caddy.add(json!({ "match": [{ "host": ["elsewhere.test"] }], "handle": [proxy] })).await;
    let shown = seen(&console).await;
    assert_eq!(shown["routes"].as_array().map(Vec::len), Some(2), "{shown}");
    let theirs = json!({
        "pointer": "/apps/http/servers/front/routes/1", "hosts": ["elsewhere.test"],
        "dials": [target.address().to_string()], "leadsHere": false
    });
    assert_eq!(shown["routes"], json!([ours, theirs]));
    assert!(shown["configJson"].as_str().is_some_and(|text| text.contains("elsewhere.test")));

    process.signal("TERM").await;
    process.wait(PATIENCE).await;
    assert_eq!(seen(&console).await["success"], false, "nothing of before is shown as if it were so now");
    gateway.kill().await;
    eventually("the loss is seen", || async {
        let reply = console.call("GET", CADDY, None).await;
        (reply.status == 503 && reply.json()["code"] == "gateway_away").then_some(())
    })
    .await;
}
