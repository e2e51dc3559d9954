//! What is told of Caddy's configuration, and what never is.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use octoporty_proto::model::{CaddyDestination, CaddyRoute};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::*;

fn masked(mut value: Value) -> Value {
    mask::mask(&mut value);
    value
}

#[test]
fn secrets_are_masked_wherever_they_stand_and_what_is_none_is_not() {
    let config = json!({
        "apps": {
            "tls": {
                "automation": { "policies": [{ "issuers": [{
                    "challenges": { "dns": { "provider": { "name": "cloudflare", "api_token": "t0ps3cret" } } },
                    "external_account": { "key_id": "kid", "mac_key": "t0ps3cret" }
                }] }] },
                "certificates": { "load_pem": [{ "certificate": "-----BEGIN CERTIFICATE-----", "key": "-----BEGIN EC PRIVATE KEY-----\nt0ps3cret" }] }
            },
            "http": { "servers": { "srv0": { "routes": [
                { "handle": [{ "handler": "authentication", "providers": { "http_basic": {
                    "accounts": [{ "username": "bob", "password": "$2a$t0ps3cret" }] } } }] },
                { "handle": [{ "handler": "headers", "request": { "set": {
                    "Authorization": ["Bearer t0ps3cret"], "X-Api-Key": ["t0ps3cret"], "X-Plain": ["t0ps3cret"] } } }] },
                { "handle": [{ "handler": "reverse_proxy", "upstreams": [{ "dial": "localhost:17200" }] }] }
            ] } } }
        },
        "storage": { "module": "redis", "address": "redis://user:t0ps3cret@cache:6379/1", "db_password": 1234567,
            "aes-encryption_key": ["t0ps3cret"], "passwords": { "a": { "b": "t0ps3cret" } } }
    });
    let seen = masked(config);
    let text = seen.to_string();
    for secret in ["t0ps3cret", "1234567"] {
        assert!(!text.contains(secret), "{text}");
    }
    for open in ["cloudflare", "bob", "X-Plain", "localhost:17200", "kid", "BEGIN CERTIFICATE", "cache:6379/1"] {
        assert!(text.contains(open), "{open} is no secret: {text}");
    }
}

#[test]
fn where_a_secret_comes_from_and_whether_it_is_on_is_no_secret() {
    let config = json!({ "api_token": "{env.CF_TOKEN}", "secret": "{file./run/secret}", "tokens": { "enabled": true, "x": null } });
    assert_eq!(masked(config.clone()), config);
    assert_eq!(masked(json!({ "token": "{env.A}t0ps3cret{env.B}" })), json!({ "token": "****" }));
}

#[test]
fn keys_of_providers_and_of_stores_are_secrets_and_their_names_are_not() {
    let config = json!({
        "rfc2136": { "key_name": "seen-name", "key_alg": "hmac-sha256", "key_id": "seen-id", "key_type": "p256", "key": "t0ps3cret",
            "server": "192.0.2.4:53" },
        "ovh": { "endpoint": "ovh-eu", "application_key": "t0ps3cret", "consumer_key": "t0ps3cret" },
        "redis": { "aes_key": "t0ps3cret", "aesKey": "t0ps3cret", "connection_string": "host=db password=t0ps3cret" },
        "mysql": { "dsn": "u:t0ps3cret@tcp(db)/x", "pass": "t0ps3cret", "PASSWD": "t0ps3cret", "pwd": "t0ps3cret" },
        "encoder": { "message_key": "msg", "level_key": "level" },
        "zone": { "key": "{http.request.remote.host}", "public_key": "seen-public" },
    });
    let text = masked(config).to_string();
    assert!(!text.contains("t0ps3cret"), "{text}");
    for open in [
        "seen-name",
        "hmac-sha256",
        "seen-id",
        "p256",
        "192.0.2.4:53",
        "ovh-eu",
        "\"msg\"",
        "\"level\"",
        "{http.request.remote.host}",
        "seen-public",
    ] {
        assert!(text.contains(open), "{open} is no secret: {text}");
    }
}

