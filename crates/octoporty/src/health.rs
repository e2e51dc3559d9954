//! `octoporty health`: for health checks of containers that have no curl.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use crate::exit::Exit;
use crate::http_client::{self, ClientError};
use crate::settings::key::Role;
use crate::settings::reader::Reader;
use crate::settings::source::{self, Sources};
use crate::settings::value;
use crate::{complain, say};

/// Health answers come from memory; whoever needs longer is not healthy.
const BOUND: Duration = Duration::from_secs(5);

/// Asks `url`, or whichever role listens at its configured port on this machine.
pub(crate) fn run(url: Option<&str>) -> Exit {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("cannot start a runtime: {error}"));
            return Exit::Internal;
        }
    };
    runtime.block_on(async {
        match url {
            Some(url) => judge(url, http_client::status(url, BOUND).await),
            None => ask_local().await,
        }
    })
}

/// The role that this machine has settings of; without any, or with some of both, the gateway's port and then, if
/// nobody listens there, the console's.
async fn ask_local() -> Exit {
    let sources =
        Sources { flags: Vec::new(), environment: source::environment(), file: source::file(None).unwrap_or_default() };
    let mut silent = Vec::new();
    for role in candidates(&sources) {
        let url = local_url(role, &sources);
        match http_client::status(&url, BOUND).await {
            Err(ClientError::Connect { .. }) => silent.push(url),
            answer => return judge(&url, answer),
        }
    }
    complain(&format!("nothing listens at {}; name the address with --url", silent.join(" nor at ")));
    Exit::No
}

fn candidates(sources: &Sources) -> Vec<Role> {
    let entries = || sources.environment.iter().chain(&sources.file).filter(|entry| !entry.text.is_empty());
    let has = |section: &str| entries().any(|entry| entry.name.to_ascii_lowercase().starts_with(section));
    match (has("gateway__"), has("agent__")) {
        (true, false) => vec![Role::Gateway],
        (false, true) => vec![Role::Agent],
        _ => vec![Role::Gateway, Role::Agent],
    }
}

fn judge(url: &str, answer: Result<http::StatusCode, ClientError>) -> Exit {
    match answer {
        Ok(status) if status.is_success() => {
            say(&format!("healthy: {url} answered {}", status.as_u16()));
            Exit::Clean
        }
        Ok(status) => {
            complain(&format!("not healthy: {url} answered {}", status.as_u16()));
            Exit::No
        }
        Err(error @ ClientError::Url(_)) => {
            complain(&error.to_string());
            Exit::Configuration
        }
        Err(error) => {
            complain(&format!("not healthy: {error}"));
            Exit::No
        }
    }
}

/// Where a role of this machine answers.
fn local_url(role: Role, sources: &Sources) -> String {
    let mut reader = Reader::new(role, sources);
    let path = match role {
        Role::Gateway => "Gateway__Port",
        Role::Agent => "Agent__Port",
    };
    let bind = match role {
        Role::Gateway => reader.get("Gateway__BindAddress", value::address),
        Role::Agent => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    format!("http://{}/health", reachable(reader.get(path, value::listen).or(bind)))
}

/// An unspecified address is reached at loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = if listen.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { listen.ip() };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::key::Origin;

    #[test]
    fn the_role_that_has_settings_is_asked() {
        let sources = |names: &[&str]| {
            let entry = |name: &&str| source::Entry {
                name: (*name).to_owned(),
                text: "x".to_owned(),
                origin: Origin::Environment((*name).to_owned()),
            };
            Sources { environment: names.iter().map(entry).collect(), ..Sources::default() }
        };
        assert_eq!(candidates(&sources(&["AGENT__APIKEY", "PATH"])), [Role::Agent]);
        assert_eq!(candidates(&sources(&["Gateway__Port"])), [Role::Gateway]);
        assert_eq!(candidates(&sources(&[])), [Role::Gateway, Role::Agent]);
        assert_eq!(candidates(&sources(&["Gateway__Port", "Agent__Port"])), [Role::Gateway, Role::Agent]);
    }

    #[test]
    fn an_unspecified_address_is_asked_at_loopback() {
        assert_eq!(reachable("[::]:17200".parse().unwrap()).to_string(), "127.0.0.1:17200");
        assert_eq!(reachable("0.0.0.0:1".parse().unwrap()).to_string(), "127.0.0.1:1");
        assert_eq!(reachable("[::1]:17200".parse().unwrap()).to_string(), "[::1]:17200");
    }
}
