//! Login, cookies, refresh, logout, lockout.

use std::time::Duration;

use octoporty_console::config::PasswordHash;
use serde_json::json;

use crate::client::Answer;
use crate::world::{NOW, PASSWORD, World};

const ME: &str = "/api/v1/auth/me";
const REFRESH: &str = "/api/v1/auth/refresh";
const LOGOUT: &str = "/api/v1/auth/logout";

fn access_cookie(answer: &Answer) -> String {
    format!("octoporty_access={}", answer.cookie("octoporty_access").unwrap().0)
}

fn refresh_cookie(answer: &Answer) -> String {
    format!("octoporty_refresh={}", answer.cookie("octoporty_refresh").unwrap().0)
}

async fn status_of(world: &World, token: &str) -> u16 {
    world.call("GET", ME).bearer(token).send().await.status.as_u16()
}

#[tokio::test]
async fn a_login_gives_tokens_and_cookies() {
    let world = World::new().await;
    let answer = world.login().await;
    let body = answer.json();
    assert_eq!(body["expiresAt"], "2027-01-15T08:15:00.000Z");
    assert_eq!(body["refreshExpiresAt"], "2027-01-22T08:00:00.000Z");
    let (access, attributes) = answer.cookie("octoporty_access").unwrap();
    assert_eq!(access, body["token"].as_str().unwrap());
    assert_eq!(attributes, "Path=/; Max-Age=900; HttpOnly; SameSite=Strict");
    let (refresh, attributes) = answer.cookie("octoporty_refresh").unwrap();
    assert_eq!(refresh, body["refreshToken"].as_str().unwrap());
    assert_eq!(attributes, "Path=/api/v1/auth; Max-Age=604800; HttpOnly; SameSite=Strict");
    assert_eq!(answer.header("cache-control"), "no-store");

    let me = world.call("GET", ME).header("cookie", &access_cookie(&answer)).send().await.json();
    assert_eq!(me, json!({ "username": "admin", "credential": "cookie", "expiresAt": "2027-01-15T08:15:00.000Z" }));
    let me = world.call("GET", ME).bearer(&access).send().await.json();
    assert_eq!(me["credential"], "bearer");
}

#[tokio::test]
async fn by_https_cookies_are_secure() {
    let world = World::new().await;
    let call = world.call("POST", "/api/v1/auth/login").header("x-forwarded-proto", "https");
    let answer = call.json(&json!({ "password": PASSWORD })).send().await;
    assert!(answer.cookie("octoporty_access").unwrap().1.ends_with("; Secure"));
    assert!(answer.cookie("octoporty_refresh").unwrap().1.ends_with("; Secure"));
}

#[tokio::test]
async fn a_wrong_password_and_a_missing_one_differ() {
    let world = World::new().await;
    for wrong in ["wrong", "", "Eight arms"] {
        let answer = world.login_from("192.0.2.1", wrong).await;
        answer.problem(401, "wrong_password");
        assert!(answer.cookie("octoporty_access").is_none());
    }
    let missing = world.call("POST", "/api/v1/auth/login").json(&json!({})).send().await;
    let problem = missing.problem(400, "validation_failed");
    assert_eq!(problem["errors"]["password"], json!(["A password is needed."]));
    let number = world.call("POST", "/api/v1/auth/login").json(&json!({ "password": 5 })).send().await;
    assert!(number.problem(400, "validation_failed")["errors"]["password"].is_array());
}

#[tokio::test]
async fn a_configured_user_name_is_asked_for() {
    let world = World::with(|config| config.username = Some("olga".to_owned())).await;
    let login = |body| world.call("POST", "/api/v1/auth/login").json(&body).send();
    let missing = login(json!({ "password": PASSWORD })).await;
    assert_eq!(missing.problem(400, "validation_failed")["errors"]["username"], json!(["A user name is needed."]));
    login(json!({ "password": PASSWORD, "username": "admin" })).await.problem(401, "wrong_password");
    let token = login(json!({ "password": PASSWORD, "username": "olga" })).await.json()["token"].clone();
    let me = world.call("GET", ME).bearer(token.as_str().unwrap()).send().await;
    assert_eq!(me.json()["username"], "olga");
}

