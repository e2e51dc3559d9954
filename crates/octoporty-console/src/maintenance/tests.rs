use octoporty_proto::model::MappingId;

use super::*;
use crate::import::{PageWish, WantedMapping};

fn wanted(index: usize) -> WantedMapping {
    let input: crate::api::mappings::input::MappingInput = serde_json::from_value(serde_json::json!({
        "externalDomain": "app.example.com", "internalHost": "localhost", "internalPort": 3000
    }))
    .unwrap();
    let draft = input.parse(MappingId::from_uuid(uuid::Uuid::nil())).unwrap();
    WantedMapping { index, named: None, draft, unsaid: Vec::new() }
}

/// A database of ours, and a place for it to be put back to.
async fn backup() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (from, database) = (folder.path().join("backup.db"), folder.path().join("octoporty.db"));
    let store = Store::open(&from).await.unwrap();
    store.close().await;
    (folder, from, database)
}

fn log_of(from: &Path) -> PathBuf {
    from.with_file_name("backup.db-wal")
}

#[tokio::test]
async fn a_log_beside_a_backup_is_taken_only_if_it_is_a_file_of_its_owner() {
    let (folder, from, database) = backup().await;
    restore(&from, &database).await.unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "secret").unwrap();
    std::os::unix::fs::symlink(&secret, log_of(&from)).unwrap();
    let error = restore(&from, &database).await.unwrap_err().to_string();
    assert!(error.contains("backup.db-wal"), "{error}");
    std::fs::remove_file(log_of(&from)).unwrap();
    std::fs::write(log_of(&from), "").unwrap();
    restore(&from, &database).await.unwrap();
    // Only root gives files away.
    if std::os::unix::fs::chown(log_of(&from), Some(12_345), None).is_ok() {
        let error = restore(&from, &database).await.unwrap_err().to_string();
        assert!(error.contains("belongs to another user"), "{error}");
    }
}

#[test]
fn as_many_mistakes_as_rows_are_told_in_a_moment() {
    let rows = 40_000;
    let wanted = Wanted { mappings: (0..rows).map(wanted).collect(), page: PageWish::Keep };
    let begun = std::time::Instant::now();
    let (left, report) = settle(&View::default(), wanted, Vec::new());
    assert_eq!((left.mappings.len(), report.count("left out"), report.count("created")), (1, rows - 1, 1));
    assert!(report.lines.iter().all(|line| line.address == "app.example.com"));
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
}
