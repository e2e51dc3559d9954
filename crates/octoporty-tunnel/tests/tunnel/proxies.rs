//! The way through HTTP CONNECT and SOCKS5 proxies. The gateway has a name that only the proxy can resolve.

use std::net::SocketAddr;

use base64::Engine as _;
use octoporty_proto::wire::Side;
use octoporty_tunnel::carrier::websocket::{self, Dial, DialError, health};
use octoporty_tunnel::link;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::rig::{Tasks, accept, config, dial_to, header, open, read_head, soon, take};

/// A name without a meaning outside of the proxies here.
const GATEWAY: &str = "gateway.behind.invalid";

/// What a proxy does with a connection.
#[derive(Clone, Copy)]
enum Serves {
    Connect,
    ConnectWithLogin,
    Socks,
    SocksWithLogin,
    SocksRefusing(u8),
}

async fn proxy(tasks: &Tasks, serves: Serves, gateway: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tasks.spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let agreed = match serves {
                Serves::Connect => connect(&mut socket, None).await,
                Serves::ConnectWithLogin => connect(&mut socket, Some("Basic b2N0bzpwQHNz")).await,
                Serves::Socks => socks(&mut socket, None, 0).await,
                Serves::SocksWithLogin => socks(&mut socket, Some((b"octo", b"p@ss")), 0).await,
                Serves::SocksRefusing(code) => socks(&mut socket, None, code).await,
            };
            if agreed {
                let mut gateway = TcpStream::connect(gateway).await.unwrap();
                tokio::io::copy_bidirectional(&mut socket, &mut gateway).await.ok();
            }
        }
    });
    address
}

async fn connect(socket: &mut TcpStream, login: Option<&str>) -> bool {
    let (head, _) = read_head(socket).await;
    assert_eq!(head.lines().next(), Some(format!("CONNECT {GATEWAY}:8080 HTTP/1.1").as_str()));
    assert_eq!(header(&head, "authorization"), None, "the proxy does not see the gateway's key");
    let welcome = header(&head, "proxy-authorization") == login;
    let answer = if welcome { "200 Connection established" } else { "407 Proxy Authentication Required" };
    socket.write_all(format!("HTTP/1.1 {answer}\r\n\r\n").as_bytes()).await.unwrap();
    welcome
}

async fn socks(socket: &mut TcpStream, login: Option<(&[u8], &[u8])>, code: u8) -> bool {
    let mut head = [0; 2];
    socket.read_exact(&mut head).await.unwrap();
    assert_eq!(head[0], 5);
    let mut methods = vec![0; usize::from(head[1])];
    socket.read_exact(&mut methods).await.unwrap();
    let method = if login.is_some() { 2 } else { 0 };
    if !methods.contains(&method) {
        socket.write_all(&[5, 0xff]).await.unwrap();
        return false;
    }
    socket.write_all(&[5, method]).await.unwrap();
    if let Some((user, password)) = login {
        assert_eq!(socket.read_u8().await.unwrap(), 1);
        let given = (text(socket).await, text(socket).await);
        let welcome = (given.0.as_slice(), given.1.as_slice()) == (user, password);
        socket.write_all(&[1, u8::from(!welcome)]).await.unwrap();
        if !welcome {
            return false;
        }
    }
    let mut request = [0; 4];
    socket.read_exact(&mut request).await.unwrap();
    assert_eq!(request, [5, 1, 0, 3], "the name goes to the proxy, not an address");
    assert_eq!(text(socket).await, GATEWAY.as_bytes());
    assert_eq!(socket.read_u16().await.unwrap(), 8080);
    socket.write_all(&[5, code, 0, 3, 4, b'b', b'o', b'n', b'd', 1, 2]).await.unwrap();
    code == 0
}

async fn text(socket: &mut TcpStream) -> Vec<u8> {
    let mut text = vec![0; usize::from(socket.read_u8().await.unwrap())];
    socket.read_exact(&mut text).await.unwrap();
    text
}

fn through(proxy: &str) -> Dial {
    Dial { proxy: Some(proxy.parse().unwrap()), ..dial_to(&format!("ws://{GATEWAY}:8080/tunnel")) }
}

