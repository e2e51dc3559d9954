//! Caddy before Caddy.

use std::process::Command;

use anyhow::Result;

use crate::daemon::Daemon;
use crate::site::Ground;
use crate::systems::{Ports, program};

fn hop(ground: &Ground, name: &str, listen: Ports, next: Ports) -> Result<Daemon> {
    let mut config = String::from("{\n  admin off\n  auto_https off\n  persist_config off\n}\n");
    for (listen, next) in [(listen.site, next.site), (listen.sink, next.sink)] {
        let (ip, port) = (listen.ip(), listen.port());
        config.push_str(&format!("http://:{port} {{\n  bind {ip}\n  reverse_proxy {next}\n}}\n"));
    }
    let file = ground.write(&format!("{name}.Caddyfile"), &config)?;
    let mut command = Command::new(program("caddy")?);
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
    command.env("XDG_DATA_HOME", ground.dir()).env("XDG_CONFIG_HOME", ground.dir());
    Daemon::start(name, &ground.dir(), &mut command)
}

/// Two of them.
pub(super) fn chain(ground: &Ground, ports: Ports) -> Result<Vec<Daemon>> {
    let inner = Ports { site: ground.free(), sink: ground.free() };
    let target = Ports { site: ground.site(), sink: ground.sink().address() };
    Ok(vec![hop(ground, "caddy-second", inner, target)?, hop(ground, "caddy-first", ports, inner)?])
}
