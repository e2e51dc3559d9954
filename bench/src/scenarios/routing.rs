//! Routing look-up by instruction counts, from the report of `make bench-micro`.

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use crate::goals::{Bound, Check, Finding};
use crate::report::Outcome;
use crate::scenarios::Scenario;
use crate::stats::Spread;

/// Names of the look-ups in that report, fewest names first.
const LOOKUPS: [&str; 3] = ["routing/10", "routing/10k", "routing/1M"];
/// Most that a look-up may cost, times the one with the fewest names.
const MOST: f64 = 2.0;

fn report() -> Option<Value> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("micro/report.json");
    serde_json::from_str(&std::fs::read_to_string(file).ok()?).ok()
}

fn instructions(report: &Value, name: &str) -> Option<f64> {
    let benches = report["benches"].as_array()?;
    benches.iter().find(|bench| bench["name"] == name)?["instructions"].as_f64()
}

/// Reads it.
pub(super) fn read() -> Result<Outcome> {
    let report = report();
    let counts = LOOKUPS.map(|name| report.as_ref().and_then(|report| instructions(report, name)));
    let mut text = String::from(
        "Instruction counts of `make bench-micro` (`bench/micro/report.md`), read and not measured by this run.\n\n\
         | look-up | instructions |\n|---|--:|\n",
    );
    for (name, count) in LOOKUPS.iter().zip(counts) {
        text.push_str(&format!("| {name} | {} |\n", count.map_or_else(|| "missing".to_owned(), |n| format!("{n:.0}"))));
    }
    let ratio = |count: Option<f64>| Spread::of(vec![count? / counts[0].filter(|fewest| *fewest > 0.0)?]);
    let checks = vec![
        Check::new("x 10 names, 10k names", ratio(counts[1]), Bound::AtMost(MOST)),
        Check::new("x 10 names, 1M names", ratio(counts[2]), Bound::AtMost(MOST)),
    ];
    Ok(Outcome {
        key: Scenario::Routing.key(),
        title: "Routing look-up".to_owned(),
        text,
        data: json!({ "names": LOOKUPS, "instructions": counts }),
        findings: vec![Finding { goal: "S13", checks }],
    })
}
