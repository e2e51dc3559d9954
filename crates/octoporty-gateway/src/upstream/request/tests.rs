use super::*;
use http::{HeaderValue, Request};
use octoporty_proto::model::{Compression, MappingId, Scheme, Target, TlsVerification};
use proptest::prelude::*;
use uuid::Uuid;

use crate::fields::tests::fields;
use crate::visitor::PublicScheme;

fn mapping(prefix: &str, handling: PrefixHandling, host_header: HostHeader) -> Mapping {
    Mapping {
        id: MappingId::from_uuid(Uuid::from_u128(1)),
        name: "site".parse().unwrap(),
        endpoint: Endpoint::Http {
            host: "site.example".parse().unwrap(),
            path: prefix.parse().unwrap(),
            prefix: handling,
        },
        target: Target::new(Scheme::Http, "nas.lan", 8080).unwrap(),
        verification: TlsVerification::Strict,
        host_header,
        compression: Compression::Off,
    }
}

fn visitor() -> VisitorInfo {
    VisitorInfo {
        peer: "192.0.2.9:4711".parse().unwrap(),
        client: "192.0.2.9".parse().unwrap(),
        proxies: Vec::new(),
        scheme: PublicScheme::Https,
        port: 443,
        authority: Fields::default().text_of("site.example"),
        host_len: 12,
    }
}

