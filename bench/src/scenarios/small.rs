//! Small requests: on 1, 64 and 512 kept-alive connections, and on a new connection each.

use anyhow::Result;

use crate::goals::{Bound, Check, Finding};
use crate::lab::{Lab, Rounds};
use crate::load::wrk::{Connections, Job};
use crate::report::{Outcome, table};
use crate::scenarios::Scenario;
use crate::site::Page;
use crate::stats::{Figure, Spread};
use crate::systems::Name;

async fn measure(lab: &Lab, scenario: Scenario, connections: usize, kind: Connections) -> Result<Rounds> {
    let options = lab.options();
    let seconds = if connections == 1 { options.slice_seconds() } else { options.crowd_seconds() };
    let job = Job { path: Page::Small.path(), connections, kind, seconds };
    let names = scenario.systems(options.full);
    lab.rounds(scenario.key(), &names, async |system| lab.wrk().run(system.site(), job).await).await
}

/// The product's ratio to another system.
fn ratio(rounds: &Rounds, other: Name, figure: Figure) -> Option<Spread> {
    rounds.of(Name::Octoporty)?.ratio(rounds.of(other)?, figure)
}

fn against(rounds: &Rounds, other: Name, figure: Figure, bound: Bound) -> Check {
    let what = match figure {
        Figure::Rate => format!("x {}", other.text()),
        Figure::P50 => format!("x {}'s p50", other.text()),
        Figure::P99 => format!("x {}'s p99", other.text()),
        Figure::Cpu => format!("x {}'s CPU per request", other.text()),
    };
    Check::new(what, ratio(rounds, other, figure), bound)
}

fn outcome(scenario: Scenario, title: &str, rounds: &Rounds, findings: Vec<Finding>) -> Outcome {
    Outcome {
        key: scenario.key(),
        title: title.to_owned(),
        text: table::of(rounds, table::Unit::Requests),
        data: table::data(rounds),
        findings,
    }
}

/// One connection: latency.
pub(super) async fn one(lab: &Lab) -> Result<Outcome> {
    let rounds = measure(lab, Scenario::OneConnection, 1, Connections::Kept).await?;
    let overhead = rounds.of(Name::Octoporty).zip(rounds.of(Name::Direct)).and_then(|(ours, direct)| {
        let pairs = ours.samples.iter().zip(&direct.samples);
        Spread::of(pairs.filter_map(|(a, b)| Some(a.p50_us? - b.p50_us?)).collect())
    });
    let findings = vec![
        Finding { goal: "S3", checks: vec![against(&rounds, Name::Nginx2, Figure::P50, Bound::AtMost(1.05))] },
        Finding { goal: "S14", checks: vec![Check::new("us more than direct", overhead, Bound::AtMost(150.0))] },
    ];
    Ok(outcome(Scenario::OneConnection, "Small requests, 1 connection", &rounds, findings))
}

/// 64 connections: throughput and cost.
pub(super) async fn many(lab: &Lab) -> Result<Outcome> {
    let rounds = measure(lab, Scenario::Small64, 64, Connections::Kept).await?;
    let findings = vec![
        Finding {
            goal: "S1",
            checks: vec![
                against(&rounds, Name::Nginx2, Figure::Rate, Bound::AtLeast(1.4)),
                against(&rounds, Name::HaproxyTcp2, Figure::Rate, Bound::AtLeast(1.05)),
                against(&rounds, Name::Rathole, Figure::Rate, Bound::AtLeast(1.05)),
            ],
        },
        Finding { goal: "S8", checks: vec![against(&rounds, Name::Nginx2, Figure::Cpu, Bound::AtMost(0.62))] },
    ];
    Ok(outcome(Scenario::Small64, "Small requests, 64 connections", &rounds, findings))
}

/// 512 connections.
pub(super) async fn crowd(lab: &Lab) -> Result<Outcome> {
    let rounds = measure(lab, Scenario::Small512, 512, Connections::Kept).await?;
    let checks = vec![
        against(&rounds, Name::Nginx2, Figure::Rate, Bound::AtLeast(1.4)),
        against(&rounds, Name::HaproxyTcp2, Figure::P99, Bound::AtMost(1.0)),
    ];
    let findings = vec![Finding { goal: "S2", checks }];
    Ok(outcome(Scenario::Small512, "Small requests, 512 connections", &rounds, findings))
}

/// A new connection for each request.
pub(super) async fn fresh(lab: &Lab) -> Result<Outcome> {
    let rounds = measure(lab, Scenario::Fresh, 64, Connections::Fresh).await?;
    let checks = vec![
        against(&rounds, Name::Nginx2, Figure::Rate, Bound::AtLeast(1.2)),
        against(&rounds, Name::Rathole, Figure::Rate, Bound::AtLeast(2.3)),
    ];
    let findings = vec![Finding { goal: "S4", checks }];
    Ok(outcome(Scenario::Fresh, "A new connection for each small request, 64 at a time", &rounds, findings))
}
