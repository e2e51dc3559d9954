//! Starting and stopping: mistakes are all told at once with exit code 64, stops are clean, restarts lose nothing.

use std::time::{Duration, Instant};

use octoporty_e2e::console::ConsoleClient;
use octoporty_e2e::process::Process;
use octoporty_e2e::target::{self, Target, mirror};
use octoporty_e2e::world::{KEY, PASSWORD, PASSWORD_HASH, World};
use octoporty_e2e::{PATIENCE, eventually};

struct Ended {
    code: Option<i32>,
    text: String,
}

async fn run(world: &World, args: &[&str], settings: &[(&str, &str)]) -> Ended {
    let mut command = world.command(args, settings);
    let output =
        tokio::time::timeout(PATIENCE, command.kill_on_drop(true).output()).await.expect("it ends").expect("it runs");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("$ octoporty {}\n{text}", args.join(" "));
    Ended { code: output.status.code(), text }
}

#[tokio::test]
async fn every_mistake_of_a_configuration_is_told_at_once() {
    let world = World::new();
    let agent = run(
        &world,
        &["agent"],
        &[
            ("Agent__GatewayUrl", "ftp://gateway.test/tunnel"),
            ("Agent__ApiKey", "short-secret"),
            ("Agent__Port", "70000"),
            ("Agent__JwtSecret", "tiny-secret"),
            // What a shell makes of a hash in double quotes.
            ("Agent__Auth__PasswordHash", "/JvHBGL2wqsmTdwJjef.IR.LHrLVocifKvx5aVlAzzLJYZr9z2fY0coQ0"),
            ("Agent__HeartbeatInterval", "5"),
            ("ConnectionStrings__DefaultConnection", "Server=db;Database=octoporty"),
        ],
    )
    .await;
    assert_eq!(agent.code, Some(64));
    for name in [
        "Agent__GatewayUrl",
        "Agent__ApiKey",
        "Agent__Port",
        "Agent__JwtSecret",
        "Agent__Auth__PasswordHash",
        "Agent__HeartbeatInterval",
        "Agent__HeartbeatIntervalSeconds",
        "ConnectionStrings__DefaultConnection",
    ] {
        assert!(agent.text.contains(name), "{name} is not told of");
    }
    assert!(agent.text.contains("write $$ for each $"), "it says how to mend the hash");
    for secret in ["short-secret", "tiny-secret", "JvHBGL2wqsmTdwJjef"] {
        assert!(!agent.text.contains(secret), "{secret} was shown");
    }
    let gateway = run(&world, &["gateway"], &[("Gateway__Prot", "17200")]).await;
    assert_eq!(gateway.code, Some(64));
    assert!(gateway.text.contains("Gateway__ApiKey") && gateway.text.contains("Gateway__Port"), "{}", gateway.text);
}

#[tokio::test]
async fn a_port_in_use_and_an_unwritable_folder_are_one_sentence() {
    let world = World::new();
    let holder = tokio::net::TcpListener::bind(world.gateway_address()).await.expect("free");
    let address = world.gateway_address().to_string();
    let gateway = run(&world, &["gateway"], &[("Gateway__ApiKey", KEY), ("Gateway__Port", &address)]).await;
    assert!(gateway.code.is_some_and(|code| code != 0 && code != 64), "{:?}", gateway.code);
    assert!(gateway.text.contains(&address) && gateway.text.contains("Gateway__Port"), "{}", gateway.text);
    assert!(!gateway.text.contains("panicked"));
    drop(holder);
    // Even root cannot make a folder below a file.
    std::fs::write(world.path("file"), "x").expect("writable");
    let database = format!("Data Source={}", world.path("file/octoporty.db").display());
    let console = world.console_address().to_string();
    let agent = run(
        &world,
        &["agent"],
        &[
            ("Agent__GatewayUrl", "ws://127.0.0.1:1/tunnel"),
            ("Agent__ApiKey", KEY),
            ("Agent__Port", &console),
            ("Agent__Auth__PasswordHash", PASSWORD_HASH),
            ("ConnectionStrings__DefaultConnection", &database),
        ],
    )
    .await;
    assert!(agent.code.is_some_and(|code| code != 0), "{:?}", agent.code);
    assert!(agent.text.contains("not writable") && agent.text.contains("chown"), "{}", agent.text);
}

