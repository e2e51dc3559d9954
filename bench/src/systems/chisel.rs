//! chisel: a TCP tunnel, all visitors in one SSH connection in a WebSocket.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::Result;
use octoporty_e2e::target;

use crate::daemon::Daemon;
use crate::site::Ground;
use crate::systems::{Ports, program};

/// Server and client, reverse tunnels.
pub(super) async fn tunnel(ground: &Ground, ports: Ports) -> Result<Vec<Daemon>> {
    let (program, control) = (program("chisel")?, ground.free());
    let mut server = Command::new(&program);
    server.args(["server", "--reverse", "--host", &control.ip().to_string(), "--port", &control.port().to_string()]);
    let server = Daemon::start("chisel-server", &ground.dir(), &mut server)?;
    target::listening(control).await;
    let remote = |public: SocketAddr, target: SocketAddr| format!("R:{public}:{target}");
    let mut client = Command::new(&program);
    client.args(["client", &format!("http://{control}"), &remote(ports.site, ground.site())]);
    client.arg(remote(ports.sink, ground.sink().address()));
    Ok(vec![server, Daemon::start("chisel-client", &ground.dir(), &mut client)?])
}
