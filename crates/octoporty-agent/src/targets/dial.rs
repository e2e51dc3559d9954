//! From a target to a connection: resolve, check the rules on what it resolved to, happy eyeballs, TLS; one bound on
//! the whole and one coded error a way to fail.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use octoporty_proto::model::{Scheme, Target, TargetHost, TlsVerification};
use octoporty_proto::wire::{Blame, Reset, ResetCode};
use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;

use super::ask::{Answer, ask};
use super::io::{FirstByte, TargetIo};
use super::rules::{Denial, Rules};
use super::tls::{self, TargetTls};

/// Bound on the whole of resolving, connecting and TLS. A target stands in the agent's own network: one that takes
/// longer is away, and a visitor is waiting.
pub(crate) const DIAL_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an address may take before the next one is tried beside it (RFC 8305's recommendation).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// A target's connection that was idle for this long is probed by the system; an upgraded one may be idle for hours.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);

/// Time between these probes; the system gives up after its own number of them (9 on Linux).
const KEEPALIVE_EVERY: Duration = Duration::from_secs(15);

/// How long a target that hung up on TLS may take to answer in plain HTTP.
const PLAIN_ANSWER: Duration = Duration::from_secs(2);

/// First byte of a TLS record that carries an alert or a handshake message.
const TLS_RECORDS: [u8; 2] = [0x15, 0x16];

/// Why a target could not be dialled. The texts are for the owner.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum DialError {
    #[error("cannot resolve {host}: {reason}")]
    Dns { host: String, reason: String },
    #[error(transparent)]
    Denied(#[from] Denial),
    #[error("{address} refused the connection")]
    Refused { address: SocketAddr },
    #[error("{address} cannot be reached: {source}")]
    Unreachable { address: SocketAddr, source: io::Error },
    #[error("{what} took longer than {} s", bound.as_secs_f32())]
    Timeout { what: String, bound: Duration },
    #[error("the certificate of {host} is not acceptable: {reason}")]
    Certificate { host: String, reason: String },
    #[error("TLS with {host} failed: {reason}")]
    Tls { host: String, reason: String },
    #[error("{host} does not speak TLS; it speaks plain HTTP")]
    SpeaksHttp { host: String },
}

impl DialError {
    /// The code of the stream's reset, whose name is also the code of a target's health.
    pub(crate) const fn code(&self) -> ResetCode {
        match self {
            Self::Dns { .. } => ResetCode::TargetDns,
            Self::Denied(_) => ResetCode::TargetDenied,
            Self::Refused { .. } => ResetCode::TargetRefused,
            Self::Unreachable { .. } => ResetCode::TargetUnreachable,
            Self::Timeout { .. } => ResetCode::TargetTimeout,
            Self::Certificate { .. } => ResetCode::TargetCertificate,
            Self::Tls { .. } => ResetCode::TargetTls,
            Self::SpeaksHttp { .. } => ResetCode::TargetSpeaksHttp,
        }
    }

    /// How the gateway is told.
    pub(crate) fn reset(&self) -> Reset {
        let blame = if matches!(self, Self::Denied(_)) { Blame::Agent } else { Blame::Target };
        Reset { code: self.code(), blame, detail: self.to_string() }
    }
}

/// Dials targets.
#[derive(Debug)]
pub(crate) struct Dialler {
    pub(crate) rules: Rules,
    pub(crate) tls: TargetTls,
    pub(crate) bound: Duration,
}

/// A connection that stands.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) io: TargetIo,
    pub(crate) address: SocketAddr,
    pub(crate) steps: Steps,
}

/// How long it took to make a connection.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Steps {
    /// Looking the name up; none for a literal address.
    pub(crate) dns: Option<Duration>,
    pub(crate) connect: Duration,
    pub(crate) tls: Option<Duration>,
}

impl Dialler {
    /// Dials `target`.
    pub(crate) async fn dial(&self, target: &Target, verification: TlsVerification) -> Result<Connection, DialError> {
        let begun = Instant::now();
        let until = begun + self.bound;
        let late = |what: String| DialError::Timeout { what, bound: self.bound };
        let resolved = timeout_at(until, resolve(target)).await;
        let addresses = resolved.map_err(|_| late(format!("resolving {}", target.host)))??;
        let addresses = self.permitted(target, addresses)?;
        let resolved = Instant::now();
        let connected = timeout_at(until, race(&addresses)).await;
        let (tcp, address) = connected.map_err(|_| late(format!("connecting to {}", addresses[0])))??;
        let connected = Instant::now();
        let io = match target.scheme {
            Scheme::Http => TargetIo::Plain(tcp),
            Scheme::Https => {
                let secured = timeout_at(until, self.secure(target, verification, tcp, address)).await;
                secured.map_err(|_| late(format!("the TLS handshake with {address}")))??
            }
        };
        let steps = Steps {
            dns: matches!(target.host, TargetHost::Name(_)).then(|| resolved - begun),
            connect: connected - resolved,
            tls: (target.scheme == Scheme::Https).then(|| connected.elapsed()),
        };
        Ok(Connection { io, address, steps })
    }