#[test]
fn what_is_put_into_a_header_or_looked_for_in_one_is_masked_whatever_it_is_called() {
    let config = json!({ "handle": [
        { "handler": "reverse_proxy", "upstreams": [{ "dial": "127.0.0.1:17200" }], "headers": {
            "request": { "set": { "X-Auth": ["t0ps3cret"], "Host": ["{http.request.host}"] }, "add": { "X-A": ["t0ps3cret"] } },
            "response": { "replace": { "X-B": [{ "search": "t0ps3cret", "replace": "t0ps3cret" }] }, "delete": ["Server"] } },
          "health_checks": { "active": { "path": "/healthz", "headers": { "X-C": ["t0ps3cret"] } } } },
        { "handler": "static_response", "status_code": 200, "headers": { "X-D": ["t0ps3cret"] } }
    ], "match": [{ "host": ["a.example"], "header": { "X-Origin-Verify": ["t0ps3cret"] },
        "header_regexp": { "X-E": { "name": "x", "pattern": "^t0ps3cret$" } } }] });
    let text = masked(config).to_string();
    assert!(!text.contains("t0ps3cret"), "{text}");
    for open in [
        "reverse_proxy",
        "127.0.0.1:17200",
        "X-Auth",
        "{http.request.host}",
        "Server",
        "/healthz",
        "a.example",
        "static_response",
        "X-Origin-Verify",
    ] {
        assert!(text.contains(open), "{open} is no secret: {text}");
    }
}

