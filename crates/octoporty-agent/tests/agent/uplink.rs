//! A slow line: what the agent sends can be held up, what it is sent cannot.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Bytes that wait in the line's own socket while it is held up; the kernel doubles it.
const BUFFER: u32 = 16 * 1024;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Flow {
    Open,
    HeldUp,
}

/// Copies between one agent and a gateway. Ends when it is dropped.
pub(crate) struct Uplink {
    pub(crate) address: SocketAddr,
    flow: watch::Sender<Flow>,
    _tasks: JoinSet<()>,
}

impl Uplink {
    pub(crate) fn start(gateway: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(BUFFER).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(16).unwrap();
        let address = listener.local_addr().unwrap();
        let (flow, held) = watch::channel(Flow::Open);
        let mut tasks = JoinSet::new();
        tasks.spawn(run(listener, gateway, held));
        Self { address, flow, _tasks: tasks }
    }

    pub(crate) fn hold_up(&self) {
        self.flow.send_replace(Flow::HeldUp);
    }

    pub(crate) fn let_go(&self) {
        self.flow.send_replace(Flow::Open);
    }
}

async fn run(listener: TcpListener, gateway: SocketAddr, mut flow: watch::Receiver<Flow>) {
    let (agent, _) = listener.accept().await.unwrap();
    let (mut from_agent, mut to_agent) = agent.into_split();
    let (mut from_gateway, mut to_gateway) = TcpStream::connect(gateway).await.unwrap().into_split();
    let down = tokio::io::copy(&mut from_gateway, &mut to_agent);
    let up = async {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            flow.wait_for(|flow| *flow == Flow::Open).await.unwrap();
            let length = from_agent.read(&mut buffer).await.unwrap();
            if length == 0 || to_gateway.write_all(&buffer[..length]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        _ = down => {}
        () = up => {}
    }
}
