//! An update of the gateway from the agent's console: what is asked, what the gateway says, and what the host's updater
//! makes of it.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use octoporty_e2e::process::Process;
use octoporty_e2e::relay::{Ending, Relay};
use octoporty_e2e::world::World;
use octoporty_e2e::{PATIENCE, eventually, visitor};
use serde_json::{Value, json};
use tokio::process::Command;

const UPDATE: &str = "/api/v1/gateway/update";
const UPDATER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/octoporty-updater.sh");

fn force(force: bool) -> Option<Value> {
    Some(json!({ "force": force }))
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("the signal file is there");
    serde_json::from_str(&text).expect("the signal file is JSON")
}

/// The release of the binary under test, as its gateway tells it.
async fn release(world: &World) -> String {
    let health = world.get(&world.gateway_address().to_string(), "/health").await.json();
    health["version"].as_str().expect("health has the release").to_owned()
}

fn said(answer: &Value, word: &str) -> bool {
    answer["message"].as_str().is_some_and(|message| message.contains(word))
}

#[tokio::test]
async fn an_update_is_asked_for_once_and_anew_when_the_updater_has_taken_it() {
    let world = World::new();
    let signal = world.path("signals/update-signal");
    let mut gateway = world.gateway(&[("Gateway__UpdateSignalPath", &signal.display().to_string())]).await;
    let (_agent, console) = world.agent(&[]).await;
    let release = release(&world).await;
    assert_eq!(console.status().await["gatewayUpdateAvailable"], false, "both are of one release");

    let unasked = console.expect(200, "POST", UPDATE, force(false)).await;
    assert_eq!((&unasked["success"], &unasked["status"]), (&json!(false), &Value::Null));
    assert!(said(&unasked, &release) && !signal.exists(), "{unasked}");

    let queued = console.expect(200, "POST", UPDATE, force(true)).await;
    assert_eq!(
        (&queued["success"], &queued["status"], &queued["error"]),
        (&json!(true), &json!("Queued"), &Value::Null)
    );
    assert_eq!((&queued["agentVersion"], &queued["gatewayVersion"]), (&json!(release), &json!(release)));
    let written = read(&signal);
    assert_eq!((&written["targetVersion"], &written["currentVersion"]), (&json!(release), &json!(release)));
    assert_eq!(written["requestedBy"], "Agent@agent");
    assert!(written["requestedAt"].as_str().is_some_and(|at| at.ends_with('Z')), "{written}");

    let again = console.expect(200, "POST", UPDATE, force(true)).await;
    assert_eq!((&again["success"], &again["status"]), (&json!(true), &json!("AlreadyQueued")));
    assert_eq!(read(&signal), written, "the first request stays");
    std::fs::remove_file(&signal).expect("it can be taken");
    assert_eq!(console.expect(200, "POST", UPDATE, force(true)).await["status"], "Queued");
    assert!(signal.exists());

    gateway.kill().await;
    eventually("the loss is seen", || async {
        (console.status().await["connectionStatus"] != "Connected").then_some(())
    })
    .await;
    let away = console.expect(503, "POST", UPDATE, force(true)).await;
    assert_eq!(away["code"], "gateway_away");
    assert!(said(&away, "Not connected"), "{away}");
}

