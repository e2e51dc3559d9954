use std::time::Duration;

use octoporty_proto::model::TlsVerification::{AcceptInvalid, Strict};
use rustls::HandshakeKind;
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::config::TargetRule;
use crate::targets::fake::{Ca, Leaf, Server, dialler};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

async fn code(dialler: &Dialler, target: &Target, verification: TlsVerification) -> (ResetCode, String) {
    let error = dialler.dial(target, verification).await.unwrap_err();
    let reset = error.reset();
    assert_eq!(reset.detail, error.to_string());
    (reset.code, reset.detail)
}

async fn free_port() -> SocketAddr {
    tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// A listener whose queue is full: the next connection gets no answer at all.
async fn silent_listener() -> (SocketAddr, Socket, Vec<TcpStream>) {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let mut queued = Vec::new();
    while let Ok(Ok(socket)) = tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
        queued.push(socket);
    }
    (address, listener, queued)
}

#[tokio::test]
async fn plain_connections_stand_without_delay() {
    let server = Server::plain(ANSWER).await;
    for host in ["127.0.0.1", "localhost"] {
        let mut connection = dialler(None).dial(&server.target("http", host), Strict).await.unwrap();
        assert_eq!(connection.address, server.address);
        let TargetIo::Plain(tcp) = &connection.io else { panic!("not plain") };
        assert!(tcp.nodelay().unwrap() && SockRef::from(tcp).keepalive().unwrap());
        connection.io.write_all(b"x").await.unwrap();
        let mut answer = Vec::new();
        connection.io.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, ANSWER);
    }
}

