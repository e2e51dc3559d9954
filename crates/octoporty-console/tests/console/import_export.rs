//! Definitions and backups, there and back.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::client::Answer;
use crate::world::{NOW, User, World, access_record, eventually};

const EXPORT: &str = "/api/v1/import-export/export";
const IMPORT: &str = "/api/v1/import-export/import";
const PREVIEW: &str = "/api/v1/import-export/import?dryRun=true";
const BACKUP: &str = "/api/v1/import-export/sqlite";
const RESTORE: &str = "/api/v1/import-export/restore";

/// A mapping that has something other than the default in every field.
fn rich(domain: &str) -> Value {
    json!({
        "name": "<img src=x onerror=alert(1)> & \"Photos\"", "externalDomain": domain, "pathPrefix": "/photos",
        "stripPrefix": true, "internalHost": "192.168.1.10", "internalPort": 2283, "internalProtocol": "Https",
        "allowInvalidCertificates": true, "hostHeader": "photos.internal", "compression": "off", "enabled": false
    })
}

async fn make(user: &User<'_>, body: &Value) -> String {
    let answer = user.send("POST", "/api/v1/mappings", body).await;
    assert_eq!(answer.status, 201, "{:?}", answer.json());
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// What a mapping is, without what changes by itself.
async fn settings_of(user: &User<'_>) -> Vec<Value> {
    let mut mappings = user.get("/api/v1/mappings").await.json();
    for mapping in mappings.as_array_mut().unwrap() {
        let fields = mapping.as_object_mut().unwrap();
        for field in ["createdAt", "updatedAt", "sync", "live"] {
            fields.remove(field);
        }
    }
    mappings.as_array().unwrap().clone()
}

async fn delete_all(user: &User<'_>) {
    for mapping in settings_of(user).await {
        let path = format!("/api/v1/mappings/{}", mapping["id"].as_str().unwrap());
        assert_eq!(user.send("DELETE", &path, &json!({})).await.status, 204);
    }
    user.send("DELETE", "/api/v1/settings/landing-page", &json!({})).await;
}

fn file(mappings: &Value) -> Value {
    json!({ "schemaVersion": "1", "mappings": mappings })
}

fn counts(answer: &Answer) -> [u64; 4] {
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let result = answer.json();
    ["created", "updated", "skipped", "deleted"].map(|field| result[field].as_u64().unwrap())
}

#[tokio::test]
async fn an_export_brings_everything_back_with_the_same_ids() {
    let world = World::new().await;
    let user = world.user().await;
    make(&user, &rich("a.example.com")).await;
    user.create("*.b.example.com").await;
    let page = json!({ "html": "<h1>Hello</h1><script>alert(1)</script>" });
    user.send("PUT", "/api/v1/settings/landing-page", &page).await;
    let before = settings_of(&user).await;
    let export = user.get(EXPORT).await;
    assert_eq!(export.status, 200);
    assert_eq!(export.header("content-type"), "application/json");
    let disposition = export.header("content-disposition");
    assert!(disposition.starts_with("attachment; filename=\"octoporty-agent-definitions-2027"), "{disposition}");
    assert!(disposition.ends_with(".json\""), "{disposition}");
    let document = export.json();
    assert_eq!(document["schemaVersion"], "1");
    assert_eq!(document["landingPageIsDefault"], false);
    // The original's fields, for the original's readers.
    let rich = &document["mappings"][1];
    for (field, value) in [
        ("externalDomain", json!("a.example.com")),
        ("internalHost", json!("192.168.1.10")),
        ("internalPort", json!(2283)),
        ("internalUseTls", json!(true)),
        ("allowSelfSignedCerts", json!(true)),
        ("isEnabled", json!(false)),
        ("description", json!("<img src=x onerror=alert(1)> & \"Photos\"")),
        ("pathPrefix", json!("/photos")),
    ] {
        assert_eq!(rich[field], value, "{field}: {rich}");
    }

    assert_eq!(counts(&user.send("POST", IMPORT, &document).await), [0, 0, 2, 0], "nothing differs");
    delete_all(&user).await;
    assert!(settings_of(&user).await.is_empty());
    let answer = user.send("POST", IMPORT, &document).await;
    assert_eq!(counts(&answer), [2, 0, 0, 0]);
    assert_eq!(answer.json()["landingPage"], "replaced");
    assert_eq!(settings_of(&user).await, before);
    assert_eq!(user.get("/api/v1/settings/landing-page").await.json()["html"], page["html"]);
    let desired = world.agent.desired.borrow().clone();
    assert_eq!(desired.mappings.len(), 1, "the agent is told; one of the two is disabled");
    assert!(desired.landing_page.is_some());
}

#[tokio::test]
async fn a_port_that_is_changed_in_the_file_is_changed_in_the_mapping() {
    let world = World::new().await;
    let user = world.user().await;
    let id = user.create("app.example.com").await;
    let mut document = user.get(EXPORT).await.json();
    document["mappings"][0]["internalPort"] = json!(9090);
    let preview = user.send("POST", PREVIEW, &document).await.json();
    assert_eq!(preview["dryRun"], true);
    assert_eq!(preview["entries"][0]["action"], "updated");
    assert_eq!(preview["entries"][0]["changes"], json!([{ "field": "internalPort", "from": "3000", "to": "9090" }]));
    let path = format!("/api/v1/mappings/{id}");
    assert_eq!(user.get(&path).await.json()["internalPort"], 3000, "a preview changes nothing");
    let answer = user.send("POST", IMPORT, &document).await.json();
    assert_eq!((answer["success"].as_bool(), answer["updated"].as_u64()), (Some(true), Some(1)), "{answer}");
    assert_eq!(user.get(&path).await.json()["internalPort"], 9090);
}

#[tokio::test]
async fn a_file_of_the_original_is_merged_by_domain_and_leaves_what_it_does_not_say() {
    let world = World::new().await;
    let user = world.user().await;
    let id = make(
        &user,
        &json!({ "name": "Mine", "externalDomain": "app.example.com", "internalHost": "h", "internalPort": 1,
                 "hostHeader": "target", "compression": "on" }),
    )
    .await;
    let other = user.create("other.example.com").await;
    let original = json!({
        "schemaVersion": "1", "exportedAtUtc": "2026-02-11T10:00:00.1234567Z",
        "mappings": [
            { "id": "6F9619FF-8B86-D011-B42D-00C04FC964FF", "externalDomain": "App.example.com", "internalHost": "nas",
              "internalPort": 8443, "internalUseTls": true, "allowSelfSignedCerts": true, "isEnabled": false,
              "description": null },
            { "id": "7F9619FF-8B86-D011-B42D-00C04FC964FF", "externalDomain": "new.example.com", "internalHost": "nas",
              "internalPort": 80, "internalUseTls": false, "allowSelfSignedCerts": false, "isEnabled": true,
              "description": "New" },
        ],
        "landingPageHtml": null, "landingPageIsDefault": true
    });
    assert_eq!(counts(&user.send("POST", IMPORT, &original).await), [1, 1, 0, 0]);
    let merged = user.get(&format!("/api/v1/mappings/{id}")).await.json();
    for (field, value) in [
        ("internalHost", json!("nas")),
        ("internalPort", json!(8443)),
        ("internalProtocol", json!("Https")),
        ("enabled", json!(false)),
        ("name", json!("Mine")),
        ("hostHeader", json!("target")),
        ("compression", json!("on")),
    ] {
        assert_eq!(merged[field], value, "{field}: {merged}");
    }
    let new = user.get("/api/v1/mappings/7f9619ff-8b86-d011-b42d-00c04fc964ff").await;
    assert_eq!((new.status.as_u16(), new.json()["name"].as_str()), (200, Some("New")));
    assert_eq!(user.get(&format!("/api/v1/mappings/{other}")).await.status, 200, "an import deletes nothing");
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_at_its_place_and_nothing_is_stored() {
    let world = World::new().await;
    let user = world.user().await;
    let (a, _) = (user.create("a.example.com").await, user.create("b.example.com").await);
    let before = settings_of(&user).await;
    let good = |domain: &str| json!({ "externalDomain": domain, "internalHost": "h", "internalPort": 80 });
    let mut moved = good("b.example.com");
    moved["id"] = json!(a);
    let document = file(&json!([
        good("good.example.com"),
        { "externalDomain": "not a name", "internalHost": "h", "internalPort": 0 },
        good("GOOD.example.com"),
        moved,
        "text",
        { "id": "7", "externalDomain": "c.example.com", "internalHost": "h", "internalPort": 80 },
    ]));
    let preview = user.send("POST", PREVIEW, &document).await;
    assert_eq!(preview.status, 200);
    let preview = preview.json();
    assert_eq!(preview["success"], false);
    let mistakes = preview["mistakes"].as_array().unwrap();
    let told = |field: &str| {
        let mistake = mistakes.iter().find(|one| one["field"] == field);
        mistake.unwrap_or_else(|| panic!("{field}: {preview}"))["message"].as_str().unwrap()
    };
    assert!(told("mappings[1].internalPort").contains("1 to 65535"));
    assert!(!told("mappings[1].externalDomain").is_empty());
    assert!(told("mappings[2].externalDomain").contains("mappings[0]"));
    assert!(told("mappings[3].externalDomain").contains("belongs to the mapping \"b.example.com\""));
    assert!(told("mappings[4]").contains("an object, not a text"));
    assert!(told("mappings[5].id").contains("UUID"));
    assert_eq!(preview["errors"].as_array().unwrap().len(), mistakes.len());

    let problem = user.send("POST", IMPORT, &document).await.problem(400, "validation_failed");
    assert_eq!(problem["errors"].as_object().unwrap().len(), 6, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("nothing was stored"), "{problem}");
    assert_eq!(settings_of(&user).await, before);
}

#[tokio::test]
async fn mappings_may_change_places() {
    let world = World::new().await;
    let user = world.user().await;
    let (a, b) = (user.create("a.example.com").await, user.create("b.example.com").await);
    let mut document = user.get(EXPORT).await.json();
    document["mappings"][0]["externalDomain"] = json!("b.example.com");
    document["mappings"][1]["externalDomain"] = json!("a.example.com");
    assert_eq!(counts(&user.send("POST", IMPORT, &document).await), [0, 2, 0, 0]);
    let domain = async |id: &str| user.get(&format!("/api/v1/mappings/{id}")).await.json()["externalDomain"].clone();
    assert_eq!((domain(&a).await, domain(&b).await), (json!("b.example.com"), json!("a.example.com")));
}

#[tokio::test]
async fn a_preview_that_is_no_longer_true_is_not_applied() {
    let world = World::new().await;
    let user = world.user().await;
    let document = file(&json!([{ "externalDomain": "a.example.com", "internalHost": "h", "internalPort": 80 }]));
    let tag = user.send("POST", PREVIEW, &document).await.header("etag").to_owned();
    user.create("meanwhile.example.com").await;
    let apply = async |tag: &str| user.call("POST", IMPORT).header("if-match", tag).json(&document).send().await;
    let problem = apply(&tag).await.problem(412, "stale");
    assert!(problem["detail"].as_str().unwrap().contains("new preview"), "{problem}");
    let tag = user.send("POST", PREVIEW, &document).await.header("etag").to_owned();
    assert_eq!(counts(&apply(&tag).await), [1, 0, 0, 0]);
}

#[tokio::test]
async fn files_that_are_no_definitions_are_refused_in_words() {
    let world = World::new().await;
    let user = world.user().await;
    user.create("a.example.com").await;
    let whole = user.get(EXPORT).await.body;
    let cut = &whole[..whole.len() / 2];
    for (what, body, code, words) in [
        ("no JSON", b"SQLite format 3\0".as_slice(), "malformed", "not JSON"),
        ("cut off", cut, "malformed", "cut off"),
        ("empty", b"", "malformed", "cut off"),
        ("a list", b"[]", "malformed", "not a file of definitions"),
        ("another's", b"{}", "validation_failed", "not an export of Octoporty"),
        ("a newer one", b"{\"schemaVersion\":\"2\",\"mappings\":[]}", "unknown_schema", "reads \"1\""),
        ("no list", b"{\"schemaVersion\":\"1\",\"mappings\":7}", "malformed", "list of mappings"),
    ] {
        let call = user.call("POST", IMPORT).header("content-type", "application/json").body(body.to_vec());
        let problem = call.send().await.problem(400, code);
        assert!(problem["detail"].as_str().unwrap().contains(words), "{what}: {problem}");
    }
    let answer = user.send("POST", "/api/v1/import-export/import?dryRun=maybe", &file(&json!([]))).await;
    answer.problem(400, "validation_failed");
    let mut marked = "\u{feff}".as_bytes().to_vec();
    marked.extend_from_slice(&whole);
    let call = user.call("POST", IMPORT).header("content-type", "application/json").body(marked);
    assert_eq!(counts(&call.send().await), [0, 0, 1, 0], "a byte order mark is no fault");
}

#[tokio::test]
async fn a_hundred_megabytes_are_refused_before_they_are_sent() {
    let world = World::new().await;
    let user = world.user().await;
    for (path, kind) in [(IMPORT, "application/json"), (RESTORE, "application/x-sqlite3")] {
        let length = if path == IMPORT { 100 << 20 } else { 2_u64 << 30 };
        let answer = raw(&world, &user, path, kind, length).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        assert!(answer.contains("body_too_large"), "{answer}");
    }
}

#[tokio::test]
async fn a_body_that_does_not_say_how_long_it_is_ends_at_the_limit() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let world = World::new().await;
    let user = world.user().await;
    let stream = tokio::net::TcpStream::connect(world.address).await.unwrap();
    let (mut reading, mut writing) = stream.into_split();
    let head = format!(
        "POST {IMPORT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n",
        user.token
    );
    let chunk = [b"100000\r\n".as_slice(), &vec![b' '; 1 << 20], b"\r\n"].concat();
    let sending = async move {
        writing.write_all(head.as_bytes()).await.unwrap();
        let mut sent = 0;
        while sent < 200 && writing.write_all(&chunk).await.is_ok() {
            sent += 1;
        }
        sent
    };
    let mut answer = vec![0; 12];
    let (sent, read) = tokio::join!(sending, reading.read_exact(&mut answer));
    read.unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 413");
    assert!(sent < 100, "{sent} MiB were taken");
}

/// Announces a body, sends none of it, and reads the answer.
async fn raw(world: &World, user: &User<'_>, path: &str, kind: &str, length: u64) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(world.address).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n",
        user.token
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let reading = stream.read_to_string(&mut answer);
    tokio::time::timeout(Duration::from_secs(8), reading).await.expect("an answer at once").unwrap();
    answer
}

#[tokio::test]
async fn as_many_mappings_as_a_gateway_serves_come_in_at_once_and_one_more_does_not() {
    let world = World::new().await;
    let user = world.user().await;
    let entry = |number: usize| json!({ "externalDomain": format!("app-{number}.example.com"), "internalHost": "10.0.0.1", "internalPort": 80 });
    let mut entries: Vec<Value> = (0..20_000).map(entry).collect();
    let html = "<p>\"</p>".repeat(131_072);
    let mut document = file(&json!(entries));
    document["landingPageHtml"] = json!(html);
    assert_eq!(html.len(), 1_048_576);
    let begun = Instant::now();
    assert_eq!(counts(&user.send("POST", IMPORT, &document).await), [20_000, 0, 0, 0]);
    println!("20 000 mappings in {:?}", begun.elapsed());
    let export = user.get(EXPORT).await;
    let call = user.call("POST", IMPORT).header("content-type", "application/json").body(export.body);
    assert_eq!(counts(&call.send().await), [0, 0, 20_000, 0], "the largest export comes in again");
    entries.push(entry(20_000));
    let problem = user.send("POST", IMPORT, &file(&json!(entries))).await.problem(400, "malformed");
    assert!(problem["detail"].as_str().unwrap().contains("at most 20000 mappings"), "{problem}");
}

/// Asks Python's SQLite, which is not ours.
fn python(script: &str, file: &Path) -> String {
    let output = Command::new("python3").arg("-c").arg(script).arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// An image on another site's page would keep every turn of a backup busy, or the database with a whole log.
#[tokio::test]
async fn a_download_is_not_begun_by_another_sites_page() {
    let world = World::new().await;
    let login = world.login().await;
    let cookie = format!("octoporty_access={}", login.cookie("octoporty_access").expect("a login sets it").0);
    for path in [BACKUP, EXPORT, "/api/v1/logs/requests", "/api/v1/logs/connections"] {
        let call = || world.call("GET", path).header("accept", "text/csv").header("cookie", &cookie);
        for (name, value) in
            [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.example")]
        {
            call().header(name, value).send().await.problem(403, "cross_site");
        }
        for site in ["same-origin", "none"] {
            assert_eq!(call().header("sec-fetch-site", site).send().await.status, 200, "{path} {site}");
        }
        assert_eq!(call().send().await.status, 200, "{path}: no browser");
        let bearer = world.call("GET", path).bearer(login.json()["token"].as_str().unwrap());
        assert_eq!(bearer.header("sec-fetch-site", "cross-site").send().await.status, 200, "no cookie, no forgery");
        world.call("GET", path).header("sec-fetch-site", "cross-site").send().await.problem(401, "unauthorized");
    }
}

const LOOK: &str = "import sqlite3, sys
db = sqlite3.connect('file:' + sys.argv[1] + '?mode=ro', uri=True)
one = lambda sql: db.execute(sql).fetchone()[0]
print(one('PRAGMA integrity_check'), one('SELECT count(*) FROM mappings'), one('SELECT count(*) FROM refresh_tokens'),
      one('SELECT count(*) FROM lockouts'), one(\"SELECT count(*) FROM settings WHERE key = 'credentials'\"),
      one('PRAGMA application_id').to_bytes(4, 'big').decode())";

/// Everything beside the database but its own files.
fn strangers(world: &World) -> Vec<String> {
    let names = std::fs::read_dir(world.database().parent().unwrap()).unwrap();
    names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("scratch"))
        .collect()
}

#[tokio::test]
async fn a_backup_is_a_whole_database_without_sessions() {
    let world = World::new().await;
    let user = world.user().await;
    user.create("a.example.com").await;
    assert_eq!(world.login_from("198.51.100.1", "wrong").await.status, 401);
    let answer = user.get(BACKUP).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.len() > 64);
    assert!(answer.body.starts_with(b"SQLite format 3\0"));
    assert_eq!(answer.header("content-type"), "application/x-sqlite3");
    assert_eq!(answer.header("content-length"), answer.body.len().to_string());
    let disposition = answer.header("content-disposition");
    assert!(disposition.starts_with("attachment; filename=\"octoporty-agent-backup-"), "{disposition}");
    let file = world.folder.path().join("backup.db");
    std::fs::write(&file, &answer.body).unwrap();
    assert_eq!(python(LOOK, &file).trim(), "ok 1 0 0 0 OCTO");
    // Deleted rows are not left in free pages: nothing of a token's hash is in the file.
    let mut live = shell(&world.database()).await;
    let hash: String = sqlx::query_scalar("SELECT hash FROM refresh_tokens").fetch_one(&mut live).await.unwrap();
    assert!(!contains(&answer.body, hash.as_bytes()));
    assert_eq!(strangers(&world), [""; 0]);
}

fn contains(body: &[u8], needle: &[u8]) -> bool {
    body.windows(needle.len()).any(|window| window == needle)
}

async fn shell(database: &Path) -> sqlx::SqliteConnection {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(database);
    sqlx::ConnectOptions::connect(&options).await.unwrap()
}

#[tokio::test]
async fn backups_are_whole_while_mappings_and_requests_are_written() {
    let world = World::new().await;
    let user = world.user().await;
    let id = user.create("a.example.com").await;
    let stop = tokio_util::sync::CancellationToken::new();
    let writing = async {
        let mut written = 0_u64;
        while !stop.is_cancelled() {
            user.create(&format!("app{written}.example.com")).await;
            let batch = (0..500).map(|at| access_record(&id, NOW + written * 500 + at));
            world.agent.access.send(batch.collect()).await.unwrap();
            written += 1;
        }
        written
    };
    let copying = async {
        let mut seen = Vec::new();
        for number in 0..10 {
            let answer = user.get(BACKUP).await;
            assert_eq!(answer.status, 200);
            let file = world.folder.path().join(format!("backup{number}.db"));
            std::fs::write(&file, &answer.body).unwrap();
            let look = python(LOOK, &file);
            let words: Vec<_> = look.split_whitespace().collect();
            assert_eq!(words[0], "ok", "{look}");
            seen.push(words[1].parse::<u64>().unwrap());
        }
        stop.cancel();
        seen
    };
    let (written, seen) = tokio::join!(writing, copying);
    assert!(seen.is_sorted() && seen[9] > seen[0], "writing went on: {seen:?}");
    assert!(written > 10);
}

#[tokio::test]
async fn nothing_is_left_of_a_backup_whose_reader_left() {
    let world = World::new().await;
    let user = world.user().await;
    let id = user.create("a.example.com").await;
    for batch in 0..40_u64 {
        let rows = (0..2_000).map(|at| access_record(&id, NOW + batch * 2_000 + at * 7));
        world.agent.access.send(rows.collect()).await.unwrap();
    }
    for _ in 0..4 {
        let mut opened = eventually(|| async {
            let opened = user.call("GET", BACKUP).open().await;
            (opened.status == 200).then_some(opened)
        })
        .await;
        assert!(opened.body.frame().await.is_some());
        drop(opened);
    }
    // Their turns are over as well, and no file has a name any more.
    eventually(|| async { (user.get(BACKUP).await.status == 200).then_some(()) }).await;
    assert_eq!(strangers(&world), [""; 0]);
}

async fn upload(user: &User<'_>, path: &str, body: impl Into<bytes::Bytes>) -> Answer {
    user.call("POST", path).header("content-type", "application/x-sqlite3").body(body).send().await
}

#[tokio::test]
async fn a_restore_replaces_the_settings_and_keeps_logs_and_sessions() {
    let world = World::new().await;
    let user = world.user().await;
    let kept = make(&user, &rich("a.example.com")).await;
    let gone = user.create("b.example.com").await;
    user.send("PUT", "/api/v1/settings/landing-page", &json!({ "html": "first" })).await;
    let before = settings_of(&user).await;
    let backup = user.get(BACKUP).await.body;

    user.send("DELETE", &format!("/api/v1/mappings/{gone}"), &json!({})).await;
    user.send("PATCH", &format!("/api/v1/mappings/{kept}/toggle"), &json!({ "enabled": true })).await;
    let later = user.create("later.example.com").await;
    // Another mapping has the endpoint of one that comes back.
    user.create("b.example.com").await;
    user.send("PUT", "/api/v1/settings/landing-page", &json!({ "html": "second" })).await;
    world.agent.access.send(vec![access_record(&later, NOW)].into_iter().collect()).await.unwrap();

    let preview = upload(&user, &format!("{RESTORE}?dryRun=true"), backup.clone()).await;
    assert_eq!(counts(&preview), [1, 1, 0, 2]);
    assert_eq!(preview.json()["landingPage"], "replaced");
    assert_eq!(user.get(&format!("/api/v1/mappings/{later}")).await.status, 200, "a preview changes nothing");
    let call = user.call("POST", RESTORE).header("content-type", "application/octet-stream");
    let answer = call.header("if-match", preview.header("etag")).body(backup.clone()).send().await;
    assert_eq!(counts(&answer), [1, 1, 0, 2]);
    assert_eq!(settings_of(&user).await, before, "and the session is still good");
    assert_eq!(user.get("/api/v1/settings/landing-page").await.json()["html"], "first");
    let rows = eventually(|| async {
        let rows = user.get("/api/v1/logs/requests").await.json()["items"].as_array().unwrap().len();
        (rows > 0).then_some(rows)
    });
    assert_eq!(rows.await, 1, "logs stay");
    let call = user.call("POST", RESTORE).header("content-type", "application/x-sqlite3");
    call.header("if-match", preview.header("etag")).body(backup).send().await.problem(412, "stale");
    assert_eq!(strangers(&world), [""; 0]);
}

/// Makes a file by a script of SQL, from a backup or from nothing.
fn variant(world: &World, name: &str, from: Option<&[u8]>, sql: &str) -> Vec<u8> {
    let file = world.folder.path().join(name);
    if let Some(from) = from {
        std::fs::write(&file, from).unwrap();
    }
    python(&format!("import sqlite3, sys\nsqlite3.connect(sys.argv[1]).executescript({sql:?})"), &file);
    std::fs::read(&file).unwrap()
}

/// A restore that is refused: what it is, its body, the code, and a part of the words.
type Bad = (&'static str, Vec<u8>, &'static str, &'static str);

/// Files that are no backups of this release.
fn strangers_of(world: &World, backup: &[u8]) -> Vec<Bad> {
    let made = |name: &str, sql: &str| variant(world, name, None, sql);
    let newer = variant(world, "newer.db", Some(backup), "PRAGMA user_version = 99");
    vec![
        ("a letter", b"Dear all, this is no database.".repeat(50), "not_a_database", "not an SQLite database"),
        ("nothing", Vec::new(), "not_a_database", "not an SQLite database"),
        ("a notebook", made("notes.db", "CREATE TABLE notes (text TEXT)"), "foreign_database", "notes"),
        (
            "the original's",
            made("original.db", "CREATE TABLE PortMappings (Id TEXT)"),
            "original_database",
            "octoporty import --from-octoporty",
        ),
        ("a newer one", newer, "newer_database", "newer release"),
    ]
}

/// Backups that something happened to.
fn broken(world: &World, backup: &[u8]) -> Vec<Bad> {
    let changed = |name: &str, sql: &str| variant(world, name, Some(backup), sql);
    let mut damaged = backup.to_vec();
    for page in damaged.chunks_mut(4_096).skip(1) {
        let middle = page.len() / 2;
        page[8..middle].fill(0xa5);
    }
    // Every page can be read, but one of them says what another does not.
    let session = "INSERT INTO connection_log VALUES (1, 'session-aaaa', 1, NULL, NULL, NULL, 'g', 'v', 'v', 't', 1)";
    let mut lying = changed("lying.db", session);
    let at = lying.windows(12).position(|window| window == b"session-aaaa").unwrap();
    lying[at..at + 12].copy_from_slice(b"session-bbbb");
    let row = "UPDATE mappings SET target_scheme = 'gopher' WHERE domain = 'app7.example.com'";
    let trigger = "CREATE TRIGGER t AFTER INSERT ON mappings BEGIN DELETE FROM mappings; END";
    vec![
        ("half of it", backup[..backup.len() / 2].to_vec(), "truncated_backup", "cut off"),
        ("its first bytes", backup[..20].to_vec(), "truncated_backup", "cut off"),
        ("damaged", damaged, "damaged_backup", "is damaged"),
        ("with an index that lies", lying, "damaged_backup", "missing from index"),
        ("one that acts by itself", changed("trigger.db", trigger), "damaged_backup", "trigger or view, t"),
        ("one without a table", changed("table.db", "DROP TABLE rollups"), "damaged_backup", "has no table rollups"),
        ("one with an illegal row", changed("row.db", row), "damaged_backup", "gopher"),
    ]
}

/// Backups whose tables would act when they are looked at, or leave no room for what comes next.
fn hostile(world: &World, backup: &[u8]) -> Vec<Bad> {
    let made = |name: &'static str, sql: &str, words: &'static str| -> Bad {
        (name, variant(world, name, Some(backup), sql), "damaged_backup", words)
    };
    let work = "length(hex(zeroblob(1000))) >= 0";
    let most = i64::MAX;
    let computed = "DROP TABLE settings; CREATE TABLE settings (key TEXT NOT NULL PRIMARY KEY, v TEXT, \
                    updated_ms INTEGER NOT NULL, value TEXT AS (hex(zeroblob(1000))) VIRTUAL)";
    vec![
        ("check.db", format!("CREATE TABLE t (x CHECK ({work})); INSERT INTO t VALUES (1)"), "the table t"),
        ("computed.db", computed.to_owned(), "the table settings"),
        ("index.db", format!("CREATE INDEX i ON mappings (name) WHERE {work}"), "the index i"),
        ("id.db", format!("INSERT INTO request_blocks VALUES ({most}, 0, 0, 0, 0, 0, x'')"), "request_blocks"),
        ("seq.db", format!("INSERT INTO sqlite_sequence VALUES ('connection_log', {most})"), "connection_log"),
        ("revision.db", format!("UPDATE desired_revision SET value = {most}"), "desired_revision"),
        ("norevision.db", "DELETE FROM desired_revision".to_owned(), "desired_revision"),
        ("changed.db", format!("UPDATE mappings SET revision = {most}"), "mappings"),
        ("page.db", "INSERT INTO settings VALUES ('x', hex(zeroblob(4000000)), 1)".to_owned(), "settings"),
    ]
    .into_iter()
    .map(|(name, sql, words)| made(name, &sql, words))
    .collect()
}

#[tokio::test]
async fn what_is_no_good_backup_is_refused_in_its_own_words_and_nothing_is_touched() {
    let world = World::new().await;
    let user = world.user().await;
    for number in 0..40 {
        user.create(&format!("app{number}.example.com")).await;
    }
    let before = settings_of(&user).await;
    let backup = user.get(BACKUP).await.body;
    for (what, body, code, words) in
        [strangers_of(&world, &backup), broken(&world, &backup), hostile(&world, &backup)].concat()
    {
        let problem = upload(&user, RESTORE, body).await.problem(400, code);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(words) && detail.contains("Nothing was changed"), "{what}: {problem}");
    }
    let tables: String = (10..60).map(|number| format!("CREATE TABLE t{number} (x);")).collect();
    let crowd = upload(&user, RESTORE, variant(&world, "crowd.db", None, &tables)).await;
    let detail = crowd.problem(400, "foreign_database")["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("t10, ") && detail.contains("and 40 more") && !detail.contains("t20"), "{detail}");
    user.call("POST", RESTORE).json(&json!({})).send().await.problem(415, "not_sqlite");
    assert_eq!(settings_of(&user).await, before);
    assert_eq!(strangers(&world), [""; 0]);
}

#[tokio::test]
async fn a_backup_of_an_older_schema_is_brought_up_to_this_one() {
    let world = World::new().await;
    let user = world.user().await;
    let file = world.folder.path().join("old.db");
    let first = include_str!("../../migrations/0001_first_floor.sql");
    let mapping = "INSERT INTO mappings VALUES ('6f9619ff-8b86-d011-b42d-00c04fc964ff', 'Old', 'http', 'old.example.com', '/', \
                   0, 'http', 'h', 80, 0, 'keep', 'auto', 1, 1, 1, 1)";
    let sql = format!("{first};{mapping};PRAGMA user_version = 1");
    python(&format!("import sqlite3, sys\nsqlite3.connect(sys.argv[1]).executescript({sql:?})"), &file);
    assert_eq!(counts(&upload(&user, RESTORE, std::fs::read(&file).unwrap()).await), [1, 0, 0, 0]);
    assert_eq!(user.get("/api/v1/mappings/6f9619ff-8b86-d011-b42d-00c04fc964ff").await.status, 200);
}

#[tokio::test]
async fn a_backup_that_somebody_had_analyzed_is_still_one() {
    let world = World::new().await;
    let user = world.user().await;
    user.create("a.example.com").await;
    let backup = user.get(BACKUP).await.body;
    let analyzed = variant(&world, "analyzed.db", Some(&backup), "ANALYZE; VACUUM");
    assert_eq!(counts(&upload(&user, RESTORE, analyzed).await), [0, 0, 1, 0]);
}

#[tokio::test]
async fn nobody_takes_or_brings_anything_without_a_login() {
    let world = World::new().await;
    for (method, path) in [("GET", EXPORT), ("GET", BACKUP), ("POST", IMPORT), ("POST", RESTORE)] {
        world.call(method, path).send().await.problem(401, "unauthorized");
    }
}

#[tokio::test]
async fn what_a_killed_process_left_is_swept_away_at_the_next_start() {
    let mut world = World::new().await;
    let left = world.database().with_file_name("octoporty.db.scratch-0123");
    std::fs::write(&left, "x").unwrap();
    world.restart().await;
    assert!(!left.exists());
}
