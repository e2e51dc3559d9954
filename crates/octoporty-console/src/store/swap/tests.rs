use std::os::unix::fs::PermissionsExt;

use super::*;

/// A database with a write-ahead log that belongs to it, and a fresh file for its place.
fn folder() -> (tempfile::TempDir, PathBuf, Scratch) {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("octoporty.db");
    std::fs::write(&database, "not a database").unwrap();
    std::fs::write(with_suffix(&database, "-wal"), "its log").unwrap();
    let fresh = Scratch::beside(&database).unwrap();
    std::fs::write(fresh.path(), "fresh").unwrap();
    (folder, database, fresh)
}

fn mode_of(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test]
async fn a_link_in_the_place_of_the_fresh_file_gives_nothing_away() {
    let (folder, database, fresh) = folder();
    let theirs = folder.path().join("theirs");
    std::fs::write(&theirs, "secret").unwrap();
    std::fs::set_permissions(&theirs, std::fs::Permissions::from_mode(0o644)).unwrap();
    std::fs::rename(fresh.path(), folder.path().join("moved")).unwrap();
    std::os::unix::fs::symlink(&theirs, fresh.path()).unwrap();
    let error = replace(&database, &fresh, "before-restore", 0).await.unwrap_err();
    assert!(error.to_string().contains("another file"), "{error}");
    assert_eq!(mode_of(&theirs), 0o644);
    assert_eq!(read(&database), "not a database");
    assert_eq!(read(&with_suffix(&database, "-wal")), "its log");
    let kept = std::fs::read_dir(folder.path()).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_str().unwrap().contains("before-restore")
    });
    assert_eq!(kept.count(), 0);
}

#[tokio::test]
async fn what_is_no_database_is_replaced_and_kept_with_its_log() {
    let (_folder, database, fresh) = folder();
    let kept = replace(&database, &fresh, "before-restore", 0).await.unwrap().unwrap();
    assert_eq!((read(&database), read(&kept)), ("fresh".to_owned(), "not a database".to_owned()));
    assert_eq!(read(&with_suffix(&kept, "-wal")), "its log");
    assert!(!with_suffix(&database, "-wal").exists());
    assert_eq!(mode_of(&database), 0o600);
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_is_not_taken_for_one_that_nobody_has() {
    let folder = tempfile::tempdir().unwrap();
    let Err(error) = Taken::take(folder.path()).await else { panic!("a folder was taken") };
    assert!(error.to_string().contains("cannot be opened; check the rights"), "{error}");
}

#[test]
fn a_database_that_cannot_be_kept_has_its_log_still() {
    let (_folder, database, _fresh) = folder();
    let log = with_suffix(&database, "-wal");
    std::fs::remove_file(&database).unwrap();
    assert!(keep(&database, "before-restore", 0).is_err());
    assert_eq!(read(&log), "its log");
}

#[test]
fn a_log_that_cannot_be_moved_leaves_no_second_name() {
    let folder = tempfile::tempdir().unwrap();
    // The name that is kept just fits; that of its log does not.
    let database = folder.path().join("d".repeat(255 - ".before-restore-19700101T000000Z".len()));
    let log = with_suffix(&database, "-wal");
    std::fs::write(&database, "database").unwrap();
    std::fs::write(&log, "its log").unwrap();
    assert!(keep(&database, "before-restore", 0).is_err());
    assert_eq!((read(&database), read(&log)), ("database".to_owned(), "its log".to_owned()));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}
