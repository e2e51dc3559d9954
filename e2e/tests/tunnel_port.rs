//! The gateway's port for agents alone: TLS of its own, nothing that is mapped, and certificates that are renewed while
//! links stand.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use octoporty_e2e::console::ConsoleClient;
use octoporty_e2e::process::Process;
use octoporty_e2e::target::{self, Target};
use octoporty_e2e::tls::Certificates;
use octoporty_e2e::visitor::{Reply, Visitor, curl, exchange};
use octoporty_e2e::world::{KEY, World};
use octoporty_e2e::{PATIENCE, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::sync::Notify;

/// A gateway with its port for agents, and what a client of it needs.
struct Port {
    world: World,
    files: [String; 3],
    address: SocketAddr,
}

impl Port {
    fn new() -> Self {
        let world = World::new();
        let files = Certificates::make().files(&world.path("."), &["gateway.test", &world.ip().to_string()]);
        let address = SocketAddr::new(world.ip(), 8443);
        Self { world, files, address }
    }

    /// With TLS.
    async fn gateway(&self, settings: &[(&str, &str)]) -> Process {
        let [_, chain, key] = &self.files;
        let own = [("Gateway__Tls__CertificateFile", chain.as_str()), ("Gateway__Tls__KeyFile", key)];
        self.clear_gateway(&[&own, settings].concat()).await
    }

    /// Without.
    async fn clear_gateway(&self, settings: &[(&str, &str)]) -> Process {
        let listen = self.address.to_string();
        let gateway = self.world.gateway(&[&[("Gateway__TunnelPort", listen.as_str())], settings].concat()).await;
        target::listening(self.address).await;
        gateway
    }

    /// A folder of the world's.
    fn folder(&self, name: &str) -> PathBuf {
        let folder = self.world.path(name);
        std::fs::create_dir_all(&folder).expect("writable");
        folder
    }

    /// Another certificate takes the place of the one there is; gives the file of its CA.
    fn renew(&self) -> String {
        let [ca, chain, key] =
            Certificates::make().files(&self.folder("new"), &["gateway.test", &self.world.ip().to_string()]);
        for (new, old) in [(chain, &self.files[1]), (key, &self.files[2])] {
            std::fs::copy(new, old).expect("writable");
        }
        ca
    }

    /// What is said until the connection ends to who says this over TLS and then waits.
    async fn say(&self, input: &[u8]) -> Vec<u8> {
        let mut client = Command::new("openssl")
            .args(["s_client", "-quiet", "-connect", &self.address.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("openssl is installed");
        client.stdin.as_mut().expect("piped").write_all(input).await.expect("it runs");
        let (mut said, mut output) = (Vec::new(), client.stdout.take().expect("piped"));
        tokio::time::timeout(PATIENCE, output.read_to_end(&mut said)).await.expect("it ends").expect("a pipe");
        said
    }

    /// Whether a client that believes this CA is served.
    async fn serves(&self, ca: &str) -> bool {
        let url = format!("https://{}/health", self.address);
        let args = ["--silent", "--output", "/dev/null", "--cacert", ca, &url];
        Command::new("curl").args(args).status().await.expect("curl is installed").success()
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
    let _gateway = port.gateway(&[]).await;
    let (_agent, console) = port.agent().await;
    assert_eq!(console.status().await["gatewayUrl"], port.agent_url().as_str());
    let target = echo(&port.world).await;
    let id = console.map("app.test", target.address()).await;
    console.applied(&id).await;
    let shown = console.expect(200, "GET", &format!("/api/v1/mappings/{id}"), None).await;
    assert_eq!(shown["publicUrl"], "https://app.test/", "no visitor is sent to the agents' port");
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

#[tokio::test(flavor = "multi_thread")]
async fn the_gateways_own_paths_are_there_by_every_version_of_tls_and_nothing_else_is() {
    let port = Port::new();
    let _gateway = port.gateway(&[]).await;
    let (bearer, wrong) = (format!("Authorization: Bearer {KEY}"), "Authorization: Bearer not-the-gateways-key");
    for version in [["--tls-max", "1.2"], ["--tlsv1.3", "--http1.1"]] {
        assert_eq!(port.curl(&version, "/health").await.status, 200, "{version:?}");
    }
    assert_eq!(port.curl(&["--header", wrong], "/api/v1/status").await.json()["code"], "unauthorized");
    let status = port.curl(&["--header", &bearer], "/api/v1/status").await;
    assert_eq!((status.status, status.header("connection")), (200, Some("close")), "{}", status.text());
    let head = port.curl(&["--head"], "/health").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    for (path, args) in
        [("/", &[][..]), ("/api/v1/other", &[]), ("/health", &["--data", "x"]), ("/x", &["--data", "x"])]
    {
        let other = port.curl(args, path).await;
        assert_eq!((other.status, other.header("content-type")), (404, Some("application/problem+json")), "{path}");
        assert_eq!(other.json()["code"], "agents_only", "{path}");
    }
    let upgrade = |key: &str| {
        let mut command = Command::new("curl");
        command.args(["--silent", "--include", "--http1.1", "--max-time", "2", "--cacert", &port.files[0]]);
        for field in ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", key] {
            command.args(["--header", field]);
        }
        command.args(["--header", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]);
        command.arg(format!("https://{}/tunnel", port.address));
        async move { read(&command.output().await.expect("curl is installed").stdout) }
    };
    let begun = upgrade(&bearer).await;
    assert_eq!((begun.status, begun.header("upgrade")), (101, Some("websocket")));
    assert_eq!(begun.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(upgrade(wrong).await.status, 401);
    assert_eq!(port.curl(&["--header", &bearer], "/tunnel").await.status, 426);
    let clear = exchange(port.address, b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n", "GET").await;
    assert_eq!((clear.status, &clear.json()["code"]), (400, &"tls_required".into()));
    assert_eq!(port.world.get("gateway.test", "/health").await.status, 200, "the main port is as ever");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_served_from_the_next_connection_on_and_links_stand() {
    let port = Port::new();
    let gateway = port.gateway(&[]).await;
    let (_agent, console) = port.agent().await;
    let go_on = Arc::new(Notify::new());
    let told = Arc::clone(&go_on);
    let slow = Target::start(port.world.ip(), move |mut peer| {
        let told = Arc::clone(&told);
        async move {
            peer.request().await;
            peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n").await;
            told.notified().await;
            peer.send(b"4\r\nlast\r\n0\r\n\r\n").await;
        }
    })
    .await;
    let id = console.map("app.test", slow.address()).await;
    console.applied(&id).await;
    let mut visitor = port.world.visitor().await;
    visitor.send(b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    visitor.head().await.expect("an answer");
    assert_eq!(visitor.chunk().await.as_deref(), Some(&b"first"[..]));
    assert!(port.serves(&port.files[0]).await);
    let ca = port.renew();
    eventually("the new certificate is served", || async { port.serves(&ca).await.then_some(()) }).await;
    assert!(!port.serves(&port.files[0]).await, "the old one is not");
    // Of another pair: no certificate is served without its key.
    let unfit = Certificates::make().files(&port.folder("unfit"), &["gateway.test"]);
    std::fs::copy(&unfit[2], &port.files[2]).expect("writable");
    let warned = || gateway.output().matches("the new certificate cannot be used").count();
    eventually("the key that does not fit is told of", || async { (warned() > 0).then_some(()) }).await;
    assert!(gateway.output().contains(&port.files[2]), "with its path");
    assert!(port.serves(&ca).await, "the pair before is served on");
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(warned(), 1, "once for all looks at the same files");
    let newest = port.renew();
    eventually("a pair that fits again is served", || async { port.serves(&newest).await.then_some(()) }).await;
    go_on.notify_one();
    assert_eq!(visitor.chunk().await.as_deref(), Some(&b"last"[..]), "the link stood through all of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_the_port_speaks_clear_http_and_minds_the_limits_of_the_main_port() {
    let port = Port::new();
    let settings = [
        ("Gateway__Limits__ConnectionsPerSource", "2"),
        ("Gateway__TrustedProxies", ""),
        ("Gateway__Limits__HeaderTimeoutSeconds", "60"),
    ];
    let gateway = port.clear_gateway(&settings).await;
    let url = format!("ws://{}/tunnel", port.address);
    let (_agent, console) = port.world.agent(&[("Agent__GatewayUrl", &url)]).await;
    let target = echo(&port.world).await;
    let id = console.map("app.test", target.address()).await;
    console.applied(&id).await;
    let health = b"GET /health HTTP/1.1\r\nHost: app.test\r\n\r\n";
    assert_eq!(exchange(port.address, health, "GET").await.status, 200, "own paths go before what is mapped");
    let reply = exchange(port.address, b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n", "GET").await;
    assert_eq!((reply.status, &reply.json()["code"]), (404, &"agents_only".into()));
    let bad = exchange(port.address, b"GET / HTTP/1.1\r\n\r\n", "GET").await;
    assert_eq!((bad.status, &bad.json()["code"]), (400, &"bad_request".into()));
    let mut held = Visitor::connect(port.address).await;
    held.send(b"GET /tunnel HTTP/1.1\r\nHost: a\r\n").await;
    let other = TcpStream::connect(port.address).await.expect("it listens");
    // What was answered before may take a moment to be gone.
    eventually("a third one of a source is told that it is too many, links not counted", || async {
        (exchange(port.address, health, "GET").await.status == 429).then_some(())
    })
    .await;
    drop(other);
    eventually("and has its turn when one has gone", || async {
        (exchange(port.address, health, "GET").await.status == 200).then_some(())
    })
    .await;
    gateway.signal("TERM").await;
    eventually("no new connections", || async { TcpStream::connect(port.address).await.err() }).await;
    held.send(format!("Authorization: Bearer {KEY}\r\n\r\n").as_bytes()).await;
    let reply = held.reply("GET").await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")), "{}", reply.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_or_too_little_is_not_waited_for() {
    let port = Port::new();
    let _gateway = port.gateway(&[("Gateway__Limits__HeaderTimeoutSeconds", "2")]).await;
    let begun = Instant::now();
    let mut silent = Visitor::connect(port.address).await;
    // A record of TLS that never comes whole.
    let mut half = Visitor::connect(port.address).await;
    half.send(&[0x16, 3, 1, 2, 0, 1]).await;
    for connection in [&mut silent, &mut half] {
        assert!(tokio::time::timeout(PATIENCE, connection.read_some()).await.expect("it ends").len() <= 7);
    }
    assert!(begun.elapsed() >= Duration::from_millis(1900), "not before the time: {:?}", begun.elapsed());
    // Hands are shaken, and then comes nothing, or not enough.
    assert_eq!(port.say(b"").await, b"");
    let told = port.say(b"GET /tunnel HTTP/1.1\r\nHost:").await;
    assert!(told.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&told));
    assert!(begun.elapsed() >= Duration::from_millis(5900), "not before the time: {:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_back_over_tls_when_its_gateway_was_started_anew() {
    let port = Port::new();
    let mut gateway = port.gateway(&[]).await;
    let (_agent, console) = port.agent().await;
    let target = echo(&port.world).await;
    let id = console.map("app.test", target.address()).await;
    console.applied(&id).await;
    gateway.kill().await;
    let _gateway = port.gateway(&[]).await;
    eventually("served again", || async {
        port.world.try_get("app.test", "/").await.filter(|reply| reply.status == 200)
    })
    .await;
}

/// Runs a shell's lines in a folder.
async fn shell(folder: &Path, lines: &str) {
    let output = Command::new("bash").args(["-ec", lines]).current_dir(folder).output().await.expect("bash runs");
    assert!(output.status.success(), "{lines}: {}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_has_a_certificate_for_each_name_and_the_first_for_all_others() {
    let port = Port::new();
    let folder = port.folder("certificates");
    // In the three forms that a key may have.
    let make = |name: &str| format!("openssl req -x509 -days 30 -subj /CN={name} -addext subjectAltName=DNS:{name}");
    let lines = [
        format!("{} -newkey rsa:2048 -nodes -keyout a.pkcs8 -out a.crt", make("a.test")),
        "openssl rsa -traditional -in a.pkcs8 -out a.key; grep -q 'BEGIN RSA PRIVATE' a.key".to_owned(),
        "openssl ecparam -name prime256v1 -genkey -noout -out b.key; grep -q 'BEGIN EC PRIVATE' b.key".to_owned(),
        format!("{} -key b.key -out b.pem", make("b.test")),
        format!("{} -newkey ed25519 -nodes -keyout c.key -out c.pem; rm a.pkcs8", make("c.test")),
    ];
    shell(&folder, &lines.join("\n")).await;
    let folder_text = folder.display().to_string();
    let gateway = port.clear_gateway(&[("Gateway__Tls__CertificateFile", &folder_text)]).await;
    let served = async |name: &str, ca: &str| {
        let resolve = format!("{name}:8443:{}", port.world.ip());
        let url = format!("https://{name}:8443/health");
        let args = ["--silent", "--output", "/dev/null", "--cacert", ca, "--resolve", &resolve, &url];
        Command::new("curl").args(args).current_dir(&folder).status().await.expect("curl is installed").code()
    };
    for (name, ca) in [("a.test", "a.crt"), ("b.test", "b.pem"), ("c.test", "c.pem")] {
        assert_eq!(served(name, ca).await, Some(0), "{name}: {}", gateway.output());
    }
    assert_eq!(served("d.test", "a.crt").await, Some(60), "the first one is of another name");
    let lines = format!("{} -newkey rsa:2048 -nodes -keyout d.key -out d.crt", make("d.test"));
    shell(&folder, &lines).await;
    eventually("one more in the folder", || async { (served("d.test", "d.crt").await == Some(0)).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_about_the_port_and_its_certificate_are_told_at_the_start() {
    let port = Port::new();
    let [ca, chain, key] = &port.files;
    let (listen, main) = (port.address.to_string(), port.world.gateway_address().to_string());
    let nothing = port.world.path("nothing.pem").display().to_string();
    let folder = port.folder("empty").display().to_string();
    let (tunnel_port, file, key_file) =
        ("Gateway__TunnelPort", "Gateway__Tls__CertificateFile", "Gateway__Tls__KeyFile");
    for (settings, parts) in [
        (&[(file, chain), (key_file, key)][..], ["CertificateFile is for Gateway__TunnelPort", "KeyFile is for"]),
        (&[(tunnel_port, &listen), (file, chain)], ["Gateway__Tls__KeyFile does not name its key", "set it"]),
        (&[(tunnel_port, &listen), (key_file, key)], ["KeyFile is set without", "set both or neither"]),
        (&[(tunnel_port, &listen), (file, ca), (key_file, key)], ["is not the one of the first certificate", "ca.pem"]),
        (
            &[(tunnel_port, &listen), (file, &nothing), (key_file, key)],
            ["nothing.pem: No such file", "is the path right?"],
        ),
        (&[(tunnel_port, &listen), (file, key), (key_file, key)], ["it has no certificate", "give a PEM file"]),
        (&[(tunnel_port, &listen), (file, chain), (key_file, chain)], ["it has no private key", "without a password"]),
        (&[(tunnel_port, &listen), (file, &folder)], ["it has no certificate", "NAME.key"]),
        (
            &[(tunnel_port, &listen), (file, &folder), (key_file, key)],
            ["is a folder", "leave Gateway__Tls__KeyFile out"],
        ),
        (&[(tunnel_port, &main)], ["is the same as Gateway__Port", "a port of their own"]),
        (&[(tunnel_port, &"x".to_owned()), (file, &nothing)], ["Gateway__TunnelPort must be", "nothing.pem"]),
    ] {
        let settings: Vec<(&str, &str)> = settings.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let common = [("Gateway__ApiKey", KEY), ("Gateway__Port", main.as_str())];
        let mut command = port.world.command(&["gateway"], &[&common, settings.as_slice()].concat());
        let output = command.output().await.expect("the binary runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{settings:?}: {told}");
        assert!(parts.iter().all(|part| told.contains(part)), "{settings:?}: {told}");
    }
    let _other = std::net::TcpListener::bind(port.address).expect("it is free");
    let settings = [("Gateway__ApiKey", KEY), ("Gateway__Port", &main), (tunnel_port, &listen)];
    let output = port.world.command(&["gateway"], &settings).output().await.expect("the binary runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(69), "{told}");
    assert!(told.contains("set Gateway__TunnelPort to a free port"), "{told}");
}
