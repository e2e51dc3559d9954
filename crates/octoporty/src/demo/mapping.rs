//! Makes the sample site's mapping through the console's REST API.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use thiserror::Error;

use crate::http_client::{Ask, ClientError, send};

/// The console is in this process; this is never reached when it works.
const BOUND: Duration = Duration::from_secs(15);

/// As whom the demo asks: not as the browser beside it. Wrong passwords typed there lock the account, but not out a
/// source that logged in before.
const OWN_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 77));

/// Why there is no mapping.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(super) enum MappingError {
    /// The console does not answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Nobody may log in at the moment.
    #[error("the console lets nobody in after wrong passwords")]
    Locked,
    /// The console answers something else.
    #[error("{method} {path} answered {status}: {text}")]
    Refused {
        /// What was asked.
        method: Method,
        /// Where.
        path: String,
        /// What came.
        status: StatusCode,
        /// The console's own words.
        text: String,
    },
}

/// A logged-in user of the console.
struct Console {
    address: SocketAddr,
    token: Option<String>,
}

/// Sees that `domain` leads to `target`: makes the mapping, or corrects the port of the one that is there. Whether it
/// is enabled, and all else about it, is left as its user wants it.
pub(super) async fn ensure(
    console: SocketAddr,
    password: &str,
    domain: &str,
    target: SocketAddr,
) -> Result<(), MappingError> {
    let mut console = Console { address: console, token: None };
    let login = console.call(Method::POST, "/api/v1/auth/login", Some(json!({ "password": password }))).await?;
    console.token = login["token"].as_str().map(str::to_owned);
    let mappings = console.call(Method::GET, "/api/v1/mappings", None).await?;
    let ours =
        |mapping: &&Value| mapping["externalDomain"] == domain && mapping["pathPrefix"].as_str().unwrap_or("/") == "/";
    match mappings.as_array().and_then(|mappings| mappings.iter().find(ours)) {
        Some(mapping) if leads_to(mapping, target) => {}
        Some(mapping) => {
            let path = format!("/api/v1/mappings/{}", mapping["id"].as_str().unwrap_or_default());
            let mut corrected = mapping.clone();
            corrected["internalHost"] = target.ip().to_string().into();
            corrected["internalPort"] = target.port().into();
            console.call(Method::PUT, &path, Some(corrected)).await?;
        }
        None => {
            let mapping = json!({
                "name": "Sample site",
                "externalDomain": domain,
                "internalHost": target.ip().to_string(),
                "internalPort": target.port(),
                "internalProtocol": "Http",
                "enabled": true,
            });
            console.call(Method::POST, "/api/v1/mappings", Some(mapping)).await?;
        }
    }
    Ok(())
}

fn leads_to(mapping: &Value, target: SocketAddr) -> bool {
    mapping["internalHost"] == target.ip().to_string() && mapping["internalPort"] == target.port()
}

impl Console {
    async fn call(&self, method: Method, path: &str, json: Option<Value>) -> Result<Value, MappingError> {
        let url = format!("http://{}{path}", self.address);
        let ask = Ask {
            method: method.clone(),
            url: &url,
            bearer: self.token.as_deref(),
            forwarded_for: Some(OWN_ADDRESS),
            json,
        };
        let answer = send(ask, BOUND).await?;
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            return Err(MappingError::Locked);
        }
        if !answer.status().is_success() {
            let text = String::from_utf8_lossy(answer.body()).into_owned();
            return Err(MappingError::Refused { method, path: path.to_owned(), status: answer.status(), text });
        }
        Ok(serde_json::from_slice(answer.body()).unwrap_or(Value::Null))
    }
}