#[tokio::test]
async fn nothing_is_shown_without_a_session() {
    let world = World::new().await;
    // Every route of the document but these.
    let open = ["/api/v1/auth/login", "/api/v1/auth/logout", "/api/v1/auth/refresh", "/health", "/ready"];
    let document: serde_json::Value = serde_json::from_str(include_str!("../../../../web/openapi.json")).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let routes: Vec<(String, String)> = paths
        .iter()
        .filter(|(path, _)| !open.contains(&path.as_str()))
        .flat_map(|(path, methods)| methods.as_object().unwrap().keys().map(move |method| (method, path)))
        .map(|(method, path)| (method.to_uppercase(), path.replace("{id}", "00000000-0000-0000-0000-000000000000")))
        .collect();
    assert!(routes.len() > 30 && routes.iter().all(|(_, path)| !path.contains('{')), "{routes:?}");
    for (method, path) in &routes {
        let answer = world.call(method, path).send().await;
        answer.problem(401, "unauthorized");
        assert_eq!(answer.header("www-authenticate"), "Bearer", "{method} {path}");
        assert_eq!(world.call(method, path).bearer("a.b.c").send().await.status, 401, "{method} {path}");
    }
}

#[tokio::test]
async fn an_access_token_lasts_fifteen_minutes() {
    let world = World::new().await;
    let token = world.login().await.json()["token"].as_str().unwrap().to_owned();
    world.advance(Duration::from_secs(15 * 60 - 1));
    assert_eq!(status_of(&world, &token).await, 200);
    world.advance(Duration::from_secs(1));
    assert_eq!(status_of(&world, &token).await, 401);
}

#[tokio::test]
async fn refreshing_rotates_by_cookie_and_by_body() {
    let world = World::new().await;
    let login = world.login().await;
    let second = world.call("POST", REFRESH).header("cookie", &refresh_cookie(&login)).send().await;
    assert_eq!(second.status, 200);
    let second_token = second.json()["refreshToken"].as_str().unwrap().to_owned();
    assert_ne!(second_token, login.json()["refreshToken"].as_str().unwrap());
    assert_eq!(second.cookie("octoporty_refresh").unwrap().0, second_token);
    let third = world.call("POST", REFRESH).json(&json!({ "refreshToken": second_token })).send().await;
    assert_eq!(third.status, 200);
    assert_eq!(status_of(&world, third.json()["token"].as_str().unwrap()).await, 200);
}

#[tokio::test]
async fn reuse_of_an_old_refresh_token_ends_the_login() {
    let world = World::new().await;
    let first = world.login().await;
    let other = world.login().await;
    let second = world.call("POST", REFRESH).header("cookie", &refresh_cookie(&first)).send().await;
    world.advance(Duration::from_secs(10));
    let stolen = world.call("POST", REFRESH).header("cookie", &refresh_cookie(&first)).send().await;
    stolen.problem(401, "session_over");
    assert_eq!(
        stolen.cookie("octoporty_refresh").unwrap(),
        (String::new(), "Path=/api/v1/auth; Max-Age=0; HttpOnly; SameSite=Strict".to_owned())
    );
    let rest = world.call("POST", REFRESH).header("cookie", &refresh_cookie(&second)).send().await;
    rest.problem(401, "session_over");
    assert_eq!(status_of(&world, second.json()["token"].as_str().unwrap()).await, 401, "its access ends as well");
    let untouched = world.call("POST", REFRESH).header("cookie", &refresh_cookie(&other)).send().await;
    assert_eq!(untouched.status, 200, "another login is not touched");
}

