//! HAProxy: the control *haproxy-tcp2*.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::Result;

use crate::daemon::Daemon;
use crate::site::Ground;
use crate::systems::{Ports, program};

/// More connections than any scenario opens to it.
const MAX_CONNECTIONS: usize = 4000;

/// Starts HAProxy, which passes TCP on; each pair is what follows `bind` and the next hop.
fn start(ground: &Ground, name: &str, pairs: &[(String, SocketAddr)]) -> Result<Daemon> {
    let mut config = format!(
        "global\n  maxconn {MAX_CONNECTIONS}\ndefaults\n  mode tcp\n  timeout connect 5s\n  timeout client 1h\n  \
         timeout server 1h\n"
    );
    for (number, (bind, next)) in pairs.iter().enumerate() {
        config.push_str(&format!("listen l{number}\n  bind {bind}\n  server next {next}\n"));
    }
    let file = ground.write(&format!("{name}.cfg"), &config)?;
    let mut command = Command::new(program("haproxy")?);
    command.arg("-db").arg("-f").arg(file);
    Daemon::start(name, &ground.dir(), &mut command)
}

fn hop(ground: &Ground, name: &str, listen: Ports, next: Ports) -> Result<Daemon> {
    start(ground, name, &[(listen.site.to_string(), next.site), (listen.sink.to_string(), next.sink)])
}

/// HAProxy before HAProxy.
pub(super) fn chain(ground: &Ground, ports: Ports) -> Result<Vec<Daemon>> {
    let inner = Ports { site: ground.free(), sink: ground.free() };
    let target = Ports { site: ground.site(), sink: ground.sink().address() };
    let second = hop(ground, "haproxy-second", inner, target)?;
    let first = hop(ground, "haproxy-first", ports, inner)?;
    Ok(vec![first, second])
}
