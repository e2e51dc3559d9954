//! `report.md` for people, `report.json` for programs.

pub(crate) mod table;

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::goals::{Finding, GOALS, Verdict};

/// Goals that `octoporty-bench profile` looks into: the machine does not give them.
const PROFILED: [&str; 2] = ["S7", "S11"];

/// What a scenario found.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// As on the command line.
    pub(crate) key: &'static str,
    /// Heading in the report.
    pub(crate) title: String,
    /// Markdown below the heading.
    pub(crate) text: String,
    /// Everything that was measured.
    pub(crate) data: Value,
    /// What it says about goals.
    pub(crate) findings: Vec<Finding>,
}

/// A whole report.
#[derive(Debug)]
pub(crate) struct Report {
    /// Markdown about the run: how, where, with what, who is missing.
    pub(crate) about: String,
    /// The same as data.
    pub(crate) about_data: Value,
    /// One a scenario.
    pub(crate) outcomes: Vec<Outcome>,
    /// Scenarios that failed, and why.
    pub(crate) failures: Vec<(&'static str, String)>,
}

impl Report {
    fn finding(&self, goal: &str) -> Option<&Finding> {
        self.outcomes.iter().flat_map(|outcome| &outcome.findings).find(|finding| finding.goal == goal)
    }

    fn goals(&self) -> String {
        let mut text = String::from("| id | scenario | goal | measured | reached |\n|---|---|---|---|---|\n");
        for goal in GOALS {
            let (measured, verdict) = match self.finding(goal.id) {
                None => ("not part of this run".to_owned(), "not known".to_owned()),
                Some(finding) => {
                    let checks: Vec<String> = finding.checks.iter().map(ToString::to_string).collect();
                    let is_explained = PROFILED.contains(&goal.id) && finding.verdict() == Verdict::Short;
                    let proof = if is_explained { "; `bench/profiles.md`" } else { "" };
                    (checks.join("; "), finding.verdict().to_string() + proof)
                }
            };
            text.push_str(&format!("| {} | {} | {} | {measured} | {verdict} |\n", goal.id, goal.scenario, goal.goal));
        }
        text
    }

    fn reached(&self) -> usize {
        let reached = |goal: &&crate::goals::Goal| {
            self.finding(goal.id).is_some_and(|finding| finding.verdict() == Verdict::Reached)
        };
        GOALS.iter().filter(reached).count()
    }

    /// The whole text.
    #[must_use]
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::from("# Bench\n\n## Figures to reach\n\n");
        let reached = self.reached();
        writeln!(
            text,
            "{reached} of {} reached. A figure is the median over the rounds, with least and most in brackets; a ratio \
             is\ntaken within each round. \"x\" means: times the same figure of that system.\n",
            GOALS.len()
        )
        .expect("a string takes it");
        text.push_str(&self.goals());
        text.push('\n');
        text.push_str(&self.about);
        for outcome in &self.outcomes {
            text.push_str(&format!("\n## {}\n\n{}", outcome.title, outcome.text));
        }
        if !self.failures.is_empty() {
            text.push_str("\n## Scenarios that failed\n\n");
            for (key, reason) in &self.failures {
                text.push_str(&format!("* {key}: {reason}\n"));
            }
        }
        text
    }

    /// The same as data.
    #[must_use]
    pub(crate) fn json(&self) -> Value {
        let goals: Vec<Value> = GOALS
            .iter()
            .map(|goal| {
                let finding = self.finding(goal.id);
                json!({
                    "id": goal.id, "scenario": goal.scenario, "goal": goal.goal,
                    "checks": finding.map(|finding| &finding.checks),
                    "verdict": finding.map(Finding::verdict),
                })
            })
            .collect();
        let scenario = |outcome: &Outcome| json!({ "key": outcome.key, "title": outcome.title, "data": outcome.data });
        json!({
            "about": self.about_data,
            "goals": goals,
            "scenarios": self.outcomes.iter().map(scenario).collect::<Vec<_>>(),
            "failures": self.failures.iter().map(|(key, why)| json!({ "key": key, "reason": why })).collect::<Vec<_>>(),
        })
    }

    /// Writes both files.
    ///
    /// # Errors
    /// If the folder is not writable.
    pub(crate) fn write(&self, dir: &Path) -> Result<()> {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        std::fs::write(dir.join("report.md"), self.markdown()).context("cannot write report.md")?;
        let json = serde_json::to_string_pretty(&self.json()).context("the report is JSON")? + "\n";
        std::fs::write(dir.join("report.json"), json).context("cannot write report.json")
    }
}
