use std::path::Path;
use std::time::Duration;

use octoporty_proto::model::{AccessRecord, MappingId, SessionRecord};
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use super::writer::Durability;
use super::*;

fn draft(domain: &str) -> MappingDraft {
    let input: crate::api::mappings::input::MappingInput = serde_json::from_value(serde_json::json!({
        "externalDomain": domain, "internalHost": "localhost", "internalPort": 3000
    }))
    .unwrap();
    input.parse(MappingId::from_uuid(uuid::Uuid::nil())).unwrap()
}

fn record(at_ms: u64) -> AccessRecord {
    AccessRecord {
        mapping: MappingId::from_uuid(uuid::Uuid::nil()),
        request_id: format!("request-{at_ms}"),
        at_ms,
        method: "GET".to_owned(),
        host: "app.example.com".to_owned(),
        path: "/".to_owned(),
        query: None,
        status: 200,
        error: None,
        error_detail: None,
        gateway_us: u64::MAX,
        first_byte_us: None,
        total_us: 1,
        request_bytes: 0,
        response_bytes: 0,
        client: "2001:db8::1".parse().unwrap(),
        user_agent: None,
    }
}

async fn opened(folder: &Path) -> Store {
    Store::open(&folder.join("test.db")).await.unwrap()
}

async fn shell(folder: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(folder.join("test.db")).connect().await.unwrap()
}

/// Makes the file as large as it may ever be: a full disk.
async fn limit_pages(store: &Store, pages: &'static str) {
    let limited = store.writer.run(Durability::Logs, move |connection| {
        Box::pin(async move {
            sqlx::raw_sql(pages).execute(connection).await?;
            Ok(())
        })
    });
    limited.await.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_a_state_that_ends_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(folder.path()).await;
    store.create_mapping(draft("before.example"), 1).await.unwrap().unwrap();
    let before = store.view().await.unwrap();
    limit_pages(&store, "PRAGMA max_page_count = 1").await;
    let page = octoporty_proto::model::LandingPage::new("x".repeat(500_000)).unwrap();
    let error = store.set_landing_page(Some(page.clone()), 2).await.unwrap_err();
    assert_eq!(error.to_string(), "the database is not available: the disk is full; make room");
    assert_eq!(store.view().await.unwrap(), before, "nothing of it is stored, not even the revision");
    limit_pages(&store, "PRAGMA max_page_count = 100000").await;
    store.set_landing_page(Some(page.clone()), 3).await.unwrap();
    assert_eq!(store.landing_page().await.unwrap(), Some(page));
    assert_eq!(*store.trouble().borrow(), None);
    store.close().await;
}

#[tokio::test]
async fn a_locked_database_is_trouble_until_it_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(folder.path()).await;
    limit_pages(&store, "PRAGMA busy_timeout = 50").await;
    let mut other = shell(folder.path()).await;
    sqlx::raw_sql("BEGIN EXCLUSIVE").execute(&mut other).await.unwrap();
    let error = store.create_mapping(draft("app.example"), 1).await.unwrap_err();
    assert!(error.to_string().contains("another process has it locked"), "{error}");
    let words = store.trouble().borrow().clone().unwrap();
    assert_eq!(&*words, "another process has it locked; stop that process");
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    store.create_mapping(draft("app.example"), 2).await.unwrap().unwrap();
    assert_eq!(*store.trouble().borrow(), None);
}

#[tokio::test]
async fn one_bad_job_of_a_batch_does_not_take_the_others_along() {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(folder.path()).await;
    let bad = store.writer.run(Durability::Logs, |connection| {
        Box::pin(async move {
            sqlx::raw_sql("INSERT INTO settings VALUES ('k', 'v', 1)").execute(&mut *connection).await?;
            sqlx::raw_sql("INSERT INTO nowhere VALUES (1)").execute(connection).await?;
            Ok(())
        })
    });
    let good = store.create_mapping(draft("app.example"), 1);
    let (bad, good) = tokio::join!(bad, good);
    assert!(bad.unwrap_err().to_string().contains("no such table"));
    good.unwrap().unwrap();
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM settings").fetch_one(&store.readers).await.unwrap();
    assert_eq!(left, 0, "half of a job is not kept");
}

#[tokio::test]
async fn what_is_queued_at_the_end_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(opened(folder.path()).await);
    let jobs = (0..100).map(|number| {
        let store = Arc::clone(&store);
        async move { store.create_mapping(draft(&format!("app{number}.example")), 1).await }
    });
    let (answers, ()) = tokio::join!(futures_util::future::join_all(jobs), async {
        tokio::task::yield_now().await;
        store.close().await;
    });
    let stored = answers.iter().filter(|answer| answer.is_ok()).count();
    let again = opened(folder.path()).await;
    assert_eq!(again.mappings().await.unwrap().len(), stored, "answered means stored, refused means not");
    let refused = store.create_mapping(draft("late.example"), 1).await;
    assert!(matches!(refused, Err(StoreError::Closed)));
}

#[tokio::test]
async fn settings_are_flushed_and_logs_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(folder.path()).await;
    let synchronous = |durability| {
        store.writer.run(durability, |connection| {
            Box::pin(async move { Ok(sqlx::query_scalar::<_, i64>("PRAGMA synchronous").fetch_one(connection).await?) })
        })
    };
    assert_eq!(synchronous(Durability::Logs).await.unwrap(), 1, "NORMAL");
    assert_eq!(synchronous(Durability::Settings).await.unwrap(), 2, "FULL");
    assert_eq!(synchronous(Durability::Logs).await.unwrap(), 1);
}

