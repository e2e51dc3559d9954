//! bore: a TCP tunnel with a connection for each visitor, and a client for each port.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::Result;
use octoporty_e2e::target;

use crate::daemon::Daemon;
use crate::site::Ground;
use crate::systems::{Ports, program};

/// Where its server takes clients; it cannot be changed.
const CONTROL_PORT: u16 = 7835;

/// Server and two clients.
pub(super) async fn tunnel(ground: &Ground, ports: Ports) -> Result<Vec<Daemon>> {
    let (program, ip) = (program("bore")?, ports.site.ip().to_string());
    let mut server = Command::new(&program);
    server.args(["server", "--min-port", "1024", "--bind-addr", &ip, "--bind-tunnels", &ip]);
    let mut daemons = vec![Daemon::start("bore-server", &ground.dir(), &mut server)?];
    target::listening(SocketAddr::new(ports.site.ip(), CONTROL_PORT)).await;
    for (name, port, target) in
        [("bore-site", ports.site, ground.site()), ("bore-sink", ports.sink, ground.sink().address())]
    {
        let mut client = Command::new(&program);
        client.args(["local", &target.port().to_string(), "--local-host", &target.ip().to_string()]);
        client.args(["--to", &ip, "--port", &port.port().to_string()]);
        daemons.push(Daemon::start(name, &ground.dir(), &mut client)?);
    }
    Ok(daemons)
}
