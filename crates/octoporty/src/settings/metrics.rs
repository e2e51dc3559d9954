//! Where figures are shown to Prometheus, for both roles.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use octoporty_console::config::MetricsToken;

use super::key::Role;
use super::reader::Reader;
use super::value;

/// Whether and to whom figures are shown.
#[derive(Clone, Debug)]
pub(crate) struct MetricsSettings {
    /// The key that names the port, for messages.
    pub(crate) port_key: &'static str,
    /// Where to listen; `None`: nowhere.
    pub(crate) listen: Option<SocketAddr>,
    /// What a request has to bring; `None`: nothing.
    pub(crate) token: Option<MetricsToken>,
}

/// Reads and checks a role's part.
pub(super) fn read(reader: &mut Reader, role: Role) -> MetricsSettings {
    let (port_key, token_key) = match role {
        Role::Gateway => ("Gateway__Metrics__Port", "Gateway__Metrics__Token"),
        Role::Agent => ("Agent__Metrics__Port", "Agent__Metrics__Token"),
    };
    let listen = reader.find(port_key, value::listen).map(|listen| listen.or(IpAddr::V6(Ipv6Addr::UNSPECIFIED)));
    let token = reader.find(token_key, value::metrics_token);
    match listen {
        Some(listen) if token.is_none() && !listen.ip().is_loopback() => reader.warn(format!(
            "{port_key} is set without {token_key}: whoever reaches {listen} reads the figures; set a token or a \
             loopback address (127.0.0.1:{})",
            listen.port()
        )),
        None if reader.is_set(token_key) && role == Role::Gateway => {
            reader.warn(format!("{token_key} is not used, because {port_key} is not set: no figures are shown"));
        }
        _ => {}
    }
    MetricsSettings { port_key, listen, token }
}
