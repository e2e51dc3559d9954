//! A wish for an update becomes a file that an updater on the host watches: the gateway cannot replace itself, and shall
//! not be able to. The file appears whole or not at all; the updater removes it when it takes the wish.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use octoporty_proto::model::{AgentName, Insistence, Release, UpdateAnswer, UpdateRequest, UpdateState};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::config::{RemoteUpdate, Updates};

/// A signal that nobody took for this long is written anew: updaters look every 30 s, and pulling an image takes
/// minutes at the most.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(600);

/// Characters of a version.
pub(super) const MOST_VERSION: usize = 64;

/// Hands wishes on, one at a time.
#[derive(Debug)]
pub(crate) struct Updater {
    updates: Updates,
    version: String,
    turn: Mutex<()>,
}

/// The file's content.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Signal<'a> {
    target_version: &'a str,
    current_version: &'a str,
    requested_by: String,
    requested_at: String,
}

impl Updater {
    /// For this release.
    pub(crate) fn new(updates: Updates, version: String) -> Self {
        Self { updates, version, turn: Mutex::default() }
    }

    /// Writes the signal, or says why not. Blocks.
    pub(crate) fn take(&self, wish: &UpdateRequest, by: &AgentName) -> UpdateAnswer {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let (state, message) = self.judge(wish, by);
        UpdateAnswer { state, current_version: self.version.clone(), message }
    }

    fn judge(&self, wish: &UpdateRequest, by: &AgentName) -> (UpdateState, String) {
        if self.updates.remote == RemoteUpdate::Forbidden {
            let text = "Updates from agents are switched off at the gateway; set Gateway__AllowRemoteUpdate to true, or \
                        update it by hand.";
            return (UpdateState::Rejected, text.to_owned());
        }
        let Ok(target) = wish.target_version.parse::<Release>() else {
            return (
                UpdateState::Rejected,
                "The version that was asked for is no release number such as 1.2.3.".into(),
            );
        };
        if wish.insistence == Insistence::IfNewer && !Release::is_newer(&wish.target_version, &self.version) {
            return (
                UpdateState::Rejected,
                format!("The gateway runs {} already; {target} is not newer.", self.version),
            );
        }
        if Release::is_newer(&self.version, &wish.target_version) {
            let text = format!(
                "The gateway runs {}; it is not taken back to {target} from afar. Do that on its host.",
                self.version
            );
            return (UpdateState::Rejected, text);
        }
        let signal = &self.updates.signal;
        match age(signal) {
            Some(age) if age < FORGOTTEN_AFTER => (
                UpdateState::AlreadyQueued,
                format!("An update was asked for {} s ago; the host's updater has not taken it yet.", age.as_secs()),
            ),
            forgotten => match self.write(&target, by) {
                Ok(()) => (UpdateState::Queued, queued(signal, forgotten)),
                Err(error) => (
                    UpdateState::Rejected,
                    format!(
                        "The gateway cannot write {}: {error}; make its folder writable, or set Gateway__UpdateSignalPath.",
                        signal.display()
                    ),
                ),
            },
        }
    }

    fn write(&self, target: &Release, by: &AgentName) -> io::Result<()> {
        let target = target.to_string();
        let now = OffsetDateTime::now_utc();
        let signal = Signal {
            target_version: &target,
            current_version: &self.version,
            requested_by: format!("Agent@{by}"),
            requested_at: now.format(&Rfc3339).map_err(io::Error::other)?,
        };
        let mut json = serde_json::to_string_pretty(&signal)?;
        json.push('\n');
        write_whole(&self.updates.signal, json.as_bytes())
    }
}

fn queued(signal: &Path, forgotten: Option<Duration>) -> String {
    match forgotten {
        None => format!("The update is queued: the host's updater finds it at {}.", signal.display()),
        Some(age) => format!(
            "The update is queued anew: the last request, {} min ago, was never taken. Is an updater running that watches \
             {}?",
            age.as_secs() / 60,
            signal.display()
        ),
    }
}

/// How old the signal that waits is; `None` when none does. One from the future counts as new.
fn age(signal: &Path) -> Option<Duration> {
    let written = fs::symlink_metadata(signal).and_then(|found| found.modified()).ok()?;
    Some(SystemTime::now().duration_since(written).unwrap_or_default())
}

/// A reader finds the old file or the whole of the new one, after a crash as well.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let name = path.file_name().ok_or_else(|| io::Error::other("it names no file"))?;
    let mut half = name.to_owned();
    half.push(".tmp");
    let half = folder.join(half);
    let written = File::create(&half).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&half, path)).inspect_err(|_| drop(fs::remove_file(&half)))?;
    // The name is on the disk once its folder is.
    File::open(folder).and_then(|folder| folder.sync_all())
}

#[cfg(test)]
mod tests;
