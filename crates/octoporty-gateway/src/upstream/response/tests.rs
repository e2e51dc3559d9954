use super::*;
use proptest::prelude::*;

const LIMIT: usize = 1024;

/// Reads `wire` in pieces of `cut`; gives the first head and what is left behind it.
fn read_in_cuts(wire: &[u8], cut: usize, method: &Method) -> Result<Option<(ResponseHead, Vec<u8>)>, HeadError> {
    let mut reader = HeadReader::new(LIMIT);
    let mut wire = Bytes::copy_from_slice(wire);
    while !wire.is_empty() {
        let mut input = wire.split_to(cut.min(wire.len()));
        if let Some(head) = reader.read(&mut input, method)? {
            return Ok(Some((head, [&input[..], &wire].concat())));
        }
        assert!(input.is_empty());
    }
    Ok(None)
}

fn read(wire: &str) -> ResponseHead {
    let (head, rest) = read_in_cuts(wire.as_bytes(), usize::MAX, &Method::GET).unwrap().unwrap();
    assert!(rest.is_empty(), "{}", rest.escape_ascii());
    head
}

fn fields(head: &ResponseHead) -> Vec<(&str, &str)> {
    let lines = std::str::from_utf8(&head.passed.lines).unwrap();
    lines.split_terminator("\r\n").map(|line| line.split_once(": ").unwrap()).collect()
}

#[test]
fn order_spelling_and_duplicates_are_kept() {
    let wire = Bytes::from_static(
        b"HTTP/1.1 200 OK\r\nServer: x\r\nSet-Cookie: a=1\r\nx-z: 1\r\nset-cookie: b=2\r\nContent-Length: 3\r\nA: 2\r\n\r\nabc",
    );
    let mut input = wire.clone();
    let head = HeadReader::new(LIMIT).read(&mut input, &Method::GET).unwrap().unwrap();
    assert_eq!(&input[..], b"abc");
    assert_eq!(
        fields(&head),
        [
            ("Server", "x"),
            ("Set-Cookie", "a=1"),
            ("x-z", "1"),
            ("set-cookie", "b=2"),
            ("Content-Length", "3"),
            ("A", "2")
        ]
    );
    assert_eq!((head.framing, head.reuse), (Framing::Length(3), Reuse::Allowed));
    assert!(head.reason.is_none());
    assert!(head.passed.length && !head.passed.date);
}

#[test]
fn a_head_is_the_same_in_any_cut() {
    let wire = b"HTTP/1.1 404 Gone Fishing\r\nX-A: 1\r\nTransfer-Encoding: chunked\r\nX-A: 2\r\n\r\n0\r\n\r\n";
    for cut in 1..=wire.len() {
        let (head, rest) = read_in_cuts(wire, cut, &Method::GET).unwrap().unwrap();
        assert_eq!(head.status, 404);
        assert_eq!(head.reason.as_ref().unwrap().as_bytes(), b"Gone Fishing");
        assert_eq!(fields(&head), [("X-A", "1"), ("X-A", "2")]);
        assert_eq!(head.framing, Framing::Chunked);
        assert_eq!(rest, b"0\r\n\r\n", "cut {cut}");
    }
}

#[test]
fn hop_by_hop_fields_and_those_named_are_dropped() {
    let head = read(
        "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Internal\r\nKeep-Alive: timeout=5\r\nX-Internal: s\r\n\
         Proxy-Authenticate: Basic\r\nUpgrade: h2c\r\nTrailer: X-Sum\r\nX-Kept: 1\r\nContent-Length: 0\r\n\r\n",
    );
    assert_eq!(fields(&head), [("Trailer", "X-Sum"), ("X-Kept", "1"), ("Content-Length", "0")]);
    assert_eq!((head.framing, head.reuse), (Framing::Empty, Reuse::Allowed));
}

#[test]
fn framing_follows_status_and_method() {
    let framing = |wire: &str, method: Method| {
        let head = read_in_cuts(wire.as_bytes(), usize::MAX, &method).unwrap().unwrap().0;
        let length =
            fields(&head).iter().find(|(name, _)| *name == "Content-Length").map(|(_, value)| (*value).to_owned());
        assert_eq!(head.passed.length, length.is_some());
        (head.framing, head.reuse, length)
    };
    let length = |text: &str| Some(text.to_owned());
    for (wire, method, expected) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Method::HEAD, (Framing::Empty, Reuse::Never, length("5"))),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Method::HEAD, (Framing::Empty, Reuse::Allowed, length("0"))),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Method::HEAD, (Framing::Empty, Reuse::Never, None)),
        ("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", Method::GET, (Framing::Empty, Reuse::Never, None)),
        (
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
            Method::GET,
            (Framing::Empty, Reuse::Allowed, length("5")),
        ),
        (
            "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
            Method::GET,
            (Framing::Empty, Reuse::Never, None),
        ),
        ("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", Method::GET, (Framing::Empty, Reuse::Allowed, None)),
        ("HTTP/1.1 200 OK\r\n\r\n", Method::GET, (Framing::UntilClose, Reuse::Never, None)),
        ("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", Method::GET, (Framing::Length(5), Reuse::Never, length("5"))),
        (
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\n",
            Method::GET,
            (Framing::Length(5), Reuse::Never, length("5")),
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\nContent-Length: 5\r\n\r\n",
            Method::GET,
            (Framing::Length(5), Reuse::Allowed, length("5")),
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            Method::GET,
            (Framing::Chunked, Reuse::Never, None),
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity, CHUNKED\r\n\r\n",
            Method::GET,
            (Framing::Chunked, Reuse::Allowed, None),
        ),
        ("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", Method::GET, (Framing::Empty, Reuse::Allowed, None)),
    ] {
        assert_eq!(framing(wire, method), expected, "{wire}");
    }
}

