//! This program under callgrind.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};

use crate::dump::Dump;
use crate::meter::{DUMPS, MARK, Said};

/// glibc copies what is longer than this by one instruction that is counted once a byte. Never, then: its other way, wide
/// registers, is counted as what it is.
const COPY_IN_WORDS: &str = "glibc.cpu.x86_rep_movsb_threshold=0x40000000";

/// What one bench came to.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Counted {
    /// `group/what`.
    pub(crate) name: String,
    /// What one unit is.
    pub(crate) per: String,
    /// Instructions of one unit.
    pub(crate) instructions: f64,
    /// Functions by their own instructions in one unit, callees apart; the dearest first.
    pub(crate) functions: Vec<(String, f64)>,
}

/// Runs the benches that have `part` in their name, or all.
pub(crate) fn count(part: Option<&str>) -> anyhow::Result<Vec<Counted>> {
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("dump");
    let program = std::env::current_exe().context("this program does not know its own file")?;
    let ended = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet", "--compress-strings=no", "--compress-pos=no"])
        .arg(format!("--dump-before={MARK}"))
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(program)
        .arg("run")
        .args(part)
        .env("GLIBC_TUNABLES", COPY_IN_WORDS)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("valgrind cannot be started; `scripts/setup.sh bench` installs it")?;
    if !ended.status.success() {
        bail!("the benches ended with {}", ended.status);
    }
    let said = String::from_utf8(ended.stdout)?;
    let said: Vec<Said> = said.lines().filter_map(Said::parse).collect();
    said.into_iter().enumerate().map(|(at, said)| read(&out, at * DUMPS, said)).collect()
}

/// Puts together what the program said and what callgrind wrote; `before` dumps were written for earlier benches.
fn read(out: &Path, before: usize, said: Said) -> anyhow::Result<Counted> {
    let dump = |number: usize| Dump::read(Path::new(&format!("{}.{number}", out.display())));
    let (once, twice) = (dump(before + 2)?, dump(before + 3)?);
    ensure!(said.twice > said.once, "{} did no more in twice as many rounds", said.name);
    let units = as_float(said.twice - said.once);
    let functions = twice.functions.iter().map(|(name, own)| {
        let earlier = once.functions.get(name).copied().unwrap_or(0);
        (name.clone(), as_float(own.saturating_sub(earlier)) / units)
    });
    let mut functions: Vec<(String, f64)> = functions.collect();
    functions.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let instructions = as_float(twice.total().saturating_sub(once.total())) / units;
    Ok(Counted { name: said.name, per: said.per, instructions, functions })
}

/// Counts here stay far below 2^53, up to which this is exact.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn as_float(count: u64) -> f64 {
    count as f64
}
