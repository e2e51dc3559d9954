//! Heads, both ways.

use octoporty_proto::model::PrefixHandling;

use crate::support::{Connection, Ending, HOST, Setup, World};

/// Answers every request with its own head as the body.
async fn mirror(mut connection: Connection) {
    while let Some(head) = connection.head().await {
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{head}", head.len());
        connection.send(&answer).await;
    }
}

async fn mirrored() -> World {
    World::new(|connection| Box::pin(mirror(connection))).await
}

#[tokio::test]
async fn a_request_arrives_with_its_fields_as_they_stand_and_without_those_of_the_hop() {
    let world = mirrored().await;
    let reply = world
        .ask(&format!(
            "GET /a/b?c=d HTTP/1.1\r\nHost: {HOST}\r\nX-ONE: 1\r\nCookie: a=1\r\nx-two: 2\r\ncookie: b=2\r\n\
             Connection: close, X-Secret\r\nX-Secret: s\r\nKeep-Alive: timeout=1\r\nTE: trailers\r\n\
             X-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Octoporty-Request-Id: forged-id\r\n\r\n"
        ))
        .await;
    assert_eq!(reply.status(), 200);
    let seen: Vec<_> = reply.text().split("\r\n").collect();
    let (own, visitors): (Vec<&str>, Vec<&str>) =
        seen.into_iter().partition(|line| line.contains("Forwarded") || line.starts_with("X-Octoporty"));
    assert_eq!(
        visitors,
        [
            "GET /a/b?c=d HTTP/1.1",
            "Host: site.example",
            "X-ONE: 1",
            "Cookie: a=1",
            "x-two: 2",
            "cookie: b=2",
            "TE: trailers",
            "Connection: TE",
            "",
            "",
        ]
    );
    assert!(own.contains(&"X-Forwarded-For: 127.0.0.1"), "{own:?}");
    assert!(!reply.text().contains("6.6.6.6") && !reply.text().contains("forged-id"));
    let id = reply.values("x-octoporty-request-id")[0];
    assert!(own.contains(&format!("X-Octoporty-Request-Id: {id}").as_str()));
}

#[tokio::test]
async fn an_answer_arrives_with_its_fields_as_they_stand_and_its_reason() {
    let world = World::new(|mut connection| {
        Box::pin(async move {
            while connection.head().await.is_some() {
                connection
                    .send(
                        "HTTP/1.1 203 Quite Fine\r\nServer: old\r\nSet-Cookie: a=1; Path=/\r\n\
                         Connection: X-Internal\r\nX-Internal: 1\r\nKeep-Alive: timeout=9\r\nx-last: z\r\nset-COOKIE: b=2\r\n\
                         Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 2\r\n\r\nok",
                    )
                    .await;
            }
        })
    })
    .await;
    let reply = world.ask(&format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await;
    assert!(reply.head.starts_with("HTTP/1.1 203 Quite Fine\r\n"), "{}", reply.head);
    assert_eq!(reply.values("set-cookie"), ["a=1; Path=/", "b=2"]);
    let names: Vec<_> = reply.head.split("\r\n").skip(1).filter_map(|line| line.split_once(": ")).collect();
    let names: Vec<_> = names.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        ["Server", "Set-Cookie", "x-last", "set-COOKIE", "Date", "Content-Length", "x-octoporty-request-id"]
    );
    assert_eq!(reply.values("date"), ["Thu, 01 Jan 1970 00:00:00 GMT"]);
    assert_eq!(reply.text(), "ok");
}