#[tokio::test]
async fn a_page_that_is_loaded_again_while_it_refreshes_stays_logged_in() {
    let mut world = World::new().await;
    let login = world.login().await;
    let refresh =
        |world: &World, answer: &Answer| world.call("POST", REFRESH).header("cookie", &refresh_cookie(answer)).send();
    let _lost = refresh(&world, &login).await;
    world.advance(Duration::from_secs(5));
    let _lost_too = refresh(&world, &login).await;
    world.advance(Duration::from_secs(4));
    let arrived = refresh(&world, &login).await;
    assert_eq!(arrived.status, 200);
    let token = arrived.json()["token"].as_str().unwrap().to_owned();
    world.restart().await;
    assert_eq!(status_of(&world, &token).await, 200, "what was replaced is no end of the login");
    assert_eq!(refresh(&world, &arrived).await.status, 200);
    refresh(&world, &login).await.problem(401, "session_over");
}

#[tokio::test]
async fn a_successor_that_was_replaced_ends_the_login_when_it_comes_after_all() {
    let world = World::new().await;
    let login = world.login().await;
    let refresh = |answer: &Answer| world.call("POST", REFRESH).header("cookie", &refresh_cookie(answer)).send();
    let first = refresh(&login).await;
    let second = refresh(&login).await;
    refresh(&first).await.problem(401, "session_over");
    refresh(&second).await.problem(401, "session_over");
    assert_eq!(status_of(&world, second.json()["token"].as_str().unwrap()).await, 401);
}

#[tokio::test]
async fn a_token_whose_successor_is_in_use_is_no_lost_one_however_soon_it_comes() {
    let world = World::new().await;
    let login = world.login().await;
    let refresh = |answer: &Answer| world.call("POST", REFRESH).header("cookie", &refresh_cookie(answer)).send();
    let second = refresh(&login).await;
    let third = refresh(&second).await;
    refresh(&login).await.problem(401, "session_over");
    refresh(&third).await.problem(401, "session_over");
}

#[tokio::test]
async fn a_refresh_token_lasts_seven_days_and_survives_a_restart() {
    let mut world = World::new().await;
    let first = world.login().await;
    world.restart().await;
    world.advance(Duration::from_secs(7 * 24 * 60 * 60 - 1));
    let second = world.call("POST", REFRESH).header("cookie", &refresh_cookie(&first)).send().await;
    assert_eq!(second.status, 200);
    world.advance(Duration::from_secs(7 * 24 * 60 * 60));
    let over = world.call("POST", REFRESH).header("cookie", &refresh_cookie(&second)).send().await;
    over.problem(401, "session_over");
}

#[tokio::test]
async fn a_new_password_ends_every_session() {
    let mut world = World::new().await;
    let login = world.login().await;
    let token = login.json()["token"].as_str().unwrap().to_owned();
    let fresh = PasswordHash::of_password("another password");
    world.restart_with(|config| config.password_hash = fresh.clone()).await;
    assert_eq!(status_of(&world, &token).await, 401, "its access ends as well");
    world.call("POST", REFRESH).header("cookie", &refresh_cookie(&login)).send().await.problem(401, "session_over");
    // What was made by the new password outlives the next start.
    let login = world.login_from("192.0.2.1", "another password").await;
    world.restart_with(|config| config.password_hash = fresh.clone()).await;
    assert_eq!(world.call("POST", REFRESH).header("cookie", &refresh_cookie(&login)).send().await.status, 200);
}

#[tokio::test]
async fn a_plain_password_ends_sessions_when_it_changes_and_not_at_each_start() {
    let plain = |password: &'static str| {
        move |config: &mut octoporty_console::ConsoleConfig| {
            config.password_hash = PasswordHash::of_plain_setting(password);
        }
    };
    let mut world = World::with(plain(PASSWORD)).await;
    let login = world.login().await;
    world.restart_with(plain(PASSWORD)).await;
    let login = world.call("POST", REFRESH).header("cookie", &refresh_cookie(&login)).send().await;
    assert_eq!(login.status, 200);
    world.restart_with(plain("another password")).await;
    world.call("POST", REFRESH).header("cookie", &refresh_cookie(&login)).send().await.problem(401, "session_over");
}

