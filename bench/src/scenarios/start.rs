//! How soon: an agent's start to the first request served, a gateway's restart to the last of 200 agents back.

use anyhow::Result;
use serde_json::json;

use crate::fleet::{AGENTS, Fleet, Starter};
use crate::goals::{Bound, Check, Finding};
use crate::lab::Lab;
use crate::report::{Outcome, table};
use crate::scenarios::Scenario;
use crate::site::Page;
use crate::stats::Spread;
use crate::systems::octoporty::SITE;

/// Longest from an agent's start to its first answer, in milliseconds.
const START_MS: f64 = 100.0;
/// Longest from a gateway's restart to the last agent, in seconds.
const RESTART_S: f64 = 2.0;

/// Measures both.
pub(super) async fn measure(lab: &Lab) -> Result<Outcome> {
    let rounds = lab.options().rounds;
    let mut starter = Starter::prepare(SITE, lab.ground().site()).await?;
    let mut starts = Vec::new();
    for round in 1..=rounds {
        eprintln!("bench: {}: agent, round {round} of {rounds}", Scenario::Start.key());
        starts.push(starter.first_answer(SITE, Page::Small.path()).await?.as_secs_f64() * 1e3);
    }
    drop(starter);
    let mut fleet = Fleet::start().await?;
    let (mut from_stop, mut from_start) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        eprintln!("bench: {}: gateway, round {round} of {rounds}", Scenario::Start.key());
        let restart = fleet.restart_gateway().await?;
        from_stop.push(restart.from_stop.as_secs_f64());
        from_start.push(restart.from_start.as_secs_f64());
    }
    let data =
        json!({ "agent_start_ms": starts, "restart_from_stop_s": from_stop, "restart_from_start_s": from_start });
    let (starts, from_stop, from_start) = (Spread::of(starts), Spread::of(from_stop), Spread::of(from_start));
    let text = format!(
        "The agent has its console and its mapping from an earlier start; the clock runs from the start of the process \
         to\nthe first answer of the target. The gateway is ended by SIGTERM and started again; the clock runs until \
         the last of\n{AGENTS} agents (processes of their own, without console) is connected again.\n\n\
         | figure | median (least to most) |\n|---|--:|\n| agent start to first answer, ms | {} |\n\
         | from SIGTERM to the last agent back, s | {} |\n\
         | from the new gateway's start to the last agent back, s | {} |\n",
        table::range_or_dash(starts, 0),
        table::range_or_dash(from_stop, 2),
        table::range_or_dash(from_start, 2),
    );
    let checks = vec![
        Check::new("ms to the first request", starts, Bound::AtMost(START_MS)),
        Check::new("s from SIGTERM to the last agent", from_stop, Bound::AtMost(RESTART_S)),
    ];
    Ok(Outcome {
        key: Scenario::Start.key(),
        title: "Start and restart".to_owned(),
        text,
        data,
        findings: vec![Finding { goal: "S12", checks }],
    })
}
