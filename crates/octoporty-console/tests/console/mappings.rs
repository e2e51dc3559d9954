//! Mappings in both vocabularies.

use std::collections::HashMap;
use std::sync::Arc;

use octoporty_proto::model::{
    AgentStatus, Compression, ConnectionState, Endpoint, HostHeader, MappingVerdict, PrefixHandling, Refusal,
    RefusalCode, Revision, Scheme, SyncReport, TargetHealth, TlsVerification,
};
use serde_json::{Value, json};

use crate::world::{World, connected};

const MAPPINGS: &str = "/api/v1/mappings";

fn minimal() -> Value {
    json!({ "externalDomain": "app.example.com", "internalHost": "localhost", "internalPort": 3000 })
}

#[tokio::test]
async fn a_mapping_is_created_with_defaults() {
    let world = World::new().await;
    let user = world.user().await;
    let answer = user.send("POST", MAPPINGS, &minimal()).await;
    assert_eq!(answer.status, 201);
    let created = answer.json();
    let id = created["id"].as_str().unwrap();
    assert_eq!(answer.header("location"), format!("{MAPPINGS}/{id}"));
    let expected = json!({
        "id": id, "name": "app.example.com", "kind": "http", "externalDomain": "app.example.com", "pathPrefix": "/",
        "stripPrefix": false, "externalPort": null, "internalHost": "localhost", "internalPort": 3000,
        "internalProtocol": "Http", "allowInvalidCertificates": false, "hostHeader": "keep", "compression": "auto",
        "enabled": true, "publicUrl": "http://app.example.com:17200/",
        "sync": { "state": "pending", "code": null, "reason": null },
        "live": { "state": "unknown", "code": null, "reason": "The gateway has not acknowledged the newest change yet." },
        "createdAt": "2027-01-15T08:00:00.000Z", "updatedAt": "2027-01-15T08:00:00.000Z"
    });
    assert_eq!(created, expected);
    assert_eq!(user.get(&format!("{MAPPINGS}/{id}")).await.json(), expected);
    assert_eq!(user.get(MAPPINGS).await.json(), json!([expected]));
}

#[tokio::test]
async fn every_field_is_kept_and_reaches_the_agent() {
    let world = World::new().await;
    let user = world.user().await;
    let body = json!({
        "name": " NAS ", "kind": "HTTP", "externalDomain": "*.Bücher.Example.", "pathPrefix": "/api/", "stripPrefix": true,
        "externalPort": 443, "internalHost": "[::1]", "internalPort": 8443, "internalProtocol": "https",
        "allowInvalidCertificates": true, "hostHeader": "Backend.Internal", "compression": "OFF", "enabled": true,
        "somethingNewer": { "ignored": true }
    });
    let created = user.send("POST", MAPPINGS, &body).await.json();
    assert_eq!(created["name"], "NAS");
    assert_eq!(created["externalDomain"], "*.xn--bcher-kva.example");
    assert_eq!(created["pathPrefix"], "/api");
    assert_eq!(created["internalHost"], "::1");
    assert_eq!(created["internalProtocol"], "Https");
    assert_eq!(created["hostHeader"], "backend.internal");
    assert_eq!(created["compression"], "off");
    assert_eq!(created["publicUrl"], Value::Null, "a wildcard has no one address");
    let desired = world.agent.desired.borrow().clone();
    let mapping = &desired.mappings[0];
    assert_eq!(mapping.id.to_string(), created["id"].as_str().unwrap());
    let Endpoint::Http { host, path, prefix } = &mapping.endpoint else { panic!("http") };
    assert_eq!((host.to_string().as_str(), path.as_str()), ("*.xn--bcher-kva.example", "/api"));
    assert_eq!(*prefix, PrefixHandling::Strip);
    assert_eq!(mapping.target.to_string(), "https://[::1]:8443");
    assert_eq!(mapping.verification, TlsVerification::AcceptInvalid);
    assert_eq!(mapping.host_header, HostHeader::Custom("backend.internal".parse().unwrap()));
    assert_eq!(mapping.compression, Compression::Off);
}

