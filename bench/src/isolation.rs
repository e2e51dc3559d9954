//! Does a fast stream feel two hundred slow ones? Time to the first byte of a small request, alone and beside them.

use std::fmt;
use std::time::{Duration, Instant};

use octoporty_e2e::target::Target;
use octoporty_e2e::visitor::Visitor;
use octoporty_e2e::world::World;

/// Slow streams beside the fast one.
const SLOW: usize = 200;
/// Turns of each condition.
const ROUNDS: usize = 12;
/// Requests a turn.
const REQUESTS: usize = 100;

/// What was measured.
pub(crate) struct Isolation {
    alone: Vec<Duration>,
    beside: Vec<Duration>,
}

fn percentile(samples: &[Duration], percent: usize) -> Duration {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "## Time to first byte beside {SLOW} slow streams\n")?;
        writeln!(
            f,
            "Small requests on one kept-alive connection, {} each, in {ROUNDS} interleaved turns; each slow stream is a",
            self.alone.len()
        )?;
        writeln!(f, "download whose visitor does not read, with its window full. Goal: p99 at most 1.2 times.\n")?;
        writeln!(f, "| | alone µs | beside µs | ratio |\n|---|--:|--:|--:|")?;
        for percent in [50, 90, 99] {
            let (alone, beside) = (percentile(&self.alone, percent), percentile(&self.beside, percent));
            let ratio = beside.as_secs_f64() / alone.as_secs_f64();
            writeln!(f, "| p{percent} | {} | {} | {ratio:.2} |", alone.as_micros(), beside.as_micros())?;
        }
        Ok(())
    }
}

async fn turn(visitor: &mut Visitor, samples: &mut Vec<Duration>) {
    for _ in 0..REQUESTS {
        let start = Instant::now();
        visitor.send(b"GET / HTTP/1.1\r\nHost: fast.test\r\n\r\n").await;
        let head = visitor.head().await.expect("an answer");
        samples.push(start.elapsed());
        assert_eq!(head.status, 200);
        assert_eq!(visitor.read_exactly(4).await, b"fast");
    }
}

/// Runs it.
///
/// # Panics
/// If an answer is wrong.
pub(crate) async fn measure() -> Isolation {
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
    let pair = world.pair().await;
    for (domain, target) in [("fast.test", &fast), ("flood.test", &flood)] {
        let id = pair.console.map(domain, target.address()).await;
        pair.console.applied(&id).await;
    }
    let mut result = Isolation { alone: Vec::new(), beside: Vec::new() };
    let mut visitor = world.visitor().await;
    turn(&mut visitor, &mut Vec::new()).await;
    for _ in 0..ROUNDS {
        turn(&mut visitor, &mut result.alone).await;
        let slow = slow_streams(&world).await;
        turn(&mut visitor, &mut result.beside).await;
        drop(slow);
        quiet(&flood).await;
    }
    result
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
