use octoporty_proto::model::{ProbeMethod, Scheme, Target, TlsVerification};
use octoporty_tunnel::trust::{Trust, client_config};

use super::*;
use crate::config::TargetRule;
use crate::targets::fake::{Ca, Leaf, Server, dialler};
use crate::targets::rules::Rules;

fn probe_of(way: ProbeWay) -> Probe {
    Probe {
        way,
        method: ProbeMethod::Get,
        authority: "app.example.com".to_owned(),
        path: "/".to_owned(),
        headers: vec![("accept".to_owned(), "*/*".to_owned())],
        max_body: 8,
    }
}

fn gateway(url: &str, trust: &Trust) -> Dial {
    Dial {
        url: url.parse().unwrap(),
        authorization: http::HeaderValue::from_static("Bearer secret"),
        tls: client_config(trust).unwrap(),
        proxy: None,
        timeout: Duration::from_secs(20),
    }
}

fn nowhere() -> Dial {
    gateway("ws://127.0.0.1:1/tunnel", &Trust::PublicRoots)
}

async fn straight(target: Target, verification: TlsVerification) -> ProbeReport {
    probe(&dialler(None), &nowhere(), probe_of(ProbeWay::Straight { target, verification })).await
}

fn code(report: &ProbeReport) -> &str {
    report.outcome.as_ref().map_or_else(|failure| failure.code.as_str(), |_| "answered")
}

#[tokio::test]
async fn a_body_is_read_up_to_what_was_asked_for() {
    for (answer, body, truncated) in [
        (&b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n12345678"[..], &b"12345678"[..], false),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789", b"12345678", true),
        (b"HTTP/1.0 200 OK\r\n\r\nto the end", b"to the e", true),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", false),
    ] {
        let server = Server::plain(answer).await;
        let report = straight(server.target("http", "localhost"), TlsVerification::Strict).await;
        assert_eq!(report.address, Some(server.address));
        assert!(report.timing.dns.is_some() && report.timing.tls.is_none() && report.timing.first_byte.is_some());
        let found = report.outcome.unwrap();
        assert_eq!((&*found.body, found.truncated, found.broken), (body, truncated, None));
    }
}

#[tokio::test]
async fn each_trouble_of_a_target_has_its_code() {
    let nobody = "http://127.0.0.1:1".parse().unwrap();
    assert_eq!(code(&straight(nobody, TlsVerification::Strict).await), "target_refused");
    let tls = Server::tls(&Ca::new(), Leaf::Good, b"HTTP/1.1 204 No Content\r\n\r\n").await;
    let plain = straight(tls.target("http", "localhost"), TlsVerification::Strict).await;
    assert_eq!(code(&plain), "target_speaks_tls");
    let strict = straight(tls.target("https", "localhost"), TlsVerification::Strict).await;
    assert_eq!(code(&strict), "target_certificate");
    let lenient = straight(tls.target("https", "localhost"), TlsVerification::AcceptInvalid).await;
    assert!(code(&lenient) == "answered" && lenient.timing.tls.is_some());
    let ssh = Server::plain(b"SSH-2.0-OpenSSH_9.9\r\n").await;
    assert_eq!(code(&straight(ssh.target("http", "localhost"), TlsVerification::Strict).await), "target_malformed");
    let mute = Server::start(|_| async {}).await;
    assert_eq!(code(&straight(mute.target("http", "localhost"), TlsVerification::Strict).await), "target_closed");
}

#[tokio::test]
async fn an_answer_whose_head_never_ends_is_given_up_within_its_bound() {
    let endless = Server::start(|mut socket| async move {
        use tokio::io::AsyncWriteExt as _;
        let head = socket.write_all(b"HTTP/1.1 200 OK\r\nX-Endless: ").await;
        while head.is_ok() && socket.write_all(&[b'x'; 4_096]).await.is_ok() {}
    })
    .await;
    let report = straight(endless.target("http", "localhost"), TlsVerification::Strict).await;
    assert_eq!(code(&report), "target_malformed");
}

fn public(host: &str, port: u16, via: ProbeVia) -> Probe {
    probe_of(ProbeWay::Public { scheme: Scheme::Http, host: host.to_owned(), port, via })
}

#[tokio::test]
async fn a_public_name_never_leads_to_what_the_agent_may_not_dial() {
    let server = Server::plain(b"HTTP/1.1 200 OK\r\n\r\nsecret").await;
    let guarded = ruled(&[], &["127.0.0.0/8", "::1"]);
    for via in [ProbeVia::Dns, ProbeVia::Auto] {
        let report = probe(&guarded, &nowhere(), public("localhost", server.address.port(), via)).await;
        assert_eq!((code(&report), report.timing.connect), ("public_denied", None));
    }
}

fn ruled(allowed: &[&str], denied: &[&str]) -> Dialler {
    let rules = |texts: &[&str]| texts.iter().map(|text| TargetRule((*text).to_owned())).collect::<Vec<_>>();
    Dialler { rules: Rules::parse(&rules(allowed), &rules(denied)).unwrap(), ..dialler(None) }
}

