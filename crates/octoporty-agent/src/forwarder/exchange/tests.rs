use std::sync::{Arc, Mutex};

use octoporty_tunnel::stream::reset_of;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

async fn pair() -> (TargetSocket<'static>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (far, _) = listener.accept().await.unwrap();
    (TargetSocket::new(TargetIo::Plain(near), |_| {}), far)
}

/// Waits until the socket has news, without taking them.
async fn stirred(socket: &TargetSocket<'_>) {
    let TargetIo::Plain(tcp) = &socket.io else { panic!("not plain") };
    tcp.readable().await.unwrap();
}

async fn exchange(socket: &mut TargetSocket<'_>, far: &mut TcpStream, answer: &[u8]) {
    socket.write_all(b"question").await.unwrap();
    far.read_exact(&mut [0; 8]).await.unwrap();
    far.write_all(answer).await.unwrap();
    let mut got = vec![0; answer.len()];
    socket.read_exact(&mut got).await.unwrap();
    assert_eq!(got, answer);
}

fn assert_not_delivered(error: &io::Error) {
    let reset = reset_of(error).expect("a reset inside");
    assert_eq!((reset.code, reset.blame), (ResetCode::NotDelivered, Blame::Target));
}

#[tokio::test]
async fn a_new_request_after_the_targets_end_is_not_delivered() {
    for first in [None, Some(&b"HTTP/1.1 204 X\r\n\r\n"[..])] {
        let (mut socket, mut far) = pair().await;
        if let Some(answer) = first {
            exchange(&mut socket, &mut far, answer).await;
        }
        drop(far);
        stirred(&socket).await;
        // Nobody has read the end yet: the write itself looks ahead.
        assert_not_delivered(&socket.write(b"next").await.unwrap_err());
        assert_eq!(socket.read(&mut [0; 8]).await.unwrap(), 0, "the end itself is still told");
        assert_not_delivered(&socket.write(b"next").await.unwrap_err());
    }
}

#[tokio::test]
async fn a_new_request_after_the_target_broke_is_not_delivered() {
    let (mut socket, mut far) = pair().await;
    exchange(&mut socket, &mut far, b"HTTP/1.1 204 X\r\n\r\n").await;
    far.set_zero_linger().unwrap();
    drop(far);
    stirred(&socket).await;
    assert_not_delivered(&socket.write(b"next").await.unwrap_err());
    assert!(reset_of(&socket.read(&mut [0; 8]).await.unwrap_err()).is_none(), "the break itself is the target's");
}

#[tokio::test]
async fn a_target_that_breaks_during_a_request_has_perhaps_had_it() {
    let (mut socket, mut far) = pair().await;
    socket.write_all(b"half a ").await.unwrap();
    far.read_exact(&mut [0; 7]).await.unwrap();
    far.set_zero_linger().unwrap();
    drop(far);
    stirred(&socket).await;
    let error = socket.write(b"question").await.unwrap_err();
    assert!(reset_of(&error).is_none(), "{error:?}");
}

#[tokio::test]
async fn half_close_of_the_target_does_not_stop_a_request_under_way() {
    let (mut socket, mut far) = pair().await;
    socket.write_all(b"half a ").await.unwrap();
    far.shutdown().await.unwrap();
    assert_eq!(socket.read(&mut [0; 8]).await.unwrap(), 0);
    socket.write_all(b"question").await.unwrap();
    socket.shutdown().await.unwrap();
    let mut all = Vec::new();
    far.read_to_end(&mut all).await.unwrap();
    assert_eq!(all, b"half a question");
}

#[tokio::test]
async fn after_an_upgrade_it_is_a_pipe() {
    let (mut socket, mut far) = pair().await;
    exchange(&mut socket, &mut far, b"HTTP/1.1 101 Switching Protocols\r\n\r\n").await;
    far.shutdown().await.unwrap();
    assert_eq!(socket.read(&mut [0; 8]).await.unwrap(), 0);
    socket.write_all(b"on").await.unwrap();
    let mut got = [0; 2];
    far.read_exact(&mut got).await.unwrap();
    assert_eq!(&got, b"on");
}

#[tokio::test]
async fn what_was_read_ahead_is_read_in_order_and_only_once() {
    let (mut socket, mut far) = pair().await;
    let unasked: Vec<u8> = (0..=255).cycle().take(3 * LOOK_AHEAD).collect();
    far.write_all(&unasked).await.unwrap();
    stirred(&socket).await;
    socket.write_all(b"question").await.unwrap();
    let mut got = vec![0; unasked.len()];
    for part in got.chunks_mut(100) {
        socket.read_exact(part).await.unwrap();
    }
    assert_eq!(got, unasked);
    far.read_exact(&mut [0; 8]).await.unwrap();
    drop(far);
    assert_eq!(socket.read(&mut [0; 8]).await.unwrap(), 0);
}

#[tokio::test]
async fn gathered_writes_are_watched_as_well() {
    let (mut socket, far) = pair().await;
    assert!(socket.is_write_vectored());
    drop(far);
    stirred(&socket).await;
    let parts = [io::IoSlice::new(b"a"), io::IoSlice::new(b"b")];
    assert_not_delivered(&socket.write_vectored(&parts).await.unwrap_err());
}

#[tokio::test]
async fn the_first_word_is_told_once() {
    for (said, word) in [(&b"\x15\x03\x03\x00\x02"[..], FirstWord::TlsAlert), (b"HTTP/1.1", FirstWord::Other)] {
        let (socket, mut far) = pair().await;
        let words = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&words);
        let mut socket = TargetSocket::new(socket.io, move |word| seen.lock().unwrap().push(word));
        for _ in 0..2 {
            far.write_all(said).await.unwrap();
            socket.read_exact(&mut vec![0; said.len()]).await.unwrap();
        }
        assert_eq!(*words.lock().unwrap(), [word]);
    }
}

#[test]
fn interim_answers_leave_a_request_open() {
    const START: Exchange = Exchange::Asked(Interim::Start(0));
    const WITHIN: Exchange = Exchange::Asked(Interim::Head(Line::Empty));
    for (bytes, after) in [
        (&b"HTTP/1.1 200 OK\r\n\r\n"[..], Exchange::Quiet),
        (b"body", Exchange::Quiet),
        (b"HTTP/1.1 100 Continue\r\n\r\n", START),
        (b"HTTP/1.1 102 Processing\n\n", START),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n", WITHIN),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n", Exchange::Quiet),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switching\r\n", Exchange::Raw),
        (b"HTTP/1.1 110 \r\n\r\nHTTP/1.1 101 Switching\r\n", Exchange::Raw),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x00", Exchange::Raw),
    ] {
        for cut in 1..=bytes.len() {
            let mut now = START;
            for piece in bytes.chunks(cut) {
                if let Exchange::Asked(interim) = now {
                    now = after_answer(interim, piece);
                }
            }
            assert_eq!(now, after, "{} in cuts of {cut}", bytes.escape_ascii());
        }
    }
}

#[tokio::test]
async fn a_body_that_looks_like_an_upgrade_is_none() {
    let (mut socket, mut far) = pair().await;
    exchange(&mut socket, &mut far, b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n").await;
    far.write_all(b"HTTP/1.1 101 x").await.unwrap();
    socket.read_exact(&mut [0; 14]).await.unwrap();
    drop(far);
    stirred(&socket).await;
    assert_not_delivered(&socket.write(b"next").await.unwrap_err());
}