#[tokio::test]
async fn the_older_vocabulary_is_taken_by_the_documented_path() {
    let world = World::new().await;
    let user = world.user().await;
    let body = json!({
        "externalDomain": "old.example.com", "internalHost": "10.0.0.5", "internalPort": 443, "internalUseTls": true,
        "allowSelfSignedCerts": true, "isEnabled": false, "description": "Old client", "externalPort": 443
    });
    let created = user.send("POST", "/api/mappings", &body).await;
    assert_eq!(created.status, 201);
    let created = created.json();
    assert_eq!(created["name"], "Old client");
    assert_eq!(created["internalProtocol"], "Https");
    assert_eq!(created["allowInvalidCertificates"], true);
    assert_eq!(created["enabled"], false);
    let both = json!({
        "externalDomain": "old.example.com", "internalHost": "10.0.0.5", "internalPort": 443,
        "internalProtocol": "Http", "internalUseTls": true, "allowInvalidCertificates": false,
        "allowSelfSignedCerts": true, "enabled": true, "isEnabled": false, "name": "New", "description": "Old"
    });
    let path = format!("/api/mappings/{}", created["id"].as_str().unwrap());
    let replaced = user.send("PUT", &path, &both).await.json();
    assert_eq!(replaced["name"], "New", "the newer names win");
    assert_eq!(replaced["internalProtocol"], "Http");
    assert_eq!(replaced["allowInvalidCertificates"], false);
    assert_eq!(replaced["enabled"], true);
}

#[tokio::test]
async fn replacing_is_whole_and_what_is_left_out_is_the_default() {
    let world = World::new().await;
    let user = world.user().await;
    let mut body = minimal();
    body["name"] = "Named".into();
    body["enabled"] = false.into();
    body["stripPrefix"] = true.into();
    body["pathPrefix"] = "/x".into();
    let id = user.send("POST", MAPPINGS, &body).await.json()["id"].as_str().unwrap().to_owned();
    world.advance(std::time::Duration::from_secs(5));
    let mut replacement = minimal();
    replacement["id"] = "ignored".into();
    replacement["internalPort"] = 9999.into();
    let answer = user.send("PUT", &format!("{MAPPINGS}/{id}"), &replacement).await;
    assert_eq!(answer.status, 200);
    let replaced = answer.json();
    assert_eq!(replaced["id"], id.as_str());
    assert_eq!(replaced["internalPort"], 9999);
    assert_eq!(replaced["name"], "app.example.com");
    assert_eq!(replaced["pathPrefix"], "/");
    assert_eq!(replaced["stripPrefix"], false);
    assert_eq!(replaced["enabled"], true);
    assert_eq!(replaced["createdAt"], "2027-01-15T08:00:00.000Z");
    assert_eq!(replaced["updatedAt"], "2027-01-15T08:00:05.000Z");
    assert_eq!(user.get(&format!("{MAPPINGS}/{id}")).await.json()["internalPort"], 9999);
}

#[tokio::test]
async fn toggling_takes_a_mapping_from_the_agent_and_gives_it_back() {
    let world = World::new().await;
    let user = world.user().await;
    let id = user.create("app.example.com").await;
    let toggle = format!("{MAPPINGS}/{id}/toggle");
    let off = user.send("PATCH", &toggle, &json!({ "enabled": false })).await.json();
    assert_eq!(off["enabled"], false);
    assert_eq!(off["live"]["state"], "disabled");
    assert!(world.agent.desired.borrow().mappings.is_empty());
    let on = user.send("PATCH", &toggle, &json!({ "enabled": true })).await.json();
    assert_eq!(on["enabled"], true);
    assert_eq!(world.agent.desired.borrow().mappings.len(), 1);
    let missing = user.call("PATCH", &toggle).send().await.json();
    assert_eq!(missing["enabled"], false, "as in the original, nothing means off");
    user.send("PATCH", &toggle, &json!({ "enabled": "yes" })).await.problem(400, "validation_failed");
}

