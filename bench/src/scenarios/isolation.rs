//! Does a fast stream feel two hundred slow ones? Time to the first byte of a small request, alone and beside them.

use std::time::{Duration, Instant};

use anyhow::Result;
use octoporty_e2e::target::Target;
use octoporty_e2e::visitor::Visitor;
use octoporty_e2e::world::World;
use serde::Serialize;
use serde_json::json;

use crate::report::Outcome;
use crate::scenarios::Scenario;
use crate::stats::percentile;
use crate::systems::octoporty::{AGENT_DEFAULTS, GATEWAY_DEFAULTS};

/// Slow streams beside the fast one.
const SLOW: usize = 200;
/// Turns of each condition.
const ROUNDS: usize = 6;
/// Requests a turn.
const REQUESTS: usize = 200;

/// Percentiles that are told.
const PERCENTILES: [usize; 3] = [50, 90, 99];

/// What was measured, in microseconds.
#[derive(Debug, Default)]
struct Isolation {
    alone: Vec<f64>,
    beside: Vec<f64>,
}

/// One percentile of both.
#[derive(Debug, Serialize)]
struct Row {
    percentile: usize,
    alone_us: f64,
    beside_us: f64,
    ratio: f64,
}

impl Isolation {
    fn rows(mut self) -> Vec<Row> {
        self.alone.sort_unstable_by(f64::total_cmp);
        self.beside.sort_unstable_by(f64::total_cmp);
        let row = |percent| {
            let (alone_us, beside_us) = (percentile(&self.alone, percent)?, percentile(&self.beside, percent)?);
            Some(Row { percentile: percent, alone_us, beside_us, ratio: beside_us / alone_us })
        };
        PERCENTILES.into_iter().filter_map(row).collect()
    }
}

fn outcome(isolation: Isolation) -> Outcome {
    let mut text = format!(
        "Small requests on one kept-alive connection, {} each, in {ROUNDS} interleaved turns; each slow stream is a \
         download\nwhose visitor does not read, with its window full. Goal: p99 at most 1.2 times.\n\n\
         | | alone us | beside us | ratio |\n|---|--:|--:|--:|\n",
        isolation.alone.len()
    );
    let rows = isolation.rows();
    let told = |row: &Row| {
        let Row { percentile, alone_us, beside_us, ratio } = row;
        format!("| p{percentile} | {alone_us:.0} | {beside_us:.0} | {ratio:.2} |\n")
    };
    text.extend(rows.iter().map(told));
    Outcome {
        key: Scenario::Isolation.key(),
        title: format!("Time to first byte beside {SLOW} slow streams"),
        text,
        data: json!(rows),
        findings: Vec::new(),
    }
}

async fn turn(visitor: &mut Visitor, samples: &mut Vec<f64>) {
    for _ in 0..REQUESTS {
        let start = Instant::now();
        visitor.send(b"GET / HTTP/1.1\r\nHost: fast.test\r\n\r\n").await;
        let head = visitor.head().await.expect("an answer");
        samples.push(start.elapsed().as_secs_f64() * 1e6);
        assert_eq!(head.status, 200);
        assert_eq!(visitor.read_exactly(4).await, b"fast");
    }
}

/// Measures it.
///
/// # Panics
/// If an answer is wrong.
pub(super) async fn measure() -> Result<Outcome> {
    let world = World::new();
    let fast = Target::start(world.ip(), |mut peer| async move {
        while peer.request().await.is_some() {
            peer.ok("fast").await;
        }
    })
    .await;
    let flood = Target::start(world.ip(), |mut peer| async move {
        peer.request().await;
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n").await;
        let block = vec![b'x'; 65536];
        while peer.send(&block).await {}
    })
    .await;
    let _gateway = world.gateway(&GATEWAY_DEFAULTS).await;
    let (_agent, console) = world.agent(&AGENT_DEFAULTS).await;
    for (domain, target) in [("fast.test", &fast), ("flood.test", &flood)] {
        let id = console.map(domain, target.address()).await;
        console.applied(&id).await;
    }
    let mut result = Isolation::default();
    let mut visitor = world.visitor().await;
    turn(&mut visitor, &mut Vec::new()).await;
    for round in 1..=ROUNDS {
        eprintln!("bench: {}: round {round} of {ROUNDS}", Scenario::Isolation.key());
        turn(&mut visitor, &mut result.alone).await;
        let slow = slow_streams(&world).await;
        turn(&mut visitor, &mut result.beside).await;
        drop(slow);
        quiet(&flood).await;
    }
    Ok(outcome(result))
}

async fn slow_streams(world: &World) -> Vec<Visitor> {
    let mut slow = Vec::new();
    for _ in 0..SLOW {
        let mut visitor = world.visitor().await;
        visitor.send(b"GET / HTTP/1.1\r\nHost: flood.test\r\n\r\n").await;
        assert_eq!(visitor.head().await.expect("an answer").status, 200);
        slow.push(visitor);
    }
    // Their windows and buffers fill up; what is measured is the stuck state, not the filling.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    slow
}

/// Lets the closing of the slow streams pass before the next turn alone.
async fn quiet(flood: &Target) {
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(flood.connections() >= SLOW);
}
