//! What every answer has, what is not there, and the page.

use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn what_is_not_there_under_api_is_a_problem_and_never_the_page() {
    let world = World::new().await;
    let user = world.user().await;
    for path in [
        "/api",
        "/api/",
        "/api/v1",
        "/api/v1/",
        "/api/v1/nothing",
        "/api/nothing",
        "/api/v2/mappings",
        "/api/test/echo",
    ] {
        for method in ["GET", "POST", "DELETE"] {
            user.call(method, path).send().await.problem(404, "not_found");
        }
    }
    user.call("DELETE", "/api/v1/mappings").send().await.problem(405, "method_not_allowed");
    user.call("POST", "/api/v1/status").send().await.problem(405, "method_not_allowed");
}

#[tokio::test]
async fn documented_paths_answer_without_their_version() {
    let world = World::new().await;
    let token =
        world.call("POST", "/api/auth/login").json(&json!({ "password": crate::world::PASSWORD })).send().await.json()
            ["token"]
            .as_str()
            .unwrap()
            .to_owned();
    for path in
        ["/api/mappings", "/api/status", "/api/logs/requests?count=1", "/api/settings/landing-page", "/api/auth/me"]
    {
        assert_eq!(world.call("GET", path).bearer(&token).send().await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn every_answer_has_an_id_and_the_headers_of_caution() {
    let world = World::new().await;
    let mut ids = std::collections::HashSet::new();
    for path in ["/", "/health", "/api/v1/mappings", "/api/nothing", "/none.js"] {
        let answer = world.call("GET", path).send().await;
        assert!(ids.insert(answer.header("x-octoporty-request-id").to_owned()), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        assert!(!answer.header("cache-control").is_empty(), "{path}");
    }
    assert!(ids.iter().all(|id| id.len() == 32));
}

#[tokio::test]
async fn the_page_answers_every_path_of_its_own() {
    let world = World::new().await;
    for path in ["/", "/login", "/mappings/new", "/logs/requests"] {
        let page = world.call("GET", path).send().await;
        assert_eq!(page.status, 200, "{path}");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(page.header("x-frame-options"), "DENY");
        assert!(page.header("content-security-policy").contains("script-src 'self'"));
        assert!(String::from_utf8_lossy(&page.body).contains("Octoporty"));
    }
    let head = world.call("HEAD", "/").send().await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    assert_eq!(world.call("GET", "/none.js").send().await.status, 404);
    assert_eq!(world.call("POST", "/").send().await.status, 405);
}

#[tokio::test]
async fn the_contract_and_the_capabilities_are_served() {
    let world = World::new().await;
    let user = world.user().await;
    let contract = user.get("/api/openapi.json").await;
    assert_eq!(contract.header("content-type"), "application/json");
    assert_eq!(contract.json()["openapi"], "3.1.0");
    let capabilities = user.get("/api/v1/capabilities").await.json();
    assert_eq!(
        capabilities,
        json!({
            "side": "agent", "version": "0.2.0",
            "features": ["mappings", "request-log", "connection-log", "landing-page", "import-export"],
            "gatewayNames": ["gateway.example.com"], "mappingKinds": ["http"]
        })
    );
}
