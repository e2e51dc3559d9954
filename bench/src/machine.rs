//! The machine that a run was made on, as far as figures depend on it.

use std::fs;
use std::net::IpAddr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use octoporty_e2e::target;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Serialize;
use serde_json::Value;

use crate::daemon::Daemon;
use crate::programs;

/// File descriptors that a full run needs: 10000 connections and both ends of some of them in one process.
const FILES: u64 = 65_536;

/// Raises the limit of open files as far as it goes, for this process and what it starts.
pub(crate) fn raise_files() {
    let now = getrlimit(Resource::Nofile);
    let tries = [
        Rlimit { current: Some(FILES), maximum: Some(now.maximum.map_or(FILES, |most| most.max(FILES))) },
        Rlimit { current: now.maximum, maximum: now.maximum },
    ];
    // Only root may raise the hard limit; what cannot be had shows when connections fail.
    let _raised = tries.into_iter().any(|limit| setrlimit(Resource::Nofile, limit).is_ok());
}

/// What figures depend on.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    /// Cores that are online.
    pub(crate) cores: usize,
    /// Memory in GiB.
    pub(crate) memory_gib: f64,
    /// Linux's release.
    pub(crate) kernel: String,
    /// Congestion control of TCP that sockets get when they ask for none.
    pub(crate) congestion: String,
    /// Part of the cores that others used in the second before the run, 0 to 1.
    pub(crate) busy_before: f64,
    /// One plain TCP stream over loopback with the shipped congestion control, in GiB a second.
    pub(crate) loopback_gib: Option<f64>,
    /// The same with cubic.
    pub(crate) loopback_cubic_gib: Option<f64>,
}

fn read(file: &str) -> String {
    fs::read_to_string(file).unwrap_or_default().trim().to_owned()
}

/// Ticks of all cores so far: idle, and all together.
fn ticks() -> Option<(f64, f64)> {
    let stat = read("/proc/stat");
    let ticks: Vec<f64> = stat.lines().next()?.split_whitespace().skip(1).filter_map(|n| n.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal; what follows is counted in user already.
    Some((ticks.get(3)? + ticks.get(4)?, ticks.iter().take(8).sum()))
}

impl Machine {
    /// Looks, for a second, before anything of the run is started.
    pub(crate) async fn look() -> Self {
        let before = ticks();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let busy = before.zip(ticks()).map(
            |((idle, all), (idle_now, all_now))| {
                if all_now > all { 1.0 - (idle_now - idle) / (all_now - all) } else { 0.0 }
            },
        );
        let memory = read("/proc/meminfo");
        let total = memory.lines().find_map(|line| line.strip_prefix("MemTotal:"));
        let kib: Option<f64> = total.and_then(|text| text.trim().trim_end_matches("kB").trim().parse().ok());
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_gib: kib.unwrap_or_default() / f64::from(1 << 20),
            kernel: read("/proc/sys/kernel/osrelease"),
            congestion: read("/proc/sys/net/ipv4/tcp_congestion_control"),
            busy_before: busy.unwrap_or_default(),
            loopback_gib: None,
            loopback_cubic_gib: None,
        }
    }

    /// Measures the loopback by iperf3, when there is one.
    ///
    /// # Errors
    /// If iperf3 is there but fails.
    pub(crate) async fn measure_loopback(&mut self, dir: &std::path::Path, ip: IpAddr) -> Result<()> {
        let Some(program) = programs::find("iperf3") else { return Ok(()) };
        let address = target::free_address(ip);
        let (ip, port) = (ip.to_string(), address.port().to_string());
        let mut server = Command::new(&program);
        let _server = Daemon::start("iperf3", dir, server.args(["-s", "-B", &ip, "-p", &port]))?;
        target::listening(address).await;
        // The look whether it listens was a connection too; iperf3 serves one at a time and needs a moment.
        tokio::time::sleep(Duration::from_millis(300)).await;
        for (congestion, figure) in [(None, &mut self.loopback_gib), (Some("cubic"), &mut self.loopback_cubic_gib)] {
            let mut client = tokio::process::Command::new(&program);
            client.args(["-c", &ip, "-p", &port, "-t", "1", "--json"]);
            if let Some(congestion) = congestion {
                client.args(["-C", congestion]);
            }
            let output = client.kill_on_drop(true).output().await.context("iperf3 cannot be run")?;
            let told: Value = serde_json::from_slice(&output.stdout).context("iperf3 prints JSON")?;
            let bits = told["end"]["sum_received"]["bits_per_second"].as_f64();
            *figure = bits.map(|bits| bits / 8.0 / f64::from(1 << 30));
        }
        Ok(())
    }
}
