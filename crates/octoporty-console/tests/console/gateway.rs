//! What is asked of the gateway.

use std::sync::Arc;

use octoporty_proto::model::{
    AgentStatus, Answer, AskError, CaddyAnswer, CaddyDestination, CaddyRoute, ConnectionState, Insistence, Question,
    UpdateAnswer, UpdateRequest, UpdateState,
};
use serde_json::{Value, json};

use crate::world::{World, connected};

const UPDATE: &str = "/api/v1/gateway/update";
const CADDY: &str = "/api/v1/gateway/caddy-config";

fn gateway_says(world: &World, state: UpdateState) {
    let told = UpdateAnswer { state, current_version: "0.1.0".to_owned(), message: "so it is".to_owned() };
    *world.agent.control.answer.lock().unwrap() = Some(Ok(Answer::Update(told)));
}

fn gateway_runs(world: &World, version: &str) {
    let status = AgentStatus { gateway_version: Some(version.to_owned()), ..connected() };
    world.agent.status.send_replace(Arc::new(status));
}

#[tokio::test]
async fn an_older_gateway_is_asked_to_become_this_release_and_its_word_is_passed_on() {
    let world = World::new().await;
    let user = world.user().await;
    let words = [
        (UpdateState::Queued, true, "Queued"),
        (UpdateState::AlreadyQueued, true, "AlreadyQueued"),
        (UpdateState::Rejected, false, "Rejected"),
    ];
    for (state, success, word) in words {
        gateway_says(&world, state);
        let answer = user.send("POST", UPDATE, &json!({ "force": false })).await;
        assert_eq!(answer.status, 200);
        let error = if success { Value::Null } else { json!("so it is") };
        let expected = json!({
            "success": success, "message": "so it is", "error": error, "agentVersion": "0.2.0",
            "gatewayVersion": "0.1.0", "status": word
        });
        assert_eq!(answer.json(), expected);
    }
    let wish = UpdateRequest { target_version: "0.2.0".to_owned(), insistence: Insistence::IfNewer };
    assert_eq!(*world.agent.control.questions.lock().unwrap(), vec![Question::Update(wish); 3]);
}

#[tokio::test]
async fn a_gateway_that_is_not_older_is_asked_only_by_force() {
    let world = World::new().await;
    let user = world.user().await;
    gateway_says(&world, UpdateState::Queued);
    for version in ["0.2.0", "0.10.0"] {
        gateway_runs(&world, version);
        let answer = user.send("POST", UPDATE, &json!({})).await.json();
        assert_eq!((&answer["success"], &answer["status"]), (&json!(false), &Value::Null));
        assert!(answer["message"].as_str().unwrap().contains(version), "{answer}");
        assert!(world.agent.control.questions.lock().unwrap().is_empty());
    }
    let answer = user.send("POST", UPDATE, &json!({ "force": true })).await.json();
    assert_eq!((&answer["success"], &answer["status"]), (&json!(true), &json!("Queued")));
    let wish = UpdateRequest { target_version: "0.2.0".to_owned(), insistence: Insistence::Always };
    assert_eq!(*world.agent.control.questions.lock().unwrap(), [Question::Update(wish)]);
}

#[tokio::test]
async fn without_a_gateway_the_answer_is_a_problem_that_says_so() {
    let world = World::new().await;
    let user = world.user().await;
    world.agent.status.send_replace(Arc::new(AgentStatus { state: ConnectionState::Reconnecting, ..connected() }));
    let failures = [
        (AskError::NotConnected, 503, "gateway_away", "Not connected"),
        (AskError::Lost, 503, "gateway_lost", "was lost"),
        (AskError::Busy, 503, "gateway_busy", "in a moment"),
        (AskError::TimedOut { seconds: 15 }, 504, "gateway_timeout", "15 s"),
        (AskError::Unsupported { gateway_version: "0.1.0".to_owned() }, 502, "gateway_too_old", "0.1.0"),
        (AskError::Declined("no".to_owned()), 502, "gateway_declined", "no"),
    ];
    for (error, status, code, words) in failures {
        *world.agent.control.answer.lock().unwrap() = Some(Err(error));
        let answer = user.send("POST", UPDATE, &json!({ "force": true })).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (status, &json!(code)));
        assert!(answer.json()["message"].as_str().unwrap().contains(words), "{:?}", answer.json());
    }
}

#[tokio::test]
async fn nobody_asks_for_an_update_without_a_session() {
    let world = World::new().await;
    let answer = world.call("POST", UPDATE).json(&json!({ "force": true })).send().await;
    assert_eq!(answer.status, 401);
    assert!(world.agent.control.questions.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_caddy_told_the_gateway_is_passed_on_with_the_routes_that_lead_to_it() {
    let world = World::new().await;
    let user = world.user().await;
    let route = |host: &str, destination| CaddyRoute {
        pointer: "/apps/http/servers/srv0/routes/0".to_owned(),
        hosts: vec![host.to_owned()],
        dials: vec!["localhost:17200".to_owned()],
        destination,
    };
    let routes =
        vec![route("a.example.com", CaddyDestination::Gateway), route("b.example.com", CaddyDestination::Elsewhere)];
    let told = CaddyAnswer { json: Some("{\"apps\":{}}".to_owned()), error: None, routes };
    *world.agent.control.answer.lock().unwrap() = Some(Ok(Answer::CaddyConfig(told)));
    let answer = user.get(CADDY).await;
    assert_eq!(answer.status, 200);
    let seen = answer.json();
    assert_eq!((&seen["success"], &seen["error"]), (&json!(true), &Value::Null));
    assert_eq!(seen["configJson"], "{\"apps\":{}}", "a text, not an object");
    let expected = json!({
        "pointer": "/apps/http/servers/srv0/routes/0", "hosts": ["a.example.com"], "dials": ["localhost:17200"],
        "leadsHere": true
    });
    assert_eq!((&seen["routes"][0], &seen["routes"][1]["leadsHere"]), (&expected, &json!(false)));
    assert_eq!(*world.agent.control.questions.lock().unwrap(), [Question::CaddyConfig]);
}

#[tokio::test]
async fn a_caddy_that_does_not_answer_is_an_answer_and_a_gateway_that_does_not_is_none() {
    let world = World::new().await;
    let user = world.user().await;
    let told = CaddyAnswer { error: Some("No Caddy answers".to_owned()), ..CaddyAnswer::default() };
    *world.agent.control.answer.lock().unwrap() = Some(Ok(Answer::CaddyConfig(told)));
    let answer = user.get(CADDY).await;
    let expected = json!({ "success": false, "error": "No Caddy answers", "configJson": null, "routes": [] });
    assert_eq!((answer.status.as_u16(), answer.json()), (200, expected));
    *world.agent.control.answer.lock().unwrap() = Some(Err(AskError::NotConnected));
    let answer = user.get(CADDY).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (503, &json!("gateway_away")));
    let answer = world.call("GET", CADDY).send().await;
    assert_eq!(answer.status, 401);
}
