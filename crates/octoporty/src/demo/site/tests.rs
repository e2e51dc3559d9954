//! The sample site over real sockets.

use std::time::Instant;

use futures_util::{SinkExt, StreamExt};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_websockets::{ClientBuilder, Message};

use super::*;

/// Never reached when all is right.
const PATIENCE: Duration = Duration::from_secs(20);

async fn send(site: &Site, request: &str) -> TcpStream {
    let mut socket = TcpStream::connect(site.address()).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    socket
}

/// Everything until the site closes, or the error that ended it.
async fn rest(mut socket: TcpStream) -> (Vec<u8>, io::Result<()>) {
    let mut bytes = Vec::new();
    let outcome = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut bytes)).await.expect("in time");
    (bytes, outcome.map(drop))
}

async fn get(site: &Site, path: &str) -> (String, Vec<u8>) {
    let socket = send(site, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await;
    split(rest(socket).await.0)
}

fn split(answer: Vec<u8>) -> (String, Vec<u8>) {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    (String::from_utf8(answer[..end].to_vec()).unwrap().to_lowercase(), answer[end..].to_vec())
}

#[tokio::test]
async fn the_page_and_its_pictures_are_there() {
    let site = Site::start().await.unwrap();
    let (head, body) = get(&site, "/").await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(String::from_utf8(body).unwrap().contains("<img src=\"/picture.png\""));
    let (head, body) = get(&site, "/picture.png").await;
    assert!(head.contains("content-type: image/png"), "{head}");
    assert!(body.starts_with(b"\x89PNG"));
    assert!(get(&site, "/nothing").await.0.starts_with("http/1.1 404"));
    site.stop().await;
}

#[tokio::test]
async fn events_come_one_a_second_and_end_with_the_site() {
    let site = Site::start().await.unwrap();
    let mut socket = send(&site, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut seen = String::new();
    let mut second = None;
    while !seen.contains("id: 2") {
        let mut buffer = [0; 4096];
        let length = tokio::time::timeout(PATIENCE, socket.read(&mut buffer)).await.unwrap().unwrap();
        seen.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
        if seen.contains("id: 1") && second.is_none() {
            second = Some(Instant::now());
        }
    }
    assert!(second.unwrap().elapsed() > Duration::from_millis(500), "the third event came with the second");
    tokio::time::timeout(PATIENCE, site.stop()).await.expect("an open event stream does not keep the site");
}

#[tokio::test]
async fn the_websocket_sends_back_what_it_gets() {
    let site = Site::start().await.unwrap();
    let uri = format!("ws://{}/ws", site.address()).parse().unwrap();
    let (mut socket, _) = ClientBuilder::from_uri(uri).connect().await.unwrap();
    socket.send(Message::text("hello".to_owned())).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap().as_text(), Some("hello"));
    socket.send(Message::binary(vec![7; 100_000])).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap().into_payload()[..], [7; 100_000]);
    site.stop().await;
    let goodbye = socket.next().await.unwrap().unwrap();
    assert_eq!(goodbye.as_close().map(|(code, _)| u16::from(code)), Some(1001));
    assert!(get_upgrade_required().await);
}

async fn get_upgrade_required() -> bool {
    let site = Site::start().await.unwrap();
    get(&site, "/ws").await.0.starts_with("http/1.1 426")
}

#[tokio::test]
async fn an_upload_is_counted_and_hashed() {
    let site = Site::start().await.unwrap();
    let chunked = "POST /upload HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let (_, body) = split(rest(send(&site, chunked).await).await.0);
    let answer: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(answer["bytes"], 5);
    assert_eq!(answer["sha256"], upload::hex(&Sha256::digest(b"abcde")));
    assert!(get(&site, "/upload").await.0.starts_with("http/1.1 405"));
}

#[tokio::test]
async fn a_download_is_what_its_checksum_says_whole_and_in_parts() {
    let site = Site::start().await.unwrap();
    let (head, whole) = get(&site, "/download?size=3000000").await;
    assert!(head.contains("content-length: 3000000"), "{head}");
    let (_, sum) = get(&site, "/download.sha256?size=3000000").await;
    assert_eq!(String::from_utf8(sum).unwrap(), format!("{}  download\n", upload::hex(&Sha256::digest(&whole))));
    let ranged =
        "GET /download?size=3000000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nRange: bytes=1048000-1049999\r\n\r\n";
    let (head, part) = split(rest(send(&site, ranged).await).await.0);
    assert!(
        head.starts_with("http/1.1 206") && head.contains("content-range: bytes 1048000-1049999/3000000"),
        "{head}"
    );
    assert_eq!(part, whole[1_048_000..1_050_000]);
    let asked = "HEAD /download HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let (head, body) = split(rest(send(&site, asked).await).await.0);
    assert!(head.contains("content-length: 1000000000") && head.contains("x-sha256: "), "{head}");
    assert!(body.is_empty());
    assert!(get(&site, "/download?size=much").await.0.starts_with("http/1.1 400"));
}

#[tokio::test]
async fn failures_fail_as_asked() {
    let site = Site::start().await.unwrap();
    assert!(get(&site, "/fail/status/503").await.0.starts_with("http/1.1 503"));
    assert!(get(&site, "/fail/status/200").await.0.starts_with("http/1.1 404"));
    let (bytes, outcome) = rest(send(&site, "GET /fail/reset HTTP/1.1\r\nHost: x\r\n\r\n").await).await;
    assert!(bytes.is_empty());
    assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    let (bytes, outcome) = rest(send(&site, "GET /fail/half HTTP/1.1\r\nHost: x\r\n\r\n").await).await;
    assert!(bytes.len() > 1 << 19, "half of the body and the head");
    assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    let mut hanging = send(&site, "GET /fail/hang HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let nothing = tokio::time::timeout(Duration::from_millis(300), hanging.read(&mut [0; 1])).await;
    assert!(nothing.is_err(), "it never answers");
    tokio::time::timeout(PATIENCE, site.stop()).await.expect("a hanging request does not keep the site");
}

#[tokio::test]
async fn a_slow_answer_takes_its_time() {
    let site = Site::start().await.unwrap();
    let start = Instant::now();
    assert!(get(&site, "/slow?seconds=0.2").await.0.starts_with("http/1.1 200"));
    assert!(start.elapsed() >= Duration::from_millis(200));
    assert!(get(&site, "/slow?seconds=-1").await.0.starts_with("http/1.1 400"));
}

#[tokio::test]
async fn the_request_is_shown_as_it_arrived() {
    let site = Site::start().await.unwrap();
    let asked = "GET /headers?a=1 HTTP/1.1\r\nHost: hello\r\nX-Forwarded-For: 192.0.2.1\r\nConnection: close\r\n\r\n";
    let (_, body) = split(rest(send(&site, asked).await).await.0);
    let text = String::from_utf8(body).unwrap();
    assert!(text.starts_with("GET /headers?a=1 HTTP/1.1\n") && text.contains("x-forwarded-for: 192.0.2.1\n"), "{text}");
}
