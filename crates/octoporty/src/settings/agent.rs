//! The agent's settings, its console's among them.

use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};

use http::Uri;
use octoporty_agent::AgentConfig;
use octoporty_agent::config::{Credential, GatewayTrust, default_denied_targets};
use octoporty_console::config::{PasswordHash, Retention, TrustedProxies};
use octoporty_console::{Capabilities, ConsoleConfig, Side};
use octoporty_proto::model::{AgentName, Hostname};

use super::gateway::shards;
use super::key::Role;
use super::mask::{NOT_SET, mask_url};
use super::problem::Refused;
use super::reader::Reader;
use super::source::Sources;
use super::table::PROXY_NAMES;
use super::{Loaded, VERSION, conclude, value};

/// Folder of the image's volume; the database is there when the folder is.
const IMAGE_FOLDER: &str = "/app/data";
/// Folder of the database everywhere else.
const LOCAL_FOLDER: &str = "./octoporty-data";
/// Name of the database file.
const DATABASE_NAME: &str = "octoporty.db";

/// Said beside the console's address when the page is not in this binary.
const PAGE_NOTE: &str = if cfg!(feature = "web") { "" } else { " (API only: built without the web page)" };

/// An agent and, unless it is switched off, its console.
#[derive(Clone, Debug)]
pub(crate) struct AgentSettings {
    /// The agent.
    pub(crate) agent: AgentConfig,
    /// Its console.
    pub(crate) console: Option<ConsoleConfig>,
}

/// What must be there; absent only when a mistake was recorded.
struct Needed {
    url: Option<Uri>,
    credential: Option<Credential>,
    name: Option<AgentName>,
}

/// Reads and checks all of it.
pub(crate) fn load(sources: &Sources) -> Loaded<AgentSettings> {
    let mut reader = Reader::new(Role::Agent, sources);
    let fqdn = reader.find("Agent__GatewayFqdn", value::hostnames).unwrap_or_default();
    let needed = Needed {
        url: gateway_url(&mut reader, &fqdn),
        credential: credential(&mut reader),
        name: agent_name(&mut reader),
    };
    let database = database(&mut reader);
    let console = console(&mut reader, &fqdn, &database);
    let config = agent(&mut reader, needed, fqdn, &database);
    let grace = reader.get("Agent__ShutdownGraceSeconds", value::seconds_or_none(3600));
    let banner = config.as_ref().map(|config| banner(&reader, config, console.as_ref(), &database));
    conclude(reader, Role::Agent, grace, || Some((AgentSettings { agent: config?, console }, banner?)))
}

fn agent(reader: &mut Reader, needed: Needed, gateway_fqdn: Vec<Hostname>, database: &Path) -> Option<AgentConfig> {
    let reconnect_delay = reader.get("Agent__ReconnectDelaySeconds", value::seconds(3600));
    let max_reconnect_delay = reader.get("Agent__MaxReconnectDelaySeconds", value::seconds(86_400));
    if max_reconnect_delay < reconnect_delay {
        reader.refuse("Agent__MaxReconnectDelaySeconds", "must not be less than Agent__ReconnectDelaySeconds");
    }
    let trust = trust(reader);
    let proxy = proxy(reader, needed.url.as_ref());
    let links = reader.get("Agent__Links", value::links);
    let allowed_targets = reader.find("Agent__AllowedTargets", value::rules).unwrap_or_default();
    let denied_targets = reader.find("Agent__DeniedTargets", value::rules).unwrap_or_else(default_denied_targets);
    let compression = reader.get("Agent__Compression", value::compression);
    let heartbeat = reader.get("Agent__HeartbeatIntervalSeconds", value::seconds(3600));
    Some(AgentConfig {
        gateway_url: needed.url?,
        gateway_fqdn,
        credential: needed.credential?,
        name: needed.name?,
        heartbeat,
        reconnect_delay,
        max_reconnect_delay,
        links,
        trust,
        proxy,
        allowed_targets,
        denied_targets,
        compression,
        cache_file: Some(database.with_extension("state.json")),
        shards: shards(),
        version: VERSION.to_owned(),
    })
}

