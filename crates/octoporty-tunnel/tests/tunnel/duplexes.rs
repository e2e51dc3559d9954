//! Pairs of a socket and a stream, with real sockets.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use octoporty_proto::mux::MuxConfig;
use octoporty_proto::wire::{Blame, Reset, ResetCode};
use octoporty_tunnel::duplex::{Counters, DuplexCause, DuplexConfig, DuplexEnd, duplex};
use octoporty_tunnel::link::Incoming;
use octoporty_tunnel::stream::{Stream, io_error};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::rig::{Rig, check_pattern, config, pattern, send_pattern, soon, take};

const MIB: u64 = 1024 * 1024;

/// Two ends of one TCP connection.
async fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (dialled, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
    (dialled.unwrap(), accepted.unwrap().0)
}

/// A gateway's stream whose other end is copied to a target's socket.
struct Piped {
    rig: Rig,
    stream: Stream,
    target: TcpStream,
    end: oneshot::Receiver<DuplexEnd>,
}

async fn piped(first: &'static [u8], config: DuplexConfig) -> Piped {
    piped_over(Rig::new().await, first, config).await
}

async fn piped_over(mut rig: Rig, first: &'static [u8], config: DuplexConfig) -> Piped {
    let (stream, theirs) = rig.stream(b"").await;
    let (ours, target) = sockets().await;
    let (tell, end) = oneshot::channel();
    rig.tasks.spawn(async move {
        let ended = duplex(ours, theirs, Bytes::from_static(first), config).await;
        // A test that does not ask how it ended does not mind.
        tell.send(ended).ok();
    });
    Piped { rig, stream, target, end }
}

async fn check_socket(socket: &mut (impl AsyncRead + Unpin), total: u64) {
    let (mut at, mut buffer) = (0, vec![0; 100_000]);
    loop {
        let length = socket.read(&mut buffer).await.unwrap();
        if length == 0 {
            break;
        }
        assert!(buffer[..length] == pattern(at, length), "wrong bytes behind {at}");
        at += length as u64;
    }
    assert_eq!(at, total);
}