    /// The addresses that the rules allow, at least one.
    fn permitted(&self, target: &Target, addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, DialError> {
        let mut denial = None;
        let mut permitted = Vec::with_capacity(addresses.len());
        for address in addresses {
            match self.rules.check(target, address.ip()) {
                Ok(()) => permitted.push(address),
                Err(denied) => denial = Some(denied),
            }
        }
        if !permitted.is_empty() {
            return Ok(permitted);
        }
        let nowhere = || DialError::Dns { host: target.host.to_string(), reason: "it has no address".to_owned() };
        Err(denial.map_or_else(nowhere, DialError::from))
    }

    async fn secure(
        &self,
        target: &Target,
        verification: TlsVerification,
        tcp: TcpStream,
        address: SocketAddr,
    ) -> Result<TargetIo, DialError> {
        let host = target.host.to_string();
        let name = server_name(&target.host)
            .ok_or_else(|| DialError::Tls { host: host.clone(), reason: "its name cannot be used with TLS".into() })?;
        let connector = TlsConnector::from(self.tls.config(verification));
        match connector.connect(name, FirstByte::new(tcp)).into_fallible().await {
            Ok(secured) => Ok(TargetIo::Tls(Box::new(secured))),
            // It hung up on TLS without a word, as some servers do: asked in plain HTTP it tells what it speaks.
            Err((_, tcp)) if tcp.seen().is_none() && speaks_http(target, address).await => {
                Err(DialError::SpeaksHttp { host })
            }
            Err((error, tcp)) => Err(tls_error(host, &error, &tcp)),
        }
    }
}

fn server_name(host: &TargetHost) -> Option<ServerName<'static>> {
    match host {
        TargetHost::Address(address) => Some(ServerName::IpAddress((*address).into())),
        TargetHost::Name(name) => ServerName::try_from(name.to_string()).ok(),
    }
}

fn tls_error(host: String, error: &io::Error, tcp: &FirstByte) -> DialError {
    if tcp.seen().is_some_and(|first| !TLS_RECORDS.contains(&first)) {
        return DialError::SpeaksHttp { host };
    }
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(wrong)) => DialError::Certificate { host, reason: tls::describe(wrong) },
        Some(other) => DialError::Tls { host, reason: other.to_string() },
        None if tcp.seen().is_none() => {
            DialError::Tls { host, reason: format!("it ended the connection without a word of TLS ({error})") }
        }
        None => DialError::Tls { host, reason: error.to_string() },
    }
}

async fn speaks_http(target: &Target, address: SocketAddr) -> bool {
    let asked = async {
        let (mut tcp, _) = attempt(address).await.ok()?;
        Some(ask(&mut tcp, target).await)
    };
    matches!(timeout(PLAIN_ANSWER, asked).await, Ok(Some(Answer::Status(_))))
}

async fn resolve(target: &Target) -> Result<Vec<SocketAddr>, DialError> {
    let port = target.port.get();
    let name = match &target.host {
        TargetHost::Address(address) => return Ok(vec![SocketAddr::new(*address, port)]),
        TargetHost::Name(name) => name,
    };
    match tokio::net::lookup_host((&**name, port)).await {
        Ok(found) => Ok(interleave(found.collect())),
        Err(error) => Err(DialError::Dns { host: name.to_string(), reason: error.to_string() }),
    }
}

/// Families by turns, the resolver's favourite first (RFC 8305).
fn interleave(found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let favourite = found.first().is_some_and(SocketAddr::is_ipv6);
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for address in found {
        let family = if address.is_ipv6() == favourite { &mut first } else { &mut second };
        if !family.contains(&address) {
            family.push(address);
        }
    }
    let mut order = Vec::with_capacity(first.len() + second.len());
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    while order.len() < order.capacity() {
        order.extend(first.next());
        order.extend(second.next());
    }
    order
}

/// Happy eyeballs: the next address is tried when one failed or did not answer soon; the first connection wins.
async fn race(addresses: &[SocketAddr]) -> Result<(TcpStream, SocketAddr), DialError> {
    let mut waiting = addresses.iter().copied();
    let mut attempts = FuturesUnordered::new();
    let mut worst: Option<DialError> = None;
    attempts.extend(waiting.next().map(attempt));
    loop {
        let next = tokio::time::sleep(ATTEMPT_DELAY);
        tokio::select! {
            biased;
            Some(done) = attempts.next() => match done {
                Ok(connected) => return Ok(connected),
                Err(failed) => {
                    worst = Some(more_telling(worst.take(), failed));
                    attempts.extend(waiting.next().map(attempt));
                }
            },
            () = next, if waiting.len() > 0 => attempts.extend(waiting.next().map(attempt)),
            else => break,
        }
        if attempts.is_empty() && waiting.len() == 0 {
            break;
        }
    }
    Err(worst.expect("at least one address was tried, and every failure is kept"))
}

async fn attempt(address: SocketAddr) -> Result<(TcpStream, SocketAddr), DialError> {
    match TcpStream::connect(address).await.and_then(prepared) {
        Ok(tcp) => {
            octoporty_tunnel::carrier::tcp::unpace_loopback(&tcp, address.ip());
            Ok((tcp, address))
        }
        Err(source) if source.kind() == io::ErrorKind::ConnectionRefused => Err(DialError::Refused { address }),
        Err(source) => Err(DialError::Unreachable { address, source }),
    }
}

/// Bytes leave at once, and a host that vanished under a long idle connection is noticed.
fn prepared(tcp: TcpStream) -> io::Result<TcpStream> {
    tcp.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_AFTER).with_interval(KEEPALIVE_EVERY);
    SockRef::from(&tcp).set_tcp_keepalive(&keepalive)?;
    Ok(tcp)
}

/// A refusal says that the host is there; it tells more than an address that has no route.
fn more_telling(so_far: Option<DialError>, new: DialError) -> DialError {
    match so_far {
        Some(refused @ DialError::Refused { .. }) => refused,
        _ => new,
    }
}

#[cfg(test)]
mod tests;
