//! A TCP relay between agent and gateway that misbehaves on demand.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What the relay does with bytes at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Passes them on, each way this much later.
    Pass(Duration),
    /// Takes nothing and gives nothing, connections stay: a frozen link.
    Freeze,
    /// Only what the gateway sends is held back.
    FreezeDown,
    /// Only what the agent sends is held back.
    FreezeUp,
}

/// A relay in front of one address.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    mode: watch::Sender<Mode>,
    cut: watch::Sender<(u64, Ending)>,
    window: watch::Sender<usize>,
    accept: watch::Sender<bool>,
    edit: watch::Sender<Option<Edit>>,
    stop: CancellationToken,
    tracker: TaskTracker,
    limbo: Limbo,
}

/// Bytes that the gateway sends, and what the agent gets in their place: as many.
#[derive(Debug, Clone)]
struct Edit {
    from: Vec<u8>,
    to: Vec<u8>,
}

impl Edit {
    fn apply(&self, bytes: &mut [u8]) {
        let mut at = 0;
        while at + self.from.len() <= bytes.len() {
            let place = &mut bytes[at..at + self.from.len()];
            if *place == *self.from {
                place.copy_from_slice(&self.to);
            }
            at += 1;
        }
    }
}

/// Sockets whose other half was cut without a word: kept until the relay goes.
type Limbo = Arc<Mutex<Vec<Arc<TcpStream>>>>;

/// How connections are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// FIN both ways.
    Close,
    /// RST both ways.
    Reset,
    /// RST to the agent only; the gateway hears nothing: half-open.
    HalfOpen,
}

/// Bytes of one read; also the pace at which delayed bytes move.
const CHUNK: usize = 64 * 1024;
/// Delayed chunks under way in one direction: enough for 100 ms at 1 GB/s.
const IN_FLIGHT: usize = 2048;

