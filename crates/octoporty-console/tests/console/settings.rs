//! The landing page.

use octoporty_proto::model::DEFAULT_LANDING_HTML;
use serde_json::json;

use crate::world::World;

const LANDING_PAGE: &str = "/api/v1/settings/landing-page";

#[tokio::test]
async fn the_default_page_is_the_products_own() {
    let world = World::new().await;
    let page = world.user().await.get(LANDING_PAGE).await.json();
    assert_eq!(page["isDefault"], true);
    assert_eq!(page["html"], DEFAULT_LANDING_HTML);
    assert!(page["html"].as_str().unwrap().contains("Octoporty Gateway"));
    assert_eq!(page["hash"].as_str().unwrap().len(), 32);
    assert!(world.agent.desired.borrow().landing_page.is_none());
}

#[tokio::test]
async fn a_page_is_stored_published_and_reset() {
    let mut world = World::new().await;
    let user = world.user().await;
    let before = world.agent.desired.borrow().revision;
    let html = "<h1>Grüße</h1>";
    let stored = user.send("PUT", LANDING_PAGE, &json!({ "html": html })).await;
    assert_eq!(stored.status, 200);
    let expected = json!({ "html": html, "hash": "8afbb77476b14bd3d77f4f8cf485e8f8", "isDefault": false });
    assert_eq!(stored.json(), expected);
    let desired = world.agent.desired.borrow().clone();
    assert_eq!(desired.landing_page.as_ref().unwrap().html(), html);
    assert!(desired.revision > before);
    world.restart().await;
    let user = world.user().await;
    assert_eq!(user.get(LANDING_PAGE).await.json(), expected);
    assert_eq!(world.agent.desired.borrow().landing_page.as_ref().unwrap().html(), html, "published at the start");
    let reset = user.call("DELETE", LANDING_PAGE).send().await;
    assert_eq!(reset.status, 200);
    assert_eq!(reset.json()["isDefault"], true);
    assert!(world.agent.desired.borrow().landing_page.is_none());
}

#[tokio::test]
async fn an_empty_page_and_a_huge_one_are_refused() {
    let world = World::new().await;
    let user = world.user().await;
    for body in [json!({}), json!({ "html": "" }), json!({ "html": " \n" }), json!({ "html": 5 })] {
        let problem = user.send("PUT", LANDING_PAGE, &body).await.problem(400, "validation_failed");
        assert!(problem["errors"]["html"].is_array(), "{body}");
    }
    let largest = "é".repeat(524_288);
    assert_eq!(user.send("PUT", LANDING_PAGE, &json!({ "html": largest })).await.status, 200);
    let larger = format!("{largest}.");
    let problem = user.send("PUT", LANDING_PAGE, &json!({ "html": larger })).await.problem(413, "body_too_large");
    assert!(problem["errors"]["html"].is_array());
    let endless = json!({ "html": "x".repeat(4 * 1_048_576) });
    user.send("PUT", LANDING_PAGE, &endless).await.problem(413, "body_too_large");
    assert_eq!(user.get(LANDING_PAGE).await.json()["html"], largest.as_str(), "a refused page changes nothing");
}

#[tokio::test]
async fn a_page_is_not_overwritten_by_who_has_not_seen_it() {
    let world = World::new().await;
    let user = world.user().await;
    let read = user.get(LANDING_PAGE).await;
    let tag = read.header("etag").to_owned();
    assert_eq!(tag, format!("\"{}\"", read.json()["hash"].as_str().unwrap()));
    let put = |tag: &str, html: &str| {
        user.call("PUT", LANDING_PAGE).header("if-match", tag).json(&json!({ "html": html })).send()
    };
    let first = put(&tag, "first").await;
    assert_eq!(first.status, 200);
    put(&tag, "second").await.problem(412, "stale");
    assert_eq!(user.get(LANDING_PAGE).await.json()["html"], "first");
    assert_eq!(put(first.header("etag"), "second").await.status, 200);
    assert_eq!(put("*", "third").await.status, 200);
    put("\"nonsense\"", "fourth").await.problem(412, "stale");
}

#[tokio::test]
async fn a_page_is_not_reset_by_who_has_not_seen_it() {
    let world = World::new().await;
    let user = world.user().await;
    let seen = user.get(LANDING_PAGE).await.header("etag").to_owned();
    let stored = user.send("PUT", LANDING_PAGE, &json!({ "html": "of another tab" })).await;
    let revision = world.agent.desired.borrow().revision;
    let reset = |tag: &str| user.call("DELETE", LANDING_PAGE).header("if-match", tag).send();
    for tag in [seen.as_str(), "\"nonsense\""] {
        reset(tag).await.problem(412, "stale");
    }
    assert_eq!(user.get(LANDING_PAGE).await.json()["html"], "of another tab");
    assert_eq!(world.agent.desired.borrow().revision, revision, "nothing was published");
    let done = reset(stored.header("etag")).await;
    assert_eq!((done.status.as_u16(), done.header("etag")), (200, seen.as_str()));
    assert!(world.agent.desired.borrow().landing_page.is_none());
    assert_eq!(reset("*").await.status, 200, "what is the default already");
}
