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
        tunnel_us: None,
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
    let error = store.change_landing_page(Some(page.clone()), |_| true, 2).await.unwrap_err();
    assert_eq!(error.to_string(), "the database is not available: the disk is full; make room");
    assert_eq!(store.view().await.unwrap(), before, "nothing of it is stored, not even the revision");
    limit_pages(&store, "PRAGMA max_page_count = 100000").await;
    store.change_landing_page(Some(page.clone()), |_| true, 3).await.unwrap();
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
    assert_eq!(store.append_requests(vec![(0..3).map(record).collect()]).await.unwrap(), 1);
    assert_eq!(
        store.append_requests(vec![(3..200).map(record).collect(), (200..500).map(record).collect()]).await.unwrap(),
        4
    );
    let filter = RequestFilter { count: 5_000, ..RequestFilter::default() };
    let rows = store.requests(&filter).await.unwrap();
    assert_eq!(rows.len(), 500);
    assert!(rows.iter().rev().enumerate().all(|(at, row)| row.id == at as i64 + 1 && row.record.at_ms == at as u64));
    assert_eq!(rows[0].record.gateway_us, u64::MAX);
}

/// Ids of the rows that the log has, newest first.
async fn ids(store: &Store, filter: RequestFilter) -> Vec<i64> {
    let rows = store.requests(&RequestFilter { count: 5_000, ..filter }).await.unwrap();
    rows.iter().map(|row| row.id).collect()
}

#[tokio::test]
async fn a_quiet_site_fills_its_newest_block_row_by_row() {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(folder.path()).await;
    for at in 0..700 {
        assert_eq!(store.append_requests(vec![[record(at)].into_iter().collect()]).await.unwrap(), at as i64 + 1);
    }
    assert_eq!(ids(&store, RequestFilter::default()).await, (1..=700).rev().collect::<Vec<_>>());
    let blocks: i64 =
        sqlx::query_scalar("SELECT count(*) FROM request_blocks").fetch_one(&store.readers).await.unwrap();
    assert!((2..10).contains(&blocks), "{blocks} blocks");
}

#[tokio::test]
async fn pruning_takes_portions_and_keeps_exactly_what_is_to_be_kept() {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(folder.path()).await;
    for portion in 0..100 {
        let rows = (portion * 500..portion * 500 + 500).map(record).collect();
        store.append_requests(vec![rows]).await.unwrap();
    }
    assert_eq!(store.prune_requests(0, 1_000_000).await.unwrap(), 0);
    assert_eq!(store.prune_requests(40_010, 1_000_000).await.unwrap(), 64 * 500, "a portion, and no more");
    assert_eq!(store.prune_requests(40_010, 1_000_000).await.unwrap(), 16 * 500 + 10);
    assert_eq!(store.prune_requests(40_010, 1_000_000).await.unwrap(), 0);
    assert_eq!(ids(&store, RequestFilter { before_id: Some(40_012), ..RequestFilter::default() }).await, [40_011]);
    assert_eq!(store.prune_requests(0, 700).await.unwrap(), 10_000 - 10 - 700);
    assert_eq!(ids(&store, RequestFilter::default()).await, (49_301..=50_000).rev().collect::<Vec<_>>());
    assert_eq!(store.prune_requests(u64::MAX, 1_000).await.unwrap(), 700);
    assert!(ids(&store, RequestFilter::default()).await.is_empty());
    let next = store.append_requests(vec![[record(1)].into_iter().collect()]).await.unwrap();
    assert_eq!(next, 50_001, "an id is never used twice");
}