impl Relay {
    /// Listens on `listen` (port 0 allowed) and relays to `upstream`.
    ///
    /// # Panics
    /// If it cannot listen.
    pub async fn start(listen: SocketAddr, upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind(listen).await.expect("the relay's address is free");
        let relay = Self {
            address: listener.local_addr().expect("bound"),
            mode: watch::channel(Mode::Pass(Duration::ZERO)).0,
            cut: watch::channel((0, Ending::Close)).0,
            window: watch::channel(usize::MAX).0,
            accept: watch::channel(true).0,
            edit: watch::channel(None).0,
            stop: CancellationToken::new(),
            tracker: TaskTracker::new(),
            limbo: Limbo::default(),
        };
        let (mode, cut, accept) = (relay.mode.subscribe(), relay.cut.subscribe(), relay.accept.subscribe());
        let (window, edit) = (relay.window.subscribe(), relay.edit.subscribe());
        let (stop, tracker, limbo) = (relay.stop.clone(), relay.tracker.clone(), relay.limbo.clone());
        relay.tracker.spawn(async move {
            loop {
                let client = tokio::select! {
                    () = stop.cancelled() => return,
                    accepted = listener.accept() => match accepted { Ok((client, _)) => client, Err(_) => continue },
                };
                if !*accept.borrow() {
                    abort(client);
                    continue;
                }
                let road = Road { mode: mode.clone(), window: *window.borrow(), edit: edit.clone() };
                let pair = pair(client, upstream, road, cut.clone(), limbo.clone());
                let stop = stop.clone();
                tracker.spawn(async move {
                    tokio::select! { () = stop.cancelled() => {}, () = pair => {} }
                });
            }
        });
        relay
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what happens to bytes.
    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// Most bytes that each connection made from now on may have under way each way without an acknowledgement, which
    /// takes the delay back: what the kernel's buffers are to TCP on a long road. No bound unless set.
    pub fn set_window(&self, bytes: usize) {
        self.window.send_replace(bytes);
    }

    /// From now on the agent gets `to` wherever the gateway sends `from`, which must be as long and arrive in one piece.
    ///
    /// # Panics
    /// If they are not of one length.
    pub fn rewrite(&self, from: &[u8], to: &[u8]) {
        assert_eq!(from.len(), to.len(), "lengths stand before what is sent");
        self.edit.send_replace(Some(Edit { from: from.to_vec(), to: to.to_vec() }));
    }

    /// What the gateway sends arrives as it is again.
    pub fn rewrite_nothing(&self) {
        self.edit.send_replace(None);
    }

    /// Ends the connections that stand; new ones are taken.
    pub fn cut(&self, ending: Ending) {
        self.cut.send_modify(|cut| *cut = (cut.0 + 1, ending));
    }

    /// Refuses (resets) new connections until [`Self::restore`].
    pub fn refuse(&self) {
        self.accept.send_replace(false);
    }

    /// Takes new connections and passes bytes again.
    pub fn restore(&self) {
        self.mode.send_replace(Mode::Pass(Duration::ZERO));
        self.accept.send_replace(true);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn abort(socket: TcpStream) {
    linger_zero(&socket);
    drop(socket);
}

/// Closing the socket sends a reset from now on.
fn linger_zero(socket: &TcpStream) {
    socket2::SockRef::from(socket).set_linger(Some(Duration::ZERO)).ok();
}

/// What the bytes of one connection meet.
#[derive(Debug, Clone)]
struct Road {
    mode: watch::Receiver<Mode>,
    window: usize,
    edit: watch::Receiver<Option<Edit>>,
}

async fn pair(
    client: TcpStream,
    upstream: SocketAddr,
    road: Road,
    mut cut: watch::Receiver<(u64, Ending)>,
    limbo: Limbo,
) {
    cut.mark_unchanged();
    let mut waiting = road.mode.clone();
    if waiting.wait_for(|mode| *mode != Mode::Freeze).await.is_err() {
        return;
    }
    let Ok(server) = TcpStream::connect(upstream).await else {
        abort(client);
        return;
    };
    client.set_nodelay(true).ok();
    server.set_nodelay(true).ok();
    let (client, server) = (Arc::new(client), Arc::new(server));
    let copy = async {
        tokio::join!(
            direction(&client, &server, road.clone(), Mode::FreezeUp),
            direction(&server, &client, road.clone(), Mode::FreezeDown),
        )
    };
    let ending = tokio::select! {
        _ = copy => None,
        _ = cut.changed() => Some(cut.borrow().1),
    };
    match ending {
        None | Some(Ending::Close) => {}
        Some(Ending::Reset) => {
            linger_zero(&client);
            linger_zero(&server);
        }
        Some(Ending::HalfOpen) => {
            linger_zero(&client);
            limbo.lock().expect("nobody panics with it").push(server);
        }
    }
}

async fn direction(from: &TcpStream, to: &TcpStream, road: Road, frozen: Mode) {
    let (queue, queued) = mpsc::channel(IN_FLIGHT);
    tokio::join!(take(from, queue, road.clone(), frozen), give(to, queued, road.mode, frozen));
}

/// Bytes that the sender would not have an acknowledgement for yet.
#[derive(Debug, Default)]
struct UnderWay {
    pieces: VecDeque<(Instant, usize)>,
    bytes: usize,
}

impl UnderWay {
    fn add(&mut self, acknowledged: Instant, bytes: usize) {
        self.pieces.push_back((acknowledged, bytes));
        self.bytes += bytes;
    }

    /// Waits until there are less than `window`.
    async fn room(&mut self, window: usize) {
        while let Some((acknowledged, bytes)) = self.pieces.front().copied() {
            if acknowledged > Instant::now() {
                if self.bytes < window {
                    return;
                }
                tokio::time::sleep_until(acknowledged).await;
            }
            self.pieces.pop_front();
            self.bytes -= bytes;
        }
    }
}

async fn take(from: &TcpStream, to: mpsc::Sender<(Instant, Vec<u8>)>, road: Road, frozen: Mode) {
    let (mut buffer, mut under_way) = (vec![0; CHUNK], UnderWay::default());
    let Road { mut mode, window, edit } = road;
    loop {
        under_way.room(window).await;
        if mode.wait_for(|mode| *mode != Mode::Freeze && *mode != frozen).await.is_err()
            || from.readable().await.is_err()
        {
            return;
        }
        match from.try_read(&mut buffer) {
            Ok(0) => return,
            Ok(n) => {
                let delay = if let Mode::Pass(delay) = *mode.borrow() { delay } else { Duration::ZERO };
                let now = Instant::now();
                under_way.add(now + 2 * delay, n);
                let mut bytes = buffer[..n].to_vec();
                if let (Mode::FreezeDown, Some(edit)) = (frozen, &*edit.borrow()) {
                    edit.apply(&mut bytes);
                }
                if to.send((now + delay, bytes)).await.is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

async fn give(
    to: &TcpStream,
    mut from: mpsc::Receiver<(Instant, Vec<u8>)>,
    mut mode: watch::Receiver<Mode>,
    frozen: Mode,
) {
    while let Some((due, bytes)) = from.recv().await {
        tokio::time::sleep_until(due).await;
        if mode.wait_for(|mode| *mode != Mode::Freeze && *mode != frozen).await.is_err()
            || write_all(to, &bytes).await.is_err()
        {
            return;
        }
    }
    socket2::SockRef::from(to).shutdown(std::net::Shutdown::Write).ok();
}

async fn write_all(to: &TcpStream, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        to.writable().await?;
        match to.try_write(bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_window_waits_for_an_acknowledgement() {
        let (start, delay) = (Instant::now(), Duration::from_millis(50));
        let mut under_way = UnderWay::default();
        under_way.add(start, 5);
        under_way.add(start + delay, 10);
        under_way.room(11).await;
        assert_eq!(under_way.bytes, 10, "what was acknowledged no longer counts");
        under_way.room(10).await;
        assert!(start.elapsed() >= delay);
        assert_eq!(under_way.bytes, 0);
    }
}
