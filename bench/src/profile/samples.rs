//! What `perf` saw: samples by who ran and what for.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

use crate::programs;

/// Who runs, by the beginnings of their threads' names.
const WHO: [(&str, &[&str]); 6] = [
    ("gateway", &["gateway-"]),
    ("agent", &["agent-"]),
    ("target (nginx)", &["nginx"]),
    ("visitors (wrk)", &["wrk"]),
    ("downloads, consoles", &["tokio-rt-worker", "octoporty"]),
    ("idle", &["swapper"]),
];
const OTHERS: &str = "all else";
const IDLE: &str = "idle";

/// What for, by the kernel's functions: the outermost that is found decides.
const WHAT: [(&str, &[&str]); 5] = [
    ("receiving", &["__x64_sys_recvfrom", "__sys_recvfrom", "__x64_sys_read", "ksys_read", "vfs_read"]),
    (
        "sending",
        &[
            "__x64_sys_sendto",
            "__sys_sendto",
            "do_writev",
            "vfs_writev",
            "__x64_sys_writev",
            "__x64_sys_write",
            "ksys_write",
        ],
    ),
    ("sending files", &["__x64_sys_sendfile64", "do_sendfile"]),
    ("waiting for news", &["__x64_sys_epoll_wait", "do_epoll_wait", "__x64_sys_futex", "do_futex", "__schedule"]),
    ("memory", &["exc_page_fault", "__x64_sys_madvise", "__x64_sys_munmap", "__x64_sys_mmap", "__x64_sys_brk"]),
];
const OTHER_CALLS: &str = "other system calls";
const OWN: &str = "own code";

/// Functions that copy bytes into the kernel or out of it.
const COPIES: [&str; 4] = ["_copy_to_iter", "_copy_from_iter", "copy_page_from_iter", "rep_movs_alternative"];

/// Samples of one run.
#[derive(Debug, Default)]
pub(super) struct Shares {
    /// By who and what.
    counts: BTreeMap<(&'static str, &'static str), u64>,
    /// Of these, copies, by who.
    copies: BTreeMap<&'static str, u64>,
}

impl Shares {
    /// One sample: the thread's name, and functions from the innermost on.
    fn count(&mut self, name: &str, stack: &[&str]) {
        let starts = |starts: &[&str]| starts.iter().any(|start| name.starts_with(start));
        let who = WHO.iter().find(|(_, names)| starts(names)).map_or(OTHERS, |(who, _)| who);
        let outermost = stack.iter().rev().find_map(|function| {
            WHAT.iter().find(|(_, functions)| functions.contains(function)).map(|(what, _)| *what)
        });
        let calls = stack.contains(&"do_syscall_64");
        let what = outermost.unwrap_or(if calls { OTHER_CALLS } else { OWN });
        *self.counts.entry((who, what)).or_default() += 1;
        if stack.first().is_some_and(|function| COPIES.contains(function)) {
            *self.copies.entry(who).or_default() += 1;
        }
    }

    /// Share of all samples but the idle ones, in percent.
    fn percent(&self, count: u64) -> f64 {
        let busy: u64 = self.counts.iter().filter(|((who, _), _)| *who != IDLE).map(|(_, count)| count).sum();
        100.0 * count as f64 / busy.max(1) as f64
    }

    fn of(&self, who: &str, what: Option<&str>) -> f64 {
        let found =
            self.counts.iter().filter(|((one, for_what), _)| *one == who && what.is_none_or(|what| what == *for_what));
        self.percent(found.map(|(_, count)| count).sum())
    }
}

