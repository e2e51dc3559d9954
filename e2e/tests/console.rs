//! The agent's console as people and scripts use it: curl logs in, stays in, goes out, and makes mappings.

use std::path::Path;

use octoporty_e2e::eventually;
use octoporty_e2e::target::mirror;
use octoporty_e2e::visitor::curl;
use octoporty_e2e::world::{PASSWORD, World};
use serde_json::{Value, json};

/// A console of a world, asked by curl.
struct Console {
    url: String,
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.body))
    }

    fn text(&self, field: &str) -> String {
        self.json()[field].as_str().unwrap_or_else(|| panic!("no {field}: {}", self.body)).to_owned()
    }
}

impl Console {
    async fn start(world: &World) -> (octoporty_e2e::process::Process, Self) {
        let (agent, _) = world.agent_via(world.gateway_address(), &[]).await;
        (agent, Self { url: format!("http://{}", world.console_address()) })
    }

    async fn ask(&self, method: &str, path: &str, body: Option<&Value>, more: &[&str]) -> Answer {
        let (url, body) = (format!("{}{path}", self.url), body.map(Value::to_string));
        let mut args = vec!["--include", "--request", method, "--header", "Content-Type: application/json"];
        if let Some(body) = &body {
            args.extend(["--data", body]);
        }
        args.extend(more);
        args.push(&url);
        let whole = String::from_utf8(curl(&args).await).expect("text");
        let (head, body) = whole.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    async fn login(&self, password: &str, more: &[&str]) -> Answer {
        self.ask("POST", "/api/v1/auth/login", Some(&json!({ "password": password })), more).await
    }

    async fn status_with(&self, token: &str) -> u16 {
        self.ask("GET", "/api/v1/status", None, &["--header", &format!("Authorization: Bearer {token}")]).await.status
    }

    async fn refresh(&self, token: &str) -> Answer {
        self.ask("POST", "/api/v1/auth/refresh", Some(&json!({ "refreshToken": token })), &[]).await
    }
}

fn jar(path: &Path) -> [String; 4] {
    let path = path.display().to_string();
    ["--cookie".to_owned(), path.clone(), "--cookie-jar".to_owned(), path]
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_let_in_without_the_password_and_cookies_or_a_bearer_keep_one_in() {
    let world = World::new();
    let (_agent, console) = Console::start(&world).await;
    for (path, status) in [("/api/v1/status", 401), ("/api/v1/mappings", 401), ("/health", 200)] {
        assert_eq!(console.ask("GET", path, None, &[]).await.status, status, "{path} without a login");
    }
    let wrong = console.login("wrong horse battery", &[]).await;
    assert_eq!(wrong.status, 401, "{}", wrong.body);
    assert!(!wrong.head.to_lowercase().contains("set-cookie"), "{}", wrong.head);

    let path = world.path("cookies");
    let jar = jar(&path);
    let jar: Vec<&str> = jar.iter().map(String::as_str).collect();
    let login = console.login(PASSWORD, &jar).await;
    assert_eq!(login.status, 200, "{}", login.body);
    let cookies: Vec<&str> = login.head.lines().filter(|line| line.to_lowercase().starts_with("set-cookie:")).collect();
    for name in ["octoporty_access=", "octoporty_refresh="] {
        assert!(cookies.iter().any(|cookie| cookie.contains(name)), "{name}: {cookies:?}");
    }
    for cookie in cookies {
        assert!(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict"), "{cookie}");
        assert!(!cookie.contains("; Secure"), "a console on a LAN is asked by http: {cookie}");
    }
    assert_eq!(console.ask("GET", "/api/v1/status", None, &jar).await.status, 200, "by cookie");
    assert_eq!(console.status_with(&login.text("token")).await, 200, "by bearer");
    assert_eq!(console.status_with("not-a-token").await, 401);

    // A page of another site makes the browser send the cookie along: such a change is refused.
    let mut foreign = jar.clone();
    foreign.extend(["--header", "Origin: https://evil.example"]);
    let refused = console.ask("POST", "/api/v1/reconnect", None, &foreign).await;
    assert_eq!(refused.status, 403, "{}", refused.body);
    assert_eq!(console.ask("POST", "/api/v1/reconnect", None, &jar).await.status, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_counts_once_and_a_stolen_one_ends_the_login() {
    let world = World::new();
    let (_agent, console) = Console::start(&world).await;
    let first = console.login(PASSWORD, &[]).await;
    let second = console.refresh(&first.text("refreshToken")).await;
    assert_eq!(second.status, 200, "{}", second.body);
    assert_ne!(second.text("refreshToken"), first.text("refreshToken"));
    assert_eq!(console.status_with(&second.text("token")).await, 200);
    let third = console.refresh(&second.text("refreshToken")).await;
    assert_eq!(third.status, 200, "{}", third.body);
    // Whoever comes with the first one now has copied it: nobody stays in.
    assert_eq!(console.refresh(&first.text("refreshToken")).await.status, 401);
    assert_eq!(console.refresh(&third.text("refreshToken")).await.status, 401, "its successor is of the same login");
    assert_eq!(console.status_with(&third.text("token")).await, 401);
    assert_eq!(console.login(PASSWORD, &[]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_logs_out_is_out_and_stays_out_after_a_restart() {
    let world = World::new();
    let (mut agent, console) = Console::start(&world).await;
    let (gone, stays) = (console.login(PASSWORD, &[]).await, console.login(PASSWORD, &[]).await);
    let (token, refresh) = (gone.text("token"), gone.text("refreshToken"));
    assert_eq!(console.status_with(&token).await, 200);
    let out = console.ask("POST", "/api/v1/auth/logout", Some(&json!({ "refreshToken": refresh })), &[]).await;
    assert_eq!(out.status, 204, "{}", out.body);
    assert_eq!(console.status_with(&token).await, 401, "the access token is not good until it expires");
    assert_eq!(console.refresh(&refresh).await.status, 401);
    assert_eq!(console.status_with(&stays.text("token")).await, 200, "another login of the same person stays");

    agent.kill().await;
    let (_agent, console) = Console::start(&world).await;
    assert_eq!(console.status_with(&token).await, 401);
    assert_eq!(console.status_with(&stays.text("token")).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn five_wrong_passwords_lock_the_login_for_a_minute_and_over_a_restart() {
    let world = World::new();
    // Nobody has logged in from here yet: a source that is known is not locked out by others.
    let agent = || world.agent_named("agent", world.console_address(), world.gateway_address(), &[]);
    let mut process = agent();
    octoporty_e2e::target::listening(world.console_address()).await;
    let console = Console { url: format!("http://{}", world.console_address()) };
    for attempt in 1..=5 {
        assert_eq!(console.login("wrong horse battery", &[]).await.status, 401, "attempt {attempt}");
    }
    let locked = console.login(PASSWORD, &[]).await;
    assert_eq!(locked.status, 429, "the right one does not help now: {}", locked.body);
    let wait = locked.head.lines().find_map(|line| line.to_lowercase().strip_prefix("retry-after:").map(str::to_owned));
    let wait: u32 = wait.and_then(|text| text.trim().parse().ok()).unwrap_or_else(|| panic!("{}", locked.head));
    assert!((30..=60).contains(&wait), "{wait} s");

    process.kill().await;
    let _process = agent();
    octoporty_e2e::target::listening(world.console_address()).await;
    assert_eq!(console.login(PASSWORD, &[]).await.status, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn mappings_made_by_a_script_of_the_older_names_are_served_changed_switched_and_gone() {
    let world = World::new();
    let _gateway = world.gateway(&[]).await;
    let (one, two) = (mirror(world.ip()).await, mirror(world.ip()).await);
    let (_agent, console) = Console::start(&world).await;
    let bearer = format!("Authorization: Bearer {}", console.login(PASSWORD, &[]).await.text("token"));
    let ask = async |method: &str, path: &str, body: Option<Value>, status: u16| {
        let answer = console.ask(method, path, body.as_ref(), &["--header", &bearer]).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        answer
    };
    let served = async |what: &str, status: u16| {
        eventually(what, || async { (world.get("app.test", "/").await.status == status).then_some(()) }).await;
    };
    let older = |port: u16, tls: bool| {
        json!({ "description": "An app", "externalDomain": "app.test", "internalHost": world.ip().to_string(),
                "internalPort": port, "internalUseTls": tls, "allowSelfSignedCerts": true, "isEnabled": true })
    };
    let made = ask("POST", "/api/v1/mappings", Some(older(one.address().port(), false)), 201).await.json();
    for (field, value) in [
        ("name", json!("An app")),
        ("internalProtocol", json!("Http")),
        ("allowInvalidCertificates", json!(true)),
        ("enabled", json!(true)),
    ] {
        assert_eq!(made[field], value, "{field}: {made}");
    }
    let path = format!("/api/v1/mappings/{}", made["id"].as_str().expect("an id"));
    served("it is served", 200).await;

    let other = ask("PUT", &path, Some(older(two.address().port(), true)), 200).await.json();
    assert_eq!(other["internalProtocol"], "Https", "{other}");
    served("the mapping is https now and its target is not", 502).await;
    ask("PUT", &path, Some(older(two.address().port(), false)), 200).await;
    served("it is served by its new target", 200).await;
    assert!(two.connections() > 0);

    ask("PATCH", &format!("{path}/toggle"), Some(json!({ "enabled": false })), 200).await;
    served("a disabled mapping is not served", 404).await;
    assert_eq!(ask("GET", &path, None, 200).await.json()["live"]["state"], "disabled");
    ask("PATCH", &format!("{path}/toggle"), Some(json!({ "enabled": true })), 200).await;
    served("an enabled one is", 200).await;
    ask("DELETE", &path, None, 204).await;
    served("a deleted mapping is not served", 404).await;
    ask("GET", &path, None, 404).await;

    let wrong =
        ask("POST", "/api/v1/mappings", Some(json!({ "externalDomain": "not a name", "internalPort": 0 })), 400);
    let wrong = wrong.await.json();
    for field in ["externalDomain", "internalHost", "internalPort"] {
        assert!(wrong["errors"][field].is_array() || wrong["errors"][field].is_string(), "{field}: {wrong}");
    }
}
