//! Children of a test.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};

/// The binary under test: `OCTOPORTY_BIN`, or the release build of this workspace. Missing means failure.
#[must_use]
pub fn binary() -> PathBuf {
    let path = std::env::var_os("OCTOPORTY_BIN")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/octoporty"), PathBuf::from);
    assert!(path.exists(), "{} is not there: run `make build` first", path.display());
    path
}

/// Longest that a killed process may take to be gone.
const GONE: Duration = Duration::from_secs(2);

/// One child process; killed when dropped, its output shown when a test panics.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    output: PathBuf,
}

impl Process {
    /// Starts `command` with its output going to `<dir>/<name>.out`.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn spawn(name: &str, dir: &Path, command: &mut Command) -> Self {
        let output = dir.join(format!("{name}.out"));
        let file = File::options().create(true).append(true).open(&output).expect("the test's folder is writable");
        let errors = file.try_clone().expect("a file handle can be cloned");
        let child = command
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors)
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        Self { name: name.to_owned(), child, output }
    }

    /// The process id.
    ///
    /// # Panics
    /// If it ended.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id().unwrap_or_else(|| panic!("{} has ended:\n{}", self.name, self.output()))
    }

    /// All that it wrote.
    #[must_use]
    pub fn output(&self) -> String {
        std::fs::read_to_string(&self.output).unwrap_or_default()
    }

    /// SIGKILL, and waits until it is gone.
    ///
    /// # Panics
    /// If the system refuses.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("a child can be killed");
    }

    /// Sends a signal by its name (`TERM`, `INT`, `STOP`, `CONT`).
    ///
    /// # Panics
    /// If `kill` fails.
    pub async fn signal(&self, signal: &str) {
        let status = Command::new("kill")
            .arg(format!("-{signal}"))
            .arg(self.pid().to_string())
            .status()
            .await
            .expect("kill runs");
        assert!(status.success());
    }

    /// SIGTERM, and waits until it has ended by itself; not for longer than this.
    pub fn end(&mut self, within: Duration) {
        let Some(pid) = self.child.id() else { return };
        let told = std::process::Command::new("kill").arg("-TERM").arg(pid.to_string()).status();
        let begun = Instant::now();
        while told.as_ref().is_ok_and(|status| status.success()) && self.is_running() && begun.elapsed() < within {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it does not end within `bound`.
    pub async fn wait(&mut self, bound: Duration) -> ExitStatus {
        match tokio::time::timeout(bound, self.child.wait()).await {
            Ok(status) => status.expect("a child can be waited for"),
            Err(_) => panic!("{} did not end within {bound:?}:\n{}", self.name, self.output()),
        }
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Peak resident memory in bytes (`VmHWM`).
    ///
    /// # Panics
    /// If it ended.
    #[must_use]
    pub fn peak_memory(&self) -> u64 {
        self.status_field("VmHWM:")
    }

    fn status_field(&self, field: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the process runs");
        let line = status.lines().find(|line| line.starts_with(field)).expect("Linux tells it");
        let kib: u64 = line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number of kB");
        kib * 1024
    }
}

impl Drop for Process {
    /// Kills it and waits until it is gone: what it still wrote would keep its folder from being removed.
    fn drop(&mut self) {
        self.child.start_kill().ok();
        let killed = Instant::now();
        while self.is_running() && killed.elapsed() < GONE {
            std::thread::sleep(Duration::from_millis(1));
        }
        if std::thread::panicking() {
            let output = self.output();
            let tail: Vec<&str> = output.lines().rev().take(60).collect();
            eprintln!("---- {} (newest 60 lines)", self.name);
            for line in tail.iter().rev() {
                eprintln!("{line}");
            }
        }
    }
}
