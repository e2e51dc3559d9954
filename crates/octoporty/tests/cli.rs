//! The binary as a process: what it prints and how it ends.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

use std::io::{BufRead, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// Never reached when all is right.
const PATIENCE: Duration = Duration::from_secs(30);

fn octoporty(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_octoporty"));
    command.args(arguments).current_dir(folder).env_clear().envs(settings.iter().copied()).stdin(Stdio::null());
    command
}

fn run(arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    octoporty(folder.path(), arguments, settings).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A running role that does not outlive its test.
struct Running(Child);

impl Running {
    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    fn exit_code(&mut self) -> Option<i32> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("it did not end in time");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// A gateway on a free port, and what it told of itself by `NOTIFY_SOCKET` when it was ready.
fn gateway(folder: &Path, settings: &[(&str, &str)]) -> (Running, String) {
    let socket = folder.join("notify");
    let listener = std::os::unix::net::UnixDatagram::bind(&socket).unwrap();
    listener.set_read_timeout(Some(PATIENCE)).unwrap();
    let own = [("Gateway__ApiKey", KEY), ("Gateway__Port", "127.0.0.1:0"), ("NOTIFY_SOCKET", socket.to_str().unwrap())];
    let settings = [&own[..], settings].concat();
    let file = std::fs::File::create(folder.join("out")).unwrap();
    let child = octoporty(folder, &["gateway"], &settings).stdout(file).stderr(Stdio::null()).spawn().unwrap();
    let running = Running(child);
    let mut buffer = [0; 256];
    let length = listener.recv(&mut buffer).expect("it gets ready");
    let message = std::str::from_utf8(&buffer[..length]).unwrap();
    let address = message.strip_prefix("READY=1\nSTATUS=listening on ").expect("ready").to_owned();
    (running, address)
}

#[test]
fn a_stranger_gets_help_and_examples() {
    for arguments in [&["--help"][..], &["help"]] {
        let help = run(arguments, &[]);
        assert_eq!(help.status.code(), Some(0));
        for word in ["gateway", "agent", "demo", "hash-password", "health", "Examples:", "openssl rand -hex 32"] {
            assert!(out(&help).contains(word), "{word}");
        }
    }
    let gateway = run(&["gateway", "--help"], &[]);
    for word in
        ["--api-key-file", "--listen-port", "Gateway__Limits__HeaderBytes", "--log-format", "--check", "--config"]
    {
        assert!(out(&gateway).contains(word), "{word}");
    }
    assert_eq!(out(&run(&["--version"], &[])), format!("octoporty {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_wrong_command_line_is_64() {
    for arguments in [&["gatewya"][..], &["gateway", "--prot", "1"], &[], &["agent", "--port"]] {
        let output = run(arguments, &[]);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        assert!(!err(&output).is_empty(), "{arguments:?}");
    }
}

#[test]
fn all_mistakes_are_told_and_no_port_is_bound() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("octoporty.toml"), "[Gateway]\nUnmaped = \"json\"\n").unwrap();
    let settings = [("Gateway__ApiKey", "short-secret"), ("Gateway__Limits__HeaderBytes", "1")];
    let output = octoporty(folder.path(), &["gateway", "--port", "70000"], &settings).output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    let text = err(&output);
    assert!(text.contains("4 settings need a change; nothing was started"), "{text}");
    for part in [
        "Gateway__ApiKey",
        "(flag --port)",
        "did you mean Gateway__Unmapped?",
        "(environment Gateway__Limits__HeaderBytes)",
    ] {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
    assert!(!text.contains("short-secret"), "{text}");
    assert!(out(&output).is_empty(), "no banner: {}", out(&output));
}

#[test]
fn check_shows_what_holds_and_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("my.toml");
    std::fs::write(&file, format!("[Gateway]\nApiKey = \"{KEY}\"\nPort = \"127.0.0.1:1\"\n")).unwrap();
    let file = file.to_str().unwrap();
    let settings = [("Gateway__DebugJson", "true")];
    let good = octoporty(folder.path(), &["gateway", "--check", "--config", file], &settings).output().unwrap();
    assert_eq!(good.status.code(), Some(0), "{}", err(&good));
    let lines = out(&good);
    let line =
        |key: &str| lines.lines().find(|line| line.starts_with(key)).unwrap_or_else(|| panic!("{key}")).to_owned();
    assert!(line("Gateway__ApiKey").contains("01****ef") && line("Gateway__ApiKey").ends_with(&format!("file {file}")));
    assert!(line("Gateway__Unmapped").contains("landing") && line("Gateway__Unmapped").ends_with("default"));
    assert!(!lines.contains(KEY), "{lines}");
    assert!(err(&good).contains("warning: Gateway__DebugJson"), "{}", err(&good));
    let bad = octoporty(folder.path(), &["gateway", "--check"], &[]).output().unwrap();
    assert_eq!(bad.status.code(), Some(64));
}

#[test]
fn a_configuration_file_that_is_not_there_or_not_toml_is_64() {
    let missing = run(&["gateway", "--config", "/nonexistent/o.toml"], &[]);
    assert_eq!(missing.status.code(), Some(64));
    assert!(err(&missing).contains("/nonexistent/o.toml: cannot be read"), "{}", err(&missing));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("octoporty.toml"), "[Gateway\n").unwrap();
    let malformed = octoporty(folder.path(), &["gateway"], &[]).output().unwrap();
    assert_eq!(malformed.status.code(), Some(64));
    assert!(err(&malformed).contains("is not valid TOML: line 1"), "{}", err(&malformed));
}

#[test]
fn a_port_in_use_is_one_sentence() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap().to_string();
    let output = run(&["gateway"], &[("Gateway__ApiKey", KEY), ("Gateway__Port", &address)]);
    assert_eq!(output.status.code(), Some(69));
    let text = err(&output);
    assert!(text.starts_with(&format!("octoporty gateway: cannot listen on {address}")), "{text}");
    assert!(text.contains("Gateway__Port") && text.lines().count() == 1, "{text}");
    let port = holder.local_addr().unwrap().port().to_string();
    let demo = run(&["demo", "--gateway-port", &port, "--console-port", "0"], &[]);
    assert_eq!(demo.status.code(), Some(69));
    assert!(err(&demo).contains(&address) && err(&demo).contains("--gateway-port"), "{}", err(&demo));
    let demo = run(&["demo", "--gateway-port", "0", "--console-port", &port], &[]);
    assert_eq!(demo.status.code(), Some(69));
    assert!(err(&demo).contains(&address) && err(&demo).contains("--console-port"), "{}", err(&demo));
}

/// What an agent needs besides its database and port.
const AGENT: [(&str, &str); 4] = [
    ("Agent__GatewayUrl", "ws://127.0.0.1:1/tunnel"),
    ("Agent__ApiKey", KEY),
    ("Agent__Auth__Password", "correct horse"),
    ("Agent__Port", "127.0.0.1:0"),
];

#[test]
fn an_agent_without_its_folder_or_port_ends_before_it_dials() {
    let gateway = TcpListener::bind("127.0.0.1:0").unwrap();
    gateway.set_nonblocking(true).unwrap();
    let url = format!("ws://{}/tunnel", gateway.local_addr().unwrap());
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    for (changed, expected) in [
        (("Agent__Port", taken.as_str()), "Agent__Port"),
        (("ConnectionStrings__DefaultConnection", "Data Source=file/octoporty.db"), "is not writable"),
    ] {
        let settings = [&AGENT[..], &[("Agent__GatewayUrl", url.as_str()), changed]].concat();
        let output = octoporty(folder.path(), &["agent"], &settings).output().unwrap();
        assert_eq!(output.status.code(), Some(69), "{}", err(&output));
        assert!(err(&output).starts_with("octoporty agent: ") && err(&output).contains(expected), "{}", err(&output));
        assert!(gateway.accept().is_err(), "it dialled, and would have taken over the session of another");
    }
}

/// One request on a connection of its own; what came, as text. Empty when nobody answers.
fn ask(address: &str, request: &str) -> String {
    let mut answer = Vec::new();
    if let Ok(mut stream) = TcpStream::connect(address) {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream.read_to_end(&mut answer).ok();
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// A login by way of a proxy on this machine.
fn wrong_login(console: &str, visitor: &str) -> String {
    let body = r#"{"password":"wrong"}"#;
    let head = format!("POST /api/v1/auth/login HTTP/1.1\r\nHost: {console}\r\nConnection: close\r\n");
    let fields =
        format!("Content-Type: application/json\r\nX-Forwarded-For: {visitor}\r\nContent-Length: {}", body.len());
    ask(console, &format!("{head}{fields}\r\n\r\n{body}"))
}

#[test]
fn wrong_passwords_do_not_keep_the_demo_from_starting_again() {
    let folder = tempfile::tempdir().unwrap();
    // First from a browser on this machine; then the address that the demo itself comes from is locked out, too.
    for (round, source) in ["127.0.0.1", "127.0.0.77", ""].into_iter().enumerate() {
        let mut command = octoporty(folder.path(), &["demo", "--gateway-port", "0", "--console-port", "0"], &[]);
        let mut running = Running(command.stdout(Stdio::piped()).spawn().unwrap());
        let mut lines = std::io::BufReader::new(running.0.stdout.take().unwrap()).lines();
        let mut address = |name: &str| {
            let line = lines.by_ref().map_while(Result::ok).find(|line| line.trim_start().starts_with(name));
            let line = line.unwrap_or_else(|| panic!("round {round}: it did not start"));
            let url: http::Uri = line.split_whitespace().last().unwrap().parse().unwrap();
            format!("127.0.0.1:{}", url.port_u16().unwrap())
        };
        let (site, console) = (address("Sample site"), address("Console"));
        // While the account alone is locked, the site is where it was looked for.
        let start = Instant::now();
        while round < 2 && !ask(&site, "GET / HTTP/1.0\r\nHost: hello.localhost\r\n\r\n").contains(" 200 OK") {
            assert!(start.elapsed() < PATIENCE, "round {round}: the sample site is not served");
            std::thread::sleep(Duration::from_millis(50));
        }
        for _ in 0..if source.is_empty() { 0 } else { 5 } {
            let answer = wrong_login(&console, source);
            assert!(answer.starts_with("HTTP/1.1 401") || round > 0, "{answer}");
        }
        running.signal(rustix::process::Signal::INT);
        assert_eq!(running.exit_code(), Some(0), "round {round}");
    }
}

#[test]
fn the_demo_prints_its_addresses_and_keeps_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let mut passwords = Vec::new();
    for round in 0..2 {
        let mut command = octoporty(folder.path(), &["demo", "--gateway-port", "0", "--console-port", "0"], &[]);
        let mut running = Running(command.stdout(Stdio::piped()).spawn().unwrap());
        let mut lines = std::io::BufReader::new(running.0.stdout.take().unwrap()).lines();
        let mut field = |name: &str| {
            let line = lines.by_ref().map_while(Result::ok).find(|line| line.trim_start().starts_with(name));
            line.unwrap_or_else(|| panic!("{name} is not printed")).split_whitespace().last().unwrap().to_owned()
        };
        let (site, console, password) = (field("Sample site"), field("Console"), field("Password"));
        assert!(site.starts_with("http://hello.localhost:"), "{site}");
        let url = format!("{console}health");
        assert_eq!(run(&["health", "--url", &url], &[]).status.code(), Some(0), "round {round}");
        passwords.push(password);
        running.signal(rustix::process::Signal::INT);
        assert_eq!(running.exit_code(), Some(0), "round {round}");
    }
    assert_eq!(passwords[0], passwords[1]);
}

#[test]
fn somebody_who_holds_the_console_does_not_get_the_grace_a_second_time() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("notify");
    let listener = std::os::unix::net::UnixDatagram::bind(&socket).unwrap();
    listener.set_read_timeout(Some(PATIENCE)).unwrap();
    let own = [("Agent__ShutdownGraceSeconds", "60"), ("NOTIFY_SOCKET", socket.to_str().unwrap())];
    let mut command = octoporty(folder.path(), &["agent"], &[&AGENT[..], &own].concat());
    let mut running = Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let mut buffer = [0; 256];
    let length = listener.recv(&mut buffer).expect("it gets ready");
    let message = std::str::from_utf8(&buffer[..length]).unwrap();
    let console = message.strip_prefix("READY=1\nSTATUS=console at ").expect("ready");
    let mut holder = TcpStream::connect(console).unwrap();
    let head =
        "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n";
    holder.write_all(head.as_bytes()).unwrap();
    // Answered on another connection: the first one was accepted before.
    assert!(ask(console, "GET /ready HTTP/1.0\r\n\r\n").contains(" 200 OK"));
    let start = Instant::now();
    running.signal(rustix::process::Signal::TERM);
    assert_eq!(running.exit_code(), Some(0));
    // A body has 10 s in any case; the console's end does not wait for that.
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
}

#[test]
fn check_as_the_readme_says_it_sees_what_the_units_give() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = std::fs::read_to_string(repository.join("README.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for file in ["gateway.env", "agent.env"] {
        std::fs::copy(repository.join("deploy").join(file), folder.path().join(file)).unwrap();
    }
    std::fs::write(folder.path().join("api-key"), KEY).unwrap();
    let hash = "$6$saltsalt$af2ZYLUhMvcO30Dr.s1DwOMjKu2ccI6pOJjl2AJLuu82KBDytptwWV7vbizvKZsc8ReVCtv2I0/z/4/.LQqbC0";
    std::fs::write(folder.path().join("password-hash"), hash).unwrap();
    let commands: Vec<_> = readme.lines().filter(|line| line.starts_with('(') && line.contains("--check")).collect();
    assert_eq!(commands.len(), 2, "{commands:?}");
    for command in commands {
        let command = command
            .replace("/etc/octoporty", folder.path().to_str().unwrap())
            .replace(" octoporty ", &format!(" {} ", env!("CARGO_BIN_EXE_octoporty")));
        let output = Command::new("sh").args(["-c", &command]).current_dir(folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{command}: {}", err(&output));
        assert!(out(&output).contains("gateway.example.com"), "{}", out(&output));
    }
}

#[test]
fn a_gateway_is_healthy_until_it_is_told_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let (mut running, address) = gateway(folder.path(), &[]);
    let url = format!("http://{address}/health");
    let healthy = run(&["health", "--url", &url], &[]);
    assert_eq!(healthy.status.code(), Some(0), "{}", err(&healthy));
    let by_port = run(&["health"], &[("Gateway__Port", &address)]);
    assert_eq!(by_port.status.code(), Some(0), "{}", err(&by_port));
    running.signal(rustix::process::Signal::TERM);
    assert_eq!(running.exit_code(), Some(0));
    assert_eq!(run(&["health", "--url", &url], &[]).status.code(), Some(1));
    assert_eq!(run(&["health", "--url", "https://x/"], &[]).status.code(), Some(64));
    let banner = std::fs::read_to_string(folder.path().join("out")).unwrap();
    let first: serde_json::Value = serde_json::from_str(banner.lines().next().unwrap()).unwrap();
    assert_eq!(first["ApiKey"], "01****ef", "no terminal: JSON");
    assert!(!banner.contains(KEY));
}

#[test]
fn text_logs_have_the_banner_without_colour_and_go_into_the_file_of_the_day() {
    let folder = tempfile::tempdir().unwrap();
    let settings =
        [("Logging__Format", "text"), ("Logging__FilePath", "logs/gateway-.log"), ("OCTOPORTY_ENVIRONMENT", "Test")];
    let (mut running, address) = gateway(folder.path(), &settings);
    running.signal(rustix::process::Signal::INT);
    assert_eq!(running.exit_code(), Some(0));
    let banner = std::fs::read_to_string(folder.path().join("out")).unwrap();
    assert!(banner.contains("  ApiKey            : 01****ef\n"), "{banner}");
    assert!(banner.contains("  Environment       : Test\n"), "{banner}");
    assert!(!banner.contains('\x1b'), "{banner}");
    let files: Vec<_> =
        std::fs::read_dir(folder.path().join("logs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1);
    let name = files[0].file_name().unwrap().to_str().unwrap().to_owned();
    assert!(name.starts_with("gateway-2") && name.len() == "gateway-YYYYMMDD.log".len(), "{name}");
    let log = std::fs::read_to_string(&files[0]).unwrap();
    assert!(log.contains(&address) && log.contains("stopped"), "{log}");
}

#[test]
fn an_unwritable_log_folder_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let (mut running, _) = gateway(folder.path(), &[("Logging__FilePath", "file/gateway-.log")]);
    running.signal(rustix::process::Signal::TERM);
    assert_eq!(running.exit_code(), Some(0));
    let log = std::fs::read_to_string(folder.path().join("out")).unwrap();
    assert!(log.contains("no log file is written") && log.contains("Logging__FilePath"), "{log}");
}

#[test]
fn a_password_becomes_a_hash() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = octoporty(folder.path(), &["hash-password"], &[]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"correct horse\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let hash = out(&output);
    assert!(hash.starts_with("$6$") && hash.lines().count() == 1 && !hash.contains("correct"), "{hash}");
    assert_eq!(run(&["hash-password"], &[]).status.code(), Some(64), "an empty password");
}

#[test]
fn a_password_too_long_to_log_in_with_gets_no_hash() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = octoporty(folder.path(), &["hash-password"], &[]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all("x".repeat(257).as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(out(&output).is_empty() && err(&output).contains("256 bytes"), "{}", err(&output));
}
