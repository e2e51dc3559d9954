//! The logs of gateway and agent, as the console shows them: causes from outside become lines, by the routes and live.

use std::path::Path;
use std::time::Duration;

use octoporty_e2e::console::{ConsoleClient, moment_ms, now_ms};
use octoporty_e2e::events::Events;
use octoporty_e2e::process::Process;
use octoporty_e2e::relay::{Ending, Relay};
use octoporty_e2e::visitor::curl;
use octoporty_e2e::world::{KEY, PASSWORD, World};
use octoporty_e2e::{PATIENCE, eventually, target};
use serde_json::{Value, json};

const AGENT: &str = "/api/v1/agent/logs";
const GATEWAY: &str = "/api/v1/gateway/logs";
const WRONG_KEY: &str = "a-wrong-key-of-tests-that-nobody-may-see";

async fn page(console: &ConsoleClient, path: &str) -> Vec<Value> {
    let page = console.expect(200, "GET", path, None).await;
    assert_eq!((&page["success"], &page["error"]), (&json!(true), &Value::Null), "what fails is a problem");
    page["logs"].as_array().expect("a list").clone()
}

/// Waits for a line whose message has this in it.
async fn line(console: &ConsoleClient, path: &str, text: &str) -> Value {
    eventually(&format!("{path} tells of {text:?}"), || async {
        page(console, path).await.into_iter().find(|line| line["message"].as_str().is_some_and(|m| m.contains(text)))
    })
    .await
}

/// Lines of the console's event stream, as they come.
struct Live(Events);

impl Live {
    async fn open(console: &ConsoleClient) -> Self {
        Self(Events::open(console, None).await)
    }

    /// The next batch of lines: whose they are, and the lines; `None` when none comes within `bound`.
    async fn batch(&mut self, bound: Duration) -> Option<(String, Vec<Value>)> {
        let data = self.0.named("log", bound).await?;
        let source = data["source"].as_str().expect("a source").to_owned();
        Some((source, data["items"].as_array().expect("lines").clone()))
    }

    /// Waits for a line of `source` whose message has this in it.
    async fn line(&mut self, source: &str, text: &str) -> Value {
        loop {
            let (whose, lines) = self.batch(PATIENCE).await.unwrap_or_else(|| panic!("no line of {text:?} came"));
            let found = lines.into_iter().find(|line| line["message"].as_str().is_some_and(|m| m.contains(text)));
            if let (true, Some(line)) = (whose == source, found) {
                return line;
            }
        }
    }
}

