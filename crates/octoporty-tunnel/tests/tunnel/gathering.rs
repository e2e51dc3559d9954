//! What leaves a link together.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use octoporty_proto::wire::Side;
use octoporty_tunnel::carrier::websocket;
use octoporty_tunnel::carrier::{Carrier, Farewell};
use octoporty_tunnel::link::{self, LinkEnd};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, UnixStream};

use crate::rig::{End, Tasks, accept, config, dial_to, open, soon, take};

/// A carrier that notes the bytes of each batch.
struct Noted {
    carrier: Box<dyn Carrier>,
    batches: Arc<Mutex<Vec<usize>>>,
}

impl Carrier for Noted {
    fn transport(&self) -> &'static str {
        self.carrier.transport()
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.carrier.peer()
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        self.carrier.poll_receive(cx)
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.carrier.poll_ready(cx)
    }

    fn start_send(&mut self, frames: &mut Vec<Bytes>) -> io::Result<()> {
        self.batches.lock().unwrap().push(frames.iter().map(Bytes::len).sum());
        self.carrier.start_send(frames)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.carrier.poll_flush(cx)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>, why: &LinkEnd) -> Poll<io::Result<()>> {
        self.carrier.poll_close(cx, why)
    }

    fn farewell(&self) -> Option<&Farewell> {
        self.carrier.farewell()
    }
}

/// Batches that ten bytes of each of two streams leave in, of which the second is sent when a socket has news that the
/// runtime has not heard yet, on a link whose batch before had about `before` bytes.
async fn batches_behind(before: usize) -> usize {
    let tasks = Tasks::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dial = dial_to(&format!("ws://{}/tunnel", listener.local_addr().unwrap()));
    let (dialled, accepted) = soon("a link", async {
        tokio::join!(websocket::dial(&dial), async { accept(listener.accept().await.unwrap().0).await })
    })
    .await;
    let batches = Arc::new(Mutex::new(Vec::new()));
    let noted = Box::new(Noted { carrier: accepted, batches: Arc::clone(&batches) });
    let start = |carrier, side| {
        let (link, events) = link::start(carrier, side, config(), &tasks.tracker, tasks.cancel.child_token());
        End { link, events }
    };
    let (gateway, mut agent) = (start(noted, Side::Gateway), start(dialled.unwrap(), Side::Agent));
    let mut first = gateway.link.open(&open(), Bytes::from_static(b"1")).unwrap();
    let (_, mut first_there) = agent.stream().await;
    let mut second = gateway.link.open(&open(), Bytes::from_static(b"2")).unwrap();
    let (_, mut second_there) = agent.stream().await;
    take(&mut first_there, 1).await;
    take(&mut second_there, 1).await;

    let (mut teller, told) = std::os::unix::net::UnixStream::pair().unwrap();
    told.set_nonblocking(true).unwrap();
    let mut told = UnixStream::from_std(told).unwrap();
    tasks.spawn(async move {
        told.read_u8().await.unwrap();
        second.send(Bytes::from_static(&[2; 10])).await.unwrap();
        // Both streams stand until the test is over.
        std::future::pending::<()>().await;
    });

    first.send(vec![0; before].into()).await.unwrap();
    take(&mut first_there, before).await;
    let noted_before = batches.lock().unwrap().len();
    teller.write_all(&[0]).unwrap();
    first.send(Bytes::from_static(&[1; 10])).await.unwrap();
    assert_eq!(take(&mut first_there, 10).await, [1; 10]);
    assert_eq!(take(&mut second_there, 10).await, [2; 10]);
    batches.lock().unwrap().len() - noted_before
}

#[tokio::test]
async fn on_a_busy_link_what_sockets_have_news_of_leaves_together() {
    assert_eq!(batches_behind(4000).await, 1);
}

#[tokio::test]
async fn on_a_quiet_link_nothing_waits() {
    assert_eq!(batches_behind(100).await, 2);
}