#[tokio::test]
async fn bytes_flow_both_ways_at_once_and_are_counted_live() {
    let counters = Arc::new(Counters::default());
    let config = DuplexConfig { counters: Some(Arc::clone(&counters)), ..DuplexConfig::target() };
    let Piped { mut stream, mut target, end, rig } = piped(b"", config).await;
    stream.send(Bytes::from_static(b"live")).await.unwrap();
    let mut live = [0; 4];
    soon("bytes", target.read_exact(&mut live)).await.unwrap();
    soon("the counter", async {
        while counters.to_socket.load(Ordering::Relaxed) != 4 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let (mut read, mut write) = target.split();
    let total = 24 * MIB;
    let target_side = async {
        tokio::join!(check_socket(&mut read, total), async {
            write.write_all(&pattern(0, usize::try_from(total).unwrap())).await.unwrap();
            write.shutdown().await.unwrap();
        })
    };
    let gateway_side = async {
        let (mut read, mut write) = tokio::io::split(&mut stream);
        tokio::join!(check_socket(&mut read, total), async {
            write.write_all(&pattern(0, usize::try_from(total).unwrap())).await.unwrap();
            write.shutdown().await.unwrap();
        })
    };
    soon("both directions", async { tokio::join!(target_side, gateway_side) }).await;
    let end = soon("the pair's end", end).await.unwrap();
    assert!(matches!(end.cause, DuplexCause::Finished), "{end:?}");
    assert_eq!((end.to_stream, end.to_socket), (total, total + 4));
    assert_eq!(counters.to_stream.load(Ordering::Relaxed), end.to_stream);
    assert_eq!(counters.to_socket.load(Ordering::Relaxed), end.to_socket);
    drop(rig);
}

#[tokio::test]
async fn a_target_that_ends_its_direction_first_still_receives() {
    let Piped { mut stream, mut target, end, rig } = piped(b"", DuplexConfig::target()).await;
    target.write_all(b"answer").await.unwrap();
    target.shutdown().await.unwrap();
    assert_eq!(take(&mut stream, 6).await, b"answer");
    assert_eq!(soon("the end", stream.recv()).await, Ok(None));
    soon("the upload", async { tokio::join!(send_pattern(&mut stream, 3 * MIB), check_socket(&mut target, 3 * MIB)) })
        .await;
    assert!(matches!(soon("the pair's end", end).await.unwrap().cause, DuplexCause::Finished));
    drop(rig);
}

#[tokio::test]
async fn a_stream_that_ends_its_direction_first_still_receives() {
    let Piped { mut stream, mut target, end, rig } = piped(b"", DuplexConfig::target()).await;
    stream.send(Bytes::from_static(b"question")).await.unwrap();
    stream.finish().unwrap();
    let mut question = Vec::new();
    soon("the question and its end", target.read_to_end(&mut question)).await.unwrap();
    assert_eq!(question, b"question");
    let answered = async {
        target.write_all(&pattern(0, 3_000_000)).await.unwrap();
        target.shutdown().await.unwrap();
    };
    soon("the answer", async { tokio::join!(answered, check_pattern(&mut stream, 3_000_000)) }).await;
    assert!(matches!(soon("the pair's end", end).await.unwrap().cause, DuplexCause::Finished));
    drop(rig);
}

/// Until both ends of the link have probed the other.
async fn rest(rig: &mut Rig) {
    for end in [&mut rig.gateway, &mut rig.agent] {
        soon("two pongs", async {
            let mut seen = 0;
            while seen < 2 {
                seen += u32::from(matches!(end.events.next().await.expect("it stands"), Incoming::Alive(_)));
            }
        })
        .await;
    }
}

/// The same bytes both ways at once.
async fn exchange(stream: &mut Stream, target: &mut TcpStream, bytes: &[u8]) {
    let (mut question, mut answer) = (vec![0; bytes.len()], vec![0; bytes.len()]);
    let (mut from, mut to) = tokio::io::split(stream);
    let (mut read, mut write) = target.split();
    soon("both directions", async {
        tokio::try_join!(
            to.write_all(bytes),
            write.write_all(bytes),
            read.read_exact(&mut question),
            from.read_exact(&mut answer)
        )
    })
    .await
    .unwrap();
    assert!(question == bytes && answer == bytes);
}

#[tokio::test]
async fn what_follows_a_rest_arrives_whole_both_ways_and_so_does_the_end() {
    let probes = MuxConfig { probe_interval: Duration::from_millis(250), ..config() };
    let Piped { mut stream, mut target, end, mut rig } =
        piped_over(Rig::with(probes).await, b"", DuplexConfig::target()).await;
    let mut at = 0;
    for length in [1, 4 * 1024 * 1024, 600, 4 * 1024 * 1024 + 1] {
        rest(&mut rig).await;
        exchange(&mut stream, &mut target, &pattern(at, length)).await;
        at += length as u64;
    }
    rest(&mut rig).await;
    stream.finish().unwrap();
    soon("the end", check_socket(&mut target, 0)).await;
    rest(&mut rig).await;
    let answered = async {
        target.write_all(&pattern(0, 3_000_000)).await.unwrap();
        target.shutdown().await.unwrap();
    };
    soon("the answer", async { tokio::join!(answered, check_pattern(&mut stream, 3_000_000)) }).await;
    assert!(matches!(soon("the pair's end", end).await.unwrap().cause, DuplexCause::Finished));
}

#[tokio::test]
async fn first_bytes_are_written_before_the_streams() {
    let Piped { mut stream, mut target, end, rig } = piped(b"taken before, ", DuplexConfig::target()).await;
    stream.send(Bytes::from_static(b"then this")).await.unwrap();
    stream.finish().unwrap();
    let mut all = Vec::new();
    soon("all", target.read_to_end(&mut all)).await.unwrap();
    assert_eq!(all, b"taken before, then this");
    drop(target);
    assert_eq!(soon("the pair's end", end).await.unwrap().to_socket, all.len() as u64);
    drop((stream, rig));
}

#[tokio::test]
async fn a_reset_of_the_stream_closes_the_socket_though_it_is_full() {
    let Piped { mut stream, mut target, end, rig } = piped(b"", DuplexConfig::target()).await;
    // The target reads nothing: socket buffers, pair and window fill up.
    soon("everything to be full", async {
        while tokio::time::timeout(Duration::from_millis(300), stream.send(pattern(0, 60_000))).await.is_ok() {}
    })
    .await;
    drop(stream);
    let cause = soon("the pair's end", end).await.unwrap().cause;
    assert!(matches!(&cause, DuplexCause::StreamReset(reset) if reset.code == ResetCode::Cancelled), "{cause:?}");
    let mut rest = Vec::new();
    // End or reset: the socket is closed.
    soon("the close", target.read_to_end(&mut rest)).await.ok();
    drop(rig);
}

#[tokio::test]
async fn a_cancel_after_the_request_was_finished_closes_the_socket() {
    let Piped { mut stream, mut target, end, rig } = piped(b"", DuplexConfig::target()).await;
    stream.send(Bytes::from_static(b"GET")).await.unwrap();
    stream.finish().unwrap();
    let mut request = Vec::new();
    soon("the request", target.read_to_end(&mut request)).await.unwrap();
    drop(stream);
    let cause = soon("the pair's end", end).await.unwrap().cause;
    assert!(matches!(&cause, DuplexCause::StreamReset(reset) if reset.code == ResetCode::Cancelled), "{cause:?}");
    soon("the target to see it", async { while target.write_all(&[0; 1000]).await.is_ok() {} }).await;
    drop(rig);
}

#[tokio::test]
async fn a_socket_that_is_reset_resets_the_stream_with_code_and_blame() {
    for (config, code, blame) in [
        (DuplexConfig::target(), ResetCode::TargetReset, Blame::Target),
        (DuplexConfig::visitor(), ResetCode::Cancelled, Blame::Visitor),
    ] {
        let Piped { mut stream, target, end, rig } = piped(b"", config).await;
        stream.send(Bytes::from_static(b"never read")).await.unwrap();
        soon("it to be there", target.readable()).await.unwrap();
        target.set_zero_linger().unwrap();
        drop(target);
        let reset = soon("the reset", stream.recv()).await.unwrap_err();
        assert_eq!((reset.code, reset.blame), (code, blame));
        assert!(!reset.detail.is_empty());
        assert!(matches!(soon("the pair's end", end).await.unwrap().cause, DuplexCause::SocketBroke(_)));
        drop(rig);
    }
}

#[tokio::test]
async fn an_early_answer_goes_through_whole_though_the_upload_finds_a_closed_socket() {
    let Piped { mut stream, mut target, end, rig } = piped(b"", DuplexConfig::target()).await;
    stream.send(pattern(0, 1000)).await.unwrap();
    let mut some = [0; 10];
    soon("some of the upload", target.read_exact(&mut some)).await.unwrap();
    // The answer is complete, its end is sent, nothing more is read: further upload is answered with a reset.
    target.write_all(&pattern(0, 40_000)).await.unwrap();
    target.shutdown().await.unwrap();
    drop(target);
    let (mut read, mut write) = tokio::io::split(&mut stream);
    let flood = async { while write.write_all(&[7; 60_000]).await.is_ok() {} };
    let answer = async {
        let mut answer = Vec::new();
        read.read_to_end(&mut answer).await.unwrap();
        assert!(answer == pattern(0, 40_000), "{} bytes", answer.len());
    };
    soon("the answer", async {
        tokio::select! {
            () = flood => panic!("the upload was refused before the answer was read"),
            () = answer => {}
        }
    })
    .await;
    drop(stream);
    assert!(matches!(soon("the pair's end", end).await.unwrap().cause, DuplexCause::SocketBroke(_)));
    drop(rig);
}

#[tokio::test]
async fn an_upload_that_nobody_takes_is_ended_even_if_the_visitor_goes_on() {
    let Piped { mut stream, target, end, rig } = piped(b"", DuplexConfig::target()).await;
    drop(target);
    let flood = async {
        loop {
            if let Err(reset) = stream.send(Bytes::from_static(&[7; 60_000])).await {
                return reset;
            }
        }
    };
    let reset = soon("the reset", flood).await;
    assert_eq!((reset.code, reset.blame), (ResetCode::TargetReset, Blame::Target));
    assert!(matches!(soon("the pair's end", end).await.unwrap().cause, DuplexCause::SocketBroke(_)));
    drop(rig);
}

#[tokio::test]
async fn nothing_moving_either_way_ends_the_pair_and_moving_does_not() {
    let idle = Duration::from_millis(600);
    let config = DuplexConfig { idle: Some(idle), ..DuplexConfig::target() };
    let Piped { mut stream, mut target, mut end, rig } = piped(b"", config).await;
    let begun = std::time::Instant::now();
    let mut byte = [0; 1];
    // One direction alone keeps the pair.
    while begun.elapsed() < 3 * idle {
        target.write_all(b"x").await.unwrap();
        soon("a byte", stream.read_exact(&mut byte)).await.unwrap();
        tokio::time::sleep(idle / 20).await;
    }
    assert!(end.try_recv().is_err(), "it ended while bytes moved");
    let reset = soon("the idle end", stream.recv()).await.unwrap_err();
    assert_eq!((reset.code, reset.blame), (ResetCode::IdleTimeout, Blame::Target));
    assert!(matches!(soon("the pair's end", end).await.unwrap().cause, DuplexCause::Idle));
    drop(rig);
}

/// A socket that neither gives nor takes a byte.
struct Stuck;

impl AsyncRead for Stuck {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        _: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Pending
    }
}

impl tokio::io::AsyncWrite for Stuck {
    fn poll_write(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        _: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        std::task::Poll::Pending
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Pending
    }

    fn poll_shutdown(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Pending
    }
}

#[tokio::test]
async fn uploads_to_targets_that_do_not_read_hold_no_more_than_the_cap_of_the_link() {
    const UPLOADS: u64 = 20;
    let config = MuxConfig { max_in_flight: MIB, ..config() };
    let bound = config.max_in_flight + UPLOADS * u64::from(config.stream_floor);
    let mut rig = Rig::with(config).await;
    for _ in 0..UPLOADS {
        let (mut upload, theirs) = rig.stream(b"").await;
        rig.tasks.spawn(async move { while upload.send(pattern(0, 60_000)).await.is_ok() {} });
        rig.tasks.spawn(async move { drop(duplex(Stuck, theirs, Bytes::new(), DuplexConfig::target()).await) });
    }
    // One that moves shows that the link has done whatever it could meanwhile.
    let (mut asks, mut answers) = rig.stream(b"").await;
    for _ in 0..200 {
        asks.send(Bytes::from_static(b"?")).await.unwrap();
        take(&mut answers, 1).await;
        answers.send(Bytes::from_static(b"!")).await.unwrap();
        take(&mut asks, 1).await;
    }
    let held = rig.agent.link.stats().bytes_received;
    assert!(held <= bound + 200, "{held} bytes are held, and {bound} may be");
    assert!(held > MIB / 2, "the test must fill what there is: {held}");
}

/// A socket that knows why it broke.
struct Knowing(TcpStream);

impl AsyncRead for Knowing {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        _: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        let reset = Reset::new(ResetCode::TargetCertificate, Blame::Agent);
        std::task::Poll::Ready(Err(io_error(reset)))
    }
}

