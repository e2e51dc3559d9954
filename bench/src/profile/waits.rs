//! How long threads that had something to do waited for a core, as the kernel counts it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use anyhow::{Context as _, Result};

/// Threads of the data plane, by the beginnings of their names.
const DATA_PLANE: [&str; 2] = ["gateway-", "agent-"];

/// What the kernel counted of one thread.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    ran_ns: u64,
    waited_ns: u64,
    turns: u64,
}

/// Of every thread of the data plane, by its name.
#[derive(Debug, Default)]
pub(super) struct Waits(BTreeMap<String, Count>);

impl Waits {
    /// As it stands now.
    pub(super) fn of(pids: &[u32]) -> Result<Self> {
        let mut waits = BTreeMap::new();
        for pid in pids {
            for thread in fs::read_dir(format!("/proc/{pid}/task")).context("the product runs")? {
                let thread = thread?.path();
                let name = fs::read_to_string(thread.join("comm"))?.trim().to_owned();
                // Threads for what is off the data path have names that go on.
                let number = DATA_PLANE.iter().find_map(|start| name.strip_prefix(start));
                if number.is_some_and(|number| number.parse::<u32>().is_ok()) {
                    waits.insert(name, count(&fs::read_to_string(thread.join("schedstat"))?)?);
                }
            }
        }
        Ok(Self(waits))
    }

    /// What came since.
    pub(super) fn since(&self, before: &Self) -> Self {
        let since = |(name, after): (&String, &Count)| {
            let before = before.0.get(name).copied().unwrap_or_default();
            let count = Count {
                ran_ns: after.ran_ns - before.ran_ns,
                waited_ns: after.waited_ns - before.waited_ns,
                turns: after.turns - before.turns,
            };
            (name.clone(), count)
        };
        Self(self.0.iter().map(since).collect())
    }

    /// Mean wait for a turn, of all of them.
    pub(super) fn mean_us(&self) -> f64 {
        let (waited, turns) = self.0.values().fold((0, 0), |(ns, turns), one| (ns + one.waited_ns, turns + one.turns));
        waited as f64 / 1e3 / turns.max(1) as f64
    }
}

fn count(schedstat: &str) -> Result<Count> {
    let mut numbers = schedstat.split_whitespace().map(str::parse);
    let mut next = || numbers.next().context("schedstat has three numbers")?.context("they are numbers");
    Ok(Count { ran_ns: next()?, waited_ns: next()?, turns: next()? })
}

/// Seconds in which cores had nothing to do so far, of all of them together.
pub(super) fn idle_seconds() -> Result<f64> {
    let stat = fs::read_to_string("/proc/stat")?;
    let line = stat.lines().next().context("the first line tells of all cores")?;
    // Names, then user, nice, system, idle and iowait, in hundredths of a second.
    let idle: u64 = line.split_whitespace().skip(4).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(idle as f64 / 100.0)
}

/// All runs, beside each other.
pub(super) fn table(runs: &[&Waits]) -> String {
    let mut text = String::from(
        "| thread | run | ran, ms | waited for a core, ms | turns | mean wait, us |\n|---|--:|--:|--:|--:|--:|\n",
    );
    let Some(first) = runs.first() else { return text };
    for name in first.0.keys() {
        for (number, run) in runs.iter().enumerate() {
            let one = run.0.get(name).copied().unwrap_or_default();
            let _ = writeln!(
                text,
                "| {name} | {} | {:.0} | {:.0} | {} | {:.0} |",
                number + 1,
                one.ran_ns as f64 / 1e6,
                one.waited_ns as f64 / 1e6,
                one.turns,
                one.waited_ns as f64 / 1e3 / one.turns.max(1) as f64,
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_counts_are_read() {
        let read = count("1000 2000 3\n").expect("three numbers");
        assert_eq!(read, Count { ran_ns: 1000, waited_ns: 2000, turns: 3 });
        assert!(count("1000 2000").is_err() && count("a b c").is_err());
    }

    #[test]
    fn what_came_since_is_the_difference() {
        let of = |ran_ns, waited_ns, turns| {
            Waits(BTreeMap::from([("agent-0".to_owned(), Count { ran_ns, waited_ns, turns })]))
        };
        let since = of(10, 9000, 5).since(&of(4, 1000, 1));
        assert_eq!(since.0["agent-0"], Count { ran_ns: 6, waited_ns: 8000, turns: 4 });
        assert!((since.mean_us() - 2.0).abs() < 1e-9);
    }
}
