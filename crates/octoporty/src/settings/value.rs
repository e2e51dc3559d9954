//! Texts into values. Each parser gives the value or a [`ValueError`], whose text says what to change and never
//! repeats the value (the value may be a secret; whoever reports it decides).

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use octoporty_agent::config::{Credential, LinkCount, RuleError, TargetRule};
use octoporty_console::config::{JwtSecret, MAX_PASSWORD_BYTES, MetricsToken, PasswordHash, PasswordHashError};
use octoporty_gateway::config::{ApiKey, CaddyAdmin, RemoteUpdate, Unmapped};
use octoporty_proto::model::{AgentName, AgentNameError, Compression, Hostname, HostnameError};
use thiserror::Error;
use tracing::Level;

/// Why a text is not a value of its key. Completes the sentence "`Key` …".
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub(crate) enum ValueError {
    /// Not one of a few words.
    #[error("must be one of {0}")]
    Choice(&'static str),
    /// Not a whole number in a range.
    #[error("must be a whole number from {least} to {most}")]
    Count {
        /// Least.
        least: u64,
        /// Most.
        most: u64,
    },
    /// Not a number of seconds in a range.
    #[error("must be a number of seconds from {least} to {most}")]
    Seconds {
        /// Least, as written in the document.
        least: &'static str,
        /// Most.
        most: u32,
    },
    /// Not a port.
    #[error("must be a port from 0 to 65535, or address:port with an IP address ([::1]:17200 for IPv6)")]
    Listen,
    /// Not an IP address.
    #[error("must be an IP address, such as 0.0.0.0 or [::]")]
    Address,
    /// Not a CIDR block.
    #[error("has the entry `{0}`, which is neither an IP address nor a CIDR block such as 10.0.0.0/8")]
    Network(String),
    /// Not an origin.
    #[error("has the entry `{0}`, which is neither `*` nor an origin such as https://app.example.com")]
    Origin(String),
    /// Not a host name.
    #[error("has an entry that is no host name: {0}")]
    Hostname(#[from] HostnameError),
    /// A list of nothing.
    #[error("names nothing; it is a host name or a comma-separated list of them")]
    NoHostname,
    /// Not a name of an agent.
    #[error("is not usable: {0}")]
    AgentName(#[from] AgentNameError),
    /// Not a rule about targets.
    #[error("has a wrong entry: {0}")]
    Rule(#[from] RuleError),
    /// A short secret.
    #[error("is too short: at least 32 characters are needed; make one with `openssl rand -hex 32`")]
    ShortSecret,
    /// Not a password hash.
    #[error("{0}")]
    PasswordHash(#[source] PasswordHashError),
    /// A password that no login could give.
    #[error("is longer than {MAX_PASSWORD_BYTES} bytes, the most that a login takes")]
    LongPassword,
    /// Once a password hash.
    #[error("{0}; `octoporty hash-password` makes a new one")]
    BrokenHash(#[source] PasswordHashError),
    /// Not the URL of a gateway.
    #[error("{0}")]
    GatewayUrl(&'static str),
    /// Not the URL of a proxy.
    #[error("must be http://[user:password@]host:port or socks5://[user:password@]host:port")]
    Proxy,
    /// Not the URL of Caddy's admin API.
    #[error("must be http://host[:port] of Caddy's admin API, such as http://localhost:2019, without a path")]
    CaddyAdmin,
    /// Not an SQLite database.
    #[error("{0}")]
    Database(&'static str),
}

type Parsed<T> = Result<T, ValueError>;

/// Where to listen, before the default address is put in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Listen {
    /// The address, if one was named.
    pub(crate) address: Option<IpAddr>,
    /// The port.
    pub(crate) port: u16,
}

impl Listen {
    /// The socket address, with `fallback` when no address was named.
    pub(crate) fn or(self, fallback: IpAddr) -> SocketAddr {
        SocketAddr::new(self.address.unwrap_or(fallback), self.port)
    }
}

/// What a log is written as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Format {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// `17200`, `:17200`, `127.0.0.1:17200`, `[::1]:17200`, `localhost:17200`.
pub(crate) fn listen(text: &str) -> Parsed<Listen> {
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let port = port.parse().map_err(|_| ValueError::Listen)?;
    let address = match host {
        "" | "+" | "*" => None,
        "localhost" => Some(IpAddr::from([127, 0, 0, 1])),
        host => Some(address(host).map_err(|_| ValueError::Listen)?),
    };
    Ok(Listen { address, port })
}

/// An IP address, IPv6 with or without brackets.
pub(crate) fn address(text: &str) -> Parsed<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().map_err(|_| ValueError::Address)
}

/// `true`, `false` and their usual other spellings.
pub(crate) fn yes_or_no(text: &str) -> Parsed<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err(ValueError::Choice("true, false")),
    }
}

/// Seconds with decimals, from 0.1 up to `most`.
pub(crate) fn seconds(most: u32) -> impl Fn(&str) -> Parsed<Duration> {
    move |text| {
        parse_seconds(text)
            .filter(|value| *value >= Duration::from_millis(100) && *value <= Duration::from_secs(most.into()))
            .ok_or(ValueError::Seconds { least: "0.1", most })
    }
}

/// Seconds with decimals, from 0 up to `most`.
pub(crate) fn seconds_or_none(most: u32) -> impl Fn(&str) -> Parsed<Duration> {
    move |text| {
        parse_seconds(text)
            .filter(|value| *value <= Duration::from_secs(most.into()))
            .ok_or(ValueError::Seconds { least: "0", most })
    }
}

fn parse_seconds(text: &str) -> Option<Duration> {
    text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

/// A whole number of any unsigned type that has room for `most`.
pub(crate) fn count<T: TryFrom<u64>>(least: u64, most: u64) -> impl Fn(&str) -> Parsed<T> {
    move |text| {
        let number = text.parse::<u64>().ok().filter(|number| (least..=most).contains(number));
        number.and_then(|number| T::try_from(number).ok()).ok_or(ValueError::Count { least, most })
    }
}

/// A number of bytes, with an optional `KiB`, `MiB` or `GiB`.
pub(crate) fn bytes<T: TryFrom<u64>>(least: u64, most: u64) -> impl Fn(&str) -> Parsed<T> {
    move |text| {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit: Option<u64> = match text[digits.len()..].to_ascii_lowercase().as_str() {
            "" | "b" => Some(1),
            "k" | "kib" => Some(1 << 10),
            "m" | "mib" => Some(1 << 20),
            "g" | "gib" => Some(1 << 30),
            _ => None,
        };
        let number =
            digits.trim_end().parse::<u64>().ok().zip(unit).and_then(|(number, unit)| number.checked_mul(unit));
        number
            .filter(|number| (least..=most).contains(number))
            .and_then(|number| T::try_from(number).ok())
            .ok_or(ValueError::Count { least, most })
    }
}

/// `landing`, `json`, `close`.
pub(crate) fn unmapped(text: &str) -> Parsed<Unmapped> {
    match text.to_ascii_lowercase().as_str() {
        "landing" => Ok(Unmapped::Landing),
        "json" => Ok(Unmapped::Json),
        "close" => Ok(Unmapped::Close),
        _ => Err(ValueError::Choice("landing, json, close")),
    }
}

/// `auto`, `on`, `off`.
pub(crate) fn remote_update(text: &str) -> Parsed<RemoteUpdate> {
    Ok(match yes_or_no(text)? {
        true => RemoteUpdate::Allowed,
        false => RemoteUpdate::Forbidden,
    })
}

pub(crate) fn compression(text: &str) -> Parsed<Compression> {
    match text.to_ascii_lowercase().as_str() {
        "auto" => Ok(Compression::Auto),
        "on" | "true" => Ok(Compression::On),
        "off" | "false" => Ok(Compression::Off),
        _ => Err(ValueError::Choice("auto, on, off")),
    }
}

/// `text`, `json`.
pub(crate) fn format(text: &str) -> Parsed<Format> {
    match text.to_ascii_lowercase().as_str() {
        "text" => Ok(Format::Text),
        "json" => Ok(Format::Json),
        _ => Err(ValueError::Choice("text, json")),
    }
}

/// A level by any of the originals' names.
pub(crate) fn level(text: &str) -> Parsed<Level> {
    match text.to_ascii_lowercase().as_str() {
        "trace" | "verbose" => Ok(Level::TRACE),
        "debug" => Ok(Level::DEBUG),
        "info" | "information" => Ok(Level::INFO),
        "warn" | "warning" => Ok(Level::WARN),
        "error" | "fatal" | "critical" => Ok(Level::ERROR),
        _ => Err(ValueError::Choice("trace, debug, info, warn, error")),
    }
}

/// `auto` or 1 to 8.
pub(crate) fn links(text: &str) -> Parsed<LinkCount> {
    if text.eq_ignore_ascii_case("auto") {
        return Ok(LinkCount::Auto);
    }
    count(1, 8)(text).map(LinkCount::Fixed).map_err(|_| ValueError::Choice("auto, 1, 2, 3, 4, 5, 6, 7, 8"))
}

fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}

/// Host names, comma-separated; at least one.
pub(crate) fn hostnames(text: &str) -> Parsed<Vec<Hostname>> {
    let names: Vec<Hostname> = entries(text).map(|entry| Ok(entry.parse::<Hostname>()?)).collect::<Parsed<_>>()?;
    if names.is_empty() { Err(ValueError::NoHostname) } else { Ok(names) }
}

/// Addresses and CIDR blocks, comma-separated.
pub(crate) fn networks(text: &str) -> Parsed<Vec<IpNet>> {
    entries(text)
        .map(|entry| {
            let network = entry.parse::<IpNet>().ok().or_else(|| address(entry).ok().map(IpNet::from));
            network.ok_or_else(|| ValueError::Network(entry.to_owned()))
        })
        .collect()
}

/// `*` or origins, comma-separated.
pub(crate) fn origins(text: &str) -> Parsed<Vec<String>> {
    entries(text)
        .map(|entry| {
            let uri = entry.parse::<http::Uri>().ok().filter(|uri| {
                matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some() && uri.path() == "/"
            });
            match (entry, uri) {
                ("*", _) | (_, Some(_)) => Ok(entry.trim_end_matches('/').to_owned()),
                _ => Err(ValueError::Origin(entry.to_owned())),
            }
        })
        .collect()
}

/// Rules about targets, comma-separated.
pub(crate) fn rules(text: &str) -> Parsed<Vec<TargetRule>> {
    entries(text)
        .map(|entry| {
            let rule = TargetRule(entry.to_owned());
            rule.check()?;
            Ok(rule)
        })
        .collect()
}

/// One key or a comma-separated list.
pub(crate) fn api_keys(text: &str) -> Parsed<Vec<ApiKey>> {
    let keys: Option<Vec<ApiKey>> = entries(text).map(|entry| ApiKey::new(entry.to_owned())).collect();
    keys.filter(|keys| !keys.is_empty()).ok_or(ValueError::ShortSecret)
}

/// The gateway's key as an agent sends it.
pub(crate) fn credential(text: &str) -> Parsed<Credential> {
    match ApiKey::new(text.to_owned()) {
        Some(_) => Ok(Credential::new(text.to_owned())),
        None => Err(ValueError::ShortSecret),
    }
}

/// The key of access tokens.
pub(crate) fn jwt_secret(text: &str) -> Parsed<JwtSecret> {
    JwtSecret::new(text.to_owned()).ok_or(ValueError::ShortSecret)
}

/// The token of `/metrics`.
pub(crate) fn metrics_token(text: &str) -> Parsed<MetricsToken> {
    MetricsToken::new(text).ok_or(ValueError::ShortSecret)
}

/// A `$6$` hash.
pub(crate) fn password_hash(text: &str) -> Parsed<PasswordHash> {
    PasswordHash::parse(text).map_err(|error| match error {
        PasswordHashError::NotSha512Crypt => ValueError::PasswordHash(error),
        _ => ValueError::BrokenHash(error),
    })
}

/// A password as it is typed.
pub(crate) fn plain_password(text: &str) -> Parsed<String> {
    if text.len() <= MAX_PASSWORD_BYTES { Ok(text.to_owned()) } else { Err(ValueError::LongPassword) }
}

/// An agent's name.
pub(crate) fn agent_name(text: &str) -> Parsed<AgentName> {
    Ok(text.parse()?)
}

/// A path of a file.
#[expect(clippy::unnecessary_wraps, reason = "one shape for all parsers")]
pub(crate) fn path(text: &str) -> Parsed<PathBuf> {
    Ok(PathBuf::from(text))
}

/// Any text.
#[expect(clippy::unnecessary_wraps, reason = "one shape for all parsers")]
pub(crate) fn text(text: &str) -> Parsed<String> {
    Ok(text.to_owned())
}

/// `wss://host[:port][/tunnel]`, `ws://…`, or `host[:port]` for `wss://host[:port]/tunnel`.
pub(crate) fn gateway_url(text: &str) -> Parsed<http::Uri> {
    let wrong = ValueError::GatewayUrl;
    let full = if text.contains("://") { text.to_owned() } else { format!("wss://{text}") };
    let uri: http::Uri = full
        .parse()
        .map_err(|_| wrong("is not a URL; write wss://gateway.example.com/tunnel or gateway.example.com"))?;
    match uri.scheme_str() {
        Some("wss" | "ws") => {}
        Some("https") => return Err(wrong("begins with https://; write wss:// instead")),
        Some("http") => return Err(wrong("begins with http://; write ws:// instead (not encrypted), or wss://")),
        _ => return Err(wrong("must begin with wss:// (or ws://, which is not encrypted)")),
    }
    let authority = uri.authority().ok_or(wrong("names no host"))?;
    if authority.as_str().contains('@') {
        return Err(wrong("has a user or password in it; the key belongs into Agent__ApiKey"));
    }
    if uri.host().unwrap_or_default().is_empty() {
        return Err(wrong("names no host"));
    }
    match uri.path() {
        "/tunnel" => {}
        "" | "/" => return gateway_url(&format!("{}://{authority}/tunnel", uri.scheme_str().unwrap_or("wss"))),
        _ => return Err(wrong("must end in /tunnel")),
    }
    if uri.query().is_some() {
        return Err(wrong("has a query (?…), which means nothing; the key belongs into Agent__ApiKey"));
    }
    Ok(uri)
}

/// `http://` or `socks5://`; empty for none.
pub(crate) fn proxy(text: &str) -> Parsed<Option<http::Uri>> {
    if text.is_empty() {
        return Ok(None);
    }
    let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let uri: http::Uri = full.parse().map_err(|_| ValueError::Proxy)?;
    let known = matches!(uri.scheme_str(), Some("http" | "socks5" | "socks5h"));
    if known && uri.host().is_some_and(|host| !host.is_empty()) && matches!(uri.path(), "" | "/") {
        Ok(Some(uri))
    } else {
        Err(ValueError::Proxy)
    }
}

/// `http://host[:port]`.
pub(crate) fn caddy_admin(text: &str) -> Parsed<CaddyAdmin> {
    CaddyAdmin::parse(text).ok_or(ValueError::CaddyAdmin)
}

/// `Data Source=path[;…]` or `sqlite://path`.
pub(crate) fn database(text: &str) -> Parsed<PathBuf> {
    let wrong = |text| Err(ValueError::Database(text));
    let lower = text.to_ascii_lowercase();
    if let Some(rest) = lower.strip_prefix("sqlite:") {
        let path = &text[text.len() - rest.len()..];
        let path = path.strip_prefix("//").unwrap_or(path);
        // Some write four slashes for a path from the root, as SQLAlchemy wants it.
        let doubled = path.len() - path.trim_start_matches('/').len();
        return file_of(&path[doubled.saturating_sub(1)..]);
    }
    if lower.starts_with("postgres://") || lower.starts_with("postgresql://") {
        return wrong(
            "names a PostgreSQL database, which is not available in this release; use Data Source=/path/octoporty.db",
        );
    }
    let mut source = None;
    for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').map_or((part, ""), |(name, value)| (name.trim(), value.trim()));
        match name.to_ascii_lowercase().as_str() {
            "data source" | "datasource" | "filename" => source = Some(value),
            "server" | "initial catalog" | "integrated security" | "trusted_connection" => {
                return wrong(
                    "names a SQL Server database, which is not supported; use Data Source=/path/octoporty.db (SQLite)",
                );
            }
            "host" => {
                return wrong(
                    "names a PostgreSQL database, which is not available in this release; use Data Source=/path/octoporty.db",
                );
            }
            _ => {}
        }
    }
    match source {
        Some(path) => file_of(path),
        None => wrong("must be Data Source=/path/octoporty.db or sqlite:///path/octoporty.db"),
    }
}

fn file_of(path: &str) -> Parsed<PathBuf> {
    let path = path.split('?').next().unwrap_or(path);
    match path {
        "" => Err(ValueError::Database("names no file; write Data Source=/path/octoporty.db")),
        ":memory:" => {
            Err(ValueError::Database("would keep nothing over a restart; name a file: Data Source=/path/octoporty.db"))
        }
        path => Ok(PathBuf::from(path)),
    }
}

#[cfg(test)]
mod tests;
