//! One visitor's trouble is nobody else's: stuck streams, leaving visitors, dying targets, big bodies.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use octoporty_e2e::target::{Target, mirror};
use octoporty_e2e::visitor::Visitor;
use octoporty_e2e::world::World;
use octoporty_e2e::{PATIENCE, eventually};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_stuck_streams_do_not_stop_a_fast_one() {
    let world = World::new();
    // Sends without end; nobody reads it.
    let flood = Target::start(world.ip(), |mut peer| async move {
        peer.request().await;
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        let chunk = [b"10000\r\n", vec![b'x'; 65536].as_slice(), b"\r\n"].concat();
        while peer.send(&chunk).await {}
    })
    .await;
    let fast = mirror(world.ip()).await;
    let pair = world.pair().await;
    for (domain, target) in [("flood.test", &flood), ("fast.test", &fast)] {
        let id = pair.console.map(domain, target.address()).await;
        pair.console.applied(&id).await;
    }
    let mut stuck = Vec::new();
    for _ in 0..200 {
        let mut visitor = world.visitor().await;
        visitor.send(b"GET / HTTP/1.1\r\nHost: flood.test\r\n\r\n").await;
        assert_eq!(visitor.head().await.expect("a head").status, 200);
        stuck.push(visitor);
    }
    assert_eq!(flood.connections(), 200);
    for n in 0..50 {
        let reply =
            tokio::time::timeout(PATIENCE, world.get("fast.test", "/")).await.expect("while the others are stuck");
        assert_eq!(reply.status, 200, "request {n}");
    }
    // The stuck ones are still whole: what was held back arrives when it is read.
    let mut arrived = 0;
    while arrived < 4 << 20 {
        let chunk = tokio::time::timeout(PATIENCE, stuck[199].chunk()).await.expect("in time").expect("a chunk");
        assert!(chunk.iter().all(|byte| *byte == b'x'));
        arrived += chunk.len();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_that_leaves_is_told_to_the_target() {
    let world = World::new();
    let (closed, mut seen) = tokio::sync::mpsc::channel(16);
    let target = Target::start(world.ip(), move |mut peer| {
        let closed = closed.clone();
        async move {
            let Some(request) = peer.request().await else { return };
            if request.path() == "/streaming" {
                peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n").await;
            }
            peer.closed().await;
            closed.send(Instant::now()).await.ok();
        }
    })
    .await;
    let pair = world.pair().await;
    let id = pair.console.map("app.test", target.address()).await;
    pair.console.applied(&id).await;
    for path in ["/silent", "/streaming"] {
        let before = target.connections();
        let mut visitor = world.visitor().await;
        visitor.send(format!("GET {path} HTTP/1.1\r\nHost: app.test\r\n\r\n").as_bytes()).await;
        eventually("the target has the request", || async { (target.connections() > before).then_some(()) }).await;
        if path == "/streaming" {
            visitor.head().await.expect("a head");
        }
        drop(visitor);
        let left = Instant::now();
        let noticed = tokio::time::timeout(PATIENCE, seen.recv()).await.expect("in time").expect("the target tells");
        assert!(noticed.duration_since(left) < Duration::from_secs(1), "{path}: {:?}", noticed - left);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_dies_half_way_is_not_a_whole_answer() {
    let world = World::new();
    let target = Target::start(world.ip(), |mut peer| async move {
        let Some(request) = peer.request().await else { return };
        match request.path() {
            "/sized" => peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this").await,
            "/chunked" => peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n").await,
            _ => peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n").await,
        };
        if request.path() == "/reset" {
            // Gives the bytes time to be read before the reset overtakes them.
            tokio::time::sleep(Duration::from_millis(100)).await;
            peer.abort();
        }
    })
    .await;
    let pair = world.pair().await;
    let id = pair.console.map("app.test", target.address()).await;
    pair.console.applied(&id).await;
    for path in ["/sized", "/chunked", "/reset"] {
        let reply = world.get("app.test", path).await;
        assert_eq!(reply.status, 200, "{path}");
        assert!(!reply.complete, "{path}: a cut body must not look whole");
    }
}

/// Bytes that anybody can make again: a counter, hashed.
fn pattern(size: usize) -> (Vec<u8>, [u8; 32]) {
    let mut bytes = vec![0; size];
    fastrand::Rng::with_seed(7).fill(&mut bytes);
    let sum = Sha256::digest(&bytes).into();
    (bytes, sum)
}

const GIB: usize = 1 << 30;
const LIMIT: u64 = 64 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_gigabyte_each_way_is_right_and_memory_stays_small() {
    let world = World::new();
    let (block, _) = pattern(1 << 20);
    let block = Arc::new(block);
    let mut expected = Sha256::new();
    for _ in 0..GIB >> 20 {
        expected.update(&*block);
    }
    let expected: [u8; 32] = expected.finalize().into();
    let source = block.clone();
    let target = Target::start(world.ip(), move |mut peer| {
        let block = source.clone();
        async move {
            while let Some(seen) = peer.head().await {
                if seen.method() == "GET" {
                    peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {GIB}\r\n\r\n").as_bytes()).await;
                    for _ in 0..GIB >> 20 {
                        if !peer.send(&block).await {
                            return;
                        }
                    }
                } else {
                    assert_eq!(seen.header("transfer-encoding"), Some("chunked"));
                    let (sum, length) = chunked_sum(&mut peer).await;
                    peer.ok(&format!("{length} {sum}")).await;
                }
            }
        }
    })
    .await;
    let pair = world.pair().await;
    let id = pair.console.map("app.test", target.address()).await;
    pair.console.applied(&id).await;

    let mut visitor = world.visitor().await;
    visitor.send(b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    let head = visitor.head().await.expect("a head");
    assert_eq!(head.header("content-length"), Some(GIB.to_string().as_str()));
    assert_eq!(sum_of(&mut visitor, GIB).await, expected, "the download");

    let mut visitor = world.visitor().await;
    visitor.send(b"POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    for _ in 0..GIB >> 20 {
        visitor.send(b"100000\r\n").await;
        visitor.send(&block).await;
        visitor.send(b"\r\n").await;
    }
    visitor.send(b"0\r\n\r\n").await;
    let reply = visitor.reply("POST").await;
    assert_eq!(reply.text(), format!("{GIB} {}", hex(&expected)), "the upload");

    for (name, process) in [("gateway", &pair.gateway), ("agent", &pair.agent)] {
        let peak = process.peak_memory();
        println!("{name}: VmHWM {} MiB", peak >> 20);
        assert!(peak < LIMIT, "{name} used {} MiB", peak >> 20);
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes it");
        text
    })
}

async fn sum_of(visitor: &mut Visitor, total: usize) -> [u8; 32] {
    let mut sum = Sha256::new();
    let mut left = total;
    while left > 0 {
        let bytes = visitor.read_some().await;
        assert!(!bytes.is_empty(), "{left} bytes are missing");
        sum.update(&bytes);
        left -= bytes.len();
    }
    sum.finalize().into()
}

async fn chunked_sum(peer: &mut octoporty_e2e::target::Peer) -> (String, usize) {
    let (mut sum, mut length) = (Sha256::new(), 0);
    while let Some(chunk) = peer.chunk().await {
        if chunk.is_empty() {
            break;
        }
        length += chunk.len();
        sum.update(&chunk);
    }
    (hex(&sum.finalize()), length)
}

#[tokio::test(flavor = "multi_thread")]
async fn many_visitors_at_once_get_their_own_bytes() {
    let world = World::new();
    let target = Target::start(world.ip(), |mut peer| async move {
        while let Some(seen) = peer.request().await {
            let n: usize = seen.path().trim_start_matches('/').parse().unwrap_or(0);
            let body: String = std::iter::repeat_n(format!("{n};"), n).collect();
            if !peer.ok(&body).await {
                return;
            }
        }
    })
    .await;
    let pair = world.pair().await;
    let id = pair.console.map("app.test", target.address()).await;
    pair.console.applied(&id).await;
    let world = Arc::new(world);
    let limit = Arc::new(Semaphore::new(100));
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..400_usize {
        let (world, limit) = (world.clone(), limit.clone());
        tasks.spawn(async move {
            let _permit = limit.acquire().await.expect("open");
            let mut visitor = world.visitor().await;
            for round in 0..5 {
                let wanted = (n * 37 + round * 11) % 3000;
                let reply = visitor.get("app.test", &format!("/{wanted}")).await;
                let expected: String = std::iter::repeat_n(format!("{wanted};"), wanted).collect();
                assert!(
                    reply.status == 200 && reply.text() == expected,
                    "visitor {n} round {round}: status {}",
                    reply.status
                );
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("each visitor is right");
    }
}

const BODY: usize = 48 << 20;

/// `/flood` sends without end, `/swallow` reads no body; others: `BODY` bytes for a GET, the sum of what a POST brings.
async fn big(ip: std::net::IpAddr, block: Arc<Vec<u8>>, swallowed: Arc<Semaphore>) -> Target {
    Target::start(ip, move |mut peer| {
        let (block, swallowed) = (block.clone(), swallowed.clone());
        async move {
            while let Some(seen) = peer.head().await {
                match (seen.method(), seen.path()) {
                    (_, "/flood") => {
                        peer.send(b"HTTP/1.1 200 OK\r\n\r\n").await;
                        while peer.send(&block).await {}
                    }
                    (_, "/swallow") => {
                        swallowed.add_permits(1);
                        std::future::pending().await
                    }
                    ("GET", _) => {
                        peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {BODY}\r\n\r\n").as_bytes()).await;
                        for _ in 0..BODY / block.len() {
                            peer.send(&block).await;
                        }
                    }
                    _ => {
                        let (sum, length) = chunked_sum(&mut peer).await;
                        peer.ok(&format!("{length} {sum}")).await;
                    }
                }
            }
        }
    })
    .await
}

async fn big_bodies_are_right(world: &World, block: &[u8]) {
    let mut expected = Sha256::new();
    for _ in 0..BODY / block.len() {
        expected.update(block);
    }
    let expected: [u8; 32] = expected.finalize().into();
    let mut visitor = world.visitor().await;
    visitor.send(b"GET / HTTP/1.1\r\nHost: big.test\r\n\r\n").await;
    assert_eq!(visitor.head().await.expect("a head").status, 200);
    assert_eq!(sum_of(&mut visitor, BODY).await, expected, "the download");

    visitor.send(b"POST / HTTP/1.1\r\nHost: big.test\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    for _ in 0..BODY / block.len() {
        visitor.send(format!("{:x}\r\n", block.len()).as_bytes()).await;
        visitor.send(block).await;
        visitor.send(b"\r\n").await;
    }
    visitor.send(b"0\r\n\r\n").await;
    assert_eq!(visitor.reply("POST").await.text(), format!("{BODY} {}", hex(&expected)), "the upload");
}

/// The agent is ready to hold 64 times as much as this gateway: each keeps to what the other said.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_holds_a_mebibyte_for_a_link_serves_big_bodies_beside_stuck_streams() {
    let world = World::new();
    let block = Arc::new(pattern(1 << 20).0);
    let swallowed = Arc::new(Semaphore::new(0));
    let target = big(world.ip(), block.clone(), swallowed.clone()).await;
    let gateway = world.gateway(&[("Gateway__Limits__BytesInFlightPerLink", "1048576")]).await;
    let (agent, console) = world.agent(&[]).await;
    let id = console.map("big.test", target.address()).await;
    console.applied(&id).await;
    tokio::time::timeout(PATIENCE, big_bodies_are_right(&world, &block)).await.expect("alone");

    // More of both kinds than the link holds; the uploads block until they are dropped with the set.
    let mut floods = Vec::new();
    let mut uploads = tokio::task::JoinSet::new();
    for n in 0..50 {
        let mut visitor = world.visitor().await;
        if n % 5 == 0 {
            let block = block.clone();
            visitor.send(b"POST /swallow HTTP/1.1\r\nHost: big.test\r\nContent-Length: 8388608\r\n\r\n").await;
            uploads.spawn(async move {
                for _ in 0..8 {
                    visitor.send(&block).await;
                }
            });
            tokio::time::timeout(PATIENCE, swallowed.acquire()).await.expect("in time").expect("open").forget();
        } else {
            visitor.send(b"GET /flood HTTP/1.1\r\nHost: big.test\r\n\r\n").await;
            assert_eq!(visitor.head().await.expect("a head").status, 200, "flood {n}");
            floods.push(visitor);
        }
    }
    tokio::time::timeout(4 * PATIENCE, big_bodies_are_right(&world, &block)).await.expect("while others are stuck");
    let mut arrived = 0;
    while arrived < 4 << 20 {
        let bytes = tokio::time::timeout(PATIENCE, floods[39].read_some()).await.expect("what was held back");
        assert!(!bytes.is_empty(), "the stuck ones are still whole");
        arrived += bytes.len();
    }
    for process in [&gateway, &agent] {
        assert!(!process.output().contains("link ended"), "no link may end");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_side_that_does_not_read_holds_the_other_one_back() {
    let world = World::new();
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = sent.clone();
    let target = Target::start(world.ip(), move |mut peer| {
        let counter = counter.clone();
        async move {
            let Some(seen) = peer.head().await else { return };
            if seen.method() == "POST" {
                // Reads nothing of the body.
                return std::future::pending().await;
            }
            peer.send(b"HTTP/1.1 200 OK\r\n\r\n").await;
            while counter.load(Ordering::Relaxed) < 4 * ENOUGH && peer.send(&[b'x'; 65536]).await {
                counter.fetch_add(65536, Ordering::Relaxed);
            }
        }
    })
    .await;
    let pair = world.pair().await;
    let id = pair.console.map("app.test", target.address()).await;
    pair.console.applied(&id).await;

    let mut reader = world.visitor().await;
    reader.send(b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    stands_still("the download", &sent).await;

    sent.store(0, Ordering::Relaxed);
    let mut writer = world.visitor().await;
    writer.send(b"POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 4000000000\r\n\r\n").await;
    let counter = sent.clone();
    let mut uploads = tokio::task::JoinSet::new();
    uploads.spawn(async move {
        while counter.load(Ordering::Relaxed) < 4 * ENOUGH {
            writer.send(&[b'x'; 65536]).await;
            counter.fetch_add(65536, Ordering::Relaxed);
        }
    });
    stands_still("the upload", &sent).await;
}

/// More than all windows and sockets on the way can hold.
const ENOUGH: usize = 64 << 20;

/// Waits until bytes have moved and then none for two seconds.
async fn stands_still(what: &str, sent: &AtomicUsize) {
    eventually(&format!("{what} stands still"), || async {
        let before = sent.load(Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(2)).await;
        let now = sent.load(Ordering::Relaxed);
        assert!(now < ENOUGH, "{what}: {now} bytes were taken and nobody reads them");
        (now > 0 && now == before).then_some(())
    })
    .await;
}

/// A line of so many bytes a second each way to `upstream`, which holds few bytes itself.
async fn narrow(tasks: &TaskTracker, ip: IpAddr, upstream: SocketAddr, rate: usize) -> SocketAddr {
    const TICK: Duration = Duration::from_millis(10);
    const HELD: u32 = 16 << 10;
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(HELD).expect("SO_RCVBUF");
    socket.bind((ip, 0).into()).expect("a free port");
    let listener = socket.listen(16).expect("listen");
    let address = listener.local_addr().expect("bound");
    let pairs = tasks.clone();
    tasks.spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let far = TcpSocket::new_v4().expect("a socket");
            far.set_send_buffer_size(HELD).expect("SO_SNDBUF");
            let Ok(far) = far.connect(upstream).await else { continue };
            let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
            for (mut from, mut to) in [(near_in, far_out), (far_in, near_out)] {
                pairs.spawn(async move {
                    let mut bytes = vec![0; rate / 100];
                    while let Ok(n @ 1..) = from.read(&mut bytes).await {
                        if to.write_all(&bytes[..n]).await.is_err() {
                            break;
                        }
                        tokio::time::sleep(TICK).await;
                    }
                });
            }
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_answer_passes_bulk_downloads_on_a_narrow_line() {
    let world = World::new();
    let flood = Target::start(world.ip(), |mut peer| async move {
        peer.request().await;
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while peer.send(&[b'x'; 65536]).await {}
    })
    .await;
    let small = mirror(world.ip()).await;
    let gateway = world.gateway(&[("Gateway__HeartbeatIntervalSeconds", "30")]).await;
    let tasks = TaskTracker::new();
    let line = narrow(&tasks, world.ip(), world.gateway_address(), 4 << 20).await;
    let settings = [("Agent__Links", "1"), ("Agent__HeartbeatIntervalSeconds", "30"), ("Agent__Compression", "off")];
    let (_agent, console) = world.agent_via(line, &settings).await;
    console.connection("Connected").await;
    for (domain, target) in [("flood.test", &flood), ("small.test", &small)] {
        let id = console.map(domain, target.address()).await;
        console.applied(&id).await;
    }
    let mut downloads = tokio::task::JoinSet::new();
    let arrived = Arc::new(AtomicUsize::new(0));
    for _ in 0..4 {
        let mut visitor = world.visitor().await;
        visitor.send(b"GET / HTTP/1.1\r\nHost: flood.test\r\n\r\n").await;
        let arrived = arrived.clone();
        downloads.spawn(async move {
            loop {
                arrived.fetch_add(visitor.read_some().await.len(), Ordering::Relaxed);
            }
        });
    }
    eventually("the line is full", || async { (arrived.load(Ordering::Relaxed) > 4 << 20).then_some(()) }).await;
    for n in 0..10 {
        let reply = tokio::time::timeout(PATIENCE / 3, world.get("small.test", "/")).await;
        assert_eq!(reply.unwrap_or_else(|_| panic!("request {n} is stuck behind the downloads")).status, 200);
    }
    drop(gateway);
}