#[test]
fn an_answer_that_names_more_fields_than_anybody_needs_is_refused() {
    let wire = |names: usize| format!("HTTP/1.1 200 OK\r\nConnection: {}\r\nB: 1\r\n\r\n", "a,".repeat(names));
    assert!(read_in_cuts(wire(64).as_bytes(), usize::MAX, &Method::GET).unwrap().is_some());
    let error = read_in_cuts(wire(65).as_bytes(), usize::MAX, &Method::GET).unwrap_err();
    assert_eq!(error.to_string(), "the answer's head is malformed: its Connection field names more than 64 fields");
}

#[test]
fn a_switch_keeps_what_makes_it_one() {
    let head = read("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX: y\r\n\r\n");
    assert_eq!(fields(&head), [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("X", "y")]);
    assert_eq!(head.reuse, Reuse::Never);
}

#[test]
fn an_unusual_reason_is_kept_and_a_missing_one_too() {
    assert_eq!(read("HTTP/1.1 200 Sure\r\nContent-Length: 0\r\n\r\n").reason.unwrap().as_bytes(), b"Sure");
    assert_eq!(read("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n").reason.unwrap().as_bytes(), b"");
    assert_eq!(read("HTTP/1.1 599\r\nContent-Length: 0\r\n\r\n").reason.unwrap().as_bytes(), b"");
}

#[test]
fn malformed_answers_are_refused_in_every_cut() {
    for (wire, error) in [
        (&b"\x15\x03\x01\x00\x02\x02\x46"[..], HeadError::Tls),
        (b"\x16\x03\x03\x00\x7a", HeadError::Tls),
        (b"SSH-2.0-OpenSSH_9.6\r\n", HeadError::NotHttp),
        (b"HTTP/2.0 200 OK\r\n\r\n", HeadError::NotHttp),
        (b"HTTP/1.7 200 OK\r\n\r\n", HeadError::NotHttp),
        (b"{\"error\":1}", HeadError::NotHttp),
        (b"\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", HeadError::NotHttp),
        (b"HTTP/1.1 2x0 OK\r\n\r\n", HeadError::Malformed("the status line")),
        (b"HTTP/1.1 099 OK\r\n\r\n", HeadError::Malformed("the status")),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n", HeadError::Malformed("a header field")),
        (b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", HeadError::Malformed("a header field")),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", HeadError::Malformed("a header field")),
        (b"HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n", HeadError::Malformed("a header field")),
        (b"HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", HeadError::Malformed("a header field")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", HeadError::ContentLength),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n", HeadError::ContentLength),
        (b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n", HeadError::ContentLength),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", HeadError::ContentLength),
        (b"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", HeadError::ContentLength),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", HeadError::ContentLength),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", HeadError::TransferCoding),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", HeadError::TransferCoding),
    ] {
        for cut in [1, 3, 7, usize::MAX] {
            let found = read_in_cuts(wire, cut, &Method::GET);
            assert_eq!(found.as_ref().unwrap_err(), &error, "{} in cuts of {cut}", wire.escape_ascii());
        }
    }
}

#[test]
fn heads_over_the_limits_are_refused() {
    let large = format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "x".repeat(LIMIT));
    let endless = format!("HTTP/1.1 200 OK\r\nA: {}", "x".repeat(LIMIT * 2));
    for wire in [&large, &endless] {
        for cut in [1, 100, usize::MAX] {
            assert_eq!(read_in_cuts(wire.as_bytes(), cut, &Method::GET).unwrap_err(), HeadError::TooLarge);
        }
    }
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a:b\r\n".repeat(MAX_FIELDS + 1));
    let mut input = Bytes::from(many);
    assert_eq!(HeadReader::new(65_536).read(&mut input, &Method::GET).unwrap_err(), HeadError::TooManyFields);
    let just = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a:b\r\n".repeat(MAX_FIELDS));
    assert!(HeadReader::new(65_536).read(&mut Bytes::from(just), &Method::GET).unwrap().is_some());
}

#[test]
fn interim_heads_come_one_after_the_other() {
    let mut input = Bytes::from_static(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nz",
    );
    let mut reader = HeadReader::new(LIMIT);
    let mut next = || reader.read(&mut input, &Method::GET).unwrap().unwrap().status.as_u16();
    assert_eq!([next(), next(), next()], [100, 103, 200]);
    assert_eq!(&input[..], b"z");
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic_and_cuts_do_not_change_the_head(
        noise in proptest::collection::vec(prop_oneof![
            Just(b"\r\n".to_vec()), Just(b"A: b".to_vec()), Just(b":".to_vec()),
            Just(b"Content-Length: 3".to_vec()), proptest::collection::vec(any::<u8>(), 1..6),
        ], 0..20),
        cut in 1usize..30,
    ) {
        let wire = [b"HTTP/1.1 200 OK\r\n", &noise.concat()[..], b"\r\n\r\n"].concat();
        let whole = read_in_cuts(&wire, usize::MAX, &Method::GET);
        let cuts = read_in_cuts(&wire, cut, &Method::GET);
        match (whole, cuts) {
            (Ok(Some((a, rest_a))), Ok(Some((b, rest_b)))) => {
                prop_assert_eq!(a.passed, b.passed);
                prop_assert_eq!(a.framing, b.framing);
                prop_assert_eq!(rest_a, rest_b);
            }
            (Ok(None), Ok(None)) | (Err(_), Err(_)) => {}
            (whole, cuts) => prop_assert!(false, "{whole:?} whole, {cuts:?} in cuts"),
        }
    }
}
