//! The agent's REST API as a script would use it.

use std::net::SocketAddr;

use serde_json::{Value, json};

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
