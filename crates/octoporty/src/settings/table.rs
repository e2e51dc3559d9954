//! The one table of settings. The loader, `--check`, the flags of the command line and `docs/configuration.md` are
//! all made from it (a test holds the document to it).

use super::key::{Empty, Fallback, Key, Role, Secrecy};

const GATEWAY: &[Role] = &[Role::Gateway];
const AGENT: &[Role] = &[Role::Agent];
const BOTH: &[Role] = &[Role::Gateway, Role::Agent];

/// A plain key with a default that is a value.
const fn key(path: &'static str, roles: &'static [Role], default: &'static str, doc: &'static str) -> Key {
    Key {
        path,
        roles,
        fallback: Fallback::Text(default),
        secrecy: Secrecy::Open,
        empty: Empty::Unset,
        switch: false,
        aliases: &[],
        flags: &[],
        doc,
    }
}

/// A plain key whose default is told in words.
const fn open(path: &'static str, roles: &'static [Role], default: &'static str, doc: &'static str) -> Key {
    Key { fallback: Fallback::Words(default), ..key(path, roles, "", doc) }
}

/// A secret.
const fn secret(path: &'static str, roles: &'static [Role], default: &'static str, doc: &'static str) -> Key {
    Key { secrecy: Secrecy::Secret, ..open(path, roles, default, doc) }
}

/// A yes or no that is no by default.
const fn switch(path: &'static str, roles: &'static [Role], default: &'static str, doc: &'static str) -> Key {
    Key { switch: true, ..key(path, roles, default, doc) }
}

impl Key {
    const fn aka(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    const fn flagged(self, flags: &'static [&'static str]) -> Self {
        Self { flags, ..self }
    }

    const fn empty_counts(self) -> Self {
        Self { empty: Empty::Value, ..self }
    }
}

