//! The agent's disk: what happens when it is full, on a real one of the test's own.

use std::io::Write;
use std::path::Path;

use octoporty_e2e::eventually;
use octoporty_e2e::target::mirror;
use octoporty_e2e::visitor::{Reply, Visitor};
use octoporty_e2e::world::World;
use serde_json::{Value, json};

/// Writes until there is no room for another byte.
fn fill(disk: &Path) {
    let mut file = std::fs::File::create(disk.join("everything")).expect("the disk is there");
    for size in [65_536, 1_024, 1] {
        while file.write_all(&vec![b'x'; size]).is_ok() {}
    }
}

fn mapping(world: &World, target: std::net::SocketAddr) -> Value {
    json!({
        "name": "later", "externalDomain": "later.test", "internalHost": world.ip().to_string(),
        "internalPort": target.port(), "internalProtocol": "Http"
    })
}

async fn probe(world: &World, path: &str) -> Reply {
    let host = world.console_address().to_string();
    Visitor::try_get(world.console_address(), &host, path).await.expect("the console answers")
}

async fn health(world: &World) -> Value {
    probe(world, "/health").await.json()
}

async fn ready(world: &World) -> (u16, Value) {
    let reply = probe(world, "/ready").await;
    (reply.status, reply.json())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_changes_in_words_and_the_tunnel_goes_on() {
    let world = World::new();
    let target = mirror(world.ip()).await;
    let _gateway = world.gateway(&[]).await;
    let (agent, console, disk) = world.agent_on_small_disk(4).await;
    let id = console.map("site.test", target.address()).await;
    console.applied(&id).await;
    assert_eq!(ready(&world).await, (200, json!({ "ready": true })));
    fill(&disk);

    // Rows of the log need room as well; how many fit into what SQLite holds already is its own affair.
    let refused = eventually("a change is refused", || async {
        assert_eq!(world.get("site.test", "/").await.status, 200, "visitors are served");
        let answer = console.call("POST", "/api/v1/mappings", Some(mapping(&world, target.address()))).await;
        if answer.status == 201 {
            let id = answer.json()["id"].as_str().expect("an id").to_owned();
            console.call("DELETE", &format!("/api/v1/mappings/{id}"), None).await;
            return None;
        }
        Some(answer)
    })
    .await;
    assert_eq!((refused.status, &refused.json()["code"]), (503, &json!("disk_full")), "{}", refused.text());
    let id_of_it = refused.json()["requestId"].as_str().expect("an id").to_owned();
    assert!(agent.output().contains(&id_of_it), "the log has the cause");
    assert_eq!(ready(&world).await, (503, json!({ "ready": false })));
    let amiss = health(&world).await;
    assert_eq!(amiss["status"], "degraded");
    let reasons = amiss["reasons"].to_string();
    assert!(reasons.contains("disk is full; make room"), "{reasons}");
    assert_eq!(amiss["droppedLogRows"], 0, "rows wait for a while");
    let long = format!("/{}", "long".repeat(4_000));
    eventually("rows that cannot wait are lost, and counted", || async {
        let mut visitor = world.visitor().await;
        for _ in 0..50 {
            assert_eq!(visitor.get("site.test", &long).await.status, 200);
        }
        (health(&world).await["droppedLogRows"].as_u64() > Some(0)).then_some(())
    })
    .await;
    assert_eq!(console.status().await["connectionStatus"], "Connected");
    console.expect(200, "GET", &format!("/api/v1/mappings/{id}"), None).await;

    std::fs::remove_file(disk.join("everything")).expect("it is there");
    let made = eventually("a change is stored again", || async {
        let answer = console.call("POST", "/api/v1/mappings", Some(mapping(&world, target.address()))).await;
        (answer.status == 201).then(|| answer.json()["id"].as_str().expect("an id").to_owned())
    })
    .await;
    console.applied(&made).await;
    assert_eq!(world.get("later.test", "/").await.status, 200);
    eventually("the log goes on and nothing is amiss", || async {
        let page = console.expect(200, "GET", "/api/v1/logs/requests?search=later.test", None).await;
        let is_there = page["items"].as_array().is_some_and(|items| !items.is_empty());
        (is_there && health(&world).await["status"] == "healthy").then_some(())
    })
    .await;
    assert_eq!(ready(&world).await, (200, json!({ "ready": true })));
}
