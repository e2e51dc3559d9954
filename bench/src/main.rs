//! `make bench`: the shipped binary with default settings beside controls and peers, on loopback, as ratios within one
//! interleaved run. Writes `report.md` and `report.json`.
//!
//! The cast:
//! * [`site::Ground`]: the folder of a run, the site that everything serves, the sink for uploads.
//! * [`systems::System`]: a control, a peer or the product, as processes of their own.
//! * [`lab::Lab`]: all systems of a run, and the rounds in which they take turns.
//! * [`load`]: wrk, and clients for what wrk cannot do.
//! * [`scenarios::Scenario`]: what is measured.
//! * [`goals`]: "Figures to reach"; [`report`]: both files.
//! * [`profile`]: where the time goes in what is not reached.
//!
//! Invariant: every process that a run starts is ended by its id when its owner is dropped, also on failure and on
//! SIGINT or SIGTERM.

mod about;
mod certificate;
mod daemon;
mod fleet;
mod goals;
mod lab;
mod load;
mod machine;
mod options;
mod profile;
mod programs;
mod report;
mod scenarios;
mod sink;
mod site;
mod stats;
mod systems;
mod usage;

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::Parser as _;
use futures_util::FutureExt as _;
use tokio::signal::unix::{SignalKind, signal};

use crate::about::{About, Took};
use crate::lab::Lab;
use crate::machine::Machine;
use crate::options::{Instead, Options};
use crate::report::Report;
use crate::scenarios::Scenario;
use crate::sink::Sink;
use crate::systems::Name;

#[tokio::main]
async fn main() -> ExitCode {
    match bench().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn bench() -> Result<()> {
    let options = Options::parse();
    options.check()?;
    if options.list {
        list();
        return Ok(());
    }
    machine::raise_files();
    if let Some(address) = options.serve_sink {
        let _sink = Sink::start_at(address).await?;
        return std::future::pending().await;
    }
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        biased;
        interrupted = tokio::signal::ctrl_c() => { interrupted?; bail!("interrupted") }
        _ = terminated.recv() => bail!("terminated"),
        result = async {
            match options.instead {
                Some(Instead::Profile) => profile::profile(options).await,
                None => run(options).await,
            }
        } => result,
    }
}

fn list() {
    println!("scenarios:");
    for scenario in Scenario::ALL {
        println!("  {:16} {}", scenario.key(), scenario.goals().join(" "));
    }
    println!("systems:");
    for name in Name::ALL {
        println!("  {:16} {}", name.text(), name.meaning());
    }
}

async fn run(options: Options) -> Result<()> {
    let began = Instant::now();
    let mut machine = Machine::look().await;
    let (scenarios, full, out) = (options.scenarios(), options.full, options.out());
    let mut names: Vec<Name> = scenarios.iter().flat_map(|scenario| scenario.systems(full)).collect();
    names.sort_unstable();
    names.dedup();
    let lab = Lab::prepare(options, &names).await?;
    if let Err(error) = machine.measure_loopback(&lab.ground().dir(), lab.ground().site().ip()).await {
        eprintln!("bench: the loopback could not be measured: {error:#}");
    }
    let (mut outcomes, mut failures, mut each) = (Vec::new(), Vec::new(), Vec::new());
    for scenario in scenarios {
        let start = Instant::now();
        // The harness panics when something that must happen does not; that ends the scenario, not the run.
        match AssertUnwindSafe(scenario.run(&lab)).catch_unwind().await {
            Ok(Ok(outcome)) => outcomes.push(outcome),
            Ok(Err(error)) => failures.push((scenario.key(), format!("{error:#}"))),
            Err(_) => failures.push((scenario.key(), "the harness gave up; its reason was printed".to_owned())),
        }
        each.push((scenario.key(), start.elapsed()));
    }
    let about = About::of(&lab, machine, Took { all: began.elapsed(), each }).await;
    let report = Report { about: about.markdown(), about_data: about.json(), outcomes, failures };
    report.write(&out)?;
    println!("{}", report.markdown());
    for (key, reason) in &report.failures {
        eprintln!("bench: {key} failed: {reason}");
    }
    Ok(())
}
