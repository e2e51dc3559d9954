//! `make bench`: the shipped binary with default settings, logs and limits on; ratios within one interleaved run.
//! Writes `bench/report.md`.

mod isolation;

use std::fmt::Write as _;
use std::path::Path;

#[tokio::main]
async fn main() {
    let mut report = String::from(
        "# Bench\n\nThe release binary as separate processes on loopback, default settings, request log and limits on. Conditions take \
         turns\n(A B A B …) in one run, so figures are to be read as ratios.\n",
    );
    let isolation = isolation::measure().await;
    write!(report, "\n{isolation}").expect("a string takes it");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("report.md");
    std::fs::write(&file, &report).expect("the report can be written");
    println!("{report}");
}
