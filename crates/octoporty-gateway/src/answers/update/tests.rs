//! Each word that the gateway has on a wish for an update.

use std::path::PathBuf;

use tempfile::TempDir;

use super::*;

fn wish(target: &str, insistence: Insistence) -> UpdateRequest {
    UpdateRequest { target_version: target.into(), insistence }
}

fn nas() -> AgentName {
    "nas".parse().unwrap()
}

fn newer() -> UpdateRequest {
    wish("0.10.0", Insistence::IfNewer)
}

/// Of release 0.9.55.
fn updater(folder: &TempDir, remote: RemoteUpdate) -> (Updater, PathBuf) {
    let signal = folder.path().join("made/update-signal");
    (Updater::new(Updates { remote, signal: signal.clone() }, "0.9.55".into()), signal)
}

fn read(signal: &Path) -> serde_json::Value {
    serde_json::from_str(&fs::read_to_string(signal).unwrap()).unwrap()
}

#[test]
fn a_newer_release_is_queued_in_a_file_of_its_own_and_leaves_nothing_else() {
    let folder = TempDir::new().unwrap();
    let (updater, signal) = updater(&folder, RemoteUpdate::Allowed);
    let answer = updater.take(&newer(), &nas());
    assert_eq!((answer.state, answer.current_version.as_str()), (UpdateState::Queued, "0.9.55"));
    let found = read(&signal);
    assert_eq!(found["targetVersion"], "0.10.0");
    assert_eq!(found["currentVersion"], "0.9.55");
    assert_eq!(found["requestedBy"], "Agent@nas");
    assert!(OffsetDateTime::parse(found["requestedAt"].as_str().unwrap(), &Rfc3339).is_ok());
    assert_eq!(fs::read_dir(signal.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn a_wish_that_waits_is_already_queued_until_the_updater_takes_it() {
    let folder = TempDir::new().unwrap();
    let (updater, signal) = updater(&folder, RemoteUpdate::Allowed);
    assert_eq!(updater.take(&newer(), &nas()).state, UpdateState::Queued);
    let first = read(&signal);
    assert_eq!(updater.take(&newer(), &nas()).state, UpdateState::AlreadyQueued);
    assert_eq!(read(&signal), first, "the file is left alone");
    fs::remove_file(&signal).unwrap();
    assert_eq!(updater.take(&newer(), &nas()).state, UpdateState::Queued);
}

#[test]
fn a_signal_that_nobody_took_is_written_anew_and_said_to_be() {
    let folder = TempDir::new().unwrap();
    let (updater, signal) = updater(&folder, RemoteUpdate::Allowed);
    updater.take(&newer(), &nas());
    let long_ago = SystemTime::now() - FORGOTTEN_AFTER - Duration::from_secs(1);
    File::options().write(true).open(&signal).unwrap().set_modified(long_ago).unwrap();
    let answer = updater.take(&newer(), &nas());
    assert_eq!(answer.state, UpdateState::Queued);
    assert!(answer.message.contains("was never taken"), "{}", answer.message);
    assert!(age(&signal).unwrap() < FORGOTTEN_AFTER);
}

#[test]
fn what_is_not_newer_is_rejected_unless_it_is_insisted_on() {
    let folder = TempDir::new().unwrap();
    let (updater, signal) = updater(&folder, RemoteUpdate::Allowed);
    for old in ["0.9.55", "0.9.9", "0.9.55-rc.1"] {
        let answer = updater.take(&wish(old, Insistence::IfNewer), &nas());
        assert_eq!(answer.state, UpdateState::Rejected, "{old}");
        assert!(answer.message.contains("not newer"), "{}", answer.message);
    }
    assert!(!signal.exists());
    let back = updater.take(&wish("0.9.54", Insistence::Always), &nas());
    assert_eq!(back.state, UpdateState::Rejected);
    assert!(back.message.contains("taken back"), "{}", back.message);
    assert!(!signal.exists());
    assert_eq!(updater.take(&wish("0.9.55", Insistence::Always), &nas()).state, UpdateState::Queued);
}

#[test]
fn a_version_that_is_none_reaches_no_file() {
    let folder = TempDir::new().unwrap();
    let (updater, signal) = updater(&folder, RemoteUpdate::Allowed);
    for bad in ["latest", "", "1.2.3; reboot", "../../etc/passwd", "1.0.0\n"] {
        assert_eq!(updater.take(&wish(bad, Insistence::Always), &nas()).state, UpdateState::Rejected, "{bad:?}");
    }
    assert!(!signal.exists());
}

#[test]
fn a_gateway_that_forbids_it_or_cannot_write_says_what_to_change() {
    let folder = TempDir::new().unwrap();
    let (forbidding, _) = updater(&folder, RemoteUpdate::Forbidden);
    let answer = forbidding.take(&newer(), &nas());
    assert_eq!(answer.state, UpdateState::Rejected);
    assert!(answer.message.contains("Gateway__AllowRemoteUpdate"), "{}", answer.message);
    let (unable, signal) = updater(&folder, RemoteUpdate::Allowed);
    fs::write(signal.parent().unwrap(), "a file where the folder should be").unwrap();
    let answer = unable.take(&newer(), &nas());
    assert_eq!(answer.state, UpdateState::Rejected);
    assert!(answer.message.contains("Gateway__UpdateSignalPath"), "{}", answer.message);
}