/// A mapping may have any name, and its owner's DNS any address: neither opens the agent's network.
#[tokio::test]
async fn a_public_name_leads_into_the_agents_network_only_where_the_gateway_or_an_allowed_target_is() {
    let server = Server::plain(b"HTTP/1.1 200 OK\r\n\r\nsecret").await;
    let port = server.address.port();
    let elsewhere = gateway("ws://192.0.2.1:1/tunnel", &Trust::PublicRoots);
    // With nothing listed, every target may be dialled, and still no public name leads there; as with `*`.
    for allowed in [&[][..], &["*"], &["0.0.0.0/0", "::/0"], &["nas:80"], &["127.0.0.0/8:1"]] {
        for host in ["localhost", "127.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "0.0.0.0"] {
            let report = probe(&ruled(allowed, &[]), &elsewhere, public(host, port, ProbeVia::Dns)).await;
            assert_eq!((code(&report), report.timing.connect), ("public_internal", None), "{host} with {allowed:?}");
        }
    }
    for allowed in ["127.0.0.0/8", "localhost"] {
        let listed = ruled(&[allowed, "::1"], &[]);
        assert_eq!(code(&probe(&listed, &elsewhere, public("localhost", port, ProbeVia::Dns)).await), "answered");
    }
    // The gateway's own address is the right one, unless the list says otherwise.
    let own = public("localhost", port, ProbeVia::Dns);
    assert_eq!(code(&probe(&ruled(&[], &[]), &nowhere(), own.clone()).await), "answered");
    assert_eq!(code(&probe(&ruled(&["nas:80"], &[]), &nowhere(), own).await), "public_internal");
    let nobody = probe(&ruled(&[], &[]), &nowhere(), public("127.0.0.1", 1, ProbeVia::Dns)).await;
    assert_eq!(code(&nobody), "public_unreachable");

    let door = Server::plain(b"HTTP/1.1 200 OK\r\n\r\nhello").await;
    let other = door.address;
    let door = gateway(&format!("ws://{other}/tunnel"), &Trust::PublicRoots);
    let report = probe(&ruled(&[], &[]), &door, public("0.0.0.0", port, ProbeVia::Auto)).await;
    assert_eq!((code(&report), report.via, report.address), ("answered", Some(ProbeVia::Gateway), Some(other)));
    assert!(report.detour.is_some_and(|why| why.contains("Agent__AllowedTargets")), "it says why");
}

#[tokio::test]
async fn a_proxy_is_not_asked_for_public_names_since_nobody_sees_where_they_lead() {
    let proxy = Server::plain(b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\nsecret").await;
    let mut behind = gateway("ws://gateway.example:80/tunnel", &Trust::PublicRoots);
    behind.proxy = Some(format!("http://{}", proxy.address).parse().unwrap());
    let report = probe(&dialler(None), &behind, public("app.example.com", 80, ProbeVia::Dns)).await;
    assert_eq!((code(&report), report.timing.connect), ("public_internal", None));
    let report = probe(&dialler(None), &behind, public("app.example.com", 80, ProbeVia::Auto)).await;
    assert_eq!((report.via, report.dialled.as_str()), (Some(ProbeVia::Gateway), "http://gateway.example:80"));
    assert!(report.detour.is_some_and(|why| why.contains("Agent__Proxy")), "it says why");
}

#[tokio::test]
async fn a_name_without_an_address_is_asked_at_the_gateways() {
    let server = Server::plain(b"HTTP/1.1 200 OK\r\n\r\nhello").await;
    let door = gateway(&format!("ws://{}/tunnel", server.address), &Trust::PublicRoots);
    let report = probe(&dialler(None), &door, public("app.invalid", 80, ProbeVia::Auto)).await;
    assert_eq!((code(&report), report.via), ("answered", Some(ProbeVia::Gateway)));
    assert!(report.detour.is_some_and(|why| why.contains("app.invalid does not resolve")));
    let direct = probe(&dialler(None), &door, public("app.invalid", 80, ProbeVia::Dns)).await;
    assert_eq!((code(&direct), direct.via), ("public_dns", Some(ProbeVia::Dns)));
}

#[tokio::test]
async fn the_certificate_at_the_gateways_door_has_to_be_of_the_public_name() {
    let ca = Ca::new();
    let trust = Trust::WithCaFile(ca.file.clone());
    for (leaf, expected) in [(Leaf::OtherName, "answered"), (Leaf::Good, "public_tls")] {
        let server = Server::tls(&ca, leaf, b"HTTP/1.1 200 OK\r\n\r\nhello").await;
        let door = gateway(&format!("wss://{}/tunnel", server.address), &trust);
        let report = probe(&dialler(None), &door, public("elsewhere.example", 443, ProbeVia::Gateway)).await;
        assert_eq!(code(&report), expected, "{leaf:?} {report:?}");
    }
}
