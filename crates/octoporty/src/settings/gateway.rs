//! The gateway's settings.

use std::net::{IpAddr, SocketAddr};

use octoporty_gateway::GatewayConfig;
use octoporty_gateway::certificate::{Certificate, CertificateError};
use octoporty_gateway::config::{AgentsPort, Limits, Updates};

use super::key::Role;
use super::reader::Reader;
use super::source::Sources;
use super::{Loaded, VERSION, conclude, value};

/// Most runtimes of a data plane; more than this has not been measured.
const MOST_SHARDS: usize = 8;

const TUNNEL_PORT: &str = "Gateway__TunnelPort";
const CERTIFICATE: &str = "Gateway__Tls__CertificateFile";
const CERTIFICATE_KEY: &str = "Gateway__Tls__KeyFile";

/// One runtime a core, up to [`MOST_SHARDS`].
pub(super) fn shards() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(MOST_SHARDS)
}

/// Reads and checks all of it.
pub(crate) fn load(sources: &Sources) -> Loaded<GatewayConfig> {
    let mut reader = Reader::new(Role::Gateway, sources);
    let api_keys = reader.find("Gateway__ApiKey", value::api_keys);
    if !reader.is_set("Gateway__ApiKey") {
        reader.refuse_missing(
            "Gateway__ApiKey",
            "is required: agents prove themselves with it; make one with `openssl rand -hex 32`",
        );
    }
    let bind: IpAddr = reader.get("Gateway__BindAddress", value::address);
    let listen = reader.get("Gateway__Port", value::listen).or(bind);
    let agents_port = agents_port(&mut reader, bind, listen);
    let gateway_fqdn = reader.find("Gateway__GatewayFqdn", value::hostnames).unwrap_or_default();
    let config = GatewayConfig {
        listen,
        agents_port: agents_port.clone(),
        api_keys: api_keys.clone().unwrap_or_default(),
        gateway_fqdn,
        trusted_proxies: reader.get("Gateway__TrustedProxies", value::networks),
        unmapped: reader.get("Gateway__Unmapped", value::unmapped),
        allowed_origins: reader.get("Gateway__AllowedOrigins", value::origins),
        updates: Updates {
            remote: reader.get("Gateway__AllowRemoteUpdate", value::remote_update),
            signal: reader.get("Gateway__UpdateSignalPath", value::path),
        },
        caddy: reader.get("Gateway__CaddyAdminUrl", value::caddy_admin),
        limits: limits(&mut reader),
        compression: reader.get("Gateway__Compression", value::compression),
        heartbeat: reader.get("Gateway__HeartbeatIntervalSeconds", value::seconds(3600)),
        shards: shards(),
        version: VERSION.to_owned(),
    };
    let grace = reader.get("Gateway__ShutdownGraceSeconds", value::seconds_or_none(3600));
    let banner = banner(&reader, listen, agents_port.as_ref());
    conclude(reader, Role::Gateway, grace, || api_keys.map(|_| (config, banner)))
}

fn limits(reader: &mut Reader) -> Limits {
    const GIB: u64 = 1 << 30;
    Limits {
        header_timeout: reader.get("Gateway__Limits__HeaderTimeoutSeconds", value::seconds(3600)),
        header_bytes: reader.get("Gateway__Limits__HeaderBytes", value::bytes(8192, 1 << 20)),
        first_byte_timeout: reader.get("Gateway__Limits__FirstByteTimeoutSeconds", value::seconds(86_400)),
        idle_timeout: reader.get("Gateway__Limits__IdleTimeoutSeconds", value::seconds(604_800)),
        keep_alive: reader.get("Gateway__Limits__KeepAliveSeconds", value::seconds(3600)),
        connections_per_source: reader.get("Gateway__Limits__ConnectionsPerSource", value::count(1, 1_000_000)),
        streams_per_session: reader.get("Gateway__Limits__StreamsPerSession", value::count(1, 1_000_000)),
        bytes_in_flight_per_link: reader.get("Gateway__Limits__BytesInFlightPerLink", value::bytes(1 << 20, 4 * GIB)),
        max_sessions: reader.get("Gateway__Limits__MaxSessions", value::count(1, 1_000_000)),
    }
}

/// The listener for agents alone, and its certificate, which nothing else uses.
fn agents_port(reader: &mut Reader, bind: IpAddr, listen: SocketAddr) -> Option<AgentsPort> {
    let port = reader.find(TUNNEL_PORT, value::listen).map(|port| port.or(bind));
    let certificate = certificate(reader);
    if port.is_some_and(|port| port == listen && port.port() != 0) {
        reader.refuse(TUNNEL_PORT, "is the same as Gateway__Port; give agents a port of their own");
    }
    if !reader.is_set(TUNNEL_PORT) {
        for set in [CERTIFICATE, CERTIFICATE_KEY].into_iter().filter(|key| reader.is_set(key)).collect::<Vec<_>>() {
            reader.refuse(
                set,
                "is for Gateway__TunnelPort alone, which is not set: no other port has TLS of its own in this release; set \
                 it as well, or leave this out and put a TLS proxy in front of Gateway__Port",
            );
        }
    }
    port.map(|listen| AgentsPort { listen, certificate })
}

fn certificate(reader: &mut Reader) -> Option<Certificate> {
    let certificate = reader.find(CERTIFICATE, value::path);
    let key = reader.find(CERTIFICATE_KEY, value::path);
    let Some(certificate) = certificate else {
        if key.is_some() {
            reader.refuse(CERTIFICATE_KEY, format!("is set without {CERTIFICATE}; set both or neither"));
        }
        return None;
    };
    match Certificate::open(&certificate, key.as_deref()) {
        Ok(certificate) => Some(certificate),
        Err(error) => {
            let of_key =
                matches!(error, CertificateError::Key { .. } | CertificateError::KeyOfFolder(_)) && key.is_some();
            reader.refuse(if of_key { CERTIFICATE_KEY } else { CERTIFICATE }, format!("cannot be used: {error}"));
            None
        }
    }
}

fn banner(reader: &Reader, listen: SocketAddr, agents_port: Option<&AgentsPort>) -> Vec<(&'static str, String)> {
    let fqdn = match reader.is_set("Gateway__GatewayFqdn") {
        true => reader.shown("Gateway__GatewayFqdn"),
        false => "(from agent)".to_owned(),
    };
    let mut lines = vec![
        ("ApiKey", reader.shown("Gateway__ApiKey")),
        ("Edge", "none".to_owned()),
        ("GatewayFqdn", fqdn),
        ("Listen", listen.to_string()),
    ];
    if let Some(port) = agents_port {
        let transport = if port.certificate.is_some() { "TLS" } else { "not encrypted" };
        lines.push(("Listen for agents", format!("{}, {transport}", port.listen)));
    }
    lines
}