#[tokio::test]
async fn readers_cannot_write() {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(folder.path()).await;
    let error = sqlx::raw_sql("DELETE FROM mappings").execute(&store.readers).await.unwrap_err();
    assert!(error.to_string().contains("readonly"), "{error}");
}

#[tokio::test]
async fn a_row_that_was_damaged_by_hand_takes_no_other_down() {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(folder.path()).await;
    for domain in ["good.example", "bad.example"] {
        store.create_mapping(draft(domain), 1).await.unwrap().unwrap();
    }
    let mut other = shell(folder.path()).await;
    sqlx::raw_sql("UPDATE mappings SET target_port = 0 WHERE domain = 'bad.example'")
        .execute(&mut other)
        .await
        .unwrap();
    let desired = store.view().await.unwrap().desired();
    assert_eq!(desired.mappings.len(), 1);
    assert_eq!(desired.mappings[0].name.as_str(), "good.example");
}

#[tokio::test]
async fn ids_of_a_batch_follow_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(folder.path()).await;
    assert_eq!(store.append_requests((0..3).map(record).collect()).await.unwrap(), 1);
    assert_eq!(store.append_requests((3..500).map(record).collect()).await.unwrap(), 4);
    let filter = RequestFilter { count: 5_000, ..RequestFilter::default() };
    let rows = store.requests(&filter).await.unwrap();
    assert_eq!(rows.len(), 500);
    assert!(rows.iter().rev().enumerate().all(|(at, row)| row.id == at as i64 + 1 && row.record.at_ms == at as u64));
    assert_eq!(rows[0].record.gateway_us, i64::MAX as u64, "what does not fit has its end");
}

#[tokio::test]
async fn pruning_takes_portions_until_nothing_is_left_to_take() {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(folder.path()).await;
    for portion in 0..10 {
        store.append_requests((portion * 500..portion * 500 + 500).map(record).collect()).await.unwrap();
    }
    assert_eq!(store.prune_requests(0, 1_000_000).await.unwrap(), 0);
    assert_eq!(store.prune_requests(4_000, 1_000_000).await.unwrap(), 2_000);
    assert_eq!(store.prune_requests(4_000, 1_000_000).await.unwrap(), 2_000);
    assert_eq!(store.prune_requests(4_000, 1_000_000).await.unwrap(), 0);
    assert_eq!(store.prune_requests(0, 100).await.unwrap(), 900);
}

#[tokio::test]
async fn sessions_that_stand_are_not_pruned() {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(folder.path()).await;
    let session = |number: u128, ended_ms| SessionRecord {
        session: format!("{number:032x}").parse().unwrap(),
        started_ms: 1,
        ended_ms,
        end: ended_ms.map(|_| octoporty_proto::model::EndReason::PeerStop),
        end_detail: None,
        gateway_url: String::new(),
        gateway_version: String::new(),
        agent_version: String::new(),
        transport: "websocket".to_owned(),
        links: 1,
    };
    store.record_session(session(1, None)).await.unwrap();
    let ended = store.record_session(session(2, Some(5))).await.unwrap();
    assert_eq!(ended.end_reason.as_deref(), Some("peer_stop"));
    assert_eq!(store.prune_connections(1_000).await.unwrap(), 1);
    let left = store.connections(&ConnectionFilter { count: 10, ..ConnectionFilter::default() }).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].id, 1);
}

#[tokio::test]
async fn expired_refresh_tokens_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(folder.path()).await;
    for (token, expires) in [("old", 10), ("new", 20)] {
        let family = token.to_owned();
        store.add_refresh_token(TokenHash::of(token), family, "admin".into(), 1, expires).await.unwrap();
    }
    assert_eq!(store.prune_refresh_tokens(15).await.unwrap(), 1);
    assert_eq!(store.family_of(&TokenHash::of("old")).await.unwrap(), None);
    assert_eq!(store.family_of(&TokenHash::of("new")).await.unwrap().as_deref(), Some("new"));
}

#[tokio::test]
async fn no_token_is_stored_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(folder.path()).await;
    let token = "a-very-recognisable-refresh-token";
    store.add_refresh_token(TokenHash::of(token), "family".into(), "admin".into(), 1, 2).await.unwrap();
    store.close().await;
    let file = std::fs::read(folder.path().join("test.db")).unwrap();
    assert!(!file.windows(token.len()).any(|window| window == token.as_bytes()));
    assert!(file.windows(6).any(|window| window == b"family"), "it looked at the right file");
}

#[test]
fn a_status_class_is_one_of_five() {
    assert_eq!(StatusClass::parse("2xx"), StatusClass::parse("2"));
    assert_eq!(StatusClass::parse("5XX"), StatusClass::parse("5"));
    for wrong in ["", "0", "6xx", "22", "02", "xx", "2x", "-1"] {
        assert_eq!(StatusClass::parse(wrong), None, "{wrong}");
    }
}

#[tokio::test]
async fn a_closed_store_answers_readers_too() {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(folder.path()).await;
    tokio::time::timeout(Duration::from_secs(20), store.close()).await.unwrap();
    assert!(matches!(store.mappings().await, Err(StoreError::Closed)));
}