#[tokio::test]
async fn a_database_of_a_newer_release_is_refused_and_left_alone() {
    let world = World::new();
    let (mut agent, _console) = world.agent_via(world.gateway_address(), &[]).await;
    agent.signal("TERM").await;
    agent.wait(PATIENCE).await;
    let file = world.path("agent.db");
    let python = "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.execute('pragma user_version = 9999'); \
                  c.commit(); c.execute('pragma wal_checkpoint(truncate)'); c.close()";
    let done =
        tokio::process::Command::new("python3").args(["-c", python]).arg(&file).status().await.expect("python3 runs");
    assert!(done.success());
    let before = std::fs::read(&file).expect("readable");
    let console = world.console_address().to_string();
    let database = format!("Data Source={}", file.display());
    let ended = run(
        &world,
        &["agent"],
        &[
            ("Agent__GatewayUrl", "ws://127.0.0.1:1/tunnel"),
            ("Agent__ApiKey", KEY),
            ("Agent__Port", &console),
            ("Agent__Auth__PasswordHash", PASSWORD_HASH),
            ("ConnectionStrings__DefaultConnection", &database),
        ],
    )
    .await;
    assert!(ended.code.is_some_and(|code| code != 0));
    assert!(ended.text.contains("newer release"), "{}", ended.text);
    assert_eq!(std::fs::read(&file).expect("readable"), before);
}

#[tokio::test]
async fn the_command_line_helps_a_stranger() {
    let world = World::new();
    let help = run(&world, &["--help"], &[]).await;
    assert_eq!(help.code, Some(0));
    for word in ["gateway", "agent", "demo", "hash-password", "health"] {
        assert!(help.text.contains(word), "{word}");
    }
    assert!(run(&world, &["--version"], &[]).await.text.contains("octoporty "));
    assert_eq!(run(&world, &["gatewya"], &[]).await.code, Some(64));
}

#[tokio::test]
async fn a_hash_made_by_the_command_logs_in() {
    use tokio::io::AsyncWriteExt;
    let world = World::new();
    let mut command = world.command(&["hash-password"], &[]);
    let mut child =
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().expect("runs");
    child.stdin.take().expect("piped").write_all(b"pass word $6$\n").await.expect("taken");
    let output = child.wait_with_output().await.expect("it ends");
    let hash = String::from_utf8(output.stdout).expect("text").trim().to_owned();
    assert!(hash.starts_with("$6$"), "{hash}");
    let (_agent, console) = {
        let agent = world.agent_named(
            "agent",
            world.console_address(),
            world.gateway_address(),
            &[("Agent__Auth__PasswordHash", &hash)],
        );
        target::listening(world.console_address()).await;
        (agent, ConsoleClient::login(world.console_address(), "pass word $6$").await)
    };
    assert_ne!(console.status().await["connectionStatus"], "Connected");
}

/// What the shell behind it is left with: exit code and whether the terminal shows what is typed.
const INTERRUPTED: &str = r#"
import os, pty, signal, subprocess, sys, termios, time
ours, theirs = pty.openpty()
echo = lambda: bool(termios.tcgetattr(theirs)[3] & termios.ECHO)
child = subprocess.Popen([sys.argv[1], "hash-password"], stdin=theirs, stderr=theirs, stdout=subprocess.DEVNULL)
end = time.monotonic() + 30
while echo() and time.monotonic() < end:
    time.sleep(0.01)
hidden = not echo()
child.send_signal(signal.SIGINT)
print(hidden, child.wait(30), echo())
"#;

#[tokio::test]
async fn ctrl_c_at_the_password_gives_the_terminal_its_echo_back() {
    let binary = octoporty_e2e::process::binary();
    let output =
        tokio::process::Command::new("python3").args(["-c", INTERRUPTED]).arg(binary).output().await.expect("runs");
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(told.trim(), "True 130 True", "{}", String::from_utf8_lossy(&output.stderr));
}

#[derive(Clone, Copy)]
enum Stopping {
    Gateway,
    Agent,
}