#[test]
fn secrets_within_a_text_are_masked_where_they_stand() {
    for (text, seen) in [
        ("postgres://u:t0ps/3cret@db/x", "postgres://****@db/x"),
        ("https://u:t0p@s3cret@db/x", "https://****@db/x"),
        ("http://a/ http://u:t0ps3cret@b/ https://v:t0ps3cret@c", "http://a/ http://****@b/ https://****@c"),
        ("u:t0ps3cret@tcp(db)/x", "****@tcp(db)/x"),
        ("/hook?token=t0ps3cret&x=1", "/hook?token=****&x=1"),
        ("https://h/x?a=1&api_key=t0ps3cret", "https://h/x?a=1&api_key=****"),
        (
            "https://h/?sig=t0ps3cret&key=t0ps3cret&access_token=t0ps3cret",
            "https://h/?sig=****&key=****&access_token=****",
        ),
        ("host=db user=u Password = 't0ps 3cret' sslmode=on", "host=db user=u Password = **** sslmode=on"),
        ("Server=db;Pwd=t0ps3cret;Database=x", "Server=db;Pwd=****;Database=x"),
        ("?token={env.TOKEN}&page=2", "?token={env.TOKEN}&page=2"),
        ("Bearer t0ps3cret", "Bearer ****"),
        ("respond Basic t0ps3cret now", "respond Basic **** now"),
        ("bob $2y$10$t0ps3cret alice:$argon2id$v=19$t0ps3cret", "bob **** ****"),
        (r#"{"user":"seen","token":"t0ps3cret"}"#, r#"{"token":"****","user":"seen"}"#),
        (r#" [{"a":"https://u:t0ps3cret@h"}]"#, r#"[{"a":"https://****@h"}]"#),
        (r#"{ "a" : [1] }"#, r#"{ "a" : [1] }"#),
    ] {
        assert_eq!(masked(json!({ "text": text })), json!({ "text": seen }), "{text}");
    }
}

#[test]
fn an_expression_that_reads_what_visitors_bring_shows_no_text_that_it_compares_with() {
    for (expression, seen) in [
        ("{http.request.header.X-Token} == 't0ps3cret'", "{http.request.header.X-Token} == '****'"),
        ("{header.X}==\"t0p\\\"s3cret\" || path('/x')", "{header.X}==\"****\" || path('****')"),
        ("header({'X-Key': [`t0ps3cret`]})", "header({'****': [`****`]})"),
        ("{http.request.cookie.sid} == 't0p \\' s3cret", "{http.request.cookie.sid} == '****'"),
        ("query({'t': ''}) && {path}.matches('^/t0ps3cret')", "query({'****': ''}) && {path}.matches('****')"),
        (
            "path('/api/*') && {http.request.host} == 'a.example'",
            "path('/api/*') && {http.request.host} == 'a.example'",
        ),
        ("{http.vars.u} == 'https://u:t0ps3cret@h'", "{http.vars.u} == 'https://****@h'"),
        ("{header.X} == 'a' // it's\n || {header.Y} == 't0ps3cret'", "****"),
        (r"{header.X} == r'dom\' || {header.Y} == 't0ps3cret'", "****"),
        ("{header.X} == '''it's''' || {header.Y} == 't0ps3cret'", "****"),
    ] {
        let wrap =
            |text: &str| json!({ "match": [{ "expression": text }, { "expression": { "expr": text, "name": "n" } }] });
        let (masked, seen) = (masked(wrap(expression)), wrap(seen));
        assert_eq!(masked, seen, "{expression}");
    }
}

#[test]
fn secrets_that_names_of_fields_have_within_are_masked_and_no_field_is_lost() {
    let seen = masked(json!({ "upstreams": { "https://u:t0ps3cret@h": 1, "https://v:t0ps3cret@h": 2, "seen": 3 } }));
    assert_eq!(seen, json!({ "upstreams": { "https://****@h": 1, "https://****@h (2)": 2, "seen": 3 } }));
}

#[test]
fn what_routes_are_told_by_stays_as_it_is() {
    let config = json!({ "apps": { "http": { "servers": { "secrets": { "listen": [":443", "tcp/[::1]:80", "unix//run/caddy.sock"],
        "routes": [{ "match": [{ "host": ["token.example.com", "*.key.example"], "path": ["/api/*", "/a@b", "/x:y@z"] }],
            "handle": [{ "handler": "rewrite", "uri": "{http.request.uri.path}?x=1&page=2#top" },
                { "handler": "reverse_proxy", "upstreams": [{ "dial": "secret-host:8080" }, { "dial": "[2001:db8::1]:443" }] }] }] } } } } });
    assert_eq!(masked(config.clone()), config);
}

fn listening(address: &str) -> Listening {
    Listening(address.parse().unwrap())
}

#[test]
fn a_dial_leads_here_when_it_means_the_gateways_port_on_an_address_of_its_own() {
    let everywhere = listening("[::]:17200");
    for dial in ["localhost:17200", "gateway:17200", "127.0.0.1:17200", "[::1]:17200", "tcp/10.1.2.3:17200", ":17200"] {
        assert!(everywhere.is_reached_by(dial), "{dial}");
    }
    for dial in ["localhost:17201", "localhost", "unix//run/17200", "{http.vars.up}", "localhost:172000"] {
        assert!(!everywhere.is_reached_by(dial), "{dial}");
    }
    let loopback = listening("127.0.0.1:17200");
    assert!(loopback.is_reached_by("127.0.0.1:17200") && loopback.is_reached_by("localhost:17200"));
    assert!(!loopback.is_reached_by("10.1.2.3:17200"), "another machine");
}

#[test]
fn routes_are_told_with_their_names_and_where_they_lead() {
    let proxy = |dial: &str| json!({ "handler": "reverse_proxy", "upstreams": [{ "dial": dial }, { "dial": dial }] });
    let nested = json!({ "handler": "subroute", "routes": [{ "handle": [proxy("127.0.0.1:17200")] }] });
    let config = json!({ "apps": { "http": { "servers": {
        "a/b": { "routes": [
            { "match": [{ "host": ["gw.example.com", "app.example.com"] }], "handle": [nested] },
            { "handle": [{ "handler": "file_server" }] },
            { "match": [{ "path": ["/x"] }, { "host": ["other.example.com"] }], "handle": [proxy("nas:80")] }
        ] },
        "empty": {}
    } } } });
    let told = routes::of(&config, listening("127.0.0.1:17200"));
    let expected = [
        CaddyRoute {
            pointer: "/apps/http/servers/a~1b/routes/0".to_owned(),
            hosts: vec!["gw.example.com".to_owned(), "app.example.com".to_owned()],
            dials: vec!["127.0.0.1:17200".to_owned()],
            destination: CaddyDestination::Gateway,
        },
        CaddyRoute {
            pointer: "/apps/http/servers/a~1b/routes/2".to_owned(),
            hosts: vec!["other.example.com".to_owned()],
            dials: vec!["nas:80".to_owned()],
            destination: CaddyDestination::Elsewhere,
        },
    ];
    assert_eq!(told, expected);
    assert!(config.pointer(&told[0].pointer).is_some(), "the pointer leads to the route");
    assert_eq!(routes::of(&Value::Null, listening("127.0.0.1:17200")), []);
}

/// A server that answers one request with these bytes and keeps the connection; its task gives the request's head.
async fn server(answer: Vec<u8>) -> (CaddyAdmin, JoinSet<String>) {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
    let admin = CaddyAdmin::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let mut work = JoinSet::new();
    work.spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await.unwrap());
        }
        socket.write_all(&answer).await.ok();
        // Until the other end has enough of it.
        socket.read_u8().await.ok();
        String::from_utf8(head).unwrap()
    });
    (admin, work)
}