#[tokio::test]
async fn nobody_without_a_login_updates_a_gateway() {
    let world = World::new();
    let signal = world.path("update-signal");
    let _gateway = world.gateway(&[("Gateway__UpdateSignalPath", &signal.display().to_string())]).await;
    let (_agent, console) = world.agent(&[]).await;
    let address = console.address();
    let body = r#"{"force":true}"#;
    let head = format!(
        "POST {UPDATE} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    assert_eq!(visitor::exchange(address, head.as_bytes(), "POST").await.status, 401);
    assert!(!signal.exists());
}

#[tokio::test]
async fn a_gateway_that_may_not_or_cannot_says_what_to_change() {
    let world = World::new();
    let signal = world.path("update-signal").display().to_string();
    let settings = [("Gateway__UpdateSignalPath", signal.as_str()), ("Gateway__AllowRemoteUpdate", "false")];
    let mut gateway = world.gateway(&settings).await;
    let (_agent, console) = world.agent(&[]).await;
    let refused = console.expect(200, "POST", UPDATE, force(true)).await;
    assert_eq!((&refused["success"], &refused["status"]), (&json!(false), &json!("Rejected")));
    assert!(said(&refused, "Gateway__AllowRemoteUpdate") && refused["error"] == refused["message"], "{refused}");
    assert!(!Path::new(&signal).exists());

    gateway.signal("TERM").await;
    gateway.wait(PATIENCE).await;
    std::fs::write(world.path("no-folder"), "a file").expect("the world's folder is writable");
    let nowhere = world.path("no-folder/update-signal").display().to_string();
    let _gateway = world.gateway(&[("Gateway__UpdateSignalPath", nowhere.as_str())]).await;
    console.connection("Connected").await;
    let unable = console.expect(200, "POST", UPDATE, force(true)).await;
    assert_eq!(unable["status"], "Rejected");
    assert!(said(&unable, &nowhere) && said(&unable, "Gateway__UpdateSignalPath"), "{unable}");
}

/// The `welcome` names the gateway's release; MessagePack puts the length before the text.
fn welcome_of(release: &str) -> Vec<u8> {
    let length = u8::try_from(release.len()).expect("a short release") | 0xa0;
    [b"gateway_version".as_slice(), &[length], release.as_bytes()].concat()
}

#[tokio::test]
async fn an_older_gateway_is_an_update_to_be_had_until_it_is_one_no_more() {
    let world = World::new();
    let _gateway = world.gateway(&[]).await;
    let release = release(&world).await;
    // A release of before, as long as this one.
    let older: String = release.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let relay = Relay::start(([127, 0, 0, 1], 0).into(), world.gateway_address()).await;
    relay.rewrite(&welcome_of(&release), &welcome_of(&older));
    let (_agent, console) = world.agent_via(relay.address(), &[]).await;
    console.connection("Connected").await;
    let status = console.status().await;
    assert_eq!((&status["gatewayUpdateAvailable"], &status["gatewayVersion"]), (&json!(true), &json!(older)));
    assert_eq!(status["version"], json!(release));
    // It is asked, and knows better than the relay what it is.
    let refused = console.expect(200, "POST", UPDATE, force(false)).await;
    assert_eq!((&refused["status"], &refused["gatewayVersion"]), (&json!("Rejected"), &json!(release)));
    assert!(said(&refused, "not newer"), "{refused}");

    // A newer one is not asked at all, and is told of as it calls itself.
    let newer: String = release.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    relay.rewrite(&welcome_of(&release), &welcome_of(&newer));
    relay.cut(Ending::Reset);
    eventually("the gateway is of a newer release", || async {
        (console.status().await["gatewayVersion"] == json!(newer)).then_some(())
    })
    .await;
    let unasked = console.expect(200, "POST", UPDATE, force(false)).await;
    assert_eq!((&unasked["success"], &unasked["status"]), (&json!(false), &Value::Null), "{unasked}");
    assert_eq!((&unasked["gatewayVersion"], &unasked["agentVersion"]), (&json!(newer), &json!(release)));
    assert!(said(&unasked, &newer) && unasked["error"] == unasked["message"], "{unasked}");

    relay.rewrite_nothing();
    relay.cut(Ending::Reset);
    eventually("the update is no news any more", || async {
        let status = console.status().await;
        (status["gatewayUpdateAvailable"] == false && status["gatewayVersion"] == json!(release)).then_some(())
    })
    .await;
}

/// The host of a gateway: its signal file, its updater's settings, and a `docker` that notes what it is told and does
/// what the test says.
struct Host<'a> {
    world: &'a World,
    signal: PathBuf,
}

