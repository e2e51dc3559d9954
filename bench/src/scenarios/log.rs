//! The request log at its default size: a million requests are made, then its page is asked as the web page asks.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use serde_json::json;
use tokio::process::Command;

use crate::lab::Lab;
use crate::programs;
use crate::report::Outcome;
use crate::scenarios::Scenario;
use crate::site::{Ground, Page};
use crate::stats::percentile;
use crate::systems::octoporty::{Link, Pair, SITE};

/// Rows that the log keeps by default.
const ROWS: u64 = 1_000_000;
/// Seconds of one portion of requests; the log is asked in between whether there are enough.
const PORTION: u64 = 10;
/// Longest that all of them may take.
const PATIENCE: Duration = Duration::from_secs(600);
/// A second name for the same site, so that a filter by mapping leaves something out.
const OTHER: &str = "other.bench.test";
/// How often each question is asked.
const ASKED: usize = 60;
/// At the 95th percentile, milliseconds.
const GOAL_MS: f64 = 200.0;

/// Mostly the small page, one in ten not there, one in 4096 below a path of its own, on two names in turn.
fn script() -> String {
    format!(
        "local n = 0\nrequest = function()\n  n = n + 1\n  local path = '{small}?n=' .. n\n  if n % 10 == 0 then path = '/gone/' .. n end\n  \
         if n % 4096 == 0 then path = '/rare/' .. n end\n  local host = '{SITE}'\n  if n % 2 == 0 then host = '{OTHER}' end\n  \
         return wrk.format('GET', path, {{ ['Host'] = host }})\nend\n",
        small = Page::Small.path()
    )
}

/// One question and how long its answers took.
#[derive(Debug, Serialize)]
struct Asked {
    what: &'static str,
    rows: usize,
    p50_ms: f64,
    p95_ms: f64,
}

/// Rows that were ever written: the newest one's number.
async fn written(pair: &Pair) -> Result<u64> {
    let page = pair.console().expect(200, "GET", "/api/v1/logs/requests?count=1", None).await;
    Ok(page["items"][0]["id"].as_u64().unwrap_or_default())
}

async fn fill(ground: &Ground, pair: &Pair) -> Result<u64> {
    let wrk = programs::find("wrk").context("wrk is not installed: run `make setup`")?;
    let lua = ground.write("log.lua", &script())?;

    let began = Instant::now();
    loop {
        let rows = written(pair).await?;
        if rows >= ROWS {
            return Ok(rows);
        }
        eprintln!("bench: {}: {rows} of {ROWS} rows", Scenario::Log.key());
        ensure!(began.elapsed() < PATIENCE, "{rows} rows of {ROWS} within {PATIENCE:?}");
        portion(&wrk, &lua, &format!("http://{}/", pair.entry(SITE).address)).await?;
    }
}

async fn portion(wrk: &Path, lua: &Path, url: &str) -> Result<()> {
    let mut command = Command::new(wrk);
    command.args(["-t2", "-c64", &format!("-d{PORTION}s"), "--timeout", "5s", "-s"]).arg(lua).arg(url);
    let output = command.kill_on_drop(true).output().await.context("wrk cannot be run")?;
    ensure!(output.status.success(), "wrk: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

async fn ask(pair: &Pair, what: &'static str, query: &str) -> Result<Asked> {
    let path = format!("/api/v1/logs/requests?{query}");
    let (mut times, mut rows) = (Vec::new(), 0);
    for _ in 0..ASKED {
        let began = Instant::now();
        let page = pair.console().expect(200, "GET", &path, None).await;
        times.push(began.elapsed().as_secs_f64() * 1e3);
        rows = page["items"].as_array().map_or(0, Vec::len);
    }
    ensure!(rows > 0, "{what}: no row was found");
    times.sort_unstable_by(f64::total_cmp);
    let at = |percent| percentile(&times, percent).context("it was asked");
    Ok(Asked { what, rows, p50_ms: at(50)?, p95_ms: at(95)? })
}

/// Measures it.
pub(super) async fn measure(lab: &Lab) -> Result<Outcome> {
    let pair = Pair::start(lab.ground(), Link::Clear).await?;
    let other = pair.console().map(OTHER, lab.ground().site()).await;
    pair.console().applied(&other).await;
    let began = Instant::now();
    let rows = fill(lab.ground(), &pair).await?;
    let filled = began.elapsed().as_secs_f64();
    let by_both = format!("mappingId={other}&statusClass=4xx");
    let asked = [
        ask(&pair, "newest page, 1000 rows", "").await?,
        ask(&pair, "mapping and status class, 1000 rows", &by_both).await?,
        ask(&pair, "path prefix that one row in 4096 has", "path=/rare/").await?,
        ask(&pair, "the same by mapping and status class, 100 rows", &format!("{by_both}&path=/rare/&count=100"))
            .await?,
    ];
    let bytes = pair.database_bytes();
    let mut text = format!(
        "{rows} requests were made through the tunnel in {filled:.0} s; then the log was asked {ASKED} times each, by its \
         API. Goal: {GOAL_MS:.0} ms at the\n95th percentile. The database has {:.0} MB, {:.0} bytes a row.\n\n\
         | question | rows | p50 ms | p95 ms | reached |\n|---|--:|--:|--:|---|\n",
        bytes as f64 / 1e6,
        bytes as f64 / rows as f64
    );
    for Asked { what, rows, p50_ms, p95_ms } in &asked {
        let reached = if *p95_ms <= GOAL_MS { "yes" } else { "no" };
        text += &format!("| {what} | {rows} | {p50_ms:.1} | {p95_ms:.1} | {reached} |\n");
    }
    Ok(Outcome {
        key: Scenario::Log.key(),
        title: "The request log with a million rows".to_owned(),
        text,
        data: json!({ "rows": rows, "seconds": filled, "bytes": bytes, "asked": asked }),
        findings: Vec::new(),
    })
}
