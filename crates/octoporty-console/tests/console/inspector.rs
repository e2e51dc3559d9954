//! The request inspector.

use std::sync::atomic::Ordering;

use octoporty_proto::model::{ProbeFailure, ProbeMethod, ProbeReport, ProbeVia, ProbeWay};
use serde_json::{Value, json};

use crate::world::{FakeAgent, NOW, User, World, access_record, eventually};

const DIAGNOSE: &str = "/api/v1/test/diagnose";

async fn diagnose(user: &User<'_>, body: Value) -> Value {
    let answer = user.send("POST", DIAGNOSE, &body).await;
    assert_eq!(answer.status, 200, "{:?}", answer.json());
    answer.json()
}

#[tokio::test]
async fn both_sides_of_a_url_stand_beside_each_other_with_the_row_of_the_log() {
    let world = World::new().await;
    let user = world.user().await;
    let id = user.create("app.example.com").await;
    // Rows of before, and of others, are not this one's.
    let record = |request_id: &str, at| {
        let mut record = access_record(&id, at);
        record.request_id = request_id.to_owned();
        record
    };
    world.agent.access.send([record("request-1", NOW - 5_000)].into_iter().collect()).await.unwrap();
    eventually(|| async {
        let page = user.get("/api/v1/logs/requests").await.json();
        (!page["items"].as_array().unwrap().is_empty()).then_some(())
    })
    .await;
    let body = json!({ "url": "http://app.example.com/x?a=1", "headers": { "Accept": "text/html" } });
    let (found, ()) = tokio::join!(diagnose(&user, body), async {
        // As late as the gateway's batches are.
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        let rows = [record("somebody-else", NOW), record("request-1", NOW)];
        world.agent.access.send(rows.into_iter().collect()).await.unwrap();
    });
    assert_eq!(found["success"], true);
    assert_eq!(found["requestId"], "request-1");
    assert_eq!(found["realRequests"], 2);
    assert_eq!(found["maxBodyBytes"], 131_072);
    assert_eq!(found["mapping"]["id"], id);
    assert_eq!(found["mapping"]["internalTarget"], "localhost:3000");
    assert_eq!(found["mapping"]["enabled"], true);
    assert_eq!(found["differences"], json!([]), "a request id is none");
    assert_eq!(found["logs"].as_array().unwrap().len(), 1);
    assert_eq!((&found["logs"][0]["id"], &found["logs"][0]["requestId"]), (&json!(3), &json!("request-1")));
    for side in ["gateway", "agent"] {
        let side = &found[side];
        assert_eq!(
            (&side["statusCode"], &side["bodyText"], &side["bodySize"]),
            (&json!(200), &json!("hello"), &json!(5))
        );
        assert_eq!(side["bodySha256"], "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
        assert_eq!(side["request"]["headers"]["accept"], "text/html");
        assert_eq!(side["request"]["path"], "/x?a=1");
    }
    let probes = world.agent.control.probes.lock().unwrap().clone();
    let ways: Vec<_> = probes.iter().map(|probe| probe.way.clone()).collect();
    assert!(ways.iter().any(|way| matches!(way, ProbeWay::Public { via: ProbeVia::Auto, port: 80, .. })), "{ways:?}");
    assert!(ways.iter().any(|way| matches!(way, ProbeWay::Straight { .. })), "{ways:?}");
}

#[tokio::test]
async fn what_cannot_be_inspected_is_refused_in_words() {
    let world = World::new().await;
    let user = world.user().await;
    user.create("app.example.com").await;
    for (body, field) in [
        (json!({}), "url"),
        (json!({ "url": 5 }), "url"),
        (json!({ "url": "app.example.com" }), "url"),
        (json!({ "url": "ftp://app.example.com/" }), "url"),
        (json!({ "url": "http://me:word@app.example.com/" }), "url"),
        (json!({ "url": "http://192.168.1.1/" }), "url"),
        (json!({ "url": "http://app.example.com:22/" }), "url"),
        (json!({ "url": "http://other.example.org/", "via": "dns" }), "url"),
        (json!({ "url": "http://app.example.com/", "via": "carrier pigeon" }), "via"),
        (json!({ "url": "http://app.example.com/", "method": "DELETE" }), "method"),
        (json!({ "url": "http://app.example.com/", "maxBodyBytes": "many" }), "maxBodyBytes"),
        (json!({ "url": "http://app.example.com/", "headers": { "Host": "other" } }), "headers"),
        (json!({ "url": "http://app.example.com/", "headers": { "a b": "c" } }), "headers"),
        (json!({ "url": "http://app.example.com/", "headers": { "a": "b\r\nc: d" } }), "headers"),
        (json!({ "url": "http://app.example.com/", "headers": { "a": "b".repeat(5_000) } }), "headers"),
    ] {
        let problem = user.send("POST", DIAGNOSE, &body).await.problem(400, "validation_failed");
        assert!(problem["errors"][field][0].is_string(), "{body}: {problem}");
    }
    assert!(world.agent.control.probes.lock().unwrap().is_empty(), "nothing was asked");
    world
        .call("POST", DIAGNOSE)
        .json(&json!({ "url": "http://app.example.com/" }))
        .send()
        .await
        .problem(401, "unauthorized");
    for (bytes, expected) in [(0, 1_024), (5_000, 5_000), (1_000_000_000, 524_288)] {
        let body = json!({ "url": "http://other.example.org/", "maxBodyBytes": bytes, "method": "head" });
        let found = diagnose(&user, body).await;
        assert_eq!(found["maxBodyBytes"], expected);
        let probe = world.agent.control.probes.lock().unwrap().pop().unwrap();
        assert_eq!((probe.max_body, probe.method), (expected, ProbeMethod::Head));
    }
}

#[tokio::test]
async fn a_name_that_is_not_mapped_is_asked_at_the_gateway_alone() {
    let world = World::new().await;
    let user = world.user().await;
    let found = diagnose(&user, json!({ "url": "http://other.example.org/" })).await;
    assert_eq!(
        (&found["mapping"], &found["success"], &found["realRequests"]),
        (&Value::Null, &json!(false), &json!(1))
    );
    assert_eq!((&found["agent"]["code"], &found["agent"]["request"]), (&json!("not_mapped"), &Value::Null));
    let probes = world.agent.control.probes.lock().unwrap().clone();
    assert_eq!(probes.len(), 1);
    assert!(matches!(&probes[0].way, ProbeWay::Public { via: ProbeVia::Gateway, .. }), "{:?}", probes[0]);
}

#[tokio::test]
async fn failures_and_the_gateways_own_answers_have_code_and_hint() {
    let world = World::new().await;
    let user = world.user().await;
    user.create("app.example.com").await;
    *world.agent.control.reports.lock().unwrap() = Some(Box::new(|probe| {
        let report = FakeAgent::plain_answer(probe);
        let ProbeWay::Public { .. } = probe.way else {
            let failure =
                ProbeFailure { code: "target_refused".to_owned(), reason: "127.0.0.1:3000 refused".to_owned() };
            return ProbeReport { outcome: Err(failure), ..report };
        };
        let mut answer = report.outcome.unwrap();
        answer.status = 502;
        answer.headers[0].1 = b"application/problem+json".to_vec();
        answer.body = json!({
            "type": "urn:octoporty:problem:target_refused", "code": "target_refused", "title": "It is not running."
        })
        .to_string()
        .into_bytes();
        ProbeReport { outcome: Ok(answer), ..report }
    }));
    let found = diagnose(&user, json!({ "url": "http://app.example.com/" })).await;
    assert_eq!((&found["success"], &found["error"]), (&json!(false), &json!("It is not running.")));
    let (gateway, agent) = (&found["gateway"], &found["agent"]);
    assert_eq!((&gateway["statusCode"], &gateway["madeByGateway"]), (&json!(502), &json!(true)));
    assert_eq!((&agent["statusCode"], &agent["error"]), (&Value::Null, &json!("127.0.0.1:3000 refused")));
    for side in [gateway, agent] {
        assert_eq!(side["code"], "target_refused");
        assert!(side["hint"].as_str().unwrap().contains("start the service"), "{side}");
    }
    assert_eq!(found["differences"], json!([]), "both say the same");
}

#[tokio::test]
async fn only_so_many_inspections_run_at_once() {
    let world = World::new().await;
    let user = world.user().await;
    world.agent.control.is_stuck.store(true, Ordering::SeqCst);
    let body = json!({ "url": "http://other.example.org/" });
    let stuck = futures_util::future::join_all((0..4).map(|_| user.send("POST", DIAGNOSE, &body)));
    let fifth = async {
        eventually(|| async { (world.agent.control.probes.lock().unwrap().len() == 4).then_some(()) }).await;
        let answer = user.send("POST", DIAGNOSE, &body).await;
        assert_eq!(answer.header("retry-after"), "2");
        answer.problem(429, "too_many_probes");
    };
    tokio::select! {
        _ = stuck => panic!("they are stuck"),
        () = fifth => {}
    }
    // Whoever leaves gives its turn back.
    world.agent.control.is_stuck.store(false, Ordering::SeqCst);
    eventually(|| async { (user.send("POST", DIAGNOSE, &body).await.status == 200).then_some(()) }).await;
}