#[tokio::test]
async fn without_the_old_key_everybody_logs_in_again() {
    let mut world = World::new().await;
    let login = world.login().await;
    world.stop().await;
    std::fs::remove_file(world.database().with_file_name("console-jwt.secret")).unwrap();
    world.restart().await;
    world.call("POST", REFRESH).header("cookie", &refresh_cookie(&login)).send().await.problem(401, "session_over");
}

#[tokio::test]
async fn nonsense_is_no_refresh_token() {
    let world = World::new().await;
    world.call("POST", REFRESH).send().await.problem(401, "session_over");
    world.call("POST", REFRESH).json(&json!({ "refreshToken": "x" })).send().await.problem(401, "session_over");
    world.call("POST", REFRESH).json(&json!({ "refreshToken": 7 })).send().await.problem(400, "validation_failed");
}

#[tokio::test]
async fn a_logout_revokes_both_tokens_for_good() {
    let mut world = World::new().await;
    let login = world.login().await;
    let token = login.json()["token"].as_str().unwrap().to_owned();
    let cookies = format!("{}; {}", access_cookie(&login), refresh_cookie(&login));
    let answer = world.call("POST", LOGOUT).header("cookie", &cookies).send().await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.cookie("octoporty_access").unwrap().0, "");
    assert_eq!(status_of(&world, &token).await, 401);
    world.call("POST", REFRESH).header("cookie", &refresh_cookie(&login)).send().await.problem(401, "session_over");
    world.restart().await;
    assert_eq!(status_of(&world, &token).await, 401, "not even a restart revives it");
    assert_eq!(world.call("POST", LOGOUT).send().await.status, 204, "without a session nothing happens");
}

#[tokio::test]
async fn a_bearer_can_log_out_by_its_access_token_alone() {
    let world = World::new().await;
    let login = world.login().await.json();
    let token = login["token"].as_str().unwrap();
    assert_eq!(world.call("POST", LOGOUT).bearer(token).send().await.status, 204);
    assert_eq!(status_of(&world, token).await, 401);
    let refresh = world.call("POST", REFRESH).json(&json!({ "refreshToken": login["refreshToken"] })).send().await;
    refresh.problem(401, "session_over");
}

#[tokio::test]
async fn failures_lock_for_one_five_fifteen_sixty_minutes() {
    let mut world = World::new().await;
    for minutes in [1_u64, 5, 15, 60] {
        for _ in 0..5 {
            world.login_from("192.0.2.1", "wrong").await.problem(401, "wrong_password");
        }
        let locked = world.login_from("192.0.2.1", PASSWORD).await;
        let problem = locked.problem(429, "locked");
        assert_eq!(locked.header("retry-after"), (minutes * 60).to_string());
        assert_eq!(problem["retryAfterSeconds"], minutes * 60);
        world.restart().await;
        world.advance(Duration::from_secs(minutes * 60 - 1));
        world.login_from("192.0.2.1", PASSWORD).await.problem(429, "locked");
        world.advance(Duration::from_secs(1));
    }
    world.login().await;
}

