//! The way through a proxy: HTTP CONNECT (RFC 9110) or SOCKS5 (RFC 1928, passwords by RFC 1929). The gateway's name
//! is resolved by the proxy.

use std::io;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::DialError;
use super::route::tcp_to;
use super::upgrade::exchange;

/// Most bytes of a name, user or password in SOCKS5: its length is one byte.
const SOCKS_TEXT: usize = 255;

/// A connection to `host:port` through the proxy, and bytes that came behind the proxy's answer.
pub(super) async fn through(proxy: &http::Uri, host: &str, port: u16) -> Result<(TcpStream, Bytes), DialError> {
    let (speaks_socks, by_scheme) = match proxy.scheme_str() {
        Some("http") | None => (Speaks::Http, 80),
        Some("socks5" | "socks5h") => (Speaks::Socks5, 1080),
        Some(other) => {
            return Err(DialError::Proxy(format!("{other}:// is not a proxy's scheme here; use http:// or socks5://")));
        }
    };
    let proxy_host = proxy.host().ok_or_else(|| DialError::Proxy("its address has no host".to_owned()))?;
    let mut socket = tcp_to(proxy_host, proxy.port_u16().unwrap_or(by_scheme)).await.map_err(unreachable)?;
    let login = login(proxy)?;
    let ahead = match speaks_socks {
        Speaks::Http => connect(&mut socket, host, port, login).await?,
        Speaks::Socks5 => {
            let answered = socks5(&mut socket, host, port, login).await;
            answered.map_err(|error| DialError::Proxy(error.to_string()))?;
            Bytes::new()
        }
    };
    Ok((socket, ahead))
}

/// What is not there is the proxy, not the gateway.
fn unreachable(error: DialError) -> DialError {
    match error {
        DialError::Dns { host, source } => DialError::Proxy(format!("its name {host} does not resolve ({source})")),
        DialError::Connect { address, source } => {
            DialError::Proxy(format!("it takes no connection at {address} ({source})"))
        }
        other => other,
    }
}

enum Speaks {
    Http,
    Socks5,
}

/// `user:password` as the proxy's URL has it, percent-decoded.
struct Login {
    user: Vec<u8>,
    password: Vec<u8>,
}

fn login(proxy: &http::Uri) -> Result<Option<Login>, DialError> {
    let Some((login, _)) = proxy.authority().and_then(|authority| authority.as_str().rsplit_once('@')) else {
        return Ok(None);
    };
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let decode = |text| {
        percent_decode(text).ok_or_else(|| DialError::Proxy("its user or password has a broken %-escape".to_owned()))
    };
    Ok(Some(Login { user: decode(user)?, password: decode(password)? }))
}

fn percent_decode(text: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                digit(bytes.next()?)? << 4 | digit(bytes.next()?)?
            }
            plain => plain,
        });
    }
    Some(decoded)
}

async fn connect(socket: &mut TcpStream, host: &str, port: u16, login: Option<Login>) -> Result<Bytes, DialError> {
    let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n");
    if let Some(Login { user, password }) = login {
        let pair = [user.as_slice(), b":", password.as_slice()].concat();
        request.push_str(&format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode(pair)));
    }
    request.push_str("\r\n");
    let head = exchange(socket, request.as_bytes()).await.map_err(DialError::Proxy)?;
    match head.status {
        200..=299 => Ok(head.rest),
        407 => Err(DialError::Proxy("it wants a user and password, or other ones (HTTP 407)".to_owned())),
        status => Err(DialError::Proxy(format!("CONNECT {host}:{port} was answered with HTTP {status}"))),
    }
}

async fn socks5(socket: &mut TcpStream, host: &str, port: u16, login: Option<Login>) -> io::Result<()> {
    let methods: &[u8] = if login.is_some() { &[5, 2, 0, 2] } else { &[5, 1, 0] };
    socket.write_all(methods).await?;
    let mut chosen = [0; 2];
    socket.read_exact(&mut chosen).await?;
    match (chosen, login) {
        ([5, 0], _) => {}
        ([5, 2], Some(login)) => socks5_login(socket, login).await?,
        ([5, 0xff], _) => return Err(io::Error::other("it wants another kind of login")),
        _ => return Err(io::Error::other("it does not speak SOCKS5")),
    }
    let mut request = vec![5, 1, 0];
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    match bare.parse() {
        Ok(IpAddr::V4(address)) => {
            request.push(1);
            request.extend_from_slice(&address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            request.push(4);
            request.extend_from_slice(&address.octets());
        }
        Err(_) => {
            request.push(3);
            put_text(&mut request, bare.as_bytes())?;
        }
    }
    request.extend_from_slice(&port.to_be_bytes());
    socket.write_all(&request).await?;
    socks5_answer(socket).await
}

async fn socks5_login(socket: &mut TcpStream, login: Login) -> io::Result<()> {
    let mut request = vec![1];
    put_text(&mut request, &login.user)?;
    put_text(&mut request, &login.password)?;
    socket.write_all(&request).await?;
    let mut answer = [0; 2];
    socket.read_exact(&mut answer).await?;
    if answer[1] == 0 { Ok(()) } else { Err(io::Error::other("it does not take the user and password")) }
}

fn put_text(request: &mut Vec<u8>, text: &[u8]) -> io::Result<()> {
    let length = u8::try_from(text.len())
        .map_err(|_| io::Error::other(format!("SOCKS5 takes names and passwords of at most {SOCKS_TEXT} bytes")))?;
    request.push(length);
    request.extend_from_slice(text);
    Ok(())
}

async fn socks5_answer(socket: &mut TcpStream) -> io::Result<()> {
    let mut head = [0; 4];
    socket.read_exact(&mut head).await?;
    let refusal = match head[1] {
        0 => None,
        1 => Some("it failed"),
        2 => Some("its rules forbid the gateway's address"),
        3 => Some("it has no route to the gateway's network"),
        4 => Some("it cannot reach the gateway's host"),
        5 => Some("the gateway refused its connection"),
        6 => Some("its connection to the gateway timed out"),
        _ => Some("it answered with an unknown error"),
    };
    if let Some(refusal) = refusal {
        return Err(io::Error::other(refusal));
    }
    let length = match head[3] {
        1 => 4,
        4 => 16,
        3 => usize::from(socket.read_u8().await?),
        _ => return Err(io::Error::other("it does not speak SOCKS5")),
    };
    let mut bound = [0; SOCKS_TEXT + 2];
    socket.read_exact(&mut bound[..length + 2]).await?;
    Ok(())
}