fn gateway_url(reader: &mut Reader, fqdn: &[Hostname]) -> Option<Uri> {
    let named = reader.find("Agent__GatewayUrl", value::gateway_url);
    if reader.is_set("Agent__GatewayUrl") {
        if let Some(url) = named.as_ref().filter(|url| url.scheme_str() == Some("ws") && !is_near(url)) {
            reader.warn(format!(
                "Agent__GatewayUrl is {url}: without TLS the key and all traffic can be read on the way; use wss:// \
                 unless this network is private"
            ));
        }
        return named;
    }
    let Some(first) = fqdn.first() else {
        if !reader.is_set("Agent__GatewayFqdn") {
            reader.refuse_missing(
                "Agent__GatewayUrl",
                "is required, or Agent__GatewayFqdn: where is the gateway? For example wss://gateway.example.com/tunnel",
            );
        }
        return None;
    };
    let url = value::gateway_url(first.as_str()).ok();
    if let Some(url) = &url {
        reader.derive("Agent__GatewayUrl", url.to_string());
    }
    url
}

/// Whether a URL's host is this machine or of a private network, by its address.
fn is_near(url: &Uri) -> bool {
    let host = url.host().unwrap_or_default();
    if host == "localhost" || host.ends_with(".localhost") {
        return true;
    }
    match value::address(host) {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_private() || address.is_link_local(),
        Ok(IpAddr::V6(address)) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
        Err(_) => false,
    }
}

fn credential(reader: &mut Reader) -> Option<Credential> {
    let found = reader.find("Agent__ApiKey", value::credential);
    if !reader.is_set("Agent__ApiKey") {
        reader.refuse_missing("Agent__ApiKey", "is required: the same key as the gateway's Gateway__ApiKey");
    }
    found
}

fn agent_name(reader: &mut Reader) -> Option<AgentName> {
    let named = reader.find("Agent__Name", value::agent_name);
    if reader.is_set("Agent__Name") {
        return named;
    }
    let host = crate::platform::host_name();
    match value::agent_name(&host) {
        Ok(name) => {
            reader.derive("Agent__Name", host);
            Some(name)
        }
        Err(error) => {
            reader.refuse("Agent__Name", format!("is required, because this host's name {error}"));
            None
        }
    }
}

fn trust(reader: &mut Reader) -> GatewayTrust {
    let ca_file = reader.find("Agent__CaFile", value::path);
    if let Some(error) = ca_file.as_ref().and_then(|path| std::fs::read(path).err()) {
        reader.refuse("Agent__CaFile", format!("cannot be read: {error}"));
    }
    if reader.get("Agent__InsecureSkipVerify", value::yes_or_no) {
        let unused = if ca_file.is_some() { "; Agent__CaFile is not used" } else { "" };
        reader.warn(format!(
            "Agent__InsecureSkipVerify is set: whoever is between here and the gateway can read the key{unused}"
        ));
        return GatewayTrust::AcceptInvalid;
    }
    ca_file.map_or(GatewayTrust::PublicRoots, GatewayTrust::WithCaFile)
}

/// The proxy that is set, or the one of the environment's usual variables, as other programs take it from there:
/// `HTTPS_PROXY` for `wss://` alone, none for loopback and for hosts in `NO_PROXY`.
fn proxy(reader: &mut Reader, url: Option<&Uri>) -> Option<Uri> {
    let named = reader.find("Agent__Proxy", value::proxy);
    if reader.is_set("Agent__Proxy") {
        return named.flatten();
    }
    let url = url?;
    let host = url.host().unwrap_or_default();
    let this_machine = host.ends_with("localhost") || value::address(host).is_ok_and(|address| address.is_loopback());
    let excepted = reader.variable("NO_PROXY").is_some_and(|list| is_excepted(host, &list.text));
    if this_machine || excepted {
        return None;
    }
    let secure = url.scheme_str() == Some("wss");
    let entry =
        PROXY_NAMES.iter().filter(|name| secure || **name != "HTTPS_PROXY").find_map(|name| reader.variable(name))?;
    let (name, text) = (entry.name.clone(), entry.text.clone());
    match value::proxy(text.trim()) {
        Ok(proxy) => {
            reader.derive("Agent__Proxy", format!("{} (from {name})", mask_url(&text)));
            proxy
        }
        Err(error) => {
            reader.refuse(
                "Agent__Proxy",
                format!("was taken from {name}, which {error}; set Agent__Proxy= (empty) for no proxy"),
            );
            None
        }
    }
}

/// Whether `NO_PROXY` has the host, one of its parents, or everything.
fn is_excepted(host: &str, list: &str) -> bool {
    list.split(',').map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        let suffix = entry.trim_start_matches('.');
        entry == "*"
            || host.eq_ignore_ascii_case(suffix)
            || host.to_lowercase().ends_with(&format!(".{}", suffix.to_lowercase()))
    })
}