#[tokio::test]
async fn deleting_is_for_good() {
    let world = World::new().await;
    let user = world.user().await;
    let id = user.create("app.example.com").await;
    let path = format!("{MAPPINGS}/{id}");
    let answer = user.call("DELETE", &path).send().await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (204, 0));
    user.get(&path).await.problem(404, "not_found");
    user.call("DELETE", &path).send().await.problem(404, "not_found");
    user.send("PUT", &path, &minimal()).await.problem(404, "not_found");
    user.send("PATCH", &format!("{path}/toggle"), &json!({})).await.problem(404, "not_found");
    assert!(world.agent.desired.borrow().mappings.is_empty());
    assert_eq!(user.get(MAPPINGS).await.json(), json!([]));
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once() {
    let world = World::new().await;
    let user = world.user().await;
    let body = json!({
        "name": "x".repeat(101), "kind": "tcp", "externalDomain": "invalid!domain", "pathPrefix": "api",
        "stripPrefix": "yes", "internalHost": "host/path", "internalPort": 70000, "internalProtocol": "gopher",
        "allowInvalidCertificates": 1, "hostHeader": "a b", "compression": "zip", "enabled": "no"
    });
    let problem = user.send("POST", MAPPINGS, &body).await.problem(400, "validation_failed");
    let errors = problem["errors"].as_object().unwrap();
    let mut fields: Vec<_> = errors.keys().map(String::as_str).collect();
    fields.sort_unstable();
    let mut expected: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    expected.sort_unstable();
    assert_eq!(fields, expected);
    for message in errors.values().flat_map(|messages| messages.as_array().unwrap()) {
        let message = message.as_str().unwrap();
        assert!(message.ends_with('.') && message.len() > 10, "{message}");
    }
    assert!(user.get(MAPPINGS).await.json().as_array().unwrap().is_empty());
}

#[tokio::test]
async fn what_is_needed_is_asked_for() {
    let world = World::new().await;
    let user = world.user().await;
    let errors = user.send("POST", MAPPINGS, &json!({})).await.problem(400, "validation_failed")["errors"].clone();
    assert_eq!(
        errors,
        json!({
            "externalDomain": ["A domain is needed, such as app.example.com."],
            "internalHost": ["A host is needed, such as localhost or 192.168.1.10."],
            "internalPort": ["A port is needed: a number from 1 to 65535."]
        })
    );
    for (field, value) in [
        ("externalDomain", json!("https://app.example.com/x")),
        ("externalDomain", json!("192.168.1.1")),
        ("externalDomain", json!("a.*.example.com")),
        ("externalDomain", json!(7)),
        ("internalHost", json!("user@host")),
        ("internalPort", json!(0)),
        ("internalPort", json!(-1)),
        ("internalPort", json!(80.5)),
        ("internalPort", json!("80")),
        ("pathPrefix", json!("/a/../b")),
        ("name", json!("line\nbreak")),
    ] {
        let mut body = minimal();
        body[field] = value.clone();
        let problem = user.send("POST", MAPPINGS, &body).await.problem(400, "validation_failed");
        assert_eq!(problem["errors"].as_object().unwrap().keys().collect::<Vec<_>>(), [field], "{value}");
    }
}

#[tokio::test]
async fn a_value_of_the_wrong_type_is_told_in_words() {
    let world = World::new().await;
    let user = world.user().await;
    for (field, value, message) in [
        ("internalPort", json!(80.5), "A number from 1 to 65535 is needed here, not a fraction."),
        ("internalPort", json!("80"), "A number from 1 to 65535 is needed here, not a text."),
        ("internalPort", json!(70_000), "A port is a number from 1 to 65535, this one is 70000."),
        ("enabled", json!(1), "True or false is needed here, not a number."),
        ("externalDomain", json!([]), "A text is needed here, not a list."),
    ] {
        let mut body = minimal();
        body[field] = value;
        let problem = user.send("POST", MAPPINGS, &body).await.problem(400, "validation_failed");
        assert_eq!(problem["errors"][field], json!([message]));
    }
}

#[tokio::test]
async fn an_endpoint_has_one_mapping_and_the_holder_is_named() {
    let world = World::new().await;
    let user = world.user().await;
    let mut body = minimal();
    body["name"] = "Holder".into();
    let holder = user.send("POST", MAPPINGS, &body).await.json()["id"].clone();
    body["name"] = "Second".into();
    body["externalDomain"] = "APP.example.com.".into();
    let problem = user.send("POST", MAPPINGS, &body).await.problem(409, "duplicate_endpoint");
    assert_eq!(problem["holder"], json!({ "id": holder, "name": "Holder" }));
    assert!(problem["detail"].as_str().unwrap().contains("\"Holder\""));
    assert!(problem["errors"]["externalDomain"].is_array());

    body["pathPrefix"] = "/api".into();
    let second = user.send("POST", MAPPINGS, &body).await;
    assert_eq!(second.status, 201, "another path of the same domain is free");
    let path = format!("{MAPPINGS}/{}", second.json()["id"].as_str().unwrap());
    body["pathPrefix"] = "/".into();
    user.send("PUT", &path, &body).await.problem(409, "duplicate_endpoint");
    assert_eq!(user.get(&path).await.json()["pathPrefix"], "/api", "a refused change changes nothing");
    body["pathPrefix"] = "/api".into();
    assert_eq!(user.send("PUT", &path, &body).await.status, 200, "it may keep its own");
}