/// Every setting of this release, in the order of the document.
pub(crate) const KEYS: &[Key] = &[
    // Gateway
    secret("Gateway__ApiKey", GATEWAY, "required", "Pre-shared key of agents, at least 32 characters (`openssl rand -hex 32`). A comma-separated list is accepted, for rotation with overlap.")
        .aka(&["OCTOPORTY_AUTH_SECRET"]),
    key("Gateway__Port", GATEWAY, "17200", "`port` or `address:port`. Tunnel endpoint, health, and visitors.")
        .aka(&["Gateway__ListenPort", "OCTOPORTY_LISTEN_PORT"])
        .flagged(&["listen-port"]),
    key("Gateway__BindAddress", GATEWAY, "[::]", "Address to listen on when `Gateway__Port` or `Gateway__TunnelPort` names none. `[::]` takes IPv6 and IPv4, and falls back to `0.0.0.0` where there is no IPv6."),
    open("Gateway__TunnelPort", GATEWAY, "not set", "`port` or `address:port` of one more listener, for agents alone: `/tunnel`, `/health` and `/api/v1/status`, and nothing that is mapped. It speaks TLS where `Gateway__Tls__CertificateFile` is set, so that agents dial `wss://host:port/tunnel` without a proxy; else it is not encrypted."),
    open("Gateway__Tls__CertificateFile", GATEWAY, "not set", "PEM file with the certificate of `Gateway__TunnelPort`: its own first, its chain behind it. Or a folder with `NAME.crt` (or `NAME.pem`) and `NAME.key` for each of up to 100, chosen by the name that an agent dials, the first one for others. Read again within 10 s when a file changes."),
    open("Gateway__Tls__KeyFile", GATEWAY, "not set", "PEM file with the certificate's private key: PKCS#8, PKCS#1 or SEC1, without a password. Not with a folder."),
    open("Gateway__GatewayFqdn", GATEWAY, "from the agent", "The gateway's own name or names, comma-separated: landing page and tunnel. No mapping takes them, not even a wildcard. Not set, they are the names by which agents dial and those in their `Agent__GatewayFqdn`; set, they are these alone, so list every name by which an agent dials."),
    key("Gateway__Unmapped", GATEWAY, "landing", "What a name without a mapping gets: `landing` (404 with the landing page for browsers, JSON otherwise), `json`, `close`."),
    key("Gateway__TrustedProxies", GATEWAY, "127.0.0.0/8,::1/128", "Addresses or CIDR blocks, comma-separated, whose `X-Forwarded-*` is believed; empty for none.")
        .empty_counts(),
    key("Gateway__AllowedOrigins", GATEWAY, "*", "CORS of the gateway's own API: `*`, or origins (`https://host`), comma-separated."),
    key("Gateway__HeartbeatIntervalSeconds", GATEWAY, "30", "0.1 to 3600. A probe goes through the data path of every link each third of it; two unanswered in a row close the link."),
    key("Gateway__Compression", GATEWAY, "auto", "Compression of stream data on links: `auto`, `on`, `off`."),
    switch("Gateway__AllowRemoteUpdate", GATEWAY, "true", "Whether an agent's console may ask for an update of the gateway."),
    key("Gateway__UpdateSignalPath", GATEWAY, "/data/update-signal", "File that such a request is written to, for an updater on the host that watches it."),
    key("Gateway__CaddyAdminUrl", GATEWAY, "http://localhost:2019", "Admin API of the Caddy before the gateway, `http://host[:port]`. Only its configuration is read, when the console shows it; nothing is changed there.")
        .aka(&["OCTOPORTY_CADDY_ADMIN_URL"]),
    key("Gateway__ShutdownGraceSeconds", GATEWAY, "10", "0 to 3600. How long requests in flight may take to finish after SIGTERM or SIGINT; a second signal ends the process at once."),
    key("Gateway__Limits__HeaderTimeoutSeconds", GATEWAY, "10", "0.1 to 3600. A visitor's request head must be there within this; at `Gateway__TunnelPort` the TLS handshake and the head. Of one that says nothing at all the system tells a second late."),
    key("Gateway__Limits__HeaderBytes", GATEWAY, "65536", "8192 to 1 MiB. Most bytes of a request or response head."),
    key("Gateway__Limits__FirstByteTimeoutSeconds", GATEWAY, "300", "0.1 to 86400. The target's answer must begin within this."),
    key("Gateway__Limits__IdleTimeoutSeconds", GATEWAY, "3600", "0.1 to 604800. No byte either way for this long ends a request; upgraded and streaming ones too."),
    key("Gateway__Limits__KeepAliveSeconds", GATEWAY, "75", "0.1 to 3600. How long an idle connection of a visitor is kept."),
    key("Gateway__Limits__ConnectionsPerSource", GATEWAY, "1024", "1 to 1000000. Connections of one source address."),
    key("Gateway__Limits__StreamsPerSession", GATEWAY, "4096", "1 to 1000000. Streams of one session at a time."),
    key("Gateway__Limits__BytesInFlightPerLink", GATEWAY, "64 MiB", "1 MiB to 4 GiB. Bytes under way on one link, each way. An agent takes up to 64 MiB; the smaller of the two counts."),
    key("Gateway__Limits__MaxSessions", GATEWAY, "10000", "1 to 1000000. Agents connected at a time."),
    open("Gateway__Metrics__Port", GATEWAY, "off", "`port` or `address:port` of `GET /metrics` (Prometheus), a listener of its own. Without an address it takes every one of the machine."),
    secret("Gateway__Metrics__Token", GATEWAY, "not set", "Bearer token that `GET /metrics` wants, at least 32 characters."),
    // Agent
    open("Agent__GatewayFqdn", AGENT, "not set", "The gateway's name, or a comma-separated list; sent to the gateway for its landing page. The first one gives `Agent__GatewayUrl` when that is not set."),
    open("Agent__GatewayUrl", AGENT, "`wss://{GatewayFqdn}/tunnel`", "Where the tunnel is dialled: `wss://host/tunnel`, or `host[:port]` for the same. `ws://` is not encrypted: it warns on every start unless the address is loopback or private.")
        .aka(&["OCTOPORTY_GATEWAY_URL", "PICOTUNNEL_SERVER"])
        .flagged(&["server"]),
    secret("Agent__ApiKey", AGENT, "required", "The gateway's key, at least 32 characters.")
        .aka(&["OCTOPORTY_AUTH_SECRET"]),
    open("Agent__Name", AGENT, "the host's name", "Who this agent is: 1 to 64 letters, digits, `.`, `_`, `-`. The newest process of a name takes over its session, so two live agents need two names."),
    key("Agent__Port", AGENT, "17201", "`port` or `address:port` of the console."),
    key("Agent__TrustedProxies", AGENT, "127.0.0.0/8,::1/128", "Addresses or CIDR blocks, comma-separated, whose `X-Forwarded-*` the console believes; empty for none.")
        .empty_counts(),
    switch("Agent__Console__Enabled", AGENT, "true", "Whether this agent has its console. Without one it serves the newest state in its cache."),
    secret("Agent__Auth__PasswordHash", AGENT, "required with the console", "SHA-512-crypt hash of the console's password (`$6$…`); make one with `octoporty hash-password` or `openssl passwd -6`. In a compose file write `$$` for each `$`."),
    open("Agent__Auth__Username", AGENT, "not set", "Older form: asked for at login beside the password.")
        .aka(&["OCTOPORTY_UI_USERNAME"]),
    secret("Agent__Auth__Password", AGENT, "not set", "Older form: a plain password, hashed in memory at start, with a warning. Use `Agent__Auth__PasswordHash`.")
        .aka(&["OCTOPORTY_UI_PASSWORD"]),
    secret("Agent__JwtSecret", AGENT, "made at first start, kept beside the database", "Key of the console's access tokens, at least 32 characters."),
    key("Agent__HeartbeatIntervalSeconds", AGENT, "30", "0.1 to 3600. A probe goes through the data path of every link each third of it; two unanswered in a row close the link."),
    key("Agent__ReconnectDelaySeconds", AGENT, "5", "0.1 to 3600. First back-off step after the gateway refused or failed; the first attempt after a loss is immediate."),
    key("Agent__MaxReconnectDelaySeconds", AGENT, "300", "0.1 to 86400, not less than `Agent__ReconnectDelaySeconds`. Cap of the back-off."),
    key("Agent__Links", AGENT, "auto", "Links of a session: `auto` (as many as the gateway has shards, 2 to 8) or 1 to 8."),
    open("Agent__AllowedTargets", AGENT, "everything", "Targets that may be dialled, comma-separated: host or CIDR, with `:port` or `:from-to` (`192.168.0.0/16`, `nas:80`). Checked on the resolved address."),
    open("Agent__DeniedTargets", AGENT, "addresses of the metadata services of clouds", "Targets that may not be dialled even if allowed, written as `Agent__AllowedTargets`; empty for none.")
        .empty_counts(),
    open("Agent__Proxy", AGENT, "from `HTTPS_PROXY` or `ALL_PROXY`", "Outbound proxy to the gateway: `http://[user:password@]host:port` (CONNECT) or `socks5://…`.")
        .empty_counts(),
    open("Agent__CaFile", AGENT, "not set", "PEM file with certificates of a private CA that the gateway's certificate may come from."),
    switch("Agent__InsecureSkipVerify", AGENT, "false", "Does not check the gateway's certificate at all. Warns on every start.")
        .aka(&["PICOTUNNEL_INSECURE"])
        .flagged(&["insecure"]),
    key("Agent__Compression", AGENT, "auto", "Compression of stream data on links: `auto`, `on`, `off`."),
    key("Agent__ShutdownGraceSeconds", AGENT, "10", "0 to 3600. How long streams in flight may take to finish after SIGTERM or SIGINT; a second signal ends the process at once."),
    key("Agent__Retention__RequestDays", AGENT, "30", "1 to 36500. Days that the request log goes back."),
    key("Agent__Retention__RequestRows", AGENT, "1000000", "1000 to 1000000000. Rows that the request log has at most."),
    key("Agent__Retention__ConnectionDays", AGENT, "180", "1 to 36500. Days that the connection log goes back."),
    open("Agent__Metrics__Port", AGENT, "off", "`port` or `address:port` of `GET /metrics` (Prometheus), a listener of its own. Without an address it takes every one of the machine."),
    secret("Agent__Metrics__Token", AGENT, "not set", "Bearer token that `GET /metrics` wants, at least 32 characters; with it the console's port answers `GET /metrics` as well."),
    open("ConnectionStrings__DefaultConnection", AGENT, "`Data Source=/app/data/octoporty.db` where `/app/data` is there (the image), else `Data Source=./octoporty-data/octoporty.db`", "SQLite database: `Data Source=…` or `sqlite://…`. The agent's other files lie beside it.")
        .aka(&["OCTOPORTY_CONNECTION_STRING"])
        .flagged(&["database"]),
    // Logging
    key("Logging__LogLevel", BOTH, "info", "`trace`, `debug`, `info` (`information`), `warn` (`warning`), `error`."),
    open("Logging__Format", BOTH, "`text` on a terminal, else `json`", "`text` or `json`.")
        .flagged(&["log-format"]),
    open("Logging__FilePath", BOTH, "`/var/log/octoporty/agent-.log` (`gateway-.log`) if that folder is writable, else off", "Log file, a new one each day: the date is put before the suffix. Empty for none. An unwritable folder is a warning.")
        .empty_counts()
        .flagged(&["log-file"]),
    key("Logging__RetainedFileCountLimit", BOTH, "30", "1 to 10000. Log files that are kept."),
    key("Logging__FileSizeLimitBytes", BOTH, "104857600", "64 KiB to 1 TiB. A log file that reaches this is followed by the next of its day."),
];

