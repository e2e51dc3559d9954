//! Which of Caddy's routes end in a proxy, for which names, and whether that proxy leads here.

use octoporty_proto::model::{CaddyDestination, CaddyRoute};
use serde_json::Value;

use super::Listening;

/// Names or dials of one route that are told; a wildcard certificate's list may have thousands.
const MOST_TEXTS: usize = 64;
/// Routes that are told.
const MOST_ROUTES: usize = 2_000;

/// All of them, in the order of the configuration.
pub(super) fn of(config: &Value, gateway: Listening) -> Vec<CaddyRoute> {
    let servers = config.pointer("/apps/http/servers").and_then(Value::as_object);
    let mut found = Vec::new();
    for (name, server) in servers.into_iter().flatten() {
        let routes = server.get("routes").and_then(Value::as_array);
        for (index, route) in routes.into_iter().flatten().enumerate() {
            let pointer = format!("/apps/http/servers/{}/routes/{index}", escaped(name));
            found.extend(describe(route, pointer, gateway));
        }
    }
    found.truncate(MOST_ROUTES);
    found
}

/// As RFC 6901 writes a name.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn describe(route: &Value, pointer: String, gateway: Listening) -> Option<CaddyRoute> {
    let mut dials = Vec::new();
    proxies(route, &mut dials);
    if dials.is_empty() {
        return None;
    }
    let leads_here = dials.iter().any(|dial| gateway.is_reached_by(dial));
    let destination = if leads_here { CaddyDestination::Gateway } else { CaddyDestination::Elsewhere };
    dials.truncate(MOST_TEXTS);
    Some(CaddyRoute { pointer, hosts: hosts(route), dials, destination })
}

fn hosts(route: &Value) -> Vec<String> {
    let matchers = route.get("match").and_then(Value::as_array).into_iter().flatten();
    let names = matchers.filter_map(|matcher| matcher.get("host")?.as_array()).flatten();
    names.filter_map(Value::as_str).take(MOST_TEXTS).map(str::to_owned).collect()
}

/// Every upstream below: a site of a Caddyfile is routes within routes.
fn proxies(value: &Value, dials: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if fields.get("handler").and_then(Value::as_str) == Some("reverse_proxy") {
                let upstreams = fields.get("upstreams").and_then(Value::as_array).into_iter().flatten();
                for dial in upstreams.filter_map(|upstream| upstream.get("dial")?.as_str()) {
                    if !dials.iter().any(|known| known == dial) {
                        dials.push(dial.to_owned());
                    }
                }
            }
            fields.values().for_each(|below| proxies(below, dials));
        }
        Value::Array(items) => items.iter().for_each(|below| proxies(below, dials)),
        _ => {}
    }
}