#[tokio::test]
async fn a_change_based_on_an_older_state_is_refused() {
    let world = World::new().await;
    let user = world.user().await;
    let id = user.create("app.example.com").await;
    let path = format!("{MAPPINGS}/{id}");
    let tag = user.get(&path).await.header("etag").to_owned();
    let put = |tag: &str| user.call("PUT", &path).header("if-match", tag).json(&minimal()).send();
    let second = put(&tag).await;
    assert_eq!(second.status, 200);
    assert_ne!(second.header("etag"), tag);
    put(&tag).await.problem(412, "stale");
    put("\"nonsense\"").await.problem(412, "stale");
    let toggle = user.call("PATCH", &format!("{path}/toggle")).header("if-match", &tag);
    toggle.json(&json!({})).send().await.problem(412, "stale");
    user.call("DELETE", &path).header("if-match", &tag).send().await.problem(412, "stale");
    assert_eq!(put("*").await.status, 200);
}

#[tokio::test]
async fn ids_that_are_none_are_told_at_their_field() {
    let world = World::new().await;
    let user = world.user().await;
    let problem = user.get("/api/v1/mappings/not-an-id").await.problem(400, "validation_failed");
    assert!(problem["errors"]["id"].is_array());
    user.get("/api/v1/mappings/00000000-0000-0000-0000-000000000000").await.problem(404, "not_found");
}

#[tokio::test]
async fn bodies_that_are_no_json_object_are_malformed() {
    let world = World::new().await;
    let user = world.user().await;
    for body in ["{", "[]", "\"text\"", "null", "\u{0}"] {
        let call = user.call("POST", MAPPINGS).header("content-type", "application/json").body(body.to_owned());
        call.send().await.problem(400, "malformed");
    }
    let form = user.call("POST", MAPPINGS).header("content-type", "application/x-www-form-urlencoded").body("a=b");
    form.send().await.problem(415, "not_json");
    let large = user.call("POST", MAPPINGS).header("content-type", "application/json").body(vec![b' '; 70_000]);
    large.send().await.problem(413, "body_too_large");
}

#[tokio::test]
async fn sync_and_live_states_follow_gateway_agent_and_target() {
    let world = World::new().await;
    let user = world.user().await;
    let id = user.create("app.example.com").await;
    let path = format!("{MAPPINGS}/{id}");
    let states = || async {
        let mapping = user.get(&path).await.json();
        let text = |part: &str, field: &str| mapping[part][field].as_str().unwrap_or("-").to_owned();
        (text("sync", "state"), text("sync", "code"), text("live", "state"), text("live", "code"))
    };
    let expect = |sync: &str, code: &str, live: &str, live_code: &str| {
        (sync.to_owned(), code.to_owned(), live.to_owned(), live_code.to_owned())
    };
    let revision = world.agent.desired.borrow().revision;
    let mapping = id.parse().unwrap();
    let report = |revision, verdict| Arc::new(SyncReport { revision, verdicts: vec![(mapping, verdict)] });

    world.agent.sync.send_replace(report(Revision(revision.0 - 1), MappingVerdict::Applied));
    assert_eq!(states().await, expect("pending", "-", "unknown", "-"), "a verdict about an older state says nothing");
    world.agent.sync.send_replace(report(revision, MappingVerdict::Applied));
    assert_eq!(states().await, expect("applied", "-", "unknown", "-"));
    world.agent.targets.send_replace(Arc::new(HashMap::from([(mapping, TargetHealth::Up)])));
    assert_eq!(states().await, expect("applied", "-", "ok", "-"));
    let down = TargetHealth::Down { code: "target_refused".into(), reason: "Refused.".into() };
    world.agent.targets.send_replace(Arc::new(HashMap::from([(mapping, down)])));
    assert_eq!(states().await, expect("applied", "-", "target_down", "target_refused"));
    let refusal = Refusal { code: RefusalCode::Taken, reason: "Agent nas has it.".into() };
    world.agent.sync.send_replace(report(revision, MappingVerdict::Refused(refusal)));
    assert_eq!(states().await, expect("refused", "taken", "refused", "taken"));
    let away = AgentStatus { state: ConnectionState::Reconnecting, ..connected() };
    world.agent.status.send_replace(Arc::new(away));
    assert_eq!(states().await, expect("refused", "taken", "agent_away", "-"));
}

