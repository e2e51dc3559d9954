//! `/ws`: a WebSocket that sends back what it gets.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt, StreamExt};
use http::{Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use sha1::{Digest, Sha1};
use tokio_util::sync::CancellationToken;
use tokio_websockets::{CloseCode, Message, ServerBuilder, WebSocketStream};

use super::{Answer, Visit, text, whole};

/// RFC 6455, section 1.3.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Answers the upgrade and leaves the connection to a task of its own.
pub(super) fn answer(mut request: Request<Incoming>, visit: &Visit) -> Answer {
    let Some(accept) = accept(&request) else {
        return text(StatusCode::UPGRADE_REQUIRED, "This address speaks WebSocket.\n");
    };
    let upgrade = hyper::upgrade::on(&mut request);
    visit.tasks.spawn(talk(upgrade, visit.stop.clone()));
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, accept)
        .body(whole(""))
        .expect("headers are valid")
}

/// `Sec-WebSocket-Accept`, if the request is a WebSocket upgrade of version 13.
fn accept<B>(request: &Request<B>) -> Option<String> {
    let headers = request.headers();
    let is = |name, wanted: &str| {
        let value = headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
        value.is_some_and(|value| value.eq_ignore_ascii_case(wanted))
    };
    if !is(header::UPGRADE, "websocket") || !is(header::SEC_WEBSOCKET_VERSION, "13") {
        return None;
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY)?;
    let mut digest = Sha1::new();
    digest.update(key.as_bytes());
    digest.update(GUID.as_bytes());
    Some(STANDARD.encode(digest.finalize()))
}

async fn talk(upgrade: OnUpgrade, stop: CancellationToken) {
    // The visitor left before the upgrade was through.
    let Ok(upgraded) = upgrade.await else { return };
    let mut socket = ServerBuilder::new().serve(TokioIo::new(upgraded));
    tokio::select! {
        biased;
        () = stop.cancelled() => {
            let goodbye = Message::close(Some(CloseCode::GOING_AWAY), "the sample site ends");
            // A visitor that is gone needs no goodbye.
            drop(socket.send(goodbye).await);
        }
        () = echo(&mut socket) => {}
    }
}

/// Until either side closes. Pings are answered, and closes echoed, by the library.
async fn echo(socket: &mut WebSocketStream<TokioIo<Upgraded>>) {
    while let Some(Ok(message)) = socket.next().await {
        if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accept_key_is_that_of_the_standards_example() {
        let request = Request::builder()
            .header("upgrade", "WebSocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .body(())
            .unwrap();
        assert_eq!(accept(&request).as_deref(), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    }

    #[test]
    fn anything_else_is_no_upgrade() {
        assert_eq!(accept(&Request::new(())), None);
        let old =
            Request::builder().header("upgrade", "websocket").header("sec-websocket-version", "8").body(()).unwrap();
        assert_eq!(accept(&old), None);
    }
}
