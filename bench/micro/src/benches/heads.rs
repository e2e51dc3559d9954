//! What the gateway does with heads: who asks, the head as the target gets it, the answer's head.

use std::hint::black_box;
use std::net::SocketAddr;

use bytes::Bytes;
use http::Method;
use octoporty_gateway::bench::{Peer, RequestHead, Visitor, new_request_id, request_head, response_head};

use super::mapping;
use crate::meter::Meter;

const HOST: &str = "site.example.com";

/// As curl and load generators ask.
const SHORT: &[(&str, &str)] = &[("host", HOST), ("user-agent", "curl/8.14.1"), ("accept", "*/*")];

/// As a browser asks.
const BROWSER: &[(&str, &str)] = &[
    ("host", HOST),
    ("connection", "keep-alive"),
    ("sec-ch-ua", "\"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\""),
    ("sec-ch-ua-mobile", "?0"),
    ("sec-ch-ua-platform", "\"Linux\""),
    ("upgrade-insecure-requests", "1"),
    (
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    ),
    ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
    ("sec-fetch-site", "none"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("accept-language", "en-GB,en;q=0.9,de;q=0.8"),
    ("cookie", "session=0198f1c2b7d47aa2b1c6c7d5f0e1a2b3; theme=dark"),
];

/// What a proxy in front adds.
const PROXIED: &[(&str, &str)] =
    &[("x-forwarded-for", "198.51.100.7"), ("x-forwarded-proto", "https"), ("x-forwarded-host", HOST)];

/// As nginx answers with a small file.
const SHORT_ANSWER: &str = "HTTP/1.1 200 OK\r\nServer: nginx/1.26.3\r\nDate: Fri, 27 Nov 2026 01:52:00 GMT\r\n\
    Content-Type: text/plain\r\nContent-Length: 100\r\nLast-Modified: Fri, 27 Nov 2026 01:00:00 GMT\r\n\
    Connection: keep-alive\r\nETag: \"6927a0b0-64\"\r\nAccept-Ranges: bytes\r\n\r\n";

/// As an application behind a framework answers.
const LONG_ANSWER: &str = "HTTP/1.1 200 OK\r\nDate: Fri, 27 Nov 2026 01:52:00 GMT\r\n\
    Content-Type: text/html; charset=utf-8\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\
    Cache-Control: max-age=0, private, must-revalidate\r\nVary: Accept-Encoding, Cookie\r\n\
    Set-Cookie: session=0198f1c2b7d47aa2b1c6c7d5f0e1a2b3; Path=/; HttpOnly; SameSite=Lax\r\n\
    Set-Cookie: theme=dark; Path=/\r\nX-Frame-Options: SAMEORIGIN\r\nX-Content-Type-Options: nosniff\r\n\
    Referrer-Policy: strict-origin-when-cross-origin\r\nX-Runtime: 0.012345\r\n\
    Strict-Transport-Security: max-age=63072000; includeSubDomains\r\n\r\n";

pub(super) fn run(meter: &Meter) {
    let peer = SocketAddr::from(([192, 0, 2, 9], 4711));
    requests(meter, "short", &wire(&[SHORT]), (peer, Peer::Stranger));
    requests(meter, "browser's", &wire(&[BROWSER]), (peer, Peer::Stranger));
    requests(meter, "browser's, proxied", &wire(&[BROWSER, PROXIED]), (peer, Peer::TrustedProxy));
    meter.count("head/request id", "request", 1000, || {
        black_box(new_request_id(1_795_744_320_000));
        1
    });
    for (what, answer) in [("short", SHORT_ANSWER), ("application's", LONG_ANSWER)] {
        let whole = [Bytes::from_static(answer.as_bytes())];
        answers(meter, &format!("head/answer {what}, read"), &whole);
        let (first, second) = answer.split_at(answer.len() / 2);
        let pieces = [first, second].map(|piece| Bytes::from_static(piece.as_bytes()));
        answers(meter, &format!("head/answer {what}, read in two pieces"), &pieces);
    }
}

fn wire(lists: &[&[(&str, &str)]]) -> Bytes {
    let lines: String = lists.concat().into_iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("GET /index.html?page=2 HTTP/1.1\r\n{lines}\r\n").into()
}

fn requests(meter: &Meter, what: &str, wire: &Bytes, (peer, trust): (SocketAddr, Peer)) {
    let mapping = mapping(HOST);
    let read = |wire: &Bytes| RequestHead::read(wire).expect("a whole head");
    meter.count(&format!("head/request {what}, read"), "request", 200, || {
        black_box(read(black_box(wire)));
        1
    });
    let head = read(wire);
    let visitor = |head: &RequestHead| Visitor::read(head, peer, trust, HOST);
    meter.count(&format!("head/visitor {what}"), "request", 200, || {
        black_box(visitor(black_box(&head)));
        1
    });
    let (visitor, id) = (visitor(&head), new_request_id(1_795_744_320_000));
    meter.count(&format!("head/request {what}, written"), "request", 200, || {
        black_box(request_head(black_box(&head), &mapping, &visitor, &id).expect("a head that passes on"));
        1
    });
}

fn answers(meter: &Meter, name: &str, pieces: &[Bytes]) {
    meter.count(name, "answer", 200, || {
        black_box(response_head(black_box(pieces), &Method::GET).expect("a whole head"));
        1
    });
}
