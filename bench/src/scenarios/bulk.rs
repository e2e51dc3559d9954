//! Bulk: one and eight downloads and uploads, clear and TLS link.

use anyhow::Result;

use crate::goals::{Bound, Check, Finding};
use crate::lab::{Lab, Rounds};
use crate::load::bulk;
use crate::report::{Outcome, table};
use crate::scenarios::Scenario;
use crate::stats::Figure;
use crate::systems::{Name, System};

/// What a number of streams has to reach beside nginx2.
#[derive(Debug, Clone, Copy)]
struct Goals {
    streams: usize,
    clear: f64,
    tls: f64,
    /// CPU seconds for a GiB over a clear link.
    cpu: Option<f64>,
}

const ONE: Goals = Goals { streams: 1, clear: 1.15, tls: 0.9, cpu: Some(1.1) };
const EIGHT: Goals = Goals { streams: 8, clear: 1.5, tls: 1.2, cpu: None };

fn checks(rounds: &Rounds, goals: Goals, prefix: &str) -> Vec<Check> {
    let ratio = |name| rounds.of(name)?.ratio(rounds.of(Name::Nginx2)?, Figure::Rate);
    let mut checks = vec![
        Check::new(format!("x nginx2{prefix}, clear"), ratio(Name::Octoporty), Bound::AtLeast(goals.clear)),
        Check::new(format!("x nginx2{prefix}, TLS"), ratio(Name::OctoportyTls), Bound::AtLeast(goals.tls)),
    ];
    if let Some(most) = goals.cpu {
        let cpu = rounds.of(Name::Octoporty).and_then(|ours| ours.spread(Figure::Cpu));
        let cpu = cpu.map(|cpu| cpu.scaled(table::GIB));
        checks.push(Check::new(format!("CPU s/GiB{prefix}, clear"), cpu, Bound::AtMost(most)));
    }
    checks
}

async fn downloads(lab: &Lab, scenario: Scenario, goals: Goals) -> Result<Rounds> {
    let length = lab.options().slice();
    let slice = async |system: &System| bulk::download(system.site(), goals.streams, length).await;
    lab.rounds(scenario.key(), &scenario.systems(lab.options().full), slice).await
}

fn outcome(scenario: Scenario, goal: &'static str, title: &str, rounds: &Rounds, goals: Goals) -> Outcome {
    Outcome {
        key: scenario.key(),
        title: title.to_owned(),
        text: table::of(rounds, table::Unit::Bytes),
        data: table::data(rounds),
        findings: vec![Finding { goal, checks: checks(rounds, goals, "") }],
    }
}

/// One download.
pub(super) async fn one(lab: &Lab) -> Result<Outcome> {
    let rounds = downloads(lab, Scenario::Bulk1, ONE).await?;
    Ok(outcome(Scenario::Bulk1, "S5", "One bulk download", &rounds, ONE))
}

/// Eight downloads.
pub(super) async fn eight(lab: &Lab) -> Result<Outcome> {
    let rounds = downloads(lab, Scenario::Bulk8, EIGHT).await?;
    Ok(outcome(Scenario::Bulk8, "S6", "Eight bulk downloads", &rounds, EIGHT))
}

async fn uploads(lab: &Lab, goals: Goals) -> Result<Rounds> {
    let (length, sink) = (lab.options().slice(), lab.ground().sink());
    let slice = async |system: &System| bulk::upload(system.sink(), sink, goals.streams, length).await;
    let what = format!("{} {}", Scenario::Upload.key(), goals.streams);
    lab.rounds(&what, &Scenario::Upload.systems(lab.options().full), slice).await
}

/// One and eight uploads.
pub(super) async fn upload(lab: &Lab) -> Result<Outcome> {
    let (one, eight) = (uploads(lab, ONE).await?, uploads(lab, EIGHT).await?);
    let mut all = checks(&one, ONE, ", 1 upload");
    all.extend(checks(&eight, EIGHT, ", 8 uploads"));
    let text = format!(
        "What counts is what has reached the target within the slice.\n\n### One\n\n{}\n### Eight\n\n{}",
        table::of(&one, table::Unit::Bytes),
        table::of(&eight, table::Unit::Bytes)
    );
    Ok(Outcome {
        key: Scenario::Upload.key(),
        title: "Bulk uploads".to_owned(),
        text,
        data: serde_json::json!({ "one": table::data(&one), "eight": table::data(&eight) }),
        findings: vec![Finding { goal: "S15", checks: all }],
    })
}
