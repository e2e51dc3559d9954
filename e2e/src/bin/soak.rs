//! `make soak`: every trouble fifty times, a tunnel idle for ten minutes; writes `docs/reports/soak.md`.
//!
//! `soak [ROUNDS] [IDLE_SECONDS] [SEED]`

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use octoporty_e2e::resilience::{self, Trouble};
use octoporty_e2e::target::mirror;
use octoporty_e2e::world::World;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Troubles that are made side by side, each in a world of its own.
const AT_ONCE: usize = 6;

const TROUBLES: [Trouble; 12] = [
    Trouble::Cut,
    Trouble::Reset,
    Trouble::HalfOpen,
    Trouble::Freeze,
    Trouble::FreezeDown,
    Trouble::FreezeUp,
    Trouble::Away,
    Trouble::GatewayKilled,
    Trouble::AgentKilled,
    Trouble::AgentFrozen,
    Trouble::TargetRestarted,
    Trouble::AgentFirst,
];

async fn idle(seconds: u64) -> Duration {
    let world = World::new();
    let target = mirror(world.ip()).await;
    let pair = world.pair().await;
    let id = pair.console.map("app.test", target.address()).await;
    pair.console.applied(&id).await;
    let session = pair.console.status().await["lastConnected"].clone();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let start = Instant::now();
    assert_eq!(world.get("app.test", "/").await.status, 200, "after {seconds} s without a request");
    let took = start.elapsed();
    assert_eq!(pair.console.status().await["lastConnected"], session, "the session stood all the time");
    took
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>().expect("a number"));
    let rounds = u32::try_from(arguments.next().unwrap_or(50)).expect("a number of rounds");
    let idle_seconds = arguments.next().unwrap_or(600);
    let seed = arguments.next().unwrap_or_else(|| fastrand::u64(..));
    let mut text = String::from(
        "# Soak: the tunnel's recoveries\n\nEvery trouble is done for real by the harness (its relay, signals, sockets), heartbeat 3 s. A round \
         fails when a\nrequest is not served within 5 s of the recovery. Times are from the recovery to the first served request.\n\n\
         | trouble | rounds | median ms | most ms | seed |\n|---|--:|--:|--:|--:|\n",
    );
    let mut idling = JoinSet::new();
    idling.spawn(idle(idle_seconds));
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for (number, trouble) in TROUBLES.into_iter().enumerate() {
        let (places, seed) = (Arc::clone(&places), seed.wrapping_add(number as u64));
        running.spawn(async move {
            let _place = places.acquire_owned().await.expect("never closed");
            let report = resilience::run(trouble, rounds, seed).await;
            println!("{report}");
            (number, report)
        });
    }
    let mut reports = running.join_all().await;
    reports.sort_by_key(|(number, _)| *number);
    for (_, report) in reports {
        let mut sorted = report.recoveries.clone();
        sorted.sort_unstable();
        let (middle, most) = (sorted[sorted.len() / 2].as_millis(), sorted[sorted.len() - 1].as_millis());
        writeln!(text, "| {:?} | {} | {middle} | {most} | {} |", report.trouble, sorted.len(), report.seed)
            .expect("a string takes it");
    }
    let took = idling.join_next().await.expect("one task").expect("the idle tunnel works at once");
    writeln!(
        text,
        "\nA tunnel idle for {idle_seconds} s served its next request in {} ms, on the session that stood before.",
        took.as_millis()
    )
    .expect("a string takes it");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reports/soak.md");
    std::fs::write(&file, &text).expect("the report can be written");
    println!("\n{text}");
}
