//! Settings come in and go out: from the original's database, as definitions, as a backup and back.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use octoporty_e2e::console::{ConsoleClient, moment_ms, now_ms};
use octoporty_e2e::target::mirror;
use octoporty_e2e::visitor::curl;
use octoporty_e2e::world::World;
use octoporty_e2e::{PATIENCE, eventually};
use serde_json::{Value, json};

struct Ended {
    code: Option<i32>,
    text: String,
}

async fn run(world: &World, args: &[&str], settings: &[(&str, &str)]) -> Ended {
    let mut command = world.command(args, settings);
    let output =
        tokio::time::timeout(PATIENCE, command.kill_on_drop(true).output()).await.expect("it ends").expect("it runs");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("$ octoporty {}\n{text}", args.join(" "));
    Ended { code: output.status.code(), text }
}

/// Runs a script of Python, whose SQLite is not ours, on a file.
fn python(script: &str, file: &Path) -> String {
    let output = Command::new("python3").arg("-c").arg(script).arg(file).output().expect("python3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// A database as the original makes it: EF Core's tables, ids in capitals, no write-ahead log.
fn original(file: &Path, ip: &str, port: u16) {
    let script = format!(
        r#"
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.executescript("""
CREATE TABLE "__EFMigrationsHistory" ("MigrationId" TEXT NOT NULL PRIMARY KEY, "ProductVersion" TEXT NOT NULL);
CREATE TABLE "__EFMigrationsLock" ("Id" INTEGER NOT NULL PRIMARY KEY, "Timestamp" TEXT NOT NULL);
CREATE TABLE "PortMappings" ("Id" TEXT NOT NULL PRIMARY KEY, "ExternalDomain" TEXT NOT NULL, "InternalHost" TEXT NOT NULL,
  "InternalPort" INTEGER NOT NULL, "InternalUseTls" INTEGER NOT NULL, "AllowSelfSignedCerts" INTEGER NOT NULL,
  "IsEnabled" INTEGER NOT NULL, "Description" TEXT NULL, "CreatedAt" TEXT NOT NULL, "UpdatedAt" TEXT NOT NULL);
CREATE UNIQUE INDEX "IX_PortMappings_ExternalDomain" ON "PortMappings" ("ExternalDomain");
CREATE TABLE "ConnectionLogs" ("Id" TEXT NOT NULL PRIMARY KEY, "PortMappingId" TEXT NOT NULL);
CREATE TABLE "RequestLogs" ("Id" TEXT NOT NULL PRIMARY KEY, "PortMappingId" TEXT NOT NULL);
CREATE TABLE "Settings" ("Key" TEXT NOT NULL PRIMARY KEY, "Value" TEXT NOT NULL, "UpdatedAt" TEXT NOT NULL);
INSERT INTO "__EFMigrationsHistory" VALUES ('20260130133642_AddSettings', '10.0.2');
""")
now = '2026-02-11 10:00:00.1234567'
rows = [
    ('6F9619FF-8B86-D011-B42D-00C04FC964FF', 'App.test', '{ip}', {port}, 0, 0, 1, 'An\napp ' + 'x' * 400),
    ('7F9619FF-8B86-D011-B42D-00C04FC964FF', 'off.test', '{ip}', {port}, 0, 0, 0, None),
    ('8F9619FF-8B86-D011-B42D-00C04FC964FF', 'app.test', '{ip}', {port}, 0, 0, 1, 'the same name in small letters'),
    ('9F9619FF-8B86-D011-B42D-00C04FC964FF', 'two..dots', '{ip}', {port}, 0, 0, 1, None),
    ('AF9619FF-8B86-D011-B42D-00C04FC964FF', 'tls.test', 'nas', 8443, 1, 1, 1, ''),
]
db.executemany('INSERT INTO PortMappings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)', [row + (now, now) for row in rows])
db.execute("INSERT INTO Settings VALUES ('LandingPageHtml', '<h1>From the original</h1>', ?)", (now,))
db.commit()
"#
    );
    python(&script, file);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_the_original_is_taken_over_and_its_mappings_serve() {
    let world = World::new();
    let _gateway = world.gateway(&[]).await;
    let target = mirror(world.ip()).await;
    // Where the original had it is where ours goes: whoever replaces the binary has this.
    let database = world.path("agent.db");
    original(&database, &world.ip().to_string(), target.address().port());
    let before = std::fs::read(&database).expect("it is there");
    let path = text(&database);

    let mut refused = world.agent_named("agent", world.console_address(), world.gateway_address(), &[]);
    assert_eq!(refused.wait(PATIENCE).await.code(), Some(69));
    let said = refused.output();
    let way_out = format!("octoporty import --from-octoporty {path}");
    assert!(said.contains(&way_out), "the start names the command: {said}");
    assert_eq!(std::fs::read(&database).expect("it is there"), before);

    let args = ["import", "--from-octoporty", &path, "--database", &path];
    let preview = run(&world, &[&args[..], &["--dry-run"]].concat(), &[]).await;
    assert_eq!(preview.code, Some(1), "some rows are left out");
    assert!(preview.text.contains("3 created, 0 updated, 0 skipped, 2 left out"), "{}", preview.text);
    assert_eq!(std::fs::read(&database).expect("it is there"), before, "a preview touches nothing");

    let import = run(&world, &args, &[]).await;
    assert_eq!(import.code, Some(1));
    for words in ["two..dots", "app.test stands at", "the landing page is taken over", "before-import-"] {
        assert!(import.text.contains(words), "{words}: {}", import.text);
    }
    let kept = beside(&database, ".before-import-");
    assert_eq!(std::fs::read(&kept[0]).expect("it is kept"), before);

    let (_agent, console) = world.agent(&[]).await;
    eventually("curl is served by it", || async {
        let url = format!("http://{}/x", world.gateway_address());
        let answer = String::from_utf8(curl(&["--include", "--header", "Host: app.test", &url]).await).expect("text");
        answer.starts_with("HTTP/1.1 200").then_some(())
    })
    .await;
    assert_eq!(world.get("off.test", "/").await.status, 404);
    let mapping = console.expect(200, "GET", "/api/v1/mappings/af9619ff-8b86-d011-b42d-00c04fc964ff", None).await;
    for (field, value) in [
        ("externalDomain", json!("tls.test")),
        ("internalProtocol", json!("Https")),
        ("allowInvalidCertificates", json!(true)),
        ("name", json!("tls.test")),
        ("enabled", json!(true)),
    ] {
        assert_eq!(mapping[field], value, "{field}: {mapping}");
    }
    let page = console.expect(200, "GET", "/api/v1/settings/landing-page", None).await;
    assert_eq!(page["html"], "<h1>From the original</h1>");
}

/// Files beside the database with this in their names.
fn beside(database: &Path, mark: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(database.parent().expect("a folder")).expect("readable");
    entries.map(|entry| entry.expect("readable").path()).filter(|path| text(path).contains(mark)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_original_is_merged_into_a_database_that_has_mappings_but_not_under_a_running_agent() {
    let world = World::new();
    let (mut agent, console) = world.agent_via(world.gateway_address(), &[]).await;
    let mine = console.map("mine.test", "127.0.0.1:1".parse().expect("legal")).await;
    let theirs = console.map("app.test", "127.0.0.1:1".parse().expect("legal")).await;
    let file = world.path("original.db");
    original(&file, "10.0.0.9", 8080);
    let (from, database) = (text(&file), text(&world.path("agent.db")));
    let settings = format!("Data Source={database}");
    let environment = [("ConnectionStrings__DefaultConnection", settings.as_str())];
    let refused = run(&world, &["import", "--from-octoporty", &from], &environment).await;
    assert_eq!(refused.code, Some(69));
    assert!(refused.text.contains("is in use: stop the agent first"), "{}", refused.text);

    agent.kill().await;
    let preview = run(&world, &["import", "--from-octoporty", &from, "--dry-run"], &environment).await;
    let import = run(&world, &["import", "--from-octoporty", &from], &environment).await;
    for ended in [&preview, &import] {
        assert!(ended.text.contains("2 created, 1 updated, 0 skipped, 2 left out"), "{}", ended.text);
        assert!(ended.text.contains("internalPort: 1 -> 8080"), "{}", ended.text);
    }
    let again = run(&world, &["import", "--from-octoporty", &from], &environment).await;
    assert!(again.text.contains("0 created, 0 updated, 3 skipped, 2 left out"), "{}", again.text);

    let (_agent, console) = world.agent_via(world.gateway_address(), &[]).await;
    let port = async |id: &str| {
        console.expect(200, "GET", &format!("/api/v1/mappings/{id}"), None).await["internalPort"].clone()
    };
    assert_eq!((port(&mine).await, port(&theirs).await), (json!(1), json!(8080)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_put_back_with_the_agent_stopped_and_the_old_database_is_kept() {
    let world = World::new();
    let (mut agent, console) = world.agent_via(world.gateway_address(), &[]).await;
    let first = console.map("first.test", "127.0.0.1:1".parse().expect("legal")).await;
    let (backup, database) = (world.path("backup.db"), world.path("agent.db"));
    let reply = console.call("GET", "/api/v1/import-export/sqlite", None).await;
    assert!(reply.body.starts_with(b"SQLite format 3\0"));
    std::fs::write(&backup, &reply.body).expect("writable");
    let later = console.map("later.test", "127.0.0.1:1".parse().expect("legal")).await;
    let (from, to) = (text(&backup), text(&database));
    let args = ["restore", "--from", &from, "--database", &to];
    let refused = run(&world, &args, &[]).await;
    assert_eq!(refused.code, Some(69));
    assert!(refused.text.contains("stop the agent first"), "{}", refused.text);
    console.expect(200, "GET", &format!("/api/v1/mappings/{later}"), None).await;

    // Killed: its newest changes are in the write-ahead log alone.
    agent.kill().await;
    let restored = run(&world, &args, &[]).await;
    assert_eq!(restored.code, Some(0));
    assert!(restored.text.contains("1 mapping and the default landing page"), "{}", restored.text);
    let kept = beside(&database, ".before-restore-");
    let [kept] = kept.as_slice() else { panic!("{kept:?}") };
    let look = "import sqlite3, sys\nprint(sorted(r[0] for r in sqlite3.connect(sys.argv[1]).execute('SELECT domain FROM mappings')))";
    assert_eq!(python(look, kept).trim(), "['first.test', 'later.test']", "nothing of the old one is lost");

    let (mut agent, console) = world.agent_via(world.gateway_address(), &[]).await;
    console.expect(200, "GET", &format!("/api/v1/mappings/{first}"), None).await;
    console.expect(404, "GET", &format!("/api/v1/mappings/{later}"), None).await;
    // What is kept is a backup as well.
    agent.kill().await;
    let kept = text(kept);
    let restored = run(&world, &["restore", "--from", &kept, "--database", &to], &[]).await;
    assert_eq!(restored.code, Some(0));
    let (_agent, console) = world.agent_via(world.gateway_address(), &[]).await;
    console.expect(200, "GET", &format!("/api/v1/mappings/{later}"), None).await;
}

const EXPORT: &str = "/api/v1/import-export/export";
const IMPORT: &str = "/api/v1/import-export/import";
const PREVIEW: &str = "/api/v1/import-export/import?dryRun=true";

async fn export(console: &ConsoleClient) -> Value {
    console.expect(200, "GET", EXPORT, None).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_has_each_field_as_it_is_stored_just_now() {
    let world = World::new();
    let (_agent, console) = world.agent_via(world.gateway_address(), &[]).await;
    let began = now_ms();
    let empty = export(&console).await;
    let at = moment_ms(&empty["exportedAtUtc"]);
    assert!(at + 50 >= began && at <= now_ms() + 50, "{empty}");
    let head = |file: &Value| {
        let mut head = file.clone();
        head.as_object_mut().expect("an object").retain(|name, _| name != "exportedAtUtc" && name != "mappings");
        head
    };
    let own = json!({ "schemaVersion": "1", "landingPageHtml": null, "landingPageIsDefault": true });
    assert_eq!((head(&empty), &empty["mappings"]), (own, &json!([])));

    let id = console.map("app.test", "127.0.0.1:81".parse().expect("legal")).await;
    let plain = json!({
        "id": id, "kind": "http", "description": "app.test", "externalDomain": "app.test", "pathPrefix": "/",
        "stripPrefix": false, "internalHost": "127.0.0.1", "internalPort": 81, "internalUseTls": false,
        "allowSelfSignedCerts": false, "hostHeader": "keep", "compression": "auto", "isEnabled": true,
    });
    assert_eq!(export(&console).await["mappings"], json!([plain]));
    // All of it becomes something else.
    let other = json!({
        "name": "Another", "externalDomain": "*.other.test", "pathPrefix": "/api", "stripPrefix": true,
        "internalHost": "nas.lan", "internalPort": 8443, "internalProtocol": "https", "allowInvalidCertificates": true,
        "hostHeader": "target", "compression": "off", "enabled": false,
    });
    console.expect(200, "PUT", &format!("/api/v1/mappings/{id}"), Some(other)).await;
    let page = "<!doctype html><p>Ours";
    console.expect(200, "PUT", "/api/v1/settings/landing-page", Some(json!({ "html": page }))).await;
    let changed = export(&console).await;
    let now = json!({
        "id": id, "kind": "http", "description": "Another", "externalDomain": "*.other.test", "pathPrefix": "/api",
        "stripPrefix": true, "internalHost": "nas.lan", "internalPort": 8443, "internalUseTls": true,
        "allowSelfSignedCerts": true, "hostHeader": "target", "compression": "off", "isEnabled": false,
    });
    assert_eq!(changed["mappings"], json!([now]));
    assert_eq!(head(&changed), json!({ "schemaVersion": "1", "landingPageHtml": page, "landingPageIsDefault": false }));
    assert!(moment_ms(&changed["exportedAtUtc"]) > at);
}

fn mistake(answer: &Value, field: &str) -> String {
    let found = answer["mistakes"].as_array().expect("a list").iter().find(|mistake| mistake["field"] == field);
    let message = found.and_then(|mistake| mistake["message"].as_str());
    message.unwrap_or_else(|| panic!("nothing of {field}: {answer}")).to_owned()
}

/// What an import does: created, updated, skipped, deleted.
fn counts(answer: &Value) -> [u64; 4] {
    ["created", "updated", "skipped", "deleted"].map(|name| answer[name].as_u64().expect("a number"))
}

/// Changes the file of two mappings: the first one's target, a third one, a page. Gives what an import has to tell of it.
fn changed(file: &mut Value, to: SocketAddr) -> Value {
    let [first, second] = [0, 1].map(|index: usize| file["mappings"][index]["id"].clone());
    file["mappings"][0]["internalPort"] = json!(to.port());
    file["mappings"][0]["internalHost"] = json!(to.ip().to_string());
    let third = json!({
        "id": "7f9619ff-8b86-d011-b42d-00c04fc964ff", "externalDomain": "third.test", "pathPrefix": "/x",
        "description": "Third", "internalHost": to.ip().to_string(), "internalPort": to.port(),
    });
    file["mappings"].as_array_mut().expect("a list").push(third);
    (file["landingPageHtml"], file["landingPageIsDefault"]) = (json!("<p>Imported"), json!(false));
    json!([
        {
            "action": "updated", "index": 0, "id": first, "name": "first.test", "address": "first.test",
            "target": format!("http://{to}"), "reason": null,
            "changes": [
                { "field": "internalHost", "from": "127.0.0.1", "to": to.ip().to_string() },
                { "field": "internalPort", "from": "81", "to": to.port().to_string() },
            ],
        },
        {
            "action": "skipped", "index": 1, "id": second, "name": "second.test", "address": "second.test",
            "target": format!("http://{to}"), "reason": "It is stored like this already.", "changes": [],
        },
        {
            "action": "created", "index": 2, "id": "7f9619ff-8b86-d011-b42d-00c04fc964ff", "name": "Third",
            "address": "third.test/x", "target": format!("http://{to}"), "reason": null, "changes": [],
        },
    ])
}

/// Two mistakes are told where they stand, and nothing is stored.
async fn assert_refused(console: &ConsoleClient, mut file: Value) {
    file["mappings"][0]["internalPort"] = json!(0);
    file["mappings"][1]["externalDomain"] = json!("two..dots");
    let wrong = console.expect(200, "POST", PREVIEW, Some(file.clone())).await;
    assert_eq!((&wrong["success"], wrong["mistakes"].as_array().map(Vec::len)), (&json!(false), Some(2)));
    assert!(wrong["error"].as_str().is_some_and(|why| why.starts_with("2 things are wrong")), "{wrong}");
    let port = mistake(&wrong, "mappings[0].internalPort");
    assert!(!mistake(&wrong, "mappings[1].externalDomain").is_empty());
    assert_eq!(wrong["errors"][0], format!("mappings[0].internalPort: {port}"));
    console.expect(400, "POST", IMPORT, Some(file)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_and_a_restore_tell_what_they_do_and_do_it() {
    let world = World::new();
    let pair = world.pair().await;
    let (console, target) = (&pair.console, mirror(world.ip()).await);
    console.map("first.test", "127.0.0.1:81".parse().expect("legal")).await;
    console.map("second.test", target.address()).await;
    let backup = world.path("backup.db");
    std::fs::write(&backup, console.call("GET", "/api/v1/import-export/sqlite", None).await.body).expect("writable");
    let revision = async || console.status().await["revision"].clone();
    let (before, mut file) = (revision().await, export(console).await);

    // As exported: nothing is to do.
    let same = console.expect(200, "POST", PREVIEW, Some(file.clone())).await;
    assert_eq!((counts(&same), &same["landingPage"]), ([0, 0, 2, 0], &json!("kept")));
    assert_eq!((&same["success"], &same["dryRun"], &same["revision"]), (&json!(true), &json!(true), &before));
    for entry in same["entries"].as_array().expect("a list") {
        assert_eq!((&entry["action"], &entry["changes"]), (&json!("skipped"), &json!([])));
        assert!(entry["reason"].as_str().is_some_and(|why| why.contains("already")), "{entry}");
    }

    let entries = changed(&mut file, target.address());
    let preview = console.expect(200, "POST", PREVIEW, Some(file.clone())).await;
    assert_eq!((counts(&preview), &preview["landingPage"]), ([1, 1, 1, 0], &json!("replaced")));
    assert_eq!((&preview["entries"], &preview["revision"]), (&entries, &before));
    assert_eq!(revision().await, before, "a preview stores nothing");
    let done = console.expect(200, "POST", IMPORT, Some(file.clone())).await;
    assert_eq!((&done["entries"], &done["dryRun"], &done["success"]), (&entries, &json!(false), &json!(true)));
    assert_eq!((&done["error"], &done["errors"], &done["mistakes"]), (&Value::Null, &json!([]), &json!([])));
    assert!(done["revision"].as_u64() > before.as_u64() && done["revision"] == revision().await, "{done}");
    for (domain, path) in [("first.test", "/"), ("third.test", "/x")] {
        eventually(&format!("{domain} is served"), || async {
            (world.get(domain, path).await.status == 200).then_some(())
        })
        .await;
    }

    assert_refused(console, file).await;
    assert_eq!(revision().await, done["revision"], "nothing was stored");

    // The backup is of before: the third one goes.
    let restore = "/api/v1/import-export/restore";
    let preview = console.upload(&format!("{restore}?dryRun=true"), &backup).await;
    assert_eq!((counts(&preview), &preview["landingPage"]), ([0, 1, 1, 1], &json!("reset")));
    let gone = &preview["entries"][2];
    assert_eq!((&gone["action"], &gone["index"], &gone["name"]), (&json!("deleted"), &Value::Null, &json!("Third")));
    let restored = console.upload(restore, &backup).await;
    assert_eq!((&restored["entries"], counts(&restored)), (&preview["entries"], counts(&preview)));
    eventually("it is served no more", || async { (world.get("third.test", "/x").await.status == 404).then_some(()) })
        .await;
    assert_eq!(export(console).await["landingPageIsDefault"], true);
}

#[tokio::test]
async fn files_that_are_no_backups_are_refused_by_name_and_touch_nothing() {
    let world = World::new();
    let (mut agent, console) = world.agent_via(world.gateway_address(), &[]).await;
    for number in 0..40 {
        console.map(&format!("app{number}.test"), "127.0.0.1:1".parse().expect("legal")).await;
    }
    let backup = console.call("GET", "/api/v1/import-export/sqlite", None).await.body;
    agent.kill().await;
    let database = world.path("agent.db");
    let before: Vec<_> = [".db", ".db-wal"].map(|end| std::fs::read(world.path(&format!("agent{end}"))).ok()).into();
    let newer = world.path("newer.db");
    std::fs::write(&newer, &backup).expect("writable");
    python("import sqlite3, sys\nsqlite3.connect(sys.argv[1]).executescript('PRAGMA user_version = 99')", &newer);
    let theirs = world.path("theirs.db");
    original(&theirs, "10.0.0.9", 80);
    let foreign = world.path("foreign.db");
    python(
        "import sqlite3, sys\nsqlite3.connect(sys.argv[1]).executescript('CREATE TABLE notes (text TEXT)')",
        &foreign,
    );
    let write = |name: &str, bytes: &[u8]| {
        let path = world.path(name);
        std::fs::write(&path, bytes).expect("writable");
        path
    };
    for (file, words) in [
        (write("letter.db", b"Dear all"), "is not an SQLite database"),
        (write("half.db", &backup[..backup.len() / 2]), "was cut off"),
        (newer, "was made by a newer release (schema 99"),
        (theirs, "octoporty import --from-octoporty"),
        (foreign, "is another program's database (its tables: notes)"),
        (world.path("missing.db"), "No such file"),
        (database.clone(), "is the database itself"),
    ] {
        let ended = run(&world, &["restore", "--from", &text(&file), "--database", &text(&database)], &[]).await;
        assert_eq!(ended.code, Some(64));
        assert!(ended.text.contains(words) && ended.text.contains(&text(&file)), "{words}: {}", ended.text);
        assert!(ended.text.contains("nothing was changed"), "{}", ended.text);
    }
    let after: Vec<_> = [".db", ".db-wal"].map(|end| std::fs::read(world.path(&format!("agent{end}"))).ok()).into();
    assert!(before == after, "the database is as it was");
    assert!(beside(&database, "scratch").is_empty() && beside(&database, "before-").is_empty());
    let ours = run(&world, &["import", "--from-octoporty", &text(&database), "--dry-run"], &[]).await;
    assert_eq!(ours.code, Some(64));
    assert!(ours.text.contains("this is a database of this Octoporty already"), "{}", ours.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_does_not_fit_on_the_disk_is_told_and_leaves_the_console_as_it_was() {
    let world = World::new();
    let (_agent, console, _) = world.agent_on_small_disk(1).await;
    let page = json!({ "html": "x".repeat(400_000) });
    console.expect(200, "PUT", "/api/v1/settings/landing-page", Some(page)).await;
    // Database and log have most of the room now; a copy does not fit beside them.
    let reply = console.call("GET", "/api/v1/import-export/sqlite", None).await;
    assert_eq!(reply.status, 503, "{} bytes", reply.body.len());
    let problem = reply.json();
    assert_eq!(problem["code"], "disk_full", "{problem}");
    assert!(problem["detail"].as_str().is_some_and(|text| text.contains("no room for a backup")), "{problem}");
    console.expect(200, "GET", "/api/v1/mappings", None).await;
    console.map("still.test", "127.0.0.1:1".parse().expect("legal")).await;
}