async fn stop_finishes_what_is_in_flight(stopping: Stopping) {
    let world = World::new();
    let (go, gate) = tokio::sync::watch::channel(false);
    let target = Target::start(world.ip(), move |mut peer| {
        let mut gate = gate.clone();
        async move {
            peer.request().await;
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst").await;
            gate.wait_for(|go| *go).await.ok();
            peer.send(b"later").await;
        }
    })
    .await;
    let mut pair = world.pair().await;
    let id = pair.console.map("app.test", target.address()).await;
    pair.console.applied(&id).await;
    let mut visitor = world.visitor().await;
    visitor.send(b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    assert_eq!(visitor.head().await.expect("a head").status, 200);
    assert_eq!(visitor.read_exactly(5).await, b"first");
    let process = match stopping {
        Stopping::Gateway => &mut pair.gateway,
        Stopping::Agent => &mut pair.agent,
    };
    process.signal("TERM").await;
    // The stop is under way when new visitors are not served any more; what is in flight still is.
    eventually("it takes no new requests", || async {
        let answer = tokio::time::timeout(Duration::from_secs(1), world.try_get("app.test", "/")).await;
        match answer {
            Ok(Some(reply)) => (reply.status != 200).then_some(()),
            Ok(None) => Some(()),
            Err(_) => None,
        }
    })
    .await;
    let cut = tokio::time::timeout(Duration::from_secs(1), visitor.read_some()).await;
    assert!(cut.is_err(), "what is in flight is cut although there is time");
    go.send_replace(true);
    assert_eq!(visitor.read_exactly(5).await, b"later");
    assert_eq!(process.wait(PATIENCE).await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_gateway_finishes_what_is_in_flight() {
    stop_finishes_what_is_in_flight(Stopping::Gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_agent_finishes_what_is_in_flight() {
    stop_finishes_what_is_in_flight(Stopping::Agent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_have_come_when_a_gateway_begins_to_stop_are_answered() {
    const FRESH: usize = 400;
    let world = World::new();
    let target = mirror(world.ip()).await;
    let mut pair = world.pair().await;
    let id = pair.console.map("app.test", target.address()).await;
    pair.console.applied(&id).await;
    let mut visitors = vec![world.visitor().await];
    assert_eq!(visitors[0].get("app.test", "/").await.status, 200);
    // A process that stands still: what comes meanwhile waits in its system, new connections too.
    pair.gateway.signal("STOP").await;
    for _ in 0..FRESH {
        visitors.push(world.visitor().await);
    }
    for visitor in &mut visitors {
        visitor.send(b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    }
    pair.gateway.signal("TERM").await;
    pair.gateway.signal("CONT").await;
    for (number, visitor) in visitors.iter_mut().enumerate() {
        assert_eq!(visitor.reply("GET").await.status, 200, "visitor {number}");
    }
    assert_eq!(pair.gateway.wait(PATIENCE).await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_are_back_within_two_seconds_of_an_orderly_restart() {
    let world = World::new();
    let target = mirror(world.ip()).await;
    let mut pair = world.pair().await;
    let id = pair.console.map("app.test", target.address()).await;
    pair.console.applied(&id).await;
    for round in 0..3 {
        pair.gateway.signal("TERM").await;
        assert_eq!(pair.gateway.wait(PATIENCE).await.code(), Some(0), "round {round}");
        pair.gateway = world.gateway(&[]).await;
        let start = Instant::now();
        eventually("it serves again", || async { (world.get("app.test", "/").await.status == 200).then_some(()) })
            .await;
        assert!(start.elapsed() < Duration::from_secs(2), "round {round}: {:?}", start.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_was_answered_survives_kill_9() {
    let world = World::new();
    let target = mirror(world.ip()).await;
    let _gateway = world.gateway(&[]).await;
    let (mut agent, console) = world.agent(&[]).await;
    for n in 0..10 {
        console.map(&format!("site{n}.test"), target.address()).await;
    }
    agent.kill().await;
    let before = console;
    let (_agent, console) = world.agent(&[]).await;
    let mappings = console.expect(200, "GET", "/api/v1/mappings", None).await;
    assert_eq!(mappings.as_array().map(Vec::len), Some(10));
    eventually("all are served", || async { (world.get("site9.test", "/").await.status == 200).then_some(()) }).await;
    // Sessions survive as well: the token that was issued before still counts.
    let me = before.expect(200, "GET", "/api/v1/auth/me", None).await;
    assert_eq!(me["credential"], "bearer");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_answers_scripts_without_curl() {
    let world = World::new();
    let _gateway = world.gateway(&[]).await;
    let url = format!("http://{}/health", world.gateway_address());
    assert_eq!(run(&world, &["health", "--url", &url], &[]).await.code, Some(0));
    let nobody = format!("http://{}/health", target::free_address(world.ip()));
    assert_eq!(run(&world, &["health", "--url", &nobody], &[]).await.code, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_tunnel_works_at_once() {
    let world = World::new();
    let target = mirror(world.ip()).await;
    let _gateway = world.gateway(&[("Gateway__HeartbeatIntervalSeconds", "1")]).await;
    let (_agent, console) = world.agent(&[("Agent__HeartbeatIntervalSeconds", "1")]).await;
    let id = console.map("app.test", target.address()).await;
    console.applied(&id).await;
    assert_eq!(world.get("app.test", "/").await.status, 200);
    let connected = console.status().await["lastConnected"].clone();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world.get("app.test", "/").await.status, 200);
    assert_eq!(console.status().await["lastConnected"], connected, "the session stood all the time");
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_come_from_files_and_are_shown_nowhere() {
    let world = World::new();
    let file = |name: &str, text: &str| {
        std::fs::write(world.path(name), format!("{text}\n")).expect("writable");
        world.path(name).display().to_string()
    };
    let (next, jwt) = ("the-next-api-key-for-tests-of-40-letters", "a-jwt-secret-of-a-file-with-40-letters!!");
    // Two keys stand while agents change from one to the other.
    let keys = file("keys", &format!("{KEY},{next}"));
    let (key, jwt_file, hash) = (file("key", next), file("jwt", jwt), file("hash", PASSWORD_HASH));
    let gateway = world.gateway(&[("Gateway__ApiKey", ""), ("Gateway__ApiKeyFile", &keys)]).await;
    for (settings, what) in [
        (&[][..], "the old key"),
        (
            &[
                ("Agent__ApiKey", ""),
                ("Agent__ApiKeyFile", key.as_str()),
                ("Agent__JwtSecret", ""),
                ("Agent__JwtSecretFile", jwt_file.as_str()),
                ("Agent__Auth__PasswordHash", ""),
                ("Agent__Auth__PasswordHashFile", hash.as_str()),
            ],
            "the new key, all from files",
        ),
    ] {
        let (mut agent, console) = world.agent(settings).await;
        assert_eq!(console.status().await["connectionStatus"], "Connected", "{what}");
        agent.signal("TERM").await;
        agent.wait(PATIENCE).await;
        let shown = format!("{}{}", agent.output(), gateway.output());
        assert!(shown.contains("th****rs") || what == "the old key", "masked, it is in the banner: {shown}");
        for secret in [KEY, next, jwt, "a-jwt-secret-for-tests", PASSWORD_HASH, PASSWORD] {
            assert!(!shown.contains(secret), "{what}: {secret} was shown");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn visitors_of_an_agent_that_stops_are_told_at_once() {
    let world = World::new();
    let target = Target::start(world.ip(), |mut peer| async move {
        while let Some(seen) = peer.request().await {
            if seen.path() == "/hold" {
                return peer.closed().await;
            }
            peer.ok("fine").await;
        }
    })
    .await;
    let pair = world.pair().await;
    let id = pair.console.map("app.test", target.address()).await;
    pair.console.applied(&id).await;
    let mut held = world.visitor().await;
    held.send(b"GET /hold HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    eventually("the target has it", || async { (target.connections() == 1).then_some(()) }).await;
    // While a request keeps it from ending, the agent's goodbye counts already.
    pair.agent.signal("TERM").await;
    eventually("new requests are answered with 503", || async {
        let reply = world.get("app.test", "/").await;
        assert!(matches!(reply.status, 200 | 503), "{} {}", reply.status, reply.text());
        (reply.status == 503).then_some(())
    })
    .await;
    drop(held);
}

/// How much of its own code a process has in memory, of all that there is.
fn code_in_memory(process: &Process) -> f64 {
    let smaps = std::fs::read_to_string(format!("/proc/{}/smaps", process.pid())).expect("it runs");
    let program = std::fs::read_link(format!("/proc/{}/exe", process.pid())).expect("it runs").display().to_string();
    let code = smaps.lines().skip_while(|line| !(line.contains(" r-xp ") && line.ends_with(&program)));
    let kib = |name: &str| -> f64 {
        let field = code.clone().find_map(|line| line.strip_prefix(name)).expect("Linux tells it");
        field.trim_end_matches("kB").trim().parse().expect("a number")
    };
    kib("Rss:") / kib("Size:")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_start_runs_does_not_stay_in_memory() {
    let world = World::new();
    let pair = world.pair().await;
    for process in [&pair.gateway, &pair.agent] {
        // Right after a start it is half of it, and with a database three quarters.
        eventually("the start's code is given back", || async { (code_in_memory(process) < 0.25).then_some(()) }).await;
    }
    let target = mirror(world.ip()).await;
    let id = pair.console.map("after.test", target.address()).await;
    pair.console.applied(&id).await;
    assert_eq!(world.get("after.test", "/").await.status, 200, "all of it still runs");
}
