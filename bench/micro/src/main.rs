//! `make bench-micro`: how many instructions the parts of the data plane take. Counted by valgrind's callgrind, so a
//! busy machine changes nothing. Writes `bench/micro/report.md` and `bench/micro/report.json`.
//!
//! The cast:
//! * [`valgrind`]: starts this program once more under callgrind.
//! * [`benches`]: what is counted; runs inside callgrind.
//! * [`meter`]: runs a body N and 2N times, with a mark behind each, so that the difference is N bodies and no more.
//! * [`dump`]: reads what callgrind wrote at the marks.
//! * [`report`]: figures to files.

mod benches;
mod dump;
mod meter;
mod report;
mod valgrind;

use std::path::Path;

use anyhow::{Context as _, bail};

use meter::Meter;
use report::Report;

const USAGE: &str = "octoporty-micro          counts everything and writes the report
octoporty-micro PART     counts what has PART in its name, and prints it with its dearest functions
octoporty-micro run [PART]   runs the bodies; this is what callgrind is given";

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            let report = Report::new(valgrind::count(None)?);
            report.write(Path::new(env!("CARGO_MANIFEST_DIR"))).context("the report cannot be written")?;
            println!("{}", report.markdown());
        }
        ["run"] => benches::run(&mut Meter::new(None)),
        ["run", part] => benches::run(&mut Meter::new(Some(part.to_owned()))),
        [part] if !part.starts_with('-') => {
            let counted = valgrind::count(Some(part))?;
            if counted.is_empty() {
                bail!("no bench has {part:?} in its name");
            }
            println!("{}", Report::new(counted).with_every_function().markdown());
        }
        _ => bail!("{USAGE}"),
    }
    Ok(())
}
