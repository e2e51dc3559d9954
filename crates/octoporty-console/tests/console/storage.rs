//! What is stored survives, and what cannot be stored is said.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use octoporty_console::{Console, StartError};
use serde_json::json;

use crate::world::{AgentSide, NOW, World, access_record, config, eventually};

async fn start(database: &Path) -> Result<Console, StartError> {
    let (_agent, ports) = AgentSide::pair();
    Console::start(config(database.to_owned()), ports).await
}

/// The files as a crash at this moment would leave them.
fn crash_image(of: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(of).unwrap() {
        let entry = entry.unwrap();
        // The shared memory of the write-ahead log does not survive a crash.
        if !entry.file_name().to_string_lossy().ends_with("-shm") {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_crash() {
    let world = World::new().await;
    let user = world.user().await;
    for number in 0..20 {
        user.create(&format!("app{number}.example.com")).await;
        let copy = tempfile::tempdir().unwrap();
        let data = copy.path().join("data");
        crash_image(world.database().parent().unwrap(), &data);
        let (agent, ports) = AgentSide::pair();
        let console = Console::start(config(data.join("octoporty.db")), ports).await.unwrap();
        let (here, there) = (world.agent.desired.borrow().clone(), agent.desired.borrow().clone());
        assert_eq!(there, here, "after {number}");
        console.stop(Duration::from_secs(1)).await;
    }
}

#[tokio::test]
async fn the_desired_state_is_published_before_the_start_is_over() {
    let mut world = World::new().await;
    let id = world.user().await.create("app.example.com").await;
    let before = world.agent.desired.borrow().clone();
    world.restart().await;
    let after = world.agent.desired.borrow().clone();
    assert_eq!(after, before);
    assert_eq!(after.mappings[0].id.to_string(), id);
    assert!(after.revision.0 > 0);
}

#[tokio::test]
async fn the_revision_rises_with_each_change_and_never_falls() {
    let mut world = World::new().await;
    let mut last = world.agent.desired.borrow().revision;
    let id = world.user().await.create("app.example.com").await;
    for (method, path, body) in [
        ("PATCH", format!("/api/v1/mappings/{id}/toggle"), json!({ "enabled": false })),
        ("PUT", "/api/v1/settings/landing-page".to_owned(), json!({ "html": "x" })),
        ("DELETE", format!("/api/v1/mappings/{id}"), json!({})),
        ("DELETE", "/api/v1/settings/landing-page".to_owned(), json!({})),
    ] {
        world.user().await.send(method, &path, &body).await;
        let revision = world.agent.desired.borrow().revision;
        assert!(revision > last, "{method} {path}");
        last = revision;
        world.restart().await;
        assert_eq!(world.agent.desired.borrow().revision, last);
    }
}

#[tokio::test]
async fn many_changes_at_once_are_all_stored_and_the_newest_state_is_published() {
    let world = World::new().await;
    let user = world.user().await;
    let names: Vec<_> = (0..40).map(|number| format!("app{number}.example.com")).collect();
    futures_util::future::join_all(names.iter().map(|name| user.create(name))).await;
    let desired = world.agent.desired.borrow().clone();
    assert_eq!(desired.mappings.len(), 40);
    assert_eq!(desired.revision.0, 41);
}

#[tokio::test]
async fn a_database_of_a_newer_release_is_refused_and_not_touched() {
    let mut world = World::new().await;
    world.stop().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(world.database());
    let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
    sqlx::raw_sql("PRAGMA user_version = 99").execute(&mut connection).await.unwrap();
    sqlx::Connection::close(connection).await.unwrap();
    let before = std::fs::read(world.database()).unwrap();
    let error = start(&world.database()).await.unwrap_err();
    assert!(matches!(error, StartError::NewerDatabase { found: 99, known: 3, .. }), "{error}");
    assert!(error.to_string().contains("install that release or restore a backup"));
    assert_eq!(std::fs::read(world.database()).unwrap(), before);
}

async fn shell(database: &Path) -> sqlx::SqliteConnection {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(database).create_if_missing(true);
    sqlx::ConnectOptions::connect(&options).await.unwrap()
}

#[tokio::test]
async fn another_programs_database_is_refused_and_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let foreign = [
        ("the original's", "CREATE TABLE PortMappings (Id TEXT); CREATE TABLE __EFMigrationsHistory (Id TEXT)"),
        ("one with a version", "CREATE TABLE notes (text TEXT); PRAGMA user_version = 1"),
        ("one with an id", "CREATE TABLE notes (text TEXT); PRAGMA application_id = 7"),
        ("one of a newer version", "CREATE TABLE notes (text TEXT); PRAGMA user_version = 99"),
    ];
    for (what, sql) in foreign {
        let file = folder.path().join(format!("{what}.db"));
        let mut other = shell(&file).await;
        sqlx::raw_sql(sql).execute(&mut other).await.unwrap();
        sqlx::Connection::close(other).await.unwrap();
        let before = std::fs::read(&file).unwrap();
        let error = start(&file).await.unwrap_err();
        assert!(matches!(error, StartError::ForeignDatabase { .. }), "{what}: {error}");
        assert!(error.to_string().contains("ConnectionStrings__DefaultConnection"), "{error}");
        let way_out = format!("`octoporty import --from-octoporty {}`", file.display());
        assert!(error.to_string().contains(&way_out), "{error}");
        assert_eq!(std::fs::read(&file).unwrap(), before, "{what}");
    }
}

#[tokio::test]
async fn a_database_of_ours_from_before_it_said_so_is_taken_and_marked() {
    let mut world = World::new().await;
    world.user().await.create("app.example.com").await;
    world.stop().await;
    let mut other = shell(&world.database()).await;
    sqlx::raw_sql("PRAGMA application_id = 0").execute(&mut other).await.unwrap();
    sqlx::Connection::close(other).await.unwrap();
    world.restart().await;
    assert_eq!(world.agent.desired.borrow().mappings.len(), 1);
    let id: i32 =
        sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut shell(&world.database()).await).await.unwrap();
    assert_eq!(id.to_be_bytes(), *b"OCTO");
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = start(&file.join("data/octoporty.db")).await.unwrap_err();
    let StartError::Folder { path, uid, .. } = &error else { panic!("{error}") };
    assert!(path.ends_with("file/data"));
    assert_eq!(*uid, rustix::process::getuid().as_raw());
    assert!(error.to_string().contains("chown") && error.to_string().contains("568"), "{error}");
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_refused_in_words() {
    if rustix::process::getuid().is_root() {
        // Root writes everywhere but in the kernel's own file systems.
        let error = start(Path::new("/proc/octoporty/octoporty.db")).await.unwrap_err();
        assert!(matches!(error, StartError::Folder { .. }), "{error}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o500)).unwrap();
    let error = start(&folder.path().join("octoporty.db")).await.unwrap_err();
    assert!(matches!(error, StartError::Folder { .. }), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("octoporty.db");
    let text = "this is a letter, not a database. ".repeat(100);
    std::fs::write(&file, &text).unwrap();
    let error = start(&file).await.unwrap_err();
    assert!(matches!(error, StartError::Database { .. }), "{error}");
    assert!(error.to_string().contains("it is not an SQLite database"), "{error}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

#[tokio::test]
async fn a_port_in_use_is_refused_in_words() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path().join("octoporty.db"));
    config.listen = world.address;
    let (_agent, ports) = AgentSide::pair();
    let error = Console::start(config, ports).await.unwrap_err();
    assert!(matches!(&error, StartError::Bind { address, .. } if *address == world.address), "{error}");
    assert!(error.to_string().contains("Agent__Port"), "{error}");
    assert!(!folder.path().join("octoporty.db").exists(), "nothing was made");
}

#[tokio::test]
async fn an_unspecified_address_takes_both_families() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path().join("octoporty.db"));
    config.listen = "[::]:0".parse().unwrap();
    let (_agent, ports) = AgentSide::pair();
    let console = Console::start(config, ports).await.unwrap();
    let port = console.local_addr().port();
    let over_ipv4 = SocketAddr::from(([127, 0, 0, 1], port));
    assert_eq!(crate::client::Call::new(over_ipv4, "GET", "/ready").send().await.status, 200);
    console.stop(Duration::from_secs(1)).await;
    assert!(std::net::TcpStream::connect(over_ipv4).is_err(), "nobody listens any more");
}

#[tokio::test]
async fn files_are_for_their_owner_alone() {
    let world = World::new().await;
    world.user().await.create("app.example.com").await;
    let mut files = 0;
    for entry in std::fs::read_dir(world.database().parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", entry.file_name());
        files += 1;
    }
    assert!(files >= 2);
}

#[tokio::test]
async fn a_locked_database_delays_log_rows_and_refuses_changes_until_it_is_free() {
    let world = World::new().await;
    let user = world.user().await;
    let id = user.create("app.example.com").await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(world.database());
    let mut other = sqlx::ConnectOptions::connect(&options).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let batch = (0..1_500).map(|at| access_record(&id, NOW + at));
    world.agent.access.send(batch.collect()).await.unwrap();

    let change = user.send("PATCH", &format!("/api/v1/mappings/{id}/toggle"), &json!({ "enabled": false })).await;
    let problem = change.problem(503, "store_unavailable");
    assert_eq!(change.header("retry-after"), "5");
    assert!(!problem["detail"].as_str().unwrap().contains("SQLITE"), "causes stay inside");
    let health = world.call("GET", "/health").send().await.json();
    assert_eq!(health["reasons"], json!(["The database cannot be written; the console's log says why."]));
    assert_eq!(world.call("GET", "/ready").send().await.status, 503);
    assert_eq!(user.get(&format!("/api/v1/mappings/{id}")).await.json()["enabled"], true, "reading goes on");

    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    let rows = eventually(|| async {
        let page = user.get("/api/v1/logs/requests?count=5000").await.json();
        let rows = page["items"].as_array().unwrap().clone();
        (rows.len() >= 1_500).then_some(rows)
    })
    .await;
    let order: Vec<_> = rows.iter().rev().map(|row| row["requestId"].as_str().unwrap().to_owned()).collect();
    let sent: Vec<_> = (0..1_500).map(|at| format!("request-{}", NOW + at)).collect();
    assert_eq!(order, sent, "none lost, none twice, in order");
    let health = world.call("GET", "/health").send().await.json();
    assert_eq!((health["status"].as_str(), health["droppedLogRows"].as_u64()), (Some("healthy"), Some(0)));
}