/// Somebody at this address knocks at the gateway with a wrong key.
async fn wrong_key_from(world: &World, from: &str) {
    let url = format!("http://{}/tunnel", world.gateway_address());
    let bearer = format!("Authorization: Bearer {WRONG_KEY}");
    let upgrade = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"];
    let mut args = vec!["--header", &bearer, "--header", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="];
    args.extend(upgrade.iter().flat_map(|field| ["--header", field]));
    args.extend(["--interface", from, "--output", "/dev/null", "--write-out", "%{http_code}", &url]);
    assert_eq!(curl(&args).await, b"401");
}

async fn wrong_key(world: &World) {
    wrong_key_from(world, &world.ip().to_string()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_at_the_gateway_is_a_line_of_its_log_in_the_agents_console_at_once_and_later() {
    let world = World::new();
    let mut pair = world.pair().await;
    let mut live = Live::open(&pair.console).await;
    let start = line(&pair.console, GATEWAY, "gateway listens").await;
    let began = now_ms();
    wrong_key(&world).await;
    let told = live.line("gateway", "wrong key").await;
    let at = moment_ms(&told["timestamp"]);
    assert!(at + 50 >= began && at <= now_ms() + 50 && at > moment_ms(&start["timestamp"]), "{told}");
    assert!(told["id"].as_u64() > start["id"].as_u64(), "{told}");
    assert_eq!((&start["level"], &told["level"]), (&json!("info"), &json!("warn")));
    assert_eq!(told["fields"]["source"], world.ip().to_string());
    assert_eq!(told["fields"]["target"], "octoporty_gateway::endpoint");
    assert_eq!(line(&pair.console, GATEWAY, "wrong key").await, told, "the route has the same line");
    let own = page(&pair.console, &format!("{AGENT}?count=5000")).await;
    assert!(own.iter().all(|line| line["message"] != told["message"]), "and the agent's log has it not");
    let warnings = page(&pair.console, &format!("{GATEWAY}?level=warn&search=WRONG")).await;
    assert_eq!(warnings, [told]);
    assert!(page(&pair.console, &format!("{GATEWAY}?level=error")).await.is_empty());
    pair.console.expect(400, "GET", &format!("{GATEWAY}?level=loud"), None).await;
    wrong_key_from(&world, "127.0.0.1").await;
    assert_eq!(live.line("gateway", "wrong key").await["fields"]["source"], "127.0.0.1", "it is told who it was");

    // The agent itself with a wrong key: somebody has to mend that.
    pair.agent.kill().await;
    let (_agent, console) = world.agent_via(world.gateway_address(), &[("Agent__ApiKey", WRONG_KEY)]).await;
    let refused = line(&console, &format!("{AGENT}?level=error"), "key").await;
    assert_eq!(refused["level"], "error", "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_link_and_a_dead_target_are_lines_of_the_agents_log() {
    let world = World::new();
    let _gateway = world.gateway(&[]).await;
    let relay = Relay::start((world.ip(), 0).into(), world.gateway_address()).await;
    let (_agent, console) = world.agent_via(relay.address(), &[("Logging__LogLevel", "debug")]).await;
    console.connection("Connected").await;
    let mut live = Live::open(&console).await;
    assert_eq!(line(&console, AGENT, "syncing").await["level"], "debug", "by Logging__LogLevel");
    let nobody = target::free_address(world.ip());
    let name = "<img src=x onerror=alert(1)>";
    let id = console
        .map_with(json!({
            "name": name, "externalDomain": "dead.example.com",
            "internalHost": nobody.ip().to_string(), "internalPort": nobody.port()
        }))
        .await;
    console.applied(&id).await;
    assert_eq!(world.get("dead.example.com", "/").await.status, 502);
    let dead = live.line("agent", "the target cannot be dialled").await;
    assert_eq!((&dead["level"], &dead["fields"]["code"]), (&json!("warn"), &json!("target_refused")));
    assert_eq!(dead["fields"]["stream.mapping"], name, "a name is text, as it was given");

    relay.refuse();
    relay.cut(Ending::Reset);
    let lost = live.line("agent", "the session ended").await;
    assert_eq!(lost["level"], "warn");
    assert!(lost["fields"]["session.id"].is_string(), "{lost}");
    console.connection("Reconnecting").await;
    let away = console.call("GET", GATEWAY, None).await;
    assert_eq!((away.status, &away.json()["code"]), (503, &json!("gateway_away")));
    relay.restore();
    console.connection("Connected").await;
    live.line("gateway", "link ended").await;
    assert_eq!(line(&console, AGENT, "the session ended").await, lost);
}

#[tokio::test(flavor = "multi_thread")]
async fn older_lines_are_paged_to_after_a_restart() {
    for format in ["json", "text"] {
        let world = World::new();
        let _gateway = world.gateway(&[]).await;
        let settings = [("Logging__FilePath", "logs/agent-.log"), ("Logging__Format", format)];
        let (mut first, console) = world.agent(&settings).await;
        for _ in 0..30 {
            let session = console.status().await["sessionId"].clone();
            console.expect(202, "POST", "/api/v1/reconnect", None).await;
            eventually("a new session stands", || async {
                let status = console.status().await;
                (status["connectionStatus"] == "Connected" && status["sessionId"] != session).then_some(())
            })
            .await;
        }
        let before = page(&console, &format!("{AGENT}?count=5000")).await;
        assert!(before.len() > 60, "{} lines", before.len());
        first.signal("TERM").await;
        first.wait(PATIENCE).await;
        let (_second, console) = world.agent(&settings).await;
        let (mut all, mut path) = (Vec::new(), format!("{AGENT}?count=17"));
        loop {
            let page = console.expect(200, "GET", &path, None).await;
            let lines = page["logs"].as_array().expect("a list");
            assert!(lines.len() <= 17);
            all.extend(lines.clone());
            assert_eq!(page["hasMore"], page["nextBeforeId"].is_u64());
            let Some(next) = page["nextBeforeId"].as_u64() else { break };
            path = format!("{AGENT}?count=17&beforeId={next}");
        }
        let place = all.iter().position(|line| *line == before[0]).expect("the newest line of the run before");
        assert!(place > 0, "lines of this run come first");
        assert_eq!(all[place..], before, "{format}: every line as it was, none twice and none left out");
        let ids: Vec<u64> = all.iter().filter_map(|line| line["id"].as_u64()).collect();
        assert!(ids.is_sorted_by(|one, two| one > two) && ids.len() == all.len());
        let found = page(&console, &format!("{AGENT}?search=THE%20CONSOLE%20LISTENS")).await;
        assert_eq!(found.len(), 2, "one of each run: {found:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_log_has_a_secret_in_it_and_reading_it_at_the_finest_level_does_not_feed_it() {
    let world = World::new();
    let settings = [("Logging__LogLevel", "trace"), ("Logging__FilePath", "logs/x-.log"), ("Logging__Format", "json")];
    let gateway = world.gateway(&[settings[0]]).await;
    let (agent, console) = world.agent(&settings).await;
    wrong_key(&world).await;
    let login = json!({ "password": "a-wrong-password-of-tests" });
    console.expect(401, "POST", "/api/v1/auth/login", Some(login)).await;
    console.expect(200, "POST", "/api/v1/auth/login", Some(json!({ "password": PASSWORD }))).await;
    line(&console, GATEWAY, "wrong key").await;
    let mut live = Live::open(&console).await;
    // The lines of the stream's own beginning, and whatever else is going on.
    let settled = tokio::time::Instant::now() + Duration::from_secs(3);
    while tokio::time::Instant::now() < settled {
        live.batch(Duration::from_millis(500)).await;
    }
    let (begin, mut lines, mut own) = (tokio::time::Instant::now(), Vec::new(), 0);
    while begin.elapsed() < Duration::from_secs(4) {
        if let Some((source, batch)) = live.batch(Duration::from_millis(500)).await {
            own += usize::from(source == "agent");
            lines.extend(batch);
        }
    }
    assert!(own <= 8 && lines.len() <= 40, "an idle tunnel writes {} lines in {own} batches: {lines:#?}", lines.len());
    let mut everything = page(&console, &format!("{AGENT}?count=5000")).await;
    everything.extend(page(&console, &format!("{GATEWAY}?count=5000")).await);
    let everything = Value::from(everything).to_string();
    let shown = [everything, agent.output(), gateway.output(), files(&world.path("logs"))];
    for secret in [KEY, WRONG_KEY, PASSWORD, "a-wrong-password-of-tests", "a-jwt-secret-for-tests", "Bearer "] {
        assert!(shown.iter().all(|text| !text.contains(secret)), "{secret} is in a log");
    }
}

fn files(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).expect("the folder of the logs");
    entries.map(|entry| std::fs::read_to_string(entry.expect("a file").path()).expect("text")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demos_gateway_and_agent_have_a_log_each() {
    let world = World::new();
    let data = world.path("demo").display().to_string();
    let args = ["demo", "--data", &data, "--gateway-port", "0", "--console-port", "0"];
    let demo = Process::spawn("demo", &world.path("."), &mut world.command(&args, &[]));
    let printed = |label: &str| {
        let output = demo.output();
        let line = output.lines().find(|line| line.trim_start().starts_with(label))?.to_owned();
        line.split_whitespace().nth(1).map(str::to_owned)
    };
    let (url, password) =
        eventually("the demo tells its address", || async { printed("Console").zip(printed("Password")) }).await;
    let port: u16 = url.trim_end_matches('/').rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("a port");
    let console = ConsoleClient::login(([127, 0, 0, 1], port).into(), &password).await;
    console.connection("Connected").await;
    line(&console, GATEWAY, "gateway listens").await;
    line(&console, AGENT, "the console listens").await;
    for (path, others) in [(AGENT, "octoporty_gateway"), (GATEWAY, "octoporty_agent")] {
        let lines = page(&console, path).await;
        let foreign = |line: &&Value| line["fields"]["target"].as_str().is_some_and(|t| t.starts_with(others));
        assert_eq!(lines.iter().filter(foreign).count(), 0, "{path} has lines of {others}");
    }
}