impl tokio::io::AsyncWrite for Knowing {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        std::pin::Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn a_socket_that_knows_why_it_broke_is_believed() {
    let mut rig = Rig::new().await;
    let (mut stream, theirs) = rig.stream(b"").await;
    let (ours, target) = sockets().await;
    let ended = duplex(Knowing(ours), theirs, Bytes::new(), DuplexConfig::target()).await;
    assert!(matches!(ended.cause, DuplexCause::SocketBroke(_)));
    let reset = soon("the reset", stream.recv()).await.unwrap_err();
    assert_eq!((reset.code, reset.blame), (ResetCode::TargetCertificate, Blame::Agent));
    drop(target);
}

/// A socket that has answered and then says that what it is given does not arrive.
struct Answered(Option<&'static [u8]>);

impl AsyncRead for Answered {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        let Some(answer) = self.0.take() else { return std::task::Poll::Pending };
        buf.put_slice(answer);
        std::task::Poll::Ready(Ok(()))
    }
}

impl tokio::io::AsyncWrite for Answered {
    fn poll_write(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        _: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        let reset = Reset { code: ResetCode::NotDelivered, blame: Blame::Target, detail: "it had ended".to_owned() };
        std::task::Poll::Ready(Err(io_error(reset)))
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }
}

/// More streams than a frozen link takes bytes of.
const FILLERS: usize = 16;

#[tokio::test]
async fn a_request_whose_answer_cannot_leave_is_not_called_undelivered() {
    let mut rig = Rig::new().await;
    let (mut stream, theirs) = rig.stream(b"").await;
    let mut fillers = Vec::new();
    for _ in 0..FILLERS {
        fillers.push(rig.stream(b"").await);
    }
    rig.relay.freeze();
    for (_, filler) in &mut fillers {
        while tokio::time::timeout(Duration::from_millis(20), filler.send(pattern(0, 60_000))).await.is_ok() {}
    }
    let pair = duplex(Answered(Some(b"413")), theirs, Bytes::from_static(b"POST"), DuplexConfig::target());
    let end = soon("the pair's end", pair).await;
    assert_eq!((end.to_stream, end.to_socket), (3, 0));
    rig.relay.thaw();
    let reset = soon("the reset", async {
        loop {
            if let Err(reset) = stream.recv().await {
                return reset;
            }
        }
    })
    .await;
    assert_eq!((reset.code, reset.detail.as_str()), (ResetCode::TargetReset, "it had ended"));
}
