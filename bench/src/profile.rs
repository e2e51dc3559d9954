//! `octoporty-bench profile`: where the time goes in the scenarios whose figures are not reached, each measured twice. Writes
//! `profiles.md`.
//!
//! Shares of CPU time are of `perf`, which samples the whole machine; how long threads wait for a core is the kernel's own
//! count (`schedstat`).

mod samples;
mod waits;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::process::{Child, Command};

use self::samples::Shares;
use self::waits::Waits;
use crate::lab::Lab;
use crate::load::bulk;
use crate::load::wrk::{Connections, Job};
use crate::options::Options;
use crate::programs;
use crate::site::Page;
use crate::stats::{Figure, Sample};
use crate::systems::{Name, System};

/// Systems whose figures the explanation needs.
const SYSTEMS: [Name; 3] = [Name::Direct, Name::Nginx2, Name::Octoporty];
/// A profile is believed when it comes out the same again.
const RUNS: usize = 2;
/// Samples a second and core; not a round number, so as not to beat in time with timers.
const FREQUENCY: &str = "997";
/// Length of a slice, in whole seconds.
const SECONDS: u64 = 5;
/// Longest 99th percentile of S7, in seconds.
const LONGEST: f64 = 0.03;

/// What is profiled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    /// S7: bodies of 1 MiB on 64 connections.
    Bodies,
    /// S11: small requests on 8 connections beside 8 downloads.
    Beside,
}

/// One slice of one system.
struct Slice {
    name: Name,
    sample: Sample,
    /// Bytes that were downloaded meanwhile, a second.
    bulk: f64,
    /// Share of the cores' time that nothing ran in.
    idle: f64,
}

/// One run of a case.
struct Run {
    slices: Vec<Slice>,
    shares: Shares,
    waits: Waits,
}

impl Case {
    const ALL: [Self; 2] = [Self::Bodies, Self::Beside];

    fn title(self) -> &'static str {
        match self {
            Self::Bodies => "S7: bodies of 1 MiB on 64 connections, no 99th percentile above 30 ms",
            Self::Beside => "S11: small requests on 8 connections beside 8 downloads, 5 times nginx2's rate",
        }
    }

    fn job(self) -> Job {
        let (page, connections) = match self {
            Self::Bodies => (Page::Mib1, 64),
            Self::Beside => (Page::Small, 8),
        };
        Job { path: page.path(), connections, kind: Connections::Kept, seconds: SECONDS }
    }

    async fn slice(self, lab: &Lab, system: &System) -> Result<Slice> {
        let (cpu, idle) = (system.cpu_seconds()?, waits::idle_seconds()?);
        let load = lab.wrk().run(system.site(), self.job());
        let (small, bulk) = match self {
            Self::Bodies => (load.await?, 0.0),
            Self::Beside => {
                let downloads = bulk::download(system.site(), 8, Duration::from_secs(SECONDS));
                let (bulk, small) = tokio::join!(downloads, load);
                (small?, bulk?.figure(Figure::Rate).unwrap_or_default())
            }
        };
        let cpu_seconds = system.cpu_seconds()?.zip(cpu).map(|(after, before)| after - before);
        let cores = std::thread::available_parallelism()?.get() as f64;
        let idle = (waits::idle_seconds()? - idle) / (cores * small.seconds);
        Ok(Slice { name: system.name(), sample: Sample { cpu_seconds, ..small }, bulk, idle })
    }

    async fn run(self, lab: &Lab) -> Result<Run> {
        let (mut slices, mut profile) = (Vec::new(), None);
        for system in lab.systems() {
            if system.name() != Name::Octoporty {
                slices.push(self.slice(lab, system).await?);
                continue;
            }
            let file = lab.ground().dir().join("perf.data");
            let (mut perf, before) = (record(&file)?, Waits::of(system.pids())?);
            slices.push(self.slice(lab, system).await?);
            let waits = Waits::of(system.pids())?.since(&before);
            let status = perf.wait().await.context("perf cannot be waited for")?;
            ensure!(status.success(), "perf record failed: it needs root, or kernel.perf_event_paranoid at -1");
            profile = Some((samples::read(&file).await?, waits));
        }
        let (shares, waits) = profile.context("the product takes part")?;
        Ok(Run { slices, shares, waits })
    }

    /// What the figures say, for one run.
    fn reason(self, run: &Run) -> Option<String> {
        let of = |name: Name| run.slices.iter().find(|slice| slice.name == name);
        let (direct, nginx, ours) = (of(Name::Direct)?, of(Name::Nginx2)?, of(Name::Octoporty)?);
        let rate = |slice: &Slice| slice.sample.figure(Figure::Rate);
        match self {
            Self::Bodies => {
                let cores = std::thread::available_parallelism().ok()?.get() as f64;
                let (least, rate) = (self.job().connections as f64 / LONGEST, rate(ours)?);
                let own = ours.sample.figure(Figure::Cpu)?;
                let others = cores * (1.0 - ours.idle) / rate - own;
                Some(format!(
                    "64 requests under way take 64 / rate each in the mean, and no 99th percentile is below the mean: 30 ms \
                     need more than {least:.0} requests/s, {rate:.0} were answered, with {:.0} % of the cores idle. Visitors, \
                     target and all else took {:.2} ms of CPU a request, gateway and agent {:.2}; at {least:.0}/s {cores:.0} \
                     cores would leave {:.2} for gateway and agent, and the mean would still be 30 ms.",
                    100.0 * ours.idle,
                    1e3 * others,
                    1e3 * own,
                    1e3 * (cores / least - others),
                ))
            }
            Self::Beside => {
                let (direct, nginx, own) = (rate(direct)?, rate(nginx)?, rate(ours)?);
                Some(format!(
                    "5 times nginx2's rate is {:.0} requests/s. The target itself, asked straight beside its own downloads, \
                     gave {direct:.0}, {:.1} times nginx2's; through the tunnel came {own:.0}, {:.1} times nginx2's, with a \
                     99th percentile of {:.1} ms. A data plane thread of gateway or agent waited {:.0} us for a core each \
                     time that it had something to do, and a request and its answer pass four of them, besides the \
                     target's and the visitor's.",
                    5.0 * nginx,
                    direct / nginx,
                    own / nginx,
                    ours.sample.figure(Figure::P99)? / 1e3,
                    run.waits.mean_us(),
                ))
            }
        }
    }
}

