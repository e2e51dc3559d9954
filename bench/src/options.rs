//! The command line.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use clap::{Parser, Subcommand};

use crate::scenarios::Scenario;
use crate::systems::Name;

/// Fewest rounds of a report: a median of less says little on a shared machine.
const ROUNDS: usize = 5;

/// Measures the shipped binary beside controls and peers, interleaved, and writes a report of ratios.
#[derive(Debug, Clone, Parser)]
#[command(name = "octoporty-bench")]
pub(crate) struct Options {
    /// The whole matrix: longer slices, every peer, 10000 WebSocket connections. Under an hour.
    #[arg(long)]
    pub(crate) full: bool,
    /// Only these goals or scenarios, comma-separated (S1,S4,isolation); `--list` shows them.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Only these systems, comma-separated (octoporty,nginx2).
    #[arg(long, value_delimiter = ',')]
    systems: Vec<String>,
    /// Rounds of each scenario.
    #[arg(long, default_value_t = ROUNDS)]
    pub(crate) rounds: usize,
    /// Length of a slice in whole seconds; 1, or 2 for S1, S2 and S4, and 3 with --full, unless given.
    #[arg(long)]
    slice: Option<u64>,
    /// Folder of report.md and report.json; bench/ for a whole run, bench/full/ with --full, target/bench/ for a part of
    /// one, unless given.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Only a sink at this address, until it is ended; the bench starts itself so.
    #[arg(long, hide = true)]
    pub(crate) serve_sink: Option<SocketAddr>,
    /// Something else than measuring.
    #[command(subcommand)]
    pub(crate) instead: Option<Instead>,
    /// Shows scenarios and systems, measures nothing.
    #[arg(long)]
    pub(crate) list: bool,
}

/// What can be done instead of measuring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub(crate) enum Instead {
    /// Profiles of the scenarios whose figures are not reached, as profiles.md; needs perf and root.
    Profile,
}

impl Options {
    /// Checks what the parser cannot.
    ///
    /// # Errors
    /// If a name is not known, or a number makes no sense.
    pub(crate) fn check(&self) -> Result<()> {
        ensure!(self.rounds > 0, "--rounds needs at least one");
        ensure!(self.slice != Some(0), "--slice needs at least a second");
        for name in &self.only {
            if !Scenario::ALL.iter().any(|scenario| scenario.answers_to(name)) {
                bail!("--only knows no {name}: see --list");
            }
        }
        for name in &self.systems {
            if !Name::ALL.iter().any(|system| system.text() == name) {
                bail!("--systems knows no {name}: see --list");
            }
        }
        Ok(())
    }

    /// Scenarios that are to run.
    #[must_use]
    pub(crate) fn scenarios(&self) -> Vec<Scenario> {
        let wanted =
            |scenario: &Scenario| self.only.is_empty() || self.only.iter().any(|name| scenario.answers_to(name));
        Scenario::ALL.into_iter().filter(wanted).collect()
    }

    /// Whether this system may run.
    #[must_use]
    pub(crate) fn allows(&self, name: Name) -> bool {
        self.systems.is_empty() || self.systems.iter().any(|system| system == name.text())
    }

    /// Length of a slice in whole seconds.
    #[must_use]
    pub(crate) fn slice_seconds(&self) -> u64 {
        self.slice.unwrap_or(if self.full { 3 } else { 1 })
    }

    /// Length of a slice of small requests of many visitors, in whole seconds. What must be reached is measured for longer.
    #[must_use]
    pub(crate) fn crowd_seconds(&self) -> u64 {
        self.slice.unwrap_or(if self.full { 3 } else { 2 })
    }

    /// Length of a slice.
    #[must_use]
    pub(crate) fn slice(&self) -> Duration {
        Duration::from_secs(self.slice_seconds())
    }

    /// Whether every scenario runs with every system.
    #[must_use]
    pub(crate) fn is_whole(&self) -> bool {
        self.only.is_empty() && self.systems.is_empty()
    }

    /// Where the report goes. A part of a run does not replace the report of a whole one.
    #[must_use]
    pub(crate) fn out(&self) -> PathBuf {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let usual = match (self.is_whole(), self.full) {
            (true, false) => here.to_owned(),
            (true, true) => here.join("full"),
            (false, _) => here.join("../target/bench"),
        };
        self.out.clone().unwrap_or(usual)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_choose_their_scenarios() {
        let options = Options::parse_from(["bench", "--only", "S3,s14,isolation"]);
        options.check().expect("they are known");
        assert_eq!(options.scenarios(), [Scenario::OneConnection, Scenario::Isolation]);
        assert!(!options.is_whole());
    }

    #[test]
    fn a_report_replaces_none_of_another_kind() {
        let out = |args: &[&str]| Options::parse_from([&["bench"], args].concat()).out();
        let (whole, full, part) = (out(&[]), out(&["--full"]), out(&["--only", "S1"]));
        assert!(whole.ends_with("bench") && full.ends_with("bench/full") && part.ends_with("target/bench"));
        assert_eq!(out(&["--full", "--only", "S1"]), part);
        assert_eq!(out(&["--out", "here"]), Path::new("here"));
    }

    #[test]
    fn unknown_names_are_refused() {
        assert!(Options::parse_from(["bench", "--only", "S99"]).check().is_err());
        assert!(Options::parse_from(["bench", "--systems", "nobody"]).check().is_err());
        assert!(Options::parse_from(["bench", "--slice", "0"]).check().is_err());
    }
}
