//! The agent's REST API as a script would use it.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::visitor::{self, Reply};

/// A logged-in client.
#[derive(Debug, Clone)]
pub struct ConsoleClient {
    address: SocketAddr,
    token: String,
}

impl ConsoleClient {
    /// Logs in.
    ///
    /// # Panics
    /// If the console refuses.
    pub async fn login(address: SocketAddr, password: &str) -> Self {
        let body = json!({ "password": password }).to_string();
        let reply = request(address, "POST", "/api/v1/auth/login", None, Some(&body)).await;
        assert_eq!(reply.status, 200, "login: {}", reply.text());
        let token = reply.json()["token"].as_str().expect("login gives a token").to_owned();
        Self { address, token }
    }

    /// Where the console listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The head of a call, for reading its answer piece by piece.
    #[must_use]
    pub fn head(&self, method: &str, path: &str) -> String {
        format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\r\n", self.address, self.token)
    }

    /// Any call.
    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Reply {
        let body = body.map(|value| value.to_string());
        request(self.address, method, path, Some(&self.token), body.as_deref()).await
    }

    /// A call that must answer with this status.
    ///
    /// # Panics
    /// If it answers another.
    pub async fn expect(&self, status: u16, method: &str, path: &str, body: Option<Value>) -> Value {
        let reply = self.call(method, path, body).await;
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.text());
        if reply.body.is_empty() { Value::Null } else { reply.json() }
    }

    /// Sends a file, as curl does.
    pub async fn upload(&self, path: &str, file: &Path) -> Value {
        let (url, bearer) = (format!("http://{}{path}", self.address), format!("Authorization: Bearer {}", self.token));
        let data = format!("@{}", file.display());
        let kind = "Content-Type: application/octet-stream";
        let args = ["--header", &bearer, "--header", kind, "--data-binary", &data, &url];
        serde_json::from_slice(&visitor::curl(&args).await).expect("JSON")
    }

    /// Makes an enabled mapping and returns its id.
    pub async fn map(&self, domain: &str, target: SocketAddr) -> String {
        self.map_with(json!({
            "name": domain,
            "externalDomain": domain,
            "internalHost": target.ip().to_string(),
            "internalPort": target.port(),
        }))
        .await
    }

    /// Makes a mapping of these fields and returns its id.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn map_with(&self, fields: Value) -> String {
        let made = self.expect(201, "POST", "/api/v1/mappings", Some(fields)).await;
        made["id"].as_str().expect("a mapping has an id").to_owned()
    }

    /// Waits until the gateway serves the mapping.
    pub async fn applied(&self, id: &str) {
        crate::eventually("the mapping is applied", || async {
            let mapping = self.expect(200, "GET", &format!("/api/v1/mappings/{id}"), None).await;
            (mapping["sync"]["state"] == "applied").then_some(())
        })
        .await;
    }

    /// The status document.
    pub async fn status(&self) -> Value {
        self.expect(200, "GET", "/api/v1/status", None).await
    }

    /// Waits for a connection status.
    pub async fn connection(&self, wanted: &str) {
        crate::eventually(&format!("the agent is {wanted}"), || async {
            (self.status().await["connectionStatus"] == wanted).then_some(())
        })
        .await;
    }
}

/// A moment of an answer, RFC 3339 in UTC, as Unix milliseconds.
///
/// # Panics
/// If it is none.
#[must_use]
pub fn moment_ms(moment: &Value) -> u64 {
    let text = moment.as_str().unwrap_or_else(|| panic!("a moment is a text: {moment}"));
    assert!(text.ends_with('Z'), "{text} is not in UTC");
    let moment = OffsetDateTime::parse(text, &Rfc3339).unwrap_or_else(|error| panic!("{text}: {error}"));
    u64::try_from(moment.unix_timestamp_nanos() / 1_000_000).expect("after 1970")
}

/// The same of now.
///
/// # Panics
/// If the clock is before 1970.
#[must_use]
pub fn now_ms() -> u64 {
    u64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000).expect("after 1970")
}

async fn request(address: SocketAddr, method: &str, path: &str, token: Option<&str>, body: Option<&str>) -> Reply {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    if let Some(token) = token {
        head.push_str(&format!("Authorization: Bearer {token}\r\n"));
    }
    if let Some(body) = body {
        head.push_str(&format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    head.push_str(body.unwrap_or_default());
    visitor::exchange(address, head.as_bytes(), method).await
}
