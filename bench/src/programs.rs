//! Where the programs are: controls, peers and load tools, in `target/bench-peers/bin` or on the path.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tokio::process::Command;

/// Folders that servers are installed in and that are not on everybody's path.
const SYSTEM_FOLDERS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// The folder that `scripts/setup.sh bench` puts peers into.
fn peers_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench-peers/bin")
}

/// Finds a program; none when it is not installed.
#[must_use]
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(SYSTEM_FOLDERS.iter().map(PathBuf::from));
    std::iter::once(peers_folder()).chain(folders).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// How each program tells its version.
const VERSIONS: [(&str, &[&str]); 11] = [
    ("nginx", &["-v"]),
    ("haproxy", &["-v"]),
    ("wrk", &["-v"]),
    ("iperf3", &["--version"]),
    ("rathole", &["--version"]),
    ("bore", &["--version"]),
    ("wstunnel", &["--version"]),
    ("chisel", &["--version"]),
    ("frps", &["--version"]),
    ("frpc", &["--version"]),
    ("caddy", &["version"]),
];

/// The first line that each program says about its version; none for one that is not installed.
pub(crate) async fn versions() -> BTreeMap<&'static str, Option<String>> {
    let mut versions = BTreeMap::new();
    for (name, args) in VERSIONS {
        let Some(file) = find(name) else {
            versions.insert(name, None);
            continue;
        };
        let output = Command::new(file).args(args).kill_on_drop(true).output().await;
        let text = output.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
        versions.insert(name, Some(version_in(&String::from_utf8_lossy(&text))));
    }
    versions
}

/// The first word that looks like a version: digits and dots, after a slash or a `v` perhaps; times are none.
fn version_in(text: &str) -> String {
    let version = |word: &str| {
        let word = word.rsplit('/').next()?.trim_start_matches('v');
        let right = word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.') && !word.contains(':');
        right.then(|| word.to_owned())
    };
    text.split_whitespace().find_map(version).unwrap_or_else(|| "of unknown version".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_say() {
        assert_eq!(version_in("nginx version: nginx/1.22.1\n"), "1.22.1");
        assert_eq!(version_in("HAProxy version 2.6.12-1 2023/05/04"), "2.6.12-1");
        assert_eq!(version_in("wrk debian/4.1.0-3 [epoll] Copyright"), "4.1.0-3");
        assert_eq!(version_in("Build Timestamp: 2026-11-27T02:42:35.26Z\nBuild Version: 0.5.0"), "0.5.0");
        assert_eq!(version_in("nothing"), "of unknown version");
    }
}