/// A documented key of a later release, or a prefix of such keys (`…__*`). Setting one is an error.
pub(crate) const LATER: &[(&str, &str)] = &[
    ("Gateway__Edge", "put Caddy, nginx or another TLS proxy in front by hand"),
    ("Gateway__CaddyUpstream", "give Caddy a `reverse_proxy` to the gateway's port by hand"),
    ("Gateway__RemoveRoutesOnTunnelUnavailable", "Caddy is not driven yet"),
    ("Gateway__HttpPort", "use Gateway__Port, and a TLS proxy in front"),
    ("Gateway__HttpsPort", "use Gateway__Port, and a TLS proxy in front"),
    ("Gateway__Acme__*", "put a TLS proxy in front"),
    ("Gateway__DataDir", "the gateway keeps nothing on disk"),
    ("Gateway__Console__*", "mappings are made in the agent's console"),
    ("Gateway__PortRange", "mappings are http"),
    ("Gateway__Quic__*", "agents connect by WebSocket"),
    ("Gateway__Retention__*", "the gateway keeps nothing on disk"),
    ("Agent__Token", "use Agent__ApiKey"),
    ("Agent__Auth__Oidc__*", "use Agent__Auth__PasswordHash"),
    ("Agent__Transport", "agents connect by WebSocket"),
    ("Agent__Retention__UptimeDays", "uptime is not recorded yet"),
    ("Otel__*", "traces are not exported yet"),
    ("PICOTUNNEL_LISTEN_ADDR", "use Gateway__Port"),
    ("PICOTUNNEL_TUNNEL_ADDR", "use Gateway__TunnelPort"),
    ("PICOTUNNEL_HTTP_ADDR", "use Gateway__Port"),
    ("PICOTUNNEL_HTTPS_ADDR", "put a TLS proxy in front"),
    ("PICOTUNNEL_DATA_DIR", "the gateway keeps nothing on disk"),
    ("PICOTUNNEL_DOMAIN", "put a TLS proxy in front"),
    ("PICOTUNNEL_OIDC_ISSUER", "the gateway has no console yet"),
    ("PICOTUNNEL_OIDC_CLIENT_ID", "the gateway has no console yet"),
    ("PICOTUNNEL_OIDC_CLIENT_SECRET", "the gateway has no console yet"),
    ("PICOTUNNEL_OIDC_REDIRECT_URL", "the gateway has no console yet"),
    ("PICOTUNNEL_ACME_ENABLED", "put a TLS proxy in front"),
    ("PICOTUNNEL_ACME_EMAIL", "put a TLS proxy in front"),
    ("PICOTUNNEL_TOKEN", "use Agent__ApiKey"),
];

