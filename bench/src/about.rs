//! What a report says about its run: how it was made, where, with what, and who is missing.

use std::collections::BTreeMap;
use std::time::Duration;

use octoporty_e2e::process::binary;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::lab::{Absence, Lab};
use crate::machine::Machine;
use crate::programs;
use crate::systems::Name;

/// Scenarios of the plan that no release can show yet, and why.
const NOT_YET: [(&str, &str); 1] = [("TCP stream", "TCP mappings do not exist in the product yet")];

/// Peers whose figures are known from elsewhere and that this bench does not start.
const NOT_STARTED: [(&str, &str); 2] = [
    ("Octoporty (original)", "needs the .NET runtime and serves one request at a time"),
    ("PicoTunnel", "needs the .NET runtime and carries no HTTP request in its published form"),
];

/// About one run.
#[derive(Debug)]
pub(crate) struct About {
    machine: Machine,
    version: String,
    versions: BTreeMap<&'static str, Option<String>>,
    present: Vec<Name>,
    absent: Vec<Absence>,
    full: bool,
    rounds: usize,
    slice: u64,
    crowd: u64,
    took: Took,
}

/// How long a run lasted.
#[derive(Debug)]
pub(crate) struct Took {
    /// With what comes before the scenarios.
    pub(crate) all: Duration,
    /// Each scenario by its key.
    pub(crate) each: Vec<(&'static str, Duration)>,
}

impl Took {
    fn told(&self) -> String {
        let seconds = self.all.as_secs();
        let each: Vec<String> =
            self.each.iter().map(|(key, time)| format!("{key} {} s", time.as_secs_f64().round())).collect();
        format!("It took {} min {} s, of which: {}.", seconds / 60, seconds % 60, each.join(", "))
    }
}

impl About {
    /// Asks the programs for their versions.
    pub(crate) async fn of(lab: &Lab, machine: Machine, took: Took) -> Self {
        let version = Command::new(binary()).arg("--version").kill_on_drop(true).output().await;
        let version = version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        Self {
            machine,
            version: version.unwrap_or_default(),
            versions: programs::versions().await,
            present: lab.systems().iter().map(crate::systems::System::name).collect(),
            absent: lab.absent().to_vec(),
            full: lab.options().full,
            rounds: lab.options().rounds,
            slice: lab.options().slice_seconds(),
            crowd: lab.options().crowd_seconds(),
            took,
        }
    }

    /// Everybody who is not in the tables, and why.
    fn missing(&self) -> Vec<(String, String)> {
        let absent = self.absent.iter().map(|absence| (absence.name.text().to_owned(), absence.reason.clone()));
        let known =
            |name: &Name| !self.present.contains(name) && !self.absent.iter().any(|absence| absence.name == *name);
        let left_out = Name::ALL.into_iter().filter(known).map(|name| (name.text().to_owned(), self.left_out(name)));
        let never = NOT_STARTED.iter().map(|(name, why)| ((*name).to_owned(), (*why).to_owned()));
        absent.chain(left_out).chain(never).collect()
    }

    /// Why a system that nobody tried to start has no figures.
    fn left_out(&self, name: Name) -> String {
        let lacks = |program: &&&str| self.versions.get(**program).is_some_and(Option::is_none);
        match name.programs().iter().find(lacks) {
            Some(program) => format!("{program} is not installed"),
            None if self.full => "no scenario of this run has it".to_owned(),
            None => "not among the scenarios of this run; the quick matrix has fewer systems than `--full`".to_owned(),
        }
    }

    fn versions(&self) -> String {
        let told = |(name, version): (&&str, &Option<String>)| {
            version.as_ref().map_or_else(|| format!("{name}: not installed"), |version| format!("{name} {version}"))
        };
        self.versions.iter().map(told).collect::<Vec<_>>().join(", ")
    }

    fn loopback(&self) -> String {
        let told =
            |figure: Option<f64>| figure.map_or_else(|| "not measured".to_owned(), |gib| format!("{gib:.1} GiB/s"));
        let Machine { congestion, loopback_gib, loopback_cubic_gib, .. } = &self.machine;
        format!(
            "Sockets use {congestion} unless they ask for another; one plain TCP stream on loopback: {} with it, {} \
             with cubic.",
            told(*loopback_gib),
            told(*loopback_cubic_gib)
        )
    }

    /// How the run was made, a sentence or two each.
    fn circumstances(&self) -> Vec<String> {
        let Machine { cores, memory_gib, kernel, busy_before, .. } = &self.machine;
        let matrix = if self.full { "full" } else { "quick" };
        vec![
            format!(
                "{}, {matrix} matrix: {} rounds, slices of {} s ({} s for small requests of many visitors). Systems take \
                 turns (A B C A B C …) in one run, so figures are to be read as ratios.",
                self.version, self.rounds, self.slice, self.crowd
            ),
            self.took.told(),
            "The release binary as separate processes on loopback, default settings: WebSocket link, console, request \
             log and limits on. Bodies were compared with their files, and uploads with what was sent, before anything \
             was timed."
                .to_owned(),
            "CPU is user and system time of the system's own processes (octoporty: gateway + agent)."
                .to_owned(),
            "The controls write no access log; octoporty writes its request log.".to_owned(),
            format!(
                "{cores} cores, {memory_gib:.0} GiB, Linux {kernel}; others used {:.0} % of the cores in the second \
                 before the run.",
                busy_before * 100.0
            ),
            self.loopback(),
            "Load: wrk for rates and latencies, own clients for bulk and idle connections. Site: nginx, files of random \
             bytes by sendfile, the 100 bytes of its configuration (one segment with their head)."
                .to_owned(),
            format!("Programs: {}.", self.versions()),
        ]
    }

    /// As a section.
    #[must_use]
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::from("## The run\n\n");
        for line in self.circumstances() {
            text.push_str(&format!("* {line}\n"));
        }
        text.push_str("\n### Systems\n\n");
        for name in &self.present {
            text.push_str(&format!("* {}: {}\n", name.text(), name.meaning()));
        }
        text.push_str("\n### Missing from this run\n\n");
        for (name, why) in self.missing() {
            text.push_str(&format!("* {name}: {why}\n"));
        }
        text.push_str("\n### Not measurable yet\n\n");
        for (what, why) in NOT_YET {
            text.push_str(&format!("* {what}: {why}\n"));
        }
        text
    }

    /// As data.
    #[must_use]
    pub(crate) fn json(&self) -> Value {
        let pair = |(name, why): &(String, String)| json!({ "name": name, "reason": why });
        json!({
            "version": self.version, "matrix": if self.full { "full" } else { "quick" }, "rounds": self.rounds,
            "slice_seconds": self.slice, "crowd_slice_seconds": self.crowd, "seconds": self.took.all.as_secs(),
            "scenario_seconds": self.took.each.iter().map(|(key, time)| (*key, time.as_secs_f64())).collect::<BTreeMap<_, _>>(),
            "machine": self.machine,
            "programs": self.versions, "systems": self.present.iter().map(|name| name.text()).collect::<Vec<_>>(),
            "missing": self.missing().iter().map(pair).collect::<Vec<_>>(),
            "not_yet": NOT_YET.map(|(what, why)| json!({ "what": what, "reason": why })),
        })
    }
}