#[tokio::test]
async fn head_304_204_and_ranges_keep_their_lengths() {
    let world = World::new(|mut connection| {
        Box::pin(async move {
            while let Some(head) = connection.head().await {
                let answer = match head.split(' ').nth(1).unwrap() {
                    "/head" => "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n",
                    "/304" => "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 77\r\n\r\n",
                    "/204" => "HTTP/1.1 204 No Content\r\nX: y\r\n\r\n",
                    "/range" => {
                        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 2-3/9\r\nContent-Length: 2\r\n\r\ncd"
                    }
                    "/empty" => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                    other => panic!("{other}"),
                };
                connection.send(answer).await;
            }
        })
    })
    .await;
    let mut visitor = world.visitor().await;
    for (method, path, status, length, body) in [
        ("HEAD", "/head", 200, Some("1234"), ""),
        ("GET", "/304", 304, Some("77"), ""),
        ("GET", "/204", 204, None, ""),
        ("GET", "/range", 206, Some("2"), "cd"),
        ("GET", "/empty", 200, Some("0"), ""),
        // Nothing may follow a HEAD, but much does: its connection is not trusted with another request.
        ("HEAD", "/head", 200, Some("1234"), ""),
        ("HEAD", "/empty", 200, Some("0"), ""),
        ("GET", "/empty", 200, Some("0"), ""),
    ] {
        let reply = visitor.ask(&format!("{method} {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await;
        assert_eq!(reply.status(), status, "{path}");
        assert_eq!(reply.values("content-length").first().copied(), length, "{path}: {}", reply.head);
        assert!(reply.values("transfer-encoding").is_empty());
        assert_eq!((reply.text(), reply.ending), (body, Ending::Whole));
    }
    assert_eq!(world.target.connections(), 3, "only a HEAD that announces a body costs the connection");
}

#[tokio::test]
async fn a_prefix_is_stripped_and_cannot_be_climbed_out_of() {
    let setup = Setup { prefix: "/api", handling: PrefixHandling::Strip, ..Setup::default() };
    let world = World::with(setup, |connection| Box::pin(mirror(connection))).await;
    let first_line = async |path: &str| {
        let reply = world.ask(&format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await;
        (reply.status(), reply.text().split("\r\n").next().unwrap().to_owned())
    };
    assert_eq!(first_line("/api").await.1, "GET / HTTP/1.1");
    assert_eq!(first_line("/api?q").await.1, "GET /?q HTTP/1.1");
    assert_eq!(first_line("/api/x/y").await.1, "GET /x/y HTTP/1.1");
    assert_eq!(first_line("/api/../admin").await.0, 400);
    assert_eq!(first_line("/apis").await.0, 404);
}

#[tokio::test]
async fn a_visitor_of_http_1_0_gets_no_chunks() {
    let world = World::new(|mut connection| {
        Box::pin(async move {
            while let Some(head) = connection.head().await {
                assert!(head.starts_with("GET / HTTP/1.1\r\n"), "{head}");
                connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n").await;
                connection.send("2\r\nde\r\n0\r\n\r\n").await;
            }
        })
    })
    .await;
    let reply = world.ask(&format!("GET / HTTP/1.0\r\nHost: {HOST}\r\n\r\n")).await;
    assert!(reply.head.starts_with("HTTP/1.0 200 OK\r\n"));
    assert!(reply.values("transfer-encoding").is_empty());
    assert_eq!(reply.text(), "abcde");
}

#[tokio::test]
async fn early_hints_pass_before_the_answer_is_there() {
    let world = World::new(|mut connection| {
        Box::pin(async move {
            while let Some(head) = connection.head().await {
                connection.send("HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n").await;
                if head.contains("HTTP/1.1") {
                    // The answer comes only after the visitor has seen the hint.
                    connection.read_until("go").await;
                }
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
            }
        })
    })
    .await;
    let mut visitor = world.visitor().await;
    visitor.send(&format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 2\r\n\r\n")).await;
    let hint = visitor.head().await;
    assert!(hint.starts_with("HTTP/1.1 103 Early Hints\r\n"), "{hint}");
    assert!(hint.to_ascii_lowercase().contains("link: </style.css>; rel=preload"), "{hint}");
    visitor.send("go").await;
    assert_eq!(visitor.reply("POST").await.text(), "ok");
}
