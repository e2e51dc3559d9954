//! `octoporty demo`, as a stranger runs it.

use std::time::{Duration, Instant};

use octoporty_e2e::process::Process;
use octoporty_e2e::visitor::{Visitor, curl};
use octoporty_e2e::world::World;
use octoporty_e2e::{PATIENCE, eventually, target};
use sha2::{Digest, Sha256};

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_serves_its_site_through_the_tunnel_and_ends_cleanly() {
    let world = World::new();
    let data = world.path("demo");
    let (gateway, console) = (target::free_address(world.ip()).port(), target::free_address(world.ip()).port());
    let data = data.display().to_string();
    let (gateway_port, console_port) = (gateway.to_string(), console.to_string());
    let args = ["demo", "--data", &data, "--gateway-port", &gateway_port, "--console-port", &console_port];
    let mut demo = Process::spawn("demo", &world.path("."), &mut world.command(&args, &[]));
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], gateway));
    let host = format!("hello.localhost:{gateway}");
    eventually("the site answers", || async {
        Visitor::try_get(address, &host, "/").await.filter(|reply| reply.status == 200)
    })
    .await;
    let printed = demo.output();
    assert!(printed.contains(&format!("http://hello.localhost:{gateway}")), "{printed}");
    assert!(printed.contains(&console_port) && printed.to_lowercase().contains("password"), "{printed}");

    let resolve = format!("hello.localhost:{gateway}:127.0.0.1");
    let url = |path: &str| format!("http://{host}{path}");
    let page = String::from_utf8(curl(&["--resolve", &resolve, &url("/")]).await).expect("text");
    assert!(page.contains("<img") || page.contains("<svg"), "a page with pictures");

    events_come_one_a_second(address, &host).await;

    let body = vec![7_u8; 300_000];
    std::fs::write(world.path("upload"), &body).expect("writable");
    let upload = format!("@{}", world.path("upload").display());
    let answer = curl(&["--resolve", &resolve, "--data-binary", &upload, &url("/upload")]).await;
    let sum = Sha256::digest(&body).iter().map(|b| format!("{b:02x}")).collect::<String>();
    assert!(String::from_utf8_lossy(&answer).contains(&sum), "{}", String::from_utf8_lossy(&answer));
    let code = curl(&[
        "--resolve",
        &resolve,
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code}",
        &url("/fail/status/503"),
    ])
    .await;
    assert_eq!(code, b"503");
    let code =
        curl(&["--resolve", &resolve, "--output", "/dev/null", "--write-out", "%{http_code}", &url("/fail/reset")])
            .await;
    assert_eq!(code, b"502");

    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/websocket_echo.py");
    let output = tokio::process::Command::new(target::python())
        .args([script, "echo", "127.0.0.1", &gateway_port, "hello.localhost"])
        .output()
        .await
        .expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    demo.signal("INT").await;
    assert_eq!(demo.wait(PATIENCE).await.code(), Some(0));
}

async fn events_come_one_a_second(address: std::net::SocketAddr, host: &str) {
    let mut visitor = Visitor::connect(address).await;
    visitor.send(format!("GET /events HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await;
    assert_eq!(visitor.head().await.expect("a head").header("content-type"), Some("text/event-stream"));
    let mut arrivals = Vec::new();
    while arrivals.len() < 3 {
        let event = tokio::time::timeout(PATIENCE, visitor.chunk()).await.expect("in time").expect("an event");
        if String::from_utf8_lossy(&event).contains("data:") {
            arrivals.push(Instant::now());
        }
    }
    assert!(arrivals[2] - arrivals[0] >= Duration::from_millis(1500), "one a second, not all at once");
}
