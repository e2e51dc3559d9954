//! What a dial meets besides a gateway, and gateways and agents that use another WebSocket handshake than ours.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use octoporty_proto::wire::Side;
use octoporty_tunnel::carrier::websocket::{self, Dial, DialError, health};
use octoporty_tunnel::link;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_websockets::{ClientBuilder, Message, ServerBuilder};

use crate::rig::{Tasks, accept, config, dial_to, header, open, read_head, soon, take};

/// Something that answers every connection with these bytes, whatever it is asked, and closes.
async fn answering(tasks: &Tasks, answer: &'static [u8]) -> Dial {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dial = dial_to(&format!("ws://{}/tunnel", listener.local_addr().unwrap()));
    tasks.spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            read_head(&mut socket).await;
            socket.write_all(answer).await.unwrap();
        }
    });
    dial
}

async fn failure(answer: &'static [u8]) -> DialError {
    let tasks = Tasks::new();
    let dial = answering(&tasks, answer).await;
    soon("an answer", websocket::dial(&dial)).await.err().expect("this is no gateway")
}

#[tokio::test]
async fn a_refused_credential_is_told_as_such_and_never_shown() {
    let error = failure(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n").await;
    assert!(matches!(error, DialError::Unauthorized { status: 401 }), "{error:?}");
    assert!(error.to_string().contains("Gateway__ApiKey"));
    assert!(!format!("{error} {error:?}").contains("0123456789"));
    let dial = dial_to("wss://gateway.example.com/tunnel");
    assert!(!format!("{dial:?}").contains("0123456789"));
}

#[tokio::test]
async fn what_a_firewall_forbids_is_not_a_refused_key() {
    let error = failure(b"HTTP/1.1 403 Forbidden\r\n\r\nno").await;
    assert!(matches!(error, DialError::NotATunnel { status: 403, .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("firewall") && !text.contains("Gateway__ApiKey"), "{text}");
}

#[tokio::test]
async fn a_lockout_says_how_long() {
    let error = failure(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 300\r\n\r\n").await;
    assert!(matches!(error, DialError::LockedOut { retry_after_s: 300 }), "{error:?}");
    let error = failure(b"HTTP/1.1 429 Too Many Requests\r\n\r\n").await;
    assert!(matches!(error, DialError::LockedOut { retry_after_s: 60 }), "{error:?}");
}

#[tokio::test]
async fn a_gateway_that_takes_nobody_now_may_say_when() {
    let error = failure(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\n\r\n").await;
    assert!(matches!(error, DialError::Unavailable { retry_after_s: Some(2) }), "{error:?}");
    let error = failure(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").await;
    assert!(matches!(error, DialError::Unavailable { retry_after_s: None }), "{error:?}");
}

#[tokio::test]
async fn another_site_at_the_address_is_told_with_its_status() {
    for (answer, expected) in [
        (&b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"[..], 200),
        (&b"HTTP/1.0 404 Not Found\r\n\r\n"[..], 404),
        (&b"HTTP/1.1 301 Moved Permanently\r\nLocation: /\r\n\r\n"[..], 301),
        (&b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 502 Bad Gateway\r\n\r\n"[..], 502),
    ] {
        let error = failure(answer).await;
        assert!(matches!(&error, DialError::NotATunnel { status, .. } if *status == expected), "{error:?}");
    }
}

#[tokio::test]
async fn answers_that_are_no_upgrade_are_named() {
    let long: &'static [u8] = Vec::leak([b"HTTP/1.1 101 ".to_vec(), vec![b'x'; 20_000]].concat());
    for (answer, part) in [
        (&b"SSH-2.0-OpenSSH_9.9\r\n"[..], "not HTTP"),
        (&b""[..], "closed without an answer"),
        (&b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: bm8=\r\n\r\n"[..], "Sec-WebSocket-Accept"),
        (&b"HTTP/1.1 101 Switching Protocols\r\n\r\n"[..], "Sec-WebSocket-Accept"),
        (long, "over 16384 bytes"),
    ] {
        let error = failure(answer).await;
        assert!(matches!(&error, DialError::Upgrade(text) if text.contains(part)), "{error:?}");
    }
}

#[tokio::test]
async fn nobody_at_the_port_and_no_such_name_are_told_apart() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = soon("a refusal", websocket::dial(&dial_to(&format!("ws://{gone}/tunnel")))).await.err().unwrap();
    assert!(matches!(&error, DialError::Connect { address, .. } if *address == gone.to_string()), "{error:?}");
    let nowhere = dial_to("ws://no-such-host.invalid/tunnel");
    let error = soon("a refusal", websocket::dial(&nowhere)).await.err().unwrap();
    assert!(matches!(&error, DialError::Dns { host, .. } if host == "no-such-host.invalid"), "{error:?}");
    let odd = dial_to("ftp://127.0.0.1/tunnel");
    let error = soon("a refusal", websocket::dial(&odd)).await.err().unwrap();
    assert!(matches!(&error, DialError::Upgrade(text) if text.contains("wss://host/tunnel")), "{error:?}");
}

#[tokio::test]
async fn an_address_that_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let dial = Dial { timeout: Duration::from_millis(100), ..dial_to(&format!("ws://{address}/tunnel")) };
    let error = soon("giving up", websocket::dial(&dial)).await.err().unwrap();
    assert!(matches!(&error, DialError::Timeout { address: named, .. } if *named == address.to_string()), "{error:?}");
    assert!(matches!(soon("giving up", health(&dial)).await, Err(DialError::Timeout { .. })));
}

#[tokio::test]
async fn health_is_asked_of_the_same_host_without_the_credential() {
    let tasks = Tasks::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let dial = dial_to(&format!("ws://{address}/tunnel"));
    let served = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let (head, _) = read_head(&mut socket).await;
        assert!(head.starts_with("GET /health HTTP/1.1\r\n"), "{head}");
        assert_eq!(header(&head, "host"), Some(address.to_string().as_str()));
        assert_eq!(header(&head, "authorization"), None);
        socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
    };
    let (status, ()) = soon("health", async { tokio::join!(health(&dial), served) }).await;
    assert_eq!(status.unwrap(), 200);
    let unwell = answering(&tasks, b"HTTP/1.1 503 Service Unavailable\r\n\r\n").await;
    assert_eq!(soon("health", health(&unwell)).await.unwrap(), 503);
}

/// The library's own server does the handshake; messages come and go as it likes.
#[tokio::test]
async fn a_server_with_another_handshake_is_understood() {
    let tasks = Tasks::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dial = dial_to(&format!("ws://{}/tunnel?x=1", listener.local_addr().unwrap()));
    let server = async {
        let (request, mut socket) = ServerBuilder::new().accept(listener.accept().await.unwrap().0).await.unwrap();
        assert_eq!(request.uri(), "/tunnel?x=1");
        socket.send(Message::ping("are you there")).await.unwrap();
        // The agent's first probe comes as a binary message, and the ping is answered.
        let (mut binary, mut pong) = (0, 0);
        while binary == 0 || pong == 0 {
            let message = socket.next().await.unwrap().unwrap();
            binary += usize::from(message.is_binary());
            pong += usize::from(message.is_pong());
        }
        socket.close().await.ok();
    };
    let client = async {
        let carrier = websocket::dial(&dial).await.unwrap();
        let (link, events) = link::start(carrier, Side::Agent, config(), &tasks.tracker, tasks.cancel.child_token());
        let end = link.ended().await;
        assert_eq!(end.reason, octoporty_proto::model::EndReason::PeerStop, "{end:?}");
        drop(events);
    };
    soon("the link", async { tokio::join!(server, client) }).await;
}

/// The library's own client dials; its messages carry a link's bytes one by one, fragmented between pings.
#[tokio::test]
async fn a_client_with_another_handshake_and_odd_message_boundaries_is_understood() {
    let tasks = Tasks::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = async {
        let socket = tokio::net::TcpStream::connect(address).await.unwrap();
        let authorization = http::HeaderValue::from_static(crate::rig::SECRET);
        let (socket, _) = ClientBuilder::new()
            .uri(&format!("ws://{address}/tunnel"))
            .unwrap()
            .add_header(http::header::AUTHORIZATION, authorization)
            .unwrap()
            .connect_on(socket)
            .await
            .unwrap();
        socket
    };
    let (mut socket, carrier) =
        soon("the upgrade", async { tokio::join!(client, async { accept(listener.accept().await.unwrap().0).await }) })
            .await;
    let (gateway, mut events) =
        link::start(carrier, Side::Gateway, config(), &tasks.tracker, tasks.cancel.child_token());
    tasks.spawn(async move { while events.next().await.is_some() {} });
    let mut stream = gateway.open(&open(), Bytes::from_static(b"question")).unwrap();

    // The agent's end of the mux, driven by hand.
    let now = std::time::Instant::now();
    let mut mux = octoporty_proto::mux::Mux::new(Side::Agent, config(), now);
    let answered = async {
        let mut opened = None;
        while opened.is_none() {
            let message = socket.next().await.unwrap().unwrap();
            if message.is_binary() {
                mux.receive(now, message.into_payload().into()).unwrap();
            }
            while let Some(event) = mux.poll_event() {
                if let octoporty_proto::mux::Event::Opened(id, _) = event {
                    opened = Some(id);
                }
            }
        }
        mux.send(opened.unwrap(), &mut Bytes::from_static(b"an answer in pieces")).unwrap();
        let mut frames = Vec::new();
        mux.transmit(now, 100_000, &mut frames);
        for byte in frames.concat() {
            socket.send(Message::binary(vec![byte])).await.unwrap();
            socket.send(Message::binary(Bytes::new())).await.unwrap();
            socket.send(Message::ping("and on")).await.unwrap();
        }
    };
    let (answer, ()) = soon("the answer", async { tokio::join!(take(&mut stream, 19), answered) }).await;
    assert_eq!(answer, b"an answer in pieces");
}