/// Keys of the originals that mean nothing here. Setting one is a warning.
pub(crate) const MEANINGLESS: &[&str] =
    &["Gateway__DebugJson", "Logging__SeqUrl", "Logging__SeqApiKey", "AllowedHosts", "HTTP_PORTS", "HTTPS_PORTS"];

/// Sections whose variables are all ours: an unknown one is a mistake.
pub(crate) const SECTIONS: &[&str] = &["Gateway", "Agent", "Logging", "ConnectionStrings", "Otel"];

/// Names that the banner's Environment is taken from, first one first.
pub(crate) const ENVIRONMENT_NAMES: &[&str] =
    &["OCTOPORTY_ENVIRONMENT", "ASPNETCORE_ENVIRONMENT", "DOTNET_ENVIRONMENT"];

/// Takes the port from ASP.NET's list of URLs when the role's own port key is not set.
pub(crate) const URLS_NAME: &str = "ASPNETCORE_URLS";

/// Names that the outbound proxy is taken from when `Agent__Proxy` is not set, first one first.
pub(crate) const PROXY_NAMES: &[&str] = &["HTTPS_PROXY", "ALL_PROXY"];

/// The keys that a role reads.
pub(crate) fn keys_of(role: Role) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |key| key.roles.contains(&role))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_keys_of_a_role_share_a_name_or_a_flag() {
        for role in [Role::Gateway, Role::Agent] {
            let mut names = HashSet::new();
            let mut flags = HashSet::new();
            for key in keys_of(role) {
                for name in key.aliases.iter().map(ToString::to_string).chain([key.path.to_owned()]).chain(key.twin()) {
                    assert!(names.insert(name.to_lowercase()), "{name} twice for {role:?}");
                }
                for flag in key.flags.iter().map(ToString::to_string).chain([key.flag()]) {
                    assert!(flags.insert(flag.clone()), "--{flag} twice for {role:?}");
                }
            }
        }
    }

    #[test]
    fn a_key_is_known_or_of_a_later_release_and_never_both() {
        for (later, _) in LATER {
            assert!(!KEYS.iter().any(|key| key.path.eq_ignore_ascii_case(later)), "{later} is both");
        }
    }

    #[test]
    fn every_doc_is_a_sentence() {
        for key in KEYS {
            assert!(key.doc.ends_with('.'), "{}: {}", key.path, key.doc);
        }
    }
}
