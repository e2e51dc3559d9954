//! Figures to files: `report.json` for programs, `report.md` for people.

use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;

use crate::valgrind::Counted;

/// The dearest functions of a bench that are shown.
const FUNCTIONS: usize = 15;

/// Functions with less than this share of a bench are not shown.
const LEAST_SHARE: f64 = 0.01;

/// Benches whose functions the report names: what every request costs.
const EXPLAINED: [&str; 4] = [
    "mux/request on a warm stream",
    "mux/request on a stream of its own",
    "head/request browser's, written",
    "head/answer short, read",
];

/// S13: how many times as much a look-up may cost with 1M names as with 10.
const FLAT: f64 = 2.0;

const HEADER: &str = "# Micro benches\n\n\
    Instructions, counted by valgrind's callgrind in a release build: `make bench-micro`. Each bench runs N and then 2N \
    times in\none process; the difference is what N take, without what it takes to set up. A count says nothing of \
    cache misses, waiting and\nthe kernel. The system's allocator is counted in, as in the shipped binary.\n";

/// The report.
#[derive(Debug)]
pub(crate) struct Report {
    benches: Vec<Counted>,
    explained: Explained,
}

/// For which benches the functions are named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Explained {
    Chosen,
    All,
}

#[derive(Serialize)]
struct Json {
    benches: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    name: String,
    instructions: serde_json::Number,
    per: String,
}

impl Report {
    pub(crate) fn new(benches: Vec<Counted>) -> Self {
        Self { benches, explained: Explained::Chosen }
    }

    /// Names the functions of every bench.
    pub(crate) fn with_every_function(self) -> Self {
        Self { explained: Explained::All, ..self }
    }

    /// Writes both files.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(crate) fn write(&self, folder: &Path) -> io::Result<()> {
        let line = |bench: &Counted| Line {
            name: bench.name.clone(),
            instructions: rounded(bench.instructions).to_string().parse().expect("a decimal number"),
            per: bench.per.clone(),
        };
        let json = Json { benches: self.benches.iter().map(line).collect() };
        let mut json = serde_json::to_string_pretty(&json)?;
        json.push('\n');
        fs::write(folder.join("report.json"), json)?;
        fs::write(folder.join("report.md"), self.markdown())
    }

    /// The report for people.
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::from(HEADER);
        text.push_str("\n| bench | instructions | per |\n|---|--:|---|\n");
        for Counted { name, instructions, per, .. } in &self.benches {
            row(&mut text, &[name, &rounded(*instructions).to_string(), per]);
        }
        self.write_flatness(&mut text);
        for bench in &self.benches {
            if self.explained == Explained::All || EXPLAINED.contains(&&*bench.name) {
                write_functions(bench, &mut text);
            }
        }
        text
    }

    /// S13, for each kind of look-up that was counted with few names and with many.
    fn write_flatness(&self, text: &mut String) {
        let count = |name: &str| self.benches.iter().find(|bench| bench.name == name).map(|bench| bench.instructions);
        for bench in &self.benches {
            let Some(kind) = bench.name.strip_prefix("routing/10").filter(|kind| !kind.starts_with('k')) else {
                continue;
            };
            let Some(many) = count(&format!("routing/1M{kind}")) else { continue };
            let ratio = many / bench.instructions;
            let word = if ratio <= FLAT { "reached" } else { "not reached" };
            let kind = if kind.is_empty() { " exact name" } else { kind };
            let line = format!("\nS13, look-up of{kind}: {ratio:.2} times as much with 1M names as with 10: {word}.\n");
            text.push_str(&line);
        }
    }
}

fn write_functions(bench: &Counted, text: &mut String) {
    let Counted { name, per, instructions, functions } = bench;
    let head = format!(
        "\n## {name}\n\nOwn instructions per {per}, callees apart; what was inlined counts as its caller's.\n\n"
    );
    text.push_str(&head);
    text.push_str("| function | instructions | share |\n|---|--:|--:|\n");
    let shown = functions.iter().filter(|(_, own)| *own >= instructions * LEAST_SHARE).take(FUNCTIONS);
    for (function, own) in shown {
        let share = own / instructions * 100.0;
        row(text, &[&format!("`{function}`"), &rounded(*own).to_string(), &format!("{share:.0} %")]);
    }
}

/// A row of a table.
fn row(text: &mut String, cells: &[&str]) {
    let line = format!("| {} |\n", cells.join(" | "));
    text.push_str(&line);
}

/// Whole instructions; tenths where there are few.
fn rounded(instructions: f64) -> f64 {
    if instructions < 100.0 { (instructions * 10.0).round() / 10.0 } else { instructions.round() }
}
