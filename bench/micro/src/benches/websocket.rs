//! A link's WebSocket: framing and masking, from a write at one end to what was read at the other. Over a socket on
//! loopback, since that is how the carrier is made; what the kernel does is not counted, the runtime's part is.

use std::future::poll_fn;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use octoporty_tunnel::carrier::Carrier;
use octoporty_tunnel::carrier::websocket::{self, Dial, accept_key};
use octoporty_tunnel::trust::{Trust, client_config};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::meter::Meter;

/// A small message, bytes.
const SMALL: usize = 100;

/// A large one: what the system's buffers take at once, KiB.
const LARGE: usize = 64;

pub(super) fn run(meter: &Meter) {
    if !NAMES.iter().any(|name| meter.wants(name)) {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    let (mut agent, mut gateway) = runtime.block_on(Box::pin(pair()));
    let [masked, masked_large, plain, plain_large] = NAMES;
    one_way(meter, (masked, masked_large), &runtime, (&mut agent, &mut gateway));
    one_way(meter, (plain, plain_large), &runtime, (&mut gateway, &mut agent));
}

/// An agent masks what it sends; a gateway does not.
const NAMES: [&str; 4] = [
    "websocket/agent to gateway, masked, 100 B",
    "websocket/agent to gateway, masked, 64 KiB",
    "websocket/gateway to agent, 100 B",
    "websocket/gateway to agent, 64 KiB",
];

type Ends<'a> = (&'a mut Box<dyn Carrier>, &'a mut Box<dyn Carrier>);

fn one_way(meter: &Meter, (small, large): (&str, &str), runtime: &Runtime, (from, to): Ends<'_>) {
    let message = Bytes::from(vec![7; SMALL]);
    meter.count(small, "message, written and read", 200, || {
        runtime.block_on(cross(from, to, &message));
        1
    });
    let message = Bytes::from(vec![7; LARGE * 1024]);
    meter.count(large, "KiB, written and read", 50, || {
        runtime.block_on(cross(from, to, &message));
        LARGE as u64
    });
}

async fn cross(from: &mut Box<dyn Carrier>, to: &mut Box<dyn Carrier>, message: &Bytes) {
    poll_fn(|cx| from.poll_ready(cx)).await.expect("the link stands");
    from.start_send(&mut vec![message.clone()]).expect("the link stands");
    poll_fn(|cx| from.poll_flush(cx)).await.expect("the link stands");
    let mut left = message.len();
    while left > 0 {
        let piece = poll_fn(|cx| to.poll_receive(cx)).await.expect("the link stands").expect("the link stands");
        left -= piece.len();
    }
}

/// An agent's carrier and a gateway's.
async fn pair() -> (Box<dyn Carrier>, Box<dyn Carrier>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    let dial = Dial {
        url: format!("ws://{address}/tunnel").parse().expect("a legal URL"),
        authorization: HeaderValue::from_static("Bearer none"),
        tls: client_config(&Trust::PublicRoots).expect("TLS can be set up"),
        proxy: None,
        timeout: Duration::from_secs(60),
    };
    let (agent, gateway) = tokio::join!(websocket::dial(&dial), accept(&listener));
    (agent.expect("the link is made"), gateway)
}

/// The server's part of the upgrade.
async fn accept(listener: &TcpListener) -> Box<dyn Carrier> {
    let (mut socket, peer) = listener.accept().await.expect("loopback works");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        assert!(socket.read_buf(&mut head).await.expect("loopback works") > 0, "the upgrade is asked for");
    }
    let head = String::from_utf8(head).expect("a head is text");
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("it has a key");
    let accept = accept_key(key);
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    socket.write_all(answer.as_bytes()).await.expect("loopback works");
    websocket::accepted(socket, Bytes::new(), peer)
}