#[tokio::test]
async fn strangers_lock_the_account_but_not_the_owners_own_address() {
    let world = World::new().await;
    world.login_from("192.0.2.50", PASSWORD).await;
    for last in 1..=5 {
        world.login_from(&format!("203.0.113.{last}"), "wrong").await.problem(401, "wrong_password");
    }
    world.login_from("203.0.113.99", PASSWORD).await.problem(429, "locked");
    assert_eq!(world.login_from("192.0.2.50", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn many_guesses_at_once_get_five_tries() {
    let world = World::new().await;
    let guesses = (0..20).map(|_| world.login_from("192.0.2.1", "wrong"));
    let answers = futures_util::future::join_all(guesses).await;
    let tried = answers.iter().filter(|answer| answer.status == 401).count();
    assert!(tried <= 5, "{tried} guesses were looked at");
    assert!(answers.iter().all(|answer| matches!(answer.status.as_u16(), 401 | 429)));
}

#[tokio::test]
async fn a_strangers_forwarded_address_is_not_believed() {
    let nobody = octoporty_console::config::TrustedProxies::new(Vec::new());
    let world = World::with(|config| config.trusted_proxies = nobody).await;
    for last in 1..=5 {
        world.login_from(&format!("203.0.113.{last}"), "wrong").await.problem(401, "wrong_password");
    }
    world.login_from("203.0.113.6", PASSWORD).await.problem(429, "locked");
    let call = world.call("POST", "/api/v1/auth/login").header("x-forwarded-proto", "https");
    world.advance(Duration::from_secs(60));
    let answer = call.json(&json!({ "password": PASSWORD })).send().await;
    assert!(!answer.cookie("octoporty_access").unwrap().1.contains("Secure"));
}

#[tokio::test]
async fn another_sites_page_changes_nothing() {
    let world = World::new().await;
    let login = world.login().await;
    let cookie = access_cookie(&login);
    let host = world.address.to_string();
    let reconnect = || world.call("POST", "/api/v1/reconnect").header("cookie", &cookie);
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        reconnect().header(name, value).send().await.problem(403, "cross_site");
    }
    assert_eq!(world.agent.control.reconnects.load(std::sync::atomic::Ordering::SeqCst), 0);
    for (name, value) in [("origin", format!("http://{host}")), ("sec-fetch-site", "same-origin".to_owned())] {
        assert_eq!(reconnect().header(name, &value).send().await.status, 202, "{name}: {value}");
    }
    assert_eq!(reconnect().send().await.status, 202, "no browser");
    let bearer = world.call("POST", "/api/v1/reconnect").bearer(login.json()["token"].as_str().unwrap());
    assert_eq!(bearer.header("origin", "https://other.example").send().await.status, 202, "no cookie, no forgery");
    let reading = world.call("GET", ME).header("cookie", &cookie).header("sec-fetch-site", "cross-site");
    assert_eq!(reading.send().await.status, 200, "reading changes nothing");
    for path in ["/api/v1/auth/login", REFRESH, LOGOUT] {
        let call = world.call("POST", path).header("origin", "https://evil.example");
        call.json(&json!({ "password": PASSWORD })).send().await.problem(403, "cross_site");
    }
}

#[tokio::test]
async fn the_clock_of_the_tests_is_the_consoles() {
    let world = World::new().await;
    assert_eq!(world.now(), NOW);
    let stats = world.user().await.get("/api/v1/stats/live").await.json();
    assert_eq!(stats["now"], "2027-01-15T08:00:00.000Z");
}

#[tokio::test]
async fn a_clock_that_is_set_back_locks_nobody_out_and_lengthens_no_session() {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let mut world = World::new().await;
    // The clock is a day fast, as after a battery was changed.
    world.advance(DAY);
    let login = world.login_from("192.0.2.7", PASSWORD).await.json();
    let token = login["token"].as_str().unwrap().to_owned();
    for _ in 0..5 {
        world.login_from("192.0.2.1", "wrong").await.problem(401, "wrong_password");
    }
    world.restart().await;
    world.set_back(DAY);

    let locked = world.login_from("192.0.2.1", PASSWORD).await;
    locked.problem(429, "locked");
    assert_eq!(locked.header("retry-after"), "60", "no longer than the lock ever was");
    world.advance(Duration::from_secs(60));
    assert_eq!(world.login_from("192.0.2.1", PASSWORD).await.status, 200);

    assert_eq!(status_of(&world, &token).await, 401, "a token of tomorrow would last until then");
    let refresh = json!({ "refreshToken": login["refreshToken"] });
    let renewed = world.call("POST", "/api/v1/auth/refresh").json(&refresh).send().await;
    assert_eq!(renewed.status, 200, "whoever was logged in stays so");
    assert_eq!(status_of(&world, renewed.json()["token"].as_str().unwrap()).await, 200);
}