/// Reads what was recorded.
pub(super) async fn read(file: &Path) -> Result<Shares> {
    let perf =
        programs::find("perf").context("perf is not installed: Debian has it as linux-perf, Ubuntu as linux-tools")?;
    let mut command = Command::new(perf);
    command.args(["script", "-F", "comm,ip,sym", "-i"]).arg(file).kill_on_drop(true);
    let output = command.output().await.context("perf cannot be run")?;
    ensure!(output.status.success(), "perf script: {}", String::from_utf8_lossy(&output.stderr));
    let shares = parse(&String::from_utf8_lossy(&output.stdout));
    ensure!(!shares.counts.is_empty(), "perf saw nothing");
    Ok(shares)
}

/// A sample is a line with a thread's name, and a line for each function, indented, until an empty one.
fn parse(text: &str) -> Shares {
    let mut shares = Shares::default();
    for sample in text.split("\n\n") {
        let mut lines = sample.lines().filter(|line| !line.trim().is_empty());
        let Some(name) = lines.next() else { continue };
        let function = |line: &'_ str| -> Option<String> {
            let (_, symbol) = line.trim().split_once(' ')?;
            Some(symbol.split('+').next().unwrap_or(symbol).trim().to_owned())
        };
        let stack: Vec<String> = lines.filter_map(function).collect();
        shares.count(name.trim(), &stack.iter().map(String::as_str).collect::<Vec<_>>());
    }
    shares
}

/// Shares of all runs, beside each other.
pub(super) fn table(runs: &[&Shares]) -> String {
    let mut text = String::from("| who | what for |");
    (1..=runs.len()).for_each(|run| {
        let _ = write!(text, " run {run} |");
    });
    text.push_str(&format!("\n|---|---|{}\n", "--:|".repeat(runs.len())));
    let mut row = |who: &str, what: &str, values: Vec<f64>| {
        if values.iter().all(|value| *value < 0.5) {
            return;
        }
        let cells: Vec<String> = values.iter().map(|value| format!("{value:.1} %")).collect();
        let _ = writeln!(text, "| {who} | {what} | {} |", cells.join(" | "));
    };
    for who in WHO.iter().map(|(who, _)| *who).chain([OTHERS]).filter(|who| *who != IDLE) {
        row(who, "all", runs.iter().map(|run| run.of(who, None)).collect());
        if who != "gateway" && who != "agent" {
            continue;
        }
        for what in WHAT.iter().map(|(what, _)| *what).chain([OTHER_CALLS, OWN]) {
            row("", what, runs.iter().map(|run| run.of(who, Some(what))).collect());
        }
        let copies = |run: &&Shares| run.percent(run.copies.get(who).copied().unwrap_or_default());
        row("", "of all that: copies into and out of the kernel", runs.iter().map(copies).collect());
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "gateway-0 \n\tffffffff81 _copy_to_iter\n\tffffffff82 tcp_recvmsg_locked\n\tffffffff83 \
                        __x64_sys_recvfrom\n\tffffffff84 do_syscall_64\n\n\
                        gateway-1 \n\t55d0 octoporty_gateway::ingress::head::parse+0x10\n\n\
                        agent-0 \n\tffffffff81 tcp_ack\n\tffffffff83 __x64_sys_sendto\n\tffffffff84 do_syscall_64\n\n\
                        wrk \n\tffffffff83 __x64_sys_connect\n\tffffffff84 do_syscall_64\n\n\
                        swapper \n\tffffffff81 pv_native_safe_halt\n\n";

    #[test]
    fn samples_are_told_apart_by_who_and_what_for() {
        let shares = parse(TEXT);
        let of = |who, what| shares.of(who, what);
        assert_eq!(
            (of("gateway", None), of("gateway", Some("receiving")), of("gateway", Some(OWN))),
            (50.0, 25.0, 25.0)
        );
        assert_eq!((of("agent", Some("sending")), of("visitors (wrk)", Some(OTHER_CALLS))), (25.0, 25.0));
        assert_eq!(shares.copies.get("gateway"), Some(&1));
        let table = table(&[&shares, &shares]);
        assert!(table.contains("| gateway | all | 50.0 % | 50.0 % |"), "{table}");
    }
}