/// A day of traffic on a simulated clock, pruned each minute as the recorder does: first the number bounds the log, at
/// night the age.
#[tokio::test]
async fn a_day_of_traffic_keeps_the_log_and_its_file_within_their_bounds() {
    const MINUTE_MS: u64 = 60_000;
    const KEPT_ROWS: u64 = 5_000;
    const KEPT_MS: u64 = 4 * 60 * MINUTE_MS;
    let folder = tempfile::tempdir().unwrap();
    let store = opened(folder.path()).await;
    let mut db = shell(folder.path()).await;
    let mut pages = Vec::new();
    for minute in 0..24 * 60_u64 {
        let now = (minute + 1) * MINUTE_MS;
        // Nights are quiet.
        let rows = if minute < 16 * 60 { 60 } else { 2 };
        let record = |number: u64| AccessRecord {
            path: format!("/{:x}", (minute * 977 + number).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            ..record(minute * MINUTE_MS + number * 1_000)
        };
        store.append_requests(vec![(0..rows).map(record).collect()]).await.unwrap();
        while store.prune_requests(now.saturating_sub(KEPT_MS), KEPT_ROWS).await.unwrap() > 0 {}
        let newest = RequestFilter { count: u32::MAX, ..RequestFilter::default() };
        if minute % 60 == 59 {
            let found = store.requests(&newest).await.unwrap();
            assert!(found.len() as u64 <= KEPT_ROWS, "{} rows at minute {minute}", found.len());
            assert!(found.iter().all(|row| row.record.at_ms + KEPT_MS >= now), "an old row at minute {minute}");
            assert_eq!(found.len() as u64, kept(minute, now), "at minute {minute}");
            pages.push(sqlx::query_scalar::<_, i64>("PRAGMA page_count").fetch_one(&mut db).await.unwrap());
        }
    }
    let full = pages[2];
    assert!(pages.iter().all(|now| *now <= full + full / 4), "the file grows: {pages:?}");
    store.close().await;

    /// Rows that are there, counted by hand.
    fn kept(minute: u64, now: u64) -> u64 {
        let since = now.saturating_sub(KEPT_MS);
        let of = |minute: u64| if minute < 16 * 60 { 60 } else { 2 };
        let young = |minute: u64| (0..of(minute)).filter(|number| minute * MINUTE_MS + number * 1_000 >= since).count();
        (0..=minute).map(young).sum::<usize>().min(usize::try_from(KEPT_ROWS).unwrap()) as u64
    }
}

#[tokio::test]
async fn blocks_that_cannot_match_are_passed_over_and_no_row_is_missed() {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(folder.path()).await;
    for portion in 0..40 {
        let rows = (portion * 300..portion * 300 + 300)
            .map(|at| AccessRecord { status: if at == 7_777 { 503 } else { 200 }, ..record(at) });
        store.append_requests(vec![rows.collect()]).await.unwrap();
    }
    let status = StatusClass::parse("5xx");
    assert_eq!(ids(&store, RequestFilter { status, ..RequestFilter::default() }).await, [7_778]);
    let between = RequestFilter { since_ms: Some(599), until_ms: Some(602), ..RequestFilter::default() };
    assert_eq!(ids(&store, between).await, [602, 601, 600]);
    let path = RequestFilter { path: Some("/nowhere".into()), ..RequestFilter::default() };
    assert!(ids(&store, path).await.is_empty());
    let page = RequestFilter { count: 3, before_id: Some(301), ..RequestFilter::default() };
    let page: Vec<_> = store.requests(&page).await.unwrap().iter().map(|row| row.id).collect();
    assert_eq!(page, [300, 299, 298]);
}

#[tokio::test]
async fn a_block_that_was_damaged_by_hand_is_told_and_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(folder.path()).await;
    store.append_requests(vec![(0..10).map(record).collect()]).await.unwrap();
    let mut other = shell(folder.path()).await;
    for damage in ["raw_bytes = 5", "body = x'00'", "raw_bytes = 99999999999", "rows = 9"] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("UPDATE request_blocks SET {damage}")))
            .execute(&mut other)
            .await
            .unwrap();
        let all = RequestFilter { count: 10, ..RequestFilter::default() };
        assert!(matches!(store.requests(&all).await, Err(StoreError::Corrupt(_))), "{damage}");
    }
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