/// Has `perf` look at the whole machine for a slice.
fn record(file: &Path) -> Result<Child> {
    let perf =
        programs::find("perf").context("perf is not installed: Debian has it as linux-perf, Ubuntu as linux-tools")?;
    let mut command = Command::new(perf);
    command.args(["record", "--quiet", "-a", "-g", "-F", FREQUENCY, "-o"]).arg(file);
    command.args(["--", "sleep", &SECONDS.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
    command.kill_on_drop(true).spawn().context("perf cannot be run")
}

fn figures(runs: &[Run]) -> String {
    let mut text = String::from(
        "| run | system | requests/s | p50 ms | p99 ms | downloads GiB/s | cores idle |\n|---|---|--:|--:|--:|--:|--:|\n",
    );
    for (number, run) in runs.iter().enumerate() {
        for slice in &run.slices {
            let of = |figure| slice.sample.figure(figure).unwrap_or_default();
            let _ = writeln!(
                text,
                "| {} | {} | {:.0} | {:.1} | {:.1} | {:.2} | {:.0} % |",
                number + 1,
                slice.name.text(),
                of(Figure::Rate),
                of(Figure::P50) / 1e3,
                of(Figure::P99) / 1e3,
                slice.bulk / f64::from(1 << 30),
                100.0 * slice.idle,
            );
        }
    }
    text
}

/// Profiles both cases, and writes the file.
///
/// # Errors
/// If `perf` is not installed or may not look, or a slice fails.
pub(crate) async fn profile(options: Options) -> Result<()> {
    let out = options.out();
    let lab = Lab::prepare(options, &SYSTEMS).await?;
    let mut text = format!(
        "# Profiles of what is not reached\n\nMade by `make bench-profile`, {RUNS} runs of {SECONDS} s each. Shares are of the \
         time in which the cores ran, while requests went through octoporty (`perf`, {FREQUENCY} samples a second and core, \
         all processes). Where the kernel does the work of another end of a loopback connection, it counts for whoever \
         sent.\n"
    );
    for case in Case::ALL {
        let mut runs = Vec::new();
        for number in 1..=RUNS {
            eprintln!("bench: profile: {}: run {number} of {RUNS}", case.title());
            runs.push(case.run(&lab).await?);
        }
        let _ = write!(text, "\n## {}\n\n{}\n", case.title(), figures(&runs));
        for (number, reason) in runs.iter().map(|run| case.reason(run)).enumerate() {
            let _ = writeln!(text, "Run {}: {}\n", number + 1, reason.context("every system gave figures")?);
        }
        text.push_str(&samples::table(&runs.iter().map(|run| &run.shares).collect::<Vec<_>>()));
        text.push_str(&waits::table(&runs.iter().map(|run| &run.waits).collect::<Vec<_>>()));
    }
    std::fs::create_dir_all(&out).context("the folder of the report cannot be made")?;
    std::fs::write(out.join("profiles.md"), &text).context("profiles.md cannot be written")?;
    println!("{text}");
    Ok(())
}
