//! wrk: requests as fast as answers come, on connections that are kept or made anew.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use tokio::process::Command;

use crate::load::Entry;
use crate::programs;
use crate::stats::Sample;

/// Prints what wrk knows at the end. A script with nothing else costs nothing while requests run.
const SCRIPT: &str = r#"
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('\nbench {"requests":%d,"us":%d,"p50":%.1f,"p99":%.1f,"errors":%d}\n',
    summary.requests, summary.duration, latency:percentile(50.0), latency:percentile(99.0),
    e.connect + e.read + e.write + e.status + e.timeout))
end
"#;

/// What the script prints.
#[derive(Debug, Deserialize)]
struct Summary {
    requests: u64,
    us: u64,
    p50: f64,
    p99: f64,
    errors: u64,
}

/// Whether a connection serves one request or all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connections {
    /// Kept alive.
    Kept,
    /// A new one for each request (`Connection: close`).
    Fresh,
}

/// What wrk does in one slice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Job {
    /// Path that is asked for.
    pub(crate) path: &'static str,
    /// Connections at a time.
    pub(crate) connections: usize,
    /// Kept or new.
    pub(crate) kind: Connections,
    /// Whole seconds, wrk knows no others.
    pub(crate) seconds: u64,
}

/// wrk and its script.
#[derive(Debug)]
pub(crate) struct Wrk {
    program: PathBuf,
    script: PathBuf,
}

impl Wrk {
    /// Writes the script.
    ///
    /// # Errors
    /// If wrk is not installed.
    pub(crate) fn prepare(dir: &Path) -> Result<Self> {
        let program = programs::find("wrk").context("wrk is not installed: run `make setup`")?;
        let script = dir.join("wrk.lua");
        std::fs::write(&script, SCRIPT).context("the run's folder is not writable")?;
        Ok(Self { program, script })
    }

    /// Runs one slice.
    ///
    /// # Errors
    /// If wrk fails or no request was answered.
    pub(crate) async fn run(&self, entry: &Entry, job: Job) -> Result<Sample> {
        // Two threads, as the machine that the goals were set on has two cores; one for one connection.
        let threads = job.connections.clamp(1, 2);
        let mut command = Command::new(&self.program);
        command.arg(format!("-t{threads}")).arg(format!("-c{}", job.connections)).arg(format!("-d{}s", job.seconds));
        command.args(["--timeout", "5s", "-s"]).arg(&self.script).args(["-H", &format!("Host: {}", entry.host)]);
        if job.kind == Connections::Fresh {
            command.args(["-H", "Connection: close"]);
        }
        command.arg(format!("http://{}{}", entry.address, job.path)).kill_on_drop(true);
        let output = command.output().await.context("wrk cannot be run")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().find_map(|line| line.strip_prefix("bench "));
        let line = line.with_context(|| format!("wrk: {text}{}", String::from_utf8_lossy(&output.stderr)))?;
        let summary: Summary = serde_json::from_str(line).context("wrk's script prints JSON")?;
        ensure!(summary.requests > 0, "no request was answered");
        Ok(summary.into())
    }
}

impl From<Summary> for Sample {
    fn from(summary: Summary) -> Self {
        Self {
            seconds: summary.us as f64 / 1e6,
            done: summary.requests as f64,
            p50_us: Some(summary.p50),
            p99_us: Some(summary.p99),
            cpu_seconds: None,
            errors: summary.errors,
        }
    }
}
