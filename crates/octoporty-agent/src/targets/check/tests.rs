use super::*;
use crate::targets::fake::{Ca, Leaf, Server, dialler};

const ANSWER: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";

fn code(check: &TargetCheck) -> &str {
    match &check.health {
        TargetHealth::Down { code, .. } => code,
        TargetHealth::Up => "up",
        TargetHealth::Unknown => "unknown",
    }
}

async fn check(server: &Server, scheme: &str, verification: TlsVerification) -> TargetCheck {
    check_target(&dialler(None), server.target(scheme, "localhost"), verification).await
}

#[tokio::test]
async fn a_target_that_answers_is_up_with_address_time_and_status() {
    let server = Server::plain(ANSWER).await;
    let check = check(&server, "http", TlsVerification::Strict).await;
    assert_eq!((code(&check), check.status, check.address), ("up", Some(204), Some(server.address)));
    assert!(check.took > Duration::ZERO);
}

#[tokio::test]
async fn the_same_in_tls_and_a_bad_certificate_is_named() {
    let ca = Ca::new();
    let server = Server::tls(&ca, Leaf::Expired, ANSWER).await;
    let lenient = check(&server, "https", TlsVerification::AcceptInvalid).await;
    assert_eq!((code(&lenient), lenient.status), ("up", Some(204)));
    let strict = check(&server, "https", TlsVerification::Strict).await;
    assert_eq!((code(&strict), strict.status, strict.address), ("target_certificate", None, None));
}

#[tokio::test]
async fn http_to_a_target_that_speaks_tls_is_told() {
    let server = Server::tls(&Ca::new(), Leaf::Good, ANSWER).await;
    assert_eq!(code(&check(&server, "http", TlsVerification::Strict).await), "target_speaks_tls");
}

#[tokio::test]
async fn http_to_a_tls_port_that_answers_400_in_the_clear_is_told() {
    let told = Some(&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..]);
    let server = Server::tls_or(&Ca::new(), Leaf::Good, ANSWER, told).await;
    let check = check(&server, "http", TlsVerification::Strict).await;
    assert_eq!((code(&check), check.status), ("target_speaks_tls", Some(400)));
}

#[tokio::test]
async fn a_plain_target_that_answers_400_is_up() {
    let server = Server::plain(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let check = check(&server, "http", TlsVerification::Strict).await;
    assert_eq!((code(&check), check.status), ("up", Some(400)));
}

#[tokio::test]
async fn https_to_a_target_that_speaks_http_is_told() {
    let server = Server::plain(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    assert_eq!(code(&check(&server, "https", TlsVerification::Strict).await), "target_speaks_http");
}

#[tokio::test]
async fn a_target_that_hangs_up_has_no_status() {
    let server = Server::plain(b"").await;
    let check = check(&server, "http", TlsVerification::Strict).await;
    assert_eq!((code(&check), check.status), ("up", None));
}