fn database(reader: &mut Reader) -> PathBuf {
    let named = reader.find("ConnectionStrings__DefaultConnection", value::database);
    named.unwrap_or_else(|| {
        let folder = if Path::new(IMAGE_FOLDER).is_dir() { IMAGE_FOLDER } else { LOCAL_FOLDER };
        let path = Path::new(folder).join(DATABASE_NAME);
        reader.derive("ConnectionStrings__DefaultConnection", format!("Data Source={}", path.display()));
        path
    })
}

/// The database alone, for commands that need nothing else: other mistakes are not theirs to tell.
pub(crate) fn database_of(sources: &Sources) -> Result<PathBuf, Refused> {
    let mut reader = Reader::new(Role::Agent, sources);
    let database = database(&mut reader);
    reader.finish_of("ConnectionStrings__DefaultConnection").map(|()| database)
}

fn console(reader: &mut Reader, fqdn: &[Hostname], database: &Path) -> Option<ConsoleConfig> {
    let enabled = reader.get("Agent__Console__Enabled", value::yes_or_no);
    let listen = reader.get("Agent__Port", value::listen).or(IpAddr::V6(Ipv6Addr::UNSPECIFIED));
    let username = reader.find("Agent__Auth__Username", value::text);
    let need = if enabled { Need::Required } else { Need::Unused };
    let password_hash = password_hash(reader, need);
    let trusted_proxies = TrustedProxies::new(reader.get("Agent__TrustedProxies", value::networks));
    let jwt_secret = reader.find("Agent__JwtSecret", value::jwt_secret);
    let metrics_token = reader.find("Agent__Metrics__Token", value::metrics_token);
    if !enabled && metrics_token.is_some() && !reader.is_set("Agent__Metrics__Port") {
        reader.warn("Agent__Metrics__Token is not used: without the console and without Agent__Metrics__Port no figures are shown");
    }
    let retention = Retention {
        request_days: reader.get("Agent__Retention__RequestDays", value::count(1, 36_500)),
        request_rows: reader.get("Agent__Retention__RequestRows", value::count(1000, 1_000_000_000)),
        connection_days: reader.get("Agent__Retention__ConnectionDays", value::count(1, 36_500)),
    };
    if need == Need::Unused {
        return None;
    }
    Some(ConsoleConfig {
        listen,
        database: database.to_owned(),
        username,
        password_hash: password_hash?,
        jwt_secret,
        metrics_token,
        capabilities: Capabilities { side: Side::Agent },
        retention,
        version: VERSION.to_owned(),
        gateway_fqdn: fqdn.iter().map(|name| name.as_str().to_owned()).collect(),
        trusted_proxies,
    })
}

/// Whether the console's password is needed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    /// There is a console.
    Required,
    /// There is none.
    Unused,
}

fn password_hash(reader: &mut Reader, need: Need) -> Option<PasswordHash> {
    let hash = reader.find("Agent__Auth__PasswordHash", value::password_hash);
    let password = reader.find("Agent__Auth__Password", value::plain_password);
    if reader.is_set("Agent__Auth__PasswordHash") {
        if password.is_some() {
            reader.warn("Agent__Auth__Password is not used, because Agent__Auth__PasswordHash is set");
        }
        return hash;
    }
    if let Some(password) = password {
        reader.warn(
            "Agent__Auth__Password holds the password in plain text; replace it by Agent__Auth__PasswordHash \
             (`octoporty hash-password` makes the hash)",
        );
        return (need == Need::Required).then(|| PasswordHash::of_plain_setting(&password));
    }
    if need == Need::Required {
        reader.refuse_missing(
            "Agent__Auth__PasswordHash",
            "is required with the console: make one with `octoporty hash-password`, or set Agent__Console__Enabled=false",
        );
    }
    None
}

fn banner(
    reader: &Reader,
    agent: &AgentConfig,
    console: Option<&ConsoleConfig>,
    database: &Path,
) -> Vec<(&'static str, String)> {
    let mut lines = vec![("GatewayUrl", agent.gateway_url.to_string()), ("ApiKey", reader.shown("Agent__ApiKey"))];
    if let Some(console) = console {
        lines.push(("JwtSecret", reader.shown("Agent__JwtSecret")));
        if reader.is_set("Agent__Auth__PasswordHash") {
            lines.push(("PasswordHash", reader.shown("Agent__Auth__PasswordHash")));
        } else {
            lines.push(("Username", console.username.clone().unwrap_or_else(|| NOT_SET.to_owned())));
            lines.push(("Password", reader.shown("Agent__Auth__Password")));
        }
        lines.push(("Console", format!("{}{PAGE_NOTE}", console.listen)));
        lines.push(("Database", database.display().to_string()));
    } else {
        lines.push(("Console", "off".to_owned()));
    }
    lines
}
