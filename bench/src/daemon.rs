//! A server process of a control or a peer. It leads a process group of its own, which is ended when it is dropped, so
//! that workers (nginx) do not outlive their master, whether the run succeeds, fails or is interrupted.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::usage;

/// How long a server may take to end when asked.
const GRACE: Duration = Duration::from_secs(2);

/// A running server.
#[derive(Debug)]
pub(crate) struct Daemon {
    name: String,
    child: Child,
    output: PathBuf,
}

impl Daemon {
    /// Starts `command`, its output going to `<dir>/<name>.out`.
    ///
    /// # Errors
    /// If it cannot be started.
    pub(crate) fn start(name: &str, dir: &Path, command: &mut Command) -> Result<Self> {
        let output = dir.join(format!("{name}.out"));
        let file = File::create(&output).context("the run's folder is not writable")?;
        let errors = file.try_clone().context("a file handle cannot be cloned")?;
        let command = command.current_dir(dir).process_group(0).stdin(Stdio::null()).stdout(file).stderr(errors);
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name: name.to_owned(), child, output })
    }

    /// Ids of the process and of its children.
    ///
    /// # Errors
    /// If it has ended.
    pub(crate) fn pids(&mut self) -> Result<Vec<u32>> {
        if let Some(status) = self.child.try_wait()? {
            anyhow::bail!("{} ended ({status}): {}", self.name, self.last_words());
        }
        usage::family(self.child.id())
    }

    /// The end of what it wrote.
    fn last_words(&self) -> String {
        let output = std::fs::read_to_string(&self.output).unwrap_or_default();
        let lines: Vec<&str> = output.lines().rev().take(3).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" / ")
    }
}

impl Daemon {
    fn has_ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }
}

impl Drop for Daemon {
    /// Asks the leader first, so that a master collects its workers; the group is killed if that takes too long.
    fn drop(&mut self) {
        let Some(leader) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) else { return };
        if self.has_ended() {
            return;
        }
        kill_process(leader, Signal::TERM).ok();
        let asked = Instant::now();
        while !self.has_ended() && asked.elapsed() < GRACE {
            std::thread::sleep(Duration::from_millis(5));
        }
        if !self.has_ended() {
            kill_process_group(leader, Signal::KILL).ok();
            self.child.wait().ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_end_when_they_are_dropped_willing_or_not() {
        let dir = tempfile::tempdir().expect("a folder");
        for script in ["exec sleep 60", "trap '' TERM; while true; do sleep 1; done"] {
            let mut daemon =
                Daemon::start("sh", dir.path(), Command::new("sh").args(["-c", script])).expect("sh starts");
            let pid = daemon.pids().expect("it runs")[0];
            drop(daemon);
            assert!(usage::cpu_seconds(&[pid]).is_err());
        }
    }
}
