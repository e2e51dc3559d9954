//! What processes use: CPU time and memory, as `/proc` tells it.

use std::fs;

use anyhow::{Context as _, Result};

/// Clock ticks a second in `/proc/PID/stat`: fixed by Linux's interface to user space.
const TICKS_PER_SECOND: f64 = 100.0;

/// Fields of `/proc/PID/stat` after the command's name, which may have blanks and brackets itself.
fn stat_fields(pid: u32) -> Result<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).with_context(|| format!("process {pid} has ended"))?;
    let (_, fields) = stat.rsplit_once(')').context("a stat line has the command in brackets")?;
    Ok(fields.split_whitespace().map(str::to_owned).collect())
}

fn number(fields: &[String], index: usize) -> Result<u64> {
    fields.get(index).and_then(|field| field.parse().ok()).context("a stat line has numbers")
}

/// User and system time of one process so far, in seconds.
fn cpu_of(pid: u32) -> Result<f64> {
    let fields = stat_fields(pid)?;
    // utime and stime are fields 14 and 15 of the line; the first two come before the split.
    let ticks = number(&fields, 11)? + number(&fields, 12)?;
    Ok(f64::from(u32::try_from(ticks).context("a process of less than a year")?) / TICKS_PER_SECOND)
}

/// User and system time of some processes so far, in seconds.
///
/// # Errors
/// If one of them has ended.
pub(crate) fn cpu_seconds(pids: &[u32]) -> Result<f64> {
    pids.iter().map(|pid| cpu_of(*pid)).sum()
}

/// Proportional set size of some processes, in KiB.
///
/// # Errors
/// If one of them has ended.
pub(crate) fn pss_kib(pids: &[u32]) -> Result<f64> {
    pids.iter().map(|pid| pss_of(*pid)).sum()
}

fn pss_of(pid: u32) -> Result<f64> {
    let file = format!("/proc/{pid}/smaps_rollup");
    let rollup = fs::read_to_string(&file).with_context(|| format!("cannot read {file}"))?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).context("smaps_rollup tells Pss")?;
    line.trim().trim_end_matches("kB").trim().parse().context("Pss is a number of kB")
}

/// The process and its children (nginx's workers, say).
///
/// # Errors
/// If `/proc` cannot be read.
pub(crate) fn family(pid: u32) -> Result<Vec<u32>> {
    let mut family = vec![pid];
    for entry in fs::read_dir("/proc").context("cannot read /proc")? {
        let Some(other) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // A process may end between the listing and the reading; it is no child then.
        let parent = stat_fields(other).and_then(|fields| number(&fields, 1));
        if parent.is_ok_and(|parent| parent == u64::from(pid)) {
            family.push(other);
        }
    }
    Ok(family)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_present_process_has_memory_and_a_family() {
        let own = std::process::id();
        assert!(pss_kib(&[own]).expect("it runs") > 100.0);
        assert!(cpu_seconds(&[own]).is_ok());
        assert!(family(own).expect("/proc is there").contains(&own));
    }
}