#[tokio::test]
async fn the_public_address_follows_the_gateways() {
    let world = World::new().await;
    let user = world.user().await;
    let mut body = minimal();
    body["pathPrefix"] = "/api".into();
    let id = user.send("POST", MAPPINGS, &body).await.json()["id"].as_str().unwrap().to_owned();
    for (gateway, expected) in [
        ("wss://gateway.example.com/tunnel", json!("https://app.example.com/api")),
        ("wss://gateway.example.com:8443/tunnel", json!("https://app.example.com:8443/api")),
        ("ws://10.0.0.1:80/tunnel", json!("http://app.example.com/api")),
        ("", Value::Null),
    ] {
        let status = AgentStatus { gateway_url: gateway.to_owned(), ..connected() };
        world.agent.status.send_replace(Arc::new(status));
        assert_eq!(user.get(&format!("{MAPPINGS}/{id}")).await.json()["publicUrl"], expected, "{gateway}");
    }
    let gateway_url = "wss://gateway.example.com:8443/tunnel".to_owned();
    world.agent.status.send_replace(Arc::new(AgentStatus { gateway_url, agents_only: true, ..connected() }));
    let found = user.get(&format!("{MAPPINGS}/{id}")).await.json()["publicUrl"].clone();
    assert_eq!(found, "https://app.example.com/api", "nobody is sent to a port for agents alone");
}

#[tokio::test]
async fn the_list_is_by_domain_and_path() {
    let world = World::new().await;
    let user = world.user().await;
    for (domain, path) in [("b.example", "/"), ("a.example", "/z"), ("a.example", "/")] {
        let mut body = minimal();
        body["externalDomain"] = domain.into();
        body["pathPrefix"] = path.into();
        assert_eq!(user.send("POST", MAPPINGS, &body).await.status, 201);
    }
    let list = user.get(MAPPINGS).await.json();
    let order: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{}{}", one["externalDomain"].as_str().unwrap(), one["pathPrefix"].as_str().unwrap()))
        .collect();
    assert_eq!(order, ["a.example/", "a.example/z", "b.example/"]);
}

#[tokio::test]
async fn a_target_is_tried_by_the_agent() {
    let world = World::new().await;
    let user = world.user().await;
    let path = format!("{MAPPINGS}/test-target");
    let body = json!({ "internalHost": "localhost", "internalPort": 3000, "internalProtocol": "HTTPS", "allowInvalidCertificates": true });
    let up = user.send("POST", &path, &body).await.json();
    assert_eq!(
        up,
        json!({
            "success": true, "state": "up", "code": null, "message": "The target answered HEAD / with status 200.",
            "hint": null, "target": "https://localhost:3000", "address": "127.0.0.1:3000", "httpStatus": 200,
            "durationMs": 1.5
        })
    );
    let asked = world.agent.control.checks.lock().unwrap().clone();
    assert_eq!(asked[0].0.scheme, Scheme::Https);
    assert_eq!(asked[0].1, TlsVerification::AcceptInvalid);
    let down = TargetHealth::Down { code: "target_refused".into(), reason: "127.0.0.1:3000 refused.".into() };
    *world.agent.control.health.lock().unwrap() = Some(down);
    let older = json!({ "internalHost": "localhost", "internalPort": 3000, "internalUseTls": true, "allowSelfSignedCerts": true });
    let down = user.send("POST", &path, &older).await.json();
    assert_eq!(down["success"], false);
    assert_eq!((down["state"].as_str(), down["code"].as_str()), (Some("down"), Some("target_refused")));
    assert!(down["hint"].as_str().unwrap().contains("start the service"));
    assert_eq!(world.agent.control.checks.lock().unwrap()[1], asked[0]);
    let problem = user.send("POST", &path, &json!({ "internalPort": 0 })).await.problem(400, "validation_failed");
    assert!(problem["errors"]["internalHost"].is_array() && problem["errors"]["internalPort"].is_array());
}
