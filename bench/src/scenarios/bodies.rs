//! Bodies of 64 KiB and 1 MiB on 64 connections.

use anyhow::Result;

use crate::goals::{Bound, Check, Finding};
use crate::lab::{Lab, Rounds};
use crate::load::wrk::{Connections, Job};
use crate::report::{Outcome, table};
use crate::scenarios::Scenario;
use crate::site::Page;
use crate::stats::Figure;
use crate::systems::Name;

/// Connections at a time.
const CONNECTIONS: usize = 64;
/// Least ratio to nginx2.
const LEAST: f64 = 1.35;
/// Longest 99th percentile, in milliseconds.
const P99_MS: f64 = 30.0;

fn checks(rounds: &Rounds, what: &str) -> [Check; 2] {
    let ours = rounds.of(Name::Octoporty);
    let ratio = ours.zip(rounds.of(Name::Nginx2)).and_then(|(ours, nginx)| ours.ratio(nginx, Figure::Rate));
    let p99 = ours.and_then(|ours| ours.spread(Figure::P99)).map(|p99| p99.scaled(1e-3));
    [
        Check::new(format!("x nginx2, {what}"), ratio, Bound::AtLeast(LEAST)),
        Check::new(format!("ms p99, {what}"), p99, Bound::AtMost(P99_MS)),
    ]
}

/// With so many requests under way, the mean latency follows from the rate (Little's law): no fairness goes below it.
fn least_latency(rounds: &Rounds) -> String {
    let rate = rounds.of(Name::Octoporty).and_then(|ours| ours.spread(Figure::Rate));
    let told = |rate: crate::stats::Spread| {
        let mean_ms = 1e3 * CONNECTIONS as f64 / rate.median;
        format!("At octoporty's rate {CONNECTIONS} requests under way take {mean_ms:.1} ms each in the mean.\n\n")
    };
    rate.map(told).unwrap_or_default()
}

/// Measures both sizes.
pub(super) async fn measure(lab: &Lab) -> Result<Outcome> {
    let names = Scenario::Bodies.systems(lab.options().full);
    let (mut text, mut data, mut all) = (String::new(), serde_json::Map::new(), Vec::new());
    for (page, what) in [(Page::Kib64, "64 KiB"), (Page::Mib1, "1 MiB")] {
        let seconds = lab.options().slice_seconds();
        let job = Job { path: page.path(), connections: CONNECTIONS, kind: Connections::Kept, seconds };
        let title = format!("{} {what}", Scenario::Bodies.key());
        let rounds = lab.rounds(&title, &names, async |system| lab.wrk().run(system.site(), job).await).await?;
        text.push_str(&format!(
            "### {what}\n\n{}\n{}",
            table::of(&rounds, table::Unit::Requests),
            least_latency(&rounds)
        ));
        data.insert(what.to_owned(), table::data(&rounds));
        all.extend(checks(&rounds, what));
    }
    Ok(Outcome {
        key: Scenario::Bodies.key(),
        title: format!("Larger bodies, {CONNECTIONS} connections"),
        text,
        data: data.into(),
        findings: vec![Finding { goal: "S7", checks: all }],
    })
}