impl<'a> Host<'a> {
    fn new(world: &'a World) -> Self {
        for folder in ["bin", "compose", "state"] {
            std::fs::create_dir_all(world.path(folder)).expect("the world's folder is writable");
        }
        let docker = world.path("bin/docker");
        let here = world.path("").display().to_string();
        let script = format!(
            "#!/bin/sh\necho \"$OCTOPORTY_VERSION: $*\" >>{here}/docker.log\npwd >{here}/docker.pwd\n[ ! -e {here}/fail-$2 ]\n"
        );
        std::fs::write(&docker, script).expect("the world's folder is writable");
        std::fs::set_permissions(&docker, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("its own file");
        Self { world, signal: world.path("update-signal") }
    }

    fn ask_for(&self, content: &str) {
        std::fs::write(&self.signal, content).expect("the world's folder is writable");
    }

    fn docker_was_told(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.world.path("docker.log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }

    fn updater(&self, settings: &[(&str, &str)]) -> Command {
        let mut command = Command::new(UPDATER);
        let path = std::env::var("PATH").expect("there is a PATH");
        command
            .env_clear()
            .env("PATH", format!("{}:{path}", self.world.path("bin").display()))
            .env("OCTOPORTY_SIGNAL_FILE", &self.signal)
            .env("OCTOPORTY_STATE_DIR", self.world.path("state"))
            .env("OCTOPORTY_COMPOSE_DIR", self.world.path("compose"))
            .env("OCTOPORTY_HEALTH_URL", format!("http://{}/health", self.world.gateway_address()))
            .env("OCTOPORTY_HEALTH_SECONDS", "1")
            .env("OCTOPORTY_TRIES", "3")
            .envs(settings.iter().copied())
            .kill_on_drop(true);
        command
    }

    async fn update(&self, settings: &[(&str, &str)]) -> Output {
        let run = self.updater(settings).output();
        tokio::time::timeout(PATIENCE, run).await.expect("the updater ends").expect("it runs")
    }
}

fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test]
async fn the_updater_keeps_a_request_until_docker_has_done_it() {
    let world = World::new();
    let _gateway = world.gateway(&[]).await;
    let (host, release) = (Host::new(&world), release(&world).await);
    let idle = host.update(&[]).await;
    assert!(idle.status.success() && words(&idle).is_empty() && host.docker_was_told().is_empty(), "nothing was asked");

    let request = json!({ "targetVersion": release, "requestedBy": "Agent@nas" }).to_string();
    host.ask_for(&request);
    std::fs::write(world.path("compose/.env"), "KEY=kept\nOCTOPORTY_VERSION=0.0.1\n").expect("a writable folder");
    std::fs::write(world.path("fail-pull"), "").expect("a writable folder");
    let failed = host.update(&[]).await;
    assert!(!failed.status.success() && words(&failed).contains("try 1 of 3"), "{}", words(&failed));
    assert_eq!(
        std::fs::read_to_string(&host.signal).ok().as_deref(),
        Some(request.as_str()),
        "a failed pull loses nothing"
    );
    assert_eq!(host.docker_was_told(), [format!("{release}: compose pull gateway")], "what runs is not touched");

    std::fs::remove_file(world.path("fail-pull")).expect("it was made above");
    let done = host.update(&[]).await;
    assert!(done.status.success(), "{}", words(&done));
    assert!(!host.signal.exists(), "it was carried out");
    let told = host.docker_was_told();
    assert_eq!(
        told[1..],
        [format!("{release}: compose pull gateway"), format!("{release}: compose up -d --no-deps gateway")]
    );
    let place = std::fs::read_to_string(world.path("docker.pwd")).expect("docker ran");
    assert_eq!(Path::new(place.trim()), world.path("compose").canonicalize().expect("it is there"));
    let remembered = std::fs::read_to_string(world.path("compose/.env")).expect("it is there");
    assert_eq!(remembered, format!("KEY=kept\nOCTOPORTY_VERSION={release}\n"), "a later start takes the new release");
}

#[tokio::test]
async fn the_updater_gives_up_a_request_that_never_works_and_takes_the_next() {
    let world = World::new();
    let _gateway = world.gateway(&[]).await;
    let (host, release) = (Host::new(&world), release(&world).await);
    let rejected = world.path("state/rejected");
    // Docker does all of it, and still the gateway is of the old release.
    host.ask_for(&json!({ "targetVersion": "99.0.0" }).to_string());
    for number in 1..=2 {
        let failed = host.update(&[]).await;
        let told = words(&failed);
        assert!(told.contains(&format!("try {number} of 3")) && told.contains(&format!("it runs {release}")), "{told}");
        assert!(host.signal.exists() && !rejected.exists());
    }
    let last = words(&host.update(&[]).await);
    assert!(last.contains("3 times"), "{last}");
    assert!(!host.signal.exists(), "the gateway may be asked anew");
    assert_eq!(read(&rejected)["targetVersion"], "99.0.0", "and what failed can be looked at");
    host.ask_for(&json!({ "targetVersion": release }).to_string());
    assert!(host.update(&[]).await.status.success(), "another request begins anew");
}

#[tokio::test]
async fn the_updater_runs_nothing_that_stands_in_the_file() {
    let world = World::new();
    let host = Host::new(&world);
    let taken = world.path("taken").display().to_string();
    let commanded = world.path("commanded").display().to_string();
    let rejected = world.path("state/rejected");
    let injected = [
        json!({ "targetVersion": format!("1.0.0; touch {taken}") }).to_string(),
        json!({ "targetVersion": format!("1.0.0$(touch {taken})") }).to_string(),
        json!({ "targetVersion": format!("1.0.0\n`touch {taken}`") }).to_string(),
        json!({ "targetVersion": "latest" }).to_string(),
        json!({ "targetVersion": "01.2.3" }).to_string(),
        json!({ "targetVersion": 1.2 }).to_string(),
        json!({ "other": "1.2.3" }).to_string(),
        format!("touch {taken}"),
        json!({ "targetVersion": "1.0.0", "padding": "x".repeat(5000) }).to_string(),
    ];
    for content in injected {
        host.ask_for(&content);
        let command = format!("echo \"$OCTOPORTY_VERSION\" >>{commanded}");
        let refused = host.update(&[("OCTOPORTY_UPDATE_COMMAND", &command)]).await;
        assert!(!refused.status.success() && !host.signal.exists(), "{content}: {}", words(&refused));
        // As much of it as a signal may have, and a byte.
        let kept = std::fs::read_to_string(&rejected).expect("what is refused can be looked at");
        assert_eq!(kept, content[..content.len().min(4097)]);
    }
    assert!(!Path::new(&taken).exists() && !Path::new(&commanded).exists() && host.docker_was_told().is_empty());
}

/// All names below a folder, with what is in the files.
fn below(folder: &Path) -> Vec<(PathBuf, Option<String>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("it is a folder") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(below(&path));
        }
        found.push((path.clone(), std::fs::read_to_string(&path).ok()));
    }
    found.sort();
    found
}

