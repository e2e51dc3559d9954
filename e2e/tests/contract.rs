//! The OpenAPI document against the console that it describes, by Schemathesis: requests made up from the document, legal
//! and not, and the answers held against it.

use octoporty_e2e::console::ConsoleClient;
use octoporty_e2e::target::python;
use octoporty_e2e::world::{PASSWORD, World};
use tokio::process::Command;

/// What an answer is held against. Whether a body that the document allows is taken is not among them: domains, hosts and
/// times are legal by rules that a schema cannot say.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance,unsupported_method,allow_header_conformance";
/// Made-up requests a route, so that the whole takes seconds.
const EXAMPLES: &str = "25";
/// A failure is repeated by the same number.
const SEED: &str = "1";

async fn schemathesis(world: &World, console: &ConsoleClient, more: &[&str]) {
    let folder = python().parent().expect("python lies in a folder").to_owned();
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../web/openapi.json");
    let url = format!("http://{}", console.address());
    let output = Command::new(folder.join("schemathesis"))
        .args(["run", document, "--url", &url, "--checks", CHECKS, "--max-examples", EXAMPLES, "--seed", SEED])
        .args(["--request-timeout", "60", "--continue-on-failure", "--no-color", "--generation-database", "none"])
        .args(more)
        // It leaves files where it runs.
        .current_dir(world.path("."))
        .kill_on_drop(true)
        .output()
        .await
        .expect("schemathesis is installed: run `make setup`");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("passed"), "it tested nothing: {said}");
}

async fn token(console: &ConsoleClient) -> String {
    let body = serde_json::json!({ "password": PASSWORD });
    let answer = console.expect(200, "POST", "/api/v1/auth/login", Some(body)).await;
    format!("Authorization: Bearer {}", answer["token"].as_str().expect("a token"))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_made_up_request_gets_an_answer_that_the_document_does_not_know() {
    let world = World::new();
    let signal = world.path("update-signal");
    let signal = signal.to_str().expect("a path of ASCII");
    let _gateway = world.gateway(&[("Gateway__UpdateSignalPath", signal)]).await;
    let (_agent, console) = world.agent(&[]).await;
    // The stream of events has no end, a logout ends the login that all the others need, and wrong passwords lock it.
    let apart = ["/api/v1/events", "/api/v1/auth/logout", "/api/v1/auth/login"];
    let mut rest = vec!["--header"];
    let header = token(&console).await;
    rest.push(&header);
    rest.extend(apart.iter().flat_map(|path| ["--exclude-path", path]));
    schemathesis(&world, &console, &rest).await;
    console.expect(200, "GET", "/api/v1/status", None).await;

    let own = token(&console).await;
    schemathesis(&world, &console, &["--header", &own, "--include-path", "/api/v1/auth/logout"]).await;
    schemathesis(&world, &console, &["--include-path", "/api/v1/auth/login"]).await;
}