fn serialise(request: Request<()>, mapping: &Mapping, framing: RequestFraming) -> Result<String, RequestError> {
    let head = write(&head_of(request), mapping, framing)?;
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn write(head: &Head, mapping: &Mapping, framing: RequestFraming) -> Result<Vec<u8>, RequestError> {
    let request_id = RequestId::parse(b"id-12345678").unwrap();
    let upgrade = Upgrade::of(head);
    HeadSource { head, mapping, visitor: &visitor(), request_id: &request_id, framing, upgrade }.serialise()
}

/// As the request stands on the wire, its names in lower case.
fn head_of(request: Request<()>) -> Head {
    let (parts, ()) = request.into_parts();
    let mut section = Vec::new();
    for (name, value) in &parts.headers {
        write_line(&mut section, name.as_str().as_bytes(), value.as_bytes());
    }
    section.extend_from_slice(b"\r\n");
    let fields = Fields::parse(section.into()).unwrap();
    Head { method: parts.method, uri: parts.uri, version: parts.version, fields }
}

/// Request line and fields without those that every head ends with.
fn lines(head: &str) -> Vec<&str> {
    let body = head.strip_suffix("\r\n\r\n").expect("a head ends with an empty line");
    let own = ["X-Forwarded-", "Forwarded:", "X-Octoporty-Request-Id:"];
    body.split("\r\n").filter(|line| !own.iter().any(|name| line.starts_with(name))).collect()
}

fn get(uri: &str) -> http::request::Builder {
    Request::get(uri).header("host", "site.example")
}

#[test]
fn a_body_in_a_coding_that_the_target_would_not_learn_of_is_refused() {
    let ask = |codings: &[&'static str]| {
        let request = codings.iter().fold(get("/"), |request, coding| request.header("transfer-encoding", *coding));
        serialise(request.body(()).unwrap(), &plain(), RequestFraming::Chunked)
    };
    for codings in [&["gzip, chunked"][..], &["gzip", "chunked"], &["chunked, chunked"], &["identity, chunked"]] {
        assert_eq!(ask(codings).unwrap_err(), RequestError::TransferCoding, "{codings:?}");
    }
    for codings in ["chunked", "Chunked", ", chunked ,"] {
        let head = ask(&[codings]).unwrap();
        assert_eq!(lines(&head)[2..], ["Transfer-Encoding: chunked"], "{codings}");
    }
}

fn plain() -> Mapping {
    mapping("/", PrefixHandling::Keep, HostHeader::Keep)
}

#[test]
fn fields_keep_their_order_their_spelling_and_their_duplicates() {
    let lines_there =
        [("host", "site.example"), ("X-First", "1"), ("Cookie", "a=1"), ("accept", "x"), ("cookie", "b=2")];
    let mut head = head_of(get("/a?b=c").body(()).unwrap());
    head.fields = fields(&lines_there);
    let head = String::from_utf8(write(&head, &plain(), RequestFraming::None).unwrap()).unwrap();
    assert_eq!(
        lines(&head),
        ["GET /a?b=c HTTP/1.1", "Host: site.example", "X-First: 1", "Cookie: a=1", "accept: x", "cookie: b=2"]
    );
    assert!(head.contains("\r\nX-Forwarded-For: 192.0.2.9\r\n"));
    assert!(head.contains("\r\nX-Octoporty-Request-Id: id-12345678\r\n"));
}

#[test]
fn what_belongs_to_the_hop_stays_here() {
    let request = get("/")
        .header("connection", "close, X-Hop")
        .header("x-hop", "1")
        .header("keep-alive", "timeout=5")
        .header("proxy-connection", "close")
        .header("proxy-authorization", "Basic eA==")
        .header("te", "gzip, trailers;q=1")
        .header("upgrade", "websocket")
        .header("x-forwarded-for", "6.6.6.6")
        .header("forwarded", "for=6.6.6.6")
        .header("x-octoporty-request-id", "forged")
        .header("trailer", "x-sum")
        .body(())
        .unwrap();
    let head = serialise(request, &plain(), RequestFraming::None).unwrap();
    assert_eq!(lines(&head), ["GET / HTTP/1.1", "Host: site.example", "trailer: x-sum"]);
    assert!(!head.contains("6.6.6.6") && !head.contains("forged"));
}

#[test]
fn te_trailers_is_passed_on() {
    let request = get("/").header("te", "deflate, Trailers").body(()).unwrap();
    let head = serialise(request, &plain(), RequestFraming::None).unwrap();
    assert_eq!(lines(&head)[2..], ["TE: trailers", "Connection: TE"]);
}

#[test]
fn there_is_one_framing_and_it_is_ours() {
    let request = || {
        Request::post("/")
            .header("host", "site.example")
            .header("a", "1")
            .header("content-length", "7")
            .header("transfer-encoding", "chunked")
            .header("b", "2")
            .body(())
            .unwrap()
    };
    for (framing, line) in
        [(RequestFraming::Chunked, "Transfer-Encoding: chunked"), (RequestFraming::Length(9), "Content-Length: 9")]
    {
        let head = serialise(request(), &plain(), framing).unwrap();
        assert_eq!(lines(&head), ["POST / HTTP/1.1", "Host: site.example", "a: 1", line, "b: 2"]);
    }
    let head = serialise(request(), &plain(), RequestFraming::None).unwrap();
    assert_eq!(lines(&head), ["POST / HTTP/1.1", "Host: site.example", "a: 1", "b: 2"]);
    let bare = Request::post("/").header("host", "site.example").body(()).unwrap();
    let head = serialise(bare, &plain(), RequestFraming::Length(3)).unwrap();
    assert_eq!(lines(&head)[2..], ["Content-Length: 3"]);
}

#[test]
fn a_prefix_is_stripped_at_its_boundary() {
    let strip = mapping("/api", PrefixHandling::Strip, HostHeader::Keep);
    for (uri, line) in [
        ("/api", "GET / HTTP/1.1"),
        ("/api/", "GET / HTTP/1.1"),
        ("/api?x=1", "GET /?x=1 HTTP/1.1"),
        ("/api/a/b?x=/../y", "GET /a/b?x=/../y HTTP/1.1"),
        ("/apis", "GET /apis HTTP/1.1"),
    ] {
        let head = serialise(get(uri).body(()).unwrap(), &strip, RequestFraming::None).unwrap();
        assert_eq!(lines(&head)[0], line);
    }
    let keep = mapping("/api", PrefixHandling::Keep, HostHeader::Keep);
    let head = serialise(get("/api/a").body(()).unwrap(), &keep, RequestFraming::None).unwrap();
    assert_eq!(lines(&head)[0], "GET /api/a HTTP/1.1");
}

#[test]
fn a_path_cannot_climb_out_of_its_prefix() {
    for handling in [PrefixHandling::Keep, PrefixHandling::Strip] {
        let api = mapping("/api", handling, HostHeader::Keep);
        let plain = ["/api/../admin", "/api/%2e%2E/admin", "/api/.%2e", "/api/x/%2E./y", "/api/.."];
        let separators = ["/api/..%2fadmin", "/api/x%2F..%2F..", "/api/..\\admin", "/api/..%5cadmin", "/api/a\\../b"];
        let parameters = ["/api/..;/admin", "/api/..;x=y/admin", "/api/%2e.;a;b", "/api/..%3b/admin"];
        for uri in [&plain[..], &separators, &parameters].concat() {
            let result = serialise(get(uri).body(()).unwrap(), &api, RequestFraming::None);
            assert_eq!(result.unwrap_err(), RequestError::Climbs, "{uri}");
        }
        let names = ["/api/..a", "/api/...", "/api/a..b", "/api/.", "/api?..", "/api/%2e%2e%2e"];
        let more =
            ["/api/a%2fb", "/api/;..", "/api/a;../b", "/api/...;/x", "/api/%252e%252e/x", "/api/..%", "/api/..%2"];
        for uri in names.iter().chain(&more) {
            assert!(serialise(get(uri).body(()).unwrap(), &api, RequestFraming::None).is_ok(), "{uri}");
        }
    }
    // With the whole host mapped there is nothing to climb out of, and the path is the target's business.
    assert!(serialise(get("/a/../b").body(()).unwrap(), &plain(), RequestFraming::None).is_ok());
}

#[test]
fn host_is_kept_or_rewritten_and_stands_once() {
    let host = |request: Request<()>, header: HostHeader| {
        let head = serialise(request, &mapping("/", PrefixHandling::Keep, header), RequestFraming::None)?;
        let hosts: Vec<_> = head.split("\r\n").filter_map(|line| line.strip_prefix("Host: ")).collect();
        assert_eq!(hosts.len(), 1);
        Ok::<_, RequestError>(hosts[0].to_owned())
    };
    assert_eq!(host(get("/").body(()).unwrap(), HostHeader::Keep).unwrap(), "site.example");
    assert_eq!(host(get("/").body(()).unwrap(), HostHeader::Target).unwrap(), "nas.lan:8080");
    let custom = HostHeader::Custom("inner.example".parse().unwrap());
    assert_eq!(host(get("/").body(()).unwrap(), custom).unwrap(), "inner.example");
    let absolute = Request::get("http://user@other.example:81/x").header("host", "site.example").body(()).unwrap();
    assert_eq!(host(absolute, HostHeader::Keep).unwrap(), "other.example:81");
    assert_eq!(host(get("/").header("host", "b").body(()).unwrap(), HostHeader::Keep), Err(RequestError::Host));
    assert_eq!(host(Request::get("/").body(()).unwrap(), HostHeader::Keep), Err(RequestError::Host));
}

#[test]
fn odd_request_targets_are_refused() {
    let connect = Request::connect("site.example:443").header("host", "site.example").body(()).unwrap();
    assert_eq!(serialise(connect, &plain(), RequestFraming::None).unwrap_err(), RequestError::Connect);
    assert_eq!(
        serialise(get("*").body(()).unwrap(), &plain(), RequestFraming::None).unwrap_err(),
        RequestError::Target
    );
    let options = Request::options("*").header("host", "site.example").body(()).unwrap();
    assert!(serialise(options, &plain(), RequestFraming::None).unwrap().starts_with("OPTIONS * HTTP/1.1\r\n"));
    let authority = get("site.example").body(()).unwrap();
    assert_eq!(serialise(authority, &plain(), RequestFraming::None).unwrap_err(), RequestError::Target);
}

#[test]
fn an_upgrade_is_passed_on_unless_it_leads_to_http_2() {
    let asked = |upgrade: &str, connection: &str| {
        let request = get("/").header("connection", connection).header("upgrade", upgrade).body(()).unwrap();
        serialise(request, &plain(), RequestFraming::None).unwrap().contains("\r\nConnection: Upgrade\r\nUpgrade: ")
    };
    assert!(asked("websocket", "Upgrade"));
    assert!(asked("my-protocol/1", "keep-alive, upgrade"));
    assert!(!asked("websocket", "keep-alive"));
    for protocol in ["h2c", "H2C", "HTTP/2.0", "websocket, h2c"] {
        assert!(!asked(protocol, "Upgrade, HTTP2-Settings"), "{protocol}");
    }
}

#[test]
fn an_expectation_of_http_1_0_is_not_passed_on() {
    let request = |version| {
        let request = get("/").version(version).header("expect", "100-continue").body(()).unwrap();
        serialise(request, &plain(), RequestFraming::Length(1)).unwrap()
    };
    assert!(request(Version::HTTP_11).contains("expect: 100-continue\r\n"));
    assert!(!request(Version::HTTP_10).contains("xpect"));
}

proptest! {
    /// Whatever a visitor sends, the target reads the fields that were meant, one framing, and nothing behind.
    #[test]
    fn no_line_and_no_second_framing_can_be_smuggled(
        path in "/[!-~]{0,30}",
        fields in proptest::collection::vec(("[a-z][a-z-]{0,12}", proptest::collection::vec(any::<u8>(), 0..20)), 0..12),
        length in proptest::option::of(0u64..1000),
    ) {
        let Ok(uri) = path.parse::<http::Uri>() else { return Ok(()) };
        let mut builder = Request::post(uri).header("host", "site.example");
        for (name, value) in &fields {
            if let Ok(value) = HeaderValue::from_bytes(value) && name != "host" {
                builder = builder.header(name, value);
            }
        }
        builder = builder.header("content-length", "5").header("transfer-encoding", "chunked");
        let framing = length.map_or(RequestFraming::Chunked, RequestFraming::Length);
        let request = builder.body(()).unwrap();
        let sent = request.headers().len();
        let Ok(head) = write(&head_of(request), &plain(), framing) else { return Ok(()) };

        let mut parsed_fields = [httparse::EMPTY_HEADER; 64];
        let mut parsed = httparse::Request::new(&mut parsed_fields);
        let status = parsed.parse(&head).unwrap();
        prop_assert_eq!(status, httparse::Status::Complete(head.len()));
        prop_assert_eq!(parsed.method, Some("POST"));
        let names: Vec<_> = parsed.headers.iter().map(|field| field.name.to_ascii_lowercase()).collect();
        let count = |name: &str| names.iter().filter(|found| *found == name).count();
        prop_assert_eq!(count("content-length") + count("transfer-encoding"), 1);
        prop_assert_eq!(count("host"), 1);
        // No field more than came in, besides the seven that are ours.
        prop_assert!(names.len() <= sent + 7);
    }
}
