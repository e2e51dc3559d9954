//! To a public name, as a visitor asks for it: by the address that the name has, or, where the agent's network does not
//! know the name or cannot reach it (its own router often does not let it out and in again), by the host and port that
//! the agent dials its gateway at.

use std::net::SocketAddr;
use std::time::Duration;

use octoporty_proto::model::{Probe, ProbeAnswer, ProbeFailure, ProbeVia, Scheme, Target};
use octoporty_tunnel::carrier::tcp;
use octoporty_tunnel::carrier::websocket::{self, Dial, DialError, Goal, Reached};
use tokio::time::{Instant, timeout, timeout_at};

use super::exchange::{ExchangeError, exchange};
use super::{Course, PROBE_BOUND, failure};
use crate::targets::dial::Dialler;

/// How long the name's own address is tried for when there is the gateway's as well.
const DIRECT_BOUND: Duration = Duration::from_secs(5);

/// The public name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name<'a> {
    pub(super) scheme: Scheme,
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) via: ProbeVia,
}

impl Name<'_> {
    fn authority(&self) -> String {
        bracketed(self.host, self.port)
    }

    fn server_name(&self) -> Option<&str> {
        (self.scheme == Scheme::Https).then_some(self.host)
    }
}

/// Dials and asks.
pub(super) async fn ask(
    (dialler, gateway): (&Dialler, &Dial),
    name: Name<'_>,
    probe: &Probe,
    course: &mut Course,
) -> Result<ProbeAnswer, ProbeFailure> {
    let reached = match name.via {
        ProbeVia::Gateway => by_gateway(gateway, &name, course).await,
        ProbeVia::Dns => by_name(dialler, gateway, &name, course, course.until).await,
        ProbeVia::Auto => {
            let until = course.begun + DIRECT_BOUND;
            match by_name(dialler, gateway, &name, course, until).await {
                Err(error) if is_no_way(&error) => {
                    course.detour = Some(format!("{}: asked at the address of the gateway instead", error.reason));
                    by_gateway(gateway, &name, course).await
                }
                other => other,
            }
        }
    };
    let reached = reached?;
    course.address = reached.peer.filter(|_| gateway.proxy.is_none());
    course.timing.dns = reached.steps.dns.or(course.timing.dns);
    course.timing.connect = Some(reached.steps.connect);
    course.timing.tls = reached.steps.tls;
    let asked = exchange(reached.io, probe, course).await;
    asked.map_err(|error| tell(&course.dialled, error))
}

/// Whether another address of the same gateway may be better.
fn is_no_way(error: &ProbeFailure) -> bool {
    matches!(error.code.as_str(), "public_dns" | "public_unreachable" | "public_timeout" | "public_proxy")
}

/// As visitors go.
async fn by_name(
    dialler: &Dialler,
    gateway: &Dial,
    name: &Name<'_>,
    course: &mut Course,
    until: Instant,
) -> Result<Reached, ProbeFailure> {
    course.dialled = format!("{}://{}", name.scheme.as_str(), name.authority());
    course.via = Some(ProbeVia::Dns);
    let late = || failure("public_timeout", format!("{} did not take a connection in time", name.authority()));
    let way = async {
        // A proxy resolves the name by itself, in its own network.
        let addresses = match gateway.proxy {
            Some(_) => None,
            None => Some(resolved(dialler, name, course).await?),
        };
        let goal = Goal { host: name.host, port: name.port, addresses, server_name: name.server_name() };
        websocket::reach(gateway, &goal).await.map_err(|error| told(&error))
    };
    timeout_at(until, way).await.map_err(|_| late())?
}

/// The addresses of the name, without those that the agent may never dial: a name may lead anywhere.
async fn resolved(dialler: &Dialler, name: &Name<'_>, course: &mut Course) -> Result<Vec<SocketAddr>, ProbeFailure> {
    let begun = Instant::now();
    let found = tcp::lookup(name.host, name.port).await;
    course.timing.dns = Some(begun.elapsed());
    let found =
        found.map_err(|error| failure("public_dns", format!("{} does not resolve here ({error})", name.host)))?;
    let target = Target::new(name.scheme, name.host, name.port.into());
    let target = target.map_err(|error| failure("public_dns", error.to_string()))?;
    let mut denial = None;
    let permitted: Vec<_> = found
        .into_iter()
        .filter(|address| match dialler.rules.check_denied(&target, address.ip()) {
            Ok(()) => true,
            Err(denied) => {
                denial = Some(denied);
                false
            }
        })
        .collect();
    match denial {
        Some(denied) if permitted.is_empty() => Err(failure("public_denied", denied.to_string())),
        _ => Ok(permitted),
    }
}

/// At the door that the agent itself uses. TLS is as at that door, with the public name.
async fn by_gateway(gateway: &Dial, name: &Name<'_>, course: &mut Course) -> Result<Reached, ProbeFailure> {
    let secured = matches!(gateway.url.scheme_str(), Some("wss" | "https"));
    let host = gateway.url.host().unwrap_or_default();
    let port = gateway.url.port_u16().unwrap_or(if secured { 443 } else { 80 });
    course.dialled = format!("{}://{}", if secured { "https" } else { "http" }, bracketed(host, port));
    course.via = Some(ProbeVia::Gateway);
    course.timing.dns = None;
    let goal = Goal { host, port, addresses: None, server_name: secured.then_some(name.host) };
    let left = course.until.saturating_duration_since(Instant::now());
    match timeout(left, websocket::reach(gateway, &goal)).await {
        Ok(reached) => reached.map_err(|error| told(&error)),
        Err(_) => Err(failure("public_timeout", format!("{} did not take a connection in time", course.dialled))),
    }
}

fn told(error: &DialError) -> ProbeFailure {
    let code = match error {
        DialError::Dns { .. } => "public_dns",
        DialError::Connect { .. } => "public_unreachable",
        DialError::Tls { .. } => "public_tls",
        DialError::Proxy(_) => "public_proxy",
        DialError::Timeout { .. } => "public_timeout",
        _ => "public_malformed",
    };
    failure(code, error.to_string())
}

fn tell(dialled: &str, error: ExchangeError) -> ProbeFailure {
    match error {
        ExchangeError::Closed(text) => failure("public_closed", format!("{dialled} closed without an answer: {text}")),
        ExchangeError::Malformed(text) => {
            failure("public_malformed", format!("{dialled} gave no answer in HTTP: {text}"))
        }
        ExchangeError::Silent => {
            let reason = format!("{dialled} took the connection and sent no answer within {} s", PROBE_BOUND.as_secs());
            failure("public_timeout", reason)
        }
    }
}

fn bracketed(host: &str, port: u16) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}
