//! rathole: a TCP tunnel with a connection for each visitor.

use std::process::Command;

use anyhow::Result;
use octoporty_e2e::target;

use crate::certificate::PKCS12_PASSWORD;
use crate::daemon::Daemon;
use crate::site::Ground;
use crate::systems::{Ports, program};

/// What its two ends speak over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    /// TCP.
    Clear,
    /// TLS.
    Tls,
}

impl Transport {
    fn text(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Tls => "tls",
        }
    }

    /// The `transport` tables of server and client.
    fn tables(self, ground: &Ground) -> (String, String) {
        let certificate = ground.certificate();
        match self {
            Self::Clear => (String::new(), String::new()),
            Self::Tls => (
                format!(
                    "[server.transport]\ntype = \"tls\"\n[server.transport.tls]\npkcs12 = \"{}\"\n\
                     pkcs12_password = \"{PKCS12_PASSWORD}\"\n",
                    certificate.pkcs12().display()
                ),
                format!(
                    "[client.transport]\ntype = \"tls\"\n[client.transport.tls]\ntrusted_root = \"{}\"\n\
                     hostname = \"localhost\"\n",
                    certificate.ca().display()
                ),
            ),
        }
    }
}

/// Server and client.
pub(super) async fn tunnel(ground: &Ground, ports: Ports, transport: Transport) -> Result<Vec<Daemon>> {
    let (program, control) = (program("rathole")?, ground.free());
    let (at_server, at_client) = transport.tables(ground);
    let server = format!(
        "[server]\nbind_addr = \"{control}\"\ndefault_token = \"bench\"\n{at_server}[server.services.site]\n\
         bind_addr = \"{}\"\n[server.services.sink]\nbind_addr = \"{}\"\n",
        ports.site, ports.sink
    );
    let client = format!(
        "[client]\nremote_addr = \"{control}\"\ndefault_token = \"bench\"\n{at_client}[client.services.site]\n\
         local_addr = \"{}\"\n[client.services.sink]\nlocal_addr = \"{}\"\n",
        ground.site(),
        ground.sink().address()
    );
    let name = |side: &str| format!("rathole-{}-{side}", transport.text());
    let server = ground.write(&format!("{}.toml", name("server")), &server)?;
    let client = ground.write(&format!("{}.toml", name("client")), &client)?;
    let server = Daemon::start(&name("server"), &ground.dir(), Command::new(&program).arg("--server").arg(server))?;
    target::listening(control).await;
    let client = Daemon::start(&name("client"), &ground.dir(), Command::new(&program).arg("--client").arg(client))?;
    Ok(vec![server, client])
}
