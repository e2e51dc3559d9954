//! Small requests beside eight downloads through the same system.

use std::sync::Mutex;

use anyhow::Result;

use crate::goals::{Bound, Check, Finding};
use crate::lab::{Lab, Rounds};
use crate::load::bulk;
use crate::load::wrk::{Connections, Job};
use crate::report::{Outcome, table};
use crate::scenarios::Scenario;
use crate::site::Page;
use crate::stats::{Figure, Sample, Series};
use crate::systems::{Name, System};

/// Downloads at a time.
const DOWNLOADS: usize = 8;
/// Connections with small requests. Few: they stand for people who use a site while others download.
const CONNECTIONS: usize = 8;
/// Longest 99th percentile, in milliseconds.
const P99_MS: f64 = 10.0;
/// Least ratio to nginx2's rate.
const LEAST: f64 = 5.0;

fn findings(rounds: &Rounds) -> Vec<Finding> {
    let ours = rounds.of(Name::Octoporty);
    let ratio = ours.zip(rounds.of(Name::Nginx2)).and_then(|(ours, nginx)| ours.ratio(nginx, Figure::Rate));
    let p99 = ours.and_then(|ours| ours.spread(Figure::P99)).map(|p99| p99.scaled(1e-3));
    let checks = vec![
        Check::new("ms p99", p99, Bound::AtMost(P99_MS)),
        Check::new("x nginx2's rate", ratio, Bound::AtLeast(LEAST)),
    ];
    vec![Finding { goal: "S11", checks }]
}

/// The downloads' own rates, so that nobody wins by starving them.
fn downloads(samples: &[(Name, Sample)], rounds: &Rounds) -> String {
    let mut text = String::from(
        "\nCPU time is that of requests and downloads together. The downloads meanwhile:\n\n| system | GiB/s |\n\
         |---|--:|\n",
    );
    for series in &rounds.series {
        let own = samples.iter().filter(|(name, _)| name.text() == series.system).map(|(_, sample)| *sample);
        let bulk = Series { system: series.system.clone(), samples: own.collect() };
        let rate = bulk.spread(Figure::Rate).map(|rate| rate.scaled(1.0 / table::GIB));
        text.push_str(&format!("| {} | {} |\n", series.system, table::range_or_dash(rate, 2)));
    }
    text
}

/// Measures it.
pub(super) async fn measure(lab: &Lab) -> Result<Outcome> {
    let seconds = lab.options().slice_seconds();
    let job = Job { path: Page::Small.path(), connections: CONNECTIONS, kind: Connections::Kept, seconds };
    let bulks: Mutex<Vec<(Name, Sample)>> = Mutex::default();
    let slice = async |system: &System| {
        let bulk = bulk::download(system.site(), DOWNLOADS, lab.options().slice());
        let (bulk, small) = tokio::join!(bulk, lab.wrk().run(system.site(), job));
        bulks.lock().expect("nobody panics with it").push((system.name(), bulk?));
        small
    };
    let rounds = lab.rounds(Scenario::Beside.key(), &Scenario::Beside.systems(lab.options().full), slice).await?;
    let bulks = bulks.into_inner().expect("nobody panics with it");
    Ok(Outcome {
        key: Scenario::Beside.key(),
        title: format!("Small requests on {CONNECTIONS} connections beside {DOWNLOADS} downloads"),
        text: table::of(&rounds, table::Unit::Requests) + &downloads(&bulks, &rounds),
        data: table::data(&rounds),
        findings: findings(&rounds),
    })
}