fn with_length(status: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

async fn error_of(answer: Vec<u8>) -> String {
    let (admin, _work) = server(answer).await;
    let told = fetch(&admin).await.expect_err("no configuration");
    assert_eq!((&told.json, told.routes.len()), (&None, 0));
    let error = told.error.unwrap();
    assert!(error.contains(&admin.to_string()), "it says where it asked: {error}");
    error
}

#[tokio::test]
async fn the_configuration_is_asked_for_at_one_path_under_caddys_own_name() {
    let (admin, mut work) = server(with_length("200 OK", b"{\"apps\":{}}\n")).await;
    assert_eq!(fetch(&admin).await.unwrap(), b"{\"apps\":{}}\n");
    let head = work.join_next().await.unwrap().unwrap();
    assert!(head.starts_with("GET /config/ HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("host: {}\r\n", admin.authority())), "{head}");
}

#[tokio::test]
async fn each_failure_says_what_to_change() {
    let redirect = b"HTTP/1.1 302 Found\r\nLocation: /id/secret\r\nContent-Length: 0\r\n\r\n".to_vec();
    assert!(error_of(redirect).await.contains("answered 302"), "a redirect is not followed");
    assert!(error_of(with_length("403 Forbidden", b"no")).await.contains("`origins`"));
    assert!(error_of(b"SSH-2.0-OpenSSH_9\r\n".to_vec()).await.contains("speaks no HTTP"));
    assert!(error_of(with_length("200 OK", &vec![b' '; (1 << 20) + 1])).await.contains("larger than 1 MiB"));
    let nobody = CaddyAdmin::parse("http://127.0.0.1:1").unwrap();
    let told = fetch(&nobody).await.unwrap_err().error.unwrap();
    assert!(told.starts_with("No Caddy answers at http://127.0.0.1:1: connection refused"), "{told}");
    assert!(told.contains("Gateway__CaddyAdminUrl"), "{told}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up_in_time() {
    let begun = Instant::now();
    assert!(error_of(Vec::new()).await.contains("did not answer within 5 s"));
    assert!(begun.elapsed() < Duration::from_secs(12), "an agent waits for 15 s");
}

#[test]
fn what_is_no_json_is_no_caddy_and_a_caddy_without_a_configuration_has_none() {
    let (admin, listen) = (CaddyAdmin::default(), "127.0.0.1:17200".parse().unwrap());
    let told = describe(&admin, listen, b"<html>");
    assert!(told.json.is_none() && told.error.unwrap().contains("is no Caddy"));
    let told = describe(&admin, listen, b"null\n");
    assert_eq!((told.json.as_deref(), told.error), (Some("null"), None));
    let told = describe(&admin, listen, br#"{"api_token":"t0ps3cret"}"#);
    assert_eq!(told.json.as_deref(), Some(r#"{"api_token":"****"}"#));
}

#[test]
fn an_admin_api_is_plain_http_at_a_host_alone() {
    for good in ["http://localhost:2019", "http://caddy", "http://[::1]:2019/", "HTTP://10.0.0.1:1"] {
        assert!(CaddyAdmin::parse(good).is_some(), "{good}");
    }
    for bad in
        ["localhost:2019", "https://localhost:2019", "http://", "http://a/config", "http://u:p@a:1", "http://a?b", ""]
    {
        assert!(CaddyAdmin::parse(bad).is_none(), "{bad}");
    }
}
