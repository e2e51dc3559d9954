//! nginx: the site, the control *nginx2*.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::daemon::Daemon;
use crate::site::Ground;
use crate::systems::{Ports, program};

/// Idle connections to the next hop that each worker keeps: as many as the most visitors of a scenario have.
const KEPT_ALIVE: usize = 512;
/// Requests that a connection may serve: nginx's default of 1000 would close connections in the middle of a slice.
const REQUESTS: u64 = 1_000_000_000;

/// Starts nginx with this inside of its `http` block.
///
/// # Errors
/// If it is not installed or cannot be started.
pub(crate) fn start(name: &str, dir: &Path, http: &str) -> Result<Daemon> {
    let root = dir.join(format!("{name}.nginx"));
    std::fs::create_dir_all(&root).context("the run's folder is not writable")?;
    let path = root.display();
    let config = format!(
        "daemon off; user root; pid {path}/pid; error_log {path}/error.log; worker_processes auto;\n\
         worker_rlimit_nofile 30000; events {{ worker_connections 15000; }}\n\
         http {{ access_log off; keepalive_requests {REQUESTS}; client_max_body_size 0;\n\
         client_body_temp_path {path}/b; proxy_temp_path {path}/p; fastcgi_temp_path {path}/f;\n\
         uwsgi_temp_path {path}/u; scgi_temp_path {path}/s;\n{http}\n}}\n"
    );
    let file = root.join("nginx.conf");
    std::fs::write(&file, config).context("the run's folder is not writable")?;
    let mut command = Command::new(program("nginx")?);
    command.arg("-c").arg(&file).arg("-p").arg(&root).arg("-e").arg(root.join("error.log"));
    Daemon::start(name, dir, &mut command)
}

/// One hop: two servers with kept-alive upstreams. Bodies stream: nothing is spooled to disk in either direction.
fn hop(listen: Ports, next: Ports) -> String {
    let mut text = String::from(
        "proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header Host $http_host;\n\
         proxy_request_buffering off; proxy_max_temp_file_size 0;\n",
    );
    for (name, listen, next) in [("site", listen.site, next.site), ("sink", listen.sink, next.sink)] {
        text.push_str(&format!(
            "upstream {name} {{ server {next}; keepalive {KEPT_ALIVE}; keepalive_requests {REQUESTS}; }}\n\
             server {{ listen {listen} backlog=4096; location / {{ proxy_pass http://{name}; }} }}\n"
        ));
    }
    text
}

/// nginx before nginx.
///
/// # Errors
/// If it is not installed or cannot be started.
pub(super) fn chain(ground: &Ground, ports: Ports) -> Result<Vec<Daemon>> {
    let inner = Ports { site: ground.free(), sink: ground.free() };
    let target = Ports { site: ground.site(), sink: ground.sink().address() };
    let second = start("nginx2-second", &ground.dir(), &hop(inner, target))?;
    let first = start("nginx2-first", &ground.dir(), &hop(ports, inner))?;
    Ok(vec![first, second])
}
