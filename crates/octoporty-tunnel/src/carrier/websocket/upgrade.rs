//! One HTTP/1.1 request and the head of its answer, by hand: the WebSocket library hides status and headers of a
//! refusal, and an operator needs them.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{Dial, DialError, accept_key};

/// Most bytes of an answer's head.
const MAX_HEAD: usize = 16 * 1024;

/// Most headers of an answer.
const MAX_HEADERS: usize = 64;

/// How a record of TLS begins (RFC 8446, section 5.1), which is all that some servers say to who speaks HTTP; 3 follows.
const TLS_ALERT: u8 = 0x15;
const TLS_HANDSHAKE: u8 = 0x16;

/// Wait that is reported when a gateway that locked us out does not say how long, seconds.
const DEFAULT_LOCKOUT_S: u64 = 60;

/// The head of an answer.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    /// Bytes that were read past the head.
    pub(super) rest: Bytes,
}

/// Asks for the upgrade and checks the answer. Gives the bytes that came behind it.
pub(super) async fn upgrade<T>(io: &mut T, dial: &Dial) -> Result<Bytes, DialError>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let key = STANDARD.encode(fastrand::u128(..).to_ne_bytes());
    let path = dial.url.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let mut request = Vec::with_capacity(512);
    request.extend_from_slice(format!("GET {path} HTTP/1.1\r\nHost: {}\r\n", host_header(&dial.url)).as_bytes());
    request.extend_from_slice(b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
    request.extend_from_slice(format!("Sec-WebSocket-Key: {key}\r\nAuthorization: ").as_bytes());
    request.extend_from_slice(dial.authorization.as_bytes());
    request.extend_from_slice(b"\r\n\r\n");
    let head = exchange(io, &request).await.map_err(DialError::Upgrade)?;
    if head.status != 101 {
        return Err(refusal(&head, &dial.url));
    }
    let accepted = head.headers.get(http::header::SEC_WEBSOCKET_ACCEPT);
    if accepted.map(HeaderValue::as_bytes) != Some(accept_key(&key).as_bytes()) {
        return Err(DialError::Upgrade(
            "the answer's Sec-WebSocket-Accept is wrong; is a cache in between?".to_owned(),
        ));
    }
    Ok(head.rest)
}

/// `GET /health` of the same host.
pub(super) async fn health<T>(io: &mut T, url: &http::Uri) -> Result<u16, DialError>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let request = format!("GET /health HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", host_header(url));
    exchange(io, request.as_bytes()).await.map(|head| head.status).map_err(DialError::Upgrade)
}

/// As the URL has it; http::Uri keeps the brackets of an IPv6 address.
fn host_header(url: &http::Uri) -> String {
    let mut text = url.host().unwrap_or_default().to_owned();
    if let Some(port) = url.port_u16() {
        write!(text, ":{port}").expect("a String takes all");
    }
    text
}

fn refusal(head: &Head, url: &http::Uri) -> DialError {
    let status = head.status;
    match status {
        // A 403 is of something before the gateway, which comes and goes by itself.
        401 => DialError::Unauthorized { status },
        429 => DialError::LockedOut { retry_after_s: retry_after(&head.headers).unwrap_or(DEFAULT_LOCKOUT_S) },
        503 => DialError::Unavailable { retry_after_s: retry_after(&head.headers) },
        _ => DialError::NotATunnel { url: url.to_string(), status },
    }
}

fn retry_after(headers: &HeaderMap) -> Option<u64> {
    headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

/// Writes a request and reads the head of the final answer; interim answers are passed over.
pub(super) async fn exchange<T>(io: &mut T, request: &[u8]) -> Result<Head, String>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    io.write_all(request).await.map_err(|error| error.to_string())?;
    io.flush().await.map_err(|error| error.to_string())?;
    let mut buffer = BytesMut::with_capacity(1024);
    loop {
        while let Some(head) = parse(&mut buffer)? {
            if head.status == 101 || head.status >= 200 {
                return Ok(Head { rest: buffer.freeze(), ..head });
            }
        }
        if buffer.len() >= MAX_HEAD {
            return Err(format!("the answer's head is over {MAX_HEAD} bytes"));
        }
        match io.read_buf(&mut buffer).await {
            Ok(0) => return Err("the connection was closed without an answer".to_owned()),
            Ok(_) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// Takes a whole head off the buffer, if one is there.
fn parse(buffer: &mut BytesMut) -> Result<Option<Head>, String> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut answer = httparse::Response::new(&mut headers);
    if let [TLS_ALERT | TLS_HANDSHAKE, 3, ..] = buffer[..] {
        return Err("the answer is TLS; write wss:// instead of ws://".to_owned());
    }
    let length = match answer.parse(buffer) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(format!("the answer is not HTTP/1.1 ({error})")),
    };
    let status = answer.code.ok_or("the answer has no status")?;
    let mut map = HeaderMap::with_capacity(answer.headers.len());
    for header in answer.headers.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|error| error.to_string())?;
        let value = HeaderValue::from_bytes(header.value).map_err(|error| error.to_string())?;
        map.append(name, value);
    }
    bytes::Buf::advance(buffer, length);
    Ok(Some(Head { status, headers: map, rest: Bytes::new() }))
}
