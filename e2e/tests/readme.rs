//! The README's lines, as they stand.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::process::Command;

/// Beyond the build.
const BOUND: Duration = Duration::from_secs(60);
/// Printed by the test between the block that builds and the others.
const BUILT: &str = "--- built ---";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What stands in the console blocks of a section.
fn blocks(readme: &str, heading: &str) -> Vec<String> {
    let section = readme.split(&format!("\n## {heading}\n")).nth(1).expect("the section is there");
    let section = section.split("\n## ").next().unwrap_or(section);
    section.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next()).map(str::to_owned).collect()
}

/// Ports are as documented, so all of it runs in a network of its own.
#[tokio::test(flavor = "multi_thread")]
async fn the_lines_of_the_readme_end_with_a_mapping_that_serves() {
    let readme = std::fs::read_to_string(repository().join("README.md")).expect("there is a README");
    let blocks = blocks(&readme, "By hand");
    let [build, start, publish, end] = blocks.as_slice() else { panic!("not four blocks: {blocks:?}") };
    let script = format!(
        "set -eu\nip link set lo up\n{build}\necho '{BUILT}'; date +%s\n{start}\n{publish}\ndate +%s\n{end}\nwait\n"
    );
    let folder = repository().join("octoporty-try");
    assert!(!folder.exists(), "octoporty-try is there: remove what an earlier try left");
    let began = Instant::now();
    let output = Command::new("unshare")
        .args(["--map-root-user", "--net", "--pid", "--fork", "--kill-child", "bash", "-c", &script])
        .current_dir(repository())
        .env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL")
        .kill_on_drop(true)
        .output()
        .await
        .expect("unshare is installed");
    let logs = ["gateway.log", "agent.log"].map(|name| std::fs::read_to_string(folder.join(name)).unwrap_or_default());
    std::fs::remove_dir_all(&folder).expect("the lines made their folder");
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let shown = format!("after {:?}: {}\n{out}\n{errors}\n{}", began.elapsed(), output.status, logs.join("\n"));
    assert!(out.contains("Hello from the private network."), "{shown}");
    let after = out.split(BUILT).nth(1).unwrap_or_else(|| panic!("{shown}"));
    let times: Vec<u64> = after.lines().filter_map(|line| line.trim().parse().ok()).collect();
    let [from, to] = times.as_slice() else { panic!("{shown}") };
    assert!(to - from < BOUND.as_secs(), "{shown}");
}