#[tokio::test]
async fn a_closed_port_is_a_refusal() {
    let address = free_port().await;
    let target = format!("http://{address}").parse().unwrap();
    let (code, detail) = code(&dialler(None), &target, Strict).await;
    assert_eq!(code, ResetCode::TargetRefused);
    assert!(detail.contains(&address.to_string()), "{detail}");
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_a_dns_failure() {
    let target = "http://no-such-host.invalid".parse().unwrap();
    let mut dialler = dialler(None);
    // A machine without a network may take long to find out.
    dialler.bound = Duration::from_secs(120);
    let (code, detail) = code(&dialler, &target, Strict).await;
    assert_eq!(code, ResetCode::TargetDns);
    assert!(detail.contains("no-such-host.invalid"), "{detail}");
}

#[tokio::test]
async fn a_target_that_does_not_answer_is_a_timeout() {
    let (address, _listener, _queued) = silent_listener().await;
    let mut dialler = dialler(None);
    dialler.bound = Duration::from_millis(300);
    let (code, detail) = code(&dialler, &format!("http://{address}").parse().unwrap(), Strict).await;
    assert_eq!(code, ResetCode::TargetTimeout);
    assert!(detail.contains("connecting"), "{detail}");
}

#[tokio::test]
async fn a_target_that_keeps_silent_in_the_handshake_is_a_timeout() {
    let server = Server::start(|socket| async move {
        std::future::pending::<()>().await;
        drop(socket);
    })
    .await;
    let mut dialler = dialler(None);
    dialler.bound = Duration::from_millis(300);
    let (code, detail) = code(&dialler, &server.target("https", "localhost"), AcceptInvalid).await;
    assert_eq!(code, ResetCode::TargetTimeout);
    assert!(detail.contains("TLS"), "{detail}");
}

#[tokio::test]
async fn rules_are_checked_on_what_a_name_resolves_to() {
    let server = Server::plain(ANSWER).await;
    let mut dialler = dialler(None);
    let denied = ["127.0.0.0/8", "::1"].map(|rule| TargetRule(rule.to_owned()));
    dialler.rules = Rules::parse(&[], &denied).unwrap();
    let target = server.target("http", "localhost");
    let (code, detail) = code(&dialler, &target, Strict).await;
    assert_eq!(code, ResetCode::TargetDenied);
    assert!(detail.contains("Agent__DeniedTargets"), "{detail}");
    assert_eq!(dialler.dial(&target, Strict).await.unwrap_err().reset().blame, Blame::Agent);
    // One address that is allowed is enough.
    dialler.rules = Rules::parse(&[], &denied[1..]).unwrap();
    dialler.dial(&target, Strict).await.unwrap();
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_refuses_or_keeps_silent() {
    let server = Server::plain(ANSWER).await;
    let refusing = free_port().await;
    assert_eq!(race(&[refusing, server.address]).await.unwrap().1, server.address);
    let (silent, _listener, _queued) = silent_listener().await;
    let addresses = [silent, refusing, server.address];
    let raced = tokio::time::timeout(Duration::from_secs(20), race(&addresses));
    assert_eq!(raced.await.unwrap().unwrap().1, server.address);
    assert!(matches!(race(&[refusing, refusing]).await, Err(DialError::Refused { .. })));
}

#[test]
fn families_take_turns_and_the_resolvers_favourite_is_first() {
    let all = ["[::1]:1", "[::2]:1", "[::2]:1", "10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1"];
    let found = all.iter().map(|address| address.parse().unwrap()).collect();
    let order: Vec<String> = interleave(found).iter().map(ToString::to_string).collect();
    assert_eq!(order, ["[::1]:1", "10.0.0.1:1", "[::2]:1", "10.0.0.2:1", "10.0.0.3:1"]);
    assert!(interleave(Vec::new()).is_empty());
}

#[tokio::test]
async fn strict_takes_a_good_certificate_by_name_and_by_address() {
    let ca = Ca::new();
    let server = Server::tls(&ca, Leaf::Good, ANSWER).await;
    for host in ["localhost", "127.0.0.1"] {
        dialler(Some(&ca)).dial(&server.target("https", host), Strict).await.unwrap();
    }
}

#[tokio::test]
async fn strict_names_what_is_wrong_with_a_certificate() {
    let ca = Ca::new();
    for (leaf, trusted, words) in [
        (Leaf::Expired, true, "expired"),
        (Leaf::OtherName, true, "elsewhere.example and not for localhost"),
        (Leaf::Good, false, "no authority"),
    ] {
        let server = Server::tls(&ca, leaf, ANSWER).await;
        let dialler = dialler(trusted.then_some(&ca));
        let (code, detail) = code(&dialler, &server.target("https", "localhost"), Strict).await;
        assert_eq!(code, ResetCode::TargetCertificate, "{leaf:?}");
        assert!(detail.contains(words), "{leaf:?}: {detail}");
    }
}

#[tokio::test]
async fn accept_invalid_takes_every_certificate_and_carries_bytes() {
    let ca = Ca::new();
    for leaf in [Leaf::Expired, Leaf::OtherName, Leaf::Good] {
        let server = Server::tls(&ca, leaf, ANSWER).await;
        for host in ["localhost", "127.0.0.1"] {
            let mut connection = dialler(None).dial(&server.target("https", host), AcceptInvalid).await.unwrap();
            connection.io.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
            let mut answer = Vec::new();
            connection.io.read_to_end(&mut answer).await.unwrap();
            assert_eq!(answer, ANSWER, "{leaf:?}");
        }
    }
}

#[tokio::test]
async fn https_to_a_target_that_speaks_http_says_so() {
    let server = Server::plain(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let (code, _) = code(&dialler(None), &server.target("https", "localhost"), AcceptInvalid).await;
    assert_eq!(code, ResetCode::TargetSpeaksHttp);
}

#[tokio::test]
async fn https_to_a_target_that_hangs_up_on_tls_and_answers_http_says_so_too() {
    let server = Server::start(|mut socket| async move {
        let mut first = [0; 1];
        if socket.read(&mut first).await.is_ok() && first == *b"H" {
            socket.write_all(ANSWER).await.unwrap();
            socket.read_to_end(&mut Vec::new()).await.unwrap();
        }
    })
    .await;
    let (code, _) = code(&dialler(None), &server.target("https", "localhost"), AcceptInvalid).await;
    assert_eq!(code, ResetCode::TargetSpeaksHttp);
}

#[tokio::test]
async fn https_to_a_target_that_hangs_up_is_a_tls_failure() {
    let server = Server::start(|socket| async move { drop(socket) }).await;
    let (code, _) = code(&dialler(None), &server.target("https", "localhost"), AcceptInvalid).await;
    assert_eq!(code, ResetCode::TargetTls);
}

#[tokio::test]
async fn tls_sessions_are_resumed() {
    let ca = Ca::new();
    let server = Server::tls(&ca, Leaf::Good, ANSWER).await;
    let dialler = dialler(Some(&ca));
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let mut connection = dialler.dial(&server.target("https", "localhost"), Strict).await.unwrap();
        connection.io.write_all(b"x").await.unwrap();
        connection.io.read_to_end(&mut Vec::new()).await.unwrap();
        let TargetIo::Tls(tls) = &connection.io else { panic!("no TLS") };
        kinds.push(tls.get_ref().1.handshake_kind().unwrap());
    }
    assert_eq!(kinds, [HandshakeKind::Full, HandshakeKind::Resumed]);
}
