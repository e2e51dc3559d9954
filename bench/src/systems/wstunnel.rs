//! wstunnel: a TCP tunnel with a WebSocket for each visitor.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::Result;
use octoporty_e2e::target;

use crate::daemon::Daemon;
use crate::site::Ground;
use crate::systems::{Ports, program};

/// Server and client, reverse tunnels.
pub(super) async fn tunnel(ground: &Ground, ports: Ports) -> Result<Vec<Daemon>> {
    let (program, control) = (program("wstunnel")?, ground.free());
    let url = format!("ws://{control}");
    let server = Daemon::start("wstunnel-server", &ground.dir(), Command::new(&program).args(["server", &url]))?;
    target::listening(control).await;
    let remote = |public: SocketAddr, target: SocketAddr| format!("tcp://{public}:{target}");
    let mut client = Command::new(&program);
    client.args(["client", "-R", &remote(ports.site, ground.site())]);
    client.args(["-R", &remote(ports.sink, ground.sink().address()), &url]);
    Ok(vec![server, Daemon::start("wstunnel-client", &ground.dir(), &mut client)?])
}
