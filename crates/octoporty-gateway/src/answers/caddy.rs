//! The configuration of the Caddy before the gateway, as its admin API tells it. One path is read and nothing is ever
//! changed there.
//!
//! * `fetch`: one bounded request.
//! * `mask`: what must not leave the gateway.
//! * `routes`: which routes lead where.

mod fetch;
mod mask;
mod routes;

use std::net::{IpAddr, SocketAddr};

use octoporty_proto::model::CaddyAnswer;
use serde_json::Value;

use self::fetch::FetchError;
use crate::config::CaddyAdmin;

/// The body of `/config/`, or why there is none.
pub(crate) async fn fetch(admin: &CaddyAdmin) -> Result<Vec<u8>, CaddyAnswer> {
    fetch::config(admin).await.map_err(|error| failed(admin, &error))
}

/// What the console is told of the body. Takes a while for a large one: not for the data path.
pub(crate) fn describe(admin: &CaddyAdmin, listen: SocketAddr, body: &[u8]) -> CaddyAnswer {
    let Ok(mut value) = serde_json::from_slice::<Value>(body) else {
        return failed(admin, &FetchError::NotJson);
    };
    mask::mask(&mut value);
    // Their pointers are into what is told.
    let routes = routes::of(&value, Listening(listen));
    CaddyAnswer { json: Some(value.to_string()), error: None, routes }
}

fn failed(admin: &CaddyAdmin, error: &FetchError) -> CaddyAnswer {
    CaddyAnswer { error: Some(error.told(admin)), ..CaddyAnswer::default() }
}

/// Where the gateway listens.
#[derive(Clone, Copy, Debug)]
struct Listening(SocketAddr);

impl Listening {
    /// Whether whoever dials this reaches the gateway. A name counts by its port alone: which machine it means is known
    /// only where it is dialled, and in a compose file it is that of a container.
    fn is_reached_by(self, dial: &str) -> bool {
        let dial = dial.strip_prefix("tcp/").unwrap_or(dial);
        let Some((host, port)) = dial.rsplit_once(':') else { return false };
        if port.parse() != Ok(self.0.port()) {
            return false;
        }
        match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            Ok(ip) => self.0.ip().is_unspecified() || ip == self.0.ip(),
            Err(_) => true,
        }
    }
}

#[cfg(test)]
mod tests;