/// The signal's folder is the gateway's, and the updater is root: who has the gateway must not get at the host's files.
#[tokio::test]
async fn the_updater_follows_and_writes_nothing_in_the_gateways_folder() {
    let world = World::new();
    let mut host = Host::new(&world);
    for folder in ["signals", "theirs"] {
        std::fs::create_dir_all(world.path(folder)).expect("the world's folder is writable");
    }
    host.signal = world.path("signals/update-signal");
    std::fs::write(world.path("theirs/passwd"), "root's own").expect("a writable folder");
    std::fs::write(world.path("theirs/request"), r#"{"targetVersion":"1.0.0"}"#).expect("a writable folder");
    let before = below(&world.path("theirs"));
    let failed = world.path("signals/update-signal.failed");
    for trap in ["theirs", "theirs/passwd", "theirs/new"] {
        std::os::unix::fs::symlink(world.path(trap), &failed).expect("a writable folder");
        host.ask_for("no JSON");
        let refused = host.update(&[]).await;
        assert!(!refused.status.success() && !host.signal.exists(), "{trap}: {}", words(&refused));
        assert_eq!(std::fs::read_link(&failed).ok(), Some(world.path(trap)), "the link is nobody's business");
        assert_eq!(below(&world.path("theirs")), before, "{trap}");
        std::fs::remove_file(&failed).expect("it was made above");
    }
    std::fs::create_dir(&failed).expect("a writable folder");
    host.ask_for("no JSON");
    assert!(!host.update(&[]).await.status.success() && !host.signal.exists());
    assert_eq!(below(&world.path("signals")), [(failed, None)], "nothing was put into the folder");

    // A link in the signal's own place, to a request, to another's file and to nowhere.
    for other in ["theirs/request", "theirs/passwd", "theirs/new"] {
        std::fs::write(world.path("state/rejected"), "the last one").expect("a writable folder");
        std::os::unix::fs::symlink(world.path(other), &host.signal).expect("a writable folder");
        let refused = host.update(&[]).await;
        assert!(words(&refused).contains("no plain file"), "{other}: {}", words(&refused));
        assert!(!host.signal.is_symlink(), "{other}: the next request has room");
        assert_eq!(below(&world.path("theirs")), before, "{other}");
        assert_eq!(std::fs::read_to_string(world.path("state/rejected")).ok().as_deref(), Some("the last one"));
    }
    assert!(host.docker_was_told().is_empty());

    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(world.path("state"), open).expect("its own folder");
    host.ask_for("no JSON");
    let unsafe_state = host.update(&[]).await;
    assert!(words(&unsafe_state).contains("nobody else may write there"), "{}", words(&unsafe_state));
    assert!(host.signal.exists(), "nothing is done");
}

#[tokio::test]
async fn a_release_that_no_image_can_be_tagged_with_is_refused_in_words() {
    let world = World::new();
    let host = Host::new(&world);
    let request = json!({ "targetVersion": "1.0.0+build.5" }).to_string();
    host.ask_for(&request);
    let refused = host.update(&[("OCTOPORTY_HEALTH_URL", "none")]).await;
    assert!(words(&refused).contains("1.0.0+build.5: docker has none"), "{}", words(&refused));
    assert!(!host.signal.exists() && host.docker_was_told().is_empty());
    host.ask_for(&request);
    let command = format!("echo \"$OCTOPORTY_VERSION\" >{}", world.path("installed").display());
    let done = host.update(&[("OCTOPORTY_UPDATE_COMMAND", &command), ("OCTOPORTY_HEALTH_URL", "none")]).await;
    assert!(done.status.success(), "{}", words(&done));
    assert_eq!(std::fs::read_to_string(world.path("installed")).expect("it ran").trim(), "1.0.0+build.5");
}

#[tokio::test]
async fn the_updater_is_not_held_up_by_what_an_update_left_running() {
    let world = World::new();
    let host = Host::new(&world);
    let pid = world.path("pid").display().to_string();
    let command = format!("sleep 300 >/dev/null 2>&1 </dev/null & echo $! >{pid}");
    let settings = [("OCTOPORTY_UPDATE_COMMAND", command.as_str()), ("OCTOPORTY_HEALTH_URL", "none")];
    let mut left = Vec::new();
    for version in ["1.0.0", "1.0.1"] {
        host.ask_for(&json!({ "targetVersion": version }).to_string());
        let done = host.update(&settings).await;
        left.push(std::fs::read_to_string(&pid).expect("the command ran"));
        if !done.status.success() || host.signal.exists() {
            stop(&left).await;
            panic!("{version}: {}", words(&done));
        }
    }
    stop(&left).await;
}

async fn stop(pids: &[String]) {
    for pid in pids {
        Command::new("kill").arg(pid.trim()).status().await.expect("kill runs");
    }
}

/// The way of a request through all of it: console, agent, gateway, signal file, updater, a new gateway, and back.
#[tokio::test]
async fn an_update_goes_all_the_way_by_a_command_of_the_owners_own() {
    let world = World::new();
    let host = Host::new(&world);
    let signal = host.signal.display().to_string();
    let settings = [("Gateway__UpdateSignalPath", signal.as_str())];
    let mut gateway = world.gateway(&settings).await;
    let (_agent, console) = world.agent(&[]).await;
    let release = release(&world).await;
    let first = console.status().await["sessionId"].clone();
    assert_eq!(console.expect(200, "POST", UPDATE, force(true)).await["status"], "Queued");

    // The test is the service manager: it starts the gateway anew when the command says so.
    let here = world.path("").display().to_string();
    let command =
        format!("echo \"$OCTOPORTY_VERSION\" >{here}/installed; until [ -e {here}/restarted ]; do sleep 0.05; done");
    let mut updater = Process::spawn(
        "updater",
        &world.path(""),
        &mut host.updater(&[("OCTOPORTY_UPDATE_COMMAND", &command), ("OCTOPORTY_HEALTH_SECONDS", "20")]),
    );
    eventually("the command runs", || async { world.path("installed").exists().then_some(()) }).await;
    assert_eq!(console.expect(200, "POST", UPDATE, force(true)).await["status"], "AlreadyQueued");
    let beside = host.update(&[]).await;
    assert!(words(&beside).contains("another run is at work"), "{}", words(&beside));
    gateway.signal("TERM").await;
    gateway.wait(PATIENCE).await;
    assert!(host.signal.exists(), "the request is kept until the new gateway is up");
    let _gateway = world.gateway(&settings).await;
    std::fs::write(world.path("restarted"), "").expect("a writable folder");
    assert!(updater.wait(Duration::from_secs(60)).await.success(), "{}", updater.output());
    assert_eq!(std::fs::read_to_string(world.path("installed")).expect("it ran").trim(), release);
    assert!(!host.signal.exists(), "it was carried out");

    eventually("the agent is back at the new gateway", || async {
        let status = console.status().await;
        (status["connectionStatus"] == "Connected" && status["sessionId"] != first).then_some(())
    })
    .await;
    assert_eq!(
        console.expect(200, "POST", UPDATE, force(true)).await["status"],
        "Queued",
        "the next one may be asked for"
    );
}
