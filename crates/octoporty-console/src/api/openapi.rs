//! `GET /api/openapi.json`: the contract. A snapshot of it lies at `web/openapi.json`, where the web client's types are
//! generated from it.

use std::sync::OnceLock;

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};

use super::problem::Problem;
use super::responses::Unauthorized;
use super::{guarded_routes, open_routes};
use crate::auth::cookies;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Octoporty console",
        description = "Every path answers without its `v1` as well. Errors are RFC 9457 problems.",
        version = env!("CARGO_PKG_VERSION")
    ),
    components(schemas(Problem)),
    tags(
        (name = "auth", description = "Login and sessions"),
        (name = "mappings", description = "Public endpoints and their targets"),
        (name = "status", description = "The tunnel's state and figures"),
        (name = "gateway", description = "What only the gateway can tell or do"),
        (name = "events", description = "What happens, as it happens"),
        (name = "logs", description = "Requests and sessions"),
        (name = "inspector", description = "One URL through the gateway and straight from the agent"),
        (name = "settings", description = "Settings"),
        (name = "import-export", description = "Definitions, backups, restore"),
        (name = "console", description = "The console itself")
    )
)]
struct Document;

/// The document of all routes.
pub(crate) fn make() -> OpenApi {
    let mut document = <Document as utoipa::OpenApi>::openapi();
    let (_, routes) = open_routes().merge(guarded_routes()).split_for_parts();
    document.merge(routes);
    let components = document.components.get_or_insert_default();
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(cookies::ACCESS)));
    let mut bearer = Http::new(HttpAuthScheme::Bearer);
    bearer.bearer_format = Some("JWT".to_owned());
    components.add_security_scheme("cookie", cookie);
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    document
}

/// The contract.
#[utoipa::path(
    get, path = "/api/openapi.json", operation_id = "getOpenApi", tag = "console",
    security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 200, description = "OpenAPI 3.1.", body = serde_json::Value),
        Unauthorized
    )
)]
pub(crate) async fn document() -> Response {
    static JSON: OnceLock<String> = OnceLock::new();
    let json = JSON.get_or_init(|| make().to_json().expect("the document is always JSON"));
    ([(CONTENT_TYPE, "application/json")], json.as_str()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `UPDATE_SNAPSHOT=1 cargo test -p octoporty-console` writes it anew.
    #[test]
    fn the_snapshot_is_the_document() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/openapi.json");
        let json = make().to_pretty_json().unwrap() + "\n";
        if std::env::var_os("UPDATE_SNAPSHOT").is_some() {
            std::fs::write(&path, &json).unwrap();
        }
        let snapshot = std::fs::read_to_string(&path).unwrap();
        assert!(snapshot == json, "web/openapi.json is not of this code; UPDATE_SNAPSHOT=1 writes it anew");
    }

    #[test]
    fn the_document_is_of_version_3_1_and_every_operation_has_a_name() {
        let document: serde_json::Value = serde_json::from_str(&make().to_json().unwrap()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let mut names = Vec::new();
        for path in document["paths"].as_object().unwrap().values() {
            for operation in path.as_object().unwrap().values() {
                names.push(operation["operationId"].as_str().unwrap().to_owned());
            }
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(count >= 24);
    }
}
