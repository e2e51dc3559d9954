use super::*;
use crate::fields::tests::fields;

const PEER: &str = "10.0.0.1";

/// Scheme, authority and port.
type Told = (&'static str, &'static str, u16);

type Lines = &'static [(&'static str, &'static str)];

/// What is known of a visitor who came from `peer` with these headers, where `10.0.0.0/8` is trusted.
fn seen(peer: &str, authority: &str, lines: Lines) -> VisitorInfo {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse().unwrap())),
        None => (authority, None),
    };
    let peer = SocketAddr::new(peer.parse().unwrap(), 5555);
    let is_trusted = |address: IpAddr| matches!(address, IpAddr::V4(v4) if v4.octets()[0] == 10);
    visitor(&fields(lines), peer, is_trusted, Asked { authority, host, port })
}

fn sent(visitor: &VisitorInfo) -> Vec<String> {
    let mut head = Vec::new();
    write_headers(visitor, &mut head);
    let text = String::from_utf8(head).unwrap();
    assert!(text.ends_with("\r\n") && !text.contains("\r\n\r\n"), "whole lines: {text:?}");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn whom_the_list_names_is_believed_from_the_right_over_trusted_proxies_only() {
    let cases: [(&str, Lines, &str, &str); 12] = [
        ("192.0.2.1", &[], "192.0.2.1", "192.0.2.1"),
        ("192.0.2.1", &[("x-forwarded-for", "203.0.113.5")], "192.0.2.1", "192.0.2.1"),
        (PEER, &[], "10.0.0.1", "10.0.0.1"),
        (PEER, &[("x-forwarded-for", "203.0.113.5")], "203.0.113.5", "203.0.113.5, 10.0.0.1"),
        (PEER, &[("x-forwarded-for", "6.6.6.6, 203.0.113.5")], "203.0.113.5", "203.0.113.5, 10.0.0.1"),
        (PEER, &[("x-forwarded-for", "203.0.113.5, 10.0.0.2")], "203.0.113.5", "203.0.113.5, 10.0.0.2, 10.0.0.1"),
        (
            PEER,
            &[("x-forwarded-for", "203.0.113.5"), ("x-forwarded-for", "10.0.0.2")],
            "203.0.113.5",
            "203.0.113.5, 10.0.0.2, 10.0.0.1",
        ),
        (PEER, &[("x-forwarded-for", "203.0.113.5, unknown")], "10.0.0.1", "10.0.0.1"),
        (PEER, &[("x-forwarded-for", "[2001:db8::7]:4711")], "2001:db8::7", "2001:db8::7, 10.0.0.1"),
        (PEER, &[("x-forwarded-for", "203.0.113.5:4711")], "203.0.113.5", "203.0.113.5, 10.0.0.1"),
        (
            PEER,
            &[("forwarded", "for=203.0.113.5;proto=https, for=10.0.0.2")],
            "203.0.113.5",
            "203.0.113.5, 10.0.0.2, 10.0.0.1",
        ),
        ("::ffff:192.0.2.1", &[], "192.0.2.1", "192.0.2.1"),
    ];
    for (peer, lines, client, chain) in cases {
        let visitor = seen(peer, "a.example.com", lines);
        assert_eq!(visitor.client.to_string(), client, "{peer} {lines:?}");
        let first = &sent(&visitor)[0];
        assert_eq!(*first, format!("X-Forwarded-For: {chain}"), "{peer} {lines:?}");
    }
}

#[test]
fn scheme_and_port_come_from_trusted_proxies_and_the_host_from_the_request() {
    let cases: [(&str, &str, Lines, Told); 8] = [
        ("192.0.2.1", "a.example.com", &[], ("http", "a.example.com", 80)),
        ("192.0.2.1", "a.example.com:8080", &[], ("http", "a.example.com:8080", 8080)),
        (
            "192.0.2.1",
            "a.example.com",
            &[("x-forwarded-proto", "https"), ("x-forwarded-host", "evil"), ("x-forwarded-port", "1")],
            ("http", "a.example.com", 80),
        ),
        (PEER, "a.example.com", &[("x-forwarded-proto", "https")], ("https", "a.example.com", 443)),
        (PEER, "a.example.com", &[("x-forwarded-proto", "HTTPS, http")], ("https", "a.example.com", 443)),
        (PEER, "a.example.com:8443", &[("x-forwarded-proto", "https")], ("https", "a.example.com:8443", 8443)),
        (PEER, "a.example.com", &[("x-forwarded-port", "9443")], ("http", "a.example.com", 9443)),
        (
            PEER,
            "a.example.com",
            &[("forwarded", "for=203.0.113.5;host=\"b.example.com\";proto=https")],
            ("https", "a.example.com", 443),
        ),
    ];
    for (peer, authority, lines, (scheme, host, port)) in cases {
        let visitor = seen(peer, authority, lines);
        let known = (visitor.scheme.as_str(), visitor.authority.as_str(), visitor.port);
        assert_eq!(known, (scheme, host, port), "{peer} {authority} {lines:?}");
    }
}

#[test]
fn a_target_is_told_in_both_forms() {
    let visitor = seen(PEER, "a.example.com:81", &[("x-forwarded-for", "2001:db8::7"), ("x-forwarded-proto", "https")]);
    assert_eq!(
        sent(&visitor),
        [
            "X-Forwarded-For: 2001:db8::7, 10.0.0.1",
            "X-Forwarded-Proto: https",
            "X-Forwarded-Host: a.example.com:81",
            "X-Forwarded-Port: 81",
            "Forwarded: for=\"[2001:db8::7]\";host=\"a.example.com:81\";proto=https, for=10.0.0.1",
        ]
    );
}

#[test]
fn a_request_without_a_host_tells_of_none() {
    let lines = sent(&seen("192.0.2.1", "", &[]));
    assert!(lines.iter().all(|line| !line.to_ascii_lowercase().contains("host")), "{lines:?}");
}

#[test]
fn an_endless_chain_is_cut() {
    let chain = vec!["10.0.0.9"; 1000].join(", ");
    let fields = fields(&[("x-forwarded-for", &chain)]);
    let peer = SocketAddr::new(PEER.parse().unwrap(), 1);
    let asked = Asked { authority: "a", host: "a", port: None };
    assert_eq!(visitor(&fields, peer, |_| true, asked).chain().count(), MAX_CHAIN + 1);
}

#[test]
fn every_header_that_is_written_replaces_the_visitors_own() {
    for line in sent(&seen("192.0.2.1", "a.example.com", &[])) {
        let name = line.split_once(':').unwrap().0;
        assert!(Known::of(name.as_bytes()).is_forwarding(), "{name}");
    }
}

#[test]
fn what_a_visitor_adds_to_the_headers_that_its_proxy_sets_is_not_believed() {
    // What such a proxy sets; the rest passes through it as the visitor wrote it.
    let set = [("x-forwarded-for", "203.0.113.5"), ("x-forwarded-proto", "https")];
    let inventions: [Lines; 3] = [
        &[("x-forwarded-host", "evil.example")],
        &[("forwarded", "for=6.6.6.6;host=evil.example;proto=http")],
        &[("x-forwarded-host", "evil.example"), ("forwarded", "for=10.0.0.7;host=evil.example:1;proto=http")],
    ];
    for invented in inventions {
        let lines: Vec<_> = set.iter().chain(invented).copied().collect();
        let visitor = seen(PEER, "a.example.com", lines.leak());
        let known = (visitor.client.to_string(), visitor.scheme.as_str(), visitor.authority.as_str(), visitor.port);
        assert_eq!(known, ("203.0.113.5".to_owned(), "https", "a.example.com", 443), "{invented:?}");
    }
}

#[test]
fn the_scheme_is_that_of_the_believed_client_and_not_of_what_stands_before_it() {
    let cases: [(Lines, &str, &str); 4] = [
        // The visitor wrote the first element, the trusted proxy added the second.
        (&[("forwarded", "for=6.6.6.6;proto=https, for=203.0.113.5;proto=http")], "203.0.113.5", "http"),
        (&[("forwarded", "for=6.6.6.6;proto=https, for=203.0.113.5")], "203.0.113.5", "http"),
        (&[("forwarded", "for=203.0.113.5;proto=https, for=10.0.0.2;proto=http")], "203.0.113.5", "https"),
        // A proxy that hides whom it knows still knows how the visitor came.
        (&[("forwarded", "for=6.6.6.6;proto=http, for=_hidden;proto=https")], "10.0.0.1", "https"),
    ];
    for (lines, client, scheme) in cases {
        let visitor = seen(PEER, "a.example.com", lines);
        assert_eq!((&*visitor.client.to_string(), visitor.scheme.as_str()), (client, scheme), "{lines:?}");
    }
}