/// A link through the proxy carries an exchange.
async fn works(serves: Serves, url: impl Fn(SocketAddr) -> String) {
    let tasks = Tasks::new();
    let gateway = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = proxy(&tasks, serves, gateway.local_addr().unwrap()).await;
    let dial = through(&url(proxy));
    let accepting = async { accept(gateway.accept().await.unwrap().0).await };
    let (dialled, accepted) = soon("a link", async { tokio::join!(websocket::dial(&dial), accepting) }).await;
    let start = |carrier, side| link::start(carrier, side, config(), &tasks.tracker, tasks.cancel.child_token());
    let (agent, agent_events) = start(dialled.unwrap(), Side::Agent);
    let (_gateway, mut events) = start(accepted, Side::Gateway);
    let _ours = agent.open(&open(), bytes::Bytes::from_static(b"through")).unwrap();
    let mut theirs = loop {
        if let link::Incoming::Stream(_, stream) = soon("a stream", events.next()).await.unwrap() {
            break stream;
        }
    };
    assert_eq!(take(&mut theirs, 7).await, b"through");
    drop(agent_events);
}

async fn fails(serves: Serves, url: impl Fn(SocketAddr) -> String) -> String {
    let tasks = Tasks::new();
    let nowhere = "127.0.0.1:1".parse().unwrap();
    let proxy = proxy(&tasks, serves, nowhere).await;
    match soon("a refusal", websocket::dial(&through(&url(proxy)))).await.err() {
        Some(error @ DialError::Proxy(_)) => {
            assert!(error.to_string().contains("Agent__Proxy"));
            assert!(!error.to_string().contains("p@ss"), "{error}");
            error.to_string()
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn http_connect_with_and_without_a_login() {
    assert_eq!(base64::engine::general_purpose::STANDARD.encode("octo:p@ss"), "b2N0bzpwQHNz");
    works(Serves::Connect, |proxy| format!("http://{proxy}")).await;
    works(Serves::ConnectWithLogin, |proxy| format!("http://octo:p%40ss@{proxy}")).await;
}

#[tokio::test]
async fn socks5_with_and_without_a_login() {
    works(Serves::Socks, |proxy| format!("socks5://{proxy}")).await;
    works(Serves::Socks, |proxy| format!("socks5h://octo:p%40ss@{proxy}")).await;
    works(Serves::SocksWithLogin, |proxy| format!("socks5://octo:p%40ss@{proxy}")).await;
}

#[tokio::test]
async fn what_a_proxy_refuses_is_told() {
    let cases: Vec<(String, &str)> = vec![
        (fails(Serves::ConnectWithLogin, |proxy| format!("http://{proxy}")).await, "HTTP 407"),
        (fails(Serves::SocksWithLogin, |proxy| format!("socks5://{proxy}")).await, "another kind of login"),
        (fails(Serves::SocksWithLogin, |proxy| format!("socks5://octo:p%40sss@{proxy}")).await, "user and password"),
        (fails(Serves::SocksRefusing(2), |proxy| format!("socks5://{proxy}")).await, "rules forbid"),
        (fails(Serves::SocksRefusing(5), |proxy| format!("socks5://{proxy}")).await, "refused its connection"),
        (fails(Serves::Connect, |_| "http://127.0.0.1:1".to_owned()).await, "no connection at 127.0.0.1:1"),
        (fails(Serves::Connect, |_| "http://no-such-proxy.invalid".to_owned()).await, "does not resolve"),
        (fails(Serves::Connect, |proxy| format!("ftp://{proxy}")).await, "http:// or socks5://"),
        (fails(Serves::Connect, |proxy| format!("http://octo:p%4@{proxy}")).await, "%-escape"),
    ];
    for (text, part) in cases {
        assert!(text.contains(part), "{text:?} has no {part:?}");
    }
}

#[tokio::test]
async fn health_goes_the_same_way() {
    let tasks = Tasks::new();
    let gateway = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = proxy(&tasks, Serves::Connect, gateway.local_addr().unwrap()).await;
    let served = async {
        let (mut socket, _) = gateway.accept().await.unwrap();
        let (head, _) = read_head(&mut socket).await;
        assert_eq!(header(&head, "host"), Some(format!("{GATEWAY}:8080").as_str()));
        socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    };
    let dial = through(&format!("http://{proxy}"));
    let (status, ()) = soon("health", async { tokio::join!(health(&dial), served) }).await;
    assert_eq!(status.unwrap(), 200);
}
