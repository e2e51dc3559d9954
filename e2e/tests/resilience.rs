//! The tunnel comes back by itself, every time, within five seconds of the recovery, and nobody is told lies
//! meanwhile. Short heartbeat; three rounds each here, fifty in `make soak`.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use octoporty_e2e::eventually;
use octoporty_e2e::relay::{Ending, Relay};
use octoporty_e2e::resilience::{self, Trouble};
use octoporty_e2e::target::{Target, mirror};
use octoporty_e2e::world::World;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_util::task::TaskTracker;

const ROUNDS: u32 = 3;

macro_rules! trouble {
    ($($test:ident: $trouble:expr;)*) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $test() {
            let report = resilience::run($trouble, ROUNDS, 0x0c70_90e7).await;
            println!("{report}");
        })*
    };
}

trouble! {
    a_link_that_is_cut_comes_back: Trouble::Cut;
    a_link_that_is_reset_comes_back: Trouble::Reset;
    a_half_open_link_comes_back: Trouble::HalfOpen;
    a_frozen_link_is_noticed_and_comes_back: Trouble::Freeze;
    a_link_frozen_towards_the_agent_is_noticed_and_comes_back: Trouble::FreezeDown;
    a_link_frozen_towards_the_gateway_is_noticed_and_comes_back: Trouble::FreezeUp;
    a_network_that_was_away_for_long_is_found_again: Trouble::Away;
    a_killed_gateway_that_restarts_is_found_again: Trouble::GatewayKilled;
    a_killed_agent_that_restarts_takes_over_its_dead_session: Trouble::AgentKilled;
    a_frozen_agent_that_is_replaced_does_not_hold_its_name: Trouble::AgentFrozen;
    a_target_that_restarts_is_served_again: Trouble::TargetRestarted;
    an_agent_that_starts_before_its_gateway_finds_it: Trouble::AgentFirst;
}

#[tokio::test(flavor = "multi_thread")]
async fn visitors_of_an_agent_that_vanished_without_a_word_are_told_within_two_probes() {
    let world = World::new();
    let target = mirror(world.ip()).await;
    let _gateway = world.gateway(&[("Gateway__HeartbeatIntervalSeconds", "3")]).await;
    let relay = Relay::start(SocketAddr::new(world.ip(), 0), world.gateway_address()).await;
    let (mut agent, console) = world.agent_via(relay.address(), &[]).await;
    let id = console.map("app.test", target.address()).await;
    console.applied(&id).await;
    assert_eq!(world.get("app.test", "/").await.status, 200);
    // The gateway's ends stay open and say nothing, as after a power cut.
    relay.cut(Ending::HalfOpen);
    agent.kill().await;
    let told = async || {
        let asked = tokio::time::timeout(Duration::from_millis(500), world.try_get("app.test", "/")).await;
        matches!(asked, Ok(Some(reply)) if reply.status == 503)
    };
    let gone = Instant::now();
    eventually("the gateway says that the agent is away", || async { told().await.then_some(()) }).await;
    assert!(gone.elapsed() < Duration::from_millis(2000 + 1500), "{:?}", gone.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_session_does_late_takes_nothing_from_the_one_that_took_over() {
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
    // Nobody finds the dead session by its silence.
    let _gateway = world.gateway(&[("Gateway__HeartbeatIntervalSeconds", "600")]).await;
    let relay = Relay::start(SocketAddr::new(world.ip(), 0), world.gateway_address()).await;
    let (mut dead, console) = world.agent_via(relay.address(), &[]).await;
    let id = console.map("app.test", target.address()).await;
    console.applied(&id).await;
    // A request that never ends keeps the old session's links standing for as long as the gateway lets them.
    let mut held = world.visitor().await;
    held.send(b"GET /hold HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    eventually("the target has it", || async { (target.connections() == 1).then_some(()) }).await;
    dead.signal("STOP").await;
    relay.cut(Ending::HalfOpen);
    dead.kill().await;
    let (_agent, console) = world.agent(&[]).await;
    console.applied(&id).await;
    // Now the gateway finds the old session's links closed; what it does not find, it closes 2 s after the takeover.
    drop(relay);
    let taken_over = Instant::now();
    while taken_over.elapsed() < Duration::from_secs(4) {
        let reply = world.get("app.test", "/").await;
        assert_eq!(reply.status, 200, "{:?} after the takeover: {}", taken_over.elapsed(), reply.text());
    }
    assert_eq!(console.status().await["connectionStatus"], "Connected");
}

/// Connections whose notes nobody has read yet.
const MOST_NOTES: usize = 64;

/// A way to the gateway that notes what each connection asks for first, and that can be cut.
async fn noted(
    tasks: &TaskTracker,
    ip: IpAddr,
    gateway: SocketAddr,
) -> (SocketAddr, mpsc::Receiver<String>, watch::Sender<u32>) {
    let listener = TcpListener::bind((ip, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let (note, notes) = mpsc::channel(MOST_NOTES);
    let (cut, cuts) = watch::channel(0);
    let pairs = tasks.clone();
    tasks.spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let (note, mut cuts) = (note.clone(), cuts.clone());
            cuts.mark_unchanged();
            pairs.spawn(async move {
                let Ok(mut far) = TcpStream::connect(gateway).await else { return };
                let mut first = vec![0; 4096];
                let Ok(n) = near.read(&mut first).await else { return };
                let text = String::from_utf8_lossy(&first[..n]);
                note.send(text.lines().next().unwrap_or_default().to_owned()).await.ok();
                if far.write_all(&first[..n]).await.is_ok() {
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = cuts.changed() => {}
                    }
                }
            });
        }
    });
    (address, notes, cut)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_attempt_after_a_loss_waits_for_nothing() {
    let world = World::new();
    let _gateway = world.gateway(&[]).await;
    let tasks = TaskTracker::new();
    let (way, mut notes, cut) = noted(&tasks, world.ip(), world.gateway_address()).await;
    let settings = [("Agent__Links", "1"), ("Agent__ReconnectDelaySeconds", "100")];
    let (_agent, console) = world.agent_via(way, &settings).await;
    console.connection("Connected").await;
    assert_eq!(notes.recv().await.as_deref(), Some("GET /tunnel HTTP/1.1"));
    cut.send_replace(1);
    // Whoever waits asks for the gateway's health first.
    assert_eq!(notes.recv().await.as_deref(), Some("GET /tunnel HTTP/1.1"));
    console.connection("Connected").await;
}
