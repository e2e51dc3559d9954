//! frp: a TCP tunnel with a connection for each visitor, or one for all.

use std::process::Command;

use anyhow::Result;
use octoporty_e2e::target;

use crate::daemon::Daemon;
use crate::site::Ground;
use crate::systems::{Ports, program};

/// frps and frpc with their default settings.
pub(super) async fn tunnel(ground: &Ground, ports: Ports) -> Result<Vec<Daemon>> {
    let (frps, frpc, control) = (program("frps")?, program("frpc")?, ground.free());
    let (ip, port) = (control.ip(), control.port());
    let server = format!("bindAddr = \"{ip}\"\nbindPort = {port}\nproxyBindAddr = \"{ip}\"\n");
    let mut client = format!("serverAddr = \"{ip}\"\nserverPort = {port}\n");
    for (name, public, target) in [("site", ports.site, ground.site()), ("sink", ports.sink, ground.sink().address())] {
        client.push_str(&format!(
            "[[proxies]]\nname = \"{name}\"\ntype = \"tcp\"\nlocalIP = \"{}\"\nlocalPort = {}\nremotePort = {}\n",
            target.ip(),
            target.port(),
            public.port()
        ));
    }
    let server = ground.write("frps.toml", &server)?;
    let client = ground.write("frpc.toml", &client)?;
    let server = Daemon::start("frps", &ground.dir(), Command::new(frps).arg("-c").arg(server))?;
    target::listening(control).await;
    let client = Daemon::start("frpc", &ground.dir(), Command::new(frpc).arg("-c").arg(client))?;
    Ok(vec![server, client])
}
