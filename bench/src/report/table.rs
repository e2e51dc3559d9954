//! Tables of series.

use serde_json::{Value, json};

use crate::lab::Rounds;
use crate::stats::{Figure, Series, Spread};
use crate::systems::Name;

/// Bytes of a GiB.
pub(crate) const GIB: f64 = (1_u64 << 30) as f64;

/// What a scenario counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Requests: rate a second, CPU seconds for 100000.
    Requests,
    /// Bytes: rate in GiB a second, CPU seconds for a GiB.
    Bytes,
}

impl Unit {
    fn rate(self, spread: Spread) -> String {
        match self {
            Self::Requests => range(spread, 0),
            Self::Bytes => range(spread.scaled(1.0 / GIB), 2),
        }
    }

    /// Head of the columns rate and CPU.
    fn heads(self) -> (&'static str, &'static str) {
        match self {
            Self::Requests => ("requests/s", "CPU s/100k requests"),
            Self::Bytes => ("GiB/s", "CPU s/GiB"),
        }
    }

    /// What CPU time is told for.
    #[must_use]
    pub(crate) fn cpu_factor(self) -> f64 {
        match self {
            Self::Requests => 100_000.0,
            Self::Bytes => GIB,
        }
    }
}

/// `median (least to most)`.
#[must_use]
pub(crate) fn range(spread: Spread, places: usize) -> String {
    format!("{:.places$} ({:.places$} to {:.places$})", spread.median, spread.least, spread.most)
}

/// The same, or a dash.
#[must_use]
pub(crate) fn range_or_dash(spread: Option<Spread>, places: usize) -> String {
    spread.map_or_else(|| "-".to_owned(), |spread| range(spread, places))
}

fn row(rounds: &Rounds, series: &Series, unit: Unit) -> String {
    let against = |name: Name| rounds.of(name).and_then(|other| series.ratio(other, Figure::Rate));
    let ours = rounds.of(Name::Octoporty).and_then(|ours| ours.ratio(series, Figure::Rate));
    let cpu = series.spread(Figure::Cpu).map(|spread| spread.scaled(unit.cpu_factor()));
    let mut cells = vec![
        series.system.clone(),
        series.spread(Figure::Rate).map_or_else(|| "-".to_owned(), |spread| unit.rate(spread)),
        range_or_dash(against(Name::Direct), 2),
        range_or_dash(against(Name::Nginx2), 2),
        range_or_dash(ours, 2),
    ];
    if unit == Unit::Requests {
        cells.push(range_or_dash(series.spread(Figure::P50), 0));
        cells.push(range_or_dash(series.spread(Figure::P99), 0));
    }
    cells.push(range_or_dash(cpu, 2));
    cells.push(series.errors().to_string());
    format!("| {} |\n", cells.join(" | "))
}

/// The table of a scenario, and who dropped out.
#[must_use]
pub(crate) fn of(rounds: &Rounds, unit: Unit) -> String {
    let (rate, cpu) = unit.heads();
    let latency = if unit == Unit::Requests { " p50 us | p99 us |" } else { "" };
    let columns = if unit == Unit::Requests { 8 } else { 6 };
    let mut text =
        format!("| system | {rate} | x direct | x nginx2 | octoporty x this |{latency} {cpu} | errors |\n|---|");
    text.push_str(&"--:|".repeat(columns));
    text.push('\n');
    for series in &rounds.series {
        text.push_str(&row(rounds, series, unit));
    }
    for absence in &rounds.broken {
        text.push_str(&format!("\n{} dropped out: {}\n", absence.name.text(), absence.reason));
    }
    text
}

/// The same as data: samples, and the product's ratios to each.
#[must_use]
pub(crate) fn data(rounds: &Rounds) -> Value {
    let ours = rounds.of(Name::Octoporty);
    let ratios: serde_json::Map<String, Value> = rounds
        .series
        .iter()
        .map(|series| {
            let ratio = |figure| ours.and_then(|ours| ours.ratio(series, figure));
            let value = json!({
                "rate": ratio(Figure::Rate), "p50": ratio(Figure::P50), "p99": ratio(Figure::P99),
                "cpu": ratio(Figure::Cpu),
            });
            (series.system.clone(), value)
        })
        .collect();
    json!({ "series": rounds.series, "octoporty_to": ratios })
}
