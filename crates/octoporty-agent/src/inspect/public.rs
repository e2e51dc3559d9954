//! To a public name, as a visitor asks for it: by the address that the name has, or, where the agent's network does not
//! know the name or cannot reach it (its own router often does not let it out and in again), by the host and port that
//! the agent dials its gateway at.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use octoporty_proto::model::{Probe, ProbeAnswer, ProbeFailure, ProbeVia, Scheme, Target};
use octoporty_tunnel::carrier::tcp;
use octoporty_tunnel::carrier::websocket::{self, Dial, DialError, Goal, Reached};
use tokio::time::{Instant, timeout, timeout_at};

use super::exchange::{ExchangeError, exchange};
use super::{Course, PROBE_BOUND, failure};
use crate::targets::dial::Dialler;
use crate::targets::rules::{Rules, innermost, is_internal};

/// How long the name's own address is tried for when there is the gateway's as well.
const DIRECT_BOUND: Duration = Duration::from_secs(5);

/// The name leads to what is denied.
const DENIED: &str = "public_denied";
/// The name leads into the agent's own network, or may.
const INTERNAL: &str = "public_internal";

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
    matches!(error.code.as_str(), "public_dns" | "public_unreachable" | "public_timeout" | INTERNAL)
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
    if gateway.proxy.is_some() {
        let reason = format!("{} would be looked up by Agent__Proxy, and nobody sees where that leads", name.host);
        return Err(failure(INTERNAL, reason));
    }
    let way = async {
        let addresses = Some(resolved((dialler, gateway), name, course).await?);
        let goal = Goal { host: name.host, port: name.port, addresses, server_name: name.server_name() };
        websocket::reach(gateway, &goal).await.map_err(|error| told(&error))
    };
    timeout_at(until, way).await.map_err(|_| late())?
}

/// The addresses of the name, without those that the agent may never dial: a name may lead anywhere.
async fn resolved(
    (dialler, gateway): (&Dialler, &Dial),
    name: &Name<'_>,
    course: &mut Course,
) -> Result<Vec<SocketAddr>, ProbeFailure> {
    let begun = Instant::now();
    let found = tcp::lookup(name.host, name.port).await;
    course.timing.dns = tcp::literal(name.host).is_none().then(|| begun.elapsed());
    let found =
        found.map_err(|error| failure("public_dns", format!("{} does not resolve here ({error})", name.host)))?;
    let target = Target::new(name.scheme, name.host, name.port.into());
    let target = target.map_err(|error| failure("public_dns", error.to_string()))?;
    let own =
        if found.iter().any(|address| is_internal(address.ip())) { addresses_of(gateway).await } else { Vec::new() };
    let (mut permitted, mut refusals) = (Vec::new(), Vec::new());
    for address in found {
        match permit(&dialler.rules, &target, address.ip(), &own) {
            Ok(()) => permitted.push(address),
            Err(refusal) => refusals.push(refusal),
        }
    }
    // What is denied is told before what is only not allowed.
    let refusal = refusals.into_iter().min_by_key(|refusal| refusal.code != DENIED);
    match refusal {
        Some(refusal) if permitted.is_empty() => Err(refusal),
        _ => Ok(permitted),
    }
}

/// Whether a public name may lead to this address. Whoever writes its DNS record, or maps a name such as `localhost`,
/// chooses the address, so that of the agent's own network only the gateway is asked, and what the owner wrote down.
fn permit(rules: &Rules, target: &Target, address: IpAddr, own: &[IpAddr]) -> Result<(), ProbeFailure> {
    rules.check_denied(target, address).map_err(|denied| failure(DENIED, denied.to_string()))?;
    if !is_internal(address) {
        return Ok(());
    }
    let internal = |why: &str| {
        let host = &target.host;
        failure(INTERNAL, format!("{host} leads to {address} in the agent's own network, which is {why}"))
    };
    rules.check(target, address).map_err(|_| internal("not in Agent__AllowedTargets"))?;
    if own.contains(&innermost(address)) || rules.lists(target, address) {
        return Ok(());
    }
    Err(internal("neither the gateway's address nor named in Agent__AllowedTargets"))
}

/// Where the agent finds its gateway; none when that has no address now.
async fn addresses_of(gateway: &Dial) -> Vec<IpAddr> {
    let (host, port, _) = door(gateway);
    let found = tcp::lookup(host, port).await.unwrap_or_default();
    found.iter().map(|address| innermost(address.ip())).collect()
}

/// Host and port that the agent dials its gateway at, and whether by TLS.
fn door(gateway: &Dial) -> (&str, u16, bool) {
    let secured = matches!(gateway.url.scheme_str(), Some("wss" | "https"));
    let port = gateway.url.port_u16().unwrap_or(if secured { 443 } else { 80 });
    (gateway.url.host().unwrap_or_default(), port, secured)
}

/// At the door that the agent itself uses. TLS is as at that door, with the public name.
async fn by_gateway(gateway: &Dial, name: &Name<'_>, course: &mut Course) -> Result<Reached, ProbeFailure> {
    let (host, port, secured) = door(gateway);
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
